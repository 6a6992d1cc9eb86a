"""MusicGen through transformers gives what the library gives, and refuses what it can't do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.impatient import cancelled_at
from tests.own_environments import with_torchaudio
from tests.tiny import tiny

from omnibind import Client
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    NotSupported,
    OmnibindError,
    PackagesMissing,
    UnknownModel,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.managers import TTMBindingManager

RATE = 12_000
FRAME_RATE = 3
PROMPTS = ["happy rock", "a calm tune for a music box, and a long description of it"]


def binding_of(folder: Path | str, **config: Any) -> Any:
    return TTMBindingManager().create_binding(
        "transformers", model_name=str(folder), runs="in-process", **config
    )


KINDS = ["musicgen", "musicgen-stereo", "musicgen-melody"]


@pytest.fixture(scope="module", params=KINDS)
def any_music(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """A MusicGen of each kind, its name before it."""
    binding = binding_of(tiny(request.param))
    yield request.param, binding
    binding.unload()


@pytest.fixture(scope="module")
def music() -> Iterator[Any]:
    binding = binding_of(tiny("musicgen"))
    yield binding
    binding.unload()


def raw(kind: str, prompt: str, frames: int, seed: int, **options: Any) -> np.ndarray[Any, Any]:
    """What the library makes, as its documentation shows."""
    import torch
    from transformers import AutoModelForTextToWaveform, AutoTokenizer

    folder = tiny(kind)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTextToWaveform.from_pretrained(folder)
    inputs = tokenizer([prompt], padding=True, return_tensors="pt")
    torch.manual_seed(seed)
    options = {"do_sample": True, "guidance_scale": 3.0, "max_new_tokens": frames + 3, **options}
    sound: np.ndarray[Any, Any] = model.generate(**inputs, **options)[0].numpy().T
    return sound


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.5, "top_k": 9, "top_p": 0.8},
        {"guidance_scale": 1.0, "top_k": 0},
    ],
)
def test_the_samples_are_the_librarys_own(
    any_music: tuple[str, Any], options: dict[str, Any]
) -> None:
    kind, music = any_music
    sound = music.generate_music(PROMPTS[0], duration_s=6.0, seed=7, **options)
    expected = raw(kind, PROMPTS[0], 18, 7, **options)
    assert np.array_equal(sound.array(), expected)
    assert sound.array().shape == (6 * RATE, 2 if kind == "musicgen-stereo" else 1)
    assert sound.sample_rate == RATE


def test_the_two_channels_differ() -> None:
    sound = binding_of(tiny("musicgen-stereo")).generate_music(PROMPTS[0], duration_s=3.0, seed=7)
    left, right = sound.array().T
    assert not np.array_equal(left, right)


def test_each_prompt_of_a_batch_is_as_the_library_makes_it_alone(
    any_music: tuple[str, Any],
) -> None:
    kind, music = any_music
    sounds = music.generate_music_batch([*PROMPTS, PROMPTS[0]], duration_s=6.0, seed=7)
    for prompt, sound in zip([*PROMPTS, PROMPTS[0]], sounds, strict=True):
        assert np.array_equal(sound.array(), raw(kind, prompt, 18, 7))
    assert (sounds[0] == sounds[1]) is False


def test_without_a_seed_the_prompts_of_a_batch_differ_and_tell_theirs(music: Any) -> None:
    one, two = music.generate_music_batch([PROMPTS[0]] * 2, duration_s=3.0)
    assert (one == two) is False
    again = music.generate_music(PROMPTS[0], duration_s=3.0, seed=two.meta.seed)
    assert (again == two) is True


def test_the_programs_own_chance_is_left_alone(music: Any) -> None:
    import torch

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    music.generate_music(PROMPTS[0], duration_s=1.0, seed=7)
    assert torch.equal(torch.rand(3), expected)


def test_a_longer_piece_is_made_as_the_library_goes_on(any_music: tuple[str, Any]) -> None:
    import torch
    from transformers import AutoModelForTextToWaveform, AutoTokenizer

    kind, music = any_music
    channels = 2 if kind == "musicgen-stereo" else 1
    tokenizer = AutoTokenizer.from_pretrained(tiny(kind))
    model = AutoModelForTextToWaveform.from_pretrained(tiny(kind))
    codes: list[Any] = []
    decode = model.audio_encoder.decode

    def kept(given: Any, **more: Any) -> Any:
        codes.append(given)
        return decode(given, **more)

    model.audio_encoder.decode = kept
    inputs = tokenizer([PROMPTS[0]], padding=True, return_tensors="pt")
    settings = {"do_sample": True, "guidance_scale": 3.0}
    torch.manual_seed(7)
    model.generate(**inputs, **settings, max_new_tokens=30 * FRAME_RATE + 3)
    # The library decodes the sides of a stereo piece one after another.
    first = torch.stack(codes, 3)[0, 0].flatten(0, 1)
    codes.clear()
    before = first[:, -12 * FRAME_RATE :]
    model.generate(
        **inputs, **settings, decoder_input_ids=before, max_new_tokens=10 * FRAME_RATE + 3
    )
    second = torch.stack(codes, 3)[0, 0].flatten(0, 1)
    whole = torch.cat([first, second[:, 12 * FRAME_RATE :]], -1)
    with torch.no_grad():
        sides = [whole[side::channels][None, None] for side in range(channels)]
        expected = [decode(side, audio_scales=[None]).audio_values[0, 0].numpy() for side in sides]
    sound = music.generate_music(PROMPTS[0], duration_s=40.0, seed=7)
    assert np.array_equal(sound.array().T, np.stack(expected))


def test_the_length_is_exact_where_frames_dont_divide_it(music: Any) -> None:
    sound = music.generate_music(PROMPTS[0], duration_s=1.3, seed=7)
    assert sound.array().shape == (15_600, 1)


@pytest.mark.parametrize("output_format", ["flac", "mp3", "opus"])
def test_other_encodings_hold_the_same_music(music: Any, output_format: str) -> None:
    sound = music.generate_music(PROMPTS[0], duration_s=2.0, seed=7, output_format=output_format)
    assert sound.media_type == {"mp3": "audio/mpeg"}.get(output_format, f"audio/{output_format}")
    assert sound.duration_s == pytest.approx(2.0, abs=0.1)


def test_it_is_cancelled_between_two_steps(music: Any) -> None:
    with cancelled_at(3) as told:
        music.generate_music(PROMPTS[0], duration_s=120.0)
    assert [one.fraction for one in told] == [0.0, 1 / 360, 2 / 360]


def test_the_second_call_loads_nothing(music: Any) -> None:
    music.generate_music(PROMPTS[0], duration_s=1.0)
    model = music._model
    music.generate_music(PROMPTS[1], duration_s=1.0)
    assert music._model is model


@pytest.mark.usefixtures("no_network")
def test_nothing_goes_over_the_network() -> None:
    binding = binding_of(tiny("musicgen"))
    assert binding.generate_music(PROMPTS[0], duration_s=1.0)
    binding.unload()


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny("musicgen"), tmp_path / "model"))


def refusal(kind: type[OmnibindError], folder: Path | str, **config: Any) -> str:
    with pytest.raises(kind) as caught:
        binding_of(folder, **config).load()
    return str(caught.value)


def test_a_missing_folder_is_named() -> None:
    assert "/nowhere/model" in refusal(WeightsMissing, "/nowhere/model")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "config.json" in refusal(UnknownModel, tmp_path)


def test_a_model_that_makes_no_music_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    told = refusal(NotSupported, tmp_path)
    assert "whisper" in told
    assert "musicgen" in told


def test_a_configuration_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    assert str(tmp_path) in refusal(WeightsDamaged, tmp_path)


def test_code_beside_the_weights_is_not_run(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    settings = json.loads((folder / "config.json").read_text("utf-8"))
    settings |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "own.py").write_text("raise SystemExit('it ran')")
    with pytest.raises((BadConfig, WeightsDamaged)):
        binding_of(folder).load()


@pytest.mark.parametrize("missing", ["model.safetensors", "tokenizer.json"])
def test_a_missing_part_is_refused(tmp_path: Path, missing: str) -> None:
    folder = copied(tmp_path)
    (folder / missing).unlink()
    assert str(folder) in refusal(WeightsDamaged, folder)


def test_weights_cut_short_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    assert str(folder) in refusal(WeightsDamaged, folder)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    settings = json.loads((folder / "config.json").read_text("utf-8"))
    settings["decoder"]["num_hidden_layers"] = 2
    (folder / "config.json").write_text(json.dumps(settings))
    assert "missing" in refusal(WeightsDamaged, folder)


def test_a_device_that_isnt_there_is_refused() -> None:
    assert "cuda:99" in refusal(BadConfig, tiny("musicgen"), device="cuda:99")


def test_a_melody_is_refused_by_a_model_that_cannot_follow_it(music: Any) -> None:
    melody = (np.zeros(RATE, np.float32), RATE)
    with pytest.raises(BadOption, match="musicgen-melody"):
        music.generate_music(PROMPTS[0], melody=melody)


FOLLOWED = """
import sys
import numpy as np
import torch
from omnibind.managers import TTMBindingManager

folder, prompts = sys.argv[1], sys.argv[2:]
binding = TTMBindingManager().create_binding("transformers", model_name=folder, runs="in-process")
heard = []
for hertz in (440.0, 523.25):
    wave = np.sin(2 * np.pi * hertz * np.arange(24_000) / 12_000).astype(np.float32)
    melody = (np.stack([wave, wave], 1), 12_000)
    sound = binding.generate_music(prompts[0], duration_s=6.0, seed=7, melody=melody)

    from transformers import AutoModelForTextToWaveform, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForTextToWaveform.from_pretrained(folder)
    given = {"audio": wave, "sampling_rate": 12_000, "text": prompts[:1], "padding": True}
    inputs = processor(**given, return_tensors="pt")
    torch.manual_seed(7)
    drawn = {"do_sample": True, "guidance_scale": 3.0, "max_new_tokens": 21}
    expected = model.generate(**inputs, **drawn)[0].numpy().T
    assert np.array_equal(sound.array(), expected), "it isn't the library's"
    heard.append(sound)
assert not np.array_equal(heard[0].array(), heard[1].array()), "another tune changed nothing"
two = binding.generate_music_batch(prompts, duration_s=6.0, seed=7, melody=melody)
assert two[0] == heard[1], "it sounds otherwise in company"
"""


def test_a_melody_is_followed_as_the_library_does(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FOLLOWED, str(tiny("musicgen-melody")), *PROMPTS]
    done = subprocess.run(
        command, env=with_torchaudio(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_melody_without_the_package_that_hears_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    melody = (np.ones(RATE, np.float32), RATE)
    with pytest.raises(PackagesMissing, match="pip install torchaudio"):
        binding_of(tiny("musicgen-melody")).generate_music(PROMPTS[0], melody=melody)


def test_more_than_two_minutes_are_refused_with_the_limit() -> None:
    config = {"model_name": str(tiny("musicgen")), "runs": "in-process"}
    with (
        Client(ttm={"binding": "transformers", **config}) as client,
        pytest.raises(BadOption, match="120"),
    ):
        client.ttm.generate_music(PROMPTS[0], duration_s=121.0)

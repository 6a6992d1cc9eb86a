"""Sounds by diffusers: the raw pipelines' own samples, their lengths and their limits."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny import tiny

from omnibind.contracts.binding import CURRENT_CALL, Progress
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    Cancelled,
    OmnibindError,
    UnknownOption,
    WeightsDamaged,
)
from omnibind.contracts.media import Audio
from omnibind.contracts.roots import shipped_roots
from omnibind.managers import TTMBindingManager
from omnibind.weights.catalogue import read_models

PROMPT = "a calm tune for a music box"
MODELS = {
    "stable-audio": ("audio_end_in_s", 8_000, 2),
    "audioldm2": ("audio_length_in_s", 16_000, 1),
    "stable-audio-3": ("duration", 8_000, 2),
    "longcat-audio": ("audio_duration_s", 8_000, 1),
    "ace-step": ("audio_duration", 8_000, 2),
}
"""By tiny model: the pipeline's own word for the length, its rate and its channels."""
SINGS: dict[str, Any] = {"lyrics": "[verse]\nla la la", "bpm": 90}


def own_options(name: str) -> dict[str, Any]:
    return SINGS if name == "ace-step" else {"negative_prompt": "rain"}


def create(folder: Path | str | None, **config: Any) -> Any:
    if folder is not None:
        config["model_id_or_path"] = str(folder)
    return TTMBindingManager().create_binding("diffusers", runs="in-process", **config)


@cache
def binding(name: str) -> Any:
    return create(tiny(name))


def sound(name: str, prompt: str = PROMPT, **options: Any) -> Audio:
    made: Audio = binding(name).generate_music(prompt, **{"steps": 2, "seed": 7, **options})
    return made


# The raw library warns of its own: weights normed in an older way, times that rounding moved.
@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:Should have t:UserWarning")
@pytest.mark.parametrize("name", MODELS)
def test_the_samples_are_those_of_the_raw_pipeline(name: str) -> None:
    import torch
    from diffusers import DiffusionPipeline

    length, rate, channels = MODELS[name]
    own = {"guidance_scale": 4.0, **own_options(name)}
    pipe = DiffusionPipeline.from_pretrained(tiny(name))
    pipe.set_progress_bar_config(disable=True)
    made = pipe(
        PROMPT,
        num_inference_steps=3,
        generator=torch.Generator().manual_seed(7),
        output_type="np",
        **{length: 1.6},
        **own,
    ).audios[0]
    expected = np.asarray(made, np.float32).reshape(channels, -1).T
    options = {**own, "steps": 3, "duration_s": 1.6}
    ours = sound(name, **options)
    assert (ours.sample_rate, ours.channels) == (rate, channels)
    assert np.array_equal(ours.array(), expected)
    for other in (
        sound(name, **options, seed=8),
        sound(name, "a loud drum in a cave", **options),
        *(sound(name, **{**options, one: None}) for one in own_options(name)),
    ):
        assert np.abs(other.array() - expected).max() > 1e-4


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("duration_s", [0.1, 1.0, 1.2345])
def test_the_length_is_exact(name: str, duration_s: float) -> None:
    frames = len(sound(name, duration_s=duration_s).array())
    assert abs(frames - duration_s * MODELS[name][1]) <= 1


def test_without_a_length_it_is_the_models_own() -> None:
    assert sound("stable-audio").duration_s == pytest.approx(4.096)


def test_a_sound_without_a_seed_tells_the_one_it_drew() -> None:
    first, second = (sound("audioldm2", duration_s=0.5, seed=None) for _ in range(2))
    assert first.meta.seed != second.meta.seed
    assert np.array_equal(
        sound("audioldm2", duration_s=0.5, seed=first.meta.seed).array(), first.array()
    )


@pytest.mark.parametrize(
    ("name", "duration_s", "told"),
    [
        ("stable-audio", 5.0, r"duration_s is 5; .*AudioPipeline.* at most 4\.096 s"),
        ("stable-audio-3", 385.0, "at most 384 s"),
        ("longcat-audio", 30.0, r"at most 29\.98 s"),
    ],
)
def test_more_than_the_model_can_is_refused_with_its_limit(
    name: str, duration_s: float, told: str
) -> None:
    with pytest.raises(BadOption, match=told):
        sound(name, duration_s=duration_s)


@pytest.mark.parametrize("options", [{"steps": 0}, {"duration_s": 0.0}, {"guidance_scale": -1.0}])
def test_what_is_out_of_range_is_refused(options: Any) -> None:
    with pytest.raises(BadOption, match=next(iter(options))):
        sound("audioldm2", **options)


@pytest.mark.parametrize(("name", "option"), [("audioldm2", "lyrics"), ("stable-audio", "bpm")])
def test_what_the_model_has_not_got_is_refused(name: str, option: str) -> None:
    with pytest.raises(UnknownOption, match=rf"'{option}' is unknown to .*Pipeline"):
        sound(name, **{option: "la la la"})


def test_options_are_those_of_the_models_pipeline() -> None:
    fresh = create(tiny("audioldm2"))
    names = set(fresh.options_for().names)
    assert fresh._loaded is None, "asking for the options loaded the model"
    assert {"duration_s", "steps", "seed", "transcription", "eta"} <= names
    assert not names & {"audio_length_in_s", "generator", "lyrics", "callback"}
    assert "lyrics" in create(None).options_for().names
    plain, chanced = (sound("audioldm2", duration_s=0.5, eta=eta) for eta in (0.0, 1.0))
    assert not np.array_equal(plain.array(), chanced.array())


def test_a_model_that_sings_takes_what_its_pipeline_does() -> None:
    names = set(create(tiny("ace-step")).options_for().names)
    assert {"duration_s", "lyrics", "bpm", "keyscale", "timesignature", "vocal_language"} <= names
    assert not names & {"audio_duration", "src_audio", "reference_audio", "negative_prompt"}
    french = sound("ace-step", duration_s=0.5, **SINGS, vocal_language="fr")
    english = sound("ace-step", duration_s=0.5, **SINGS)
    assert not np.array_equal(french.array(), english.array())


def test_a_guidance_that_a_distilled_model_ignores_is_told(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("ace-step"), tmp_path / "model"))
    config = folder / "transformer" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"is_turbo": True}))
    turbo = create(folder)
    options: dict[str, Any] = {"steps": 2, "seed": 7, "duration_s": 0.5}
    guided = turbo.generate_music(PROMPT, **options, guidance_scale=5.0)
    plain = turbo.generate_music(PROMPT, **options)
    assert [one.split(" for ")[0] for one in guided.meta.warnings] == [
        "Guidance scale 5.0 is ignored"
    ]
    assert plain.meta.warnings == ()
    assert np.array_equal(guided.array(), plain.array())


class Impatient:
    """Cancels when a call says for the fourth time how far it is."""

    def __init__(self) -> None:
        self.told: list[Progress] = []

    def report(self, progress: Progress) -> None:
        self.told.append(progress)
        if len(self.told) == 4:
            raise Cancelled("enough")


@pytest.mark.parametrize("name", [name for name in MODELS if name != "audioldm2"])
def test_ten_thousand_steps_are_cancelled_after_three(name: str) -> None:
    listener = Impatient()
    token = CURRENT_CALL.set(listener)
    try:
        with pytest.raises(Cancelled):
            sound(name, duration_s=0.5, steps=10_000)
    finally:
        CURRENT_CALL.reset(token)
    assert [one.step for one in listener.told[1:]] == [f"step {n}/10000" for n in (1, 2, 3)]
    assert [one.fraction for one in listener.told] == [0.0, 1e-4, 2e-4, 3e-4]
    assert sound(name, duration_s=0.5), "it can't be used after it was cancelled"


def test_more_steps_than_the_scheduler_knows_are_refused() -> None:
    with pytest.raises(BadOption, match="1000"):
        sound("audioldm2", duration_s=0.5, steps=10_000)


def test_another_scheduler_sounds_otherwise() -> None:
    other = create(tiny("audioldm2"), scheduler_name="euler")
    made = other.generate_music(PROMPT, steps=2, seed=7, duration_s=0.5)
    assert not np.array_equal(made.array(), sound("audioldm2", duration_s=0.5).array())


def refusal(kind: type[OmnibindError], folder: Path | str | None, **config: Any) -> str:
    with pytest.raises(kind) as caught:
        create(folder, **config).load()
    return str(caught.value)


def test_an_unknown_scheduler_is_refused() -> None:
    assert "'eulr' is unknown" in refusal(BadConfig, tiny("audioldm2"), scheduler_name="eulr")


def test_without_a_model_three_are_named_with_licence_and_size() -> None:
    told = refusal(BadConfig, None)
    assert told.count("billion") == 3
    models = read_models(Path(shipped_roots()[-1], "ttm", "diffusers"))
    assert sum(name in told for name in models) == 3
    assert create(None).list_models() == list(models)


def test_a_missing_component_is_named(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("audioldm2"), tmp_path / "model"))
    shutil.rmtree(folder / "vocoder")
    assert "'vocoder'" in refusal(WeightsDamaged, folder)


@pytest.mark.parametrize(("name", "makes"), [("sd", "pictures"), ("wan", "films")])
def test_a_model_of_another_kind_is_refused(name: str, makes: str) -> None:
    told = refusal(BadConfig, tiny(name))
    assert f"makes {makes}; give a model that makes sounds" in told


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    assert "model_index.json" in refusal(BadConfig, tmp_path)


@pytest.mark.usefixtures("no_network")
def test_nothing_goes_over_the_network() -> None:
    fresh = create(tiny("stable-audio"))
    assert fresh.generate_music(PROMPT, steps=1, duration_s=0.5)
    fresh.unload()
    assert fresh._loaded is None

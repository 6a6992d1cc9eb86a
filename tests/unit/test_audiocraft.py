"""audiocraft in its own environment: the library's samples, long pieces, melodies, neighbours."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.own_environments import ALONE, run, tiny
from tests.own_environments import own_home as own_home
from tests.tiny import tiny as tiny_here

from omnibind import Client
from omnibind.calls.events import Event
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    Cancelled,
    LicenceForbids,
    Untrusted,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.contracts.media import Audio
from omnibind.running.worker import workers

pytestmark = pytest.mark.usefixtures("own_home")

PROMPT = "happy rock with drums"

RAW = """
import hashlib, json, random, torch, warnings

warnings.simplefilter("ignore")
library()
from audiocraft.modules import conditioners
from demucs import pretrained, repo

folder, melody = map(Path, sys.argv[1:])
original = conditioners.T5Tokenizer, conditioners.T5EncoderModel

class Here:
    def __init__(self, type_):
        self.type = type_

    def from_pretrained(self, name):
        return self.type.from_pretrained(folder / "t5")

conditioners.T5Tokenizer, conditioners.T5EncoderModel = map(Here, original)
pretrained.get_model = lambda name: repo.LocalRepo(melody / "demucs").get_model("955717e8").eval()
from audiocraft.models import MusicGen

def told(made):
    return hashlib.sha256(made[0].T.contiguous().numpy().tobytes()).hexdigest()

def composed(model, **options):
    model.set_generation_params(**options)
    torch.manual_seed(5)
    return told(model.generate(["happy rock with drums"]))

model = MusicGen.get_pretrained(str(folder), device="cpu")
answers = {
    "short": composed(model, duration=2.0),
    "drawn": composed(model, duration=2.0, top_k=0, top_p=0.9, temperature=0.7, cfg_coef=5.0),
    "long": composed(model, duration=27.0),
}
model = MusicGen.get_pretrained(str(melody), device="cpu")
model.set_generation_params(duration=2.0)
torch.manual_seed(5)
random.seed(5)  # where Demucs, which takes the voices away, begins
tune = torch.sin(torch.arange(32_000) * 0.05)[None]
answers["melody"] = told(model.generate_with_chroma(["happy rock with drums"], [tune], 32_000))
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def model() -> Path:
    return tiny("audiocraft:make", "ttm/audiocraft")


@pytest.fixture(scope="module")
def melody_model() -> Path:
    return tiny("audiocraft:make_melody", "ttm/audiocraft")


@pytest.fixture(scope="module")
def client(own_home: Path, model: Path) -> Iterator[Client]:
    with Client(ttm={"binding": "audiocraft", "model_name": str(model)}) as made:
        yield made


def told(sound: Audio) -> str:
    return hashlib.sha256(sound.array().tobytes()).hexdigest()


def test_the_samples_are_those_of_the_library_itself(
    client: Client, model: Path, melody_model: Path
) -> None:
    import torch

    raw = json.loads(run("ttm/audiocraft", RAW, str(model), str(melody_model)).splitlines()[-1])

    def compose(by: Client, **options: Any) -> str:
        options = {"duration_s": 2.0, "seed": 5, "verify": False, **options}
        return told(by.ttm.generate_music(PROMPT, **options))

    assert compose(client) == raw["short"]
    drawn = compose(client, top_k=0, top_p=0.9, temperature=0.7, guidance_scale=5.0)
    assert drawn == raw["drawn"]
    assert compose(client, duration_s=27.0) == raw["long"]
    tune = torch.sin(torch.arange(32_000) * 0.05).numpy()
    with Client(ttm={"binding": "audiocraft", "model_name": str(melody_model)}) as other:
        assert compose(other, melody=(tune, 32_000)) == raw["melody"]
        another = torch.sin(torch.arange(32_000) * 0.07).numpy()
        assert compose(other, melody=(another, 32_000)) != raw["melody"]
        assert compose(other) != raw["melody"]
    assert len(set(raw.values())) == 4


def test_a_piece_longer_than_the_window_is_as_long_as_asked_for_and_tells_its_progress(
    client: Client,
) -> None:
    heard: list[float] = []

    def listen(event: Event) -> None:
        assert event.progress is not None
        assert event.progress.fraction is not None
        heard.append(event.progress.fraction)

    sound = client.ttm.generate_music(PROMPT, duration_s=27.0, verify=False, on_progress=listen)
    assert sound.duration_s == pytest.approx(27.0)
    assert heard == sorted(heard)
    assert heard[0] < 0.1
    assert heard[-1] > 0.95


def test_a_call_is_cancelled_between_two_steps(client: Client) -> None:
    client.ttm.load()

    def listen(event: Event) -> None:
        call.cancel()

    call = client.submit(client.ttm.generate_music, PROMPT, duration_s=120.0, on_progress=listen)
    with pytest.raises(Cancelled):
        call.result(120)
    assert client.ttm.generate_music(PROMPT, duration_s=1.0, verify=False)


def test_several_prompts_are_made_at_once_and_are_different(client: Client) -> None:
    made = client.ttm.generate_music_batch(
        [PROMPT, "sad piano", PROMPT], duration_s=1.0, verify=False
    )
    assert len({told(one) for one in made}) == 3


@pytest.mark.parametrize("form", ["mp3", "flac", "opus"])
def test_results_are_encoded_as_configured(model: Path, form: str) -> None:
    choice = {"binding": "audiocraft", "model_name": str(model), "output_format": form}
    with Client(ttm=choice) as client:
        sound = client.ttm.generate_music(PROMPT, duration_s=1.0, verify=False)
    assert sound.media_type == {"mp3": "audio/mpeg"}.get(form, f"audio/{form}")
    assert sound.duration_s == pytest.approx(1.0, abs=0.1)


def test_a_melody_is_refused_by_a_model_that_can_not_follow_one(client: Client) -> None:
    with pytest.raises(BadOption, match="facebook/musicgen-melody"):
        client.ttm.generate_music(PROMPT, melody=(np.zeros(32_000, np.float32), 32_000))


def test_commercial_use_is_refused_and_the_default_model_must_be_pulled(model: Path) -> None:
    choice = {"binding": "audiocraft", "model_name": str(model)}
    with (
        Client(ttm=choice, policy={"commercial": True}) as client,
        pytest.raises(LicenceForbids, match="CC-BY-NC"),
    ):
        client.ttm.generate_music(PROMPT)
    with (
        Client(ttm="audiocraft") as client,
        pytest.raises(WeightsMissing, match="omnibind pull ttm/audiocraft/facebook/musicgen-small"),
    ):
        client.ttm.generate_music(PROMPT)


def _without(folder: Path) -> None:
    shutil.rmtree(folder / "t5")


def _unfitting(folder: Path) -> None:
    shutil.copy(folder / "compression_state_dict.bin", folder / "state_dict.bin")


def _strange(folder: Path) -> None:
    (folder / "state_dict.bin").write_bytes(b"\x80\x02cos\nsystem\nq\x00." + bytes(16))


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (_without, BadConfig, "t5-base in its folder t5"),
        (_unfitting, WeightsDamaged, "can't be read as a MusicGen"),
        (_strange, Untrusted, "omnibind trust"),
    ],
)
def test_a_folder_that_is_no_musicgen_is_refused(
    model: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    error: type[Exception],
    words: str,
) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    spoil(folder)
    with (
        Client(ttm={"binding": "audiocraft", "model_name": str(folder)}) as client,
        pytest.raises(error, match=words),
    ):
        client.ttm.load()


def test_loading_and_composing_asks_for_no_network(melody_model: Path) -> None:
    code = """
binding = alone("ttm", "audiocraft", "AudiocraftTTM", sys.argv[1])
print(binding.generate_music("calm", duration_s=1.0, seed=1).duration_s)
"""
    said = run("ttm/audiocraft", ALONE + code, str(melody_model))
    assert float(said.split()[-1]) == pytest.approx(1.0)


def test_both_own_environments_and_a_transformers_here_serve_one_client(model: Path) -> None:
    import transformers

    choices: Any = {
        "tts": {"binding": "xtts", "model_name": str(tiny("xtts:make", "tts/xtts"))},
        "ttm": {"binding": "audiocraft", "model_name": str(model)},
        "stt": {
            "binding": "transformers",
            "model_name": str(tiny_here("whisper")),
            "runs": "in-process",
        },
    }
    with Client(**choices) as client:
        speech = client.tts.generate_audio("One client, three worlds.", verify=False)
        music = client.ttm.generate_music(PROMPT, duration_s=1.0, verify=False)
        heard = client.stt.transcribe_audio(speech, verify=False)
        assert (speech.sample_rate, music.sample_rate) == (24_000, 32_000)
        assert isinstance(heard, str)
        assert len(workers()) == 2
    assert transformers.__version__.startswith("5.")

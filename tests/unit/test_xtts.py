"""XTTS in its own environment: voices, clones, the raw library's samples, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.own_environments import ALONE, run, tiny, trust_all
from tests.own_environments import own_home as own_home

from omnibind import Client
from omnibind.calls.events import Event
from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    BadOption,
    Cancelled,
    ConsentMissing,
    LicenceForbids,
    UnknownVoice,
    Untrusted,
    WeightsDamaged,
)
from omnibind.contracts.media import Audio
from omnibind.contracts.media.chunk import joined
from omnibind.managers import TTSBindingManager

pytestmark = pytest.mark.usefixtures("own_home")

SHORT = "The quick brown fox."
LONG = " ".join(["The quick brown fox jumps over the lazy dog, and is never seen again."] * 4)

RAW = """
import hashlib, json, soundfile, torch

library()
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models import xtts

folder, recording, short, long = sys.argv[1:]

def load_audio(path, rate):
    samples, found = soundfile.read(path, dtype="float32")
    assert found == rate
    return torch.from_numpy(samples)[None]

xtts.load_audio = load_audio
config = XttsConfig()
config.load_json(f"{folder}/config.json")
model = xtts.Xtts(config)
model.load_checkpoint(config, checkpoint_dir=folder, eval=True)
names = ("temperature", "length_penalty", "repetition_penalty", "top_k", "top_p")
settings = {name: config[name] for name in names}
own = tuple(model.speaker_manager.speakers["Bob Tiny"].values())
clone = model.get_conditioning_latents(
    [recording],
    max_ref_length=config.max_ref_len,
    gpt_cond_len=config.gpt_cond_len,
    gpt_cond_chunk_len=config.gpt_cond_chunk_len,
)

def told(samples):
    return hashlib.sha256(samples.tobytes()).hexdigest()

def spoken(text, voice, **more):
    torch.manual_seed(5)
    return told(model.inference(text, "en", *voice, **settings, **more)["wav"])

torch.manual_seed(5)
streamed = torch.cat(list(model.inference_stream(short, "en", *own, **settings)))
print(json.dumps({
    "own": spoken(short, own, speed=1.25),
    "clone": spoken(short, clone),
    "long": spoken(long, own, enable_text_splitting=True),
    "streamed": told(streamed.numpy()),
}))
"""


@pytest.fixture(scope="module")
def model() -> Path:
    return tiny("xtts:make", "tts/xtts")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a tone that swells."""
    return tone(tmp_path_factory.mktemp("voice") / "me.wav", 3.0)


@pytest.fixture(scope="module")
def client(own_home: Path, model: Path) -> Iterator[Client]:
    with Client(tts={"binding": "xtts", "model_name": str(model)}) as made:
        yield made


def tone(path: Path, seconds: float) -> Path:
    import numpy as np

    times = np.arange(int(22_050 * seconds)) / 22_050
    samples = 0.4 * np.sin(2 * np.pi * 220 * times) * (0.5 + 0.5 * np.sin(5 * times))
    return Audio.from_array(samples.astype(np.float32), 22_050).save(path)


def told(sound: Audio) -> str:
    return hashlib.sha256(sound.array().tobytes()).hexdigest()


def test_the_samples_are_those_of_the_library_itself(
    client: Client, model: Path, recording: Path
) -> None:
    raw = json.loads(run("tts/xtts", RAW, str(model), str(recording), SHORT, LONG))

    def speak(text: str, voice: str, **options: Any) -> str:
        return told(client.tts.generate_audio(text, voice, seed=5, verify=False, **options))

    assert speak(SHORT, "Bob Tiny", speed=1.25) == raw["own"]
    assert speak(SHORT, str(recording), consent=True) == raw["clone"]
    assert speak(LONG, "Bob Tiny") == raw["long"]
    stream = client.tts.stream_audio(SHORT, "Bob Tiny", seed=5, verify=False)
    assert told(joined(list(stream))) == raw["streamed"]
    assert len(set(raw.values())) == 4


def test_another_seed_gives_another_sound_and_every_region_is_its_language(client: Client) -> None:
    def speak(seed: int, language: str = "en") -> str:
        return told(client.tts.generate_audio(SHORT, seed=seed, language=language, verify=False))

    assert speak(1) != speak(2)
    assert speak(1) == speak(1, "en-GB")
    assert speak(1) != speak(1, "de")


@pytest.mark.parametrize("language", ["ja", "zh-CN", "ko", "ar", "hi"])
def test_scripts_that_need_packages_of_their_own_are_read(client: Client, language: str) -> None:
    text = {
        "ja": "こんにちは世界",
        "zh-CN": "你好世界",
        "ko": "안녕 세상",
        "ar": "مرحبا",
        "hi": "नमस्ते",
    }
    sound = client.tts.generate_audio(text[language], language=language, verify=False)
    assert sound.sample_rate == 24_000


def test_the_stream_begins_before_the_sound_is_whole(client: Client) -> None:
    stream = client.tts.stream_audio(LONG, "Ana Tiny", verify=False)
    first = next(iter(stream))
    assert first.duration_s is not None
    assert 0 < first.duration_s < 1
    stream.close()


def test_a_clone_needs_consent_and_own_voices_never_do(client: Client, recording: Path) -> None:
    with pytest.raises(ConsentMissing, match="consent=True"):
        client.tts.generate_audio(SHORT, str(recording))
    with pytest.raises(ConsentMissing):
        client.tts.generate_audio(SHORT, str(recording), consent=False)
    assert client.tts.generate_audio(SHORT, "Ana Tiny", verify=False)


def test_a_configured_recording_speaks_and_needs_consent_too(
    client: Client, model: Path, recording: Path
) -> None:
    choice = {"binding": "xtts", "model_name": str(model), "default_speaker_wav": str(recording)}
    with Client(tts=choice) as other, pytest.raises(ConsentMissing):
        other.tts.generate_audio(SHORT)
    with Client(tts={**choice, "consent": True}) as other:
        sound = other.tts.generate_audio(SHORT, seed=5, verify=False)
        alike = client.tts.generate_audio(SHORT, str(recording), seed=5, consent=True, verify=False)
        assert told(sound) == told(alike)


def test_the_voices_are_those_of_the_model(client: Client) -> None:
    assert client.tts.list_voices() == ["Ana Tiny", "Bob Tiny"]
    (listed,) = TTSBindingManager().describe("xtts").models.values()
    assert len(listed.voices) == 58
    assert {"Claribel Dervla", "Ana Florence"} < set(listed.voices)


def test_unknown_voices_languages_and_too_short_recordings_are_refused(
    client: Client, tmp_path: Path
) -> None:
    with pytest.raises(UnknownVoice, match=r"'Ana Tny'.*Ana Tiny.*recording"):
        client.tts.generate_audio(SHORT, "Ana Tny")
    with pytest.raises(UnknownVoice, match=r"there is no file"):
        client.tts.generate_audio(SHORT, str(tmp_path / "gone.wav"), consent=True)
    with pytest.raises(BadOption, match=r"'tlh' is unknown"):
        client.tts.generate_audio(SHORT, language="tlh")
    short = tone(tmp_path / "short.wav", 0.2)
    with pytest.raises(BadInput, match=r"0\.20 s; give at least 0\.33"):
        client.tts.generate_audio(SHORT, str(short), consent=True)


def test_commercial_use_is_refused(model: Path) -> None:
    with (
        Client(tts={"binding": "xtts", "model_name": str(model)}, policy={"commercial": True}) as c,
        pytest.raises(LicenceForbids, match="CPML"),
    ):
        c.tts.generate_audio(SHORT)


def test_a_call_is_cancelled_between_two_sounds(client: Client) -> None:
    client.tts.load()
    heard: list[str] = []

    def listen(event: Event) -> None:
        assert event.progress is not None
        heard.append(event.progress.step or "")
        call.cancel()

    call = client.submit(client.tts.generate_audio, " ".join([LONG] * 20), on_progress=listen)
    with pytest.raises(Cancelled):
        call.result(120)
    assert heard[0].startswith("piece 1/")
    assert client.tts.generate_audio(SHORT, verify=False)


def _without(folder: Path) -> None:
    (folder / "model.pth").unlink()


def _of_another_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"model": "vits"}')


def _of_no_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"architectures": ["BarkModel"]}')


def _unfitting(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["model_args"]["gpt_layers"] = 3
    (folder / "config.json").write_text(json.dumps(config))


def _strange(folder: Path) -> None:
    (folder / "model.pth").write_bytes(b"\x80\x02cos\nsystem\n." + os.urandom(16))


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (_without, BadConfig, "no model.pth"),
        (_of_another_kind, BadConfig, "kind 'vits'"),
        (_of_no_kind, BadConfig, "no model of Coqui"),
        (_unfitting, WeightsDamaged, "can't be read as an XTTS"),
        (_strange, Untrusted, "omnibind trust"),
    ],
)
def test_a_folder_that_is_no_xtts_is_refused(
    model: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    error: type[Exception],
    words: str,
) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    spoil(folder)
    with (
        Client(tts={"binding": "xtts", "model_name": str(folder)}) as client,
        pytest.raises(error, match=words),
    ):
        client.tts.load()


def test_loading_and_speaking_asks_for_no_network_and_writes_nothing(
    model: Path, tmp_path: Path
) -> None:
    code = """
binding = alone("tts", "xtts", "XttsTTS", sys.argv[1])
print(binding.generate_audio("Hello.", seed=1).duration_s)
"""
    before = {file: file.stat().st_mtime_ns for file in model.rglob("*")}
    assert float(run("tts/xtts", ALONE + code, str(model)).split()[-1]) > 0.5
    assert {file: file.stat().st_mtime_ns for file in model.rglob("*")} == before


def test_a_checkpoint_of_the_old_form_is_read_and_left_as_it_is(
    model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    code = """
import torch
library()
from TTS.tts.configs import xtts_config
from TTS.tts.models import xtts

path = sys.argv[1] + "/model.pth"
state = torch.load(path)
for moved in (xtts_config.XttsArgs, xtts_config.XttsAudioConfig):
    moved.__module__ = xtts.__name__
torch.save({**state, "config": xtts_config.XttsConfig()}, path)
"""
    run("tts/xtts", code, str(folder))
    trust_all(folder)
    before = hashlib.sha256((folder / "model.pth").read_bytes()).hexdigest()
    with Client(tts={"binding": "xtts", "model_name": str(folder)}) as client:
        assert client.tts.generate_audio(SHORT, verify=False)
    assert hashlib.sha256((folder / "model.pth").read_bytes()).hexdigest() == before

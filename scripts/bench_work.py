"""What scripts/bench.py times, each in a process of its own: ``bench_work.py ANSWER NAME ARGS…``.

The answer is written to a file as JSON, because engines print.
"""

from __future__ import annotations

import io
import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import bench_calls as calls
import bench_engines as engines
import bench_remote as remote
import bench_workers as workers
from bench_calls import Pairs, check_same, in_turn, samples_of

from omnibind import Audio, Client, Source, TTSBindingManager
from omnibind.testing import new_binding

TEXT = "On the third of May, Doctor Green sold forty two old bicycles to a music school."

MANIFEST = """\
schema: 1
summary: One of many voices.
kind: local
entry: MadeTTS
license: {code: GPL-3.0-or-later, weights: CC0-1.0}
requires: ["piper-tts>=1.8,<2"]
imports: [piper]
model_option: default_voice
default_model: one
"""
MODELS = """\
one:
  license: CC0-1.0
  languages: [en-US]
  files:
    - path: one.onnx
      bytes: 4000
      sha256: {sha256}
      sources: ["hf:org/repository@main#one.onnx"]
    - path: one.onnx.json
      bytes: 4000
      sha256: {sha256}
      sources: ["hf:org/repository@main#one.onnx.json"]
""".format(sha256="0f" * 32)


def folders(root: str, count: str) -> None:
    """Make bindings as ``omnibind new`` writes them, with one model each, the weights on disk."""
    code = new_binding("tts", "made", Path(root, "new")).joinpath("binding.py").read_bytes()
    many = [f"voice_{number:04}" for number in range(int(count))]
    for part, names in (("one", ["warm"]), ("many", many)):
        for name in names:
            binding = Path(root, part, "tts", name)
            binding.mkdir(parents=True)
            (binding / "binding.yaml").write_text(MANIFEST)
            (binding / "models.yaml").write_text(MODELS)
            (binding / "binding.py").write_bytes(code)
            files = Path(root, "home", "models", "tts", name, "one")
            files.mkdir(parents=True)
            (files / "one.onnx").write_bytes(bytes(4000))
            (files / "one.onnx.json").write_bytes(bytes(4000))


def listing(kind: str, root: str) -> tuple[float, float]:
    """Return the seconds of one listing of the many bindings in ``root``, and its CPU time."""
    _list(kind, f"{root}/one")  # imports what a listing imports
    started, cpu = perf_counter(), process_time()
    found = _list(kind, f"{root}/many")
    seconds = (perf_counter() - started, process_time() - cpu)
    made = [state for name, state in found.items() if name.startswith("voice_")]
    wrong = [state for state in made if state != "ready"]
    if wrong or len(made) < len(list(Path(root, "many", "tts").iterdir())):
        raise SystemExit(f"{len(made)} were listed, and of these not ready: {wrong[:3]}")
    return seconds


def _list(kind: str, folder: str) -> dict[str, str]:
    manager = TTSBindingManager(folder)
    if kind == "names":
        return dict.fromkeys(manager.get_available_bindings(), "ready")
    return {diagnosis.name: diagnosis.state for diagnosis in manager.diagnose_all()}


def verification(pairs: str) -> Pairs:
    """Time the verification of Piper's output, and the call without it."""
    from omnibind.calls.verification import Expected, verify

    speak, expected = Client(tts="piper").tts.generate_audio, Expected(TEXT, "en-US")
    verify(speak(TEXT, verify=False), "tts/piper", expected)
    times = []
    for _ in range(int(pairs)):
        started = perf_counter()
        sound = speak(TEXT, verify=False)
        spoken = perf_counter()
        verify(sound, "tts/piper", expected)
        times.append((perf_counter() - spoken, spoken - started))
    return times


def piper(pairs: str) -> Pairs:
    """Time Piper through its handle and alone; without noise, so that both speak the same."""
    from piper import PiperVoice, SynthesisConfig

    through = Client(tts="piper").tts
    voice = PiperVoice.load(f"{weights('tts/piper/en_US-joe-medium')}/en_US-joe-medium.onnx")
    still = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)

    def ours() -> bytes:
        return through.generate_audio(TEXT, noise_scale=0.0, noise_w_scale=0.0)

    def theirs() -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            voice.synthesize_wav(TEXT, sound, still)
        return file.getvalue()

    check_same(len(ours()), len(theirs()))
    return in_turn(int(pairs), ours, theirs)


def kokoro(pairs: str) -> Pairs:
    """Time Kokoro through its handle and alone."""
    from kokoro_onnx import Kokoro

    through = Client(tts="kokoro").tts
    folder = weights("tts/kokoro/v1.0.int8")
    library = Kokoro(f"{folder}/kokoro-v1.0.int8.onnx", f"{folder}/voices-v1.0.bin")

    def ours() -> Audio:
        return through.generate_audio(TEXT)

    def theirs() -> Any:
        return library.create(TEXT, "af_heart")[0]

    check_same(bool((ours().array()[:, 0] == theirs()).all()), True)
    return in_turn(int(pairs), ours, theirs)


def faster_whisper(pairs: str, sound: str, threads: str) -> Pairs:
    """Time faster-whisper through its handle and alone, both reading the file.

    The library alone is used as the binding uses it where no option is given.
    """
    from faster_whisper import (  # type: ignore[import-untyped]
        BatchedInferencePipeline,
        WhisperModel,
    )

    through = Client(stt="faster_whisper/tiny.en").stt
    folder = weights("stt/faster_whisper/tiny.en")
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=int(threads))
    options: dict[str, Any] = {"vad_filter": True}
    if Audio.of(sound).duration_s > 30:
        model = BatchedInferencePipeline(model)
        options["batch_size"] = 8

    def ours() -> str:
        return through.transcribe_audio(sound)

    def theirs() -> str:
        segments, _ = model.transcribe(sound, **options)
        return " ".join(segment.text.strip() for segment in segments)

    check_same(str(ours()), theirs())
    return in_turn(int(pairs), ours, theirs)


def whisper(pairs: str, sound: str) -> Pairs:
    """Time openai-whisper through its handle and alone; arrays, as it reads files by ffmpeg."""
    through = Client(stt="whisper/tiny.en").stt
    samples = samples_of(sound)
    theirs = whisper_alone(samples)

    def ours() -> str:
        return through.transcribe_audio((samples, 16000))

    check_same(str(ours()), theirs())
    return in_turn(int(pairs), ours, theirs)


def whisper_alone(samples: Any) -> Callable[[], str]:
    """Return the library's own way with samples at 16 kHz."""
    import whisper as library  # type: ignore[import-untyped]

    model = library.load_model(f"{weights('stt/whisper/tiny.en')}/tiny.en.pt", device="cpu")

    def transcribe() -> str:
        return str(model.transcribe(samples, fp16=False)["text"]).strip()

    return transcribe


def default_stt(pairs: str, sound: str) -> Pairs:
    """Time the default speech to text, which reads the file, and openai-whisper on its samples."""
    through = Client.from_config("default").stt
    if through.binding_name != "faster_whisper":
        raise SystemExit(f"the default is {through.binding_name}; a configuration of yours?")
    return in_turn(
        int(pairs), lambda: through.transcribe_audio(sound), whisper_alone(samples_of(sound))
    )


def sound(text: str, path: str) -> None:
    """Speak ``text`` into a WAV at 16 kHz, which every library takes as it is.

    Resampled by each in its own way, the same sound would be heard differently now and then.
    """
    with Client(tts="piper") as client:
        spoken = client.tts.generate_audio(text)
    samples = Source.of(spoken).array(16000)
    Audio.from_array((samples * 32767).astype("int16"), 16000).save(path)


def weights(label: str) -> str:
    """Return the folder of a model's files, checked."""
    from omnibind.managers import MANAGERS

    modality, name, model = label.split("/")
    manager = MANAGERS[modality]()
    manifest = manager.describe(name).manifest
    assert manifest is not None
    binding = manager.create_binding(name, **{manifest.model_option: model})
    return str(binding.weights(model))


WORK: dict[str, Callable[..., Any]] = {
    "folders": folders,
    "listing": listing,
    "handle": calls.handle,
    "handle-option": lambda pairs: calls.handle(pairs, speed=1.25),
    "handle-all": calls.handle_all,
    "handle-asyncio": calls.handle_asyncio,
    "thousand": calls.thousand,
    "queue": calls.queue,
    "first-sound": calls.first_sound,
    "worker-start": workers.start,
    "worker-call": workers.call,
    "memory-back": workers.memory_back,
    "second-program": workers.second_program,
    "verification": verification,
    "piper": piper,
    "kokoro": kokoro,
    "faster_whisper": faster_whisper,
    "whisper": whisper,
    "default-stt": default_stt,
    "whispercpp": engines.whispercpp,
    "hearing": engines.hearing,
    "bark": engines.bark,
    "musicgen": engines.musicgen,
    "musicgen-together": engines.musicgen_together,
    "pictures": engines.pictures,
    "four-pictures": engines.four_pictures,
    "film": engines.film,
    "remote-call": remote.remote_call,
    "remote-sdk": remote.remote_sdk,
    "remote-asyncio": remote.remote_asyncio,
    "remote-at-once": remote.remote_at_once,
    "remote-import": remote.remote_import,
    "sound": sound,
    "weights": weights,
}

if __name__ == "__main__":
    answer, work, *arguments = sys.argv[1:]
    Path(answer).write_text(json.dumps(WORK[work](*arguments)))

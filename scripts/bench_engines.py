"""What scripts/bench.py times of the engines on PyTorch, each in a process of bench_work.py.

Weights of real size aren't on every machine, so most run on random ones, wide enough that a call
takes about as long as a small real model's. What is compared gives the same on both sides.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bench_calls as calls
from bench_calls import Pairs, check_same, in_turn, samples_of

from omnibind import Client, Image
from omnibind.weights import places

PROMPTS = ["happy rock", "a calm tune", "drums and bass", "a violin and a piano"]
DRAWN: dict[str, Any] = {"steps": 10, "guidance_scale": 3.0}


def bark(pairs: str, count: str) -> Pairs:
    """Time Bark on sentences together, and the library alone on one after another."""
    import torch
    from tiny_models import bark as maker
    from transformers import BarkModel, BarkProcessor

    texts = [f"{text.rstrip('.')}." for text in calls.SENTENCES.split(". ")][: int(count)]
    with tempfile.TemporaryDirectory() as place:
        maker.make_of_size(Path(place), width=256, layers=6, heads=4, semantic_tokens=200)
        # Random weights end a sentence anywhere; people's are about as long as each other.
        settings = Path(place, "generation_config.json")
        told = json.loads(settings.read_text())
        told["semantic_config"]["min_new_tokens"] = 200
        settings.write_text(json.dumps(told))
        speak = _client(tts={"binding": "bark", "model_name": place}).tts.generate_audio
        model = BarkModel.from_pretrained(place, dtype=torch.float32)
        processor = BarkProcessor.from_pretrained(place)

        def ours() -> int:
            sound = speak(" ".join(texts), seed=1, sentence_silence_s=0.0, verify=False)
            return len(sound.array())

        def theirs() -> int:
            frames = 0
            for text in texts:
                torch.manual_seed(1)
                said = processor(text, voice_preset="v2/en_speaker_6")
                frames += model.generate(**said).shape[-1]
            return frames

        check_same(ours(), theirs())
        return in_turn(min(int(pairs), 2 if len(texts) > 1 else 9), ours, theirs)


def musicgen(pairs: str) -> Pairs:
    """Time a piece of MusicGen through its handle, and by the library alone."""
    import torch
    from tiny_models.musicgen import make_of_size
    from transformers import AutoProcessor, MusicgenForConditionalGeneration

    with tempfile.TemporaryDirectory() as place:
        make_of_size(Path(place), width=256, layers=6, heads=8)
        compose = _client(ttm={"binding": "transformers", "model_name": place}).ttm.generate_music
        model = MusicgenForConditionalGeneration.from_pretrained(place, dtype=torch.float32)
        processor = AutoProcessor.from_pretrained(place)
        rate = model.config.audio_encoder.frame_rate

        def ours() -> int:
            return len(compose(PROMPTS[0], duration_s=30.0, seed=1, verify=False).array())

        def theirs() -> int:
            torch.manual_seed(1)
            told = processor(text=[PROMPTS[0]], padding=True, return_tensors="pt")
            tokens = 30 * rate + model.decoder.num_codebooks - 1
            sound = model.generate(**told, do_sample=True, guidance_scale=3, max_new_tokens=tokens)
            return int(sound.shape[-1])

        check_same(ours(), theirs())
        return in_turn(int(pairs), ours, theirs)


def musicgen_together(pairs: str) -> Pairs:
    """Time four calls that are made at once, and the same one after another."""
    from concurrent.futures import ThreadPoolExecutor

    from tiny_models.musicgen import make_of_size

    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(4) as pool:
        make_of_size(Path(place), width=256, layers=6, heads=8)
        compose = _client(ttm={"binding": "transformers", "model_name": place}).ttm.generate_music

        def one(number: int) -> bytes:
            return compose(PROMPTS[number], duration_s=10.0, seed=number, verify=False)

        def alone() -> list[bytes]:
            return [one(number) for number in range(len(PROMPTS))]

        def at_once() -> list[bytes]:
            # The first one goes alone; what waits meanwhile goes together.
            return list(pool.map(one, range(len(PROMPTS))))

        if alone() != at_once():
            raise SystemExit("calls that were made at once gave other music")
        return in_turn(int(pairs), at_once, alone)


def pictures(pairs: str) -> Pairs:
    """Time a picture through its handle, and by diffusers alone."""
    draw, pipe = _starter()

    def ours() -> bytes:
        return draw("a red apple", seed=1, verify=False, **DRAWN)

    def theirs() -> bytes:
        return _drawn(pipe, ["a red apple"], [1])[0]

    check_same(hash(ours()), hash(theirs()))
    return in_turn(int(pairs), ours, theirs)


def four_pictures(pairs: str) -> Pairs:
    """Time four pictures by four calls, and by one."""
    with _client(tti="diffusers/starter-noto64") as client:

        def alone() -> list[bytes]:
            draw = client.tti.generate_image
            return [draw("a red apple", seed=seed, verify=False, **DRAWN) for seed in range(4)]

        def at_once() -> list[bytes]:
            return [*client.tti.generate_images("a red apple", 4, seed=0, verify=False, **DRAWN)]

        far = [_apart(one, two) for one, two in zip(alone(), at_once(), strict=True)]
        if max(far) > 2:
            raise SystemExit(f"pictures that were drawn at once differ by {far} of 255")
        return in_turn(int(pairs), at_once, alone)


def hearing(pairs: str, sound: str, checkpoint: str) -> Pairs:
    """Time Whisper tiny.en on transformers through its handle, and its pipeline alone."""
    import torch
    from tiny_models.whisper import convert
    from transformers import pipeline

    with tempfile.TemporaryDirectory() as place:
        convert(Path(checkpoint, "tiny.en.pt"), Path(place))
        chosen = {"binding": "transformers", "model_name": place}
        hear = _client(stt=chosen).stt.transcribe_audio
        alone = pipeline("automatic-speech-recognition", place, dtype=torch.float32, device="cpu")
        samples = samples_of(sound)

        def ours() -> str:
            return str(hear((samples, 16000), verify=False))

        def theirs() -> str:
            told = {"raw": samples, "sampling_rate": 16000}
            return str(alone(told, return_timestamps=True)["text"]).strip()

        check_same(ours(), theirs())
        return in_turn(int(pairs), ours, theirs)


def film(pairs: str) -> Pairs:
    """Time a film through its handle, encoded, and the pipeline alone with the same encoding."""
    import torch
    from diffusers import DiffusionPipeline
    from tiny_models.films import make_wan

    from omnibind import Video

    size = {"width": 128, "height": 128}
    with tempfile.TemporaryDirectory() as place:
        make_wan(Path(place))
        make = _client(ttv={"binding": "diffusers", "model_id_or_path": place}).ttv.generate_video
        pipe = DiffusionPipeline.from_pretrained(place)
        pipe.set_progress_bar_config(disable=True)

        def ours() -> int:
            made = make("a fox", seed=1, steps=8, fps=16, duration_s=33 / 16, verify=False, **size)
            return len(made)

        def theirs() -> int:
            generator = torch.Generator().manual_seed(1)
            given = {"num_frames": 33, "num_inference_steps": 8, "generator": generator}
            frames = pipe("a fox", output_type="np", **given, **size).frames[0]
            return len(Video.from_frames((frames * 255).round().astype("uint8"), 16))

        ours(), theirs()
        return in_turn(int(pairs), ours, theirs)


def whispercpp(pairs: str, sound: str, folder: str) -> Pairs:
    """Time whisper-cli through its handle and alone, both reading the same WAV of 16 kHz.

    Args:
        pairs: How many.
        sound: The WAV.
        folder: Where the files of stt/whispercpp/tiny lie.
    """
    program = str(places.home() / "programs" / "whisper-cli")
    # One thread: several wait for each other at full load, which a busy machine stretches at will.
    settings = {"whispercpp_exe_path": program, "default_language": "en", "n_threads": 1}
    through = Client(stt={"binding": "whispercpp", "model": "tiny", **settings}).stt
    vad = ["--vad", "-vm", f"{folder}/ggml-silero-v6.2.0.bin"]
    alone = [
        program,
        "-m",
        f"{folder}/ggml-tiny.bin",
        "-l",
        "en",
        "-t",
        "1",
        *vad,
        "-f",
        sound,
        "-otxt",
    ]

    with tempfile.TemporaryDirectory() as place:
        text = Path(place, "heard")

        def ours() -> str:
            return through.transcribe_audio(sound)

        def theirs() -> str:
            subprocess.run([*alone, "-of", str(text)], capture_output=True, check=True)
            return " ".join(text.with_suffix(".txt").read_text().split())

        check_same(str(ours()), theirs())
        return in_turn(int(pairs), ours, theirs)


def _client(**named: Any) -> Client:
    in_process: dict[str, Any] = {
        modality: {"runs": "in-process", **chosen} if isinstance(chosen, dict) else chosen
        for modality, chosen in named.items()
    }
    return Client(**in_process)


def _starter() -> tuple[Callable[..., Image], Any]:
    from diffusers import DiffusionPipeline

    chosen = {"binding": "diffusers", "model": "starter-noto64"}
    client = _client(tti=chosen)
    folder = Path(__file__).parents[1] / "models" / "tti" / "diffusers" / "starter-noto64"
    import torch

    pipe = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return client.tti.generate_image, pipe


def _drawn(pipe: Any, prompts: list[str], seeds: list[int]) -> list[bytes]:
    import io

    import torch

    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    given = {"num_inference_steps": 10, "guidance_scale": 3.0, "generator": generators}
    found = []
    for picture in pipe(prompts, **given).images:
        file = io.BytesIO()
        picture.save(file, "PNG")
        found.append(file.getvalue())
    return found


def _apart(one: bytes, two: bytes) -> int:
    return int(abs(Image(one).array().astype(int) - Image(two).array().astype(int)).max())

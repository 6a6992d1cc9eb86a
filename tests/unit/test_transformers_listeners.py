"""Language models that listen write what the library writes."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.impatient import cancelled_at
from tests.listening import (
    BESIDE_TORCHAUDIO,
    FOX,
    KNOWN_WARNINGS,
    RATE,
    binding_of,
    fox,
    kept,
    loaded,
)
from tests.tiny import tiny

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Source

pytestmark = KNOWN_WARNINGS

TALKERS = (
    *("qwen3-asr", "glm-asr", "audio-flamingo-3", "vibevoice-asr", "moss", "canary"),
    *("nemotron-transcribe", "voxtral", "voxtral-realtime"),
    *(BESIDE_TORCHAUDIO[:3] if find_spec("torchaudio") else ()),
)
"""Language models that are asked for a transcript."""
TELLING_APART = ("vibevoice-asr", "moss")
"""Those that tell times and speakers."""
RATE_OF = {"vibevoice-asr": 24_000}


def asked(
    name: str, sound: Any, *, beam_size: int = 1, temperature: float | None = None, **request: Any
) -> str:
    """What a language model of the library writes, as its documentation shows."""
    import torch

    processor, model = loaded(name)
    rate = RATE_OF.get(name, RATE)
    samples = Source.of(sound).array(rate)
    warmth = {} if temperature is None else {"temperature": temperature}
    how = {"do_sample": temperature is not None, "num_beams": beam_size, **warmth}
    torch.manual_seed(0)
    if name == "voxtral-realtime":
        inputs = processor(samples, return_tensors="pt")
        made = model.generate(**inputs, **how)
        return str(processor.batch_decode(made, skip_special_tokens=True)[0])
    if name == "voxtral":
        request |= {"model_id": "voxtral", "sampling_rate": rate, "format": ["wav"]}
    if "granite" in name:
        order = f"{processor.audio_token}can you transcribe the speech into a written format?"
        text = processor.tokenizer.apply_chat_template(
            [{"role": "user", "content": order}], tokenize=False, add_generation_prompt=True
        )
        inputs = processor(text, samples, return_tensors="pt")
    else:
        inputs = processor.apply_transcription_request(
            audio=samples, return_tensors="pt", **request
        )
    most = 64 + round((30 if name in TELLING_APART else 15) * len(samples) / rate)
    ids = model.generate(**inputs, **how, max_new_tokens=most)
    if not model.config.is_encoder_decoder:
        ids = ids[:, inputs["input_ids"].shape[1] :]
    form: dict[str, dict[str, Any]] = {
        "qwen3-asr": {"return_format": "transcription_only"},
        "vibevoice-asr": {"return_format": "transcription_only"},
        "moss": {"return_format": "transcription_only"},
        "audio-flamingo-3": {"strip_prefix": True},
        "fun-asr-nano": {"strip_prefix": True},
    }
    return str(processor.decode(ids, skip_special_tokens=True, **form.get(name, {}))[0])


@pytest.mark.parametrize("name", TALKERS)
def test_a_language_model_writes_what_the_library_writes(name: str) -> None:
    heard = kept(name).transcribe_audio(FOX)
    assert heard == asked(name, FOX)
    assert len(heard) > 10
    assert heard != kept(name).transcribe_audio((fox()[::-1], RATE))


@pytest.mark.parametrize(
    ("name", "options", "request_"),
    [
        ("qwen3-asr", {"language": "de-AT"}, {"language": "German"}),
        ("qwen3-asr", {"initial_prompt": "Fox."}, {"prompt": "Fox."}),
        ("qwen3-asr", {"beam_size": 3}, {"beam_size": 3}),
        (
            "glm-asr",
            {"initial_prompt": "Fox."},
            {"prompt": "Please transcribe this audio into text Fox."},
        ),
        (
            "audio-flamingo-3",
            {"initial_prompt": "Fox."},
            {"prompt": "Transcribe the input speech. Fox."},
        ),
        ("vibevoice-asr", {"initial_prompt": "Fox."}, {"prompt": "Fox."}),
        ("moss", {"initial_prompt": "Fox."}, {"prompt": "Fox."}),
        (
            "nemotron-transcribe",
            {"initial_prompt": "Fox."},
            {
                "prompt": "Audio transcription. Language: as spoken. Wording: verbatim, including "
                "fillers and repetitions. Formatting: punctuation and capitalization. Output: "
                "transcript only. Fox."
            },
        ),
        ("nemotron-transcribe", {"beam_size": 2}, {"beam_size": 2}),
        ("canary", {"language": "de"}, {"source_language": "de"}),
        (
            "canary",
            {"language": "de", "task": "translate"},
            {"source_language": "de", "target_language": "en"},
        ),
        ("voxtral", {"language": "de-AT"}, {"language": "de"}),
        ("voxtral", {"beam_size": 3}, {"beam_size": 3}),
        *(
            ("fun-asr-nano", options, request_)
            for options, request_ in (
                ({"language": "ja"}, {"language": "ja"}),
                ({"initial_prompt": "Fox."}, {"prompt": "Fox."}),
                ({"beam_size": 2}, {"beam_size": 2}),
            )
            if "fun-asr-nano" in TALKERS
        ),
    ],
)
def test_a_language_model_is_asked_for_what_is_wanted(
    name: str, options: dict[str, Any], request_: dict[str, Any]
) -> None:
    heard = kept(name).transcribe_audio(FOX, **options)
    assert heard == asked(name, FOX, **request_)
    assert heard != kept(name).transcribe_audio(FOX)


@pytest.mark.parametrize("name", ["qwen3-asr", "audio-flamingo-3"])
def test_what_a_language_model_says_of_the_words_is_left_out(name: str) -> None:
    processor, model = loaded(name)
    from tiny_models.conversations import FRAMES

    frame = FRAMES[model.config.model_type]
    inputs = processor.apply_transcription_request(audio=fox())
    ids = model.generate(**inputs, do_sample=False, max_new_tokens=99)
    said = processor.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert said.startswith(frame)
    assert frame not in kept(name).transcribe_audio(FOX)


@pytest.mark.parametrize("name", ["qwen3-asr", "voxtral", "voxtral-realtime"])
def test_a_language_model_that_draws_words_does_it_where_it_is_warm(name: str) -> None:
    binding = kept(name)
    assert loaded(name)[1].generation_config.do_sample
    one, two = (binding.transcribe_audio(FOX, temperature=1.0) for _ in range(2))
    assert one == two == asked(name, FOX, temperature=1.0)
    assert one != binding.transcribe_audio(FOX)
    assert binding.transcribe_audio(FOX) == binding.transcribe_audio(FOX, temperature=0.0)


PIECEWISE = ("qwen3-asr", "canary", "nemotron-transcribe", "voxtral", "voxtral-realtime")


@pytest.mark.parametrize(
    "name", [name for name in TALKERS if name in (*PIECEWISE, *BESIDE_TORCHAUDIO)]
)
def test_a_language_model_hears_long_sound_piece_by_piece(name: str) -> None:
    samples = fox(9)
    first, second = kept(name).transcribe_audio((samples, RATE)).segments
    cut = round(second.start * RATE)
    assert 20 * RATE <= cut <= 30 * RATE
    assert first.text == asked(name, (samples[:cut], RATE))
    assert second.text == asked(name, (samples[cut:], RATE))
    assert first.text != second.text


def test_speakers_are_told_apart_with_their_times_in_long_sound_too() -> None:
    samples = fox(9)
    processor, model = loaded("moss")
    inputs = processor.apply_transcription_request(audio=samples, return_tensors="pt")
    most = 64 + round(30 * len(samples) / RATE)
    ids = model.generate(**inputs, do_sample=False, max_new_tokens=most)
    told = processor.decode(ids[:, inputs["input_ids"].shape[1] :], return_format="parsed")[0]
    heard = kept("moss").transcribe_audio((samples, RATE))
    assert [(one.speaker, one.text) for one in heard.segments] == [
        (str(one["Speaker"]), one["Content"]) for one in told
    ]
    first = heard.segments[0]
    assert (first.start, first.end) == (told[0]["Start"], told[0]["End"])
    assert {one.speaker for one in heard.segments} == {"1", "2", "3"}


def test_words_without_their_form_are_kept(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("moss"), tmp_path / "model"))
    for file in folder.glob("*.json"):
        file.write_text(file.read_text("utf-8").replace("][S0", "s][S0"), "utf-8")
    (segment,) = binding_of(folder).transcribe_audio(FOX).segments
    assert "s][S01]" in segment.text
    assert (segment.start, segment.speaker) == (0.0, None)


@pytest.mark.parametrize("name", TALKERS)
def test_a_language_model_is_cancelled_between_two_words(name: str) -> None:
    with cancelled_at(5) as told:
        kept(name).transcribe_audio(FOX)
    assert len(told) == 5


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        *((name, "word_times", True) for name in TALKERS),
        *((name, "task", "translate") for name in TALKERS if name != "canary"),
        *((name, "language", "en") for name in (*TELLING_APART, "glm-asr", "nemotron-transcribe")),
        *(("voxtral-realtime", *given) for given in (("language", "en"), ("beam_size", 2))),
        *((name, "initial_prompt", "fox") for name in ("voxtral", "voxtral-realtime")),
        ("voxtral", "language", "klingon"),
        ("qwen3-asr", "language", "klingon"),
        ("canary", "language", "ja"),
        ("canary", "initial_prompt", "fox"),
        *(
            (name, option, value)
            for name, option, value in (
                ("granite-speech", "language", "en"),
                ("granite-speech", "initial_prompt", "fox"),
                ("granite-speech-plus", "language", "en"),
                ("fun-asr-nano", "language", "de"),
            )
            if name in TALKERS
        ),
    ],
)
def test_what_a_language_model_lacks_is_refused(name: str, option: str, value: Any) -> None:
    with pytest.raises(BadOption, match=option):
        kept(name).transcribe_audio(FOX, **{option: value})


@pytest.mark.parametrize("name", TALKERS)
def test_a_very_short_sound_is_heard(name: str) -> None:
    heard = kept(name).transcribe_audio((fox()[8000:8200], RATE))
    assert heard.duration_s == 200 / RATE

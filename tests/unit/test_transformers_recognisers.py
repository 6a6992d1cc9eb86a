"""Recognisers write what the library writes, told the language where they know several."""

from __future__ import annotations

import re
from importlib.util import find_spec
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
    raw,
)
from tests.tiny import tiny

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Source

pytestmark = KNOWN_WARNINGS

FRAME_BY_FRAME = (
    "parakeet-ctc",
    "lasr",
    *(BESIDE_TORCHAUDIO[3:] if find_spec("torchaudio") else ()),
)
TRANSDUCERS = ("parakeet-tdt", "parakeet-rnnt", "nemotron-streaming")
RECOGNISERS = (*FRAME_BY_FRAME, *TRANSDUCERS, "moonshine", "speech2text")


@pytest.mark.parametrize("name", RECOGNISERS)
def test_a_recogniser_writes_what_the_library_writes(name: str) -> None:
    heard = kept(name).transcribe_audio(FOX)
    assert heard == raw(tiny(name), fox())["text"].strip()
    assert len(set(heard)) > 4
    assert heard != kept(name).transcribe_audio((fox()[::-1], RATE))


@pytest.mark.parametrize("name", RECOGNISERS)
def test_a_recogniser_hears_long_sound_piece_by_piece(name: str) -> None:
    samples = fox(9)
    first, second = kept(name).transcribe_audio((samples, RATE)).segments
    cut = round(second.start * RATE)
    assert 20 * RATE <= cut <= 31 * RATE
    assert first.text == raw(tiny(name), samples[:cut])["text"].strip()
    assert second.text == raw(tiny(name), samples[cut:])["text"].strip()


@pytest.mark.parametrize("name", [*TRANSDUCERS, "nemotron-3.5"])
def test_the_words_of_a_transducer_have_the_librarys_times(name: str) -> None:
    processor, model = loaded(name)
    inputs = processor(fox(), sampling_rate=RATE)
    made = model.generate(**inputs, return_dict_in_generate=True)
    texts, times = processor.decode(
        made.sequences, durations=made.durations, skip_special_tokens=True
    )
    heard = kept(name).transcribe_audio(FOX, word_times=True)
    assert heard == without_signs(texts[0]) == kept(name).transcribe_audio(FOX)
    assert "".join(heard.split()) == "".join(word.text for word in heard.words)
    starts = [one["start"] for one in times[0] if one["token"].startswith(" ")]
    assert len(heard.words) > 3
    assert [word.start for word in heard.words][-len(starts) :] == pytest.approx(starts)
    assert heard.words[-1].end == pytest.approx(min(times[0][-1]["end"], len(fox()) / RATE))


@pytest.mark.parametrize("name", [*TRANSDUCERS, "moonshine", "speech2text"])
def test_a_recogniser_is_cancelled_between_two_words(name: str) -> None:
    with cancelled_at(5) as told:
        kept(name).transcribe_audio(FOX)
    assert len(told) == 5


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        *((name, "language", "en") for name in RECOGNISERS),
        *((name, "beam_size", 2) for name in (*FRAME_BY_FRAME, *TRANSDUCERS)),
        *((name, "word_times", True) for name in (*FRAME_BY_FRAME, "moonshine", "speech2text")),
    ],
)
def test_what_a_recogniser_lacks_is_refused(name: str, option: str, value: Any) -> None:
    with pytest.raises(BadOption, match=option):
        kept(name).transcribe_audio(FOX, **{option: value})


PREPARED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "cohere-asr": ({"language": "en-GB"}, {"language": "en"}),
    "moonshine-streaming": ({}, {}),
    "kyutai-stt": ({}, {}),
    "nemotron-3.5": ({}, {}),
    "seamless": ({"language": "de"}, {"tgt_lang": "deu"}),
    "seamless-v2": ({"language": "deu"}, {"tgt_lang": "deu"}),
}
"""Recognisers of which the library's pipeline leaves something out: the language, or silence around
the sound and its length in whole frames; with what they are told, here and in the library."""


def without_signs(text: str) -> str:
    """What is left when the languages that a Nemotron writes after the words are gone."""
    return re.sub(r"\s*<\w\w-\w\w>", "", text).strip()


def prepared(name: str, sound: Any, told: dict[str, str], **options: Any) -> str:
    """What a recogniser writes as its documentation shows: processor, ``generate``, ``decode``."""
    processor, model = loaded(name)
    rate = processor.feature_extractor.sampling_rate
    samples = Source.of(sound).array(rate)
    told = dict(told)
    if "seamless" in name:
        options["tgt_lang"] = told.pop("tgt_lang")
    elif "nemotron" not in name:
        options["max_new_tokens"] = 64 + round(15 * len(samples) / rate)
    inputs = processor(audio=samples, sampling_rate=rate, return_tensors="pt", **told)
    made = model.generate(**inputs, **options)
    ids = getattr(made, "sequences", made)
    return without_signs(processor.decode(ids, skip_special_tokens=True)[0])


@pytest.mark.parametrize("name", PREPARED)
def test_a_recogniser_is_given_the_sound_as_its_processor_prepares_it(name: str) -> None:
    wanted, told = PREPARED[name]
    beams = {} if "nemotron" in name else {"beam_size": 1}
    heard = kept(name).transcribe_audio(FOX, **wanted, **beams)
    assert heard == prepared(name, FOX, told)
    assert len(set(heard)) > 3
    assert heard != kept(name).transcribe_audio((fox()[::-1], RATE), **wanted, **beams)


@pytest.mark.parametrize("name", PREPARED)
def test_a_prepared_sound_is_heard_piece_by_piece(name: str) -> None:
    wanted, told = PREPARED[name]
    beams = {} if "nemotron" in name else {"beam_size": 1}
    rate = loaded(name)[0].feature_extractor.sampling_rate
    samples = Source.of((fox(9), RATE)).array(rate)
    first, second = kept(name).transcribe_audio((samples, rate), **wanted, **beams).segments
    cut = round(second.start * rate)
    assert 20 * rate <= cut <= 31 * rate
    assert first.text == prepared(name, (samples[:cut], rate), told)
    assert second.text == prepared(name, (samples[cut:], rate), told)


def test_a_recogniser_whose_ear_is_a_codec_hears_in_half_precision() -> None:
    import torch
    from transformers import KyutaiSpeechToTextForConditionalGeneration as Kyutai

    folder = tiny("kyutai-stt")
    processor = loaded("kyutai-stt")[0]
    model = Kyutai.from_pretrained(folder, dtype=torch.bfloat16)
    inputs = processor(audio=Source.of(FOX).array(24_000), sampling_rate=24_000)
    ids = model.generate(**inputs, do_sample=False)
    heard = binding_of(folder, precision="bfloat16").transcribe_audio(FOX)
    assert heard == processor.decode(ids, skip_special_tokens=True)[0]


@pytest.mark.parametrize("name", PREPARED)
def test_a_recogniser_of_prepared_sound_is_cancelled_between_two_words(name: str) -> None:
    with cancelled_at(5) as told:
        kept(name).transcribe_audio(FOX, **PREPARED[name][0])
    assert len(told) == 5


@pytest.mark.parametrize("name", [name for name in PREPARED if "nemotron" not in name])
def test_a_recogniser_of_prepared_sound_draws_words_where_it_is_warm(name: str) -> None:
    import torch

    wanted, told = PREPARED[name]
    heard = kept(name).transcribe_audio(FOX, **wanted, temperature=1.0)
    torch.manual_seed(0)
    if "seamless" in name:  # the library's pipeline draws a number more before the first word
        torch.empty((), dtype=torch.int64).random_()
    assert heard == prepared(name, FOX, told, do_sample=True, num_beams=1, temperature=1.0)
    assert heard != kept(name).transcribe_audio(FOX, **wanted)
    several = kept(name).transcribe_audio(FOX, **wanted, beam_size=3)
    assert several == prepared(name, FOX, told, num_beams=3)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("cohere-asr", {"language": "de"}, {"language": "de"}),
        ("nemotron-3.5", {"language": "de-AT"}, {"language": "de"}),
        ("nemotron-3.5", {"language": "zh"}, {"language": "zh-CN"}),
        ("nemotron-3.5", {"language": "fr-CA"}, {"language": "fr-CA"}),
        ("seamless", {"language": "fr"}, {"tgt_lang": "fra"}),
        ("seamless", {"task": "translate"}, {"tgt_lang": "eng"}),
        ("seamless-v2", {"language": "de", "task": "translate"}, {"tgt_lang": "eng"}),
    ],
)
def test_a_recogniser_is_told_the_language(
    name: str, options: dict[str, str], told: dict[str, str]
) -> None:
    beams = {} if "nemotron" in name else {"beam_size": 1}
    heard = kept(name).transcribe_audio(FOX, **options, **beams)
    assert heard == prepared(name, FOX, told)
    assert heard != kept(name).transcribe_audio(FOX, **PREPARED[name][0], **beams)
    assert heard.language == options.get("language")


def test_a_recogniser_tells_the_language_that_it_finds_out() -> None:
    processor, model = loaded("nemotron-3.5")
    inputs = processor(fox(), sampling_rate=RATE, language="auto")
    said = processor.decode(model.generate(**inputs).sequences, skip_special_tokens=True)[0]
    heard = kept("nemotron-3.5").transcribe_audio(FOX)
    assert heard.language == re.findall(r"<(\w\w-\w\w)>", said)[-1]
    assert "<" in said
    assert "<" not in heard


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("cohere-asr", {}, "language.*ar, de, el, en"),
        ("cohere-asr", {"language": "klingon"}, "language.*klingon.*ar, de"),
        ("cohere-asr", {"language": "en", "task": "translate"}, "task"),
        ("seamless", {}, "language.*de, deu, en, eng"),
        ("seamless", {"language": "ja"}, "language 'ja'"),
        ("nemotron-3.5", {"language": "xx"}, "language 'xx'"),
        ("nemotron-3.5", {"beam_size": 2}, "beam_size"),
        ("nemotron-3.5", {"task": "translate"}, "task"),
        ("kyutai-stt", {"language": "en"}, "language"),
        ("kyutai-stt", {"word_times": True}, "word_times"),
        ("moonshine-streaming", {"language": "en"}, "language"),
        ("moonshine-streaming", {"initial_prompt": "fox"}, "initial_prompt"),
    ],
)
def test_what_a_recogniser_of_several_languages_lacks_is_refused(
    name: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadOption, match=told):
        kept(name).transcribe_audio(FOX, **options)


@pytest.mark.parametrize("name", ["wav2vec2", *RECOGNISERS, *PREPARED])
def test_a_very_short_sound_is_heard(name: str) -> None:
    told = PREPARED[name][0] if name in PREPARED else {}
    heard = kept(name).transcribe_audio((fox()[8000:8200], RATE), **told)
    assert heard.duration_s == 200 / RATE

"""Recognisers through transformers write what the library writes, and refuse what they can't."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.impatient import cancelled_at
from tests.tiny import tiny

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
from omnibind.contracts.media import Audio, Source
from omnibind.managers import STTBindingManager

# What the library says of its own models: transducers, whose length the sound sets, and WavLM.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using the model-agnostic default:UserWarning"),
    pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask:UserWarning"),
]

RATE = 16_000
FOX = Path(__file__).parents[1] / "fox.flac"
SAID = "The quick brown fox jumps over the lazy dog."


def binding_of(folder: Path | str | None, **config: Any) -> Any:
    named = {} if folder is None else {"model_name": str(folder)}
    return STTBindingManager().create_binding("transformers", **named, runs="in-process", **config)


def fox(times: int = 1) -> Any:
    """The sentence as 16 kHz samples, several times with a second of silence after each."""
    pause = np.zeros(RATE, np.float32)
    once = Source.of(FOX).array(RATE)
    return once if times == 1 else np.concatenate([once, pause] * times)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenAI's own tiny.en, its checkpoint converted."""
    tiny("whisper")  # puts the makers of models on the path
    from tiny_models.whisper import convert

    openai = STTBindingManager().create_binding("whisper", model_name="tiny.en")
    folder = tmp_path_factory.mktemp("whisper-tiny.en")
    convert(openai.weights("tiny.en") / "tiny.en.pt", folder)
    return folder


@pytest.fixture(scope="module")
def whisper(real: Path) -> Iterator[Any]:
    binding = binding_of(real)
    yield binding
    binding.unload()


@pytest.fixture(scope="module")
def random_whisper() -> Iterator[Any]:
    binding = binding_of(tiny("whisper"))
    yield binding
    binding.unload()


@cache
def kept(name: str) -> Any:
    """The binding with a tiny model that stays loaded."""
    return binding_of(tiny(name))


@pytest.fixture(scope="module")
def wav2vec2() -> Iterator[Any]:
    binding = binding_of(tiny("wav2vec2"))
    yield binding
    binding.unload()


def raw(folder: Path, samples: Any, **options: Any) -> Any:
    """What the library writes, as its documentation shows."""
    from transformers import pipeline

    recognise = pipeline("automatic-speech-recognition", model=str(folder))
    return recognise({"raw": samples, "sampling_rate": RATE}, **options)


def test_whisper_understands_real_speech(whisper: Any) -> None:
    heard = whisper.transcribe_audio(FOX)
    assert heard == SAID
    assert heard.language == "en"
    assert heard.duration_s == pytest.approx(2.74, abs=0.01)
    assert [segment.text for segment in heard.segments] == [SAID]


def test_the_words_of_real_speech_have_the_librarys_times(whisper: Any, real: Path) -> None:
    expected = raw(real, fox(), return_timestamps="word")["chunks"]
    words = whisper.transcribe_audio(FOX, word_times=True).words
    assert [word.text for word in words] == [one["text"].strip() for one in expected]
    times = [(word.start, word.end) for word in words]
    assert times == [pytest.approx(one["timestamp"], abs=0.011) for one in expected]


def test_word_times_leave_the_model_as_it_was(whisper: Any) -> None:
    whisper.transcribe_audio(FOX, word_times=True)
    listener = whisper._loaded[1]
    assert listener._model.config._attn_implementation == "sdpa"


def test_long_speech_is_heard_to_its_end(whisper: Any) -> None:
    samples = fox(9)
    heard = whisper.transcribe_audio((samples, RATE), beam_size=1)
    assert heard.lower().count("lazy dog") == 9
    assert heard.segments[-1].end == pytest.approx(len(samples) / RATE, abs=1.5)


def test_a_prompt_is_heeded(whisper: Any) -> None:
    prompt = "the kwick brown fox, the kwick brown fox. " * 30
    heard = whisper.transcribe_audio(FOX, initial_prompt=prompt, beam_size=1)
    assert "kwick" in heard.lower()


@pytest.mark.parametrize(
    "options", [{"task": "transcribe"}, {"language": "de", "task": "translate"}]
)
def test_random_weights_write_what_the_library_writes(
    random_whisper: Any, options: dict[str, Any]
) -> None:
    samples = fox(9)
    expected = raw(tiny("whisper"), samples, return_timestamps=True, generate_kwargs=options)
    heard = random_whisper.transcribe_audio((samples, RATE), **options)
    assert "".join(heard.split()) == "".join(expected["text"].split())


def test_the_language_is_told(random_whisper: Any) -> None:
    guess = random_whisper.transcribe_audio(FOX)
    assert guess.language
    assert random_whisper.transcribe_audio(FOX, language=guess.language) == guess
    assert random_whisper.transcribe_audio(FOX, language="de-AT").language == "de"


def test_warm_listening_is_repeatable(random_whisper: Any) -> None:
    one, two = (random_whisper.transcribe_audio(FOX, temperature=1.0) for _ in range(2))
    assert one == two
    assert one != random_whisper.transcribe_audio(FOX)


@pytest.mark.parametrize(
    "name", ["wav2vec2", "hubert", "wavlm", "wav2vec2-conformer", "wav2vec2-bert"]
)
def test_frames_write_what_the_library_writes(name: str) -> None:
    expected = raw(tiny(name), fox(), return_timestamps="word")
    heard = kept(name).transcribe_audio(FOX, word_times=True)
    assert heard == expected["text"]
    assert [(word.start, word.end) for word in heard.words] == [
        pytest.approx(one["timestamp"]) for one in expected["chunks"]
    ]
    assert heard.language is None
    assert heard != kept(name).transcribe_audio((fox()[::-1], RATE))


def test_long_sound_is_cut_in_pauses(wav2vec2: Any) -> None:
    samples = fox(9)
    heard = wav2vec2.transcribe_audio((samples, RATE))
    assert len(heard.segments) == 2
    once = len(fox()) + RATE
    silent = [(n * once + len(fox())) / RATE for n in range(9)]
    cut = heard.segments[1].start
    assert 20 <= cut <= 30
    assert any(begin - 0.1 <= cut <= begin + 1.2 for begin in silent)


BESIDE_TORCHAUDIO = ("fun-asr-nano", "granite-speech", "granite-speech-plus", "granite-speech-5")
"""What listens through torchaudio: test_torchaudio.py runs these tests beside it."""
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


TALKERS = (
    *("qwen3-asr", "glm-asr", "audio-flamingo-3", "vibevoice-asr", "moss", "canary"),
    *("nemotron-transcribe", "voxtral", "voxtral-realtime"),
    *(BESIDE_TORCHAUDIO[:3] if find_spec("torchaudio") else ()),
)
"""Language models that are asked for a transcript."""
TELLING_APART = ("vibevoice-asr", "moss")
"""Those that tell times and speakers."""


RATE_OF = {"vibevoice-asr": 24_000}


@cache
def loaded(name: str) -> tuple[Any, Any]:
    """The library's own processor and model."""
    import transformers

    folder = tiny(name)
    processor = transformers.AutoProcessor.from_pretrained(folder)
    named = json.loads((folder / "config.json").read_text("utf-8"))["architectures"][0]
    return processor, getattr(transformers, named).from_pretrained(folder)


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


@pytest.mark.parametrize("name", ["wav2vec2", *RECOGNISERS, *PREPARED, *TALKERS])
def test_a_very_short_sound_is_heard(name: str) -> None:
    told = PREPARED[name][0] if name in PREPARED else {}
    heard = kept(name).transcribe_audio((fox()[8000:8200], RATE), **told)
    assert heard.duration_s == 200 / RATE


def test_another_model_takes_the_place_of_the_last(random_whisper: Any, wav2vec2: Any) -> None:
    expected = wav2vec2.transcribe_audio(FOX)
    assert random_whisper.transcribe_audio(FOX, str(tiny("wav2vec2"))) == expected
    assert random_whisper._loaded[0] == str(tiny("wav2vec2"))


def test_the_second_call_loads_nothing(random_whisper: Any) -> None:
    random_whisper.transcribe_audio(FOX)
    before = random_whisper._loaded
    random_whisper.transcribe_audio(FOX)
    assert random_whisper._loaded is before


def test_it_is_cancelled_between_two_words(random_whisper: Any) -> None:
    with cancelled_at(5) as told:
        random_whisper.transcribe_audio((fox(9), RATE))
    assert len(told) == 5


@pytest.mark.usefixtures("no_network")
def test_nothing_goes_over_the_network() -> None:
    for name in ("whisper", "wav2vec2", "voxtral", "voxtral-realtime"):
        binding = binding_of(tiny(name))
        assert binding.transcribe_audio(FOX)
        binding.unload()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("language", "en"),
        ("task", "translate"),
        ("initial_prompt", "fox"),
        ("temperature", 0.5),
        ("beam_size", 2),
    ],
)
def test_options_of_whisper_are_refused_by_a_model_without_them(
    wav2vec2: Any, option: str, value: Any
) -> None:
    with pytest.raises(BadOption, match=option):
        wav2vec2.transcribe_audio(FOX, **{option: value})


def test_an_unknown_language_is_refused(random_whisper: Any, whisper: Any) -> None:
    with pytest.raises(BadOption, match="klingon"):
        random_whisper.transcribe_audio(FOX, language="klingon")
    with pytest.raises(BadOption, match="English alone"):
        whisper.transcribe_audio(FOX, language="de")


def refusal(kind: type[OmnibindError], folder: Path | str | None, **config: Any) -> str:
    with pytest.raises(kind) as caught:
        binding_of(folder, **config).load()
    return str(caught.value)


def test_without_a_model_three_are_named_with_size_and_licence() -> None:
    told = refusal(BadConfig, None)
    for words in ("openai/whisper-tiny", "Apache-2.0", "MIT", "CC-BY-4.0", "million"):
        assert words in told


def test_a_missing_folder_is_named() -> None:
    assert "/nowhere/model" in refusal(WeightsMissing, "/nowhere/model")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "config.json" in refusal(UnknownModel, tmp_path)


def test_a_model_that_doesnt_listen_is_refused() -> None:
    told = refusal(NotSupported, tiny("vits"))
    assert "vits" in told
    assert "whisper" in told


def test_without_torchaudio_the_command_that_installs_it_is_told(tmp_path: Path) -> None:
    import transformers

    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny("glm-asr") / file, tmp_path)
    transformers.GraniteSpeechConfig().save_pretrained(tmp_path)
    parts = {
        "processor_class": "GraniteSpeechProcessor",
        "audio_processor": {"feature_extractor_type": "GraniteSpeechFeatureExtractor"},
    }
    (tmp_path / "processor_config.json").write_text(json.dumps(parts))
    assert "run: pip install torchaudio" in refusal(PackagesMissing, tmp_path)


def test_without_peft_a_model_with_an_adapter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(tmp_path, "moonshine")
    (folder / "adapter_config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "peft", None)
    assert "run: pip install peft" in refusal(PackagesMissing, folder)


def test_a_listener_that_is_never_asked_for_a_transcript_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path, "audio-flamingo-3")
    for file in ("config.json", "processor_config.json"):
        text = (folder / file).read_text("utf-8")
        named = text.replace("AudioFlamingo3Pro", "MusicFlamingoPro")
        (folder / file).write_text(named.replace('"audioflamingo3"', '"musicflamingo"'))
    (folder / "model.safetensors").unlink()
    told = refusal(NotSupported, folder)
    assert "musicflamingo" in told
    assert "cohere_asr" in told


def test_a_translator_that_doesnt_write_what_it_hears_is_refused() -> None:
    assert "translates speech into de, es" in refusal(NotSupported, tiny("speech2text-translating"))


def test_a_voice_of_the_same_kind_as_a_recogniser_is_refused() -> None:
    assert "weights are missing" in refusal(WeightsDamaged, tiny("speecht5"))


def copied(tmp_path: Path, name: str = "whisper") -> Path:
    return Path(shutil.copytree(tiny(name), tmp_path / "model"))


@pytest.mark.parametrize(
    "missing", ["model.safetensors", "tokenizer.json", "processor_config.json"]
)
def test_a_missing_part_is_refused(tmp_path: Path, missing: str) -> None:
    folder = copied(tmp_path)
    (folder / missing).unlink()
    assert str(folder) in refusal(WeightsDamaged, folder)


@pytest.mark.parametrize("name", ["voxtral", "voxtral-realtime"])
def test_a_model_that_needs_a_missing_package_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny(name)
    monkeypatch.setitem(sys.modules, "mistral_common", None)
    assert "pip install mistral-common" in refusal(PackagesMissing, folder)


@pytest.mark.parametrize("name", ["voxtral", "voxtral-realtime"])
def test_a_missing_file_of_words_is_named(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path, name)
    (folder / "tekken.json").unlink()
    assert "holds none of tekken.json" in refusal(WeightsDamaged, folder)


def test_word_times_without_alignment_heads_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    settings = json.loads((folder / "generation_config.json").read_text("utf-8"))
    del settings["alignment_heads"]
    (folder / "generation_config.json").write_text(json.dumps(settings))
    with pytest.raises(BadOption, match="alignment heads"):
        binding_of(folder).transcribe_audio(FOX, word_times=True)


def test_what_the_sound_is_given_as_makes_no_difference(wav2vec2: Any) -> None:
    expected = wav2vec2.transcribe_audio(FOX)
    assert wav2vec2.transcribe_audio(Audio.from_file(FOX)) == expected

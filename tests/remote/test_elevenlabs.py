"""ElevenLabs' bindings."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.remote.asking import KEY, ask, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.contracts.errors import (
    BadOption,
    BadReply,
    CallFailed,
    ContentRefused,
    KeyMissing,
    KeyRefused,
    NotSupported,
    OmnibindError,
    QuotaExceeded,
    RateLimited,
    ServiceError,
    UnknownOption,
    UnknownVoice,
)
from omnibind.contracts.media import Segment, Word
from omnibind.contracts.tts import Voice
from omnibind.managers import TTSBindingManager

if TYPE_CHECKING:
    from elevenlabs import ElevenLabs

TEXT = "Ruby is a programming language designed for developer happiness."
RACHEL = "21m00Tcm4TlvDq8ikWAM"
SAMPLES = (np.sin(np.arange(24_001) / 10) * 9000).astype("<i2")
SETTINGS = {
    "stability": 0.5,
    "similarity_boost": 0.75,
    "style": 0.5,
    "use_speaker_boost": True,
}
MP3 = [as_media(media("mp3"), "audio/mpeg", {"request-id": "r-1"})]


def elevenlabs(recorder: Recorder, **config: Any) -> dict[str, Any]:
    return named(recorder, "elevenlabs", **config)


def fields(request: Request) -> dict[str, list[str]]:
    """The fields of a form by name; a file is told by its type."""
    told: dict[str, list[str]] = {}
    for part in request.form():
        told.setdefault(part.name, []).append(part.content_type or part.text)
    return told


def assert_the_same(mine: Request, theirs: Request) -> None:
    """Assert that both ask for the same: all but the headers that any client has of its own."""
    assert (mine.method, mine.target) == (theirs.method, theirs.target)
    assert mine.header("xi-api-key") == theirs.header("xi-api-key") == KEY
    assert mine.content_type == theirs.content_type
    if mine.content_type == "application/json":
        assert mine.json() == theirs.json()


@pytest.fixture
def theirs(recorder: Recorder) -> Iterator[ElevenLabs]:
    """The official client, which asks the recorder."""
    from elevenlabs import ElevenLabs
    from httpx import Client as HTTPClient

    with HTTPClient() as http:
        yield ElevenLabs(api_key=KEY, base_url=recorder.url, httpx_client=http)


# ── speech ──

SPEAKING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all": {
        "voice": "JBFqnCBsd6RMkjVDRZzb",
        "model": "eleven_flash_v2_5",
        "language": "de-AT",
        "speed": 1.1,
        "stability": 0.3,
        "similarity_boost": 1.0,
        "style": 0.0,
        "use_speaker_boost": False,
        "seed": 2**32 - 1,
        "previous_text": "Listen.",
        "next_text": "That was all.",
        "output_format": "mp3",
        "sample_rate": 44_100,
        "bitrate_kbps": 192,
        "extra": {"apply_text_normalization": "off"},
    },
    "opus": {"output_format": "opus"},
    "wav": {"output_format": "wav", "sample_rate": 16_000},
}


@pytest.mark.parametrize("options", SPEAKING.values(), ids=SPEAKING)
def test_spec_speech(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = MP3
    told = ask(recorder, elevenlabs(recorder), "tts.generate_audio", TEXT, verify=False, **options)
    assert judges("elevenlabs").judge(told.only) == []
    assert told.result.meta.model == options.get("model", "eleven_multilingual_v2")
    assert told.result.meta.request_id == "r-1"


@pytest.mark.parametrize("options", [{}, {**SPEAKING["all"], "word_times": True}])
def test_spec_speech_with_times(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_json({"audio_base64": base64.b64encode(media("mp3")).decode()})]
    told = ask(
        *(recorder, elevenlabs(recorder), "tts.generate_audio", TEXT),
        **{"word_times": True, "verify": False, **options},
    )
    assert judges("elevenlabs").judge(told.only) == []
    assert told.only.path.endswith("/with-timestamps")


@pytest.mark.parametrize("options", [{}, {**SPEAKING["all"], "bitrate_kbps": None}])
def test_spec_streamed_speech(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_media(SAMPLES.tobytes(), "audio/pcm")]
    with Client(tts=elevenlabs(recorder)) as client:
        stream = client.tts.stream_audio(TEXT, **{"verify": False, **options})
        assert {chunk.sample_rate for chunk in stream} == {options.get("sample_rate", 24_000)}
    assert judges("elevenlabs").judge(recorder.only) == []


def test_speech_has_the_settings_of_the_configuration_unless_a_call_says_otherwise(
    recorder: Recorder,
) -> None:
    recorder.script = MP3
    verb = "tts.generate_audio"
    told = ask(recorder, elevenlabs(recorder), verb, TEXT, verify=False)
    assert told.only.path == f"/v1/text-to-speech/{RACHEL}"
    assert told.only.query == []
    assert told.only.json() == {
        "text": TEXT,
        "model_id": "eleven_multilingual_v2",
        "voice_settings": SETTINGS,
    }
    told = ask(recorder, elevenlabs(recorder), verb, TEXT, verify=False, stability=1.0, speed=0.9)
    assert told.only.json()["voice_settings"] == {**SETTINGS, "stability": 1.0, "speed": 0.9}
    own = dict.fromkeys(SETTINGS)
    spec = elevenlabs(recorder, default_voice="a/b") | own
    told = ask(recorder, spec, verb, TEXT, verify=False)
    assert told.only.json() == {"text": TEXT, "model_id": "eleven_multilingual_v2"}
    assert told.only.path == "/v1/text-to-speech/a%2Fb"


def test_sdk_speech(recorder: Recorder, theirs: ElevenLabs) -> None:
    from elevenlabs import VoiceSettings

    recorder.script = MP3
    options = dict(SPEAKING["all"])
    mine = ask(
        recorder, elevenlabs(recorder), "tts.generate_audio", TEXT, verify=False, **options
    ).only
    recorder.requests.clear()
    said: dict[str, Any] = {
        "text": TEXT,
        "model_id": "eleven_flash_v2_5",
        "language_code": "de",
        "seed": 2**32 - 1,
        "previous_text": "Listen.",
        "next_text": "That was all.",
        "apply_text_normalization": "off",
        "voice_settings": VoiceSettings(
            stability=0.3, similarity_boost=1.0, style=0.0, use_speaker_boost=False, speed=1.1
        ),
    }
    sound = theirs.text_to_speech.convert(
        "JBFqnCBsd6RMkjVDRZzb", output_format="mp3_44100_192", **said
    )
    assert b"".join(sound) == media("mp3")
    assert_the_same(mine, recorder.only)

    recorder.script = [as_media(SAMPLES.tobytes(), "audio/pcm")]
    recorder.requests.clear()
    del options["voice"], options["bitrate_kbps"]
    with Client(tts=elevenlabs(recorder)) as client:
        list(client.tts.stream_audio(TEXT, "JBFqnCBsd6RMkjVDRZzb", verify=False, **options))
    mine = recorder.only
    recorder.requests.clear()
    list(theirs.text_to_speech.stream("JBFqnCBsd6RMkjVDRZzb", output_format="pcm_44100", **said))
    assert_the_same(mine, recorder.only)


def test_sdk_speech_with_times(recorder: Recorder, theirs: ElevenLabs) -> None:
    from elevenlabs import VoiceSettings

    recorder.script = [as_json({"audio_base64": base64.b64encode(media("mp3")).decode()})]
    mine = ask(
        *(recorder, elevenlabs(recorder), "tts.generate_audio", TEXT),
        word_times=True,
        verify=False,
    ).only
    recorder.requests.clear()
    theirs.text_to_speech.convert_with_timestamps(
        RACHEL,
        text=TEXT,
        model_id="eleven_multilingual_v2",
        voice_settings=VoiceSettings(
            stability=0.5, similarity_boost=0.75, style=0.5, use_speaker_boost=True
        ),
    )
    assert_the_same(mine, recorder.only)


@pytest.mark.parametrize("output_format", ["mp3", "pcm"])
def test_own_fake_times_of_words_are_read(recorder: Recorder, output_format: str) -> None:
    characters = [*"Hello  Ruby."] * 20
    starts = [index / 10 for index in range(len(characters))]
    ends = [start + 0.1 for start in starts]
    alignment = {
        "characters": characters,
        "character_start_times_seconds": starts,
        "character_end_times_seconds": ends,
    }
    sound = media("mp3") if output_format == "mp3" else SAMPLES.tobytes()
    recorder.script = [
        as_json({"audio_base64": base64.b64encode(sound).decode(), "alignment": alignment})
    ]
    told = ask(
        *(recorder, elevenlabs(recorder), "tts.generate_audio", TEXT),
        word_times=True,
        output_format=output_format,
        verify=False,
    )
    wanted = {"mp3": "audio/mpeg", "pcm": "audio/wav"}[output_format]
    assert told.result.media_type == wanted
    raw = told.result.meta.raw
    assert raw["words"][0] == {"text": "Hello", "start": 0.0, "end": 0.5}
    assert [word["text"] for word in raw["words"][1:3]] == ["Ruby.Hello", "Ruby.Hello"]
    assert raw["alignment"] == alignment, "no character of a long text is left out"
    assert raw["normalized_alignment"] is None


def test_own_fake_speech_is_streamed_as_samples_cut_anywhere(recorder: Recorder) -> None:
    content = SAMPLES.tobytes()
    pieces = [content[:7], content[7:4000], content[4000:]]
    recorder.script = [Answer(200, {"content-type": "audio/pcm"}, pieces)]
    with Client(tts=elevenlabs(recorder)) as client:
        stream = client.tts.stream_audio("Ruby.", verify=False, output_format="mp3")
        got = np.concatenate([chunk.samples for chunk in stream])
        assert (stream.result.sample_rate, stream.result.media_type) == (24_000, "audio/wav")
    assert bool(np.array_equal(got, SAMPLES))
    assert recorder.only.target.endswith("/stream?output_format=pcm_24000")
    with (
        Client(tts=elevenlabs(recorder)) as client,
        pytest.raises(BadOption, match=r"no word_times; use generate_audio"),
    ):
        list(client.tts.stream_audio(TEXT, word_times=True))


def test_own_fake_raw_samples_become_a_wav(recorder: Recorder) -> None:
    recorder.script = [as_media(SAMPLES.tobytes(), "audio/pcm")]
    told = ask(
        *(recorder, elevenlabs(recorder), "tts.generate_audio", TEXT),
        output_format="pcm",
        sample_rate=16_000,
        verify=False,
    )
    assert told.only.query == [("output_format", "pcm_16000")]
    assert (told.result.media_type, told.result.sample_rate) == ("audio/wav", 16_000)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"language": "de"}, "eleven_multilingual_v2 of tts/elevenlabs has no language"),
        ({"model": "eleven_v3", "previous_text": "So."}, "has no previous_text"),
        ({"model": "eleven_v3", "next_text": "So."}, "has no next_text"),
        ({"speed": 1.3}, "0.7 and 1.2"),
        ({"seed": 2**32}, "between 0 and 4294967295"),
        ({"output_format": "mp3", "sample_rate": 48_000}, "no mp3 of 48000 Hz; choose among 44100"),
        ({"bitrate_kbps": 320}, "no mp3 of 320 kbit/s"),
        ({"output_format": "pcm", "bitrate_kbps": 64}, "no pcm of 64 kbit/s"),
    ],
)
def test_what_a_model_has_not_is_refused(
    recorder: Recorder, options: dict[str, Any], told: str
) -> None:
    with (
        Client(tts=elevenlabs(recorder)) as client,
        pytest.raises(BadOption, match=told),
    ):
        client.tts.generate_audio(TEXT, **options)
    assert recorder.requests == []


# ── voices ──

VOICES = {
    "voices": [
        {
            "voice_id": "zMyClone",
            "name": "My own voice",
            "category": "cloned",
            "labels": {},
            "verified_languages": [{"language": "de", "model_id": "eleven_v3"}],
        },
        {
            "voice_id": RACHEL,
            "name": "Rachel",
            "category": "premade",
            "labels": {"gender": "female", "accent": "American"},
            "verified_languages": [
                {"language": "en", "model_id": "eleven_v3"},
                {"language": "fr", "model_id": "eleven_v3"},
            ],
        },
        {"voice_id": "bare", "name": "Bare", "category": "generated", "labels": {"gender": "?"}},
    ]
}


def test_spec_voices(recorder: Recorder, judges: Panel) -> None:
    recorder.script = [as_json(VOICES)]
    told = ask(recorder, elevenlabs(recorder), "tts.list_voices")
    assert judges("elevenlabs").judge(told.only) == []
    assert told.result == [RACHEL, "bare", "zMyClone"]


def test_sdk_voices(recorder: Recorder, theirs: ElevenLabs) -> None:
    recorder.script = [as_json(VOICES)]
    mine = ask(recorder, elevenlabs(recorder), "tts.voices")
    assert mine.result == [
        Voice("zMyClone", "de", None, "My own voice"),
        Voice(RACHEL, None, "female", "Rachel"),
        Voice("bare", None, None, "Bare"),
    ]
    recorder.requests.clear()
    theirs.voices.get_all()
    assert_the_same(mine.only, recorder.only)


def test_without_a_key_the_catalogue_alone_has_voices(
    recorder: Recorder, home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEVENLABS_BASE_URL", recorder.url)
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    binding = TTSBindingManager().create_binding("elevenlabs")
    monkeypatch.delenv("ELEVENLABS_API_KEY")
    assert binding.list_voices() == [RACHEL]
    assert binding.voices() == [Voice(RACHEL)]
    assert recorder.requests == []


# ── transcripts ──

LAUGHTER = {
    "text": "(laughter)",
    "start": 1.1,
    "end": 2.0,
    "type": "audio_event",
    "speaker_id": "speaker_0",
}
HEARD: dict[str, Any] = {
    "language_code": "eng",
    "language_probability": 0.98,
    "text": "Hello there. (laughter) Hi! How are you",
    "audio_duration_secs": 9.5,
    "words": [
        {"text": "Hello", "start": 0.1, "end": 0.5, "type": "word", "speaker_id": "speaker_0"},
        {"text": " ", "start": 0.5, "end": 0.6, "type": "spacing", "speaker_id": "speaker_0"},
        {"text": "there.", "start": 0.6, "end": 1.0, "type": "word", "speaker_id": "speaker_0"},
        {"text": " ", "start": 1.0, "end": 1.1, "type": "spacing", "speaker_id": "speaker_0"},
        LAUGHTER,
        {"text": " ", "start": 2.0, "end": 2.1, "type": "spacing"},
        {"text": "Hi!", "start": 2.1, "end": 2.4, "type": "word", "speaker_id": "speaker_1"},
        {"text": " ", "start": 2.4, "end": 2.5, "type": "spacing", "speaker_id": "speaker_1"},
        {"text": "How", "start": 2.5, "end": 2.7, "type": "word", "speaker_id": "speaker_1"},
        {"text": " ", "start": 2.7, "end": 2.8, "type": "spacing", "speaker_id": "speaker_1"},
        {"text": "are", "start": 2.8, "end": 3.0, "type": "word", "speaker_id": "speaker_1"},
        {"text": " ", "start": 3.0, "end": 6.0, "type": "spacing", "speaker_id": "speaker_1"},
        {"text": "you", "start": 6.0, "end": 6.2, "type": "word", "speaker_id": "speaker_1"},
    ],
}
for _word in HEARD["words"]:
    _word["logprob"] = -0.1

HEARING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all": {
        "model": "scribe_v1",
        "language": "en-GB",
        "word_times": True,
        "diarize": True,
        "num_speakers": 2,
        "keywords": ["Ruby", "developer happiness"],
        "audio_events": False,
        "temperature": 0.5,
        "seed": 2**31 - 1,
        "extra": {"timestamps_granularity": "character"},
    },
}


@pytest.mark.parametrize("options", HEARING.values(), ids=HEARING)
def test_spec_hearing(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_json(HEARD)]
    told = ask(
        *(recorder, elevenlabs(recorder), "stt.transcribe_audio", media("wav")),
        verify=False,
        **options,
    )
    assert judges("elevenlabs").judge(told.only) == []
    assert told.result == HEARD["text"]


def test_sdk_hearing(recorder: Recorder, theirs: ElevenLabs) -> None:
    recorder.script = [as_json(HEARD)]
    sound = media("wav")
    options = {**HEARING["all"], "extra": {"diarization_threshold": 0.2}}
    mine = ask(
        *(recorder, elevenlabs(recorder), "stt.transcribe_audio", sound), verify=False, **options
    ).only
    recorder.requests.clear()
    theirs.speech_to_text.convert(
        model_id="scribe_v1",
        file=("audio.wav", sound, "audio/wav"),
        language_code="en",
        diarize=True,
        num_speakers=2,
        keyterms=["Ruby", "developer happiness"],
        tag_audio_events=False,
        temperature=0.5,
        seed=2**31 - 1,
        diarization_threshold=0.2,
    )
    other = recorder.only
    assert_the_same(mine, other)
    # What the SDK writes for what it wasn't given.
    said = {name: texts for name, texts in fields(other).items() if texts != ["null"]}
    assert fields(mine) == said
    (sent,) = [part for part in mine.form() if part.filename]
    (said_,) = [part for part in other.form() if part.filename]
    assert sent.content == said_.content, "another file"


def test_own_fake_segments_end_with_sentence_speaker_or_silence(recorder: Recorder) -> None:
    recorder.script = [as_json(HEARD)]
    verb = "stt.transcribe_audio"
    told = ask(
        *(recorder, elevenlabs(recorder), verb, media("wav")),
        diarize=True,
        word_times=True,
        verify=False,
    )
    likely = math.exp(-0.1)
    assert [segment._replace(words=()) for segment in told.result.segments] == [
        Segment(0.1, 1.0, "Hello there.", (), "speaker_0"),
        Segment(1.1, 2.0, "(laughter)", (), "speaker_0"),
        Segment(2.1, 2.4, "Hi!", (), "speaker_1"),
        Segment(2.5, 3.0, "How are", (), "speaker_1"),
        Segment(6.0, 6.2, "you", (), "speaker_1"),
    ]
    assert told.result.segments[0].words == (
        Word(0.1, 0.5, "Hello", likely),
        Word(0.6, 1.0, "there.", likely),
    )
    assert told.result.segments[1].words == ()
    assert (told.result.language, told.result.language_probability) == ("en", 0.98)
    assert told.result.duration_s == 9.5
    plain = ask(recorder, elevenlabs(recorder), verb, media("wav"), verify=False).result
    assert [segment.text for segment in plain.segments] == [
        *("Hello there.", "(laughter) Hi!", "How are", "you"),
    ]
    assert plain.words == ()
    assert {segment.speaker for segment in plain.segments} == {None}


def test_own_fake_a_transcript_without_times_has_no_segments(recorder: Recorder) -> None:
    recorder.script = [as_json({"language_code": "yue", "text": "你好", "words": []})]
    told = ask(
        *(recorder, elevenlabs(recorder), "stt.transcribe_audio", media("wav")),
        extra={"timestamps_granularity": "none"},
        verify=False,
    )
    assert (told.result, told.result.segments, told.result.language) == ("你好", (), "yue")


def test_a_number_of_speakers_goes_with_diarize(recorder: Recorder) -> None:
    with (
        Client(stt=elevenlabs(recorder)) as client,
        pytest.raises(BadOption, match="give stt/elevenlabs diarize"),
    ):
        client.stt.transcribe_audio(media("wav"), num_speakers=2)
    assert recorder.requests == []


# ── music ──

PLAN = {
    "positive_global_styles": ["pop"],
    "negative_global_styles": [],
    "sections": [
        {
            "section_name": "Chorus",
            "positive_local_styles": ["loud"],
            "negative_local_styles": [],
            "duration_ms": 10_000,
            "lines": ["Ruby, Ruby"],
        }
    ],
}
COMPOSING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all of a song": {
        "model": "music_v1",
        "duration_s": 3.0,
        "lyrics": "Ruby, Ruby",
        "instrumental": False,
        "output_format": "mp3",
        "sample_rate": 48_000,
        "bitrate_kbps": 320,
        "extra": {"sign_with_c2pa": True},
    },
    "the longest instrumental": {
        "duration_s": 600.0,
        "instrumental": True,
        "output_format": "opus",
    },
    "a plan": {"composition_plan": PLAN, "seed": 2**31 - 1},
}


@pytest.mark.parametrize("options", COMPOSING.values(), ids=COMPOSING)
def test_spec_music(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_media(media("mp3"), "audio/mpeg", {"song-id": "s-1"})]
    told = ask(
        *(recorder, elevenlabs(recorder), "ttm.generate_music", "a song of joy"),
        verify=False,
        **options,
    )
    assert judges("elevenlabs").judge(told.only) == []
    assert told.result.meta.raw == {"song_id": "s-1"}
    assert told.result.meta.model == options.get("model", "music_v2")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"duration_s": 12.3456, "instrumental": True},
            {"prompt": "a song of joy", "music_length_ms": 12_346, "force_instrumental": True},
        ),
        ({"composition_plan": PLAN, "seed": 7}, {"composition_plan": PLAN, "seed": 7}),
    ],
    ids=["a prompt", "a plan"],
)
def test_sdk_music(
    recorder: Recorder, theirs: ElevenLabs, options: dict[str, Any], said: dict[str, Any]
) -> None:
    recorder.script = MP3
    mine = ask(
        *(recorder, elevenlabs(recorder), "ttm.generate_music", "a song of joy"),
        verify=False,
        bitrate_kbps=192,
        **options,
    ).only
    recorder.requests.clear()
    list(theirs.music.compose(model_id="music_v2", output_format="mp3_44100_192", **said))
    assert_the_same(mine, recorder.only)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"duration_s": 2.9}, "between 3 and 600"),
        ({"duration_s": 600.5}, "between 3 and 600"),
        ({"seed": 7}, "takes a seed with composition_plan alone"),
        ({"composition_plan": PLAN, "duration_s": 30.0}, "says all that duration_s would"),
        ({"composition_plan": PLAN, "lyrics": "la"}, "says all that lyrics would"),
        ({"lyrics": "la", "instrumental": True}, "lyrics for an instrumental"),
        ({"lyrics": "la " * 1334}, "4002 characters; ttm/elevenlabs takes 4000"),
        ({"output_format": "opus", "sample_rate": 44_100}, "no opus of 44100 Hz"),
    ],
)
def test_music_that_cannot_be_is_refused(
    recorder: Recorder, options: dict[str, Any], told: str
) -> None:
    with (
        Client(ttm=elevenlabs(recorder)) as client,
        pytest.raises(BadOption, match=told),
    ):
        client.ttm.generate_music("a song", **options)
    assert recorder.requests == []


# ── sound effects ──

SOUNDING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all": {
        "model": "eleven_text_to_sound_v2",
        "duration_s": 0.5,
        "prompt_influence": 1.0,
        "loop": True,
        "output_format": "mp3",
        "sample_rate": 22_050,
        "bitrate_kbps": 32,
        "extra": {},
    },
    "the longest": {"duration_s": 30.0, "output_format": "opus", "loop": False},
}


@pytest.mark.parametrize("options", SOUNDING.values(), ids=SOUNDING)
def test_spec_sounds(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = MP3
    told = ask(
        *(recorder, elevenlabs(recorder), "sfx.generate_sound", "a door creaks"),
        verify=False,
        **options,
    )
    assert judges("elevenlabs").judge(told.only) == []
    assert told.result.media_type == "audio/mpeg"
    assert told.result.meta.model == "eleven_text_to_sound_v2"


def test_sdk_sounds(recorder: Recorder, theirs: ElevenLabs) -> None:
    recorder.script = MP3
    mine = ask(
        *(recorder, elevenlabs(recorder), "sfx.generate_sound", "a door creaks"),
        verify=False,
        **SOUNDING["all"],
    ).only
    recorder.requests.clear()
    list(
        theirs.text_to_sound_effects.convert(
            text="a door creaks",
            model_id="eleven_text_to_sound_v2",
            duration_seconds=0.5,
            prompt_influence=1.0,
            loop=True,
            output_format="mp3_22050_32",
        )
    )
    assert_the_same(mine, recorder.only)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"duration_s": 0.4}, "between 0.5 and 30"),
        ({"duration_s": 30.1}, "between 0.5 and 30"),
        ({"prompt_influence": 1.1}, "between 0 and 1"),
        ({"bitrate_kbps": 320}, "no mp3 of 320 kbit/s"),
    ],
)
def test_a_sound_that_cannot_be_is_refused(
    recorder: Recorder, options: dict[str, Any], told: str
) -> None:
    with (
        Client(sfx=elevenlabs(recorder)) as client,
        pytest.raises(BadOption, match=told),
    ):
        client.sfx.generate_sound("a door creaks", **options)
    assert recorder.requests == []


# ── failures ──


@pytest.mark.parametrize(
    ("status", "detail", "kind"),
    [
        (401, {"status": "invalid_api_key", "message": "Invalid API key"}, KeyRefused),
        (400, {"status": "invalid_api_key", "message": "Invalid API key"}, KeyRefused),
        (401, {"status": "quota_exceeded", "message": "103 are required"}, QuotaExceeded),
        (401, {"status": "max_character_limit_exceeded", "message": "627 of 333"}, NotSupported),
        (400, {"status": "voice_not_found", "message": "none of that id"}, UnknownVoice),
        (404, {"status": "voice_not_found", "message": "none of that id"}, UnknownVoice),
        (403, {"status": "only_for_creator+", "message": "192 kbit/s"}, NotSupported),
        (
            400,
            {
                "type": "validation_error",
                "code": "unsupported_model",
                "message": "Providing previous_text isn't supported",
            },
            NotSupported,
        ),
        (400, {"status": "bad_prompt", "message": "a band's name"}, ContentRefused),
        (429, {"status": "too_many_concurrent_requests", "message": "2 at once"}, RateLimited),
        (429, {"status": "system_busy", "message": "heavy traffic"}, RateLimited),
        (422, [{"loc": ["body", "text"], "msg": "is missing", "type": "missing"}], ServiceError),
    ],
)
def test_own_fake_errors_have_their_kind(
    recorder: Recorder, status: int, detail: Any, kind: type[OmnibindError]
) -> None:
    recorder.script = [as_json({"detail": detail}, status, {"retry-after": "0"})]
    with Client(ttm=elevenlabs(recorder)) as client, pytest.raises(kind) as caught:
        client.ttm.generate_music("a song")
    error = caught.value
    assert type(error) is kind
    words = "body.text: is missing" if isinstance(detail, list) else detail["message"]
    assert words in str(error)
    assert str(status) in str(error)
    if isinstance(error, ServiceError):
        assert error.status == status


def test_own_fake_no_key_is_shown_in_an_error(recorder: Recorder) -> None:
    detail = {"status": "quota_exceeded", "message": f"the account of {KEY} is spent"}
    recorder.script = [as_json({"detail": detail}, 401)]
    with Client(tts=elevenlabs(recorder)) as client, pytest.raises(QuotaExceeded) as caught:
        client.tts.generate_audio(TEXT)
    assert KEY not in str(caught.value)
    assert "the account of *** is spent" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "options", "kind", "told"),
    [
        (as_media(b"", "audio/mpeg"), {}, BadReply, "an empty sound"),
        (as_media(media("png"), "audio/mpeg"), {}, BadReply, "instead of a sound"),
        (as_json({"detail": {"message": "no"}}), {}, CallFailed, "no"),
        (as_json({"alignment": None}), {"word_times": True}, BadReply, "no audio_base64"),
        (as_json({"audio_base64": "?"}), {"word_times": True}, BadReply, "damaged base64"),
        (as_json({"audio_base64": 5}), {"word_times": True}, BadReply, "damaged base64"),
        (
            as_json({"audio_base64": base64.b64encode(media("png")).decode()}),
            {"word_times": True},
            BadReply,
            "instead of a sound",
        ),
        (
            as_media(SAMPLES.tobytes()[:-1], "audio/pcm"),
            {"output_format": "pcm"},
            BadReply,
            "ends within a sample",
        ),
    ],
)
def test_own_fake_what_is_no_speech_is_an_error(
    recorder: Recorder,
    answer: Answer,
    options: dict[str, Any],
    kind: type[OmnibindError],
    told: str,
) -> None:
    recorder.script = [answer]
    with Client(tts=elevenlabs(recorder)) as client, pytest.raises(kind, match=told):
        client.tts.generate_audio(TEXT, **options)


def test_vendors_words_are_told_ours(recorder: Recorder) -> None:
    with Client(tts=elevenlabs(recorder)) as client:
        with pytest.raises(UnknownOption, match="the name here is 'language'"):
            client.tts.generate_audio(TEXT, language_code="de")
        with pytest.raises(UnknownOption):
            client.tts.generate_audio(TEXT, instructions="Whisper.")


@pytest.mark.parametrize("modality", ["tts", "stt", "ttm", "sfx"])
def test_without_a_key_the_command_is_told(
    modality: str, home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    with Client(**{modality: "elevenlabs"}) as client:  # type: ignore[arg-type]  # any modality
        handle = getattr(client, modality)
        assert handle.state == "needs-key"
        with pytest.raises(KeyMissing, match="omnibind keys set ELEVENLABS_API_KEY"):
            handle.load()

"""Google Cloud's speech; nobody publishes a specification of it that could judge."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from tests.remote.asking import KEY, ask, digest, named
from tests.remote.real_media import media
from tests.remote.recorder import Recorder, Request, as_json

from omnibind import AsyncClient, Client
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    BadReply,
    BudgetExceeded,
    KeyMissing,
    KeyRefused,
    OmnibindError,
    ServiceError,
    UnknownOption,
    UnknownVoice,
)
from omnibind.contracts.tts import Voice

pytestmark = pytest.mark.usefixtures("home")

TEXT = "The quick brown fox."
VOICES = {
    "voices": [
        {
            "languageCodes": ["en-US"],
            "name": "en-US-Neural2-D",
            "ssmlGender": "MALE",
            "naturalSampleRateHertz": 24000,
        },
        {"languageCodes": ["de-DE"], "name": "de-DE-Chirp3-HD-Kore", "ssmlGender": "FEMALE"},
        {"name": "odd", "ssmlGender": "SSML_VOICE_GENDER_UNSPECIFIED"},
    ]
}


def spoken(kind: str = "wav") -> dict[str, str]:
    return {"audioContent": base64.b64encode(media(kind)).decode()}


def speaks(recorder: Recorder, text: str, *voice: str, **options: Any) -> Request:
    recorder.script = [as_json(spoken())]
    spec = named(recorder, "google", "/v1")
    return ask(recorder, spec, "tts.generate_audio", text, *voice, verify=False, **options).only


def test_own_fake_a_text_is_spoken_by_the_usual_voice(recorder: Recorder) -> None:
    request = speaks(recorder, TEXT)
    assert (request.method, request.target) == ("POST", "/v1/text:synthesize")
    assert request.header("x-goog-api-key") == KEY
    assert request.header("authorization") is None
    assert request.json() == {
        "input": {"text": TEXT},
        "voice": {"languageCode": "en-US", "name": "en-US-Neural2-D"},
        "audioConfig": {"audioEncoding": "LINEAR16"},
    }


def test_own_fake_all_options_are_sent(recorder: Recorder) -> None:
    request = speaks(
        recorder,
        TEXT,
        "Kore",
        language="de-DE",
        model="gemini-2.5-flash-tts",
        instructions="Whisper.",
        speed=1.5,
        pitch_semitones=-2.5,
        volume_db=6,
        sample_rate=48000,
        output_format="mp3",
        extra={"audioConfig": {"effectsProfileId": ["headphone-class-device"]}},
    )
    assert request.json() == {
        "input": {"text": TEXT, "prompt": "Whisper."},
        "voice": {"languageCode": "de-DE", "name": "Kore", "modelName": "gemini-2.5-flash-tts"},
        "audioConfig": {
            "audioEncoding": "MP3",
            "speakingRate": 1.5,
            "pitch": -2.5,
            "volumeGainDb": 6,
            "sampleRateHertz": 48000,
            "effectsProfileId": ["headphone-class-device"],
        },
    }


@pytest.mark.parametrize(
    ("text", "options", "field"),
    [
        ("<speak>The fox.</speak>", {}, "ssml"),
        ('  <speak version="1.1">The fox.</speak>', {}, "ssml"),
        ("<speak>is a tag</speak>", {"ssml": False}, "text"),
        ("The fox.", {"ssml": True}, "ssml"),
        ("The <speak> tag begins it.", {}, "text"),
    ],
)
def test_own_fake_ssml_is_known_by_how_it_begins(
    recorder: Recorder, text: str, options: dict[str, Any], field: str
) -> None:
    assert list(speaks(recorder, text, **options).json()["input"]) == [field]


@pytest.mark.parametrize(
    ("voice", "options", "said"),
    [
        (["de-DE-Chirp3-HD-Kore"], {}, {"languageCode": "de-DE", "name": "de-DE-Chirp3-HD-Kore"}),
        (["cmn-CN-Wavenet-A"], {}, {"languageCode": "cmn-CN", "name": "cmn-CN-Wavenet-A"}),
        ([], {"language": "fr-FR"}, {"languageCode": "fr-FR"}),
        ([], {"language": "en-US"}, {"languageCode": "en-US", "name": "en-US-Neural2-D"}),
    ],
)
def test_own_fake_the_language_is_the_voices_own(
    recorder: Recorder, voice: list[str], options: dict[str, Any], said: dict[str, str]
) -> None:
    assert speaks(recorder, TEXT, *voice, **options).json()["voice"] == said


def test_own_fake_a_voice_without_a_language_needs_one(recorder: Recorder) -> None:
    with pytest.raises(BadOption, match="the voice Kore of tts/google names no language"):
        speaks(recorder, TEXT, "Kore")


def test_own_fake_the_limit_counts_bytes(recorder: Recorder) -> None:
    speaks(recorder, "é" * 2500)
    with pytest.raises(BadInput, match="5002 bytes; tts/google takes at most 5000"):
        speaks(recorder, "é" * 2501)
    with pytest.raises(BadInput, match="5001 characters"):
        speaks(recorder, "e" * 5001)


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus"])
def test_own_fake_the_sound_is_what_came(recorder: Recorder, kind: str) -> None:
    recorder.script = [as_json(spoken(kind))]
    spec = named(recorder, "google", "/v1")
    told = ask(recorder, spec, "tts.generate_audio", TEXT, verify=False, output_format=kind)
    assert digest(told.result) == digest(media(kind))
    raw = told.result.meta.raw
    assert raw == {"audioContent": f"{len(spoken(kind)['audioContent'])} characters"}


@pytest.mark.parametrize(
    ("voice", "usd"),
    [
        ("en-US-Neural2-D", 16e-6),
        ("de-DE-Wavenet-B", 16e-6),
        ("de-DE-Standard-A", 4e-6),
        ("de-DE-Chirp3-HD-Kore", None),
    ],
)
def test_own_fake_the_cost_is_estimated_by_the_kind_of_voice(
    recorder: Recorder, voice: str, usd: float | None
) -> None:
    recorder.script = [as_json(spoken())]
    spec = named(recorder, "google", "/v1")
    meta = ask(recorder, spec, "tts.generate_audio", TEXT, voice, verify=False).result.meta
    assert meta.cost_usd == (None if usd is None else pytest.approx(usd * len(TEXT)))
    assert meta.cost_basis == ("unknown" if usd is None else "estimated")
    assert meta.model == voice


def test_own_fake_a_budget_holds_for_the_usual_voice(recorder: Recorder) -> None:
    recorder.script = [as_json(spoken())]
    spec = named(recorder, "google", "/v1")
    ask(recorder, spec, "tts.generate_audio", TEXT, verify=False, budget_usd=0.001)
    with pytest.raises(BudgetExceeded, match="estimated at"):
        ask(recorder, spec, "tts.generate_audio", TEXT, verify=False, budget_usd=0.0001)


def test_own_fake_the_service_lists_its_voices(recorder: Recorder) -> None:
    recorder.script = [as_json(VOICES)]
    spec = named(recorder, "google", "/v1")
    told = ask(recorder, spec, "tts.list_voices")
    assert told.result == ["de-DE-Chirp3-HD-Kore", "en-US-Neural2-D", "odd"]
    assert (told.only.method, told.only.target) == ("GET", "/v1/voices")
    assert told.only.header("x-goog-api-key") == KEY
    only = ask(recorder, spec, "tts.list_voices", language="de-DE").only
    assert only.target == "/v1/voices?languageCode=de-DE"
    assert ask(recorder, spec, "tts.voices").result == [
        Voice("de-DE-Chirp3-HD-Kore", "de-DE", "female"),
        Voice("en-US-Neural2-D", "en-US", "male"),
        Voice("odd"),
    ]


def failure(code: int, status: str, message: str, **detail: Any) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": [detail]}}


FAILURES: dict[str, tuple[dict[str, Any], type[OmnibindError], str | None]] = {
    # the reason tells, whatever the words
    "bad key": (
        failure(400, "INVALID_ARGUMENT", "Clé refusée.", reason="API_KEY_INVALID"),
        KeyRefused,
        "API_KEY_INVALID",
    ),
    "not allowed": (
        failure(403, "PERMISSION_DENIED", "Requests are blocked.", reason="SERVICE_DISABLED"),
        KeyRefused,
        "SERVICE_DISABLED",
    ),
    "unknown voice": (
        failure(400, "INVALID_ARGUMENT", "Voice 'en-US-X-Y' does not exist. Is it misspelled?"),
        UnknownVoice,
        None,
    ),
    "wrong SSML": (
        failure(400, "INVALID_ARGUMENT", "Invalid SSML. Newer voices may require valid SSML."),
        ServiceError,
        "INVALID_ARGUMENT",
    ),
}


@pytest.mark.parametrize(("body", "error", "code"), FAILURES.values(), ids=FAILURES)
def test_own_fake_failures_are_told_by_their_reason(
    recorder: Recorder, body: dict[str, Any], error: type[OmnibindError], code: str | None
) -> None:
    recorder.script = [as_json(body, status=body["error"]["code"])]
    with pytest.raises(OmnibindError) as caught:
        ask(recorder, named(recorder, "google", "/v1"), "tts.generate_audio", TEXT)
    assert type(caught.value) is error
    assert getattr(caught.value, "code", None) == code
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({}, "has no audioContent"),
        ({"audioContent": ""}, "empty sound"),
        ({"audioContent": "%"}, "damaged base64"),
        ({"audioContent": base64.b64encode(media("png")).decode()}, "instead of a sound"),
    ],
)
def test_own_fake_a_reply_without_a_sound_is_an_error(
    recorder: Recorder, reply: dict[str, str], words: str
) -> None:
    recorder.script = [as_json(reply)]
    with pytest.raises(BadReply, match=words):
        ask(recorder, named(recorder, "google", "/v1"), "tts.generate_audio", TEXT)


def test_own_fake_what_the_service_has_not_is_unknown(recorder: Recorder) -> None:
    with pytest.raises(UnknownOption, match="seed"):
        speaks(recorder, TEXT, seed=1)
    with pytest.raises(BadOption, match="speed"):
        speaks(recorder, TEXT, speed=3.0)


def test_a_missing_key_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with Client(tts="google") as client, pytest.raises(KeyMissing, match="keys set GOOGLE_API_KEY"):
        client.tts.list_voices()

    async def again() -> None:
        async with AsyncClient(tts="google") as client:
            await client.tts.generate_audio(TEXT)

    with pytest.raises(KeyMissing, match="keys set GOOGLE_API_KEY"):
        asyncio.run(again())

"""Gemini's bindings: speech, pictures, videos."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import soundfile  # type: ignore[import-untyped]
from tests.remote.asking import KEY, ask, digest, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorded import Recording
from tests.remote.recorder import Answer, Recorder, Request, as_events, as_json, as_media

from omnibind import Client
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    BadReply,
    CallFailed,
    ContentRefused,
    KeyRefused,
    OmnibindError,
    RateLimited,
    Retired,
    ServiceError,
    UnknownBinding,
    UnknownModel,
    UnknownOption,
)
from omnibind.contracts.media import Image, Video
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

TEXT = "The quick brown fox jumps over the lazy dog."
DIALOGUE = "Anna: Good morning.\nBen: Is it?\nI doubt it."
SPEAKERS = {"Anna": "Kore", "Ben": "Puck"}
WAV = media("wav")
SAMPLES = soundfile.read(io.BytesIO(WAV), dtype="int16")[0].tobytes()
RAW = "audio/L16;codec=pcm;rate=24000"


def text64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def answered(*parts: dict[str, Any], end: str | None = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    candidate |= {"finishReason": end} if end else {}
    return {"candidates": [candidate], "responseId": "CL-FarDeAtv5xN8P", **more}


def inline(content: bytes, kind: str, **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": text64(content)}, **more}


SPOKEN = answered(inline(SAMPLES, RAW))
SIGNATURE = text64(b"a signature of the service's own" * 9)
PICTURE = inline(media("jpeg"), "image/jpeg", thoughtSignature=SIGNATURE)
DRAWN = answered({"text": "Here it is."}, PICTURE)


def gemini(recorder: Recorder, **config: Any) -> dict[str, Any]:
    return named(recorder, "gemini", "/v1beta", **config)


def speaks(recorder: Recorder, text: str = TEXT, *voice: str, **options: Any) -> Request:
    recorder.script = [as_json(SPOKEN)]
    spec = gemini(recorder)
    return ask(recorder, spec, "tts.generate_audio", text, *voice, verify=False, **options).only


def draws(recorder: Recorder, **options: Any) -> Request:
    recorder.script = [as_json(DRAWN)]
    return ask(recorder, gemini(recorder), "tti.generate_image", "a red fox", **options).only


def edits(recorder: Recorder, **options: Any) -> Request:
    recorder.script = [as_json(DRAWN)]
    spec, picture = gemini(recorder), media("png")
    return ask(recorder, spec, "tti.edit_image", "make it blue", picture, **options).only


# ── speech ──

SPEAKING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {
        "model": "gemini-3.8-flash-lite-tts",
        "language": "en-GB",
        "output_format": "mp3",
        "sample_rate": 44100,
        "extra": {"generationConfig": {"candidateCount": 1}, "store": False},
    },
    "a dialogue of an earlier model": {
        "model": "gemini-3.1-flash-tts-preview",
        "instructions": "Whisper",
        "speakers": SPEAKERS,
    },
}


@pytest.mark.parametrize("options", SPEAKING.values(), ids=SPEAKING)
def test_spec_judges_speech(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    assert judges("gemini").judge(speaks(recorder, DIALOGUE, **options)) == []


def test_spec_judges_a_dialogue_but_for_the_part_that_it_does_not_know(
    recorder: Recorder, judges: Panel
) -> None:
    request = speaks(recorder, DIALOGUE, speakers=SPEAKERS, instructions="whispering")
    body = request.json()
    for part in body["contents"][0]["parts"]:
        del part["speechMetadata"]
    assert judges("gemini").judge(request._replace(body=json.dumps(body).encode())) == []


def streams(recorder: Recorder, *events: dict[str, Any], **options: Any) -> Any:
    recorder.script = [as_events(events)]
    with Client(tts=gemini(recorder)) as client:
        stream = client.tts.stream_audio(TEXT, verify=False, **options)
        chunks = list(stream)
        return chunks, stream.result


def test_spec_judges_a_stream_which_is_emitted_as_it_comes(
    recorder: Recorder, judges: Panel
) -> None:
    half = len(SAMPLES) // 4 * 2
    first = answered(inline(SAMPLES[:half], RAW), end=None)
    last = answered(inline(SAMPLES[half:], RAW))
    chunks, result = streams(recorder, first, last, {"usageMetadata": {"totalTokenCount": 9}})
    assert judges("gemini").judge(recorder.only, beyond=["query.alt"]) == []
    assert recorder.only.target == (
        "/v1beta/models/gemini-3.8-flash-tts:streamGenerateContent?alt=sse"
    )
    assert [chunk.index for chunk in chunks] == [0, 1]
    assert b"".join(chunk.samples.tobytes() for chunk in chunks) == SAMPLES
    assert result.sample_rate == 24000
    assert result.duration_s == pytest.approx(1.0)


def test_own_fake_raw_samples_become_a_wav_at_the_rate_that_is_told(recorder: Recorder) -> None:
    recorder.script = [as_json(answered(inline(SAMPLES, "audio/L16;codec=pcm;rate=16000")))]
    told = ask(recorder, gemini(recorder), "tts.generate_audio", TEXT, verify=False)
    assert told.result.media_type == "audio/wav"
    assert told.result.sample_rate == 16000
    assert told.result.duration_s == pytest.approx(1.5)
    assert told.result.meta.request_id == "CL-FarDeAtv5xN8P"
    assert told.only.header("x-goog-api-key") == KEY
    assert told.only.header("authorization") is None
    spoken = told.only.json()["generationConfig"]["speechConfig"]
    assert spoken == {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus"])
def test_own_fake_a_file_stays_as_it_came(recorder: Recorder, kind: str) -> None:
    sound = media(kind)
    recorder.script = [as_json(answered(inline(sound, f"audio/{kind}")))]
    told = ask(recorder, gemini(recorder), "tts.generate_audio", TEXT, verify=False)
    assert digest(told.result) == digest(sound)


def test_own_fake_who_says_what_is_told_beside_the_words(recorder: Recorder) -> None:
    request = speaks(recorder, DIALOGUE, speakers=SPEAKERS, instructions="whispering")
    assert request.json()["contents"][0]["parts"] == [
        {"text": "Good morning.", "speechMetadata": {"speaker": "Anna", "style": "whispering"}},
        {"text": "Is it? I doubt it.", "speechMetadata": {"speaker": "Ben", "style": "whispering"}},
    ]


def test_own_fake_earlier_models_are_told_in_the_text(recorder: Recorder) -> None:
    options = {"model": "gemini-2.5-flash-preview-tts", "instructions": "Say it sadly"}
    body = speaks(recorder, **options).json()
    assert body["contents"][0]["parts"] == [{"text": f"Say it sadly: {TEXT}"}]
    with pytest.raises(BadOption, match="has no output_format"):
        speaks(recorder, **options, output_format="mp3")


def test_own_fake_a_voice_of_ones_own_is_named_by_its_id(recorder: Recorder) -> None:
    body = speaks(recorder, TEXT, "voice_1234").json()
    assert body["generationConfig"]["speechConfig"] == {"voiceConfig": {"voice": "voice_1234"}}


def test_own_fake_a_dialogue_needs_lines_of_its_speakers(recorder: Recorder) -> None:
    with pytest.raises(BadInput, match="begin it with Anna or Ben:"):
        speaks(recorder, TEXT, speakers=SPEAKERS)
    with pytest.raises(BadOption, match="either a voice or speakers"):
        speaks(recorder, DIALOGUE, "Kore", speakers=SPEAKERS)
    assert recorder.requests == []


def test_own_fake_a_sound_that_ends_early_says_so(recorder: Recorder) -> None:
    recorder.script = [as_json(answered(inline(SAMPLES, RAW), end="MAX_TOKENS"))]
    told = ask(recorder, gemini(recorder), "tts.generate_audio", TEXT, verify=False)
    assert told.result.meta.warnings == ("the service ended the sound early (MAX_TOKENS)",)
    whole = answered(inline(SAMPLES, RAW), end="MAX_TOKENS")
    with pytest.raises(BadReply, match=r"ended the sound early \(MAX_TOKENS\)"):
        streams(recorder, whole)


STREAMED: dict[str, tuple[dict[str, Any], type[OmnibindError], str]] = {
    "an error": (
        {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}},
        ServiceError,
        "Overloaded",
    ),
    "no sound": (answered(end="OTHER"), BadReply, r"without a sound \(OTHER\)"),
    "a refusal": (
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
        ContentRefused,
        "PROHIBITED_CONTENT",
    ),
    "a refusal after a while": (
        answered(inline(SAMPLES, RAW), end="SAFETY"),
        ContentRefused,
        "SAFETY",
    ),
    "half a sample": (answered(inline(SAMPLES[:3], RAW)), BadReply, "isn't of raw samples"),
    "another encoding": (answered(inline(WAV, "audio/wav")), BadReply, "isn't of raw samples"),
    "damaged text": (
        answered({"inlineData": {"mimeType": RAW, "data": "%%%"}}),
        BadReply,
        "damaged samples",
    ),
}


@pytest.mark.parametrize(("event", "error", "words"), STREAMED.values(), ids=STREAMED)
def test_own_fake_a_stream_that_fails_says_why(
    recorder: Recorder, event: dict[str, Any], error: type[OmnibindError], words: str
) -> None:
    with pytest.raises(error, match=words):
        streams(recorder, event)


def test_own_fake_a_stream_takes_no_encoding(recorder: Recorder) -> None:
    with pytest.raises(BadOption, match="no output_format"):
        streams(recorder, SPOKEN, output_format="mp3")


# ── pictures ──

DRAWING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {
        "model": "gemini-3-pro-image",
        "aspect_ratio": "21:9",
        "resolution": "4K",
        "references": [media("png"), media("webp")],
        "history": [
            {"role": "user", "parts": [{"text": "a cat"}]},
            {"role": "model", "parts": [PICTURE]},
        ],
        "seed": 2147483647,
        "temperature": 0.5,
        "extra": {"safetySettings": [], "generationConfig": {"topK": 3}},
    },
    "a size": {"width": 1920, "height": 1080},
}


@pytest.mark.parametrize("options", DRAWING.values(), ids=DRAWING)
def test_spec_judges_pictures(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    assert judges("gemini").judge(draws(recorder, **options)) == []


@pytest.mark.parametrize("options", DRAWING.values(), ids=DRAWING)
def test_spec_judges_changed_pictures(
    recorder: Recorder, judges: Panel, options: dict[str, Any]
) -> None:
    request = edits(recorder, **options)
    assert judges("gemini").judge(request) == []
    kinds = [part.get("inlineData", {}).get("mimeType") for part in _parts(request)]
    further = ["image/png", "image/webp"] if "references" in options else []
    assert kinds == [None, "image/png", *further]


def _parts(request: Request) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = request.json()["contents"][-1]["parts"]
    return parts


def test_recorded_picture_is_read(recorder: Recorder, recorded: Callable[[str], Recording]) -> None:
    recording = recorded("gemini_image")
    recorder.script = recording.answers()
    told = ask(recorder, gemini(recorder), "tti.generate_image", "a siamese cat")
    assert told.result.media_type == "image/jpeg"
    assert len(told.result) == 1041948 // 4 * 3
    sent = recording.exchanges[0]
    assert told.only.json() == json.loads(sent.request_body or b"")
    assert sent.url.endswith(told.only.target)
    meta = told.result.meta
    assert meta.request_id == "CL-FarDeAtv5xN8PtsXz6Q4"
    assert meta.cost_usd == 0.0336
    assert meta.cost_basis == "estimated"
    assert meta.raw["usageMetadata"]["totalTokenCount"] == 1523


def test_recorded_bad_key_is_refused_although_its_status_is_400(
    recorder: Recorder, recorded: Callable[[str], Recording]
) -> None:
    recorder.script = recorded("gemini_auth_error").answers()
    with pytest.raises(KeyRefused, match="not valid") as caught:
        ask(recorder, gemini(recorder), "tti.generate_image", "a red fox")
    assert caught.value.status == 400
    assert caught.value.code == "API_KEY_INVALID"
    assert KEY not in str(caught.value)


def test_own_fake_a_conversation_goes_on_with_what_was_said(recorder: Recorder) -> None:
    recorder.script = [as_json(DRAWN)]
    with Client(tti=gemini(recorder)) as client:
        first = client.tti.generate_image("a red fox")
        history = raw_of(first)["history"]
        second = client.tti.generate_image("now at night", history=history)
    assert raw_of(first)["text"] == "Here it is."
    assert [turn["role"] for turn in history] == ["user", "model"]
    said = history[1]["parts"][1]["inlineData"]["data"]
    assert hashlib.sha256(said).digest() == hashlib.sha256(first).digest()
    contents = recorder.requests[1].json()["contents"]
    assert [turn["role"] for turn in contents] == ["user", "model", "user"]
    same = contents[1] == DRAWN["candidates"][0]["content"]
    assert same, "the model's own turn isn't handed back as it came"
    assert contents[2]["parts"] == [{"text": "now at night"}]
    assert len(raw_of(second)["history"]) == 4
    assert second.meta.recipe is not None
    recipe = second.meta.recipe.json()
    assert text64(media("jpeg"))[:200] not in recipe, "the recipe carries the earlier pictures"
    assert SIGNATURE not in recipe


def raw_of(picture: Image) -> dict[str, Any]:
    assert picture.meta.raw is not None
    return picture.meta.raw


def test_own_fake_odd_turns_are_refused(recorder: Recorder) -> None:
    for odd in ({"role": "cat", "parts": []}, {"role": "user", "parts": "a cat"}, {}):
        with pytest.raises(BadOption, match=r"history\[0\] isn't a turn"):
            draws(recorder, history=[odd])


def test_own_fake_the_models_thoughts_are_no_result(recorder: Recorder) -> None:
    draft = inline(media("png"), "image/png", thought=True)
    recorder.script = [as_json(answered({"text": "Hm.", "thought": True}, draft, PICTURE))]
    told = ask(recorder, gemini(recorder), "tti.generate_image", "a red fox")
    assert told.result.media_type == "image/jpeg"
    assert told.result.meta.raw["text"] == ""


NOTHING: dict[str, tuple[dict[str, Any], type[OmnibindError], str]] = {
    "blocked": (
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
        ContentRefused,
        "declined the content .PROHIBITED_CONTENT.; change the prompt",
    ),
    "blocked without a reason": (
        {"promptFeedback": {"blockReason": "OTHER"}},
        ContentRefused,
        "declined the content .OTHER.",
    ),
    "words alone": (
        answered({"text": "I can't draw that."}, end="NO_IMAGE"),
        BadReply,
        "without a picture .NO_IMAGE: I can't draw that.",
    ),
    **{
        reason: ({"candidates": [{"finishReason": reason}]}, ContentRefused, reason)
        for reason in ("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "SAFETY")
    },
    "told why": (
        {"candidates": [{"finishReason": "IMAGE_SAFETY", "finishMessage": "It looks like one."}]},
        ContentRefused,
        "It looks like one",
    ),
    "an odd end": (
        {"candidates": [{"finishReason": "MALFORMED_RESPONSE"}]},
        BadReply,
        "MALFORMED_RESPONSE",
    ),
    "empty": ({}, BadReply, "no reason is given"),
    "damaged": (
        answered({"inlineData": {"mimeType": "image/png", "data": "%"}}),
        BadReply,
        "damaged",
    ),
    "another kind": (
        answered({"inlineData": {"mimeType": "image/png", "data": text64(WAV)}}),
        BadReply,
        "instead of a picture",
    ),
    "no picture": (answered(inline(b"", "image/png")), BadReply, "empty picture"),
}


@pytest.mark.parametrize(("reply", "error", "words"), NOTHING.values(), ids=NOTHING)
def test_own_fake_status_200_without_a_picture_is_an_error(
    recorder: Recorder, reply: dict[str, Any], error: type[OmnibindError], words: str
) -> None:
    recorder.script = [as_json(reply)]
    with pytest.raises(error, match=words):
        ask(recorder, gemini(recorder), "tti.generate_image", "a red fox")
    assert len(recorder.requests) == 1, "what may have been charged was asked for again"


def failure(code: int, status: str, message: str, **detail: Any) -> Answer:
    said = {"code": code, "status": status, "message": message, "details": [detail]}
    return as_json({"error": said}, status=code)


def test_own_fake_the_delay_in_the_body_is_kept(recorder: Recorder) -> None:
    limit = "You exceeded your current quota"
    recorder.script = [failure(429, "RESOURCE_EXHAUSTED", limit, retryDelay="34.5s")]
    with pytest.raises(RateLimited) as caught, Client(tti=gemini(recorder)) as client:
        client.tti.generate_image("a red fox", timeout_s=5)
    assert caught.value.retry_after == 34.5
    assert caught.value.code == "RESOURCE_EXHAUSTED"


def test_own_fake_a_model_that_there_is_not_is_unknown(recorder: Recorder) -> None:
    words = "models/gemini-9 is not found for API version v1beta"
    recorder.script = [failure(404, "NOT_FOUND", words)]
    with pytest.raises(UnknownModel):
        ask(recorder, gemini(recorder), "tti.generate_image", "a red fox", model="gemini-9")


def test_own_fake_what_no_model_has_is_refused(recorder: Recorder) -> None:
    with pytest.raises(UnknownOption, match="negative_prompt"):
        draws(recorder, negative_prompt="rain")
    with pytest.raises(BadOption, match=r"choose one of 1:1, 1:4"):
        draws(recorder, aspect_ratio="5:6")
    with pytest.raises(BadOption, match="500x600 is 5:6"):
        draws(recorder, width=500, height=600)
    with pytest.raises(UnknownOption, match="mask"):
        edits(recorder, mask=media("png"))
    assert recorder.requests == []


def test_own_fake_settings_are_the_defaults_of_calls(recorder: Recorder) -> None:
    recorder.script = [as_json(DRAWN)]
    spec = gemini(recorder, default_aspect_ratio="16:9", default_resolution="2K")
    request = ask(recorder, spec, "tti.generate_image", "a red fox").only
    shape = {"aspectRatio": "16:9", "imageSize": "2K"}
    assert request.json()["generationConfig"]["imageConfig"] == shape
    request = ask(recorder, spec, "tti.generate_image", "a red fox", width=512, height=512).only
    assert request.json()["generationConfig"]["imageConfig"]["aspectRatio"] == "1:1"


def test_imagen_is_withdrawn_and_names_gemini() -> None:
    with pytest.raises(Retired, match="use tti/gemini"):
        Client(tti="imagen").tti.generate_image("a red fox")


@pytest.mark.parametrize("name", ["google", "nano_banana"])
def test_the_names_that_people_remember_lead_to_gemini(name: str) -> None:
    with pytest.raises(UnknownBinding, match="it is 'gemini' here"):
        Client(tti=name)


# ── videos ──

OPERATION = "models/veo-3.1-generate-001/operations/f3k2x9"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibind.bindings.ttv.gemini.binding.GeminiTTV.every_s", 0.01)


def filmed(recorder: Recorder) -> dict[str, Any]:
    sample = {"video": {"uri": f"{recorder.url}/v1beta/files/abc:download?alt=media"}}
    response = {"generateVideoResponse": {"generatedSamples": [sample]}}
    return {"name": OPERATION, "done": True, "response": response}


def filming(recorder: Recorder, *looks: dict[str, Any]) -> Callable[[Request], Answer]:
    """A service that gives each look in turn, for each client anew, and then a video."""
    left: list[dict[str, Any]] = []

    def script(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = looks
            return as_json({"name": OPERATION})
        if "/operations/" in request.path:
            return as_json(left.pop(0) if left else filmed(recorder))
        return as_media(media("mp4"), "video/mp4")

    return script


def films(recorder: Recorder, *looks: dict[str, Any], **options: Any) -> list[Request]:
    recorder.script = filming(recorder, *looks)
    told = ask(recorder, gemini(recorder), "ttv.generate_video", "a red fox", **options)
    assert isinstance(told.result, Video)
    assert told.result.meta.job_id == OPERATION
    assert told.result.meta.model == "veo-3.1-generate-001"
    assert told.result.meta.source_url == f"{recorder.url}/v1beta/files/abc:download"
    return told.requests


def test_own_fake_a_video_is_asked_for_waited_for_and_fetched_with_the_key(
    recorder: Recorder,
) -> None:
    begin, *looks, fetch = films(recorder, {"name": OPERATION}, {"done": False}, verify=False)
    assert begin.target == "/v1beta/models/veo-3.1-generate-001:predictLongRunning"
    assert begin.json() == {"instances": [{"prompt": "a red fox"}]}
    assert [look.target for look in looks] == [f"/v1beta/{OPERATION}"] * 3
    assert fetch.target == "/v1beta/files/abc:download?alt=media"
    assert {one.header("x-goog-api-key") for one in (begin, *looks, fetch)} == {KEY}
    job = journal().jobs()[0]
    assert (job.state, job.job_id) == ("done", OPERATION)


def test_own_fake_the_cost_of_a_video_is_estimated_by_its_length(recorder: Recorder) -> None:
    recorder.script = filming(recorder)
    with Client(ttv=gemini(recorder)) as client:
        first = client.ttv.generate_video("a red fox", verify=False)
        again = client.jobs.resume(journal().jobs()[0].number)
    assert first.meta.cost_usd == again.meta.cost_usd == pytest.approx(0.40 * first.duration_s)
    assert first.meta.cost_basis == "estimated"
    assert again.meta.model == "veo-3.1-generate-001"


def test_own_fake_all_options_of_a_video_are_sent(recorder: Recorder) -> None:
    first, last = media("png"), media("jpeg")
    begin, *_ = films(
        recorder,
        negative_prompt="rain",
        image=first,
        last_image=last,
        aspect_ratio="9:16",
        resolution="1080p",
        duration_s=8,
        seed=7,
        extra={"parameters": {"personGeneration": "allow_adult"}},
        verify=False,
    )
    sent = begin.json()
    (instance,) = sent["instances"]
    for name, content, kind in (("image", first, "png"), ("lastFrame", last, "jpeg")):
        same = instance[name]["bytesBase64Encoded"] == text64(content)
        assert same
        assert instance[name]["mimeType"] == f"image/{kind}"
    assert sent["parameters"] == {
        "aspectRatio": "9:16",
        "resolution": "1080p",
        "durationSeconds": 8,
        "negativePrompt": "rain",
        "seed": 7,
        "personGeneration": "allow_adult",
    }


ENDS: dict[str, tuple[dict[str, Any], type[OmnibindError], str]] = {
    "declined": (
        {
            "done": True,
            "response": {
                "generateVideoResponse": {
                    "raiMediaFilteredCount": 1,
                    "raiMediaFilteredReasons": ["It shows a person. Support codes: 17301594"],
                }
            },
        },
        ContentRefused,
        "It shows a person",
    ),
    "declined as an error": (
        {"done": True, "error": {"code": 3, "message": "The prompt violates our guidelines."}},
        ContentRefused,
        "violates our guidelines",
    ),
    "failed": (
        {"done": True, "error": {"code": 13, "message": "Internal error."}},
        CallFailed,
        "Internal error",
    ),
    "nothing": ({"done": True, "response": {}}, CallFailed, "without a video"),
}


@pytest.mark.parametrize(("look", "error", "words"), ENDS.values(), ids=ENDS)
def test_own_fake_a_video_that_fails_says_why_and_is_over(
    recorder: Recorder, look: dict[str, Any], error: type[OmnibindError], words: str
) -> None:
    with pytest.raises(error, match=words):
        films(recorder, look)
    assert journal().jobs()[0].state == "failed"
    assert [one.method for one in recorder.requests] == ["POST", "GET"]


def test_own_fake_the_key_goes_to_no_other_host(recorder: Recorder) -> None:
    with Recorder() as other:
        other.script = [as_media(media("mp4"), "video/mp4")]
        moved = filmed(other)
        with pytest.raises(BadReply):
            films(recorder, moved)
        assert other.requests == []


def test_own_fake_lengths_and_withdrawn_models_are_refused(recorder: Recorder) -> None:
    with pytest.raises(BadOption, match="choose one of 4, 6, 8"):
        films(recorder, duration_s=5)
    with pytest.raises(Retired, match="2026-10-22; use veo"):
        films(recorder, model="veo-3.1-generate-preview")
    assert recorder.requests == []


def test_veo_leads_to_gemini() -> None:
    with pytest.raises(UnknownBinding, match="it is 'gemini' here"):
        Client(ttv="veo")


# ── the official SDK ──


def sdk(recorder: Recorder, **more: Any) -> Any:
    genai = pytest.importorskip("google.genai", reason="doesn't apply: pip install google-genai")
    # Its first version of the API, v1, has neither speech nor pictures.
    options = {"base_url": recorder.url, "api_version": "v1beta"}
    return genai.Client(api_key=KEY, http_options=options, **more)


def assert_alike(own: Request, other: Request) -> None:
    assert (own.method, own.target) == (other.method, other.target)
    assert own.header("x-goog-api-key") == other.header("x-goog-api-key") == KEY
    same = own.json() == plain(other.json())
    assert same, f"{own.body[:900]!r} and {other.body[:900]!r}"


def plain(data: Any) -> Any:
    """What the SDK sends, in the specification's spelling; the service takes both alike.

    The SDK writes some names with underscores, and base64 in the alphabet for addresses.
    """
    if isinstance(data, list):
        return [plain(one) for one in data]
    if not isinstance(data, dict):
        return data
    named = {re.sub("_([a-z])", lambda found: found[1].upper(), name): data[name] for name in data}
    return {
        name: value.replace("-", "+").replace("_", "/")
        if name in ("data", "thoughtSignature")
        else plain(value)
        for name, value in named.items()
    }


def test_sdk_speaks_the_same(recorder: Recorder) -> None:
    client = sdk(recorder)
    own = speaks(recorder, TEXT, "Puck", instructions="whispering", language="en-GB")
    recorder.requests.clear()
    client.models.generate_content(
        model="gemini-3.8-flash-tts",
        contents={
            "role": "user",
            "parts": [{"text": TEXT, "speech_metadata": {"style": "whispering"}}],
        },
        config={
            "response_modalities": ["AUDIO"],
            "speech_config": {
                "voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}},
                "language_code": "en-GB",
            },
        },
    )
    assert_alike(own, recorder.only)


def test_sdk_speaks_a_dialogue_and_streams_it_the_same(recorder: Recorder) -> None:
    client = sdk(recorder)
    recorder.script = [as_events([SPOKEN])]
    with Client(tts=gemini(recorder)) as ours:
        list(ours.tts.stream_audio(DIALOGUE, speakers=SPEAKERS, verify=False))
    voices = [
        {"speaker": who, "voice_config": {"prebuilt_voice_config": {"voice_name": voice}}}
        for who, voice in SPEAKERS.items()
    ]
    parts = [
        {"text": "Good morning.", "speech_metadata": {"speaker": "Anna"}},
        {"text": "Is it? I doubt it.", "speech_metadata": {"speaker": "Ben"}},
    ]
    speech = {"multi_speaker_voice_config": {"speaker_voice_configs": voices}}
    list(
        client.models.generate_content_stream(
            model="gemini-3.8-flash-tts",
            contents={"role": "user", "parts": parts},
            config={"response_modalities": ["AUDIO"], "speech_config": speech},
        )
    )
    assert_alike(*recorder.requests)


def test_sdk_draws_and_goes_on_the_same(recorder: Recorder) -> None:
    client = sdk(recorder)
    from google.genai import types

    options: dict[str, Any] = {"aspect_ratio": "16:9", "resolution": "2K", "seed": 7}
    options["temperature"] = 0.5
    recorder.script = [as_json(DRAWN)]
    with Client(tti=gemini(recorder)) as ours:
        first = ours.tti.edit_image("make it blue", media("png"), **options)
        ours.tti.generate_image("now at night", history=raw_of(first)["history"], **options)
    chat = client.chats.create(
        model="gemini-3.1-flash-lite-image",
        config={
            "response_modalities": ["TEXT", "IMAGE"],
            "image_config": {"aspect_ratio": "16:9", "image_size": "2K"},
            "seed": 7,
            "temperature": 0.5,
        },
    )
    picture = types.Part.from_bytes(data=media("png"), mime_type="image/png")
    chat.send_message(["make it blue", picture])
    chat.send_message("now at night")
    one, two, three, four = recorder.requests
    assert_alike(one, three)
    assert_alike(two, four)


def test_sdk_looks_after_a_video_the_same_and_reads_the_same_reply(recorder: Recorder) -> None:
    client = sdk(recorder)
    from google.genai import types

    _, look, fetch = films(recorder, verify=False)
    recorder.requests.clear()
    done = client.operations.get(types.GenerateVideosOperation.model_validate({"name": OPERATION}))
    assert recorder.only.target == look.target
    assert recorder.only.header("x-goog-api-key") == look.header("x-goog-api-key")
    assert done.response.generated_videos[0].video.uri == f"{recorder.url}{fetch.target}"


def test_sdk_of_google_cloud_has_the_same_parameters_of_a_video(recorder: Recorder) -> None:
    client = sdk(recorder, vertexai=True)
    options = {"aspect_ratio": "9:16", "resolution": "1080p", "negative_prompt": "rain", "seed": 7}
    pictures = {"image": media("png"), "last_image": media("jpeg")}
    own, *_ = films(recorder, **options, **pictures, duration_s=8, verify=False)
    recorder.requests.clear()
    client.models.generate_videos(
        model="veo-3.1-generate-001",
        source={
            "prompt": "a red fox",
            "image": {"image_bytes": media("png"), "mime_type": "image/png"},
        },
        config={
            **options,
            "duration_seconds": 8,
            "last_frame": {"image_bytes": media("jpeg"), "mime_type": "image/jpeg"},
        },
    )
    same = own.json() == recorder.only.json()
    assert same, f"{own.body[-300:]!r} and {recorder.only.body[-300:]!r}"


def test_voices_models_and_settings_are_told_without_a_service(recorder: Recorder) -> None:
    spec = gemini(recorder)
    with Client(tts=spec, tti=spec, ttv=spec) as client:
        assert len(client.tts.list_voices()) == 30
        assert client.ttv.list_models() == ["veo-3.1-generate-001", "veo-3.1-fast-generate-001"]
        names = [setting["name"] for setting in client.tti.get_settings()]
    assert names[:3] == ["model_name", "default_aspect_ratio", "default_resolution"]
    assert recorder.requests == []

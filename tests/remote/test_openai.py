"""OpenAI's bindings, and those for servers that speak like it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
import pytest
from tests.remote.asking import KEY, ask, named, shape
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorded import Recording
from tests.remote.recorder import Answer, Recorder, Request, as_events, as_json, as_media

from omnibind import Client
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    BadReply,
    ContentRefused,
    KeyMissing,
    KeyRefused,
    QuotaExceeded,
    Retired,
    SettingMissing,
    UnknownOption,
)

TEXT = "Ruby is a programming language designed for developer happiness."
PICTURE = media("png")
DRAWN = {
    "data": [{"b64_json": base64.b64encode(PICTURE).decode(), "revised_prompt": "A red cat."}],
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 10},
        "output_tokens": 4160,
        "output_tokens_details": {"image_tokens": 4160, "text_tokens": 0},
    },
}
COMPATIBLE = {"base_url": None, "api_key": None}


def fields(request: Request) -> dict[str, list[str]]:
    """The fields of a form by name; a file is told by its type."""
    told: dict[str, list[str]] = {}
    for part in request.form():
        told.setdefault(part.name, []).append(part.content_type or part.content.decode())
    return told


def openai(recorder: Recorder, name: str = "openai", **config: Any) -> dict[str, Any]:
    return named(recorder, name, "/v1", **config)


# ── speech ──

SPEAKING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all": {
        "model": "gpt-4o-mini-tts",
        "speed": 1.5,
        "instructions": "Whisper.",
        "output_format": "mp3",
    },
    "a voice of one's own": {"voice": "voice_1234"},
}


@pytest.mark.parametrize("binding", ["openai", "openai_compatible"])
@pytest.mark.parametrize("options", SPEAKING.values(), ids=SPEAKING)
def test_spec_speech(
    recorder: Recorder, judges: Panel, options: dict[str, Any], binding: str
) -> None:
    recorder.script = [as_media(media("mp3"), "audio/mpeg")]
    spec = openai(recorder, binding, model_name="gpt-4o-mini-tts")
    told = ask(recorder, spec, "tts.generate_audio", TEXT, verify=False, **options)
    assert judges("openai").judge(told.only) == []
    assert told.result.meta.model == "gpt-4o-mini-tts"


def test_recorded_speech(recorder: Recorder, recorded: Callable[[str], Recording]) -> None:
    recording = recorded("openai_tts")
    recorder.script = recording.answers()
    told = ask(recorder, openai(recorder), "tts.generate_audio", TEXT, verify=False)
    assert told.result.media_type == "audio/mpeg"
    assert len(told.result) == 85632
    assert told.only.json() == json.loads(recording.exchanges[0].request_body or b"")


def test_sdk_speech(recorder: Recorder) -> None:
    from openai import OpenAI

    recorder.script = [as_media(media("mp3"), "audio/mpeg")]
    mine = ask(
        *(recorder, openai(recorder), "tts.generate_audio", TEXT, "nova"),
        verify=False,
        speed=1.5,
        instructions="Whisper.",
        output_format="wav",
    )
    recorder.requests.clear()
    with OpenAI(api_key=KEY, base_url=recorder.url + "/v1") as theirs:
        theirs.audio.speech.create(
            model="gpt-4o-mini-tts",
            voice="nova",
            input=TEXT,
            speed=1.5,
            instructions="Whisper.",
            response_format="wav",
        )
    assert (mine.only.method, mine.only.target) == (recorder.only.method, recorder.only.target)
    assert mine.only.header("authorization") == recorder.only.header("authorization")
    assert mine.only.json() == recorder.only.json()


def test_own_fake_raw_samples_become_a_wav(recorder: Recorder) -> None:
    samples = (np.sin(np.arange(24_000) / 10) * 9000).astype("<i2")
    recorder.script = [as_media(samples.tobytes(), "application/octet-stream")]
    told = ask(
        *(recorder, openai(recorder), "tts.generate_audio", TEXT),
        output_format="pcm",
        verify=False,
    )
    assert told.result.media_type == "audio/wav"
    assert (told.result.sample_rate, told.result.duration_s) == (24_000, 1.0)


def test_own_fake_speech_is_streamed_as_samples_cut_anywhere(recorder: Recorder) -> None:
    samples = (np.sin(np.arange(24_001) / 10) * 9000).astype("<i2")
    content = samples.tobytes()
    pieces = [content[:7], content[7:4000], content[4000:]]
    recorder.script = [Answer(200, {"content-type": "application/octet-stream"}, pieces)]
    with Client(tts=openai(recorder)) as client:
        stream = client.tts.stream_audio("Ruby.", verify=False, speed=1.5)
        got = np.concatenate([chunk.samples for chunk in stream])
        assert np.array_equal(got, samples)
        assert stream.result.sample_rate == 24_000
    assert recorder.only.json()["response_format"] == "pcm"
    assert recorder.only.json()["speed"] == 1.5


def test_a_model_says_which_option_it_lacks(recorder: Recorder) -> None:
    with (
        Client(tts=openai(recorder)) as client,
        pytest.raises(BadOption, match="tts-1 of tts/openai has no instructions"),
    ):
        client.tts.generate_audio(TEXT, model="tts-1", instructions="Whisper.")
    assert recorder.requests == []


# ── hearing ──

HEARD: dict[str, Any] = {
    "text": " Hello there.",
    "language": "english",
    "duration": 2.5,
    "segments": [{"start": 0.0, "end": 2.0, "text": " Hello there."}],
    "words": [
        {"word": "Hello", "start": 0.0, "end": 0.9},
        {"word": "there.", "start": 1.0, "end": 2.0},
    ],
}
HEARING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "words": {"model": "whisper-1", "word_times": True, "language": "en-US", "temperature": 0.2},
    "expected words": {"model": "gpt-transcribe", "keywords": ["Ruby"], "initial_prompt": "Ruby"},
    "speakers": {"model": "gpt-4o-transcribe-diarize", "diarize": True},
    "translated": {"model": "whisper-1", "task": "translate", "initial_prompt": "Ruby"},
    "subtitles": {"model": "whisper-1", "output_format": "verbose_json"},
}


@pytest.mark.parametrize("binding", ["openai", "openai_compatible"])
@pytest.mark.parametrize("options", HEARING.values(), ids=HEARING)
def test_spec_hearing(
    recorder: Recorder, judges: Panel, options: dict[str, Any], binding: str
) -> None:
    recorder.script = [as_json(HEARD)]
    spec = openai(recorder, binding, model_name="gpt-transcribe")
    told = ask(recorder, spec, "stt.transcribe_audio", media("mp3"), verify=False, **options)
    assert judges("openai").judge(told.only) == []
    assert told.result == "Hello there."


def test_own_fake_segments_words_and_language_are_read(recorder: Recorder) -> None:
    recorder.script = [as_json(HEARD)]
    told = ask(
        *(recorder, openai(recorder), "stt.transcribe_audio", media("wav"), "whisper-1"),
        word_times=True,
        verify=False,
    )
    (segment,) = told.result.segments
    assert [word.text for word in segment.words] == ["Hello", "there."]
    assert (told.result.language, told.result.duration_s) == ("en", 2.5)
    assert fields(told.only)["timestamp_granularities[]"] == ["word", "segment"]


SUBTITLES = {
    "srt": "1\n00:00:00,000 --> 00:00:02,500\nHello\nthere.\n\n"
    "2\n00:01:00,000 --> 00:01:01,000\nBye.",
    "vtt": "WEBVTT\n\n00:00.000 --> 00:02.500\nHello there.\n\n01:00.000 --> 01:01.000\nBye.\n",
}


@pytest.mark.parametrize("output_format", SUBTITLES)
def test_own_fake_subtitles_become_segments(recorder: Recorder, output_format: str) -> None:
    text = SUBTITLES[output_format]
    recorder.script = [Answer(200, {"content-type": "text/plain"}, text.encode())]
    told = ask(
        *(recorder, openai(recorder), "stt.transcribe_audio", media("wav"), "whisper-1"),
        output_format=output_format,
        verify=False,
    )
    assert told.result == "Hello there. Bye."
    assert [(s.start, s.end) for s in told.result.segments] == [(0.0, 2.5), (60.0, 61.0)]


def test_recorded_hearing(recorder: Recorder, recorded: Callable[[str], Recording]) -> None:
    recorder.script = recorded("openai_whisper1").answers()
    spec = openai(recorder, model_name="whisper-1")
    told = ask(recorder, spec, "stt.transcribe_audio", media("mp3"), verify=False)
    assert told.result == TEXT
    assert told.result.duration_s == 4.0
    assert told.result.meta.cost_basis == "estimated"


def test_sdk_hearing(recorder: Recorder) -> None:
    from openai import OpenAI

    recorder.script = [as_json(HEARD)]
    mine = ask(
        *(recorder, openai(recorder), "stt.transcribe_audio", media("mp3"), "whisper-1"),
        word_times=True,
        language="en",
        verify=False,
    )
    recorder.requests.clear()
    with OpenAI(api_key=KEY, base_url=recorder.url + "/v1") as theirs:
        theirs.audio.transcriptions.create(
            file=("audio.mp3", media("mp3")),
            model="whisper-1",
            language="en",
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
    assert mine.only.target == recorder.only.target
    assert fields(mine.only) == fields(recorder.only)
    (ours,) = [part for part in mine.only.form() if part.filename]
    (other,) = [part for part in recorder.only.form() if part.filename]
    assert (ours.content == other.content, ours.filename) == (True, other.filename)


def test_own_fake_speech_is_written_down_as_it_is_heard(recorder: Recorder) -> None:
    recorder.script = [
        as_events(
            [
                {"type": "transcript.text.delta", "delta": "Hel"},
                {"type": "transcript.text.delta", "delta": "lo there."},
                {"type": "transcript.text.done", "text": "Hello there."},
            ]
        )
    ]
    with Client(stt=openai(recorder)) as client:
        stream = client.stt.stream_transcript(media("mp3"), verify=False)
        assert [segment.text for segment in stream] == ["Hel", "lo there."]
        assert stream.result == "Hello there."
    assert fields(recorder.only)["stream"] == ["true"]


def test_a_sound_that_is_too_large_is_refused_before_it_is_sent(recorder: Recorder) -> None:
    with Client(stt=openai(recorder)) as client, pytest.raises(BadInput, match="at most 25 MB"):
        client.stt.transcribe_audio((np.zeros(16_000 * 900, np.int16), 16_000), verify=False)
    assert recorder.requests == []


# ── pictures ──

DRAWING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all": {
        "model": "gpt-image-2",
        "width": 1536,
        "height": 1024,
        "quality": "high",
        "background": "opaque",
        "output_format": "webp",
        "output_compression": 80,
        "moderation": "low",
    },
}


@pytest.mark.parametrize("binding", ["openai", "openai_compatible"])
@pytest.mark.parametrize("options", DRAWING.values(), ids=DRAWING)
def test_spec_pictures(
    recorder: Recorder, judges: Panel, options: dict[str, Any], binding: str
) -> None:
    recorder.script = [as_json(DRAWN)]
    spec = openai(recorder, binding, model_name="gpt-image-2")
    told = ask(recorder, spec, "tti.generate_image", "A cat.", verify=False, **options)
    assert judges("openai").judge(told.only) == []
    assert bytes(told.result) == PICTURE
    assert ("response_format" in told.only.json()) is (binding == "openai_compatible")


EDITING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all": {
        "model": "gpt-image-2",
        "width": 1024,
        "height": 1024,
        "quality": "low",
        "background": "auto",
        "input_fidelity": "high",
        "output_format": "png",
    },
}


@pytest.mark.parametrize("options", EDITING.values(), ids=EDITING)
def test_spec_edits(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_json(DRAWN)]
    told = ask(
        *(recorder, openai(recorder), "tti.edit_image", "A cat.", PICTURE),
        verify=False,
        mask=PICTURE,
        **options,
    )
    assert judges("openai").judge(told.only) == []


def test_own_fake_a_mask_is_clear_where_ours_is_white(recorder: Recorder) -> None:
    recorder.script = [as_json(DRAWN)]
    white = np.zeros((4, 4, 3), np.uint8)
    white[:, 2:] = 255
    buffer = BytesIO()
    PIL.Image.fromarray(white).save(buffer, "PNG")
    told = ask(
        *(recorder, openai(recorder), "tti.edit_image", "A cat.", PICTURE),
        mask=buffer.getvalue(),
        verify=False,
    )
    (sent,) = [part.content for part in told.only.form() if part.name == "mask"]
    alpha = np.asarray(PIL.Image.open(BytesIO(sent)).getchannel("A"))
    assert alpha[:, :2].min() == 255
    assert alpha[:, 2:].max() == 0


def test_recorded_pictures(recorder: Recorder, recorded: Callable[[str], Recording]) -> None:
    recorder.script = recorded("openai_gpt-image-1").answers()
    told = ask(recorder, openai(recorder), "tti.generate_image", "a siamese cat", verify=False)
    assert told.result.media_type == "image/png"
    assert told.result.meta.cost_usd == pytest.approx((10 * 5 + 4160 * 30) / 1e6)
    assert told.result.meta.cost_basis == "estimated"


def test_sdk_pictures(recorder: Recorder) -> None:
    from openai import OpenAI

    recorder.script = [as_json(DRAWN)]
    mine = ask(
        *(recorder, openai(recorder), "tti.generate_image", "A cat."),
        verify=False,
        **{name: value for name, value in DRAWING["all"].items() if name != "output_compression"},
    )
    edited = ask(
        *(recorder, openai(recorder), "tti.edit_image", "A cat.", PICTURE),
        verify=False,
        quality="low",
    )
    recorder.requests.clear()
    with OpenAI(api_key=KEY, base_url=recorder.url + "/v1") as theirs:
        theirs.images.generate(
            model="gpt-image-2",
            prompt="A cat.",
            n=1,
            size="1536x1024",
            quality="high",
            background="opaque",
            output_format="webp",
            moderation="low",
        )
        theirs.images.edit(
            model="gpt-image-2",
            prompt="A cat.",
            n=1,
            quality="low",
            image=("image.png", PICTURE, "image/png"),
        )
    drawn, changed = recorder.requests
    assert (mine.only.target, mine.only.json()) == (drawn.target, drawn.json())
    assert (edited.only.target, fields(edited.only)) == (changed.target, fields(changed))


def test_own_fake_a_picture_is_shown_while_it_becomes(recorder: Recorder) -> None:
    content = base64.b64encode(PICTURE).decode()
    partial = {"type": "image_generation.partial_image", "b64_json": content}
    done = {"type": "image_generation.completed", "b64_json": content, "usage": DRAWN["usage"]}
    recorder.script = [as_events([partial, partial, done])]
    with Client(tti=openai(recorder)) as client:
        stream = client.tti.stream_image("A cat.", quality="low", verify=False)
        assert len(list(stream)) == 3
        assert bytes(stream.result) == PICTURE
        assert stream.result.meta.cost_usd == pytest.approx(0.12485)
    sent = recorder.only.json()
    assert (sent["stream"], sent["partial_images"], sent["quality"]) == (True, 3, "low")


def test_own_fake_a_picture_by_address_is_fetched_from_the_servers_own_host(
    recorder: Recorder,
) -> None:
    def script(request: Request) -> Answer:
        if request.method == "GET":
            return as_media(PICTURE, "image/png")
        return as_json({"data": [{"url": f"{recorder.url}/made/1.png"}]})

    recorder.script = script
    spec = openai(recorder, "openai_compatible", model_name="sd")
    told = ask(recorder, spec, "tti.generate_image", "A cat.", verify=False)
    assert bytes(told.result) == PICTURE
    assert [request.method for request in told.requests] == ["POST", "GET"]


def test_what_the_service_has_not_is_refused(recorder: Recorder) -> None:
    with Client(tti=openai(recorder)) as client:
        with pytest.raises(UnknownOption, match="'seed' is unknown to tti/openai"):
            client.tti.generate_image("A cat.", seed=1)
        with pytest.raises(UnknownOption, match="'negative_prompt' is unknown"):
            client.tti.generate_image("A cat.", "ugly")
        with pytest.raises(BadOption, match="choose one of 1024x1024, 1536x1024, 1024x1536"):
            client.tti.generate_image("A cat.", model="gpt-image-1.5", width=512, height=512)
        with pytest.raises(BadOption, match="give width and height together"):
            client.tti.generate_image("A cat.", width=512)
        with pytest.raises(BadOption, match="quality superb doesn't fit gpt-image-2"):
            client.tti.generate_image("A cat.", quality="superb")
    assert recorder.requests == []


def test_a_retired_model_is_refused_with_its_successor(recorder: Recorder) -> None:
    with (
        Client(tti=openai(recorder)) as client,
        pytest.raises(Retired, match=r"retired on 2026-05-12; use gpt-image-2"),
    ):
        client.tti.generate_image("A cat.", model="dall-e-3")
    recorder.script = [as_json(DRAWN)]
    spec = openai(recorder, "openai_compatible", model_name="dall-e-3")
    assert ask(recorder, spec, "tti.generate_image", "A cat.", verify=False).result


def test_an_unknown_model_passes_through(recorder: Recorder) -> None:
    recorder.script = [as_json(DRAWN)]
    told = ask(
        *(recorder, openai(recorder), "tti.generate_image", "A cat."),
        model="gpt-image-9",
        width=320,
        height=320,
        verify=False,
    )
    assert told.only.json()["model"] == "gpt-image-9"
    assert told.result.meta.cost_usd is None
    assert told.result.meta.cost_basis == "unknown"


# ── settings, keys and errors ──


def test_settings_are_the_constructors_and_show_no_key(recorder: Recorder) -> None:
    recorder.script = [as_json(DRAWN)]
    with Client(tti=openai(recorder)) as client:
        names = [setting["name"] for setting in client.tti.get_settings()]
        assert {"model_name", "default_size", "default_quality", "default_style"} <= set(names)
        assert not {"api_key", "proxy"} & set(names)
        assert client.tti.set_settings({"default_size": "1024x1536", "default_quality": "low"})
        client.tti.generate_image("A cat.", verify=False)
    sent = recorder.only.json()
    assert (sent["size"], sent["quality"]) == ("1024x1536", "low")


def test_recorded_a_bad_key_is_refused_and_not_shown(
    recorder: Recorder, recorded: Callable[[str], Recording]
) -> None:
    recorder.script = [
        answer._replace(body=answer.body.replace(b"invalid-key", KEY.encode()))
        for answer in recorded("openai_401").answers()
        if isinstance(answer.body, bytes)
    ]
    with Client(tts=openai(recorder)) as client, pytest.raises(KeyRefused) as caught:
        client.tts.generate_audio(TEXT)
    assert caught.value.status == 401
    assert caught.value.code == "invalid_api_key"
    assert KEY not in str(caught.value)
    assert "Incorrect API key provided: ***" in str(caught.value)
    assert len(recorder.requests) == 1  # nothing makes a bad key good


ERRORS: dict[str, tuple[int, dict[str, Any], type[Exception]]] = {
    "quota": (429, {"code": "insufficient_quota", "message": "You exceeded it"}, QuotaExceeded),
    "content": (400, {"code": "moderation_blocked", "message": "Rejected"}, ContentRefused),
}


@pytest.mark.parametrize(("status", "error", "kind"), ERRORS.values(), ids=ERRORS)
def test_own_fake_errors_have_their_kind(
    recorder: Recorder, status: int, error: dict[str, Any], kind: type[Exception]
) -> None:
    recorder.script = [as_json({"error": error}, status)]
    with Client(tti=openai(recorder)) as client, pytest.raises(kind):
        client.tti.generate_image("A cat.")
    assert len(recorder.requests) == 1


def test_own_fake_a_reply_without_a_picture_is_an_error(recorder: Recorder) -> None:
    recorder.script = [as_json({"created": 1, "data": []})]
    with Client(tti=openai(recorder)) as client, pytest.raises(BadReply, match=r"no data\.0"):
        client.tti.generate_image("A cat.")


def test_without_a_key_the_command_is_told(
    recorder: Recorder, home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Client(tts=openai(recorder, api_key=None)) as client:
        assert client.tts.state == "needs-key"
        with pytest.raises(KeyMissing, match="omnibind keys set OPENAI_API_KEY"):
            client.tts.generate_audio(TEXT)


def test_a_server_of_ones_own_needs_an_address_and_no_key(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"binding": "openai_compatible", "model_name": "kokoro"}
    with Client(tts=spec) as client:
        assert client.tts.state == "needs-setting"
        with pytest.raises(SettingMissing, match="base_url"):
            client.tts.generate_audio(TEXT)
    recorder.script = [as_media(media("mp3"), "audio/mpeg")]
    monkeypatch.setenv("OPENAI_COMPATIBLE_BASE_URL", recorder.url + "/v1/")
    told = ask(recorder, spec, "tts.generate_audio", TEXT, verify=False)
    assert told.only.path == "/v1/audio/speech"
    assert told.only.header("authorization") is None


def test_two_clients_never_see_each_others_key(recorder: Recorder) -> None:
    recorder.script = [as_media(media("mp3"), "audio/mpeg")]
    with (
        Client(tts=openai(recorder, api_key="one")) as one,
        Client(tts=openai(recorder, api_key="two")) as two,
    ):
        for client in (one, two, one):
            client.tts.generate_audio(TEXT, verify=False)
        two.tts.generate_audio(TEXT, verify=False, api_key="three")
        two.tts.generate_audio(TEXT, verify=False)
    sent = [request.header("authorization") for request in recorder.requests]
    assert sent == [f"Bearer {key}" for key in ("one", "two", "one", "three", "two")]


def test_the_same_call_has_the_same_shape_whatever_the_boundary() -> None:
    def posted(boundary: str) -> Request:
        body = f"--{boundary}\r\ncontent\r\n--{boundary}--".encode()
        return Request(
            "POST", "/", [("content-type", f"multipart/form-data; boundary={boundary}")], body
        )

    assert shape(posted("one")) == shape(posted("two"))

"""A LoLLMs server's speech and pictures.

Its pictures go by OpenAI's routes, which OpenAI's own specification judges; of its speech there is
no specification, so our own fake judges alone.
"""

from __future__ import annotations

import base64
import socket
from typing import Any

import pytest
from tests.remote.asking import KEY, ask
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    BadReply,
    KeyRefused,
    OmnibindError,
    SettingMissing,
    Unavailable,
    UnknownOption,
)
from omnibind.managers import MANAGERS
from omnibind.remote.binding import RemoteBinding

TEXT = "Ruby is a programming language."
PICTURE = media("png")
DRAWN = {"data": [{"b64_json": base64.b64encode(PICTURE).decode()}]}


def lollms(recorder: Recorder, **config: Any) -> dict[str, Any]:
    return {"binding": "lollms", "host_address": recorder.url, **config}


def fields(request: Request) -> dict[str, str]:
    """The fields of a form; a file is told by its type."""
    return {part.name: part.content_type or part.content.decode() for part in request.form()}


# ── speech ──


def test_own_fake_speech_asks_for_what_is_active_where_nothing_is_said(recorder: Recorder) -> None:
    recorder.script = [as_media(media("wav"), "audio/wav")]
    told = ask(recorder, lollms(recorder), "tts.generate_audio", TEXT, verify=False)
    assert (told.only.method, told.only.target) == ("POST", "/lollms/v1/audio/speech")
    assert told.only.json() == {"input": TEXT}
    assert told.only.header("authorization") is None
    assert told.result.media_type == "audio/wav"
    assert told.result.meta.model is None


def test_own_fake_speech_sends_every_option(recorder: Recorder) -> None:
    recorder.script = [as_media(media("mp3"), "audio/mpeg")]
    spec = lollms(recorder, service_key=KEY, client_id="me", model_name="kokoro")
    told = ask(
        *(recorder, spec, "tts.generate_audio", TEXT, "anna"),
        model="xtts",
        language="de",
        speed=1.5,
        output_format="mp3",
        extra={"audio_sample": "a.wav"},
        verify=False,
    )
    assert told.only.header("authorization") == f"Bearer {KEY}"
    assert told.only.json() == {
        "input": TEXT,
        "voice": "anna",
        "model": "xtts",
        "language": "de",
        "speed": 1.5,
        "response_format": "mp3",
        "audio_sample": "a.wav",
        "client_id": "me",
    }
    assert told.result.meta.model == "xtts"


@pytest.mark.parametrize(
    "listed",
    [
        ["bob", "anna"],
        {"voices": ["bob", "anna"]},
        {"voices": [{"id": "bob", "name": "Bob"}, {"name": "anna"}, {"rate": 1}]},
    ],
    ids=["a list", "voices", "with facts"],
)
def test_own_fake_the_servers_voices_are_listed(recorder: Recorder, listed: Any) -> None:
    recorder.script = [as_json(listed)]
    with Client(tts=lollms(recorder, service_key=KEY)) as client:
        assert client.tts.list_voices() == ["anna", "bob"]
    assert recorder.only.target == "/lollms/v1/audio/voices"
    assert recorder.only.header("authorization") == f"Bearer {KEY}"


def test_own_fake_voices_of_another_shape_are_a_bad_reply(recorder: Recorder) -> None:
    recorder.script = [as_json({"detail": "none"})]
    with Client(tts=lollms(recorder)) as client, pytest.raises(BadReply, match="lists no voices"):
        client.tts.list_voices()


def test_an_option_that_the_route_lacks_is_unknown(recorder: Recorder) -> None:
    with Client(tts=lollms(recorder)) as client, pytest.raises(UnknownOption, match="instructions"):
        client.tts.generate_audio(TEXT, instructions="Whisper.")


# ── pictures ──


@pytest.mark.parametrize(
    "options",
    [
        {"model": "flux"},
        {
            "model": "flux",
            "width": 1024,
            "height": 1024,
            "quality": "high",
            "background": "opaque",
            "output_format": "png",
        },
    ],
    ids=["defaults", "all"],
)
def test_spec_pictures(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_json(DRAWN)]
    spec = lollms(recorder, service_key=KEY)
    told = ask(recorder, spec, "tti.generate_image", "A cat.", verify=False, **options)
    assert told.only.target == "/v1/images/generations"
    assert judges("openai").judge(told.only) == []
    assert bytes(told.result) == PICTURE


def test_spec_edits(recorder: Recorder, judges: Panel) -> None:
    recorder.script = [as_json(DRAWN)]
    spec = lollms(recorder, service_key=KEY, model_name="flux")
    told = ask(
        *(recorder, spec, "tti.edit_image", "A hat.", PICTURE),
        mask=PICTURE,
        quality="low",
        verify=False,
    )
    assert told.only.target == "/v1/images/edits"
    assert judges("openai").judge(told.only) == []


def test_own_fake_pictures_are_drawn_by_the_active_engine_and_signed(recorder: Recorder) -> None:
    recorder.script = [as_json(DRAWN)]
    spec = lollms(recorder, client_id="me", default_size="512x512")
    told = ask(recorder, spec, "tti.generate_image", "A cat.", verify=False)
    assert told.only.json() == {
        "prompt": "A cat.",
        "n": 1,
        "size": "512x512",
        "response_format": "b64_json",
        "client_id": "me",
    }
    assert told.result.meta.model is None
    edited = ask(recorder, spec, "tti.edit_image", "A hat.", PICTURE, verify=False)
    assert fields(edited.only) == {
        "prompt": "A hat.",
        "n": "1",
        "size": "512x512",
        "response_format": "b64_json",
        "client_id": "me",
        "image": "image/png",
    }


def test_a_picture_is_shown_when_it_is_done(recorder: Recorder) -> None:
    recorder.script = [as_json(DRAWN)]
    with Client(tti=lollms(recorder)) as client:
        shown = list(client.tti.stream_image("A cat.", verify=False))
    assert [bytes(picture) == PICTURE for picture in shown] == [True]
    assert "stream" not in recorder.only.json()


# ── nothing that is empty, nothing that fails in silence ──


@pytest.mark.parametrize(
    "answer",
    [
        as_media(b"", "audio/wav"),
        as_media(b"<html>busy</html>", "text/html"),
        as_json({"error": "no TTS engine is active"}),
    ],
    ids=["empty", "a page", "JSON"],
)
def test_own_fake_speech_that_is_none_is_never_returned(recorder: Recorder, answer: Answer) -> None:
    recorder.script = [answer]
    with (
        Client(tts=lollms(recorder)) as client,
        pytest.raises(OmnibindError, match="tts/lollms: the"),
    ):
        client.tts.generate_audio(TEXT, verify=False, timeout_s=0.2)


@pytest.mark.parametrize(
    "drawn", [{"data": []}, {"data": [{"b64_json": ""}]}, {"data": [{"b64_json": "AAAA"}]}, {}]
)
def test_own_fake_a_picture_that_is_none_is_never_returned(
    recorder: Recorder, drawn: dict[str, Any]
) -> None:
    recorder.script = [as_json(drawn)]
    with Client(tti=lollms(recorder)) as client, pytest.raises(BadReply):
        client.tti.generate_image("A cat.", verify=False, timeout_s=0.2)


def test_own_fake_a_bad_key_is_told_without_showing_it(recorder: Recorder) -> None:
    recorder.script = [as_json({"detail": f"Invalid API Key {KEY}"}, 401)]
    with (
        Client(tts=lollms(recorder, service_key=KEY)) as client,
        pytest.raises(KeyRefused, match="Invalid API Key") as caught,
    ):
        client.tts.generate_audio(TEXT)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("modality", "verb"), [("tts", "generate_audio"), ("tti", "generate_image")]
)
def test_an_address_without_a_server_says_what_to_do(modality: str, verb: str) -> None:
    with socket.socket() as taken:  # bound, so that nobody else listens there; it doesn't itself
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        served: Any = {modality: {"binding": "lollms", "host_address": address}}
        with (
            Client(**served) as client,
            pytest.raises(Unavailable, match=r"can't be reached.*check the address") as caught,
        ):
            getattr(getattr(client, modality), verb)("Hello.", timeout_s=0.2)
        assert address in str(caught.value)


def test_an_address_that_is_none_is_refused() -> None:
    spec = {"binding": "lollms", "host_address": "localhost:9642"}
    with Client(tts=spec) as client, pytest.raises(BadConfig, match="isn't http"):
        client.tts.generate_audio(TEXT)


# ── where it is, and whose key ──


def binding(modality: str, **config: Any) -> RemoteBinding:
    made = MANAGERS[modality]().create_binding("lollms", **config)
    assert isinstance(made, RemoteBinding)
    return made


def test_the_address_is_the_given_one_else_the_environments_else_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SettingMissing, match="your server, as http://localhost:9642"):
        binding("tts")
    monkeypatch.setenv("LOLLMS_BASE_URL", "http://box:9642/")
    assert binding("tti").base_url == "http://box:9642/v1"
    assert binding("tts", host_address="https://other").base_url == "https://other"
    gateway = binding("tts", host_address="https://other", base_url="https://gate")
    assert gateway.base_url == "https://gate"


def test_the_key_may_stand_in_the_environment(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOLLMS_SERVICE_KEY", KEY)
    recorder.script = [as_json({"detail": f"nobody has {KEY}"}, 401)]
    with Client(tts=lollms(recorder)) as client, pytest.raises(KeyRefused) as caught:
        client.tts.generate_audio(TEXT)
    assert recorder.only.header("authorization") == f"Bearer {KEY}"
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("modality", ["tts", "tti"])
def test_own_fake_a_key_is_tested_by_the_list_of_models(recorder: Recorder, modality: str) -> None:
    from omnibind.calls.call import Call
    from omnibind.calls.driver import run

    recorder.script = [as_json({"data": []})]
    run(binding(modality, host_address=recorder.url, service_key=KEY).test_flow(), Call(5.0))
    assert recorder.only.target == "/v1/models"
    assert recorder.only.header("authorization") == f"Bearer {KEY}"


def test_one_side_of_a_size_alone_is_refused(recorder: Recorder) -> None:
    with Client(tti=lollms(recorder)) as client, pytest.raises(BadOption, match="together"):
        client.tti.generate_image("A cat.", width=512)
    assert recorder.requests == []

"""A key is shown nowhere: in no message, log, repr, traceback, recipe or file."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Unpack

import pytest
from rich.console import Console
from rich.traceback import Traceback
from tests.remote.asking import KEY, named
from tests.remote.real_media import media
from tests.remote.recorder import Recorder, as_json, as_media

from omnibind import AsyncClient, Client
from omnibind.contracts.errors import BadConfig, BadOption, OmnibindError
from omnibind.contracts.http import Request
from omnibind.contracts.options import OptionType, Schema, schema_of
from omnibind.contracts.secret import Secret
from omnibind.remote.connection import Connection

OTHER = "sk-" + "fedcba9876543210" * 2


def test_a_secret_shows_itself_nowhere_but_where_it_is_asked() -> None:
    secret = Secret(f" {KEY}\n")
    assert secret.reveal() == KEY
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        f"{secret}",
        repr([secret]),
    ]
    assert not any(KEY in text for text in shown)
    assert secret.after("Bearer ").reveal() == f"Bearer {KEY}"
    assert secret == Secret(KEY)
    assert secret != Secret(OTHER)
    assert copy.deepcopy(secret) is secret
    with pytest.raises(TypeError, match="isn't pickled"):
        pickle.dumps(secret)


@pytest.mark.parametrize("wrong", ["", "  ", "sk-ключ", "sk-1\nsk-2", 3, None])
def test_what_cant_be_a_key_is_refused_without_being_shown(wrong: Any) -> None:
    with pytest.raises(ValueError, match="key") as caught:
        Secret(wrong)
    assert "sk-" not in str(caught.value)


def test_a_secret_is_an_option_type_that_is_written_nowhere() -> None:
    def configured(*, api_key: Secret | None = None) -> None: ...

    schema = schema_of(configured, (), "x")
    assert schema.option("api_key") is not None
    assert schema.check({"api_key": KEY}, "x")["api_key"] == Secret(KEY)
    assert schema.json_schema()["properties"]["api_key"]["anyOf"][0]["writeOnly"] is True
    assert Schema.from_data(json.loads(json.dumps(schema.to_data()))) == schema
    with pytest.raises(BadConfig, match=r"'api_key' of x is \*\*\*"):
        schema.check({"api_key": f"{KEY}\n{KEY}"}, "x", BadConfig)
    assert OptionType("secret").check(Secret(KEY)) == Secret(KEY)


def test_what_all_remote_bindings_take_is_said_once() -> None:
    def configured(*, model_name: str = "m", **connection: Unpack[Connection]) -> None: ...

    schema = schema_of(configured, (), "x")
    assert schema.names == ("model_name", *Connection.__annotations__)
    assert not schema.open
    assert all(option.default is None for option in schema.options[1:])


def test_a_request_doesnt_show_its_headers() -> None:
    request = Request("POST", "https://u:p@h/x?key=1", {"authorization": Secret(KEY)}, b"body")
    assert repr(request) == "<Request POST https://h/x>"


def _refused(recorder: Recorder, **spec: Any) -> BaseException:
    with (
        Client(tts=named(recorder, "openai", "/v1", **spec)) as client,
        pytest.raises(OmnibindError) as caught,
    ):
        client.tts.generate_audio("Hello.", api_key=OTHER)
    return caught.value


def _refused_on_loop(recorder: Recorder, **spec: Any) -> BaseException:
    async def called() -> None:
        async with AsyncClient(tts=named(recorder, "openai", "/v1", **spec)) as client:
            await client.tts.generate_audio("Hello.", api_key=OTHER)

    with pytest.raises(OmnibindError) as caught:
        asyncio.run(called())
    return caught.value


def shown(error: BaseException) -> str:
    """What rich prints of an error with the locals of every frame, ours and the libraries'."""
    console = Console(file=io.StringIO(), width=400)
    trace = Traceback.from_exception(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_string=100_000,
        locals_max_length=1000,
        max_frames=0,
    )
    console.print(trace)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("ask", [_refused, _refused_on_loop])
@pytest.mark.parametrize("fault", ["refused", "unreachable", "not json"])
def test_no_traceback_shows_a_key_with_its_locals(
    recorder: Recorder, ask: Callable[..., BaseException], fault: str
) -> None:
    recorder.script = [as_json({"error": {"message": f"Incorrect API key: {OTHER}"}}, 401)]
    spec = {"base_url": "http://127.0.0.1:9/v1"} if fault == "unreachable" else {}
    error = ask(recorder, **spec)
    assert OTHER not in str(error)
    frames = [frame for frame in _frames(error) if "omnibind" in frame.f_code.co_filename]
    frames += [frame for frame in _frames(error) if "httpx2" in frame.f_code.co_filename]
    assert frames
    for frame in frames:
        told = _told(frame.f_locals)
        assert KEY not in told, frame.f_code
        assert OTHER not in told, frame.f_code
    assert KEY not in shown(error)


def _told(values: dict[str, Any]) -> str:
    told = []
    for value in values.values():
        with suppress(AttributeError):  # of what couldn't be made whole
            told.append(repr(value))
    return "\n".join(told)


def _frames(error: BaseException | None) -> list[Any]:
    found, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        trace = error.__traceback__
        while trace is not None:
            found.append(trace.tb_frame)
            trace = trace.tb_next
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize(
    "spec",
    [
        {"binding": "openai", "api_key": KEY, "nonsense": 1},
        {"binding": "no_such_binding", "api_key": KEY},
        {"api_key": KEY},
        [{"binding": "openai", "api_key": KEY}, {"binding": "openai", "api_key": KEY}],
        {"binding": "piper", "api_key": KEY},
    ],
    ids=["unknown option", "unknown binding", "no binding", "twice", "no service"],
)
def test_a_client_that_cant_be_made_shows_no_key(client: Any, spec: Any) -> None:
    with pytest.raises(OmnibindError) as caught:
        client(tts=spec)
    assert KEY not in str(caught.value)
    for frame in _frames(caught.value):
        if "omnibind/" in frame.f_code.co_filename:
            assert KEY not in _told(frame.f_locals), frame.f_code


def test_a_key_of_the_wrong_form_is_refused_unshown(recorder: Recorder) -> None:
    with Client(tts=named(recorder, "openai", "/v1")) as client:
        with pytest.raises(BadOption, match="api_key can't be used") as caught:
            client.tts.generate_audio("Hello.", api_key=f"{KEY}\nsk")
        assert KEY not in str(caught.value)
    with pytest.raises(BadConfig, match="'api_key' can't be used") as other:
        Client(tts={"binding": "openai", "api_key": f"{KEY}\nsk"})
    assert KEY not in str(other.value)


def test_neither_log_nor_recipe_nor_event_shows_a_key(
    recorder: Recorder, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    recorder.script = [as_media(media("mp3"), "audio/mpeg")]
    events: list[Any] = []
    with (
        caplog.at_level(logging.DEBUG),
        Client(tts=named(recorder, "openai", "/v1")) as client,
    ):
        sound = client.tts.generate_audio(
            "Hello.",
            verify=False,
            api_key=OTHER,
            on_request=events.append,
            on_response=events.append,
        )
        path = sound.save(tmp_path / "x.mp3")
        told = [repr(client), repr(client.tts), repr(vars(client.tts)), repr(events)]
    assert recorder.only.header("authorization") == f"Bearer {OTHER}"
    assert sound.recipe is not None
    told += [caplog.text, sound.recipe.json(), repr(sound.recipe), repr(sound.meta)]
    for key in (KEY, OTHER):
        assert not any(key in text for text in told)
        assert key.encode() not in path.read_bytes()

"""Who is told what of a call, what a listener may do wrong, and what the log holds."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from omnibind.calls.callbacks import (
    NAMES,
    Callbacks,
    Event,
    Kind,
    described,
    finish,
    finish_blocking,
    gathered,
    is_logged,
    log,
    log_retry,
    tell,
)
from omnibind.contracts.binding import Progress
from omnibind.contracts.errors import BadOption, BadOutput, RateLimited
from omnibind.contracts.media import Audio, Source

REQUEST = Event("request", "1a-1", "generate_audio", "tts/piper", "en_US-joe-medium")
RESPONSE = REQUEST._replace(
    kind="response",
    counts={"characters": 43, "bytes": 123456789, "seconds": 2.0},
    elapsed_s=0.25,
    attempts=2,
    cost_usd=0.0012,
    cost_basis="estimated",
)

LOOP_VALUE: ContextVar[str] = ContextVar("loop_value", default="unset")


class Heard(list[Event]):
    """Keeps what it is told, in each of the ways a program may listen."""

    def plain(self, event: Event) -> None:
        self.append(event)

    def with_more(self, more: str, event: Event) -> str:
        self.append(event)
        return more

    def __call__(self, event: Event) -> None:
        self.append(event)

    async def later(self, event: Event) -> None:
        await asyncio.sleep(0)
        self.append(event)

    async def later_with_more(self, more: str, event: Event) -> None:
        await self.later(event)


class HeardLater(Heard):
    async def __call__(self, event: Event) -> None:  # type: ignore[override]
        await self.later(event)


def refuse(event: Event) -> None:
    raise RuntimeError("the dashboard is down")


async def refuse_later(event: Event) -> None:
    raise RuntimeError("the dashboard is down")


def leave(error: type[BaseException], event: Event) -> None:
    raise error


async def leave_later(error: type[BaseException], event: Event) -> None:
    raise error


def listening(**own: Any) -> Callbacks:
    found = gathered((None, None, None), own)
    assert found is not None
    return found


def in_loop(work: Callable[[], None]) -> None:
    async def main() -> None:
        work()

    asyncio.run(main())


def outside(work: Callable[[], None]) -> None:
    work()


# ── who listens ──


def test_each_kind_of_event_has_a_callback_of_its_name() -> None:
    assert {f"on_{kind}" for kind in get_args(Kind)} == set(NAMES)


def test_a_function_a_method_a_partial_and_a_callable_object_are_all_told() -> None:
    heard = Heard()
    spellings = [heard.append, heard.plain, partial(heard.with_more, "x"), heard]
    assert tell(listening(on_request=spellings), REQUEST) == []
    assert heard == [REQUEST] * 4


def test_the_client_is_told_before_the_handle_before_the_call() -> None:
    order: list[str] = []

    def listener(name: str) -> Callable[[Event], None]:
        return lambda event: order.append(name)

    levels = [Callbacks(on_request=listener(name)) for name in ("client", "handle", "call")]
    listeners = gathered(levels, {"on_request": [listener("first"), listener("second")]})
    assert listeners is not None
    tell(listeners, REQUEST)
    assert order == ["client", "handle", "call", "first", "second"]


def test_callbacks_that_stand_at_two_levels_are_told_once() -> None:
    heard = Heard()
    both = Callbacks(on_request=heard)
    listeners = gathered((both, None, both), {})
    assert listeners is not None
    tell(listeners, REQUEST)
    assert heard == [REQUEST]


@pytest.mark.parametrize(
    ("levels", "own"),
    [
        ((), {}),
        ((None, None, None), {}),
        ((Callbacks(), Callbacks(on_error=None)), {}),
        ((Callbacks(on_error=[]),), {"on_request": None}),
    ],
)
def test_nobody_listens_where_nothing_was_given(
    levels: tuple[Callbacks | None, ...], own: dict[str, Any]
) -> None:
    assert gathered(levels, own) is None


def test_only_the_listeners_to_this_kind_are_told() -> None:
    heard = Heard()
    assert tell(listening(on_error=heard), REQUEST) == []
    assert not heard


def test_a_listener_set_later_hears_the_calls_that_begin_afterwards() -> None:
    client, heard = Callbacks(), Heard()
    assert gathered((client,), {}) is None
    client.on_request = [heard.plain]
    begun = gathered((client,), {})
    client.on_request.append(heard.plain)
    client.on_response = heard
    assert begun is not None
    tell(begun, REQUEST)
    tell(begun, RESPONSE)
    assert heard == [REQUEST]
    following = gathered((client,), {})
    assert following is not None
    tell(following, REQUEST)
    tell(following, RESPONSE)
    assert heard == [REQUEST, REQUEST, REQUEST, RESPONSE]
    client.on_request = client.on_response = None
    assert gathered((client,), {}) is None


def test_a_name_that_is_no_event_is_refused_with_near_names() -> None:
    wrong: dict[str, Any] = {"on_eror": print}
    with pytest.raises(BadOption, match="'on_eror'; did you mean 'on_error'"):
        Callbacks(**wrong)
    with pytest.raises(BadOption, match="'on_responses'; did you mean 'on_response'"):
        Callbacks().on_responses = print
    with pytest.raises(BadOption, match="on_eror"):
        gathered((), wrong)


@pytest.mark.parametrize("given", ["print", 3, [print, "print"], {"a": print}])
def test_what_cant_be_called_is_refused_when_it_is_given(given: Any) -> None:
    with pytest.raises(BadOption, match=r"on_error is .*; give a callable or a list of callables"):
        Callbacks(on_error=given)
    callbacks = Callbacks(on_error=print)
    with pytest.raises(BadOption):
        callbacks.on_error = given
    assert callbacks.on_error is print
    with pytest.raises(BadOption):
        gathered((), {"on_error": given})


def test_callbacks_are_taken_as_an_object_a_mapping_or_none() -> None:
    callbacks = Callbacks(on_error=print)
    assert Callbacks.of(callbacks) is callbacks
    assert Callbacks.of({"on_error": print}).on_error is print
    assert gathered((Callbacks.of(None),), {}) is None
    assert repr(callbacks) == "Callbacks(on_error)"
    with pytest.raises(BadOption, match=r"callbacks is <built-in function print>; give Callbacks"):
        Callbacks.of(print)


# ── listeners that go wrong ──


def test_a_listener_that_raises_is_logged_and_the_next_one_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = Heard()
    tell(listening(on_request=[refuse, heard]), REQUEST)
    assert heard == [REQUEST]
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("omnibind.callbacks", "ERROR")
    assert record.getMessage() == "the listener refuse to on_request raised; the call goes on"
    assert "the dashboard is down" in caplog.text
    assert "Traceback" in caplog.text


def test_a_listener_that_raises_again_and_again_is_logged_once_a_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        call = listening(on_progress=[refuse, refuse_later])
        for _ in range(3):
            finish_blocking(tell(call, REQUEST._replace(kind="progress")))
    assert len(caplog.records) == 4


def test_the_log_doesnt_show_what_a_partial_was_made_with(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def send(key: str, event: Event) -> None:
        raise RuntimeError

    tell(listening(on_request=partial(send, "sk-very-secret")), REQUEST)
    assert "send to on_request" in caplog.records[0].getMessage()
    assert "sk-very-secret" not in caplog.text


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_program_goes_through_a_listener(error: type[BaseException]) -> None:
    heard = Heard()
    with pytest.raises(error):
        tell(listening(on_request=[heard.later, partial(leave, error), heard]), REQUEST)
    assert not heard


@pytest.mark.parametrize("place", [outside, in_loop])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_program_goes_through_an_async_listener(
    error: type[BaseException], place: Callable[[Callable[[], None]], None]
) -> None:
    heard = Heard()
    listeners = listening(on_request=[partial(leave_later, error), heard.later])
    with pytest.raises(error):
        place(lambda: finish_blocking(tell(listeners, REQUEST)))
    assert not heard


# ── async listeners ──


def awaited(listeners: Callbacks) -> None:
    async def main() -> None:
        await finish(tell(listeners, REQUEST))

    asyncio.run(main())


def waited_for(listeners: Callbacks) -> None:
    finish_blocking(tell(listeners, REQUEST))


def waited_for_in_a_loop(listeners: Callbacks) -> None:
    in_loop(lambda: waited_for(listeners))


FINISHES = pytest.mark.parametrize("finished", [awaited, waited_for, waited_for_in_a_loop])


@FINISHES
def test_every_spelling_of_an_async_listener_is_awaited(
    finished: Callable[[Callbacks], None],
) -> None:
    heard, object_ = Heard(), HeardLater()
    spellings = [heard.later, partial(heard.later_with_more, "x"), lambda e: heard.later(e)]
    finished(listening(on_request=[*spellings, object_]))
    assert heard == [REQUEST] * 3
    assert object_ == [REQUEST]


@FINISHES
def test_an_async_listener_that_raises_is_logged_and_the_next_one_goes_on(
    finished: Callable[[Callbacks], None], caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    cancels_itself = partial(leave_later, asyncio.CancelledError)
    finished(listening(on_request=[refuse_later, cancels_itself, heard.later]))
    assert heard == [REQUEST]
    called = [record.getMessage().split()[2] for record in caplog.records]
    assert called == ["refuse_later", "leave_later"]
    assert "the dashboard is down" in caplog.text


def test_a_cancelled_call_cancels_its_listener_and_drops_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reached: list[str] = []

    async def stay(event: Event) -> None:
        reached.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            reached.append("ended")

    async def never(event: Event) -> None:
        reached.append("never")

    async def main() -> None:
        told = tell(listening(on_request=[stay, never]), REQUEST)
        task = asyncio.ensure_future(finish(told))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert reached == ["begun", "ended"]
    assert not caplog.records


def test_an_async_listener_beside_a_running_loop_sees_the_callers_context() -> None:
    seen: list[str] = []

    async def look(event: Event) -> None:
        seen.append(LOOP_VALUE.get())

    def work() -> None:
        LOOP_VALUE.set("set")
        finish_blocking(tell(listening(on_request=look), REQUEST))

    in_loop(work)
    assert seen == ["set"]


def test_without_an_async_listener_no_loop_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(main: Awaitable[Any]) -> None:
        raise AssertionError("a loop was made")

    monkeypatch.setattr(asyncio, "run", refused)
    finish_blocking(tell(listening(on_request=Heard()), REQUEST))


# ── the log ──


def logged(event: Event, caplog: pytest.LogCaptureFixture) -> tuple[str, str, str]:
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "omnibind"):
        log(event)
    (record,) = caplog.records
    return record.name, record.levelname, record.getMessage()


FAILED = REQUEST._replace(error=RateLimited("slow down", status=429), elapsed_s=0.5, attempts=1)
SERVED = "call 1a-1: generate_audio by tts/piper (en_US-joe-medium)"


@pytest.mark.parametrize(
    ("event", "level", "words"),
    [
        (
            REQUEST._replace(counts={"characters": 43}),
            "DEBUG",
            f"{SERVED} begins, 43 characters",
        ),
        (
            REQUEST._replace(kind="progress", progress=Progress(0.4, "voice 2/5", "hello")),
            "DEBUG",
            f"{SERVED} goes on, 40%, voice 2/5, 0.000 s",
        ),
        (
            RESPONSE,
            "INFO",
            f"{SERVED} took 0.250 s, 43 characters, 123456789 bytes, 2 seconds, 2 attempts, "
            "0.001200 USD (estimated)",
        ),
        (
            FAILED._replace(kind="error", error=BadOutput("silence", result=b"", rule="silent")),
            "INFO",
            f"{SERVED} failed with BadOutput (rule silent) after 0.500 s, 1 attempts",
        ),
        (
            FAILED._replace(kind="fallback", next_binding="tts/mock"),
            "WARNING",
            f"{SERVED} failed with RateLimited (status 429) after 0.500 s; tts/mock is tried next",
        ),
        (
            REQUEST._replace(binding=None, model=None),
            "DEBUG",
            "call 1a-1: generate_audio by a binding still to be chosen begins",
        ),
    ],
    ids=["request", "progress", "response", "error", "fallback", "unchosen"],
)
def test_each_event_is_one_line_of_the_log(
    event: Event, level: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert logged(event, caplog) == ("omnibind.calls", level, words)


def test_a_retry_is_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    log_retry(FAILED, RateLimited("slow down", status=429), 1.5)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("omnibind.calls", "WARNING")
    assert record.getMessage() == (
        "call 1a-1: tts/piper failed with RateLimited (status 429); attempt 2 follows in 1.50 s"
    )


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_log_holds_no_text_no_label_and_no_key(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "the quick brown fox"
    event = RESPONSE._replace(
        kind=kind,
        label=secret,
        options={"negative_prompt": secret, "api_key": secret},
        error=RuntimeError(secret),
        progress=Progress(0.5, None, secret),
    )
    assert secret not in logged(event, caplog)[2]


def test_a_level_that_the_program_doesnt_want_isnt_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "omnibind"):
        assert (is_logged("request"), is_logged("response")) == (False, True)
        assert (is_logged("fallback"), is_logged("retry")) == (True, True)
        log(REQUEST)
    assert not caplog.records


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )


def test_callbacks_import_neither_logging_nor_asyncio_until_they_are_needed() -> None:
    done = run_python(
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "from omnibind.calls.callbacks import *\n"
        "from omnibind.calls.callbacks import is_logged\n"
        "event = Event('response', '1', 'generate_audio')\n"
        "heard = []\n"
        "log(event)\n"
        "assert not is_logged('fallback')\n"
        "assert tell(gathered((Callbacks(on_response=heard.append),), {}), event) == []\n"
        "finish_blocking([])\n"
        "assert heard == [event]\n"
        "new = set(sys.modules) - before\n"
        "import logging\n"
        "logging.basicConfig(level='INFO', stream=sys.stderr)\n"
        "log(event)\n"
        "print(json.dumps(sorted(new)))\n"
    )
    assert not set(json.loads(done.stdout)) & {"logging", "asyncio", "threading", "inspect"}
    assert done.stderr.startswith("INFO:omnibind.calls:call 1: generate_audio")


def test_a_program_without_logging_set_up_sees_only_what_its_listener_did_wrong() -> None:
    done = run_python(
        "import logging\n"
        "from omnibind.calls.callbacks import *\n"
        "event = Event('fallback', '1', 'generate_audio', error=OSError())\n"
        "log(event)\n"
        "tell(gathered((Callbacks(on_fallback=lambda event: 1 / 0),), {}), event)\n"
    )
    first, *_, last = done.stderr.splitlines()
    assert first == "the listener <lambda> to on_fallback raised; the call goes on"
    assert last == "ZeroDivisionError: division by zero"


# ── what an event shows of the options ──


def test_plain_options_are_shown_as_given() -> None:
    options = {"voice": None, "speed": 1.5, "vad": True, "lyrics": "la " * 1000, "max_tokens": 9}
    assert described(options) == options


@pytest.mark.parametrize(
    "name",
    ["api_key", "apiKey", "X-API-Key", "hf_token", "password", "Authorization", "client_secret"],
)
def test_a_key_is_masked_wherever_it_stands(name: str) -> None:
    shown = described({name: "sk-1", "extra": {"headers": [{name: "sk-1"}]}})
    assert shown == {name: "***", "extra": {"headers": [{name: "***"}]}}


def test_media_are_told_in_words(tmp_path: Path) -> None:
    tone = Audio.from_array(np.zeros(800, np.int16), 8000)
    fox = tmp_path / "fox.wav"
    tone.save(fox)
    shown = described(
        {
            "audio": tone,
            "data": bytearray(10),
            "uri": tone.data_uri(),
            "base64": tone.base64(),
            "path": fox,
            "file": Source.file(fox),
            "samples": (np.zeros((800, 2), np.float32), 8000),
            "stream": io.BytesIO(b"x"),
            "pixels": [[0] * 3] * 100,
            "seed": np.int64(7),
        }
    )
    assert shown == {
        "audio": f"Audio of {len(tone)} bytes",
        "data": "bytearray of 10 bytes",
        "uri": f"encoded content of {len(tone.data_uri())} characters",
        "base64": f"encoded content of {len(tone.base64())} characters",
        "path": str(fox),
        "file": f"{str(fox)!r} (1.6 kB)",
        "samples": ["an object of type ndarray and shape (800, 2)", 8000],
        "stream": "an object of type BytesIO",
        "pixels": "an object of type list",
        "seed": 7,
    }


def test_options_that_hold_themselves_are_cut_off() -> None:
    extra: dict[str, Any] = {}
    extra["extra"] = extra
    assert "an object of type dict" in str(described(extra))

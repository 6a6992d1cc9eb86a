from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.journeys import TONE, Voice

from omnibind import Audio, Client, TTSBindingManager
from omnibind.calls.callbacks import NAMES
from omnibind.calls.controls import _CHECKS, _LATER, CLIENT_CONTROLS, Controls, Settings, split
from omnibind.client import ClientOptions
from omnibind.config import ClientBlock
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    BadOutput,
    Cancelled,
    DeadlineExceeded,
    UnknownOption,
    UnknownVoice,
)
from omnibind.contracts.options import CALL_CONTROLS


@pytest.fixture
def voice(home: Path) -> Iterator[Voice]:
    """A voice that does as it is told, registered under ``voice``."""
    voice = Voice()
    TTSBindingManager.register_binding("voice", lambda: voice)
    yield voice
    TTSBindingManager.unregister_binding("voice")


@pytest.fixture
def held(voice: Voice) -> Iterator[threading.Event]:
    """While it isn't set, the voice doesn't go on; ``voice.running`` tells that it has begun."""
    go_on = threading.Event()

    def meanwhile() -> None:
        go_on.wait(20)

    voice.meanwhile = meanwhile
    yield go_on
    go_on.set()


# ── the names agree ──


def test_every_reserved_name_is_a_control_that_is_read() -> None:
    read = {*_CHECKS, *NAMES, *_LATER, "verify", "budget_usd", "callbacks", "consent"}
    assert read - {"http_client"} == CALL_CONTROLS


def test_a_clients_arguments_are_its_calls_controls() -> None:
    modalities = {name for name in ClientOptions.__annotations__ if name[:3] in Client._kinds}
    own = set(ClientOptions.__annotations__) - modalities
    assert own == {*CLIENT_CONTROLS, "memory"}  # which is the process's, not a call's
    in_a_call_only = {"consent", "return_errors", "api_key", *_LATER}
    assert own - {"policy", "memory", "http_client"} == CALL_CONTROLS - in_a_call_only


def test_a_configuration_file_may_say_what_a_client_takes() -> None:
    objects = {"callbacks", "on_refusal", "http_client", *NAMES}
    said = {*CLIENT_CONTROLS, "memory"} - objects
    assert set(ClientBlock.__struct_fields__) == said


def test_controls_are_told_from_options() -> None:
    given, rest = split({"timeout_s": 3, "speed": 1.5, "label": "x"})
    assert given == {"timeout_s": 3, "label": "x"}
    assert rest == {"speed": 1.5}


WRONG: dict[str, list[Any]] = {
    "timeout_s": ["3", 0, -1, float("nan"), float("inf"), True],
    "max_result_bytes": [0, -1, 1.5, None, True],
    "on_refusal": ["x", 3],
    "label": [3, b"x"],
    "strict": [1, None, "yes"],
    "recipe": [0, None],
    "retry_paid": [1, None],
    "allow_unknown_cost": [1, "no"],
    "budget_usd": [-1, "1", float("nan"), True],
    "callbacks": [3, {"on_respons": print}],
    "on_response": [3, [3]],
    "verify": ["no", 3, {"nothing": False}, {"silent": 0}],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in WRONG.items() for v in vs])
def test_a_wrong_value_is_refused_in_a_call_and_at_the_client(
    voice: Voice, name: str, value: Any
) -> None:
    with pytest.raises(BadOption):
        Client(tts="voice").tts.generate_audio("hello", **{name: value})
    assert voice.calls == 0
    with pytest.raises(BadConfig):
        Client(**{name: value})


@pytest.mark.parametrize("name", sorted(_LATER))
def test_what_isnt_there_yet_says_so(voice: Voice, name: str) -> None:
    value: Any = "x"
    with pytest.raises(BadOption, match="doesn't have it yet"):
        Client(tts="voice").tts.generate_audio("hello", **{name: value})
    with pytest.raises(BadConfig, match="no argument"):
        Client(**{name: value})


def test_a_misspelt_control_is_an_unknown_option_or_argument(voice: Voice) -> None:
    with pytest.raises(UnknownOption, match="'timeout'"):
        Client(tts="voice").tts.generate_audio("hello", timeout=3)
    with pytest.raises(BadConfig, match="did you mean 'timeout_s'"):
        Client(timeout=3)  # type: ignore[call-arg]


def test_settings_are_the_defaults_of_controls() -> None:
    settings = Settings({"timeout_s": 3, "verify": False, "label": "x", "strict": True})
    assert settings.controls.timeout_s == 3.0
    assert settings.controls.off is None
    changed = settings.controls.changed({"timeout_s": None, "verify": True, "strict": False})
    assert changed == Controls(label="x")


# ── verification ──


def test_rules_are_turned_off_by_name_or_all_together(voice: Voice) -> None:
    client = Client(tts="voice")
    voice.results = [Audio.from_array(np.zeros(8000, np.int16), 8000)]
    with pytest.raises(BadOutput) as caught:
        client.tts.generate_audio("hello there")
    assert caught.value.rule == "silent"
    assert client.tts.generate_audio("hello there", verify={"silent": False})
    assert client.tts.generate_audio("hello there", verify=False)
    assert Client(tts="voice", verify={"silent": False}).tts.generate_audio("hello there")
    with pytest.raises(BadOutput):
        Client(tts="voice", verify=False).tts.generate_audio("hello there", verify=True)
    with pytest.raises(BadOption, match=r"'silence'.*did you mean 'silent'"):
        client.tts.generate_audio("hello there", verify={"silence": False})


def test_what_isnt_verified_may_be_anything(voice: Voice) -> None:
    heard: list[Any] = []
    voice.results = [Audio(b"no sound at all")]
    speech = Client(tts="voice").tts.generate_audio("hello", verify=False, on_response=heard.append)
    assert speech == b"no sound at all"
    assert heard[0].counts == {"characters": 5, "bytes": 15}


def test_a_result_that_is_too_large_is_refused_even_unverified(voice: Voice) -> None:
    client = Client(tts="voice", max_result_bytes=len(TONE) - 1)
    with pytest.raises(BadOutput, match="raise max_result_bytes") as caught:
        client.tts.generate_audio("hello", verify=False)
    assert caught.value.rule == "size"
    assert voice.calls == 1
    assert client.tts.generate_audio("hello", max_result_bytes=len(TONE)) == TONE


# ── deadlines and submitted calls ──


@pytest.mark.parametrize("where", ["call", "client"])
def test_a_deadline_of_a_call_or_of_a_client_frees_the_caller(
    voice: Voice, held: threading.Event, where: str
) -> None:
    given: Any = {"timeout_s": 0.05}
    client = Client(tts="voice", **(given if where == "client" else {}))
    with pytest.raises(DeadlineExceeded, match=r"0\.05 s"):
        client.tts.generate_audio("hello", **(given if where == "call" else {}))
    assert client.tts.state == "stuck"
    held.set()
    client.unload()


def test_a_call_may_have_more_time_than_its_client_gives(voice: Voice) -> None:
    assert Client(tts="voice", timeout_s=1e-9).tts.generate_audio("hello", timeout_s=None) == TONE


def test_a_submitted_call_gives_what_the_verb_gives(voice: Voice) -> None:
    client = Client(tts="voice")
    call = client.submit(client.tts.generate_audio, "hello", seed=3)
    speech = call.result(20)
    assert speech == TONE
    assert speech.meta.seed == 3
    assert call.done()
    assert call.state == "done"
    assert not call.cancel()
    assert client.costs()[0].calls == 1


def test_what_a_submitted_call_raises_comes_out_of_its_result(home: Path) -> None:
    client = Client(tts="mock")
    call = client.submit(client.tts.generate_audio, "hello", "nobody")
    for _ in range(2):
        with pytest.raises(UnknownVoice):
            call.result(20)
    assert call.state == "failed"


def test_a_result_that_isnt_there_in_time_leaves_the_call_running(
    voice: Voice, held: threading.Event
) -> None:
    client = Client(tts="voice")
    call = client.submit(client.tts.generate_audio, "hello")
    with pytest.raises(DeadlineExceeded, match="the call goes on"):
        call.result(0.05)
    assert call.state == "running"
    held.set()
    assert call.result(20) == TONE


def test_a_submitted_call_can_be_cancelled(voice: Voice, held: threading.Event) -> None:
    client = Client(tts="voice")
    call = client.submit(client.tts.generate_audio, "hello", timeout_s=60)
    with pytest.raises(DeadlineExceeded):
        call.result(0.05)
    assert call.cancel("nobody wants it")
    with pytest.raises(Cancelled, match="nobody wants it"):
        call.result(20)


def test_a_submitted_call_keeps_its_own_deadline(voice: Voice, held: threading.Event) -> None:
    client = Client(tts="voice")
    call = client.submit(client.tts.generate_audio, "hello", timeout_s=0.05)
    with pytest.raises(DeadlineExceeded, match="wasn't done after"):
        call.result(20)


def test_submit_may_be_submitted(voice: Voice) -> None:
    client = Client(tts="voice")
    outer = client.submit(client.submit, client.tts.generate_audio, "hello")
    assert outer.result(20).result(20) == TONE
    assert client.costs()[0].calls == 1


def test_what_isnt_a_verb_of_a_handle_can_be_submitted_too(voice: Voice) -> None:
    client = Client(tts="voice")
    assert client.submit(client.tts.load).result(20) is None
    assert voice.loads == 1
    call = client.submit(lambda: [client.tts.generate_audio(text) for text in ("a", "b")])
    assert call.result(20) == [TONE, TONE]

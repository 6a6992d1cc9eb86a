from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import BindingWriter
from tests.journeys import TONE, Chosen, Script, Voice, flow_of, request, served
from tests.service import CODE, MANIFEST, MODELS, Answer, Service

from omnibind import Client
from omnibind.calls import retry
from omnibind.calls.call import Call
from omnibind.calls.controls import Controls
from omnibind.contracts.errors import (
    BadInput,
    BadOutput,
    BadReply,
    CallFailed,
    ContentRefused,
    DeadlineExceeded,
    KeyRefused,
    OmnibindError,
    QuotaExceeded,
    RateLimited,
    Unavailable,
)
from omnibind.contracts.media import Audio, Meta

BUSY = Answer(429, {"retry-after": "0"})
BROKEN = Answer(200, body=b'{"detail": "a page, and no picture"}')


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def draws(
    home: Path, write_binding: BindingWriter, service: Service, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Draw with a client of the remote binding, which waits for nothing between its tries."""
    monkeypatch.setattr(retry, "REMOTE", retry.Retry(base_s=0.0))
    write_binding(
        "draws",
        root=home / "bindings",
        modality="tti",
        manifest=MANIFEST,
        code=CODE,
        models=MODELS,
    )
    client = Client(tti={"binding": "draws", "url": service.url})
    return lambda **options: client.tti.generate_image("a cat", **options)


def remote(*results: Any) -> Chosen:
    voice = Voice()
    voice.results = [*results]
    return Chosen(voice, is_remote=True)


def driven(script: Script, *chosen: Chosen, **controls: Any) -> Any:
    call: Call[Any] = Call(controls.pop("timeout_s", None), clock=script.clock)
    return script.drive(flow_of(*chosen, asked=request(Controls().changed(controls)), call=call))


def test_a_service_that_is_busy_is_asked_again(draws: Any, service: Service) -> None:
    service.answers = [BUSY, Answer(503), Answer()]
    assert draws().width == 32
    assert len(service.asked) == 3


def test_the_third_try_is_the_last(draws: Any, service: Service) -> None:
    service.answers = [BUSY]
    with pytest.raises(RateLimited, match="429"):
        draws()
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    ("status", "error"), [(401, KeyRefused), (402, QuotaExceeded), (451, ContentRefused)]
)
def test_what_would_go_no_better_is_asked_once(
    draws: Any, service: Service, status: int, error: type[OmnibindError]
) -> None:
    service.answers = [Answer(status)]
    with pytest.raises(error):
        draws()
    assert len(service.asked) == 1


def test_a_service_that_cant_be_reached_is_tried_again_and_then_told(
    draws: Any, service: Service
) -> None:
    service.close()
    client = Client(tti={"binding": "draws", "url": service.url})
    with pytest.raises(Unavailable, match="can't be reached"):
        client.tti.generate_image("a cat")
    (row,) = client.costs()
    assert (row.calls, row.failed, row.unknown) == (3, 3, 0)


@pytest.mark.parametrize("answer", [BROKEN, Answer(500)])
def test_what_may_have_been_charged_is_asked_again_only_where_that_is_allowed(
    draws: Any, service: Service, answer: Answer
) -> None:
    service.answers = [answer, Answer()]
    with pytest.raises((BadOutput, BadReply)) as caught:
        draws()
    assert len(service.asked) == 1
    if isinstance(caught.value, BadOutput):
        assert caught.value.result == answer.body, "what was paid for is kept"
    service.answers = [answer, Answer()]
    assert draws(retry_paid=True).width == 32
    assert len(service.asked) == 3


def test_paid_output_isnt_made_again_with_the_same_seed(draws: Any, service: Service) -> None:
    service.answers = [BROKEN, Answer()]
    with pytest.raises(BadOutput):
        draws(retry_paid=True, seed=3)
    assert len(service.asked) == 1


def test_waits_double_and_half_of_them_is_chance() -> None:
    script = Script()
    busy = RateLimited("busy")
    assert driven(script, remote(busy, busy, TONE)).meta.binding == "tts/voice"
    first, second = script.slept
    assert 0.25 <= first <= 0.5
    assert 0.5 <= second <= 1.0


def test_a_service_is_left_alone_for_as_long_as_it_asks() -> None:
    script = Script()
    driven(script, remote(RateLimited("busy", retry_after=20.0), TONE))
    (slept,) = script.slept
    assert 20.0 <= slept <= 20.25


def test_a_service_that_asks_for_an_hour_isnt_waited_for() -> None:
    script = Script()
    with pytest.raises(RateLimited):
        driven(script, remote(RateLimited("busy", retry_after=3600.0), TONE))
    assert script.slept == []


def test_no_wait_goes_past_the_deadline() -> None:
    script = Script()
    with pytest.raises(RateLimited):
        driven(script, remote(RateLimited("busy", retry_after=20.0), TONE), timeout_s=19.0)
    assert script.slept == []


def test_a_deadline_that_comes_while_waiting_isnt_the_next_ones_chance() -> None:
    chosen = remote(RateLimited("busy"), TONE), Chosen(Voice(), "tts/second")
    script = Script(throw_at=2, error=DeadlineExceeded("the call wasn't done"))
    with pytest.raises(DeadlineExceeded):
        driven(script, *chosen)
    assert [type(effect).__name__ for effect in script.effects].count("Sleep") == 1
    assert chosen[1].candidate is None


def test_bad_output_of_an_engine_here_is_made_again_once() -> None:
    voice = Voice()
    voice.results = [Audio(b"no sound"), TONE]
    assert served(Chosen(voice)) == TONE
    voice.calls, voice.results = 0, [Audio(b"no sound")]
    with pytest.raises(BadOutput):
        served(Chosen(voice))
    assert voice.calls == 2


def test_bad_output_of_a_seed_would_be_the_same_again() -> None:
    voice = Voice()
    voice.results = [Audio(b"no sound"), TONE]
    with pytest.raises(BadOutput):
        served(Chosen(voice), asked=request(seed=7))
    assert voice.calls == 1


@pytest.mark.parametrize("error", [BadInput("no words"), CallFailed("broken"), ValueError("odd")])
def test_an_engine_that_failed_isnt_run_again(error: Exception) -> None:
    voice = Voice()
    voice.results = [error, TONE]
    with pytest.raises((BadInput, CallFailed)):
        served(Chosen(voice))
    assert voice.calls == 1


def test_what_a_retry_cost_is_in_the_result() -> None:
    paid = BadOutput("no sound", result=Audio(b"x", meta=Meta(cost_usd=0.25)), rule="decodes")
    voice = Voice()
    voice.results = [paid, Audio(bytes(TONE), meta=Meta(cost_usd=0.5))]
    asked = request(Controls(retry_paid=True))
    assert served(Chosen(voice, is_remote=True), asked=asked).meta.cost_usd == 0.75

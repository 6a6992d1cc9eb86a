from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.journeys import TONE, Chosen, Voice, flow_of, request, served

from omnibind.calls.call import Call
from omnibind.calls.controls import Controls
from omnibind.calls.driver import run
from omnibind.contracts.effects import Effect, Run
from omnibind.contracts.errors import BadOutput, CallFailed, WeightsMissing
from omnibind.contracts.media import Audio, Meta
from omnibind.running.slot import Slot


def test_the_flow_awaits_its_engine_and_nothing_else() -> None:
    voice = Voice()
    flow = flow_of(Chosen(voice), asked=request(seed=7))
    prepare = flow.send(None)
    assert isinstance(prepare, Run)
    effect = flow.send(prepare.work())
    assert isinstance(effect, Run)
    assert voice.calls == 0
    with pytest.raises(StopIteration) as end:
        flow.send(effect.work())
    result = end.value.value
    assert result == TONE
    assert (result.meta.binding, result.meta.model, result.meta.seed) == ("tts/voice", "small", 7)


def test_what_an_engine_raises_comes_out_typed() -> None:
    voice = Voice()
    voice.results = [OSError("pipe broke")]
    with pytest.raises(CallFailed, match="tts/voice failed: OSError: pipe broke"):
        served(Chosen(voice))


def test_a_foreign_awaitable_in_a_flow_is_an_error_that_names_it() -> None:
    class Foreign(Effect[None]):
        def __repr__(self) -> str:
            return "<Foreign>"

    async def flow() -> None:
        await Foreign()

    with pytest.raises(TypeError, match="<Foreign> isn't an effect"):
        run(flow(), Call())


def test_a_flow_may_catch_what_an_effect_raised_and_go_on() -> None:
    voice = Voice()
    slot = Slot(voice)

    def fail() -> int:
        raise ValueError("first")

    async def flow() -> int:
        try:
            return await Run(slot, fail)
        except ValueError:
            return await Run(slot, lambda: 2)

    assert run(flow(), Call()) == 2


def test_what_the_binding_says_about_its_result_stands() -> None:
    voice = Voice()
    voice.results = [Audio(bytes(TONE), meta=Meta(model="large", seed=0, warnings=("quiet",)))]
    result = served(Chosen(voice), asked=request(seed=7))
    assert result.meta.model == "large"
    assert result.meta.seed == 0
    assert result.meta.warnings == ("quiet",)
    assert result.meta.binding == "tts/voice"


def test_a_result_that_a_binding_keeps_gets_no_meta_of_another_call() -> None:
    voice = Voice()
    voice.results = [Audio(bytes(TONE))]
    first = served(Chosen(voice), asked=request(seed=1))
    second = served(Chosen(voice), asked=request(seed=2))
    assert (first.meta.seed, second.meta.seed) == (1, 2)


def test_verification_can_be_left_out() -> None:
    voice = Voice()
    voice.results = [Audio.from_array(np.zeros(800, np.int16), 8000)]
    with pytest.raises(BadOutput, match="silence"):
        served(Chosen(voice))
    assert served(Chosen(voice), asked=request(Controls(off=None)))


@pytest.mark.parametrize(("concurrent", "most"), [(1, 1), (3, 3)])
def test_a_slot_serves_as_many_calls_at_once_as_it_may(concurrent: int, most: int) -> None:
    voice = Voice()
    slot = Slot(voice, concurrent)
    entered = threading.Semaphore(0)
    leave = threading.Event()

    def stay() -> None:
        entered.release()
        leave.wait(timeout=30)

    voice.meanwhile = stay
    threads = [
        threading.Thread(target=slot.run, args=(lambda: voice.generate_audio("x"),))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for _ in range(concurrent):
        assert entered.acquire(timeout=30)
    assert not entered.acquire(blocking=False)
    leave.set()
    for thread in threads:
        thread.join(timeout=30)
    assert voice.most_running == most
    assert voice.loads == 1


def test_two_calls_that_come_first_load_once() -> None:
    voice = Voice()
    slot = Slot(voice, 2)
    loading, leave = threading.Event(), threading.Event()
    load = voice.load

    def slow() -> None:
        load()
        loading.set()
        leave.wait(timeout=30)

    voice.load = slow  # type: ignore[method-assign]
    threads = [threading.Thread(target=slot.run, args=(lambda: None,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert loading.wait(timeout=30)
    while slot.turns.turn.acquire(blocking=False):  # until the second call has its turn too
        slot.turns.turn.release()
    leave.set()
    for thread in threads:
        thread.join(timeout=30)
    assert voice.loads == 1


def test_unloading_waits_for_the_calls_that_run() -> None:
    voice = Voice()
    slot = Slot(voice, 2)
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        inside.set()
        leave.wait(timeout=30)

    voice.meanwhile = stay
    call = threading.Thread(target=slot.run, args=(lambda: voice.generate_audio("x"),))
    call.start()
    assert inside.wait(timeout=30)
    unloads = [threading.Thread(target=slot.turns.whole.run, args=(slot.let_go,)) for _ in range(3)]
    for thread in unloads:
        thread.start()
    assert voice.unloads == 0
    leave.set()
    for thread in (call, *unloads):
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert voice.unloads == 1
    assert not slot.is_loaded


def test_a_load_that_failed_is_tried_again_by_the_next_call() -> None:
    class Late(Voice):
        def load(self) -> None:
            super().load()
            if self.loads == 1:
                raise WeightsMissing("not yet", command="omnibind pull tts/late")

    voice = Late()
    slot = Slot(voice)
    with pytest.raises(WeightsMissing):
        slot.load()
    assert isinstance(slot.load_error, WeightsMissing)
    slot.load()
    assert slot.load_error is None
    assert slot.is_loaded

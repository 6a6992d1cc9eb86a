"""Whatever two programs do with one device, the keeper's promises hold."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.byte_device import ByteDevice, Clock
from tests.engines import ByteEngine, keeper_of

from omnibind.contracts.errors import OutOfMemory
from omnibind.running import footprints
from omnibind.running.footprints import Key
from omnibind.running.ledger import Ledger

TOTAL = 100
NOBODY = 1 << 22
NUMBERS = st.integers(0, 7)


class Guarded(ByteEngine):
    """An engine that takes down when it is let go of and shouldn't be."""

    wrong = ""
    by_name = False

    def evict(self) -> bool:
        if self.is_pinned and not self.by_name:
            self.wrong = "it was evicted while it was pinned"
        return super().evict()

    def unload(self) -> None:
        if self.is_busy:
            self.wrong = "it was unloaded while it worked"
        super().unload()


class Programs(RuleBasedStateMachine):
    """Two programs with four engines each, and a third that doesn't know of the ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.before = os.environ.get("OMNIBIND_HOME")
        os.environ["OMNIBIND_HOME"] = str(self.home)

    def teardown(self) -> None:
        for engine in self.engines:
            if engine.is_busy:
                engine.end()
            if engine.stay is not None:
                engine.unload()
        assert self.device.used == self.foreign, "what was taken came back"
        assert self.ledger.claims() == []
        assert [kept.resident() for kept in self.keepers] == [[], []]
        shutil.rmtree(self.home)
        if self.before is None:
            del os.environ["OMNIBIND_HOME"]
        else:
            os.environ["OMNIBIND_HOME"] = self.before

    @initialize(
        lag=st.sampled_from([0.0, 0.5, 4.0]),
        limits=st.tuples(*[st.sampled_from(["90%", "50%", "100%", "40B"])] * 2),
        sizes=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 10)), min_size=8, max_size=8),
        keeps=st.lists(st.sampled_from([0.0, 60.0, None]), min_size=8, max_size=8),
    )
    def begin(
        self,
        lag: float,
        limits: tuple[str, str],
        sizes: list[tuple[int, int]],
        keeps: list[float | None],
    ) -> None:
        self.clock = Clock()
        self.device = ByteDevice(TOTAL, self.clock, lag)
        self.ledger = Ledger(self.home / "running")
        self.foreign = 0
        self.keepers = [keeper_of(self.device, self.clock, self.ledger, one) for one in limits]
        self.engines = [
            Guarded(
                self.keepers[number % 2],
                self.device,
                f"tts/{number}",
                *sizes[number],
                keep_alive_s=keeps[number],
                worker_pid=NOBODY,
            )
            for number in range(8)
        ]

    @rule(number=NUMBERS, fails=st.booleans())
    def load(self, number: int, fails: bool) -> None:
        engine = self.engines[number]
        if engine.stay is not None:
            return
        kept = self.keepers[number % 2]
        limit = kept.limits.of(self.device.name)
        mine = self.engines[number % 2 :: 2]

        def missing() -> int:
            held = sum(one.load_bytes for one in mine if one.stay is not None)
            return limit.missing(engine.need.bytes, self.device.free_bytes(), held)

        idle = [one for one in mine if one.stay and not one.is_pinned and not one.is_busy]
        evictable, before = sum(one.load_bytes for one in idle), missing()
        evictions = sum(one.evictions for one in self.engines)
        others = [one for one in self.engines if one.stay and one not in mine]

        def within() -> None:
            held = sum(one.load_bytes for one in mine if one.stay is not None)
            free = self.device.free_bytes()
            assert free is not None
            assert engine.need.bytes <= free * limit.share, "the limit is kept when it loads"
            assert limit.most_bytes is None or held + engine.need.bytes <= limit.most_bytes

        engine.on_load = within
        self.device.failures = int(fails)
        try:
            engine.load()
        except OutOfMemory:
            assert missing() > 0, "only what doesn't fit is refused"
            if evictable < before:
                assert sum(one.evictions for one in self.engines) == evictions, "for nothing"
            else:
                assert all(one.stay is None for one in idle), "as long as somebody idle is left"
            self.device.failures = 0
        except MemoryError:
            assert fails
            assert engine.stay is None
        assert all(one.stay for one in others), "another program's engines stay"

    @rule(number=NUMBERS, fails=st.booleans())
    def call(self, number: int, fails: bool) -> None:
        engine = self.engines[number]
        if engine.stay is None or engine.is_busy:
            return
        self.device.failures = int(fails)
        for attempt in range(2):
            try:
                engine.begin()
                return
            except MemoryError:
                if attempt or not self.keepers[number % 2].relieve(engine):
                    return

    @rule(number=NUMBERS)
    def end_call(self, number: int) -> None:
        if self.engines[number].is_busy:
            self.engines[number].end()

    @rule(number=NUMBERS)
    def unload(self, number: int) -> None:
        engine = self.engines[number]
        if engine.stay is not None and not engine.is_busy:
            engine.unload()

    @rule(number=NUMBERS)
    def pin(self, number: int) -> None:
        self.engines[number].is_pinned = not self.engines[number].is_pinned

    @rule(number=NUMBERS)
    def free_one(self, number: int) -> None:
        engine = self.engines[number]
        engine.by_name = True
        self.keepers[number % 2].free(engine.label)
        engine.by_name = False
        assert engine.stay is None or engine.is_busy

    @rule(which=st.integers(0, 1))
    def free_all(self, which: int) -> None:
        self.keepers[which].free()
        left = [one for one in self.engines[which::2] if one.stay]
        assert all(one.is_pinned or one.is_busy for one in left)

    @rule(seconds=st.sampled_from([0.3, 30.0, 70.0]))
    def wait(self, seconds: float) -> None:
        self.clock.rest(seconds)
        for kept in self.keepers:
            kept.expire()
        for engine in self.engines:
            if engine.stay and not engine.is_busy and not engine.is_pinned and engine.keep_alive_s:
                assert self.clock() - engine.stay.last_used < engine.keep_alive_s

    @rule(count=st.integers(1, 60))
    def foreign_takes(self, count: int) -> None:
        if self.device.used + count <= TOTAL:
            self.device.take(count)
            self.foreign += count

    @precondition(lambda self: self.foreign)
    @rule()
    def foreign_ends(self) -> None:
        self.device.put_back(self.foreign)
        self.foreign = 0
        self.clock.rest(self.device.lag_s)  # else it would look as if the next load took less

    @invariant()
    def the_books_are_right(self) -> None:
        assert [engine.wrong for engine in self.engines] == [""] * 8
        held = {engine.label: engine.load_bytes for engine in self.engines if engine.stay}
        busy = sum(engine.call_bytes for engine in self.engines if engine.is_busy)
        assert self.device.used == self.foreign + busy + sum(held.values())
        assert self.device.used <= TOTAL
        assert {claim.label: claim.bytes for claim in self.ledger.claims()} == held
        rows = {row.label: row.bytes for kept in self.keepers for row in kept.resident()}
        assert rows == held
        for label in held:
            known = footprints.of(Key(label, None, self.device.name))
            assert known is None or known.load_bytes >= 0


Programs.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestPrograms = Programs.TestCase

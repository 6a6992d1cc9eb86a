"""The keeper: who is let in, who must go, what is told, and that nobody waits for ever."""

from __future__ import annotations

import gc
import logging
import threading
import time
from pathlib import Path

import pytest
from tests.byte_device import ByteDevice, Clock
from tests.engines import ByteEngine, keeper_of

from omnibind.calls.call import Call
from omnibind.contracts.binding import CURRENT_CALL
from omnibind.contracts.errors import BadConfig, DeadlineExceeded, OutOfMemory
from omnibind.running import footprints
from omnibind.running.footprints import Need
from omnibind.running.keeper import Keeper, keeper
from omnibind.running.ledger import Ledger
from omnibind.running.limits import Limits

GB = 10**9
NOBODY = 1 << 22  # one more than the largest number of a process


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def device(clock: Clock) -> ByteDevice:
    return ByteDevice(10 * GB, clock)


@pytest.fixture
def ledger(home: Path) -> Ledger:
    return Ledger()


@pytest.fixture
def kept(device: ByteDevice, clock: Clock, ledger: Ledger) -> Keeper:
    return keeper_of(device, clock, ledger)


def loaded(kept: Keeper) -> list[str]:
    return sorted(row.label for row in kept.resident())


def test_what_fits_is_let_in_measured_and_remembered(
    kept: Keeper, device: ByteDevice, ledger: Ledger
) -> None:
    engine = ByteEngine(kept, device, "tts/a", 2 * GB, GB, seconds=3)
    engine.load()
    (row,) = kept.resident()
    assert (row.label, row.device, row.bytes, row.is_measured) == ("tts/a", "bytes:0", 2 * GB, True)
    known = footprints.of(engine.key)
    assert known is not None
    assert (known.load_bytes, known.call_bytes, known.load_seconds) == (2 * GB, None, 3)
    (claim,) = ledger.claims()
    assert (claim.label, claim.bytes, claim.is_measured) == ("tts/a", 2 * GB, True)


def test_a_tenth_of_what_is_free_stays_free_unless_the_limit_says_otherwise(
    kept: Keeper, device: ByteDevice
) -> None:
    with pytest.raises(OutOfMemory, match=r"needs 9\.1 GB .* may take 9\.0 GB"):
        ByteEngine(kept, device, "tts/a", 9_100_000_000).load()
    ByteEngine(kept, device, "tts/a", 8 * GB, GB).load()
    kept.limit("100%")
    ByteEngine(kept, device, "tts/b", 2 * GB).load()


def test_the_memory_of_a_call_is_measured_and_asked_for_the_next_time(
    kept: Keeper, device: ByteDevice
) -> None:
    engine = ByteEngine(kept, device, "tts/a", 2 * GB, GB)
    engine.load()
    engine.begin()
    engine.end()
    (row,) = kept.resident()
    assert row.call_bytes == GB
    need = footprints.need(engine.key, "tts")
    assert (need.load_bytes, need.call_bytes, need.basis) == (2 * GB, GB, "measured")


def test_a_call_beside_anothers_isnt_measured(kept: Keeper, device: ByteDevice) -> None:
    one, other = (ByteEngine(kept, device, name, GB, GB) for name in ("tts/a", "tts/b"))
    one.load()
    other.load()
    other.begin()
    one.begin()
    one.end()
    one.begin()
    other.end()
    one.end()
    assert [row.call_bytes for row in kept.resident()] == [None, None]


def test_a_load_beside_anothers_call_isnt_measured(kept: Keeper, device: ByteDevice) -> None:
    one, other = (ByteEngine(kept, device, name, GB, GB) for name in ("tts/a", "tts/b"))
    one.load()
    one.begin()
    other.load()
    assert footprints.of(other.key) is None


def test_a_second_load_that_reuses_memory_claims_what_the_first_took(
    kept: Keeper, device: ByteDevice
) -> None:
    engine = ByteEngine(kept, device, "tts/a", 2 * GB)
    engine.load()
    engine.unload()
    known = footprints.need(engine.key, "tts")
    with kept.loading(engine, known) as stay:
        device.take(GB)  # the rest was never given back to the system
    assert stay.bytes == 2 * GB
    found = footprints.of(engine.key)
    assert found is not None
    assert found.load_bytes == 2 * GB


def test_the_longest_unused_of_equals_is_evicted_and_only_as_many_as_needed(
    kept: Keeper, device: ByteDevice, clock: Clock
) -> None:
    engines = [ByteEngine(kept, device, f"tts/{name}", 3 * GB) for name in "abc"]
    for engine in engines:
        engine.load()
        clock.rest(60)
    engines[0].begin()
    engines[0].end()
    last = ByteEngine(kept, device, "tts/d", 3 * GB)
    last.load()
    assert loaded(kept) == ["tts/a", "tts/c", "tts/d"]


def test_what_loads_in_no_time_is_evicted_before_what_takes_long(
    kept: Keeper, device: ByteDevice, clock: Clock
) -> None:
    slow = ByteEngine(kept, device, "tti/slow", 4 * GB, seconds=30)
    quick = ByteEngine(kept, device, "tts/quick", 4 * GB, seconds=0.1)
    slow.load()
    clock.rest(20)
    quick.load()
    clock.rest(10)
    new = ByteEngine(kept, device, "tts/new", 3 * GB)
    new.load()
    assert loaded(kept) == ["tti/slow", "tts/new"]


def test_a_small_engine_is_spared_where_a_large_one_must_go_anyway(
    kept: Keeper, device: ByteDevice, clock: Clock
) -> None:
    small, large = (ByteEngine(kept, device, n, s) for n, s in (("tts/s", GB), ("tti/l", 5 * GB)))
    small.load()
    clock.rest(60)
    large.load()
    clock.rest(1)
    new = ByteEngine(kept, device, "ttm/new", 6 * GB)
    new.load()
    assert loaded(kept) == ["ttm/new", "tts/s"]


def test_what_can_never_fit_is_refused_at_once_with_the_numbers_and_nothing_is_evicted(
    kept: Keeper, device: ByteDevice, clock: Clock, ledger: Ledger
) -> None:
    pinned = ByteEngine(kept, device, "tts/pinned", 2 * GB, is_pinned=True)
    busy = ByteEngine(kept, device, "stt/busy", 3 * GB)
    idle = ByteEngine(kept, device, "tti/idle", GB)
    for engine in (pinned, busy, idle):
        engine.load()
    busy.begin()
    before = clock()
    with pytest.raises(OutOfMemory) as caught:
        ByteEngine(kept, device, "ttv/huge", 6 * GB, GB).load()
    assert clock() == before
    message = str(caught.value)
    for told in (
        "ttv/huge needs 7.0 GB of bytes:0 memory (measured by hand) and may take 3.6 GB",
        "4.0 GB of 10 GB are free, the limit is 90% of what is free",
        "this program holds 2.0 GB for tts/pinned (pinned)",
        "this program holds 3.0 GB for stt/busy (busy)",
        "this program holds 1.0 GB for tti/idle (idle)",
        "OMNIBIND_MEMORY_LIMIT",
    ):
        assert told in message
    assert loaded(kept) == ["stt/busy", "tti/idle", "tts/pinned"]
    assert len(ledger.claims()) == 3


def test_memory_that_is_seen_late_is_waited_for(home: Path, clock: Clock, ledger: Ledger) -> None:
    device = ByteDevice(10 * GB, clock, lag_s=1.5)
    kept = keeper_of(device, clock, ledger)
    old, new = (
        ByteEngine(kept, device, name, 8 * GB, seconds=0, worker_pid=NOBODY)
        for name in ("tti/old", "tti/new")
    )
    old.load()
    clock.rest(60)
    before = clock()
    new.load()
    assert 1.5 <= clock() - before < 2
    assert kept.free()[0].came_back_bytes == 8 * GB


def test_memory_that_never_comes_back_is_told_and_nothing_loads_into_it(
    kept: Keeper, device: ByteDevice, clock: Clock
) -> None:
    old = ByteEngine(kept, device, "tti/old", 6 * GB)
    old.load()
    old.load_bytes = GB  # so much of it comes back
    clock.rest(60)
    new = ByteEngine(kept, device, "tti/new", 7 * GB)
    with pytest.raises(OutOfMemory, match=r"tti/old was let go: of 6.0 GB, 1.0 GB came back"):
        new.load()
    assert loaded(kept) == []


def test_an_amount_limits_this_programs_engines_together(
    device: ByteDevice, clock: Clock, ledger: Ledger
) -> None:
    kept = keeper_of(device, clock, ledger, "4GB")
    first, second = (ByteEngine(kept, device, name, 3 * GB) for name in ("tts/a", "tts/b"))
    first.load()
    second.load()
    assert loaded(kept) == ["tts/b"]
    with pytest.raises(OutOfMemory, match=r"may take 1\.0 GB.*the limit is 4\.0 GB, and 90%"):
        ByteEngine(kept, device, "tti/c", 5 * GB).load()


def test_a_failed_load_claims_nothing_and_lets_the_next_one_load(
    kept: Keeper, device: ByteDevice, ledger: Ledger
) -> None:
    engine = ByteEngine(kept, device, "tts/a", GB)
    device.failures = 1
    with pytest.raises(MemoryError):
        engine.load()
    assert ledger.claims() == []
    assert kept.resident() == []
    engine.load()
    assert loaded(kept) == ["tts/a"]


def test_where_memory_ran_out_idle_engines_of_that_device_go_and_no_others(
    home: Path, clock: Clock, ledger: Ledger
) -> None:
    devices = {name: ByteDevice(10 * GB, clock, name=name) for name in ("bytes:0", "bytes:1")}
    kept = keeper_of(devices["bytes:0"], clock, ledger)
    kept._device = lambda name: devices[str(name)]
    near, far = devices.values()
    engines = [
        ByteEngine(kept, near, "tts/idle", GB),
        ByteEngine(kept, near, "tts/pinned", GB, is_pinned=True),
        ByteEngine(kept, near, "tts/busy", GB),
        ByteEngine(kept, far, "tts/far", GB),
        ByteEngine(kept, near, "tti/needy", GB, GB),
    ]
    for engine in engines:
        engine.load()
    engines[2].begin()
    needy = engines[-1]
    near.failures = 1
    with pytest.raises(MemoryError):
        needy.begin()
    assert [tuple(one) for one in kept.relieve(needy)] == [("tts/idle", None, GB, GB)]
    needy.begin()
    needy.end()
    assert kept.relieve(needy) == []
    assert loaded(kept) == ["tti/needy", "tts/busy", "tts/far", "tts/pinned"]


def test_free_lets_go_of_what_is_idle_and_of_pinned_ones_by_name(
    kept: Keeper, device: ByteDevice
) -> None:
    engines = [
        ByteEngine(kept, device, name, GB, is_pinned=name == "tts/b")
        for name in ("tts/a", "tts/b", "stt/c")
    ]
    for engine in engines:
        engine.load()
    engines[2].begin()
    freed = kept.free()
    assert [tuple(one) for one in freed] == [("tts/a", None, GB, GB)]
    assert str(freed[0]) == "tts/a was let go: of 1.0 GB, 1.0 GB came back"
    assert [one.label for one in kept.free("tts/b")] == ["tts/b"]
    assert kept.free("stt/c") == []
    assert loaded(kept) == ["stt/c"]


def test_an_engine_that_nobody_refers_to_any_more_gives_its_lease_back(
    kept: Keeper, device: ByteDevice, ledger: Ledger
) -> None:
    engine = ByteEngine(kept, device, "tts/a", GB)
    engine.load()
    assert len(ledger.claims()) == 1
    engine.stay = None
    del engine
    gc.collect()
    assert ledger.claims() == []
    assert kept.resident() == []


def test_what_nobody_uses_goes_after_its_time_and_no_sooner(
    kept: Keeper, device: ByteDevice, clock: Clock
) -> None:
    short = ByteEngine(kept, device, "tts/short", GB, keep_alive_s=10, seconds=0)
    long = ByteEngine(kept, device, "tts/long", GB, seconds=0)
    forever = ByteEngine(kept, device, "tts/forever", GB, keep_alive_s=None, seconds=0)
    pinned = ByteEngine(kept, device, "tts/pinned", GB, keep_alive_s=1, is_pinned=True, seconds=0)
    for engine in (short, long, forever, pinned):
        engine.load()
    clock.rest(6)
    assert kept.expire() == 4
    short.begin()
    clock.rest(100)
    assert kept.expire() == 10
    assert short.evictions == 0
    clock.rest(5)
    short.end()
    clock.rest(9)
    assert kept.expire() == 1
    assert {row.label: row.expires_in_s for row in kept.resident()} == {
        "tts/short": 1,
        "tts/long": 180,
        "tts/forever": None,
        "tts/pinned": None,
    }
    clock.rest(1)
    assert kept.expire() == 179
    assert loaded(kept) == ["tts/forever", "tts/long", "tts/pinned"]


def test_what_is_kept_for_no_time_goes_when_a_call_ends_and_not_before(
    kept: Keeper, device: ByteDevice
) -> None:
    engine = ByteEngine(kept, device, "tts/a", GB, keep_alive_s=0)
    engine.load()
    engine.begin()
    assert kept.expire() == 0.05
    assert loaded(kept) == ["tts/a"]
    engine.end()
    assert kept._due.is_set()
    assert kept.expire() is None
    assert loaded(kept) == []


def test_what_is_found_busy_stays_its_whole_time_after_that(
    kept: Keeper, device: ByteDevice, clock: Clock
) -> None:
    engine = ByteEngine(kept, device, "tts/a", GB, keep_alive_s=10)
    engine.load()
    engine.is_busy = True  # a stream holds a turn, and runs nothing between its pieces
    clock.rest(60)
    assert kept.expire() == 10
    engine.is_busy = False
    clock.rest(6)
    assert kept.expire() == 4
    clock.rest(4)
    assert kept.expire() is None
    assert loaded(kept) == []


def test_an_engine_whose_worker_ended_is_forgotten(
    kept: Keeper, device: ByteDevice, ledger: Ledger
) -> None:
    engine = ByteEngine(kept, device, "tts/a", GB, worker_pid=NOBODY)
    engine.load()
    assert loaded(kept) == ["tts/a"]
    engine.worker_pid = None
    assert kept.resident() == []
    assert ledger.claims() == []


def test_the_timer_lets_go_by_itself(device: ByteDevice, ledger: Ledger) -> None:
    kept = Keeper(ledger=ledger, device=lambda name: device)
    engine = ByteEngine(kept, device, "tts/a", GB, keep_alive_s=0)
    gone = threading.Event()
    evict = engine.evict

    def evict_and_tell() -> bool:
        went = evict()
        if went:
            gone.set()
        return went

    engine.evict = evict_and_tell  # type: ignore[method-assign]
    # Whoever loads has the engine's turn until its call is over; only then the timer gets it.
    engine.is_busy = True
    engine.load()
    assert engine.stay is not None
    engine.stay.begin()
    engine.stay.end()
    assert not gone.wait(0.2)
    engine.is_busy = False
    assert gone.wait(20)
    assert ledger.claims() == []


def test_an_engine_that_fails_to_unload_harms_nobody_else(
    kept: Keeper, device: ByteDevice, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    old = ByteEngine(kept, device, "tti/old", 6 * GB)
    old.load()
    clock.rest(60)
    stay = old.stay
    assert stay is not None

    def unload() -> None:
        device.put_back(6 * GB)
        raise RuntimeError("no")

    def evict() -> bool:
        kept.release(stay, unload)
        return True

    old.evict = evict  # type: ignore[method-assign]
    new = ByteEngine(kept, device, "tti/new", 6 * GB)
    with caplog.at_level(logging.WARNING, "omnibind.memory"):
        new.load()
    assert "tti/old failed to unload" in caplog.text
    assert loaded(kept) == ["tti/new"]


def test_a_waiting_load_ends_with_its_calls_deadline(
    kept: Keeper, device: ByteDevice, clock: Clock
) -> None:
    one, other = (ByteEngine(kept, device, name, GB) for name in ("tts/a", "tts/b"))
    call: Call[None] = Call(5.0, clock=clock)
    seen: list[str | None] = []
    call.on_progress = lambda progress: seen.append(progress.message)

    def load_other() -> None:
        token = CURRENT_CALL.set(call)
        try:
            with pytest.raises(DeadlineExceeded):
                other.load()
        finally:
            CURRENT_CALL.reset(token)

    one.on_load = load_other
    one.load()
    assert seen[0] is not None
    assert seen[0].endswith(": tts/a is being loaded")
    assert loaded(kept) == ["tts/a"]


def test_loads_of_many_threads_and_programs_end(home: Path, ledger: Ledger) -> None:
    clock = Clock()
    device = ByteDevice(10 * GB, clock)
    lock = threading.Lock()
    take, put_back = device.take, device.put_back

    def taking(count: int) -> None:
        with lock:
            take(count)

    def putting(count: int) -> None:
        with lock:
            put_back(count)

    device.take, device.put_back = taking, putting  # type: ignore[method-assign]
    programs = [keeper_of(device, clock, ledger) for _ in range(2)]
    for program in programs:
        program._rest = lambda seconds: time.sleep(0)
    engines = [
        TurnEngine(programs[number % 2], device, f"tts/{number}", 3 * GB, GB) for number in range(6)
    ]
    refused: list[int] = []

    def work(seed: int) -> None:
        for step in range(25):
            try:
                engines[(seed + step * (1 + seed % 3)) % 6].call()
            except (OutOfMemory, MemoryError):  # the other program's are busy or take a call
                refused.append(seed)

    threads = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert len(refused) < 150
    for engine in engines:
        if engine.stay is not None:
            engine.unload()
    assert device.used == 0
    assert ledger.claims() == []


class TurnEngine(ByteEngine):
    """An engine with a turn, as slots have one."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.turn = threading.Lock()

    def call(self) -> None:
        with self.turn:
            if self.stay is None:
                self.load()
            self.begin()
            self.end()

    def evict(self) -> bool:
        if not self.turn.acquire(blocking=False):
            return False
        try:
            return super().evict() if self.stay is not None else False
        finally:
            self.turn.release()


def test_noting_a_call_costs_less_than_a_microsecond(kept: Keeper, device: ByteDevice) -> None:
    engine = ByteEngine(kept, device, "tts/a", GB)
    engine.load()
    stay = engine.stay
    assert stay is not None
    stay._clock = time.monotonic
    for _ in range(5):
        stay.begin()
        stay.end()
    rounds, best = 20_000, 1.0
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(rounds):
            stay.begin()
            stay.end()
        best = min(best, (time.perf_counter() - started) / rounds)
    assert best < 1e-6


def test_the_processes_keeper_heeds_the_environment_before_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("omnibind.running.keeper._keeper", None)
    monkeypatch.setenv("OMNIBIND_MEMORY_LIMIT", "host=50%,cuda=12GB")
    kept = keeper()
    assert keeper() is kept
    kept.limit("1GB")
    assert [str(kept.limits.of(name)) for name in ("host", "cuda:1", "bytes")] == [
        "50% of what is free",
        "12 GB, and 90% of what is free",
        "90% of what is free",
    ]
    monkeypatch.setenv("OMNIBIND_MEMORY_LIMIT", "")
    kept.limit({"host": 2 * GB})
    assert kept.limits.of("host").most_bytes == 2 * GB


@pytest.mark.parametrize(
    ("given", "share", "most"),
    [
        (None, 0.9, None),
        ("75%", 0.75, None),
        ("12GB", 0.9, 12 * GB),
        ("1.5 GiB", 0.9, 3 << 29),
        ("500mb", 0.9, 500 * 10**6),
        (0, 0.9, 0),
    ],
)
def test_limits_are_read(given: object, share: float, most: int | None) -> None:
    assert Limits(given).of("host") == (share, most)


@pytest.mark.parametrize("given", ["0%", "101%", "lots", "12", -1, True, 1.5, {"host": "-1GB"}])
def test_a_limit_that_makes_no_sense_is_refused(given: object) -> None:
    with pytest.raises(BadConfig, match="memory limit"):
        Limits(given)


def test_what_isnt_known_is_never_refused(kept: Keeper, device: ByteDevice) -> None:
    engine = ByteEngine(kept, device, "tts/a", 2 * GB)
    device.take(9 * GB)
    with kept.loading(engine, Need(0, 0, "unknown", "unknown")) as stay:
        device.take(GB)
    assert (stay.bytes, stay.is_measured) == (GB, True)

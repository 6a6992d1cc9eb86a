"""Whatever ends or stops an engine in a worker costs one call, and the caller learns why."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import BindingWriter
from tests.worker_binding import Caller, pid_of, proxy, write

from omnibind.contracts.errors import (
    Cancelled,
    DeadlineExceeded,
    OmnibindError,
    OutOfMemory,
    WorkerDied,
)
from omnibind.running import engine, epitaph
from omnibind.running.worker import end_all

SOON_S = 2.0
"""A second, and what a machine that does other things takes."""


@pytest.fixture
def binding(write_binding: BindingWriter) -> Iterator[Any]:
    made = proxy(write(write_binding))
    made.load()
    yield made
    end_all()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def is_gone(pid: int) -> bool:
    """Tell whether a process ends within a second."""
    until = time.monotonic() + 1
    while is_alive(pid) and time.monotonic() < until:
        threading.Event().wait(0.01)
    return not is_alive(pid)


def failed(binding: Any, text: str) -> OmnibindError:
    """Return how a call fails, which it does soon; then see that the next one works."""
    before = pid_of(binding)
    started = time.monotonic()
    with pytest.raises(OmnibindError) as caught:
        binding.generate_audio(text)
    assert time.monotonic() - started < SOON_S
    after = pid_of(binding)
    assert after != before
    assert not is_alive(before)
    assert "small" in binding.list_voices(), "the engine wasn't loaded again"
    return caught.value


OVER_A_GIGABYTE = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
ABORTS = (
    "sys.stderr.write(\"terminate called after throwing an instance of 'std::bad_alloc'\\n\")\n"
    "os.abort()"
)
SOCKET = "fd = int(sys.argv[2])\n"

CRASHES = {
    "a kill": ("os.kill(os.getpid(), 9)", WorkerDied, "was ended by SIGKILL"),
    "a wrong address": ("import ctypes; ctypes.string_at(0)", WorkerDied, "SIGSEGV"),
    "an exit": ("print('bye'); os._exit(3)", WorkerDied, "exit code 3; it printed last:\nbye"),
    "an exit with success": ("os._exit(0)", WorkerDied, "exit code 0; it printed nothing"),
    "an abort for memory": (ABORTS, OutOfMemory, "SIGABRT because memory ran out"),
    "another's frame": (SOCKET + "os.write(fd, b'Loading...' * 9)", WorkerDied, "b'Loading."),
    "a short frame": (SOCKET + "os.write(fd, b'ok')\ntime.sleep(9)", WorkerDied, "isn't a frame"),
    "a closed socket": ("os.close(int(sys.argv[2]))", WorkerDied, "Bad file descriptor"),
    "a thread's exit": (
        "threading.Thread(target=os._exit, args=(4,)).start(); time.sleep(9)",
        WorkerDied,
        "exit code 4",
    ),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_costs_one_call_and_says_why(binding: Any, crash: str) -> None:
    text, kind, told = CRASHES[crash]
    error = failed(binding, text)
    assert type(error) is kind
    assert told in str(error)
    assert "the worker of tts/probe" in str(error)


def test_a_wrong_address_shows_where_python_was(binding: Any) -> None:
    assert "<string>" in str(failed(binding, "import ctypes; ctypes.string_at(0)"))


def test_the_message_ends_with_the_end_of_the_log_alone(binding: Any) -> None:
    error = failed(binding, "for n in range(99999): print('line', n)\nos._exit(1)")
    assert str(error).endswith("line 99998")
    assert len(str(error)) < 3000


def test_memory_that_runs_out_in_python_costs_nothing_else(binding: Any) -> None:
    before = pid_of(binding)
    with pytest.raises(MemoryError):
        binding.generate_audio(OVER_A_GIGABYTE + "bytearray(2**31)")
    assert pid_of(binding) == before


def test_memory_that_runs_out_where_nothing_can_be_said_is_told(binding: Any) -> None:
    text = (
        "def fail(*args, **more): raise MemoryError\n"
        "from omnibind.contracts import worker\nworker._Worker.send_value = fail\n"
    )
    error = failed(binding, text)
    assert type(error) is OutOfMemory
    assert "memory ran out" in str(error)


def test_a_kill_by_the_kernel_for_memory_is_told_from_others() -> None:
    told = [epitaph.epitaph("x", -9, "", "", kernel_killed=is_short) for is_short in (True, False)]
    assert [type(error) for error in told] == [OutOfMemory, WorkerDied]
    assert "SIGKILL because memory ran out" in str(told[0])
    ended_here = epitaph.epitaph("x", -9, "was ended, because …", "", kernel_killed=True)
    assert type(ended_here) is WorkerDied


def test_the_kernels_count_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epitaph, "_VMSTAT", tmp_path / "vmstat")
    assert epitaph.oom_kills() == 0
    (tmp_path / "vmstat").write_text("nr_free_pages 1\noom_kill 12\n")
    assert epitaph.oom_kills() == 12


LOOPS = {
    "in C, which keeps every thread out": "sum(range(10**13))",
    "in a regular expression": "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    "in Python": "while True: pass",
    "that waits": "time.sleep(600)",
    "that hears nothing": "while True:\n try: self.report()\n except Exception: pass",
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kind", [Cancelled, DeadlineExceeded])
def test_a_call_that_does_not_stop_is_ended_with_its_worker(
    binding: Any, loop: str, kind: type[Cancelled] | type[DeadlineExceeded]
) -> None:
    before = pid_of(binding)
    with Caller() as call:
        over = threading.Timer(0.2, lambda: setattr(call, "error", kind("it is over")))
        over.start()
        started = time.monotonic()
        with pytest.raises(kind, match="it is over"):
            binding.generate_audio(LOOPS[loop])
        assert time.monotonic() - started < 0.2 + 1.0 + SOON_S
        over.join()
    assert pid_of(binding) != before
    assert is_gone(before)


def test_a_call_that_listens_ends_and_its_worker_goes_on(binding: Any) -> None:
    before = pid_of(binding)
    with Caller() as call:
        call.on_report = lambda: setattr(call, "error", Cancelled("enough"))
        with pytest.raises(Cancelled, match="enough"):
            binding.generate_audio("while True: self.report(0.5)")
    assert pid_of(binding) == before


def test_an_engine_that_ends_with_an_error_when_cancelled_goes_on(binding: Any) -> None:
    before = pid_of(binding)
    text = "try:\n while True: self.report()\nexcept Exception: raise ValueError('cleaning up')"
    with Caller() as call:
        call.on_report = lambda: setattr(call, "error", Cancelled("enough"))
        with pytest.raises(Cancelled, match="enough"):
            binding.generate_audio(text)
    assert pid_of(binding) == before


def test_ctrl_c_while_waiting_ends_the_call_in_the_worker(binding: Any) -> None:
    before = pid_of(binding)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        binding.generate_audio("while True: self.report(); time.sleep(0.01)")
    timer.join()
    signal.signal(signal.SIGINT, handler)
    assert pid_of(binding) == before


def test_a_flood_of_output_blocks_nothing_and_is_not_kept(binding: Any) -> None:
    text = "line = b'x' * 99 + b'\\n'\nfor _ in range(200): os.write(1, line * 1000)\nresult=b'ok'"
    assert binding.generate_audio(text) == b"ok"  # 20 MB
    worker = binding._instance.engine.present
    assert len(worker._output._kept) <= 64 * 1024


def test_a_binding_that_prints_breaks_nothing(binding: Any) -> None:
    text = "print('omni' * 99); sys.stdout.write('{}'); os.write(1, b'\\0' * 99); result = b'ok'"
    assert binding.generate_audio(text) == b"ok"
    assert binding.generate_audio("result = b'again'") == b"again"


def test_the_processes_that_an_engine_started_end_with_it(binding: Any) -> None:
    text = (
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        "result = str(child.pid).encode()"
    )
    child = int(binding.generate_audio(text))
    assert is_alive(child)
    with pytest.raises(WorkerDied):
        binding.generate_audio("os._exit(1)")
    assert is_gone(child)


def test_a_worker_that_was_killed_between_two_calls_is_replaced(binding: Any) -> None:
    before = pid_of(binding)
    os.kill(before, signal.SIGKILL)
    binding._instance.engine.present.join()
    assert pid_of(binding) != before


def test_a_stream_whose_worker_dies_says_so(binding: Any) -> None:
    stream = binding.stream_audio("3")
    next(stream)
    os.kill(binding._instance.worker_pid, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="SIGKILL"):
        next(stream)
    assert len(list(binding.stream_audio("3"))) == 3


def test_crashes_in_a_row_stop_the_restarts(binding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(engine.CRASHES):
        with pytest.raises(WorkerDied, match="exit code 5"):
            binding.generate_audio("os._exit(5)")
    with pytest.raises(WorkerDied, match=r"crashed 3 times in a row within 60 s.*exit code 5"):
        binding.generate_audio("result = b'fine'")
    monkeypatch.setattr(engine, "WITHIN_S", 0.0)
    assert binding.generate_audio("result = b'fine'") == b"fine"


def test_a_call_that_works_forgives_the_crashes_before_it(binding: Any) -> None:
    for _ in range(2 * engine.CRASHES):
        with pytest.raises(WorkerDied, match="exit code 5"):
            binding.generate_audio("os._exit(5)")
        assert binding.generate_audio("result = b'fine'") == b"fine"


def test_ending_a_worker_for_a_call_that_went_on_is_no_crash(
    binding: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnibind.running.link.GRACE_S", 0.05)
    for _ in range(engine.CRASHES + 1):
        with Caller() as call:
            call.error = Cancelled("enough")
            with pytest.raises(Cancelled):
                binding.generate_audio("time.sleep(600)")
    assert binding.generate_audio("result = b'fine'") == b"fine"

"""A worker's process: what it sees, how it begins, and that it never stays behind."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import BindingWriter
from tests.worker_binding import CODE, pid_of, proxy, write

import omnibind
from omnibind.contracts import frames
from omnibind.contracts.errors import EnvironmentMissing, WeightsMissing, WorkerDied
from omnibind.running import engine
from omnibind.running.worker import _BOOT, Worker, end_all

ROOT = Path(__file__).parents[2]


@pytest.fixture
def worker_of(write_binding: BindingWriter) -> Iterator[Callable[..., Any]]:
    """Make a proxy of the binding of the tests."""

    def make(name: str = "probe", **more: Any) -> Any:
        code = more.pop("code", CODE)
        return proxy(write(write_binding, name, code=code), more.pop("configuration", {}), **more)

    yield make
    end_all()


def told(binding: Any, expression: str) -> Any:
    """Return what an expression is in the worker."""
    text = f"import json; result = json.dumps({expression}).encode()"
    return json.loads(binding.generate_audio(text))


def has_ended(pid: int, within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        threading.Event().wait(0.01)
    return False


# ── what it sees ──


@pytest.mark.parametrize(
    "module", ["omnibind.calls", "omnibind.client", "omnibind.running.slot", "omnibind.weights"]
)
def test_the_rest_of_omnibind_is_not_there(worker_of: Callable[..., Any], module: str) -> None:
    with pytest.raises(ModuleNotFoundError, match="isn't there in a worker"):
        worker_of().generate_audio(f"import {module}")


def test_the_light_part_and_the_root_folder_are_there(
    worker_of: Callable[..., Any], write_binding: BindingWriter
) -> None:
    code = CODE.replace("import sys\n", "import sys\nfrom ..other.binding import TOLD\n", 1)
    code = code.replace("import time\n", "import time\nfrom ..._shared.words import WORD\n", 1)
    folder = write_binding("other", code="TOLD = 'hi'")
    (folder.parents[1] / "_shared").mkdir()
    (folder.parents[1] / "_shared" / "words.py").write_text("WORD = 'ho'")
    assert told(worker_of(code=code), "[TOLD, WORD]") == ["hi", "ho"]


def test_nothing_of_the_programs_path_is_there(
    worker_of: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit(9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    binding = worker_of()
    path = told(binding, "sys.path")
    assert str(tmp_path) not in path
    assert "" not in path
    assert told(binding, "[n for n in os.environ if n.startswith('PYTHON')]") == []


def test_keys_are_not_passed_on_unless_they_are_declared(
    worker_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "OTHER_KEY"):
        monkeypatch.setenv(name, "s3cret")
    binding = worker_of(keys=("OTHER_KEY",))
    found = told(binding, "[n for n, value in os.environ.items() if value == 's3cret']")
    assert found == ["OTHER_KEY"]


def test_engines_of_local_bindings_are_kept_offline(worker_of: Callable[..., Any]) -> None:
    names = "['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE']"
    assert told(worker_of(), f"[os.environ.get(n) for n in {names}]") == ["1", "1"]
    assert "HF_HUB_OFFLINE" not in engine.environment(is_local=False)


def test_it_reads_nothing_and_stands_in_a_folder_of_its_own(
    worker_of: Callable[..., Any],
) -> None:
    binding, mine = worker_of(), os.dup(0)
    read, typed = os.pipe()
    os.write(typed, b"for the program")
    os.close(typed)
    os.dup2(read, 0)
    try:
        assert told(binding, "[sys.stdin.read(), os.getcwd()]") == ["", "/"]
    finally:
        os.dup2(mine, 0)
        os.close(mine)
        os.close(read)


def oldest_python() -> str:
    """Return the oldest interpreter here that the light part supports."""
    beside = sorted(Path(sys.base_prefix).parent.glob("*/bin/python3"))
    for minor in range(10, sys.version_info.minor):
        for python in (*beside, shutil.which(f"python3.{minor}")):
            command = [str(python), "-c", "import sys; print(*sys.version_info[:2])"]
            if python is None:
                continue
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.stdout.split() == ["3", str(minor)]:
                return str(python)
    return sys.executable


def test_a_bare_environment_of_the_oldest_python_is_enough(
    worker_of: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "bare"
    subprocess.run([oldest_python(), "-m", "venv", "--without-pip", str(folder)], check=True)
    binding = worker_of(python=folder / "bin" / "python")
    assert told(binding, "sys.prefix") == str(folder)
    assert told(binding, "[m for m in ('numpy', 'msgspec') if m in sys.modules]") == []
    pieces = list(binding.stream_audio("2"))
    assert [piece.data for piece in pieces] == [b"x", b"x"]
    with pytest.raises(ModuleNotFoundError, match="numpy"):
        binding.generate_audio("import numpy")


# ── how it begins ──


def test_an_interpreter_that_is_missing_is_told(worker_of: Callable[..., Any]) -> None:
    with pytest.raises(EnvironmentMissing, match="/no/python can't be run: No such file"):
        worker_of(python=Path("/no/python")).load()


def test_an_interpreter_that_is_too_old_or_broken_shows_what_it_said(
    worker_of: Callable[..., Any], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho libpython is missing >&2\nexit 127\n")
    python.chmod(0o755)
    with pytest.raises(WorkerDied, match="exit code 127; it printed last:\nlibpython is missing"):
        worker_of(python=python).load()


def test_another_protocol_is_refused_clearly(tmp_path: Path) -> None:
    package = tmp_path / "omnibind"
    for part in ("contracts", "bindings"):
        source = Path(omnibind.__file__).parent / part
        shutil.copytree(source, package / part, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("")
    place = package / "contracts" / "frames.py"
    place.write_text(
        place.read_text().replace(f"\nPROTOCOL = {frames.PROTOCOL}", "\nPROTOCOL = 99")
    )
    worker = Worker("tts/x", package=package)
    with pytest.raises(WorkerDied, match=r"speaks protocol 99, and 1 is .* start it anew"):
        worker.start()
    worker.join()


def test_the_weights_are_looked_up_by_the_program(
    worker_of: Callable[..., Any], tmp_path: Path
) -> None:
    asked: list[str] = []

    def find(model: str) -> Path:
        asked.append(model)
        if model != "small":
            raise WeightsMissing(f"{model} isn't here", command="omnibind pull tts/probe/large")
        return tmp_path / model

    binding = worker_of(find_weights=find, catalogue=("small", "large"))
    assert binding.list_voices() == ["small", "large"]
    text = "result = str(self.weights({!r})).encode()"
    assert binding.generate_audio(text.format("small")) == str(tmp_path / "small").encode()
    with pytest.raises(WeightsMissing, match="run: omnibind pull tts/probe/large"):
        binding.generate_audio(text.format("large"))
    assert asked == ["small", "large"]
    # A thread of the engine's own works for no call that could be answered.
    text = (
        "import concurrent.futures as futures\n"
        "with futures.ThreadPoolExecutor() as pool: pool.submit(self.weights, 'small').result()"
    )
    with pytest.raises(WeightsMissing, match="a thread of the engine's own"):
        binding.generate_audio(text)


# ── what it prints ──


def test_what_an_engine_prints_is_logged_also_from_c(
    worker_of: Callable[..., Any], caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    binding = worker_of()
    with caplog.at_level(logging.INFO, "omnibind.worker"):
        text = "print('from Python'); import ctypes; ctypes.CDLL(None).write(2, b'from C', 6)"
        binding.generate_audio(text)
        binding.unload()
    assert [record.getMessage() for record in caplog.records] == [
        "tts/probe: from Python",
        "tts/probe: from C",
    ]
    assert capfd.readouterr().out == ""


# ── how it ends ──


def test_it_ends_when_it_was_idle_and_starts_again(worker_of: Callable[..., Any]) -> None:
    binding = worker_of(idle_s=0.1)
    pid = pid_of(binding)
    assert has_ended(pid)
    assert pid_of(binding) != pid


def test_a_call_or_an_open_stream_is_not_idle(worker_of: Callable[..., Any]) -> None:
    binding = worker_of(idle_s=0.1)
    pid = pid_of(binding)
    assert int(binding.generate_audio("time.sleep(0.5); result = str(os.getpid()).encode()")) == pid
    stream = binding.stream_audio("2")
    next(stream)
    assert not has_ended(binding._instance.worker_pid, 0.5)
    stream.close()
    assert has_ended(pid)


def test_unloading_the_last_binding_ends_it(worker_of: Callable[..., Any]) -> None:
    binding = worker_of()
    pid = pid_of(binding)
    binding.unload()
    assert has_ended(pid, 0.5)
    binding.unload()
    assert binding.generate_audio("result = b'again'") == b"again"


def test_it_ends_with_the_last_who_holds_a_binding_in_it(worker_of: Callable[..., Any]) -> None:
    binding = worker_of()
    pid = pid_of(binding)
    del binding
    assert has_ended(pid)


PROGRAM = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:0] = [{tests!r}]
from pathlib import Path
from tests.worker_binding import pid_of, proxy
binding = proxy(Path({folder!r}))
print(pid_of(binding), flush=True)
"""


def program(folder: Path, ending: str) -> subprocess.Popen[str]:
    code = PROGRAM.format(tests=str(ROOT), folder=str(folder)) + textwrap.dedent(ending)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def first_number(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_it_ends_cleanly_with_the_program(write_binding: BindingWriter, tmp_path: Path) -> None:
    place = tmp_path / "ended"
    text = f"import atexit, pathlib; atexit.register(pathlib.Path({str(place)!r}).touch)"
    ending = f"binding.generate_audio({text!r})"
    with program(write(write_binding), ending) as process:
        pid = first_number(process)
        assert process.communicate(timeout=20) == ("", "")
    assert has_ended(pid, 0.5)
    assert place.exists()


def test_it_ends_when_nobody_is_at_the_other_end() -> None:
    here, there = socket.socketpair()
    package = str(Path(omnibind.__file__).parent)
    numbers = [str(number) for number in (there.fileno(), os.getpid(), 1)]
    command = [sys.executable, "-I", "-c", _BOOT, package, *numbers]
    with (
        here,
        subprocess.Popen(command, pass_fds=(there.fileno(),), start_new_session=True) as process,
    ):
        there.close()
        assert frames.receive(here) is not None
        here.close()
        assert process.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize("work", ["time.sleep(600)", "sum(range(10**13))"])
def test_it_ends_when_the_program_is_killed(
    write_binding: BindingWriter, tmp_path: Path, work: str
) -> None:
    if "sum" in work and sys.platform != "linux":
        pytest.skip("doesn't apply: only Linux ends a process with its parent")
    begun = tmp_path / "begun"
    text = f"import pathlib; pathlib.Path({str(begun)!r}).touch(); {work}"
    ending = f"binding.generate_audio({text!r})"
    with program(write(write_binding), ending) as process:
        pid = first_number(process)
        until = time.monotonic() + 10
        while not begun.exists() and time.monotonic() < until:
            threading.Event().wait(0.01)
        threading.Event().wait(0.1)  # the work itself begins right after
        process.kill()
        process.communicate()
    assert has_ended(pid)


def test_ctrl_c_reaches_the_program_and_not_the_worker(write_binding: BindingWriter) -> None:
    ending = """
        work = "while True: self.report(); time.sleep(0.01)"
        try:
            threading.Timer(0.2, os.killpg, (0, 2)).start()
            binding.generate_audio(work)
        except KeyboardInterrupt:
            print(pid_of(binding), flush=True)
    """
    with program(write(write_binding), ending) as process:
        pid = first_number(process)
        assert first_number(process) == pid
        assert process.communicate(timeout=20) == ("", "")
    assert has_ended(pid, 0.5)


def test_it_ignores_an_interrupt_of_its_own(worker_of: Callable[..., Any]) -> None:
    # Under a program that ignores it, it would be ignored anyway.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    binding = worker_of()
    try:
        pid = pid_of(binding)
        os.kill(pid, signal.SIGINT)
        assert not has_ended(pid, 0.2)
        assert pid_of(binding) == pid
    finally:
        signal.signal(signal.SIGINT, handler)


def test_a_lock_that_it_inherits_is_held_until_its_end(
    worker_of: Callable[..., Any], tmp_path: Path
) -> None:
    import fcntl

    binding = worker_of()
    place = tmp_path / "lock"
    with place.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        binding._instance.engine.inherit = (file.fileno(),)
        binding.load()
    with place.open("w") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        binding.unload()
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

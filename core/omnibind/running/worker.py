"""A worker: a child process that holds an engine.

One thread a worker starts the process and reads what it sends and prints, until it ends. The thread
lives as long as the process, because Linux ends the process with the thread that started it. See
``contracts/worker.py`` for the other half.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

import omnibind
from omnibind.contracts import frames
from omnibind.contracts.errors import EnvironmentMissing, OmnibindError, WorkerDied
from omnibind.contracts.frames import BrokenFrame, ProtocolDiffers
from omnibind.running.epitaph import epitaph, oom_kills
from omnibind.running.link import Death, Link
from omnibind.running.output import Output
from omnibind.running.patience import TICK_S, Patience

START_S = 30.0
"""How long a worker may take to say that it is there."""

END_S = 1.0
"""How long a worker that was told to end may take."""

_DYING_S = 0.25
_LAST_READS = 64
_ALL: weakref.WeakSet[Worker] = weakref.WeakSet()

_BOOT = """\
import sys
from importlib.util import module_from_spec, spec_from_file_location
folder, *numbers = sys.argv[1:]
place = folder + "/__init__.py"
spec = spec_from_file_location("omnibind", place, submodule_search_locations=[folder])
sys.modules["omnibind"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["omnibind"])
from omnibind.contracts.worker import main
main(*map(int, numbers))
"""


class Worker:
    """One child process; started once, and never used again after its end.

    Args:
        label: Whose engine it holds, for messages.
        python: The interpreter that runs it; None is this one.
        environment: Its environment variables; None is those of this process.
        inherit: Open files that it holds, too, until its end: locks that are to go with it.
        concurrent: How many calls may run in it at once.
        idle_s: It ends after so long without a call; None never.
        is_wanted: Says whether anybody still holds a binding that runs in it.
        package: The folder of omnibind whose light part it sees; None is this one.

    Attributes:
        link: What takes orders to it.
        pid: Its process; 0 before it was started.
        forgotten: Numbers of bindings in it that nobody holds; told to it after :meth:`wake`.
        crash: The error for its end, where it ended by itself; None otherwise.
        died_at: When it ended, on the monotonic clock.
    """

    def __init__(
        self,
        label: str,
        *,
        python: Path | None = None,
        environment: Mapping[str, str] | None = None,
        inherit: Sequence[int] = (),
        concurrent: int = 1,
        idle_s: float | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
        package: Path | None = None,
    ) -> None:
        self.label = label
        self.pid = 0
        self.forgotten: deque[int] = deque()
        self.crash: Death | None = None
        self.died_at = 0.0
        self._python = str(python or sys.executable)
        self._environment = None if environment is None else dict(environment)
        self._inherit = tuple(inherit)
        self._concurrent = concurrent
        self._idle_s = idle_s
        self._is_wanted = is_wanted
        self._package = package or Path(omnibind.__file__).parent
        self._started: SimpleQueue[OmnibindError | None] = SimpleQueue()
        self._cause = ""
        self._death: Death | None = None
        self._is_killed = False
        self._is_buried = False
        self._end_by: float | None = None
        self._owner = os.getpid()

    def __repr__(self) -> str:
        return f"<Worker of {self.label}, process {self.pid}>"

    @property
    def is_usable(self) -> bool:
        """True while it takes orders, in the process that started it."""
        return self.pid > 0 and self.link.is_open and self._owner == os.getpid()

    def start(self, patience: Patience | None = None) -> None:
        """Start the process and wait until it is there.

        Raises:
            WorkerDied: It ended, or didn't say anything.
            EnvironmentMissing: Its interpreter can't be run.
        """
        mine, theirs = socket.socketpair()
        self.link = Link(mine, self._concurrent, self.kill)
        self._output = Output(self.label)
        # These two stay open as long as the object, so that waking a dead worker hits no file.
        self._wake_read, self._wake_fd = os.pipe()
        os.set_blocking(self._wake_fd, False)
        weakref.finalize(self, _close_both, self._wake_read, self._wake_fd).atexit = False
        self._thread = threading.Thread(
            target=self._live, args=(theirs,), name=f"omnibind-worker {self.label}", daemon=True
        )
        _ALL.add(self)
        self._thread.start()
        try:
            error = self._first_word(patience)
        except BaseException:
            self.kill("was ended before it had started")
            raise
        if error is not None:
            raise error

    def end(self, *, if_idle: bool = False) -> bool:
        """Tell it to end, and end it if it doesn't soon; nobody waits here.

        Args:
            if_idle: Do so only if no call runs in it.

        Returns:
            Whether it will end.
        """
        if not self.pid or not self.link.shut(if_idle=if_idle):
            return False
        self._end_by = monotonic() + END_S
        self.wake()
        return True

    def join(self, timeout_s: float = END_S + 1.0) -> None:
        """Wait until the process has ended, if it was started."""
        if self._owner == os.getpid() and self.pid:
            self._thread.join(timeout_s)

    def kill(self, cause: str) -> None:
        """End it and every process of its engine at once.

        Args:
            cause: What the calls that run in it are told, after "the worker of …".
        """
        self.link.shut()
        if not self._is_killed:
            self._cause, self._is_killed = cause, True
        self._kill_group()

    def death(self) -> OmnibindError:
        """Return the error for an order that came after its end."""
        self.join()
        if self._death is None:
            return WorkerDied(f"the worker of {self.label} belongs to another process")
        return self._death()

    def wake(self) -> None:
        """Have the reading thread look round; takes no lock, so that a finalizer may do it."""
        with suppress(OSError):
            os.write(self._wake_fd, b"!")

    def _first_word(self, patience: Patience | None) -> OmnibindError | None:
        until = monotonic() + START_S
        while True:
            try:
                return self._started.get(timeout=TICK_S)
            except Empty:
                if patience is not None:
                    patience.check()
                if monotonic() > until:
                    raise WorkerDied(
                        f"the worker of {self.label} didn't start within {START_S:g} s; "
                        f"it printed last:\n{self._output.tail()}"
                    ) from None

    # ── the reading thread ──

    def _live(self, theirs: socket.socket) -> None:
        self._kills = oom_kills()
        try:
            with theirs:
                self._process = self._spawn(theirs.fileno())
        except OSError as error:
            self.link.sock.close()
            self._output.close()
            told = f"{self._python} can't be run: {error.strerror or error}"
            missing = EnvironmentMissing(f"the worker of {self.label} can't be started: {told}")
            self._started.put(missing)
            return
        self.pid = self._process.pid
        self._output.close_workers()
        frames.limit_stalls(self.link.sock)
        if self._is_killed:
            self._kill_group()
        try:
            self._read_on()
        except Exception as error:  # nobody else could tell those who wait
            self._cause = self._cause or f"can't be read: {type(error).__name__}: {error}"
        self._bury()

    def _spawn(self, fd: int) -> subprocess.Popen[bytes]:
        command = [self._python, "-I", "-X", "utf8", "-c", _BOOT, str(self._package)]
        return subprocess.Popen(
            [*command, str(fd), str(self._owner), str(self._concurrent)],
            stdin=subprocess.DEVNULL,
            stdout=self._output.worker_fd,
            stderr=self._output.worker_fd,
            pass_fds=(fd, *self._inherit),
            cwd="/",
            env=self._environment,
            start_new_session=True,
        )

    def _read_on(self) -> None:
        """Read until the process goes away or says something that nobody understands."""
        poll, sock_fd = select.poll(), self.link.sock.fileno()
        for fd in (sock_fd, self._output.fd, self._wake_read):
            poll.register(fd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(self._rest_ms())}
            if sock_fd in ready and not self._read_frame():
                return
            if self._output.fd in ready and not self._output.read():
                poll.unregister(self._output.fd)
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
                self._look_round()
            if self._end_by is not None and monotonic() >= self._end_by:
                return
            idle_s = self._idle_s if self.link.is_open else None
            if idle_s is not None and monotonic() >= self.link.last_used + idle_s:
                self.end(if_idle=True)

    def _rest_ms(self) -> float | None:
        until = self._end_by
        if until is None:
            if self._idle_s is None or not self.link.is_open:  # it is still starting
                return None
            until = self.link.last_used + self._idle_s
            if not self.link.is_idle:
                until = max(until, monotonic() + self._idle_s)
        return max(0.0, until - monotonic()) * 1000 + 1

    def _read_frame(self) -> bool:
        try:
            frame = frames.receive(self.link.sock)
        except ProtocolDiffers as error:
            self._cause = f"{error}; omnibind was changed under this program: start it anew"
            return False
        except (BrokenFrame, OSError) as error:
            self._cause = self._cause or f"sent what isn't a frame: {error}"
            return False
        if frame is None:
            return False
        if "call" in frame.head:
            self.link.deliver(frame)
        else:
            self.link.last_used = monotonic()
            self.link.is_open = not self._is_killed and self._end_by is None
            self._started.put(None)
        return True

    def _look_round(self) -> None:
        """Do what others asked this thread for."""
        if self._end_by is not None:
            self.link.post({"do": "end"})
            return
        while self.forgotten:
            self.link.post({"do": "forget", "binding": self.forgotten.popleft()})
        if not self._is_wanted():
            self.end(if_idle=True)

    def _bury(self) -> None:
        """Make sure that the process is gone, and tell everybody who waits for it."""
        self.link.shut()
        cause = self._cause
        try:
            code = self._process.wait(_DYING_S)
            if not self._is_killed and code:
                cause = ""  # it ended by itself, and whatever came of it was the end
        except subprocess.TimeoutExpired:
            self._kill_group()
            code = self._process.wait()
            cause = cause or "closed its connection and was ended"
        if self._end_by is not None:
            cause = cause or "was told to end"
        self._kill_group()  # what its engine started
        self._is_buried = True  # its number may be given to another process
        for _ in range(_LAST_READS):
            if not self._output.read():
                break
        is_short, tail = oom_kills() > self._kills, self._output.tail()

        def death() -> OmnibindError:
            return epitaph(self.label, code, cause, tail, is_short)

        self.died_at = monotonic()
        if not self._is_killed and self._end_by is None:
            self.crash = death
        self._death = death
        self.link.die(death)
        self._started.put(death())
        self._output.close()

    def _kill_group(self) -> None:
        if self._owner == os.getpid() and self.pid and not self._is_buried:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _disown(self) -> None:
        """Let go of what belongs to the parent, in the child of a fork."""
        if not self.pid:
            return
        self.link.disown()
        self._output.close()
        self._process.returncode = 0  # it isn't a child of this process


def _close_both(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


def workers() -> list[Worker]:
    """Return the workers of this process that take orders."""
    return [worker for worker in _ALL if worker.is_usable]


def end_all() -> None:
    """End every worker of this process and wait until they are gone."""
    present = workers()
    for worker in present:
        worker.end()
    for worker in present:
        worker.join()


def _after_fork() -> None:
    for worker in list(_ALL):
        worker._disown()


atexit.register(end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""A worker's own half: orders come over a socket, engines work, answers go back.

It runs in a process of its own, in whatever environment the engine needs. The main thread works;
a second one reads the orders, so that a call can be cancelled while it works, and ends the process
when the program at the other end is gone.

Every order and every answer is a frame. Orders: ``open`` a binding, ``call`` a method, ``next`` and
``close`` of a stream, ``cancel``, ``answer`` to a question, ``forget`` a binding, ``end``. Answers
carry the number of their order: ``progress``, a question (``ask``), and at last one of ``value``,
``stream``, ``end`` or ``error``.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from omnibind.contracts import frames
from omnibind.contracts.binding import CURRENT_CALL, Binding, Progress
from omnibind.contracts.frames import Frame

_PR_SET_PDEATHSIG = 1
_SEEN = ("contracts", "bindings")


class LightPart:
    """Keeps the rest of omnibind out of a worker, wherever it might be found."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Refuse what a worker doesn't see; leave everything else to the finders after this."""
        package, _, rest = name.partition(".")
        if package == "omnibind" and rest.partition(".")[0] not in ("", *_SEEN):
            raise ModuleNotFoundError(
                f"{name} isn't there in a worker, which sees omnibind.contracts and the bindings",
                name=name,
            )


class _Call:
    """One order that is worked on; what a binding reports goes to the program."""

    def __init__(self, number: int, worker: _Worker) -> None:
        self.number = number
        self.error: BaseException | None = None
        self.answers: SimpleQueue[Frame] = SimpleQueue()
        self._worker = worker

    def report(self, progress: Progress) -> None:
        """Send on how far it is; raises where the call is over."""
        if self.error is not None:
            raise self.error
        self._worker.send({"call": self.number, "progress": list(progress)})

    def ask(self, question: str, value: Any) -> Any:
        """Have the program answer something and return what it says."""
        from omnibind.contracts.wire_form import unpack

        self._worker.send({"call": self.number, "ask": question, "value": value})
        answer = self.answers.get()
        if "error" in answer.head:
            raise unpack(answer.head["error"], answer.parts)
        return unpack(answer.head["value"], answer.parts)


class _Worker:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = threading.Lock()
        self._orders: SimpleQueue[tuple[_Call, Frame] | None] = SimpleQueue()
        self._calls: dict[int, _Call] = {}
        self._bindings: dict[int, Binding] = {}
        self._streams: dict[int, Iterator[Any]] = {}
        self._threads = 1

    # ── frames ──

    def send(self, head: dict[str, Any], parts: Any = ()) -> None:
        buffers = frames.packed(head, parts)
        with self._sending:
            frames.send(self._sock, buffers)

    def send_value(self, number: int, kind: str, value: Any) -> None:
        from omnibind.contracts.wire_form import pack

        packed = pack(value)
        self.send({"call": number, kind: packed.data}, packed.parts)

    # ── the reading thread ──

    def read(self) -> None:
        """Take orders until the program goes away; then end the process, whatever it does."""
        try:
            while (frame := frames.receive(self._sock)) is not None:
                self._take(frame)
        except (OSError, frames.BrokenFrame) as error:
            print(f"the program's orders can't be read: {error}", file=sys.stderr)
        leave()

    def _take(self, frame: Frame) -> None:
        order, number = frame.head["do"], frame.head.get("call", 0)
        if order == "cancel":
            call = self._calls.get(number)
            if call is not None:
                from omnibind.contracts.wire_form import unpack

                call.error = unpack(frame.head["value"], frame.parts)
        elif order == "answer":
            call = self._calls.get(number)
            if call is not None:
                call.answers.put(frame)
        elif order == "forget":
            self._bindings.pop(frame.head["binding"], None)
        elif order == "end":
            for _ in range(self._threads):
                self._orders.put(None)
        else:
            call = self._calls[number] = _Call(number, self)
            self._orders.put((call, frame))

    # ── the working threads ──

    def work(self) -> None:
        """Do one order after another."""
        while (taken := self._orders.get()) is not None:
            call, frame = taken
            token = CURRENT_CALL.set(call)
            try:
                self._do(call, frame)
            except BaseException as error:
                self._fail(call, error)
            finally:
                CURRENT_CALL.reset(token)
                self._calls.pop(call.number, None)
                del taken, call, frame

    def serve(self, concurrent: int) -> None:
        """Work in this thread, and in others beside it where several calls may run at once."""
        self._threads = concurrent
        threading.Thread(target=self.read, name="orders", daemon=True).start()
        for _ in range(concurrent - 1):
            threading.Thread(target=self._work_beside, name="engine", daemon=True).start()
        self.work()

    def _work_beside(self) -> None:
        # What ends the main thread ends the process; a thread that fails must not do less, or its
        # caller would wait for ever.
        try:
            self.work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)

    def _fail(self, call: _Call, error: BaseException) -> None:
        if call.error is not None and not isinstance(error, type(call.error)):
            print(f"an engine failed when its call was over: {error!r}", file=sys.stderr)
        self.send_value(call.number, "error", error)

    def _do(self, call: _Call, frame: Frame) -> None:
        from omnibind.contracts.wire_form import unpack

        head = frame.head
        if call.error is not None:
            raise call.error
        if head["do"] == "call":
            args, options = unpack(head["value"], frame.parts)
            result = getattr(self._bindings[head["binding"]], head["method"])(*args, **options)
            if isinstance(result, Iterator):
                self._streams[call.number] = result
                self.send({"call": call.number, "stream": call.number})
            else:
                self.send_value(call.number, "value", result)
        elif head["do"] == "next":
            self._next(call, head["stream"])
        elif head["do"] == "close":
            close = getattr(self._streams.pop(head["stream"], None), "close", None)
            if close is not None:
                close()
            self.send({"call": call.number, "value": None})
        else:
            self._open(head["binding"], unpack(head["value"], frame.parts))
            self.send({"call": call.number, "value": None})

    def _next(self, call: _Call, number: int) -> None:
        stream = self._streams.get(number)
        try:
            item = next(stream if stream is not None else iter(()))
        except BaseException as error:
            self._streams.pop(number, None)
            if not isinstance(error, StopIteration):
                raise
            self.send_value(call.number, "end", error.value)
            return
        self.send_value(call.number, "value", item)

    def _open(self, number: int, wanted: dict[str, Any]) -> None:
        """Import a binding's class and make the binding, as its manager does in process."""
        from omnibind.contracts.child import binding_class
        from omnibind.contracts.errors import BindingBroken, OmnibindError

        class_ = binding_class(wanted["root"], wanted["modality"], wanted["name"], wanted["entry"])
        owner = f"{wanted['modality']}/{wanted['name']}"
        try:
            binding = class_(**wanted["configuration"])
        except OmnibindError:
            raise
        except Exception as error:
            raise BindingBroken(f"the constructor of {owner} raises {error!r}") from error
        binding._name = wanted["name"]
        binding._catalogue = wanted["catalogue"]
        binding._find_weights = _weights_of(number)
        if wanted["voices"]:
            vars(binding)["_voice_facts"] = wanted["voices"]
        self._bindings[number] = binding


def _weights_of(number: int) -> Any:
    from omnibind.contracts.errors import WeightsMissing

    def find(model: str) -> Any:
        call = CURRENT_CALL.get()
        if not isinstance(call, _Call):
            raise WeightsMissing(
                f"the weights of {model!r} were asked for by a thread of the engine's own; "
                "look them up in load() or in the call itself"
            )
        return call.ask("weights", [number, model])

    return find


def leave() -> None:
    """End this process now, with every process that an engine started."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _end_with_parent(parent: int) -> None:
    """Have the kernel end this process with its parent, even in code that never lets go."""
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (ImportError, OSError, AttributeError):
        return  # the socket's end is still noticed
    if os.getppid() != parent:
        leave()


def main(descriptor: int, parent: int, concurrent: int) -> None:
    """Serve the program at the other end of a socket until it goes away or says so."""
    import faulthandler

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which then says so
    os.set_inheritable(descriptor, False)
    sock = socket.socket(fileno=descriptor)
    worker = _Worker(sock)
    worker.send({"python": sys.version.split()[0]})
    faulthandler.enable()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a crash would take what was printed before
    sys.meta_path.insert(0, LightPart)
    _end_with_parent(parent)
    worker.serve(concurrent)

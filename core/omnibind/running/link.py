"""What a program says to a worker and hears from it: orders, progress, questions and answers."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from omnibind.contracts import frames
from omnibind.contracts.binding import Progress
from omnibind.contracts.errors import Cancelled, DeadlineExceeded, OmnibindError
from omnibind.contracts.frames import Frame
from omnibind.contracts.wire_form import Packed, pack
from omnibind.running.patience import TICK_S, Limit, Patience

GRACE_S = 1.0
"""How long a call that was told to end may go on before its worker is ended."""

NOTHING = Packed(None, [])

_NUMBERS = count(1)

Death = Callable[[], OmnibindError]
Answer = Callable[[str, Any], Any]
_Replies = SimpleQueue[Frame | Death]


class Gone(Exception):
    """The worker ended before the order was sent; another one can take it."""


class Link:
    """Sends orders and hands every answer to whoever waits for it.

    Args:
        sock: The socket to the worker.
        concurrent: How many calls may run there at once.
        kill: Ends the worker; is told why, as what follows "the worker of …".

    Attributes:
        streams: Numbers of the streams that are open.
        last_used: When the last order was answered.
        is_open: True while orders can be sent.
    """

    def __init__(self, sock: socket.socket, concurrent: int, kill: Callable[[str], None]) -> None:
        self.sock = sock
        self.streams: set[int] = set()
        self.last_used = monotonic()
        self.is_open = False
        self._kill = kill
        self._turn = threading.Semaphore(concurrent)
        # A stream that the garbage collector closes may send in any thread, at any time.
        self._mutex = threading.RLock()
        self._sending = threading.Lock()
        self._waiting: dict[int, _Replies] = {}

    @property
    def is_idle(self) -> bool:
        """True while no call runs and no stream is open."""
        return not self._waiting and not self.streams

    def request(
        self, order: dict[str, Any], value: Packed, patience: Patience, answer: Answer
    ) -> Frame:
        """Send an order and wait for its last answer.

        Args:
            order: What to do.
            value: What it is done with.
            patience: The call that waits; progress is passed on to it.
            answer: Answers what the worker asks meanwhile, given the question and its value.

        Raises:
            Gone: The worker had ended before; nothing was sent.
            WorkerDied: It ended during the call.
            OutOfMemory: It ended because memory ran out.
            Cancelled: The call is over; the worker has stopped working for it, or was ended.
            DeadlineExceeded: Likewise.
        """
        with patience.holding(self._turn):
            number = next(_NUMBERS)
            replies: _Replies = SimpleQueue()
            with self._mutex:
                if not self.is_open:
                    raise Gone
                self._waiting[number] = replies
            try:
                head = {**order, "call": number}
                if value is not NOTHING:
                    head["value"] = value.data
                self._send(frames.packed(head, value.parts), patience)
                return self._reply(number, replies, patience, answer)
            finally:
                self.last_used = monotonic()
                self._waiting.pop(number, None)

    def close_stream(self, number: int) -> Frame | None:
        """Stop a stream; where it doesn't within a second, the worker is ended."""
        if number not in self.streams:
            return None
        order = {"do": "close", "stream": number}
        try:
            return self.request(order, NOTHING, Limit(GRACE_S), _refuse)
        except Gone:
            return None
        except DeadlineExceeded:
            # Another call has the turn; where the stream itself went on, nobody is left to hear.
            self.post({**order, "call": 0})
            return None
        finally:
            self.streams.discard(number)

    def post(self, head: dict[str, Any]) -> bool:
        """Send an order that has no answer, if that can be done at once."""
        try:
            self._send(frames.packed(head), Limit(0.0))
        except DeadlineExceeded:
            return False
        return True

    def deliver(self, frame: Frame) -> None:
        """Hand an answer to whoever waits for it."""
        if "stream" in frame.head:
            self.streams.add(frame.head["stream"])
        replies = self._waiting.get(frame.head["call"])
        if replies is not None:
            replies.put(frame)

    def shut(self, *, if_idle: bool = False) -> bool:
        """Take no more orders; False where that was asked for while idle, and calls run."""
        with self._mutex:
            if if_idle and not self.is_idle:
                return False
            self.is_open = False
        return True

    def die(self, death: Death) -> None:
        """Tell everybody who waits that the worker has ended."""
        self.shut()
        with self._mutex:
            waiting = list(self._waiting.values())
        for replies in waiting:
            replies.put(death)
        with self._sending:
            self.sock.close()

    def disown(self) -> None:
        """Let go of it in the child of a fork; the parent goes on with it."""
        self.is_open = False
        self._mutex, self._sending = threading.RLock(), threading.Lock()
        self._waiting.clear()
        self.streams.clear()
        self.sock.close()

    def _send(self, buffers: list[memoryview], patience: Patience) -> None:
        def wait() -> None:
            patience.check()
            select.select((), (self.sock,), (), TICK_S)

        with patience.holding(self._sending):
            whole = sum(buffer.nbytes for buffer in buffers)
            try:
                frames.send(self.sock, buffers, wait)
            except OSError:
                return  # it has ended; whoever waits is told
            except BaseException:
                if sum(buffer.nbytes for buffer in buffers) < whole:
                    self._kill("was ended, because an order was given up half sent")
                raise

    def _reply(self, number: int, replies: _Replies, patience: Patience, answer: Answer) -> Frame:
        try:
            while True:
                try:
                    reply = replies.get(timeout=TICK_S)
                except Empty:
                    patience.check()
                    continue
                if not isinstance(reply, Frame):
                    break
                if "progress" in reply.head:
                    patience.report(Progress(*reply.head["progress"]))
                elif "ask" in reply.head:
                    self._answer(number, reply, patience, answer)
                else:
                    return reply
        except BaseException as error:
            self._stop(number, replies, error, patience)
            raise
        raise reply()

    def _answer(self, number: int, question: Frame, patience: Patience, answer: Answer) -> None:
        try:
            kind, value = "value", pack(answer(question.head["ask"], question.head["value"]))
        except Exception as error:
            kind, value = "error", pack(error)
        head = {"do": "answer", "call": number, kind: value.data}
        self._send(frames.packed(head, value.parts), patience)

    def _stop(
        self, number: int, replies: _Replies, error: BaseException, patience: Patience
    ) -> None:
        """Tell a call to end; where it doesn't within a second, end the worker."""
        if not isinstance(error, (Cancelled, DeadlineExceeded)):
            error = Cancelled("the call was interrupted")
        # What had a limit of its own has had its grace.
        limit = Limit(0.0 if isinstance(patience, Limit) else GRACE_S)
        told = pack(error).data
        try:
            self._send(frames.packed({"do": "cancel", "call": number, "value": told}), limit)
            while not self._has_stopped(number, replies, told, limit):
                limit.check()
        except DeadlineExceeded:
            self._kill("was ended, because a call in it didn't stop when it was over")
        except BaseException:
            self._kill("was ended, because the wait for its call was interrupted")
            raise

    def _has_stopped(self, number: int, replies: _Replies, told: Any, limit: Patience) -> bool:
        try:
            reply = replies.get(timeout=TICK_S)
        except Empty:
            return False
        if not isinstance(reply, Frame):
            return True
        if "ask" in reply.head:
            head = {"do": "answer", "call": number, "error": told}
            self._send(frames.packed(head), limit)
        if "stream" in reply.head:
            stream = reply.head["stream"]
            self.streams.discard(stream)
            self._send(frames.packed({"do": "close", "call": 0, "stream": stream}), limit)
        return "progress" not in reply.head and "ask" not in reply.head


def _refuse(question: str, value: Any) -> Any:
    raise Cancelled("the call is over")

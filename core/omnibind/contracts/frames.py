"""Frames: what a program and its workers send each other over a socket.

A frame is a fixed header, a head of JSON and any number of raw parts::

    magic "omni" · protocol (2 bytes) · number of parts (2) · bytes of the head (4)
    bytes of each part (8 each) · head · parts

Nothing is pickled, and a part is sent from where it lies and received in one piece.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

PROTOCOL = 1
"""What both sides must agree on; every frame says it first."""

MAGIC = b"omni"
MAX_HEAD_BYTES = 256 * 1024**2
MAX_PART_BYTES = 8 * 1024**3
STALL_S = 0.5
"""The rest of a header comes within so long, where stalls are limited."""
STALLS = 10
"""Of a frame whose header came, something comes within so many times that."""

_HEADER = struct.Struct("!4sHHI")
_SIZE = struct.Struct("!Q")
# The kernel takes so many buffers (IOV_MAX) at once.
_BUFFERS = 512
_MANY_PARTS = 0xFFFF

Part = bytes | bytearray | memoryview


class Frame(NamedTuple):
    """One message.

    Attributes:
        head: What it says, as JSON data.
        parts: Raw bytes that the head refers to by number.
    """

    head: dict[str, Any]
    parts: Sequence[bytes] = ()


class BrokenFrame(Exception):
    """What came over the socket isn't a frame, or only a part of one."""


class ProtocolDiffers(BrokenFrame):
    """The other side speaks another version of the protocol."""


def packed(head: dict[str, Any], parts: Sequence[Part] = ()) -> list[memoryview]:
    """Return a frame as buffers, in order; the parts aren't copied.

    Raises:
        ValueError: The head or a part is larger than a frame can hold.
    """
    text = json.dumps(head, separators=(",", ":")).encode()
    views = [memoryview(part).cast("B") for part in parts]
    if len(text) > MAX_HEAD_BYTES or len(views) > _MANY_PARTS:
        raise ValueError(f"a frame can't hold a head of {len(text)} bytes and {len(views)} parts")
    if any(view.nbytes > MAX_PART_BYTES for view in views):
        raise ValueError(f"one piece of at most {MAX_PART_BYTES} bytes can be sent")
    header = _HEADER.pack(MAGIC, PROTOCOL, len(views), len(text))
    sizes = b"".join(_SIZE.pack(view.nbytes) for view in views)
    return [memoryview(header + sizes + text), *(view for view in views if view.nbytes)]


def send(
    sock: socket.socket,
    buffers: list[memoryview],
    wait: Callable[[], None] | None = None,
) -> None:
    """Send what :func:`packed` returned.

    Args:
        sock: A blocking socket.
        buffers: The frame; used up.
        wait: Called whenever the other side takes nothing more at the moment; it returns when it
            may, or raises to give up, and then half a frame was sent. None blocks instead.

    Raises:
        OSError: The other side is gone.
    """
    flags = 0 if wait is None else socket.MSG_DONTWAIT
    while buffers:
        try:
            sent = sock.sendmsg(buffers[:_BUFFERS], (), flags)
        except BlockingIOError:
            assert wait is not None
            wait()
            continue
        while buffers and sent >= buffers[0].nbytes:
            sent -= buffers.pop(0).nbytes
        if sent:
            buffers[0] = buffers[0][sent:]


def receive(sock: socket.socket) -> Frame | None:
    """Receive one frame; None where the other side is gone.

    Raises:
        BrokenFrame: Something else came, or the frame stopped in its middle.
        OSError: The connection broke.
    """
    header = _exactly(sock, _HEADER.size, at_start=True)
    if not header:
        return None
    magic, protocol, count, length = _HEADER.unpack(header)
    if magic != MAGIC:
        raise BrokenFrame(f"it begins with {header[:8]!r}")
    if protocol != PROTOCOL:
        raise ProtocolDiffers(f"it speaks protocol {protocol}, and {PROTOCOL} is spoken here")
    if length > MAX_HEAD_BYTES:
        raise BrokenFrame(f"it promises a head of {length} bytes")
    sizes = [size for (size,) in _SIZE.iter_unpack(_exactly(sock, count * _SIZE.size))]
    if any(size > MAX_PART_BYTES for size in sizes):
        raise BrokenFrame(f"it promises {max(sizes)} bytes in one piece")
    try:
        head = json.loads(_exactly(sock, length))
    except ValueError as error:
        raise BrokenFrame(f"its head isn't JSON: {error}") from error
    if not isinstance(head, dict):
        raise BrokenFrame(f"its head is {type(head).__name__}, not an object")
    return Frame(head, [_exactly(sock, size) for size in sizes])


def limit_stalls(sock: socket.socket) -> None:
    """Make a frame that stops in its middle an error, for who knows that one has begun."""
    limit = struct.pack("@ll", 0, int(STALL_S * 1_000_000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _exactly(sock: socket.socket, count: int, *, at_start: bool = False) -> bytes:
    """Receive ``count`` bytes; ``b""`` where the other side ended before a frame began."""
    pieces: list[bytes] = []
    missing, stalls = count, 0
    while missing:
        try:
            # One call of the kernel fills the bytes object itself; only a signal cuts it short.
            piece = sock.recv(missing, socket.MSG_WAITALL)
        except BlockingIOError:
            stalls += 1
            if at_start or stalls == STALLS:
                raise BrokenFrame(f"it stopped with {missing} bytes missing") from None
            continue
        if not piece:
            if at_start and not pieces:
                return b""
            raise BrokenFrame(f"it ended with {missing} bytes missing")
        pieces.append(piece)
        missing, stalls = missing - len(piece), 0
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)

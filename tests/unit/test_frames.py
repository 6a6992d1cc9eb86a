"""Frames: what a program and its workers send each other."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from omnibind.contracts import frames
from omnibind.contracts.frames import BrokenFrame, Frame, ProtocolDiffers

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def through(ends: Ends, head: dict[str, Any], *parts: Any) -> Frame | None:
    """Send a frame from one end in a thread, receive it at the other."""
    sending = threading.Thread(target=frames.send, args=(ends[0], frames.packed(head, parts)))
    sending.start()
    received = frames.receive(ends[1])
    sending.join()
    return received


def test_a_frame_arrives_as_it_was_sent(ends: Ends) -> None:
    head = {"do": "call", "value": [1, 2.5, None, "ünï \ud800"]}
    received = through(ends, head, b"one", b"", bytearray(b"three"), memoryview(b"four")[1:])
    assert received == Frame(head, [b"one", b"", b"three", b"our"])


def test_two_frames_after_each_other_stay_apart(ends: Ends) -> None:
    for number in (1, 2):
        frames.send(ends[0], frames.packed({"number": number}, [b"x" * number]))
    assert [frames.receive(ends[1]) for _ in (1, 2)] == [
        Frame({"number": 1}, [b"x"]),
        Frame({"number": 2}, [b"xx"]),
    ]


def test_sixty_megabytes_pass_in_one_piece(ends: Ends) -> None:
    content = bytes(range(256)) * (60_000_000 // 256)
    received = through(ends, {}, content)
    assert received is not None
    assert type(received.parts[0]) is bytes
    assert received.parts[0] == content


def test_a_part_is_sent_from_where_it_lies() -> None:
    content = b"x" * 1000
    assert frames.packed({}, [content])[1].obj is content


def test_more_parts_than_the_kernel_takes_at_once_arrive(ends: Ends) -> None:
    parts = [str(number).encode() for number in range(3000)]
    received = through(ends, {}, *parts)
    assert received is not None
    assert received.parts == parts


def test_too_many_parts_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="70000 parts"):
        frames.packed({}, [b""] * 70_000)


def test_the_end_between_frames_is_none(ends: Ends) -> None:
    ends[0].close()
    assert frames.receive(ends[1]) is None


def header(magic: bytes = b"omni", protocol: int = 1, parts: int = 0, head: int = 2) -> bytes:
    return struct.pack("!4sHHI", magic, protocol, parts, head)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"Loading the model...\n", "begins with b'Loading '"),
        (header() + b"[]", "its head is list"),
        (header(head=3) + b"{,}", "isn't JSON"),
        (header(head=300 * 1024**2), "a head of 314572800 bytes"),
        (header(parts=1) + struct.pack("!Q", 2**60), "bytes in one piece"),
        (header(head=10) + b"{}", "ended with 8 bytes missing"),
        (b"omn", "ended with 9 bytes missing"),
    ],
)
def test_anything_else_is_a_broken_frame(ends: Ends, sent: bytes, told: str) -> None:
    ends[0].sendall(sent)
    ends[0].close()
    with pytest.raises(BrokenFrame, match=told.replace("(", r"\(")):
        frames.receive(ends[1])


def test_another_protocol_is_told_before_anything_else(ends: Ends) -> None:
    ends[0].sendall(header(protocol=frames.PROTOCOL + 1, head=3) + b"\x00\x01\x02")
    with pytest.raises(ProtocolDiffers, match="speaks protocol 2, and 1 is spoken here"):
        frames.receive(ends[1])


@pytest.mark.parametrize("sent", [b"omn", header(head=10) + b"{}"])
def test_a_frame_that_stops_is_broken_where_stalls_are_limited(
    ends: Ends, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "STALL_S", 0.02)
    frames.limit_stalls(ends[1])
    ends[0].sendall(sent)
    with pytest.raises(BrokenFrame, match="stopped with"):
        frames.receive(ends[1])


def test_a_sender_that_must_not_block_is_asked_whether_to_go_on(ends: Ends) -> None:
    asked: list[int] = []

    def wait() -> None:
        asked.append(1)
        if len(asked) > 3:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        frames.send(ends[0], frames.packed({}, [bytes(10_000_000)]), wait)


def test_heads_are_plain_json() -> None:
    buffer = bytes(frames.packed({"a": [1]})[0])
    assert json.loads(buffer[12:]) == {"a": [1]}

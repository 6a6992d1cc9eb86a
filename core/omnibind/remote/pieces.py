"""Replies that come piece by piece: raw samples, and server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable
from typing import TYPE_CHECKING, Any, NamedTuple

from omnibind.contracts.errors import BadReply
from omnibind.contracts.media import Audio, AudioChunk

if TYPE_CHECKING:
    from omnibind.contracts.media import Meta

MAX_EVENT_BYTES = 64_000_000


class Event(NamedTuple):
    """One server-sent event.

    Attributes:
        name: Its kind; ``message`` where it isn't said.
        data: Its text.
    """

    name: str
    data: str

    def json(self) -> Any:
        """Return the text as JSON data.

        Raises:
            BadReply: It isn't JSON.
        """
        try:
            return json.loads(self.data)
        except ValueError:
            raise BadReply(f"the service streams an event {self.name!r} that isn't JSON") from None


async def events(pieces: AsyncIterable[bytes]) -> AsyncGenerator[Event, None]:
    """Emit the server-sent events of a reply; ``[DONE]`` ends them.

    Raises:
        BadReply: An event never ends.
    """
    rest, name, data = b"", "", list[str]()
    async for piece in pieces:
        *lines, rest = (rest + piece).replace(b"\r\n", b"\n").split(b"\n")
        if len(rest) > MAX_EVENT_BYTES:
            raise BadReply("the service streams an event that doesn't end")
        for line in lines:
            field, _, value = line.decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
            elif not line and data:
                text = "\n".join(data)
                if text == "[DONE]":
                    return
                yield Event(name or "message", text)
                name, data = "", []
    if data and data != ["[DONE]"]:
        yield Event(name or "message", "\n".join(data))


async def samples(
    pieces: AsyncIterable[bytes], sample_rate: int, *, is_big_endian: bool = False
) -> AsyncGenerator[AudioChunk, None]:
    """Emit raw 16-bit mono samples as they come.

    Args:
        pieces: The reply's body, cut anywhere.
        sample_rate: Frames a second.
        is_big_endian: True where the more significant byte comes first.

    Raises:
        BadReply: Nothing came, or half a sample was left.
    """
    import numpy as np

    order = ">i2" if is_big_endian else "<i2"
    rest, index = b"", 0
    async for piece in pieces:
        whole = rest + piece
        even = len(whole) // 2 * 2
        rest = whole[even:]
        if even:
            read = np.frombuffer(whole[:even], order).astype(np.int16)
            yield AudioChunk(read, sample_rate, index)
            index += 1
    if rest or not index:
        told = "ended within a sample" if rest else "was empty"
        raise BadReply(f"the stream of the service {told}; try again")


def audio_of_samples(
    content: bytes, sample_rate: int, *, meta: Meta | None = None, is_big_endian: bool = False
) -> Audio:
    """Return raw 16-bit mono samples as a WAV.

    Raises:
        BadReply: There are none, or half a sample was left.
    """
    import numpy as np

    if not content or len(content) % 2:
        told = "is empty" if not content else "ends within a sample"
        raise BadReply(f"the sound of the service {told}; try again")
    read = np.frombuffer(content, ">i2" if is_big_endian else "<i2").astype(np.int16)
    return Audio.from_array(read, sample_rate, meta=meta)

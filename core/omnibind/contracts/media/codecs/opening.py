"""What all codecs need: content as an open file, and one wrapping of their exceptions."""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput, OmnibindError
from omnibind.contracts.media import sniff, truncated
from omnibind.contracts.media.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

    import av.container


def opened(content: bytes | str) -> BinaryIO:
    """Return content as an open file.

    Args:
        content: The bytes themselves, or the path of a local file as a str. A path is opened here,
            so that no library takes it for an address.

    Raises:
        BadInput: The file can't be opened.
    """
    if isinstance(content, bytes):
        return io.BytesIO(content)
    try:
        return Path(content).open("rb")
    except OSError as error:
        raise BadInput(f"{content!r} can't be read: {error.strerror}; check the file") from error


def refuse_truncated(content: bytes | str, name: str) -> str:
    """Return the media type of content that isn't cut short as far as its container tells.

    Raises:
        BadInput: It is empty or cut short.
    """
    with opened(content) as file:
        data = content if isinstance(content, bytes) else Window(file)
        if not len(data):
            raise BadInput(f"{name} is empty; expected a sound or a video; check its origin")
        found = sniff.media_type(data)
        missing = truncated.shortfall(data, found)
    if missing:
        raise BadInput(f"{name} is cut short: {missing}; expected a whole file; get it again")
    return found


@contextmanager
def pyav(content: bytes | str, name: str, noun: str) -> Iterator[av.container.InputContainer]:
    """Open content with PyAV; what it raises inside the block becomes a ``BadInput``.

    Raises:
        BadInput: The content can't be decoded.
    """
    import av

    with opened(content) as file:
        try:
            with av.open(file, "r") as container:
                yield container
        except OmnibindError:
            raise
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            raise undecodable(name, noun, content, error) from error


def track(container: av.container.InputContainer, kind: str, name: str) -> Any:
    """Return the first track of a kind.

    Args:
        container: The open file.
        kind: ``audio`` or ``video``.
        name: What to call the file in a message.

    Raises:
        BadInput: There is no such track, or its codec is unknown.
    """
    noun = "sound" if kind == "audio" else "pictures"
    stream = next((stream for stream in container.streams if stream.type == kind), None)
    if stream is None:
        raise BadInput(f"{name} holds no {noun}; expected some; give another file")
    if stream.codec_context is None:
        raise BadInput(f"{name} holds {noun} in an unknown codec; expected a known one; convert it")
    return stream


class Forgiving:
    """An open file for libsndfile: a damaged header may make it seek before the beginning.

    What a callback raises is printed and lost; here such a seek stays where it is instead, and
    libsndfile tells of the damage by itself.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.readinto = file.readinto  # type: ignore[attr-defined]
        self.tell = file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a place, or stay where it can't be."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return self._file.tell()


def undecodable(name: str, noun: str, content: bytes | str, error: BaseException | Any) -> BadInput:
    """Return the error for content that a codec library refused."""
    with opened(content) as file:
        looks = sniff.looks_like(content if isinstance(content, bytes) else Window(file))
    return BadInput(
        f"{name} looks like {looks} and can't be decoded as {noun} ({error}); "
        f"expected a whole file; check where it came from"
    )

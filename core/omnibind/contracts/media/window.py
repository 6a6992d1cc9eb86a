"""A file read by slices, so that headers can be looked at without reading the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import BinaryIO


class Sliceable(Protocol):
    """Bytes, or a file that can be sliced like bytes."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class Window:
    """An open file, sliced like bytes: ``window[:12]`` reads twelve bytes.

    Args:
        file: A seekable binary file; it stays the caller's to close.
    """

    __slots__ = ("_file", "_length")

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = file.seek(0, 2)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(self._length)
        self._file.seek(start)
        return self._file.read(max(0, stop - start))

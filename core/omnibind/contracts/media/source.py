"""Inputs of every spelling, opened only when they are read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import fetch, sniff, truncated
from omnibind.contracts.media.base import Media, size, wrong_content
from omnibind.contracts.media.given import (
    decode_base64,
    file_of_samples,
    kind_of,
    read_stream,
)
from omnibind.contracts.media.window import Window

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Any, BinaryIO

    import numpy as np
    from typing_extensions import Self

    from omnibind.contracts.media.inputs import AudioInput, ImageInput

_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n")
_ENDINGS = {
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/opus": ".opus",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/webm": ".webm",
    "audio/aiff": ".aiff",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
}


class Source:
    """A sound, picture or video that somebody gave, whatever its spelling.

    Nothing is opened before ``path``, ``read``, ``array`` or a fact is asked for; then the content
    is checked. A ``with`` block, ``close`` or the end of the object removes the temporary file
    that ``path`` may have made: hold the Source for as long as the path is used.
    """

    __slots__ = ("__weakref__", "_data", "_family", "_path", "_stream", "_temporary", "_url")

    def __init__(self) -> None:
        self._path: str | None = None
        self._url: tuple[str, float] | None = None
        self._stream: BinaryIO | None = None
        self._data: bytes | None = None
        self._family: str | None = None
        self._temporary: Any = None

    @classmethod
    def file(cls, path: str | os.PathLike[str]) -> Self:
        """Return the file at a path as an input.

        Raises:
            BadInput: It isn't a path.
        """
        try:
            text = os.fspath(path)
            text = os.fsdecode(text)
        except TypeError as error:
            raise BadInput(f"{kind_of(path)} isn't a path; give a str or a Path") from error
        if not text.strip() or "\0" in text:
            raise BadInput(f"{text!r} isn't a path; give the name of a file")
        self = cls()
        self._path = text
        return self

    @classmethod
    def url(cls, url: str, *, timeout_s: float = fetch.TIMEOUT_S) -> Self:
        """Return what lies at an http or https address as an input; fetched when it is read.

        Args:
            url: The address.
            timeout_s: Seconds until the whole of it must be here.

        Raises:
            BadInput: It isn't a web address.
        """
        fetch.check(url)
        self = cls()
        self._url = (url, timeout_s)
        return self

    @classmethod
    def base64(cls, text: str) -> Self:
        """Return base64 text or a ``data:`` URI as an input; white space in it is ignored.

        Raises:
            BadInput: It isn't base64, or its padding is wrong.
        """
        if not isinstance(text, str):
            raise BadInput(f"{kind_of(text)} isn't base64 text; give a str")
        if text.lstrip()[:5].lower() == "data:":
            head, comma, text = text.partition(",")
            if not comma or not head.rstrip().lower().endswith(";base64"):
                raise BadInput("this data URI isn't base64; expected data:<type>;base64,<content>")
        self = cls()
        self._data = decode_base64(text)
        return self

    @classmethod
    def of(cls, given: AudioInput | ImageInput, family: str | None = None) -> Source:
        """Return any accepted input as a Source.

        Args:
            given: A path, bytes, base64 text, a data URI, an open binary file, an ``Audio``,
                ``Image`` or ``Video``, ``(array, sample_rate)``, an array of pixels, a PIL image
                or a Source, which is returned.
            family: ``audio``, ``image`` or ``video``: content of another family is refused when
                it is read. The sound of a video counts as audio.

        Raises:
            BadInput: It is none of these.
        """
        source = given if isinstance(given, Source) else cls._open(given)
        source._family = family or source._family
        return source

    @classmethod
    def _open(cls, given: Any) -> Source:
        if isinstance(given, str):
            return cls._of_text(given)
        if isinstance(given, os.PathLike):
            return cls.file(given)
        self = cls()
        if isinstance(given, Media):
            self._data = given
        elif isinstance(given, (bytes, bytearray, memoryview)):
            self._data = bytes(given)
        elif hasattr(given, "read"):
            self._stream = given
        else:
            self._data = file_of_samples(given)
        return self

    @classmethod
    def _of_text(cls, text: str) -> Source:
        start = text.lstrip()[:8].lower()
        if start.startswith("data:"):
            return cls.base64(text)
        if start.startswith(("http://", "https://")):
            raise BadInput(
                f"{fetch.shown(text)} is a web address, and nothing is fetched unasked; "
                f"give Source.url(…)"
            )
        # Text that decodes to media is base64; no name of a file does.
        if len(text) >= 32 and _BASE64.issuperset(text.encode("utf-8", "replace")):
            try:
                data = decode_base64(text)
            except BadInput:
                data = b""
            if sniff.family(sniff.media_type(data)) in sniff.ACCEPTED:
                self = cls()
                self._data = data
                return self
        return cls.file(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Source {self.describe()}>"

    def close(self) -> None:
        """Remove the temporary file, if one was made; what was given is left as it is."""
        if self._temporary is not None:
            self._temporary()
            self._temporary = None

    @property
    def address(self) -> str | None:
        """The web address that was given; None where it is anything else."""
        return None if self._url is None else self._url[0]

    def describe(self) -> str:
        """Return in words what was given, for a message; nothing is opened."""
        if self._path is not None:
            try:
                return f"{self._path!r} ({size(self._place().stat().st_size)})"
            except (OSError, ValueError):
                return repr(self._path)
        if self._url is not None:
            return fetch.shown(self._url[0])
        if self._data is not None:
            return (
                "what was given" if not self._data else f"what was given ({size(len(self._data))})"
            )
        return "the open file"

    def read(self) -> bytes:
        """Return the content, unchanged.

        Raises:
            BadInput: It is missing, a folder, empty, of another family, or cut short.
            FetchFailed: A URL couldn't be fetched.
            Offline: A URL was given and ``OMNIBIND_OFFLINE`` is set.
        """
        data = self._load()
        if data is None:
            data = self._read_file()
        self._check(data)
        return data

    def path(self) -> Path:
        """Return a file with the content: the given one, or a temporary one.

        Raises:
            BadInput: It is missing, a folder, empty, of another family, or cut short.
            FetchFailed: A URL couldn't be fetched.
            Offline: A URL was given and ``OMNIBIND_OFFLINE`` is set.
        """
        from pathlib import Path

        data = self._load()
        if data is None:
            self._check_file()
            return self._place()
        self._check(data)
        if self._temporary is None or not self._temporary.alive:
            self._temporary = _temporary_file(self, data, _ENDINGS.get(sniff.media_type(data), ""))
        return Path(self._temporary.peek()[2][0])

    def array(self, sample_rate: int, channels: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the sound as samples at a rate, mixed down by the mean.

        Args:
            sample_rate: Frames a second to resample to.
            channels: 1 to mix down; more than 1 must be what the sound has, or it must be mono.

        Returns:
            float32, −1..1; shape (frames,) for one channel, (frames, channels) for more.

        Raises:
            BadInput: It is missing, a folder, empty, no sound, cut short, can't be decoded, holds
                samples that aren't finite, or has other channels than asked for.
            FetchFailed: A URL couldn't be fetched.
            Offline: A URL was given and ``OMNIBIND_OFFLINE`` is set.
        """
        from omnibind.contracts.media import codecs

        self._family = self._family or "audio"
        samples, rate = codecs.decode_audio(self._checked(), name=self.describe())
        return codecs.fit(samples, rate, sample_rate, channels, name=self.describe())

    @property
    def media_type(self) -> str:
        """The media type, told from the content."""
        data = self._load()
        if data is None:
            return self._check_file()
        return self._check(data)

    @property
    def duration_s(self) -> float:
        """Length of a sound or video in seconds.

        Raises:
            BadInput: As ``read``, or the content has no length.
        """
        from omnibind.contracts.media import codecs

        if sniff.family(self.media_type) == "video":
            return codecs.probe_video(self._checked(), name=self.describe()).duration_s
        return codecs.probe_audio(self._checked(), name=self.describe()).duration_s

    def _checked(self) -> bytes | str:
        """Return the content, or the path where it is a file, once it is checked."""
        data = self._load()
        if data is None:
            self._check_file()
            return str(self._path)
        self._check(data)
        return data

    def _load(self) -> bytes | None:
        """Return the content, or None where it lies in a regular file."""
        if self._data is not None:
            return self._data
        if self._url is not None:
            url, timeout_s = self._url
            self._data = fetch.fetch(url, timeout_s=timeout_s)
        elif self._stream is not None:
            self._data = read_stream(self._stream)
        elif not self._is_regular():
            self._data = self._read_file()
        return self._data

    def _place(self) -> Path:
        from pathlib import Path

        return Path(str(self._path))

    def _is_regular(self) -> bool:
        from stat import S_ISDIR, S_ISREG

        try:
            mode = self._place().stat().st_mode
        except OSError as error:
            raise self._unreadable(error) from error
        if S_ISDIR(mode):
            raise BadInput(f"{self._path!r} is a folder; expected a file; name one in it")
        return S_ISREG(mode)

    def _read_file(self) -> bytes:
        try:
            with self._place().open("rb") as file:
                return file.read()
        except OSError as error:
            raise self._unreadable(error) from error

    def _check_file(self) -> str:
        try:
            with self._place().open("rb") as file:
                return self._check(Window(file))
        except OSError as error:
            raise self._unreadable(error) from error

    def _check(self, data: bytes | Window) -> str:
        found = sniff.media_type(data)
        content = sniff.family(found)
        wanted = {None: tuple(sniff.ACCEPTED), "audio": ("audio", "video")}.get(
            self._family, (self._family,)
        )
        if content not in wanted:
            raise wrong_content(self.describe(), sniff.looks_like(data), self._family)
        missing = truncated.shortfall(data, found)
        if missing:
            raise BadInput(
                f"{self.describe()} is cut short: {missing}; expected a whole file; get it again"
            )
        return found

    def _unreadable(self, error: OSError) -> BadInput:
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return BadInput(
                f"there is no file {self._path!r}; expected one to read; check the path"
            )
        reason = error.strerror or str(error)
        return BadInput(f"{self._path!r} can't be read: {reason}; check the file")


def _temporary_file(owner: Source, data: bytes, ending: str) -> Any:
    """Write a temporary file that goes when its owner goes; return its finalizer."""
    import tempfile
    import weakref

    descriptor, name = tempfile.mkstemp(prefix="omnibind-", suffix=ending)
    finalizer = weakref.finalize(owner, _remove, name, os.getpid())
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return finalizer


def _remove(name: str, maker: int) -> None:
    from pathlib import Path

    if os.getpid() == maker:  # a forked child must not take its parent's file
        Path(name).unlink(missing_ok=True)

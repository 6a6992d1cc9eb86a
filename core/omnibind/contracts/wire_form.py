"""Values as they travel between a program and its workers: JSON data and raw parts.

What JSON says is itself; everything else is an object with the key ``$``, its kind. Known are::

    None bool int float str · list tuple set dict · bytes · Path · arrays and numbers of numpy
    Audio Image Video Transcript · Source and every spelling of a media input
    AudioChunk Segment Word Voice Meta Recipe Progress · Schema · errors

Any other type is refused by name. Nothing is unpickled: what arrives can't choose what code runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omnibind.contracts import wire_errors
from omnibind.contracts.binding import Progress
from omnibind.contracts.frames import Part
from omnibind.contracts.media import (
    Audio,
    AudioChunk,
    Image,
    Meta,
    Recipe,
    Segment,
    Source,
    Transcript,
    Video,
    Word,
)
from omnibind.contracts.options import Schema
from omnibind.contracts.tts import Voice

_MEDIA: dict[str, type[Audio | Image | Video]] = {
    "audio": Audio,
    "image": Image,
    "video": Video,
}
_RECORDS: dict[str, type[tuple[Any, ...]]] = {
    record.__name__: record for record in (AudioChunk, Meta, Progress, Segment, Voice, Word)
}
_PLAIN = (bool, int, float, str, type(None))


class NotOnTheWire(TypeError):
    """A value of a type that can't be sent to a worker or come back from it."""


class Packed(NamedTuple):
    """A value in its wire form.

    Attributes:
        data: JSON data.
        parts: Raw bytes that ``data`` refers to by number.
    """

    data: Any
    parts: list[Part]


def pack(value: Any) -> Packed:
    """Return a value in its wire form; bytes aren't copied.

    Raises:
        NotOnTheWire: A value in it has a type that isn't known here.
        BadInput: An open file or an address in it can't be read.
    """
    packer = _Packer()
    return Packed(packer.pack(value), packer.parts)


def unpack(data: Any, parts: Sequence[bytes] = ()) -> Any:
    """Return the value whose wire form this is.

    Raises:
        NotOnTheWire: It holds a kind that isn't known here.
    """
    if type(data) is list:
        return [unpack(item, parts) for item in data]
    if type(data) is not dict:
        return data
    kind = data.get("$")
    if kind is None:
        return {name: unpack(item, parts) for name, item in data.items()}
    maker = _MAKERS.get(kind)
    if maker is None:
        raise NotOnTheWire(f"a value of the kind {kind!r} came, which isn't known here")
    return maker(data, parts)


class _Packer:
    def __init__(self) -> None:
        self.parts: list[Part] = []

    def pack(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is dict:
            return self._dict(value)
        if kind is list:
            return [self.pack(item) for item in value]
        for type_, packing in _PACKINGS:
            if isinstance(value, type_):
                return packing(self, value)
        return self._foreign(value)

    def part(self, content: Part) -> int:
        self.parts.append(content)
        return len(self.parts) - 1

    def _dict(self, value: dict[Any, Any]) -> dict[str, Any]:
        if "$" not in value and all(type(name) is str for name in value):
            return {name: self.pack(item) for name, item in value.items()}
        pairs = [[self.pack(name), self.pack(item)] for name, item in value.items()]
        return {"$": "dict", "items": pairs}

    def _items(self, kind: str, value: Any) -> dict[str, Any]:
        return {"$": kind, "items": [self.pack(item) for item in value]}

    def _tuple(self, value: tuple[Any, ...]) -> dict[str, Any]:
        kind = type(value).__name__
        if type(value) is not tuple and _RECORDS.get(kind) is not type(value):
            raise _unknown(value)
        return self._items(kind, value)

    def _media(self, value: Audio | Image | Video) -> dict[str, Any]:
        held = vars(value)
        return {
            "$": value._family,
            "part": self.part(value),
            "facts": self.pack(held["_facts"]),
            "meta": self.pack(held["_meta"]),
        }

    def _transcript(self, value: Transcript) -> dict[str, Any]:
        return {
            "$": "transcript",
            "text": str(value),
            "segments": [self.pack(segment) for segment in value.segments],
            "facts": self.pack(
                {
                    "language": value.language,
                    "language_probability": value.language_probability,
                    "duration_s": value.duration_s,
                    "meta": vars(value)["_meta"],
                }
            ),
        }

    def _source(self, value: Source) -> dict[str, Any]:
        # What isn't a file on this disk is read here: an address needs the network, which a local
        # engine doesn't get, and an open file can't be handed over.
        packed: dict[str, Any] = {"$": "source", "family": value._family}
        is_file = value._path is not None and (
            Path(value._path).is_file() or not Path(value._path).exists()
        )
        content = None if is_file else value._load()
        if content is None:
            return {**packed, "path": os.path.abspath(str(value._path))}  # noqa: PTH100
        return {**packed, "content": self.pack(content)}

    def _foreign(self, value: Any) -> Any:
        if type(value).__module__ == "numpy" or type(value).__module__.startswith("numpy."):
            if hasattr(value, "dtype") and value.dtype.kind in "biufc":
                return self._array(value)
        elif hasattr(value, "read"):
            return self.pack(Source.of(value))
        elif type(value).__module__.startswith("PIL."):
            return self.pack(Source.of(value).read())
        raise _unknown(value)

    def _array(self, value: Any) -> Any:
        if not value.ndim:
            return self.pack(value.item())
        import numpy as np

        whole = np.ascontiguousarray(value)
        # An empty view can't be cast to bytes.
        content = whole.data.cast("B") if whole.size else b""
        shape = [int(length) for length in value.shape]
        return {
            "$": "array",
            "dtype": value.dtype.str,
            "shape": shape,
            "part": self.part(content),
        }


def _unknown(value: Any) -> NotOnTheWire:
    kind = type(value)
    return NotOnTheWire(
        f"a value of type {kind.__module__}.{kind.__qualname__} can't pass between a program and "
        "a worker; give plain values, bytes, paths, numpy arrays or omnibind's own types"
    )


def _path(path: os.PathLike[Any]) -> str:
    # The worker has a folder of its own, from which the caller's relative paths lead nowhere.
    return os.path.abspath(os.fsdecode(path))  # noqa: PTH100  # the file need not exist


# In this order: the first type that fits says how.
_PACKINGS: tuple[tuple[Any, Callable[[_Packer, Any], Any]], ...] = (
    ((Audio, Image, Video), _Packer._media),
    (Transcript, _Packer._transcript),
    (Source, _Packer._source),
    (
        (bytes, bytearray, memoryview),
        lambda packer, value: {"$": "bytes", "part": packer.part(value)},
    ),
    (bool, lambda packer, value: bool(value)),
    (int, lambda packer, value: int(value)),
    (float, lambda packer, value: float(value)),
    (str, lambda packer, value: str.__str__(value)),
    (Recipe, lambda packer, value: {"$": "recipe", "json": value.json()}),
    (Schema, lambda packer, value: {"$": "schema", "data": value.to_data()}),
    (tuple, _Packer._tuple),
    ((set, frozenset), lambda packer, value: packer._items("set", value)),
    (list, lambda packer, value: [packer.pack(item) for item in value]),
    (dict, _Packer._dict),
    (os.PathLike, lambda packer, value: {"$": "path", "path": _path(value)}),
    (BaseException, lambda packer, value: wire_errors.pack(value, packer.pack)),
)


def _made_media(data: dict[str, Any], parts: Sequence[bytes]) -> Any:
    facts, meta = unpack(data["facts"], parts), unpack(data["meta"], parts)
    return _MEDIA[data["$"]]._make(parts[data["part"]], meta, facts)


def _made_transcript(data: dict[str, Any], parts: Sequence[bytes]) -> Transcript:
    return Transcript(data["text"], unpack(data["segments"], parts), **unpack(data["facts"], parts))


def _made_source(data: dict[str, Any], parts: Sequence[bytes]) -> Source:
    given = data["path"] if "path" in data else unpack(data["content"], parts)
    return Source.of(Path(given) if isinstance(given, str) else given, data["family"])


def _made_array(data: dict[str, Any], parts: Sequence[bytes]) -> Any:
    import numpy as np

    # A copy, because an engine may write into what it is given.
    flat = np.frombuffer(parts[data["part"]], np.dtype(data["dtype"]))
    return flat.reshape(data["shape"]).copy()


def _made_record(data: dict[str, Any], parts: Sequence[bytes]) -> Any:
    return _RECORDS[data["$"]](*unpack(data["items"], parts))


_MAKERS: dict[str, Callable[[dict[str, Any], Sequence[bytes]], Any]] = {
    **dict.fromkeys(_MEDIA, _made_media),
    **dict.fromkeys(_RECORDS, _made_record),
    "transcript": _made_transcript,
    "source": _made_source,
    "array": _made_array,
    "bytes": lambda data, parts: parts[data["part"]],
    "tuple": lambda data, parts: tuple(unpack(data["items"], parts)),
    "set": lambda data, parts: set(unpack(data["items"], parts)),
    "dict": lambda data, parts: {
        unpack(name, parts): unpack(item, parts) for name, item in data["items"]
    },
    "path": lambda data, parts: Path(data["path"]),
    "recipe": lambda data, parts: Recipe.from_json(data["json"]),
    "schema": lambda data, parts: Schema.from_data(data["data"]),
    "error": lambda data, parts: wire_errors.unpack(data, lambda inner: unpack(inner, parts)),
}

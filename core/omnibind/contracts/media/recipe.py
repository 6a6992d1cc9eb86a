"""What is needed to make a result again, as data and as JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from omnibind.contracts.errors import BadInput
from omnibind.contracts.secret import is_secret

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

_SURROGATE = re.compile("[\ud800-\udfff]")
_SPOKEN = ("text", "prompt", "negative_prompt")

BLOCK = 1024 * 1024


class Recipe(NamedTuple):
    """What is needed to make a result again.

    It holds what a call was given as it was given, so that making one costs nothing; :meth:`json`
    replaces media by their hashes and leaves keys out.

    Attributes:
        omnibind: The version that made it.
        modality: ``tts``, …
        verb: The contract's method: ``generate_audio``, …
        binding: The binding that served the call, as ``modality/name``.
        model: The model that it used.
        model_sha256: What tells the model's files from others of that name.
        subject: The arguments that go by position, by name: ``{"text": …, "voice": None}``.
        options: The options that the caller gave.
        configuration: The constructor's arguments that the caller gave.
        seed: The seed, as given or as the engine told it.
        sha256: The hash of the result's own bytes; known once it is saved.
    """

    omnibind: str
    modality: str
    verb: str
    binding: str
    model: str | None = None
    model_sha256: str | None = None
    subject: Mapping[str, Any] = {}
    options: Mapping[str, Any] = {}
    configuration: Mapping[str, Any] = {}
    seed: int | None = None
    sha256: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # What a call was given may be an open file: only the JSON can always be pickled.
        return Recipe.from_json, (self.json(),)

    def json(self) -> str:
        """Return this as one line of JSON, the same for the same values.

        Media and arrays become ``{"kind", "sha256", "bytes"}``, with ``"path"`` where they lie in
        a file; other paths become text. Values whose name says that they are keys, tokens or
        passwords are left out.
        """
        import json

        text = json.dumps(
            _plain(self._asdict()), ensure_ascii=False, sort_keys=True, allow_nan=False
        )
        # A lone surrogate (of a file's name, say) has no UTF-8; JSON can spell it.
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Return the recipe that :meth:`json` wrote; what a later version added is left out.

        Raises:
            BadInput: It isn't one; the message says what is wrong.
        """
        import json

        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"this recipe is damaged: it isn't JSON ({error})") from None
        if not isinstance(data, dict):
            raise BadInput(f"this recipe is damaged: it is {_kind(data)}, not an object")
        values: dict[str, Any] = {}
        for name, types in _TYPES.items():
            value = data.get(name)
            if type(value) not in types:
                wanted = " or ".join(_NAMES[type_] for type_ in types)
                found = _kind(value) if name in data else "missing"
                raise BadInput(f"this recipe is damaged: {name!r} is {found}; expected {wanted}")
            values[name] = value
        return cls(**values)


_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("omnibind", "modality", "verb", "binding"), (str,)),
    **dict.fromkeys(("model", "model_sha256", "sha256"), (str, type(None))),
    **dict.fromkeys(("subject", "options", "configuration"), (dict,)),
    "seed": (int, type(None)),
}
_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


def recipe_of(
    given: str | os.PathLike[str] | bytes | bytearray | memoryview,
) -> Recipe | None:
    """Return the recipe that a saved file carries, or None where it carries none.

    Args:
        given: A path, or the file's bytes.

    Raises:
        BadInput: There is no such file, or its recipe is damaged.
    """
    from omnibind.contracts.media import embedding

    if isinstance(given, (bytes, bytearray, memoryview)):
        content = embedding.get(bytes(given))
    else:
        from pathlib import Path

        from omnibind.contracts.media.window import Window

        try:
            with Path(given).open("rb") as file:
                content = embedding.get(Window(file))
        except (OSError, TypeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BadInput(f"{str(given)!r} can't be read: {reason}; give a file") from error
    if content is None:
        return None
    try:
        return Recipe.from_json(content.decode())
    except UnicodeDecodeError as error:
        raise BadInput(f"this recipe is damaged: it isn't UTF-8 ({error})") from None


def _plain(value: Any, name: str = "") -> Any:
    """Return a value as JSON data, without keys and without anybody's media."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        finite = value - value == 0
        return float(value) if finite else str(value)
    if isinstance(value, str):
        return str(value) if name in _SPOKEN else _text(value)
    if hasattr(value, "items"):
        return {
            str(key): _plain(inner, str(key))
            for key, inner in value.items()
            if not is_secret(str(key))
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    if hasattr(value, "dtype") and not getattr(value, "ndim", 1):
        return _plain(value.item())  # a numpy scalar
    return _told(value)


def _text(value: str) -> Any:
    """Return text as it is, but media that were given as base64 or as the name of a file."""
    from omnibind.contracts.media.source import Source

    try:
        told = _source(Source.of(value))
    except BadInput:
        return str(value)
    return told if isinstance(told, dict) else str(value)


def _told(value: Any) -> Any:
    import os

    from omnibind.contracts.media.source import Source

    if isinstance(value, Source):
        return _source(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _hashed(bytes(value))
    if isinstance(value, os.PathLike):
        return _source(Source.file(value))
    if hasattr(value, "tobytes"):  # an array, a PIL image
        return {**_hashed(value.tobytes()), "kind": "array"}
    return _unknown(type(value).__name__)


def _source(source: Any) -> Any:
    """Return what an input was: the hash of its content, its path or its address."""
    from omnibind.contracts.media import fetch

    if source._data is not None:
        return _hashed(source._data)
    if source._url is not None:
        return {**_unknown("url"), "url": fetch.shown(source._url[0])}
    if source._path is None:
        return _unknown("open file")
    return _file(source._path)


def _file(path: str) -> Any:
    """Return the hash of a file that holds media, else its path alone."""
    from hashlib import sha256 as hashing
    from pathlib import Path

    from omnibind.contracts.media import sniff
    from omnibind.contracts.media.window import Window

    try:
        if not Path(path).is_file():
            return path
        with Path(path).open("rb") as file:
            window, digest = Window(file), hashing()
            family = sniff.family(sniff.media_type(window))
            if family not in sniff.ACCEPTED:
                return path
            file.seek(0)
            while block := file.read(BLOCK):
                digest.update(block)
    except (OSError, ValueError):
        return path
    return {"kind": family, "path": path, "sha256": digest.hexdigest(), "bytes": len(window)}


def _unknown(kind: str) -> dict[str, Any]:
    return {"kind": kind, "sha256": None, "bytes": None}


def _hashed(data: bytes) -> dict[str, Any]:
    from omnibind.contracts.media import sniff

    family = sniff.family(sniff.media_type(data))
    kind = family if family in sniff.ACCEPTED else "bytes"
    return {"kind": kind, "sha256": sha256(data), "bytes": len(data)}


def sha256(data: bytes) -> str:
    """Return the sha256 of content, in hex."""
    from hashlib import sha256 as hashing

    return hashing(data).hexdigest()


def _kind(value: Any) -> str:
    return _NAMES.get(type(value), type(value).__name__)

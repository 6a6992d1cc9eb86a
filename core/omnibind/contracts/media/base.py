"""Bytes with knowledge: what Audio, Image and Video share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput, OmnibindError
from omnibind.contracts.media import meta as metas
from omnibind.contracts.media import sniff

if TYPE_CHECKING:
    import os
    from pathlib import Path
    from typing import Any, ClassVar, NoReturn

    from typing_extensions import Self

    from omnibind.contracts.media.inputs import AudioInput, ImageInput
    from omnibind.contracts.media.meta import Meta
    from omnibind.contracts.media.recipe import Recipe
    from omnibind.contracts.media.source import Source


class Media(bytes):
    """Immutable bytes that know their media type, their facts and how they were made.

    Everything that works on ``bytes`` works on these: they can be written to a file, hashed, sent
    and compared. ``copy`` gives the object itself; pickling keeps facts and meta.
    """

    # Facts live in __dict__, because a subclass of bytes can't have slots.
    _family: ClassVar[str]
    _noun: ClassVar[str]
    _endings: ClassVar[dict[str, str]]
    _kept_endings: ClassVar[dict[str, str]]

    @classmethod
    def _make(cls, data: bytes, meta: Meta | None, facts: dict[str, Any]) -> Self:
        if type(data) is not bytes and not isinstance(data, Media):
            raise BadInput(
                f"{cls.__name__}({type(data).__name__}): exact bytes are expected; give bytes(x), "
                f"or {cls.__name__}.of(x) for a path or another input"
            )
        self = bytes.__new__(cls, data)
        known = {name: value for name, value in facts.items() if value is not None}
        if isinstance(data, cls):
            known = {**data.__dict__["_facts"], **known}
            meta = meta or data.__dict__["_meta"]
        self.__dict__.update(_facts=known, _meta=meta)
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable; {name!r} can't be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable; {name!r} can't be deleted")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        parts = [type(self).__name__, self.media_type]
        try:
            parts += self._describe()
        except (OmnibindError, ImportError):  # shown even if damaged, or where no codec is
            parts.append("(can't be read)")
        return f"<{' '.join(parts)} {size(len(self))}>"

    def __str__(self) -> str:
        return repr(self)

    # What a family tells about itself.

    def _describe(self) -> list[str]:
        raise NotImplementedError

    def _probe(self) -> dict[str, Any]:
        raise NotImplementedError

    def _convert(self, ending: str) -> bytes:
        raise NotImplementedError

    def _fact(self, name: str) -> Any:
        facts: dict[str, Any] = self.__dict__["_facts"]
        if name not in facts:
            self.__dict__["_facts"] = facts = {**self._probe(), **facts}
        return facts[name]

    # What everybody may ask.

    @property
    def media_type(self) -> str:
        """The media type, told from the content; ``application/octet-stream`` if unknown."""
        found: str | None = self.__dict__.get("_sniffed")
        if found is None:
            found = sniff.media_type(self)
            if found == sniff.UNKNOWN:
                found = self.__dict__["_facts"].get("media_type", found)
            self.__dict__["_sniffed"] = found
        return found

    @property
    def meta(self) -> Meta:
        """How this was made; all fields None where nobody said."""
        return self.__dict__["_meta"] or metas.EMPTY

    @property
    def recipe(self) -> Recipe | None:
        """What is needed to make this again, or None where nobody said."""
        return self.meta.recipe

    def _with_meta(self, meta: Meta) -> Self:
        """Return the same content with another meta; whoever holds this object sees no change."""
        return self._make(self, meta, {})

    def base64(self) -> str:
        """Return the content as base64 text."""
        from base64 import b64encode

        return b64encode(self).decode("ascii")

    def data_uri(self) -> str:
        """Return the content as a ``data:`` URI."""
        return f"data:{self.media_type};base64,{self.base64()}"

    def save(self, path: str | os.PathLike[str], *, recipe: bool = True) -> Path:
        """Write this to a file, converted to what the file's ending says.

        The file is written beside its place and renamed, so that no half file is ever seen and an
        existing one is kept when it fails. Content that is in that format already is written
        unchanged, but for the recipe in its metadata.

        Args:
            path: The file.
            recipe: Write what is needed to make this again into the file's metadata, where it is
                known and the format has room: PNG, JPEG, WebP, WAV, FLAC, MP3, Ogg, Opus, M4A,
                MP4. False leaves it out, and takes one away that the content carries.

        Returns:
            The path written to.

        Raises:
            BadInput: The ending is unknown, or the content can't be converted.
            SaveFailed: The file can't be written.
        """
        from omnibind.contracts.media import save

        return save.save(self, path, recipe=recipe)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Return the given content, once it is seen to be of the right family.

        Raises:
            BadInput: It is something else; the message says what it looks like.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise BadInput(
                f"{cls.__name__}.from_bytes({type(data).__name__}): bytes are expected; "
                f"use {cls.__name__}.of(x) for other inputs"
            )
        return cls.of(data)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Return the content of a file, once it is seen to be of the right family.

        Raises:
            BadInput: It is missing, a folder, empty, cut short or something else.
        """
        from omnibind.contracts.media.source import Source

        return cls._from_source(Source.file(path))

    @classmethod
    def from_base64(cls, text: str) -> Self:
        """Return the content of base64 text or of a ``data:`` URI; white space in it is ignored.

        Raises:
            BadInput: It isn't base64, its padding is wrong, or the content is something else.
        """
        from omnibind.contracts.media.source import Source

        return cls._from_source(Source.base64(text))

    @classmethod
    def of(cls, given: AudioInput | ImageInput) -> Self:
        """Return any accepted input as this class.

        Args:
            given: A path, bytes, base64 text, a data URI, a file object, a Source, samples or
                pixels as the class accepts them, or an object of this class, which is returned.

        Raises:
            BadInput: It is none of these, or its content is something else.
        """
        from omnibind.contracts.media.source import Source

        if isinstance(given, cls):
            return given
        return cls._from_source(Source.of(given, cls._family))

    @classmethod
    def _from_source(cls, source: Source) -> Self:
        data = source.read()
        if isinstance(data, cls):
            return data
        if sniff.family(sniff.media_type(data)) != cls._family:
            raise wrong_content(source.describe(), sniff.looks_like(data), cls._family)
        return cls._make(bytes(data), None, {})


def wrong_content(name: str, looks: str, family: str | None) -> BadInput:
    """Return the error for content that isn't of the family asked for.

    Args:
        name: What was given: a path, a number of bytes.
        looks: What it looks like, as ``sniff.looks_like`` says.
        family: ``audio``, ``image``, ``video``, or None for any of them.
    """
    wanted = sniff.ACCEPTED[family] if family else "a sound, a picture or a video"
    verb = "is" if looks == "empty" else "holds"
    return BadInput(f"{name} {verb} {looks}; expected {wanted}; check where it came from")


def size(count: int) -> str:
    """Return a number of bytes for people, as ``101 kB``."""
    if count < 1000:
        return f"{count} B"
    amount, unit = count / 1000, "kB"
    for larger in ("MB", "GB"):
        if amount >= 999.5:
            amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"

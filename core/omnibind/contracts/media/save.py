"""Writing results: converted by the ending, beside the place and renamed."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput, SaveFailed
from omnibind.contracts.media.transcript import Transcript

if TYPE_CHECKING:
    from pathlib import Path

    from omnibind.contracts.media.base import Media

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or save elsewhere",
    errno.EDQUOT: "the disk quota is used up; free some space or save elsewhere",
    errno.EACCES: "permission is denied; save where you may write",
    errno.EPERM: "permission is denied; save where you may write",
    errno.EROFS: "the file system is read-only; save elsewhere",
    errno.ENAMETOOLONG: "the name is too long; give a shorter one",
}


def encode(media: Media | Transcript, ending: str) -> bytes:
    """Return the content in the format that a file ending names.

    Args:
        media: A result or an input.
        ending: ``wav``, ``.mp3``, ``srt``, …, with or without the dot.

    Returns:
        The content unchanged where it is in that format already.

    Raises:
        BadInput: The ending is unknown for this kind of result, or the content can't be converted.
    """
    ending = ending.lower().removeprefix(".")
    if isinstance(media, Transcript):
        known = dict.fromkeys(media._endings)
        content_is = None
    else:
        known = dict(media._endings)
        content_is = media.media_type
        if {**known, **media._kept_endings}.get(ending) == content_is:
            return media
    if ending not in known:
        given = f"the ending .{ending}" if ending else "a name without an ending"
        choices = ", ".join("." + name for name in known)
        raise BadInput(f"{given} is unknown for {_noun(media)}; choose one of {choices}")
    return media._convert(ending)


def save(media: Media | Transcript, path: str | os.PathLike[str], *, recipe: bool = True) -> Path:
    """Write a result to a file, converted by the file's ending.

    A device or pipe that exists is written to directly; without an ending it gets the content as
    it is.

    Args:
        media: The result.
        path: The file.
        recipe: Write the result's recipe into the file's metadata, where it has one and the format
            has room; False takes away the one that the content may carry.

    Returns:
        The path written to.

    Raises:
        BadInput: The ending is unknown, or the content can't be converted.
        SaveFailed: The file can't be written; an existing one is as it was.
    """
    from pathlib import Path

    try:
        place = Path(path)
        os.fsencode(place)
        if "\0" in os.fspath(place):
            raise ValueError("it holds a null character")
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"{path!r} isn't a path that can be written: {error}; give another"
        ) from error
    ending = place.suffix
    if not ending and _special(place):
        data = media._convert("txt") if isinstance(media, Transcript) else bytes(media)
    else:
        data = encode(media, ending)
        if not isinstance(media, Transcript):
            data = _with_recipe(media, data, recipe)
    write(place, data)
    return place


def _with_recipe(media: Media, data: bytes, wanted: bool) -> bytes:
    """Return what is to be written with the recipe of its result in it."""
    known = media.recipe
    if wanted and known is None:
        return data
    from omnibind.contracts.media import embedding
    from omnibind.contracts.media.recipe import sha256

    if not wanted or known is None:
        return embedding.put(data, None)
    return embedding.put(data, known._replace(sha256=sha256(media)).json())


def write(path: Path, data: bytes) -> None:
    """Write a file aside and rename it, so that it appears whole or not at all.

    Raises:
        SaveFailed: It can't be written; an existing file is as it was.
    """
    try:
        if _special(path):
            with path.open("wb", buffering=0) as file:
                _write_all(file.fileno(), data)
        else:
            _write_aside(path, data)
    except OSError as error:
        raise _failed(path, error) from error


def _special(path: Path) -> bool:
    """Whether it exists and is neither a regular file nor a folder: a device, a pipe, a socket."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _write_aside(path: Path, data: bytes) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    target = path.resolve() if path.is_symlink() else path  # a link stays a link
    aside = target.parent / f".omnibind-{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(aside, flags, 0o666)
    try:
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if target.exists():
            aside.chmod(stat.S_IMODE(target.stat().st_mode))
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _failed(path: Path, error: OSError) -> SaveFailed:
    if error.errno == errno.EISDIR:
        reason = "it is a folder; give the name of a file in it"
    elif error.errno in (errno.ENOTDIR, errno.ENOENT, errno.EEXIST):
        above = path.parent
        while not (above.exists() or above.is_symlink()) and above != above.parent:
            above = above.parent
        if above.is_dir():
            reason = f"the folder {str(path.parent)!r} isn't there; make it first"
        else:
            reason = f"{str(above)!r} is a file, not a folder; save elsewhere"
    else:
        reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}; save elsewhere")
    failed = SaveFailed(f"{str(path)!r} can't be written: {reason}")
    failed.errno = error.errno
    return failed


def _noun(media: Media | Transcript) -> str:
    return "a transcript" if isinstance(media, Transcript) else media._noun

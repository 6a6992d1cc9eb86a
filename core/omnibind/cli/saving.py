"""Where a result is written to: checked before the work, told after it."""

from __future__ import annotations

from pathlib import Path

from omnibind.cli.output import warn
from omnibind.contracts.errors import BadInput, SaveFailed
from omnibind.contracts.media import Audio, Image, Meta, Transcript, Video
from omnibind.contracts.media.base import Media

Result = Audio | Image | Video | Transcript

_NOUNS: dict[type[Result], str] = {
    Audio: "a sound",
    Image: "a picture",
    Video: "a video",
    Transcript: "a transcript",
}


def check_place(path: Path, type_: type[Result]) -> None:
    """Refuse a path that a result couldn't be saved to, before anything is made.

    Raises:
        BadInput: The ending names no format of that kind of result.
        SaveFailed: It is a folder, or its folder isn't there.
    """
    if path.is_dir():
        raise SaveFailed(f"{str(path)!r} is a folder; give the name of a file in it")
    if not path.parent.is_dir():
        raise SaveFailed(
            f"{str(path)!r} can't be written: {str(path.parent)!r} isn't a folder; make it first"
        )
    if path.exists() and not path.is_file():
        return  # a device or pipe takes the content as it is
    known = tuple(type_._endings)
    kept = tuple(type_._kept_endings) if issubclass(type_, Media) else ()
    ending = path.suffix.lower().removeprefix(".")
    if ending not in (*known, *kept):
        given = f"the ending .{ending}" if ending else "a name without an ending"
        choices = ", ".join(f".{name}" for name in known)
        raise BadInput(f"{given} is unknown for {_NOUNS[type_]}; choose one of {choices}")


def save_and_tell(result: Result, path: Path) -> None:
    """Write a result and say in one line what it is; its warnings go to standard error.

    Raises:
        BadInput: It can't be converted to what the ending says.
        SaveFailed: It can't be written.
    """
    result.save(path)
    tell_warnings(result.meta)
    if path.is_file():  # standard output may be the very thing written to
        print(f"{path}: {_facts(result)}{_made(result.meta)}")


def tell_warnings(meta: Meta, about: str = "") -> None:
    """Print what the caller should know although the work was done."""
    for warning in meta.warnings:
        warn(f"{about}: {warning}" if about else warning)


def _facts(result: Result) -> str:
    if isinstance(result, Image):
        return f"picture of {result.width}x{result.height}"
    if isinstance(result, Video):
        return f"video of {result.width}x{result.height}, {result.duration_s:.2f} s"
    if isinstance(result, Audio):
        return f"{result.duration_s:.2f} s of sound"
    return f"{len(result)} characters"


def _made(meta: Meta) -> str:
    model = f" ({meta.model})" if meta.model else ""
    seconds = f" in {meta.seconds:.2f} s" if meta.seconds is not None else ""
    return f", made by {meta.binding}{model}{seconds}" if meta.binding else ""

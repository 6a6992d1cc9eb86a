"""What engines raise, as our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from omnibind.contracts.errors import CallFailed, OmnibindError, OutOfMemory, PackagesMissing


@contextmanager
def failures(doing: str) -> Iterator[None]:
    """Turn what an engine raises within into our errors; ours pass as they are.

    Args:
        doing: What failed, as a clause's subject ("bark", "loading suno/bark-small").

    Raises:
        OutOfMemory: Memory ran out.
        CallFailed: Anything else.
    """
    try:
        yield
    except OmnibindError:
        raise
    except Exception as error:
        raise failure(doing, error) from error


def failure(doing: str, error: Exception) -> CallFailed:
    """Return our error for one of the engine's."""
    if is_memory(error):
        return OutOfMemory(f"memory ran out: {doing}: {error}")
    return CallFailed(f"{doing} failed: {error}")


def package_missing(what: str, package: str) -> PackagesMissing:
    """Return the error for something that needs a package which isn't installed."""
    return PackagesMissing(
        f"{what} needs the package {package}, which isn't installed",
        command=f"pip install {package}",
    )


def is_memory(error: Exception) -> bool:
    """Tell whether memory ran out; some engines say so in words alone."""
    words = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or "out of memory" in words
        or "can't allocate memory" in words
        or "failed to allocate" in words
    )

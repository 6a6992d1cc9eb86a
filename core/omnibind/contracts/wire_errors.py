"""Errors on their way between a program and its workers: what they were, said and knew.

Those of omnibind's tree arrive as themselves, with their attributes; Python's own too; those of an
engine's package, which need not be here, as an ``Exception`` of the same name. Each carries the
traceback of the worker as a note.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from omnibind.contracts import errors
from omnibind.contracts.errors import OmnibindError

MAX_TRACE = 20_000


def pack(error: BaseException, pack_value: Callable[[Any], Any]) -> dict[str, Any]:
    """Return an error as JSON data; what it holds that can't be sent is left out."""
    kind = type(error)
    packed: dict[str, Any] = {
        "$": "error",
        "name": kind.__name__,
        "module": kind.__module__,
        "text": str(error),
        "args": _sendable(list(error.args), pack_value),
        "trace": _trace(error),
    }
    if isinstance(error, OmnibindError):
        packed["name"] = next(k.__name__ for k in kind.__mro__ if _ours(k.__name__) is k)
        packed["text"] = error.message
        packed["facts"] = {
            name: _sendable(list(value) if name == "errors" else value, pack_value)
            for name, value in vars(error).items()
            if not name.startswith("_")
        }
    return packed


def unpack(data: dict[str, Any], unpack_value: Callable[[Any], Any]) -> BaseException:
    """Return the error whose wire form this is."""
    error = _made(data, unpack_value)
    if data["trace"] and hasattr(error, "add_note"):  # Python 3.11 and newer
        error.add_note(f"In the worker:\n{data['trace']}")
    return error


def _made(data: dict[str, Any], unpack_value: Callable[[Any], Any]) -> BaseException:
    ours = _ours(data["name"])
    if ours is not None and "facts" in data:
        error = ours(data["text"])
        facts = unpack_value(data["facts"])
        known = {name: value for name, value in facts.items() if name in vars(error)}
        if "errors" in known:
            known["errors"] = tuple(known["errors"] or ())
        vars(error).update(known)
        return error
    kind = getattr(builtins, data["name"], None) if data["module"] == "builtins" else None
    # One that would end the program, had the engine run here, must not end it from afar.
    if isinstance(kind, type) and issubclass(kind, Exception) and data["args"] is not None:
        try:
            rebuilt: Exception | None = kind(*unpack_value(data["args"]))
        except Exception:
            rebuilt = None
        if rebuilt is not None and str(rebuilt) == data["text"]:
            return rebuilt
    named: type[Exception] = type(data["name"], (Exception,), {"__module__": data["module"]})
    return named(data["text"])


def _ours(name: str) -> type[OmnibindError] | None:
    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, OmnibindError) else None


def _sendable(value: Any, pack_value: Callable[[Any], Any]) -> Any:
    try:
        return pack_value(value)
    except Exception:
        return None


def _trace(error: BaseException) -> str:
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return "".join(lines)[-MAX_TRACE:]

"""The command line: ``omnibind COMMAND``.

Exit codes: 0 done, 1 the work failed, 2 wrong use, 130 interrupted, 141 nobody reads the output any
more. An error is one line on standard error; ``--debug`` anywhere adds its traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

DONE, FAILED, WRONG_USE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141


def main(tokens: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        tokens: The words after ``omnibind``; None takes those of this process.
    """
    words = list(sys.argv[1:] if tokens is None else tokens)
    if words == ["--version"]:  # the parser would take 0.2 s for it
        from omnibind import __version__

        print(__version__)
        return DONE
    words, debug = _without_debug(words)
    try:
        code = _run(_with_dashes(words))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except Exception as error:
        code = _tell(error, debug)
        try:
            sys.stdout.flush()
        except OSError:
            _forget_stdout()
    return code


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return kept + words[end:], len(kept) < end


def _with_dashes(words: list[str]) -> list[str]:
    # The parser takes a lone "-" for an option unless it stands behind "=" or "--".
    end = words.index("--") if "--" in words else len(words)
    kept: list[str] = []
    last: list[str] = []
    for word in words[:end]:
        if word != "-":
            kept.append(word)
        elif kept[-1:] in (["-o"], ["--output"]):
            kept[-1] = "--output=-"
        elif last or (kept and kept[-1].startswith("-") and not _is_whole(kept[-1])):
            kept.append(word)
        else:
            last = ["-"]
    if not last:
        return kept + words[end:]
    return [*kept, "--", *last, *words[end + 1 :]]


def _is_whole(option: str) -> bool:
    """Tell whether nothing more belongs to an option."""
    return "=" in option or option == "--play"


def _run(words: list[str]) -> int:
    from omnibind.cli.app import make_app

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # text that the terminal can't show is no failure
            stream.reconfigure(errors="backslashreplace")
    code: int | None = make_app()(words)
    return code or DONE


def _tell(error: Exception, debug: bool) -> int:
    from cyclopts import CycloptsError

    from omnibind.cli.output import say
    from omnibind.contracts.errors import OmnibindError, UsageError

    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, (OmnibindError, CycloptsError)):
        say(str(error))
    elif isinstance(error, OSError):  # one without a name is standard output's: a full disk
        place = error.filename or "standard output"
        say(f"{place} can't be read or written: {error.strerror or error}")
    else:
        say(f"{type(error).__name__}: {error}; this shouldn't happen: --debug shows where")
    return WRONG_USE if isinstance(error, (UsageError, CycloptsError)) else FAILED


def _forget_stdout() -> None:
    # What is still buffered would fail again when the interpreter flushes it at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""What diffusers and transformers print and log: heard, and kept from the program's own output."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOGGERS = ("diffusers", "transformers")


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect the warnings that both libraries log within, instead of showing them.

    Python's warnings about their own deprecated names aren't shown either, nor torch's of number
    formats that a pipeline asks it to mix on the CPU, where it can't.
    """
    listener = _Listener()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(one.handlers, one.propagate) for one in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", "In CPU autocast")
        for one in loggers:
            one.handlers, one.propagate = [listener], False
        try:
            yield listener.heard
        finally:
            for one, (handlers, propagate) in zip(loggers, before, strict=True):
                one.handlers, one.propagate = handlers, propagate


@contextmanager
def loading() -> Iterator[list[str]]:
    """As :func:`listening`, while models are loaded: without progress bars and any warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import diffusers.utils.logging as of_diffusers
        import transformers.utils.logging as of_transformers

        bars: list[Any] = [of_diffusers, of_transformers]
        shown = [one for one in bars if one.is_progress_bar_enabled()]
        for one in shown:
            one.disable_progress_bar()
        try:
            with listening() as heard:
                warnings.simplefilter("ignore")
                yield heard
        finally:
            for one in shown:
                one.enable_progress_bar()

"""The library: pywhispercpp keeps a model loaded from call to call.

Source: pywhispercpp 1.5, its C-style API ``_pywhispercpp``. Its ``Model`` class can't tell a model
that failed to load, keeps what one call sets for the next, and would download what isn't there.
"""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import local
from time import monotonic
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import CallFailed, ProgramMissing

from .heard import Heard, Order, Piece, Report, Token, fault_in, probability_in

if TYPE_CHECKING:
    from .heard import Samples

REQUIREMENT = "pywhispercpp>=1.5,<2"
_POLL_S = 0.1
_BEST_OF = 5  # texts at higher temperatures, as whisper-cli has it for beams too


class Library:
    """A loaded model.

    Raises:
        ProgramMissing: pywhispercpp isn't installed either.
        WeightsDamaged: It can't load the model.
        OutOfMemory: Memory ran out.
    """

    def __init__(self, model: Path, *, use_gpu: bool) -> None:
        try:
            import _pywhispercpp as whisper  # type: ignore[import-not-found]
        except ImportError as error:
            raise ProgramMissing(
                "there is no whisper-cli on PATH, nor the package pywhispercpp: get one of them",
                command=f'pip install "{REQUIREMENT}"',
            ) from error
        self._whisper, self._model, self._use_gpu = whisper, model, use_gpu
        self._open()

    def _open(self) -> None:
        wanted = self._whisper.whisper_context_default_params()
        wanted.use_gpu = self._use_gpu
        with _log(self._whisper) as log:
            context = self._whisper.whisper_init_from_file_with_params(str(self._model), wanted)
        self._free = weakref.finalize(self, self._whisper.whisper_free, context)
        fault = fault_in(log, self._model)
        if fault is not None:
            raise fault
        self._context, self._has_cut = context, False

    def listen(self, samples: Samples, order: Order, report: Report) -> Heard:
        """Write down a sound of 16 kHz.

        Raises:
            WeightsDamaged: The model had to be read again, and can't be.
            OutOfMemory: Memory ran out.
            CallFailed: whisper.cpp failed.
        """
        if self._has_cut and order.vad_model is None:
            # whisper.cpp would shift these times too, by the pauses that the last call left out.
            self._free()
            self._open()
        self._has_cut = order.vad_model is not None
        whisper, context = self._whisper, self._context
        parameters = self._parameters(order)
        watch = _Watch(report)
        whisper.assign_progress_callback(parameters, watch.note)
        whisper.assign_abort_callback(parameters, watch.is_over)
        with _log(whisper) as log:
            code = whisper.whisper_full(context, parameters, samples, len(samples))
        if watch.error is not None:
            raise watch.error
        fault = fault_in(log, self._model)
        if fault is not None or code != 0:
            raise fault or CallFailed(f"whisper.cpp failed with code {code}: {' '.join(log)}")
        pieces = [
            self._piece(number, order.word_times)
            for number in range(whisper.whisper_full_n_segments(context))
        ]
        language = whisper.whisper_lang_str(whisper.whisper_full_lang_id(context))
        return Heard(pieces, language, probability_in(log))

    def _parameters(self, order: Order) -> Any:
        """Return whisper.cpp's own with what was ordered."""
        strategies, beams = self._whisper.whisper_sampling_strategy, order.beam_size or 1
        found = self._whisper.whisper_full_default_params(
            strategies.WHISPER_SAMPLING_BEAM_SEARCH
            if beams > 1
            else strategies.WHISPER_SAMPLING_GREEDY
        )
        found.greedy = {"best_of": _BEST_OF}
        found.beam_search = {"beam_size": beams, "patience": -1.0}
        found.language = order.language
        found.translate = order.translate
        found.initial_prompt = order.prompt
        found.token_timestamps = order.word_times
        found.print_progress = True  # else its callback isn't called
        if order.temperature is not None:
            found.temperature, found.temperature_inc = order.temperature, 0.0
        if order.vad_model is not None:
            found.vad, found.vad_model_path = True, str(order.vad_model)
        if order.n_threads is not None:
            found.n_threads = order.n_threads
        return found

    def _piece(self, number: int, with_tokens: bool) -> Piece:
        whisper, context = self._whisper, self._context
        text = whisper.whisper_full_get_segment_text(context, number).decode("utf-8", "replace")
        return Piece(
            whisper.whisper_full_get_segment_t0(context, number) / 100,
            whisper.whisper_full_get_segment_t1(context, number) / 100,
            text,
            tuple(self._tokens(number)) if with_tokens else (),
        )

    def _tokens(self, number: int) -> Iterator[Token]:
        """Give the tokens of text; those that share a letter are one."""
        whisper, context = self._whisper, self._context
        last = whisper.whisper_token_eot(context)
        start, said = 0.0, b""
        for place in range(whisper.whisper_full_n_tokens(context, number)):
            data = whisper.whisper_full_get_token_data(context, number, place)
            if data.id >= last:
                continue
            start = start if said else data.t0 / 100
            said += whisper.whisper_token_to_bytes(context, data.id)
            try:
                text = said.decode()
            except UnicodeDecodeError:
                continue
            yield Token(start, data.t1 / 100, text, float(data.p))
            said = b""


class _Watch:
    """Asks now and then whether a call is over; whisper.cpp can't pass an exception through."""

    def __init__(self, report: Report) -> None:
        self.error: BaseException | None = None
        self._report = report
        self._done: float | None = None
        self._next = monotonic() + _POLL_S

    def note(self, percent: int) -> None:
        """Take note of the progress, and ask."""
        self._done = percent / 100
        self._ask()

    def is_over(self) -> bool:
        """Say whether to stop; called before every step of the computation."""
        if self.error is None and monotonic() >= self._next:
            self._ask()
        return self.error is not None

    def _ask(self) -> None:
        self._next = monotonic() + _POLL_S
        try:
            self._report(self._done)
        except BaseException as error:
            self.error = error


# whisper.cpp has one place for its log, and writes to it in the thread that called it.
_listening = local()


@contextmanager
def _log(whisper: Any) -> Iterator[list[str]]:
    """Keep what whisper.cpp says in this thread, which it would print."""
    _take_log(whisper)
    lines: list[str] = []
    _listening.lines = lines
    try:
        yield lines
    finally:
        _listening.lines = None


@cache
def _take_log(whisper: Any) -> None:
    whisper.whisper_log_set(_note)
    # The function that it now holds must not outlive the interpreter.
    atexit.register(whisper.whisper_log_set, None)


def _note(_level: int, text: str) -> None:
    lines = getattr(_listening, "lines", None)
    if lines is not None:
        lines.append(text.rstrip())

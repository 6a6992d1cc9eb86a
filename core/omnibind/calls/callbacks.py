"""Who is told what happens to a call: listeners, and the log.

Nothing here costs a call that nobody listens to: :func:`gathered` gives None then, and
:func:`is_logged` is False unless the program itself imported ``logging`` and wants the level.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from omnibind.calls.events import Event as Event
from omnibind.calls.events import Kind as Kind
from omnibind.calls.events import described as described
from omnibind.contracts.errors import BadOption, suggest
from omnibind.contracts.options import shown

if TYPE_CHECKING:
    from logging import Logger
    from typing import Self, Unpack

Listener = Callable[[Event], Any]
Listeners = Listener | Sequence[Listener] | None


class CallbackOptions(TypedDict, total=False):
    """The keyword arguments of :class:`Callbacks`, and the ``on_…`` arguments of a call."""

    on_request: Listeners
    on_response: Listeners
    on_error: Listeners
    on_progress: Listeners
    on_fallback: Listeners


NAMES = tuple(CallbackOptions.__annotations__)


class Callbacks:
    """Listeners to calls: None, a callable or a list of callables for each kind of event.

    A listener takes one :class:`Event`. It may be sync or async; one that raises is logged and
    never breaks the call. The attributes may be set at any time and hold for calls that begin
    afterwards.

    Raises:
        BadOption: There is no such kind of event, or what was given can't be called.
    """

    __slots__ = ("_failed", "_gathered", "_listens", *NAMES)

    on_request: Listeners
    on_response: Listeners
    on_error: Listeners
    on_progress: Listeners
    on_fallback: Listeners

    _listens: bool
    _failed: dict[str, list[Listener]]
    _gathered: Callbacks | None

    def __init__(self, **listeners: Unpack[CallbackOptions]) -> None:
        for name in NAMES:
            object.__setattr__(self, name, None)
        object.__setattr__(self, "_listens", False)
        object.__setattr__(self, "_failed", {})
        object.__setattr__(self, "_gathered", None)
        for name, given in listeners.items():
            setattr(self, name, given)

    def __setattr__(self, name: str, given: Any) -> None:
        object.__setattr__(self, _known(name), _checked(name, given))
        listens = any(getattr(self, one) is not None for one in NAMES)
        object.__setattr__(self, "_listens", listens)
        object.__setattr__(self, "_gathered", None)

    def __repr__(self) -> str:
        named = [name for name in NAMES if getattr(self, name) is not None]
        return f"Callbacks({', '.join(named)})"

    @classmethod
    def of(cls, given: Any) -> Self:
        """Return what was given for ``callbacks=`` as Callbacks.

        Args:
            given: Callbacks, which are returned themselves; a mapping of ``on_…`` names to
                listeners; or None for Callbacks without a listener.

        Raises:
            BadOption: It is none of these.
        """
        if isinstance(given, cls):
            return given
        if given is None:
            return cls()
        if isinstance(given, Mapping):
            return cls(**{str(name): listeners for name, listeners in given.items()})
        raise BadOption(f"callbacks is {shown(given)}; give Callbacks(on_response=…)")


def _known(name: str) -> str:
    if name not in NAMES:
        raise BadOption(f"Callbacks has no {name!r}; {suggest(name, NAMES)}")
    return name


def _checked(name: str, given: Any) -> Any:
    several = given if isinstance(given, (list, tuple)) else () if given is None else (given,)
    for one in several:
        if not callable(one):
            raise BadOption(f"{name} is {shown(given)}; give a callable or a list of callables")
    return given


def gathered(levels: Sequence[Callbacks | None], own: Mapping[str, Any]) -> Callbacks | None:
    """Return who listens to one call, as things stand now; None if nobody does.

    Args:
        levels: The client's, the handle's and the call's Callbacks, in the order in which they
            are told. One that stands at several levels is told once.
        own: The call's ``on_…`` arguments, told last.

    Raises:
        BadOption: One of ``own`` isn't a kind of event or can't be called.
    """
    listening: list[Callbacks] = []
    for level in levels:
        if level is not None and level._listens and level not in listening:
            listening.append(level)
    if not own and len(listening) == 1:
        return listening[0]._gathered or _merged(listening)
    if own:
        listening.append(Callbacks(**own))
    return _merged(listening) if listening else None


def _merged(listening: Sequence[Callbacks]) -> Callbacks | None:
    # As a plain object sets it: these listeners were checked when they were given.
    merged, put, listens = Callbacks.__new__(Callbacks), object.__setattr__, False
    has_lists = False
    for name in NAMES:
        found: list[Listener] = []
        for level in listening:
            given = getattr(level, name)
            if given is not None:
                has_lists = has_lists or isinstance(given, list)
                found += _each(given)
        put(merged, name, tuple(found) or None)
        listens = listens or bool(found)
    put(merged, "_listens", listens)
    put(merged, "_failed", {})
    put(merged, "_gathered", None)
    if len(listening) == 1 and listens and not has_lists:  # a list may be changed from outside
        put(listening[0], "_gathered", merged)
    return merged if listens else None


def _each(given: Listeners) -> Iterable[Listener]:
    if given is None:
        return ()
    return (given,) if callable(given) else given


def tell(listeners: Callbacks, event: Event) -> list[Awaitable[Any]]:
    """Call every listener to this kind of event, in order.

    A listener that raises is logged under ``omnibind.callbacks``, once a call, and the next one
    is told; only what isn't an ``Exception`` (Ctrl-C, the end of the program) comes through.

    Returns:
        What async listeners still have to do, for :func:`finish` or :func:`finish_blocking`.
    """
    unfinished: list[Awaitable[Any]] = []
    name = "on_" + event.kind
    try:
        for listener in _each(getattr(listeners, name)):
            try:
                answer = listener(event)
            except Exception as error:
                _report(listeners, listener, event, error)
            else:
                if hasattr(answer, "__await__"):
                    unfinished.append(_Unfinished(answer, listeners, listener, event))
    except BaseException:
        _close(unfinished)
        raise
    return unfinished


async def finish(unfinished: Iterable[Awaitable[Any]]) -> None:
    """Await what async listeners still have to do, one after the other; for the asyncio driver."""
    waiting = iter(unfinished)
    try:
        for one in waiting:
            await one
    finally:
        _close(waiting)


def finish_blocking(unfinished: Sequence[Awaitable[Any]]) -> None:
    """Do what async listeners still have to do, in an event loop of its own.

    Where this thread runs a loop already, a thread beside it does the work while this one waits.
    """
    if not unfinished:
        return
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(finish(unfinished))
        return
    import contextvars
    import threading

    failed: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(finish(unfinished))
        except BaseException as error:  # carried over to the thread that waits
            failed.append(error)

    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(work,), name="omnibind-callbacks", daemon=True
    )
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


class _Unfinished:
    """What one async listener still has to do; awaiting it never raises an ``Exception``."""

    __slots__ = ("_answer", "_event", "_listener", "_listeners")

    def __init__(
        self, answer: Awaitable[Any], listeners: Callbacks, listener: Listener, event: Event
    ) -> None:
        self._answer = answer
        self._listeners = listeners
        self._listener = listener
        self._event = event

    def __await__(self) -> Generator[Any, Any, None]:
        from asyncio import CancelledError, current_task

        try:
            yield from self._answer.__await__()
        except Exception as error:
            _report(self._listeners, self._listener, self._event, error)
        except CancelledError as error:
            # The call was cancelled, or the listener cancelled something of its own.
            task = current_task()
            if task is None or task.cancelling():
                raise
            _report(self._listeners, self._listener, self._event, error)

    def close(self) -> None:
        """Drop what hasn't begun; a coroutine that is never awaited would warn."""
        close = getattr(self._answer, "close", None)
        if close is not None:
            close()


def _close(unfinished: Iterable[Any]) -> None:
    for one in unfinished:
        one.close()


_CALLS_KEPT = 64
"""Of so many calls it is known which listeners failed: each is logged once a call."""


def _report(listeners: Callbacks, listener: Listener, event: Event, error: BaseException) -> None:
    failed = listeners._failed
    known = failed.setdefault(event.call_id, [])
    if any(one is listener for one in known):
        return
    known.append(listener)
    while len(failed) > _CALLS_KEPT:
        failed.pop(next(iter(failed)), None)
    import logging

    # A partial's own repr would show its arguments.
    function = getattr(listener, "func", listener)
    called = getattr(function, "__qualname__", type(function).__qualname__)
    logging.getLogger("omnibind.callbacks").error(
        "the listener %s to on_%s raised; the call goes on", called, event.kind, exc_info=error
    )


# ── the log ──────────────────────────────────────────────────────────────────────────────────

# A failure is raised, and whoever catches it decides how bad it is; a fallback or a retry would
# otherwise go unnoticed. The numbers are logging's own: 10 DEBUG, 20 INFO, 30 WARNING.
_LEVELS = {"request": 10, "progress": 10, "response": 20, "error": 20, "fallback": 30, "retry": 30}


def is_logged(kind: str) -> bool:
    """Return whether the program's logging wants events of this kind, or a ``retry``."""
    logger = _logger()
    return logger is not None and logger.isEnabledFor(_LEVELS[kind])


def log(event: Event) -> None:
    """Log one event under ``omnibind.calls``: names, counts, seconds and cost, never a text."""
    logger = _logger()
    if logger is not None and logger.isEnabledFor(level := _LEVELS[event.kind]):
        logger.log(level, "%s", _words(event))


def log_retry(event: Event, error: BaseException, wait_s: float) -> None:
    """Log that a binding failed and is tried again after a wait; listeners aren't told.

    Args:
        event: Any event of the call, with who serves it and the attempts so far.
        error: Why it is tried again.
        wait_s: Seconds until then.
    """
    logger = _logger()
    if logger is not None:
        logger.warning(
            "call %s: %s failed with %s; attempt %d follows in %.2f s",
            *(event.call_id, event.binding, _kind_of(error), event.attempts + 1, wait_s),
        )


_found_logger: Logger | None = None


def _logger() -> Logger | None:
    global _found_logger
    if _found_logger is None and "logging" in sys.modules:  # else nobody can be listening
        import logging

        logger = logging.getLogger("omnibind.calls")
        # Without logging set up nothing of this reaches standard error, but what a listener raised
        # does: that goes to another logger.
        logger.addHandler(logging.NullHandler())
        _found_logger = logger
    return _found_logger


def _words(event: Event) -> str:
    served = f"{event.verb} by {event.binding or 'a binding still to be chosen'}"
    if event.model is not None:
        served += f" ({event.model})"
    head = f"call {event.call_id}: {served}"
    seconds = f"{event.elapsed_s:.3f} s"
    if event.kind == "request":
        return ", ".join((f"{head} begins", *_counted(event.counts)))
    if event.kind == "fallback":
        failed = f"failed with {_kind_of(event.error)} after {seconds}"
        return f"{head} {failed}; {event.next_binding} is tried next"
    if event.kind == "progress":
        fraction, step, _ = event.progress or (None, None, None)
        done = [f"{fraction:.0%}"] if fraction is not None else []
        return ", ".join((f"{head} goes on", *done, *([step] if step else []), seconds))
    facts = [*_counted(event.counts), f"{event.attempts} attempts"]
    if event.cost_usd is not None:
        facts.append(f"{event.cost_usd:.6f} USD ({event.cost_basis or 'unknown'})")
    ended = f"failed with {_kind_of(event.error)} after" if event.kind == "error" else "took"
    return ", ".join((f"{head} {ended} {seconds}", *facts))


def _counted(counts: Mapping[str, float]) -> list[str]:
    return [f"{value:.2f}".rstrip("0").rstrip(".") + f" {name}" for name, value in counts.items()]


def _kind_of(error: BaseException | None) -> str:
    # An error's message may quote the text that was worked on.
    facts = [
        f"{name} {value}"
        for name in ("rule", "status", "code")
        if (value := getattr(error, name, None)) not in (None, "")
    ]
    return type(error).__name__ + (f" ({', '.join(facts)})" if facts else "")

"""From what a binding gave to a result that was verified."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from omnibind.calls.request import Request
from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadOutput, CallFailed, OmnibindError, OutOfMemory
from omnibind.contracts.media import Audio, Image, Source, Transcript, Video
from omnibind.contracts.options import shown

if TYPE_CHECKING:
    from omnibind.calls.call import Call
    from omnibind.calls.candidate import Candidate
    from omnibind.calls.choice import Choice

_OUT_OF_MEMORY = re.compile(
    r"out of memory|cannot allocate memory|failed to allocate|bad_alloc|CUBLAS_STATUS_ALLOC_FAILED",
    re.IGNORECASE,
)

M = TypeVar("M", bound=Audio | Image | Video | Transcript)


class Made(Generic[M]):
    """A result that was verified, and what is to be told about it.

    Attributes:
        result: The result.
        seconds: How long the engine worked.
        warnings: What verification found that doesn't make it useless.
    """

    __slots__ = ("result", "seconds", "warnings")

    def __init__(self, result: M, seconds: float, warnings: tuple[str, ...]) -> None:
        self.result = result
        self.seconds = seconds
        self.warnings = warnings

    @classmethod
    def of(
        cls, output: Any, seconds: float, choice: Choice, type_: type[M], request: Request
    ) -> Made[M]:
        """Verify what a binding gave.

        Raises:
            BadOutput: It isn't a usable result.
        """
        label, controls = choice.candidate.label, request.controls
        result = upgraded(output, type_, label)
        if len(result) > controls.max_result_bytes:
            raise BadOutput(
                f"{label} returned {len(result)} bytes; at most {controls.max_result_bytes} were "
                "to be accepted: raise max_result_bytes or ask for less",
                result=result,
                rule="size",
            )
        warnings: tuple[str, ...] = ()
        if controls.off is not None:
            from omnibind.calls.verification import verify

            warnings = verify(result, label, _expected(choice), controls.off)
        return cls(result, seconds, warnings)


def produced(verb: Callable[..., Any], choice: Choice, type_: type[M], request: Request) -> Made[M]:
    """Run a binding's verb and verify what it gives; to be called where its engine runs.

    Raises:
        BadOutput: What came back isn't a usable result; it is kept in ``.result``.
        CallFailed: The engine failed.
    """
    started = perf_counter()
    try:
        output = verb(*choice.subject, **choice.options)
    except OmnibindError:
        raise
    except (Exception, SystemExit) as error:
        raise failure(choice.candidate.label, error) from error
    return Made.of(output, perf_counter() - started, choice, type_, request)


def batched(choices: Sequence[Choice], verb: str) -> Sequence[Any]:
    """Run a binding's own batch, and give what it gave; to be called where its engine runs.

    Args:
        choices: What each is given; they differ in their first argument and in their seeds alone.
        verb: The contract's method for one.

    Raises:
        BadOutput: It didn't give a result for each.
    """
    first, options = choices[0], choices[0].options
    seeds = [choice.options.get("seed") for choice in choices]
    if any(seed != seeds[0] for seed in seeds):
        options = {name: value for name, value in options.items() if name != "seed"}
        options["seeds"] = seeds
    candidate, subjects = first.candidate, [choice.subject[0] for choice in choices]
    batch: Callable[..., Any] = getattr(candidate.binding, f"{verb}_batch")
    outputs = batch(subjects, *first.subject[1:], **options)
    if not isinstance(outputs, (list, tuple)) or len(outputs) != len(choices):
        raise BadOutput(
            f"{candidate.label} returned {shown(outputs)} for a batch of {len(choices)}; "
            "a batch gives a list with a result for each",
            result=outputs,
            rule="type",
        )
    return outputs


async def asked(
    candidate: Candidate, call: Call[Any], verb: str, options: Mapping[str, Any]
) -> Any:
    """Return what a binding tells, a list or its settings; a flow asks the service."""
    flow = candidate.native(f"{verb}_flow")
    if flow is not None:
        with received(candidate.label), call.within(candidate.service_s):
            return await flow(**options)
    method: Callable[..., Any] = getattr(candidate.binding, verb)
    return await Run(candidate.place.turns, lambda: method(**options))


@contextmanager
def received(label: str) -> Iterator[None]:
    """Raise our error for one of the binding's."""
    try:
        yield
    except OmnibindError:
        raise
    except (Exception, SystemExit) as error:
        raise failure(label, error) from error


def failure(label: str, error: BaseException) -> CallFailed:
    """Return our error for one that an engine raised."""
    if is_memory(error):
        return OutOfMemory(f"{label} ran out of memory: {_told(error)}")
    return CallFailed(f"{label} failed: {_told(error)}")


def is_memory(error: BaseException) -> bool:
    """Tell whether memory ran out; most libraries say so in words alone."""
    return isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)) is not None


def upgraded(output: Any, type_: type[M], label: str) -> M:
    """Return what a binding gave as the contract's media type; plain bytes or str are upgraded.

    Raises:
        BadOutput: It is neither.
    """
    if isinstance(output, type_):
        return output
    plain: type = str if type_ is Transcript else bytes
    if type(output) is plain:
        make: Callable[[Any], M] = type_
        return make(output)
    raise BadOutput(
        f"{label} returned {shown(output)} of type {type(output).__name__}; a binding returns "
        f"{type_.__name__} or {plain.__name__}",
        result=output,
        rule="type",
    )


def _expected(choice: Choice) -> Any:
    from omnibind.calls.verification import Expected

    subject, options = choice.subject[0], choice.options
    languages = choice.candidate.languages
    return Expected(
        text=subject if isinstance(subject, str) else None,
        language=options.get("language") or (languages[0] if len(languages) == 1 else None),
        speed=options.get("speed") or 1.0,
        duration_s=options.get("duration_s"),
        sound=subject if isinstance(subject, Source) else None,
    )


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__

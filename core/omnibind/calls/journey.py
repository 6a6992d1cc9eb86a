"""The journey of one call, written once as a flow.

Option check → run → verification → wrap. The input and the options were checked by the handle's
schema before anything runs; what the engine gives back is verified before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from omnibind.calls.verification import verify as verify_output
from omnibind.contracts.binding import Binding
from omnibind.contracts.effects import Place, Run
from omnibind.contracts.errors import BadOption, BadOutput, CallFailed, OmnibindError, OutOfMemory
from omnibind.contracts.media import Audio, Image, Meta, Transcript, Video
from omnibind.contracts.options import Schema, shown

M = TypeVar("M", Audio, Image, Video, Transcript)

_NOTHING_SAID = Meta()

MAX_RESULT_BYTES = 512 * 1024 * 1024


class Candidate(NamedTuple):
    """A binding that may serve a call.

    Attributes:
        label: ``modality/name``.
        binding: The binding itself.
        place: Where its code runs.
        schema: The options of its verb.
        model: The model that its configuration names, for the result's meta.
    """

    label: str
    binding: Binding
    place: Place
    schema: Schema
    model: str | None


class Request(NamedTuple):
    """What the caller asked for.

    Attributes:
        verb: The contract's method.
        subject: The arguments that go by position, cleaned.
        options: The options as given.
        verify: False skips the verification of the output.
        max_result_bytes: A larger result is refused.
        facts: What the call itself says about its result, for the meta.
    """

    verb: str
    subject: tuple[Any, ...]
    options: Mapping[str, Any]
    verify: bool = True
    max_result_bytes: int = MAX_RESULT_BYTES
    facts: Meta = Meta()


async def serve(candidate: Candidate, request: Request, type_: type[M]) -> M:
    """Serve one call and give its result with meta.

    Raises:
        UsageError: An option is unknown or wrong; nothing was run.
        BadOutput: What came back isn't a usable result; it is kept in ``.result``.
        CallFailed: The engine failed.
    """
    label, binding, place, schema, model = candidate
    options = schema.check(request.options, label, BadOption) if request.options else {}
    if not options:
        schema.check(options, label, BadOption)
    verb: Callable[..., Any] = getattr(binding, request.verb)
    started = perf_counter()
    try:
        output = await Run(place, lambda: verb(*request.subject, **options))
    except OmnibindError:
        raise
    except MemoryError as error:
        raise OutOfMemory(f"{label} ran out of memory: {_told(error)}") from error
    except Exception as error:
        raise CallFailed(f"{label} failed: {_told(error)}") from error
    seconds = perf_counter() - started
    result = upgraded(output, type_, label)
    if len(result) > request.max_result_bytes:
        raise BadOutput(
            f"{label} returned {len(result)} bytes; at most {request.max_result_bytes} were to be "
            "accepted: raise max_result_bytes or ask for less",
            result=result,
            rule="size",
        )
    warnings = verify_output(result, label) if request.verify else ()
    return wrapped(
        result,
        request.facts._replace(
            binding=label,
            model=request.facts.model or model,
            seed=options.get("seed"),
            seconds=seconds,
            warnings=warnings,
        ),
    )


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


def wrapped(result: M, meta: Meta) -> M:
    """Return ``result`` with ``meta``; what the binding itself said about it stands."""
    own = result.meta
    if own != _NOTHING_SAID:
        said: dict[str, Any] = {
            name: value for name, value in zip(own._fields, own, strict=True) if value is not None
        }
        meta = meta._replace(**said | {"warnings": own.warnings + meta.warnings})
    return result._with_meta(meta)


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__

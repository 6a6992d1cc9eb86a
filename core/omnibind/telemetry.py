"""OpenTelemetry over the callbacks: a span, a duration and a cost for every call.

Names follow the semantic conventions for generative AI (status: development) where they have one;
the rest is ``omnibind.*``. They are written out here, because the Python package of the conventions
no longer carries the ``gen_ai`` ones.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from omnibind import __version__
from omnibind.calls.callbacks import Callbacks, Event
from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import PackagesMissing

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

    Attributes = dict[str, str | bool | int | float]

MAX_OPEN = 10_000
"""Calls that may be under way at once; beyond it the span of the oldest is ended as unfinished."""

MAX_PROGRESS = 50
"""Reports of progress that a span shows; a span holds 128 events, and a fallback matters more."""

# The bucket boundaries, in seconds, that the conventions name for this histogram.
_DURATIONS = [0.01 * 2**power for power in range(14)]

_OUTPUTS = {
    contract.verb: contract.output for contract in CONTRACTS.values() if contract.output != "text"
} | {
    "stream_audio": "speech",
    "generate_images": "image",
    "edit_image": "image",
    "sync_lips": "video",
}

_REQUEST_OPTIONS = {
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "temperature": "gen_ai.request.temperature",
    "top_k": "gen_ai.request.top_k",
    "top_p": "gen_ai.request.top_p",
}


def otel_callbacks(
    tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> Callbacks:
    """Make callbacks that report every call to OpenTelemetry.

    A span begins under the span that is current where the call begins. It holds no text, no prompt
    and no media; an error's own message is recorded with the error.

    Args:
        tracer_provider: Where spans go; None for the program's global provider.
        meter_provider: Where metrics go; None for the program's global provider.

    Raises:
        PackagesMissing: ``opentelemetry-api`` isn't installed.
    """
    try:
        from opentelemetry import metrics, trace
    except ImportError as error:
        raise PackagesMissing(
            "otel_callbacks needs opentelemetry-api, which isn't installed",
            command='pip install "omnibind[otel]"',
        ) from error
    meter = metrics.get_meter("omnibind", __version__, meter_provider)
    reporter = _Reporter(
        trace.get_tracer("omnibind", __version__, tracer_provider),
        meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        ),
        meter.create_counter(
            "omnibind.client.cost", unit="{USD}", description="Known cost of calls."
        ),
    )
    return Callbacks(
        on_request=reporter.begin,
        on_progress=reporter.go_on,
        on_fallback=reporter.fall_back,
        on_response=reporter.end,
        on_error=reporter.end,
    )


class _Open:
    """A call under way."""

    __slots__ = ("asked", "progress", "shown", "span")

    def __init__(self, span: Span, asked: Attributes) -> None:
        self.span = span
        self.asked = asked
        self.progress: object = None
        self.shown = 0


class _Reporter:
    """Turns events into spans and metrics; any number of calls and threads at once."""

    def __init__(self, tracer: Tracer, duration: Histogram, cost: Counter) -> None:
        self._tracer = tracer
        self._duration = duration
        self._cost = cost
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()

    def begin(self, event: Event) -> None:
        """Begin the span of a call."""
        from opentelemetry.trace import SpanKind

        asked = _asked(event)
        # CLIENT whatever the binding: the kind is fixed here, and a remote binding may follow a
        # local one.
        span = self._tracer.start_span(
            _name(asked), kind=SpanKind.CLIENT, attributes=asked | _request(event)
        )
        with self._lock:
            self._open[event.call_id] = _Open(span, asked)
            oldest = next(iter(self._open)) if len(self._open) > MAX_OPEN else None
            lost = self._open.pop(oldest) if oldest is not None else None
        if lost is not None:
            lost.span.set_attribute("omnibind.unfinished", True)
            lost.span.end()

    def go_on(self, event: Event) -> None:
        """Note each further tenth of a call, or each new step where no fraction is known."""
        found = self._open.get(event.call_id)
        if found is None or event.progress is None or found.shown == MAX_PROGRESS:
            return
        fraction, step = event.progress.fraction, event.progress.step
        reached = step if fraction is None else int(fraction * 10)
        if reached == found.progress:
            return
        found.progress = reached
        found.shown += 1
        told: Attributes = {}
        if fraction is not None:
            told["omnibind.progress.fraction"] = fraction
        if step is not None:
            told["omnibind.progress.step"] = step
        found.span.add_event("omnibind.progress", told)

    def fall_back(self, event: Event) -> None:
        """Note that another binding is tried, and why."""
        found = self._open.get(event.call_id)
        if found is None:
            return
        told: Attributes = {}
        if event.binding is not None:
            told["omnibind.binding"] = event.binding
        if event.next_binding is not None:
            told["omnibind.next_binding"] = event.next_binding
        if event.error is not None:
            told["error.type"] = type(event.error).__qualname__
        found.span.add_event("omnibind.fallback", told)

    def end(self, event: Event) -> None:
        """End the span of a call, and count its duration and cost."""
        with self._lock:
            found = self._open.pop(event.call_id, None)
        measured = (found.asked if found else {}) | _served(event)
        self._duration.record(event.elapsed_s, measured)
        if event.cost_usd is not None:
            basis: Attributes = {"omnibind.cost.basis": event.cost_basis or "unknown"}
            self._cost.add(event.cost_usd, measured | basis)
        if found is None:
            return
        found.span.set_attributes(measured | _ended(event))
        if "gen_ai.request.model" not in found.asked:
            found.span.update_name(_name(measured))
        if event.error is not None:
            from opentelemetry.trace import Status, StatusCode

            found.span.record_exception(event.error)
            found.span.set_status(Status(StatusCode.ERROR, type(event.error).__qualname__))
        found.span.end()


def _name(attributes: Attributes) -> str:
    model = attributes.get("gen_ai.request.model", attributes.get("gen_ai.response.model"))
    operation = attributes["gen_ai.operation.name"]
    return f"{operation} {model}" if model is not None else f"{operation}"


def _asked(event: Event) -> Attributes:
    """What spans and metrics say of every call from its beginning on."""
    attributes = _operation(event)
    if event.model is not None:
        attributes["gen_ai.request.model"] = event.model
    return attributes


def _served(event: Event) -> Attributes:
    """What spans and metrics say of a call that ended."""
    attributes = _operation(event)
    if event.error is not None:
        attributes["error.type"] = type(event.error).__qualname__
    elif event.model is not None:
        attributes["gen_ai.response.model"] = event.model
    return attributes


def _operation(event: Event) -> Attributes:
    # Hearing has no name in the conventions, so it keeps its own.
    verb = event.verb.removesuffix("_batch")
    attributes: Attributes = {
        "gen_ai.operation.name": "generate_content" if verb in _OUTPUTS else verb,
        "gen_ai.output.type": _OUTPUTS.get(verb, "text"),
        "omnibind.verb": event.verb,
    }
    if event.binding is not None:
        attributes["gen_ai.provider.name"] = event.binding.rpartition("/")[2]
        attributes["omnibind.binding"] = event.binding
    return attributes


def _request(event: Event) -> Attributes:
    attributes: Attributes = {"omnibind.call_id": event.call_id}
    if event.label is not None:
        attributes["omnibind.label"] = event.label
    for option, name in _REQUEST_OPTIONS.items():
        value: Any = event.options.get(option)
        if isinstance(value, (int, float)):
            attributes[name] = value
    return attributes


def _ended(event: Event) -> Attributes:
    attributes: Attributes = {"omnibind.attempts": event.attempts}
    if event.cost_usd is not None:
        attributes["omnibind.cost_usd"] = event.cost_usd
    if event.cost_basis is not None:
        attributes["omnibind.cost.basis"] = event.cost_basis
    for name, value in event.counts.items():
        attributes[f"omnibind.counts.{name}"] = value
    return attributes

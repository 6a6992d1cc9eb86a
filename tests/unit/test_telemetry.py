"""What OpenTelemetry gets of calls, with its real SDK."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from omnibind import telemetry
from omnibind.calls.callbacks import Callbacks, Event, gathered, tell
from omnibind.contracts.binding import Progress
from omnibind.contracts.errors import PackagesMissing, RateLimited
from omnibind.telemetry import MAX_PROGRESS, otel_callbacks

REQUEST = Event(
    "request",
    "1a-1",
    "generate_audio",
    "tts/elevenlabs",
    "flash",
    label="chat 7",
    options={"seed": 7, "instructions": "like my uncle Bob"},
)
RESPONSE = REQUEST._replace(
    kind="response",
    counts={"characters": 43, "seconds": 2.5},
    elapsed_s=0.25,
    attempts=1,
    cost_usd=0.5,
    cost_basis="reported",
)


class Otel(NamedTuple):
    """The adapter with an SDK that keeps everything in memory."""

    callbacks: Callbacks
    provider: TracerProvider
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def tell(self, *events: Event) -> None:
        listeners = gathered((self.callbacks,), {})
        assert listeners is not None
        for event in events:
            assert tell(listeners, event) == []

    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def otel(caplog: pytest.LogCaptureFixture) -> Iterator[Otel]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider, meters = TracerProvider(), MeterProvider([reader])
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Otel(otel_callbacks(provider, meters), provider, exporter, reader)
    provider.shutdown()
    meters.shutdown()
    assert not caplog.records  # the SDK logs what it can't take, a listener's failure is logged too


def test_a_call_is_one_span_named_by_the_conventions(otel: Otel) -> None:
    otel.tell(REQUEST)
    assert otel.spans() == ()
    otel.tell(RESPONSE)
    (span,) = otel.spans()
    assert span.name == "generate_content flash"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "omnibind"
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "speech",
        "gen_ai.provider.name": "elevenlabs",
        "gen_ai.request.model": "flash",
        "gen_ai.request.seed": 7,
        "gen_ai.response.model": "flash",
        "omnibind.attempts": 1,
        "omnibind.binding": "tts/elevenlabs",
        "omnibind.call_id": "1a-1",
        "omnibind.cost.basis": "reported",
        "omnibind.cost_usd": 0.5,
        "omnibind.counts.characters": 43,
        "omnibind.counts.seconds": 2.5,
        "omnibind.label": "chat 7",
        "omnibind.verb": "generate_audio",
    }


def test_the_attributes_for_sampling_are_there_when_the_span_begins(otel: Otel) -> None:
    begun: list[dict[str, Any]] = []

    class Look(SimpleSpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            begun.append(dict(span.attributes))

    otel.provider.add_span_processor(Look(otel.exporter))
    otel.tell(REQUEST)
    assert begun[0]["gen_ai.provider.name"] == "elevenlabs"
    assert begun[0]["gen_ai.request.model"] == "flash"


@pytest.mark.parametrize(
    ("verb", "name", "output"),
    [
        ("stream_audio", "generate_content flash", "speech"),
        ("generate_audio_batch", "generate_content flash", "speech"),
        ("generate_images", "generate_content flash", "image"),
        ("generate_video", "generate_content flash", "video"),
        ("generate_sound", "generate_content flash", "sound"),
        ("transcribe_audio", "transcribe_audio flash", "text"),
    ],
)
def test_a_verb_has_its_operation_and_output_type(
    verb: str, name: str, output: str, otel: Otel
) -> None:
    otel.tell(REQUEST._replace(verb=verb), RESPONSE._replace(verb=verb))
    (span,) = otel.spans()
    assert span.name == name
    assert (span.attributes or {})["gen_ai.output.type"] == output
    assert (span.attributes or {})["omnibind.verb"] == verb


def test_a_span_is_a_child_of_the_span_that_is_current(otel: Otel) -> None:
    with otel.provider.get_tracer("program").start_as_current_span("chat") as parent:
        otel.tell(REQUEST)
    otel.tell(RESPONSE)
    span = otel.spans()[-1]
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id


def test_a_fallback_is_an_event_and_the_span_tells_who_served(otel: Otel) -> None:
    error = RateLimited("slow down", status=429)
    otel.tell(
        REQUEST,
        REQUEST._replace(kind="fallback", next_binding="tts/piper", error=error),
        RESPONSE._replace(binding="tts/piper", model="joe", cost_usd=0.0, cost_basis="free"),
    )
    (span,) = otel.spans()
    (event,) = span.events
    assert event.name == "omnibind.fallback"
    assert dict(event.attributes or {}) == {
        "omnibind.binding": "tts/elevenlabs",
        "omnibind.next_binding": "tts/piper",
        "error.type": "RateLimited",
    }
    attributes = span.attributes or {}
    assert attributes["gen_ai.provider.name"] == "piper"
    assert attributes["gen_ai.request.model"] == "flash"
    assert attributes["gen_ai.response.model"] == "joe"
    assert span.status.status_code is StatusCode.UNSET


def test_a_call_that_fails_ends_its_span_with_the_error(otel: Otel) -> None:
    error = RateLimited("slow down", status=429)
    otel.tell(REQUEST, REQUEST._replace(kind="error", error=error, elapsed_s=0.1))
    (span,) = otel.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "RateLimited"
    assert (span.attributes or {})["error.type"] == "RateLimited"
    assert "gen_ai.response.model" not in (span.attributes or {})
    (event,) = span.events
    assert event.name == "exception"
    assert (event.attributes or {})["exception.message"] == "slow down"
    (point,) = otel.points("gen_ai.client.operation.duration")
    assert point.attributes["error.type"] == "RateLimited"


def test_a_binding_that_is_chosen_late_is_told_at_the_end(otel: Otel) -> None:
    otel.tell(REQUEST._replace(binding=None, model=None), RESPONSE)
    (span,) = otel.spans()
    assert span.name == "generate_content flash"
    assert (span.attributes or {})["gen_ai.provider.name"] == "elevenlabs"


def test_durations_and_known_costs_are_measured(otel: Otel) -> None:
    otel.tell(REQUEST, RESPONSE, REQUEST, RESPONSE._replace(elapsed_s=0.75))
    otel.tell(REQUEST, RESPONSE._replace(cost_usd=None, cost_basis="unknown"))
    (duration,) = otel.points("gen_ai.client.operation.duration")
    assert duration.count == 3
    assert duration.sum == pytest.approx(1.25)
    assert duration.explicit_bounds[0] == 0.01
    assert duration.explicit_bounds[-1] == 81.92
    assert dict(duration.attributes) == {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "speech",
        "gen_ai.provider.name": "elevenlabs",
        "gen_ai.request.model": "flash",
        "gen_ai.response.model": "flash",
        "omnibind.binding": "tts/elevenlabs",
        "omnibind.verb": "generate_audio",
    }
    (cost,) = otel.points("omnibind.client.cost")
    assert cost.value == 1.0
    assert cost.attributes["omnibind.cost.basis"] == "reported"


def test_progress_shows_each_further_tenth_or_each_new_step(otel: Otel) -> None:
    by_fraction = [Progress(step / 1000, f"step {step}") for step in range(1, 1001)]
    by_step = [Progress(None, step) for step in ("load", "load", "sing", "sing")]
    reports = [REQUEST._replace(kind="progress", progress=one) for one in by_fraction + by_step]
    otel.tell(REQUEST, *reports, RESPONSE)
    (span,) = otel.spans()
    assert {event.name for event in span.events} == {"omnibind.progress"}
    shown = [dict(event.attributes or {}) for event in span.events]
    assert [one.get("omnibind.progress.fraction") for one in shown] == [
        *(0.001, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        *(None, None),
    ]
    assert [one["omnibind.progress.step"] for one in shown[-2:]] == ["load", "sing"]


def test_progress_without_end_leaves_room_for_a_fallback(otel: Otel) -> None:
    reports = [
        REQUEST._replace(kind="progress", progress=Progress(None, f"step {step}"))
        for step in range(1000)
    ]
    fallback = REQUEST._replace(kind="fallback", next_binding="tts/piper")
    otel.tell(REQUEST, fallback, *reports, RESPONSE)
    (span,) = otel.spans()
    assert [event.name for event in span.events].count("omnibind.progress") == MAX_PROGRESS
    assert span.events[0].name == "omnibind.fallback"


def test_no_text_reaches_a_span_or_a_metric(otel: Otel) -> None:
    progress = REQUEST._replace(kind="progress", progress=Progress(0.5, None, "like my uncle Bob"))
    otel.tell(REQUEST, progress, RESPONSE)
    (span,) = otel.spans()
    points = otel.points("gen_ai.client.operation.duration")
    assert "uncle" not in span.to_json() + repr(points)


def test_calls_at_the_same_time_keep_their_spans_apart(otel: Otel) -> None:
    together = threading.Barrier(8)

    def call(number: int) -> None:
        for turn in range(50):
            name = f"{number}-{turn}"
            together.wait(timeout=30)
            otel.tell(REQUEST._replace(call_id=name, model=name))
            together.wait(timeout=30)
            otel.tell(RESPONSE._replace(call_id=name, model=name))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    spans = otel.spans()
    assert len({span.name for span in spans}) == len(spans) == 400
    for span in spans:
        attributes = span.attributes or {}
        assert (
            attributes["omnibind.call_id"]
            == attributes["gen_ai.request.model"]
            == attributes["gen_ai.response.model"]
        )


def test_calls_that_never_end_are_bounded(otel: Otel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "MAX_OPEN", 3)
    for number in range(5):
        otel.tell(REQUEST._replace(call_id=str(number)))
    lost = otel.spans()
    assert [(span.attributes or {})["omnibind.call_id"] for span in lost] == ["0", "1"]
    assert all((span.attributes or {})["omnibind.unfinished"] is True for span in lost)
    otel.tell(*(RESPONSE._replace(call_id=str(number)) for number in range(5)))
    assert len(otel.spans()) == 5
    assert sum(point.count for point in otel.points("gen_ai.client.operation.duration")) == 5


def test_events_of_a_call_that_began_unheard_are_measured_only(otel: Otel) -> None:
    progress = REQUEST._replace(kind="progress", progress=Progress(0.5))
    otel.tell(progress, REQUEST._replace(kind="fallback", next_binding="tts/piper"), RESPONSE)
    assert otel.spans() == ()
    (point,) = otel.points("gen_ai.client.operation.duration")
    assert point.count == 1


def test_without_the_package_the_error_ends_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(PackagesMissing) as raised:
        otel_callbacks()
    assert str(raised.value) == (
        "otel_callbacks needs opentelemetry-api, which isn't installed; "
        'run: pip install "omnibind[otel]"'
    )


def test_the_api_alone_is_enough_and_reports_nowhere() -> None:
    code = (
        "import sys\n"
        "sys.modules['opentelemetry.sdk'] = None\n"
        "from omnibind.telemetry import otel_callbacks\n"
        "from omnibind.calls.callbacks import Event, gathered, tell\n"
        "listeners = gathered((otel_callbacks(),), {})\n"
        "for kind in ('request', 'progress', 'fallback', 'response', 'error'):\n"
        "    tell(listeners, Event(kind, '1', 'generate_audio', error=OSError('x')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

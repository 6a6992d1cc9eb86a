"""Mubert's binding."""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.remote.asking import KEY, ask, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.contracts.errors import (
    BadOption,
    BadReply,
    CallFailed,
    Cancelled,
    KeyMissing,
    KeyRefused,
    NotSupported,
    OmnibindError,
    QuotaExceeded,
    RateLimited,
    ServiceError,
)
from omnibind.contracts.media import Audio
from omnibind.remote.journal import journal

TRACK = "123e4567-e89b-42d3-a456-426614174000"
CUSTOMER = "0f8fad5b-d9cb-469f-a165-70867728950e"
PROMPT = "relaxing ambient music"
SOUND = media("mp3")


@pytest.fixture(autouse=True)
def at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracks are asked about without a pause; jobs are written down in a home of the test's."""
    binding = importlib.import_module("omnibind.bindings.ttm.mubert.binding")
    monkeypatch.setattr(binding.MubertTTM, "every_s", 0.01)


def mubert(recorder: Recorder, **config: Any) -> dict[str, Any]:
    return named(recorder, "mubert", **{"customer_id": CUSTOMER, **config})


def track(*generations: dict[str, Any]) -> Answer:
    return as_json({"data": {"id": TRACK, "duration": 60, "generations": list(generations)}})


def service(recorder: Recorder, *looks: Answer) -> Callable[[Request], Answer]:
    """A script: a track is begun, looked at as told, the last time for good, and fetched."""
    done = {"status": "done", "format": "mp3", "url": f"{recorder.url}/files/{TRACK}.mp3"}
    left: list[Answer] = []

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = looks or (track(done),)
            return as_json({"data": {"id": TRACK, "duration": 60}})
        if request.path.startswith("/files/"):
            return as_media(SOUND, "audio/mpeg")
        if len(left) > 1:
            return left.pop(0)
        return left[0]

    return answer


def pending(recorder: Recorder) -> tuple[Answer, ...]:
    done = {"status": "done", "url": f"{recorder.url}/files/{TRACK}.mp3"}
    return (
        track(),
        track({"status": "processing"}),
        track({"status": "processing", "url": None}, done),
    )


COMPOSING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all with a prompt": {
        "duration_s": 5.0,
        "intensity": "low",
        "mode": "loop",
        "output_format": "wav",
        "bitrate_kbps": 320,
    },
    "all with a playlist": {
        "duration_s": 1500,
        "intensity": "high",
        "mode": "jingle",
        "playlist_index": "1.0.0",
        "bpm": 500,
        "key_signature": "C#m",
        "output_format": "mp3",
        "bitrate_kbps": 32,
    },
}


@pytest.mark.parametrize("options", COMPOSING.values(), ids=COMPOSING)
def test_spec_music(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = service(recorder)
    told = ask(*(recorder, mubert(recorder), "ttm.generate_music", PROMPT), verify=False, **options)
    begun, looked, fetched = told.requests
    assert judges("mubert").judge(begun) == []
    assert judges("mubert").judge(looked) == []
    assert fetched.path == f"/files/{TRACK}.mp3"
    for request in (begun, looked):
        assert request.header("customer-id") == CUSTOMER
        assert request.header("access-token") == KEY
        assert request.header("authorization") is None
    assert ("prompt" in begun.json()) == ("playlist_index" not in options)
    assert hashlib.sha256(told.result).digest() == hashlib.sha256(SOUND).digest()
    meta = told.result.meta
    assert (meta.job_id, meta.model) == (TRACK, "mubert")
    assert meta.cost_usd == 0.5
    assert meta.raw is not None
    assert meta.raw["data"]["id"] == TRACK


def test_a_minute_is_asked_for_where_no_length_is_given(recorder: Recorder) -> None:
    recorder.script = service(recorder)
    told = ask(recorder, mubert(recorder), "ttm.generate_music", PROMPT, verify=False)
    assert told.requests[0].json() == {"duration": 60, "prompt": PROMPT}


def test_own_fake_a_track_is_looked_at_until_it_is_done(recorder: Recorder) -> None:
    recorder.script = service(recorder, *pending(recorder))
    steps: list[str | None] = []
    with Client(ttm=mubert(recorder)) as client:
        made = client.ttm.generate_music(
            PROMPT, verify=False, on_progress=lambda event: steps.append(event.progress.step)
        )
    assert made.media_type == "audio/mpeg"
    paths = [request.path for request in recorder.requests]
    place = f"/api/v3/public/tracks/{TRACK}"
    assert paths == ["/api/v3/public/tracks", place, place, place, f"/files/{TRACK}.mp3"]
    assert "processing" in steps
    (job,) = journal().jobs()
    assert (job.state, job.job_id, job.about) == ("done", TRACK, PROMPT)
    assert CUSTOMER not in repr(job)


@pytest.mark.parametrize("status", ["failed", "error"])
def test_own_fake_a_failed_track_is_an_error_and_not_begun_again(
    recorder: Recorder, status: str
) -> None:
    recorder.script = service(recorder, track({"status": status, "url": None}))
    with (
        Client(ttm=mubert(recorder)) as client,
        pytest.raises(CallFailed, match=f"is told to be {status}") as caught,
    ):
        client.ttm.generate_music(PROMPT, timeout_s=20)
    assert type(caught.value) is CallFailed
    assert [request.method for request in recorder.requests] == ["POST", "GET"]
    (job,) = journal().jobs()
    assert (job.state, job.job_id) == ("failed", TRACK)


def test_own_fake_a_cancelled_call_leaves_the_track_to_be_fetched(recorder: Recorder) -> None:
    answers, is_looked_at = service(recorder, track({"status": "processing"})), threading.Event()

    def answer(request: Request) -> Answer:
        if request.method == "GET":
            is_looked_at.set()
        return answers(request)

    recorder.script = answer
    with Client(ttm=mubert(recorder)) as client:
        call = client.submit(client.ttm.generate_music, PROMPT, verify=False)
        assert is_looked_at.wait(30)
        call.cancel()
        with pytest.raises(Cancelled):
            call.result(30)
    (job,) = journal().jobs()
    assert (job.state, job.job_id) == ("running", TRACK)


@pytest.mark.parametrize(
    ("looked", "kind", "told"),
    [
        (as_json({"code": "TrackNotFound", "message": "Track is gone"}, 404), ServiceError, "gone"),
        (as_json({}), BadReply, "no data"),
    ],
)
def test_own_fake_a_look_that_tells_nothing_is_an_error(
    recorder: Recorder, looked: Answer, kind: type[OmnibindError], told: str
) -> None:
    recorder.script = service(recorder, looked)
    with Client(ttm=mubert(recorder)) as client, pytest.raises(kind, match=told):
        client.ttm.generate_music(PROMPT, timeout_s=20)
    assert sum(request.method == "POST" for request in recorder.requests) == 1


def test_own_fake_a_track_without_an_id_is_not_begun_again(recorder: Recorder) -> None:
    recorder.script = [as_json({"data": {}})]
    with Client(ttm=mubert(recorder)) as client, pytest.raises(BadReply, match=r"no data\.id"):
        client.ttm.generate_music(PROMPT, timeout_s=20)
    assert len(recorder.requests) == 1
    assert journal().jobs()[0].state == "unknown"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"code": "Unauthenticated", "message": "Unauthenticated"}, KeyRefused),
        (403, {"code": "AccessTokenExpired", "message": "Access token is expired"}, KeyRefused),
        (403, {"code": "LicenseLimitTracksCount", "message": "100 of 100"}, QuotaExceeded),
        (403, {"code": "LicenseForbiddenBitrate", "message": "not 320"}, NotSupported),
        (
            403,
            {"code": "LicenseLimitConcurrentTrackGenerationsCount", "message": "3 at once"},
            RateLimited,
        ),
        (422, {"message": "invalid", "errors": {"duration": ["is too long"]}}, ServiceError),
    ],
)
def test_own_fake_errors_have_their_kind(
    recorder: Recorder, status: int, body: dict[str, Any], kind: type[OmnibindError]
) -> None:
    recorder.script = [as_json(body, status, {"retry-after": "0"})]
    with Client(ttm=mubert(recorder)) as client, pytest.raises(kind) as caught:
        client.ttm.generate_music(PROMPT, timeout_s=20)
    assert type(caught.value) is kind
    assert str(status) in str(caught.value)
    if status == 403:
        assert body["code"] in str(caught.value)
    assert {job.state for job in journal().jobs()} == {"failed"}


def test_own_fake_neither_key_is_shown_in_an_error(recorder: Recorder) -> None:
    words = f"customer {CUSTOMER} may not use {KEY}"
    for code in ("Forbidden", "LicenseLimitUsersCount"):
        recorder.script = [as_json({"code": code, "message": words}, 403)]
        with Client(ttm=mubert(recorder)) as client, pytest.raises(ServiceError) as caught:
            client.ttm.generate_music(PROMPT, timeout_s=20)
        assert "customer *** may not use ***" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"duration_s": 4.9}, "at least 5"),
        ({"duration_s": 7.5}, "duration_s is 7.5; ttm/mubert takes whole seconds"),
        ({"bpm": 120}, "takes bpm with playlist_index"),
        ({"key_signature": "C"}, "takes key_signature with playlist_index"),
        ({"playlist_index": "1.0.0", "bpm": 501}, "between 1 and 500"),
        ({"playlist_index": "1.0.0", "key_signature": "H"}, "'H'"),
        ({"bitrate_kbps": 64}, "32, 96, 128, 192, 256, 320"),
    ],
)
def test_what_the_service_has_not_is_refused(
    recorder: Recorder, options: dict[str, Any], told: str
) -> None:
    with Client(ttm=mubert(recorder)) as client, pytest.raises(BadOption, match=told):
        client.ttm.generate_music(PROMPT, **options)
    assert recorder.requests == []


def test_both_keys_are_needed(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUBERT_ACCESS_TOKEN", raising=False)
    monkeypatch.delenv("MUBERT_CUSTOMER_ID", raising=False)
    with Client(ttm="mubert") as client:
        assert client.ttm.state == "needs-key"
    with (
        Client(ttm=mubert(recorder, customer_id=None)) as client,
        pytest.raises(KeyMissing, match="omnibind keys set MUBERT_CUSTOMER_ID"),
    ):
        client.ttm.generate_music(PROMPT, timeout_s=20)
    assert recorder.requests == []
    monkeypatch.setenv("MUBERT_ACCESS_TOKEN", KEY)
    monkeypatch.setenv("MUBERT_CUSTOMER_ID", CUSTOMER)
    recorder.script = service(recorder)
    spec = {"binding": "mubert", "base_url": recorder.url}
    with Client(ttm=spec) as client:
        assert client.ttm.state == "ready"
        assert isinstance(client.ttm.generate_music(PROMPT, verify=False), Audio)
    assert recorder.requests[0].header("customer-id") == CUSTOMER
    assert recorder.requests[0].header("access-token") == KEY

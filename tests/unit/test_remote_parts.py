"""The parts that remote bindings are made of, each by itself, with scripted replies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Generator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from omnibind.calls import hosts
from omnibind.calls.call import Call
from omnibind.contracts.binding import CURRENT_CALL
from omnibind.contracts.effects import Effect, Sleep
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    BadReply,
    CallFailed,
    Cancelled,
    ContentRefused,
    DeadlineExceeded,
    KeyRefused,
    QuotaExceeded,
    RateLimited,
    ServiceError,
    Unavailable,
    UnknownModel,
    UnknownVoice,
)
from omnibind.contracts.http import Reply
from omnibind.contracts.media import Audio
from omnibind.remote import limits, pieces, polling, replies, requests, subtitles
from omnibind.remote.journal import Journal
from omnibind.remote.uploads import _prepared
from omnibind.weights.catalogue import Model


def ran(flow: Any) -> tuple[Any, list[float]]:
    """Run a flow whose effects are sleeps; give its result and how long it slept."""
    slept: list[float] = []
    try:
        effect = flow.send(None)
        while True:
            assert isinstance(effect, Sleep)
            slept.append(effect.seconds)
            effect = flow.send(None)
    except StopIteration as end:
        return end.value, slept


# ── errors ──

BODIES: dict[str, tuple[int, bytes, type[Exception], str]] = {
    "openai": (401, b'{"error": {"message": "Bad", "code": "x"}}', KeyRefused, "(x): Bad"),
    "xai": (400, b'{"code": "a", "error": "Incorrect API key provided"}', KeyRefused, "Incorrect"),
    "gemini": (
        400,
        b'{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}',
        KeyRefused,
        "API key not valid",
    ),
    "fields": (
        422,
        b'{"detail": [{"loc": ["body", "text"], "msg": "missing"}]}',
        ServiceError,
        "body.text: missing",
    ),
    "status": (
        401,
        b'{"detail": {"status": "voice_not_found", "message": "No"}}',
        UnknownVoice,
        "No",
    ),
    "plain detail": (403, b'{"detail": "Forbidden"}', KeyRefused, "Forbidden"),
    "list": (400, b'{"name": "bad_request", "errors": ["a", "b"]}', ServiceError, "a; b"),
    "rfc 7807": (422, b'{"title": "T", "detail": "D", "status": 422}', ServiceError, "D"),
    "no credits": (
        402,
        b'{"error": {"message": "Add credits", "code": 402}}',
        QuotaExceeded,
        "Add",
    ),
    "quota": (429, b'{"error": {"code": "insufficient_quota"}}', QuotaExceeded, "quota"),
    "rate": (429, b"{}", RateLimited, "429"),
    "content": (
        400,
        b'{"error": {"code": "content_policy_violation", "message": "N"}}',
        ContentRefused,
        "N",
    ),
    "model": (404, b'{"error": {"code": "model_not_found", "message": "N"}}', UnknownModel, "N"),
    "page": (502, b"<!doctype html><title>Bad\n gateway</title>", Unavailable, "Bad gateway"),
    "nothing": (500, b"", Unavailable, "and nothing else"),
    "redirect": (302, b"", BadReply, "302"),
}


@pytest.mark.parametrize(("status", "body", "kind", "words"), BODIES.values(), ids=BODIES)
def test_an_errors_kind_and_words_are_found_however_it_is_written(
    status: int, body: bytes, kind: type[Exception], words: str
) -> None:
    error = replies.error_of(Reply(status, {"x-request-id": "r1"}, body), "tts/x")
    assert type(error) is kind
    assert words in str(error)
    assert str(error).startswith(f"tts/x: the service says {status}")


def test_long_words_of_a_service_are_cut() -> None:
    body = b'{"error": "' + b"no " * 9999 + b'"}'
    assert len(str(replies.error_of(Reply(400, {}, body), "tts/x"))) < 600


def test_how_long_to_wait_is_read_in_all_its_forms() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    for headers, low, high in (
        ({"retry-after": "7"}, 7, 7),
        ({"retry-after": "0.5"}, 0.5, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25, 0.25),
        ({"retry-after": soon}, 28, 31),
        ({"retry-after": "-3"}, 0, 0),
    ):
        waited = replies.retry_after_of(Reply(429, headers))
        assert waited is not None
        assert low <= waited <= high
    assert replies.retry_after_of(Reply(429, {"retry-after": "soon"})) is None
    assert replies.retry_after_of(Reply(429)) is None


def test_what_a_reply_lacks_is_named() -> None:
    assert replies.picked({"a": [{"b": 1}]}, "a", 0, "b") == 1
    lacking: list[Any] = [{"a": []}, {"a": None}, [], {"a": [{"b": None}]}]
    for data in lacking:
        with pytest.raises(BadReply, match=r"a\.0\.b"):
            replies.picked(data, "a", 0, "b")


def test_base64_that_is_damaged_or_of_another_kind_is_told_of() -> None:
    for text, told in (
        (3, "a int instead"),
        ("!!", "damaged"),
        ("", "empty"),
        ("aGVsbG8=", "instead of a sound"),
    ):
        with pytest.raises(BadReply, match=told):
            replies.base64_media(text, "audio", "tts/x")
    sound = Audio.from_array(np.zeros(100, np.int16), 8000)
    assert replies.base64_media(sound.data_uri(), "audio", "tts/x") == sound


def test_a_reply_is_kept_without_its_media_and_keys() -> None:
    data: Any = {"text": "x", "b64": "A" * 5000, "api_key": "k", "list": [{"token": "t", "n": 1}]}
    assert replies.without_media(data) == {
        "text": "x",
        "b64": "5000 characters",
        "list": [{"n": 1}],
    }


# ── requests ──


def test_a_form_is_written_field_by_field() -> None:
    upload = requests.Upload(b"\x00\r\n", "audio/wav", 'a"b.wav')
    headers, body = requests.encoded(
        None, {"n": 1, "on": True, "no": None, "l": ["a", "b"]}, {"f": upload}
    )
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    assert body is not None
    parts = body.split(b"--" + boundary)
    assert parts[-1] == b"--\r\n"
    assert [b"a" in part for part in parts].count(True) >= 2
    assert b'name="on"\r\n\r\ntrue' in body
    assert b'name="no"' not in body
    assert b'filename="a%22b.wav"\r\ncontent-type: audio/wav\r\n\r\n\x00\r\n\r\n' in body
    assert requests.encoded(None, {"a": 1.5, "b": "ä"}, None)[1] == b"a=1.5&b=%C3%A4"
    assert requests.encoded({"a": "ä"}, None, None)[1] == '{"a":"ä"}'.encode()
    assert requests.encoded(None, None, None) == ({}, None)
    assert (
        requests.with_query("https://h/x?y=1", {"a": None, "b": [1, 2]})
        == "https://h/x?y=1&b=1&b=2"
    )
    assert requests.part("a/../b?c") == "a%2F..%2Fb%3Fc"
    assert repr(upload) == "<Upload audio/wav, 3 bytes>"


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:0a00:0001::", False),
    ],
)
def test_public_addresses_are_told_from_the_others(address: str, fine: bool) -> None:
    assert hosts.is_public(address) is fine


# ── what fits a model ──

FACTS = Model(
    sizes=["512x512", "1024x768"],
    durations_s=[5.0, 10.0],
    lacks=["style"],
    token_prices={"input": 2.0, "output": 10.0},
)


def test_sizes_fit_or_are_refused() -> None:
    assert limits.size_of(None, None, FACTS, "m of x") is None
    assert limits.size_of(None, None, FACTS, "m of x", "512x512") == "512x512"
    assert limits.size_of(1024, 768, FACTS, "m of x") == "1024x768"
    assert limits.size_of(3, 3, None, "m of x") == "3x3"
    with pytest.raises(BadOption, match=r"size 3x3 doesn't fit m of x; choose one of 512x512,"):
        limits.size_of(3, 3, FACTS, "m of x")
    with pytest.raises(BadOption, match="together"):
        limits.size_of(3, None, FACTS, "m of x")


def test_ratios_fit_or_are_refused() -> None:
    ratios = ["16:9", "1:1", "21:9"]
    assert limits.aspect_ratio_of(None, None, None, ratios, "x") is None
    assert limits.aspect_ratio_of(None, None, "16:9", ratios, "x") == "16:9"
    assert limits.aspect_ratio_of(1920, 1080, None, ratios, "x") == "16:9"
    assert limits.aspect_ratio_of(1120, 480, None, ratios, "x") == "21:9"
    assert limits.aspect_ratio_of(30, 20, None, [], "x") == "3:2"
    for arguments, told in (
        ((30, 20, None), "30x20 is 3:2"),
        ((None, None, "2:1"), "aspect_ratio 2:1"),
        ((16, 9, "16:9"), "not both"),
        ((16, None, None), "together"),
    ):
        width, height, aspect_ratio = arguments
        with pytest.raises(BadOption, match=told):
            limits.aspect_ratio_of(width, height, aspect_ratio, ratios, "x")


def test_lengths_are_refused_with_the_limit_and_never_clamped() -> None:
    assert limits.duration_of(None, FACTS, "x") is None
    assert limits.duration_of(5, FACTS, "x") == 5.0
    with pytest.raises(BadOption, match=r"duration_s 7\.0 doesn't fit x; choose one of 5, 10"):
        limits.duration_of(7, FACTS, "x")
    longest = Model(capabilities={"max_duration_s": 30})
    assert limits.duration_of(30, longest, "x") == 30
    with pytest.raises(BadOption, match="duration_s is 31; x makes at most 30 s"):
        limits.duration_of(31, longest, "x")
    assert limits.duration_of(999, Model(), "x") == 999


def test_tokens_cost_what_the_list_says_and_never_nothing() -> None:
    assert limits.cost_of(FACTS, {"input": 1000, "output": 100}) == pytest.approx(0.003)
    assert limits.cost_of(FACTS, {"input": 1000, "thought": 1}) is None
    assert limits.cost_of(FACTS, {"input": 0}) is None
    assert limits.cost_of(None, {"input": 5}) is None


# ── pieces ──


async def _given(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_events_are_read_wherever_they_are_cut() -> None:
    text = 'event: a\ndata: {"x":\ndata: 1}\n\n: a remark\n\ndata: two\r\n\r\n'
    text += "data: [DONE]\n\ndata: late\n\n"

    async def read(size: int) -> list[pieces.Event]:
        cut = [text.encode()[at : at + size] for at in range(0, len(text), size)]
        return [event async for event in pieces.events(_given(*cut))]

    for size in (1, 2, 3, 7, 1000):
        first, second = asyncio.run(read(size))[:2]
        assert (first.name, first.json()) == ("a", {"x": 1})
        assert (second.name, second.data) == ("message", "two")
        assert len(asyncio.run(read(size))) == 2
    with pytest.raises(BadReply, match="'message' that isn't JSON"):
        second.json()


def test_samples_that_end_within_one_are_told_of() -> None:
    async def read(*parts: bytes) -> list[Any]:
        return [chunk async for chunk in pieces.samples(_given(*parts), 8000)]

    chunks = asyncio.run(read(b"\x01", b"\x00\x02\x00\x03", b"\x00"))
    assert np.concatenate([chunk.samples for chunk in chunks]).tolist() == [1, 2, 3]
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    for parts in ((b"\x01\x00\x02",), ()):
        with pytest.raises(BadReply):
            asyncio.run(read(*parts))
    big = pieces.audio_of_samples(b"\x00\x01" * 800, 8000, is_big_endian=True)
    assert big.array()[0, 0] == pytest.approx(1 / 32768)
    for content in (b"", b"\x00"):
        with pytest.raises(BadReply):
            pieces.audio_of_samples(content, 8000)


def test_subtitles_with_hours_and_styles_are_read() -> None:
    text = "WEBVTT\n\nNOTE x\n\n01:00:01.500 --> 01:00:02.000 align:start\n<b>One</b>\ntwo\n"
    (segment,) = subtitles.segments_of(text)
    assert (segment.start, segment.end) == (3601.5, 3602.0)
    assert segment.text == "<b>One</b> two"


# ── uploads ──


def test_what_a_service_doesnt_take_is_converted_and_what_is_too_large_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.bmp"
    PIL.Image.new("RGB", (20, 10), "red").save(path)
    sent = _prepared(path, "image", ("image/png", "image/jpeg"), None, "mask")
    assert (sent.media_type, sent.name) == ("image/png", "mask.png")
    assert sent.content[:4] == b"\x89PNG"
    with pytest.raises(BadInput, match=r"the mask has .*; the service takes at most 10 B"):
        _prepared(path, "image", ("image/png",), 10, "mask")
    with pytest.raises(BadInput, match="nowhere"):
        _prepared(tmp_path / "nowhere.png", "image", ("image/png",), None, "image")


# ── polling ──


class _Looks:
    """Gives these, one a look: JSON data, or an error that is raised."""

    def __init__(self, *given: Any) -> None:
        self.left = list(given)

    def __await__(self) -> Generator[Effect[Any], Any, Reply]:
        one = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(one, Exception):
            raise one
        yield from ()
        return Reply(200, {}, json.dumps(one).encode())


def _polled(look: Awaitable[Reply], **options: Any) -> Any:
    return polling.poll(
        look,
        lambda data: data["state"] == "done",
        failed=lambda data: CallFailed("no") if data["state"] == "failed" else None,
        **options,
    )


def test_a_poll_looks_until_the_work_is_done() -> None:
    looks = _Looks({"state": "new"}, {"state": "new"}, {"state": "done", "url": "u"})
    result, slept = ran(_polled(looks, every_s=2.0, first_s=1.0))
    assert result["url"] == "u"
    assert slept == [1.0, 2.0, 2.0]


def test_a_poll_outlives_a_service_that_is_away_for_a_moment() -> None:
    looks = _Looks(Unavailable("x"), RateLimited("y", retry_after=9.0), {"state": "done"})
    _, slept = ran(_polled(looks, every_s=2.0))
    assert slept[0] == 2.0
    assert slept[1] >= 9.0
    with pytest.raises(Unavailable):
        ran(_polled(_Looks(Unavailable("gone")), every_s=0.1))


def test_a_poll_ends_with_what_failed_and_with_its_time() -> None:
    with pytest.raises(CallFailed, match="no"):
        ran(_polled(_Looks({"state": "failed"})))
    with pytest.raises(DeadlineExceeded, match="hadn't finished after 20 s"):
        ran(_polled(_Looks({"state": "new"}), every_s=5.0, deadline_s=22.0))


def test_a_poll_leaves_it_to_the_driver_to_end_a_call() -> None:
    call: Call[Any] = Call()
    call.cancel()
    token = CURRENT_CALL.set(call)
    try:
        flow = _polled(_Looks({"state": "new"}), progress=lambda data: 0.5)
        assert isinstance(flow.send(None), Sleep)  # where it is told, and may call the work off
    finally:
        CURRENT_CALL.reset(token)
    flow.close()


def test_work_is_called_off_where_the_caller_cancels_and_only_there() -> None:
    class Off:
        asked = 0

        def __await__(self) -> Generator[Effect[Any], Any, None]:
            self.asked += 1
            yield from ()
            raise Unavailable("even this")

    async def flow(error: BaseException, off: Off) -> None:
        async with polling.cancelling(off):
            raise error

    for error, times in (
        (Cancelled("x"), 1),
        (KeyboardInterrupt(), 1),
        (DeadlineExceeded("y"), 0),
        (CallFailed("z"), 0),
    ):
        off = Off()
        with pytest.raises(type(error)):
            ran(flow(error, off))
        assert off.asked == times


# ── the journal ──


def test_the_journal_outlives_its_writers_and_holds_no_key(tmp_path: Path) -> None:
    path = tmp_path / "home" / "jobs.db"
    assert Journal(path).jobs() == []
    assert not path.exists()
    number = Journal(path).begin("ttv/x", "generate_video", "m", "A cat. " * 100, {"n": 1})
    job = Journal(path).job(number)
    assert (job.state, job.job_id, job.configuration) == ("submitting", None, {"n": 1})
    assert len(job.about) == 200
    Journal(path).note(number, "running", job_id="id-1")
    Journal(path).note(number, "failed", told="x" * 9999)
    job = Journal(path).job(number)
    assert (job.state, job.job_id, len(job.told)) == ("failed", "id-1", 500)
    Journal(path).forget(number)
    with pytest.raises(BadInput, match=f"no job {number}"):
        Journal(path).job(number)
    again = Journal(path).begin("ttv/x", "generate_video", None, "", {})
    assert again > number  # a number means one job for ever

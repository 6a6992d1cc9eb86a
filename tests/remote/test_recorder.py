"""The server that records: what it keeps, and each way in which it can go wrong on purpose."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.remote import forms
from tests.remote.recorder import (
    Answer,
    HangUp,
    Recorder,
    Request,
    as_events,
    as_json,
    as_media,
    broken_chunks,
    dripping,
    endless,
    redirect,
    truncated,
)


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=10, trust_env=False) as client:
        yield client


def test_a_request_is_kept_whole(recorder: Recorder, client: httpx2.Client) -> None:
    sent = client.build_request(
        "POST", f"{recorder.url}/v1/a%2Fb?x=1&x=2&y=", headers={"X-Key": "k"}, json={"a": [1]}
    )
    assert client.send(sent).status_code == 200
    request = recorder.only
    assert (request.method, request.path) == ("POST", "/v1/a%2Fb")
    assert request.query == [("x", "1"), ("x", "2"), ("y", "")]
    assert request.header("x-key") == "k"
    assert request.content_type == "application/json"
    assert request.json() == {"a": [1]}


def test_a_form_is_taken_apart_to_the_byte(recorder: Recorder, client: httpx2.Client) -> None:
    content = os.urandom(100_000) + b"\r\n--\r\n\x0b\x1c\r"
    client.post(
        recorder.url,
        data={"model": "whisper-1", "langs[]": ["en", "fr"]},
        files={"file": ("größe.wav", content, "audio/wav")},
    )
    form = recorder.only.form()
    assert [part.name for part in form] == ["model", "langs[]", "langs[]", "file"]
    assert [part.content for part in form[:3]] == [b"whisper-1", b"en", b"fr"]
    assert (form[3].filename, form[3].content_type) == ("größe.wav", "audio/wav")
    same = form[3].content == content
    assert same
    again = recorder.only.with_form(form).form()
    assert again == form


def test_a_form_that_breaks_off_is_refused() -> None:
    kind, body = forms.write([forms.field("a", 1)])
    with pytest.raises(ValueError, match="boundary"):
        forms.read(kind, body[:-4])


def test_a_body_in_chunks_is_put_together(recorder: Recorder, client: httpx2.Client) -> None:
    client.post(recorder.url, content=iter([b"one", b"two"]))
    client.get(recorder.url)
    assert [request.body for request in recorder.requests] == [b"onetwo", b""]


def test_answers_come_in_turn_and_the_last_one_stays(
    recorder: Recorder, client: httpx2.Client
) -> None:
    recorder.script = [as_json({"a": 1}, 202), as_media(b"sound", "audio/mpeg")]
    replies = [client.get(recorder.url) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [202, 200, 200]
    assert replies[0].json() == {"a": 1}
    assert replies[2].content == b"sound"
    assert replies[2].headers["content-type"] == "audio/mpeg"


def test_a_script_sees_the_request_and_many_are_served_at_once(recorder: Recorder) -> None:
    recorder.script = lambda request: as_json({"path": request.path}, 200, {"retry-after": "3"})
    limits = httpx2.Limits(max_connections=64)
    with httpx2.Client(limits=limits, trust_env=False) as client, ThreadPoolExecutor(64) as pool:
        urls = [f"{recorder.url}/{number}" for number in range(200)]
        told = list(pool.map(lambda url: client.get(url).json()["path"], urls))
    assert told == [f"/{number}" for number in range(200)]
    assert len(recorder.requests) == 200


def test_events_come_one_after_another(recorder: Recorder, client: httpx2.Client) -> None:
    recorder.script = [as_events([{"n": 1}, {"n": 2}, "[DONE]"], pause_s=0.05)]
    with client.stream("GET", recorder.url) as reply:
        assert reply.headers["content-type"] == "text/event-stream"
        times = [(time.monotonic(), line) for line in reply.iter_lines() if line]
    assert [line for _, line in times] == ['data: {"n": 1}', 'data: {"n": 2}', "data: [DONE]"]
    assert times[2][0] - times[0][0] > 0.05


def test_a_slow_drip_is_slow_and_whole(recorder: Recorder, client: httpx2.Client) -> None:
    recorder.script = [dripping(bytes(50), "audio/mpeg", size=10, pause_s=0.02)]
    started = time.monotonic()
    assert client.get(recorder.url).content == bytes(50)
    assert time.monotonic() - started > 0.08


@pytest.mark.parametrize(
    "answer",
    [
        truncated(bytes(1000), "audio/mpeg", after=10),
        broken_chunks([bytes(1000)], "audio/mpeg"),
    ],
)
def test_a_body_that_breaks_off_is_an_error_at_the_other_side(
    recorder: Recorder, client: httpx2.Client, answer: Answer
) -> None:
    recorder.script = [answer]
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get(recorder.url)


def test_an_endless_body_ends_with_the_reader(recorder: Recorder, client: httpx2.Client) -> None:
    recorder.script = [endless("video/mp4"), Answer()]
    got = 0
    with client.stream("GET", recorder.url) as reply:
        for piece in reply.iter_bytes():
            got += len(piece)
            if got > 5_000_000:
                break
    assert client.get(recorder.url).content == b""


def test_a_redirect_says_where(recorder: Recorder, client: httpx2.Client) -> None:
    recorder.script = [redirect("http://10.0.0.1/a", 307)]
    reply = client.get(recorder.url)
    assert (reply.status_code, reply.headers["location"]) == (307, "http://10.0.0.1/a")


def test_a_script_can_hang_up(recorder: Recorder, client: httpx2.Client) -> None:
    def script(request: Request) -> Answer:
        raise HangUp

    recorder.script = script
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get(recorder.url)


def test_a_script_that_fails_is_told_at_the_end(client: httpx2.Client) -> None:
    def script(request: Request) -> Answer:
        raise KeyError(request.path)

    recorder = Recorder(script)
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get(f"{recorder.url}/a")
    with pytest.raises(KeyError, match="/a"):
        recorder.close()


def test_it_closes_in_the_middle_of_an_answer_and_with_open_connections() -> None:
    recorder = Recorder([Answer(wait_s=60.0)])
    address = ("127.0.0.1", int(recorder.url.rpartition(":")[2]))
    with socket.create_connection(address) as waiting, socket.create_connection(address):
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        while not recorder.requests:
            time.sleep(0.001)
        started = time.monotonic()
        recorder.close()
        assert time.monotonic() - started < 5

"""HTTP exchanges, performed by both drivers against a server on this machine."""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from omnibind.calls import aperform, connections, perform
from omnibind.calls.call import Call
from omnibind.calls.driver import arun, run
from omnibind.contracts.effects import Effect, Open, Send
from omnibind.contracts.errors import (
    BadConfig,
    BadOutput,
    Cancelled,
    DeadlineExceeded,
    Offline,
    Unavailable,
)
from omnibind.contracts.http import Reply, ReplyStream, Request

MANY = 10**7
Drive = Callable[[Coroutine[Effect[Any], Any, Any], Call[Any]], Any]


class Service:
    """What the server was asked, and what it does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.sent = 0
        self.leave = threading.Event()
        self.gone = threading.Event()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.delenv("OMNIBIND_OFFLINE", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(connections, "_pools", {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            told.asked.append((self.command, self.path, dict(self.headers), body))
            try:
                getattr(self, self.path[1:].partition("?")[0])()
            except OSError:
                told.gone.set()

        def do_POST(self) -> None:
            self.do_GET()

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def echo(self) -> None:
            self.answer(201, b"done", X_Request_Id="r1")

        def zipped(self) -> None:
            self.answer(200, gzip.compress(b"0" * 1000), Content_Encoding="gzip")

        def away(self) -> None:
            self.answer(302, b"elsewhere", Location="/echo")

        def large(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000000")
            self.end_headers()
            self.wfile.write(b"0" * 1000)

        def endless(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while not told.leave.is_set():
                self.wfile.write(b"3e8\r\n" + b"0" * 1000 + b"\r\n")
                told.sent += 1000

        def pieces(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"one", b"two", b"three"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                time.sleep(0.02)
            self.wfile.write(b"0\r\n\r\n")

        def broken(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True

        def silent(self) -> None:
            told.leave.wait(30)
            self.close_connection = True

        def slow(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            while not told.leave.wait(0.02):
                self.wfile.write(b"0")

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler)
    told = Service(f"http://user:sesame@127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield told
    told.leave.set()
    for pool in connections._pools.values():
        pool.close()
    server.shutdown()
    server.server_close()
    thread.join(10)
    gc.collect()  # a connection that nobody closed would warn here


def direct(flow: Any, call: Call[Any]) -> Any:
    return run(flow, call)


def firm(flow: Any, call: Call[Any]) -> Any:
    call.is_firm = True
    return run(flow, call)


def on_loop(flow: Any, call: Call[Any]) -> Any:
    return asyncio.run(arun(flow, call))


drivers = pytest.mark.parametrize("drive", [direct, firm, on_loop])
firm_ones = pytest.mark.parametrize("drive", [firm, on_loop])


async def sent(service: Service, name: str, max_bytes: int = MANY, **facts: Any) -> Reply:
    facts = {"method": "GET", **facts}
    return await Send(Request(url=f"{service.url}/{name}?key=sesame", **facts), max_bytes)


@drivers
def test_a_request_is_sent_whole_and_its_reply_comes_back(service: Service, drive: Drive) -> None:
    post = sent(service, "echo", method="POST", headers={"X-Key": "abc"}, body=b"text")
    reply = drive(post, Call())
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (201, b"done", "r1")
    ((method, path, headers, body),) = service.asked
    assert (method, path, body) == ("POST", "/echo?key=sesame", b"text")
    assert headers["X-Key"] == "abc"
    assert drive(sent(service, "zipped"), Call()).body == b"0" * 1000


@drivers
def test_a_redirect_is_not_followed(service: Service, drive: Drive) -> None:
    reply = drive(sent(service, "away"), Call())
    assert (reply.status, reply.headers["location"]) == (302, "/echo")
    assert len(service.asked) == 1


@drivers
def test_too_large_a_reply_is_refused_before_it_is_received(service: Service, drive: Drive) -> None:
    with pytest.raises(BadOutput, match="sends at least 1000000000 bytes; at most 10000000") as e:
        drive(sent(service, "large"), Call())
    assert e.value.rule == "size"
    with pytest.raises(BadOutput, match="raise max_result_bytes"):
        drive(sent(service, "endless", 50_000), Call())
    assert service.gone.wait(10)
    assert service.sent < 20_000_000
    with pytest.raises(BadOutput):
        drive(sent(service, "zipped", 999), Call())
    assert drive(sent(service, "zipped", 1000), Call()).body == b"0" * 1000


@drivers
def test_what_cannot_be_reached_says_so_and_shows_no_key(service: Service, drive: Drive) -> None:
    closed = Service("http://user:sesame@127.0.0.1:1")
    nowhere = Service("nonsense://user:sesame@h")
    for one, name in ((service, "broken"), (closed, "x"), (nowhere, "x"), (Service("::"), "x")):
        with pytest.raises(Unavailable, match=r"can't be reached|broke off") as raised:
            drive(sent(one, name), Call())
        told = [str(raised.value), repr(raised.value)]
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__
        assert not any("sesame" in text for text in told)
    assert "127.0.0.1:1/x" in str(_raised(drive, sent(closed, "x")))


def _raised(drive: Drive, flow: Any) -> BaseException:
    with pytest.raises(Unavailable) as raised:
        drive(flow, Call())
    return raised.value


@drivers
def test_a_key_that_no_header_can_have_is_not_shown(service: Service, drive: Drive) -> None:
    for value in ("sesame…", "sesame\n"):
        with pytest.raises(BadConfig, match="the header 'X-Key' of a request to") as raised:
            drive(sent(service, "echo", headers={"X-Key": value}), Call())
        assert "sesame" not in repr(raised.value)
    assert service.asked == []


@drivers
def test_offline_nothing_is_sent(
    service: Service, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNIBIND_OFFLINE", "1")
    with pytest.raises(Offline, match="OMNIBIND_OFFLINE is set"):
        drive(sent(service, "echo"), Call())
    with pytest.raises(Offline):
        drive(read(service, "pieces"), Call())
    assert service.asked == []


# ── piece by piece ──


async def read(service: Service, name: str, limit: int = MANY) -> list[bytes]:
    stream: ReplyStream = await Open(Request("GET", f"{service.url}/{name}"))
    found: list[bytes] = []
    try:
        async for piece in stream:
            found.append(piece)
            if len(found) == limit:
                break
    finally:
        await stream.close()
    return found


@drivers
def test_a_body_is_read_as_it_comes(service: Service, drive: Drive) -> None:
    found = drive(read(service, "pieces"), Call())
    assert b"".join(found) == b"onetwothree"
    assert len(found) > 1


@drivers
def test_a_body_may_be_left_in_the_middle(service: Service, drive: Drive) -> None:
    assert len(drive(read(service, "endless", 2), Call())) == 2
    assert service.gone.wait(10)
    assert drive(sent(service, "echo"), Call()).status == 201


@drivers
def test_a_body_that_breaks_off_says_so(service: Service, drive: Drive) -> None:
    with pytest.raises(Unavailable):
        drive(read(service, "broken"), Call())


# ── interrupted ──


@firm_ones
@pytest.mark.parametrize("flow", [sent, read])
@pytest.mark.parametrize("name", ["silent", "slow"])
def test_a_deadline_is_firm(service: Service, drive: Drive, flow: Any, name: str) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="wasn't done after"):
        drive(flow(service, name), Call(0.2))
    assert time.monotonic() - began < 0.2 + 0.2
    assert drive(sent(service, "echo"), Call()).status == 201


@drivers
@pytest.mark.parametrize("name", ["silent", "slow"])
def test_whoever_notices_the_deadline_first_tells_the_same(
    service: Service, drive: Drive, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library has the same limit, and may be faster than who waits for it."""
    monkeypatch.setattr(perform, "_wait", lambda awake, task, call: awake.wait())
    if name == "silent":  # on a loop nothing but the wait ends what comes drop by drop
        monkeypatch.setattr(aperform, "_within", lambda wait, call: wait())
    call = Call[Any]()
    with call.within(0.2), pytest.raises(DeadlineExceeded, match=r"wasn't done after 0\.2 s"):
        drive(sent(service, name), call)


@firm_ones
def test_a_reply_that_nobody_waits_for_is_let_go(service: Service, drive: Drive) -> None:
    call = Call[Any]()
    threading.Timer(0.2, call.cancel).start()
    with pytest.raises(Cancelled):
        drive(sent(service, "slow"), call)
    assert service.gone.wait(2)


@firm_ones
@pytest.mark.parametrize("flow", [sent, read])
@pytest.mark.parametrize("name", ["silent", "slow", "endless"])
def test_cancelling_lets_go_of_the_connection(
    service: Service, drive: Drive, flow: Any, name: str
) -> None:
    call = Call[Any]()
    cancelled: list[float] = []

    def cancel() -> None:
        while not service.asked:
            time.sleep(0.001)
        time.sleep(0.05)
        cancelled.append(time.monotonic())
        call.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        drive(flow(service, name), call)
    assert time.monotonic() - cancelled[0] < 1
    thread.join()
    if name == "endless":
        assert service.gone.wait(10)
    assert drive(sent(service, "echo"), Call()).status == 201


@drivers
def test_a_connection_is_let_go_although_the_call_is_over(service: Service, drive: Drive) -> None:
    call = Call[Any]()

    async def flow() -> None:
        stream = await Open(Request("GET", f"{service.url}/endless"))
        call.cancel()
        await stream.close()

    drive(flow(), call)
    assert service.gone.wait(10)


def test_a_task_that_is_cancelled_lets_go_of_the_connection(service: Service) -> None:
    async def main() -> None:
        for flow in (sent(service, "endless", 10**12), read(service, "endless")):
            service.gone.clear()
            service.sent = 0
            task = asyncio.create_task(arun(flow, Call()))
            while not service.sent:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(service.gone.wait, 10)

    asyncio.run(main())


def test_letting_go_of_a_connection_is_finished_although_its_task_is_cancelled() -> None:
    done: list[str] = []

    class Response:
        async def aclose(self) -> None:
            await asyncio.sleep(0.02)
            done.append("closed")

    async def main() -> None:
        stream = ReplyStream(200, {}, (None, Response(), None))
        task = asyncio.create_task(arun(stream.close(), Call()))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gc.collect()
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert done == ["closed"]


class Late(Call[Any]):
    """A call that is cancelled in the moment that its wait ends."""

    def wake_with(self, waker: Callable[[], None] | None) -> None:
        super().wake_with(waker)
        if waker is None and not self.is_over:
            self.cancel("late")
            self.check()


def test_a_connection_that_opens_when_nobody_waits_is_closed(service: Service) -> None:
    with pytest.raises(Cancelled, match="late"):
        run(read(service, "endless"), Late(is_firm=True))
    assert service.gone.wait(10)
    service.gone.clear()

    async def main() -> None:
        with pytest.raises(Cancelled, match="late"):
            await arun(read(service, "endless"), Late())
        assert await asyncio.to_thread(service.gone.wait, 10)

    asyncio.run(main())


# ── connections ──


def test_connections_are_used_again_and_closed_with_the_loop(service: Service) -> None:
    async def main() -> None:
        for _ in range(3):
            await arun(sent(service, "echo"), Call())
        await asyncio.gather(*(arun(sent(service, "echo"), Call()) for _ in range(20)))
        await connections.aclose()
        assert not connections._held
        await arun(sent(service, "echo"), Call())

    for _ in range(2):
        asyncio.run(main())
    assert not connections._held
    gc.collect()


def test_a_loop_that_was_not_ended_in_order_is_forgotten(service: Service) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(arun(sent(service, "echo"), Call()))
    loop.run_until_complete(asyncio.sleep(0.01))
    held = connections._held[loop]
    (pool,) = held.pools.values()
    loop.run_until_complete(pool.close())
    loop.close()
    asyncio.run(arun(sent(service, "echo"), Call()))
    assert loop not in connections._held


@pytest.mark.skipif(not hasattr(os, "fork"), reason="doesn't apply: it can't fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(service: Service) -> None:
    run(sent(service, "echo"), Call())
    mine = connections.pool()
    child = os.fork()
    if child == 0:
        fine = connections.pool() is not mine and run(sent(service, "echo"), Call()).status == 201
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert connections.pool() is mine


def test_calls_that_come_first_at_once_share_one_pool(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    make = connections._AsyncPool
    monkeypatch.setattr(connections, "_AsyncPool", lambda way: made.append(1) or make(way))  # type: ignore[func-returns-value]

    async def main() -> None:
        await asyncio.gather(*(arun(sent(service, "echo"), Call()) for _ in range(5)))

    asyncio.run(main())
    assert len(made) == 1


@drivers
def test_a_huge_deadline_is_no_error(service: Service, drive: Drive) -> None:
    assert drive(sent(service, "echo"), Call(1e30)).status == 201


def test_a_reply_of_a_loop_that_has_ended_may_be_let_go(service: Service) -> None:
    async def opened() -> ReplyStream:
        return await Open(Request("GET", f"{service.url}/endless"))

    stream = asyncio.run(arun(opened(), Call()))
    run(stream.close(), Call())
    assert service.gone.wait(10)


# ── as data ──


def test_a_request_and_a_reply_show_nothing_that_may_be_a_key() -> None:
    request = Request("GET", "https://me:sesame@h.example/a?key=sesame", {"X-Key": "sesame"})
    assert repr(request) == "<Request GET https://h.example/a>"
    assert repr(Reply(200, {"x": "sesame"}, b"sesame")) == "<Reply 200, 6 bytes>"
    assert repr(ReplyStream(200, {"x": "sesame"}, "sesame")) == "<ReplyStream 200>"
    assert Reply(200, {}, b'{"a": 1}').json() == {"a": 1}

"""Paid jobs, end to end: what a kill, a broken connection or an impatient caller leaves behind.

Runway's binding does the work; the service is our own, which goes wrong when it is told to.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.remote.asking import KEY, named
from tests.remote.real_media import media
from tests.remote.recorder import Answer, HangUp, Recorder, Request, as_json, as_media

from omnibind import AsyncClient, Client
from omnibind.contracts.errors import (
    BadInput,
    CallFailed,
    Cancelled,
    DeadlineExceeded,
    ServiceError,
    Unavailable,
)
from omnibind.remote.journal import Job, journal

TASK = "17f20503-6c24-4c16-946b-35dbbce2af2f"
RUNNING = {"id": TASK, "status": "RUNNING", "progress": 0.5}
Say = Callable[[], Answer]

FOR_EVER_S = 60.0
"""A silence that ends with the recorder."""

CHILD = """
import sys
import omnibind.bindings._shared.runway as code
from omnibind import Client

code.Runway.every_s = 0.01
spec = {"binding": "runway", "api_key": sys.argv[2], "base_url": sys.argv[1]}
with Client(ttv=spec) as client:
    client.ttv.generate_video("a red fox")
"""


class Service:
    """A service that makes videos; each part of it can be given something else to say.

    Attributes:
        begin: What it says to a submission.
        look: What it says to a look at a task.
        fetch: What it says to who wants the video.
        seen: By the method of a request, and by ``fetch``: set once there was one.
    """

    def __init__(self, recorder: Recorder) -> None:
        done = {"id": TASK, "status": "SUCCEEDED", "output": [f"{recorder.url}/made.mp4"]}
        self.recorder = recorder
        self.begin: Say = lambda: as_json({"id": TASK})
        self.look: Say = lambda: as_json({**done, "cost": {"credits": 60}})
        self.fetch: Say = lambda: as_media(media("mp4"), "video/mp4")
        self.seen = {name: threading.Event() for name in ("POST", "GET", "DELETE", "fetch")}
        recorder.script = self._answer

    def _answer(self, request: Request) -> Answer:
        is_video = request.path == "/made.mp4"
        said: dict[str, Say] = {"POST": self.begin, "DELETE": lambda: Answer(204)}
        answer = said.get(request.method, self.look)
        try:
            return self.fetch() if is_video else answer()
        finally:
            self.seen["fetch" if is_video else request.method].set()

    def await_(self, name: str) -> None:
        """Return once there was such a request."""
        assert self.seen[name].wait(30), f"nobody sent {name}"

    @property
    def called_off(self) -> list[str]:
        """The paths of the tasks that were called off."""
        return [one.path for one in self.recorder.requests if one.method == "DELETE"]

    @property
    def submissions(self) -> int:
        return sum(request.method == "POST" for request in self.recorder.requests)


@pytest.fixture
def service(recorder: Recorder, home: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr("omnibind.bindings._shared.runway.Runway.every_s", 0.01)
    return Service(recorder)


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(ttv=named(service.recorder, "runway")) as client:
        yield client


def the_job() -> Job:
    (job,) = journal().jobs()
    return job


@contextmanager
def started(service: Service, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that asks for a video, and is killed at the end; it has the same home."""
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    arguments = [sys.executable, str(script), service.recorder.url, KEY]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def after(count: int, first: Say, then: Say) -> Say:
    """Say something so many times, and then something else."""
    left = [first] * count
    return lambda: (left.pop() if left else then)()


def hang_up() -> Answer:
    raise HangUp


# ── killed ──


def test_own_fake_a_process_killed_while_its_job_runs_leaves_the_jobs_id(
    service: Service, client: Client, tmp_path: Path
) -> None:
    done, service.look = service.look, lambda: Answer(wait_s=FOR_EVER_S)
    with started(service, tmp_path) as child:
        service.await_("GET")
    assert child.returncode == -signal.SIGKILL
    job = the_job()
    assert (job.state, job.job_id, job.pid) == ("running", TASK, child.pid)
    assert (job.binding, job.model, job.about) == ("ttv/runway", "gen4.5", "a red fox")
    service.look = done
    video = client.jobs.resume(job.number)
    assert (video.meta.job_id, video.meta.cost_usd) == (TASK, 0.6)
    assert the_job().state == "done"
    assert service.submissions == 1


def test_own_fake_a_process_killed_before_the_answer_leaves_that_it_was_submitting(
    service: Service, client: Client, tmp_path: Path
) -> None:
    service.begin = lambda: Answer(wait_s=FOR_EVER_S)
    with started(service, tmp_path) as child:
        service.await_("POST")
    job = the_job()
    assert (job.state, job.job_id, job.pid) == ("submitting", None, child.pid)
    with pytest.raises(BadInput, match=f"look at the service.*forget {job.number}"):
        client.jobs.resume(job.number)
    with pytest.raises(BadInput, match="no answer came"):
        client.jobs.cancel(job.number)
    assert service.submissions == 1
    client.jobs.forget(job.number)
    assert client.jobs.list() == []


def test_own_fake_a_process_interrupted_by_its_user_calls_the_job_off(
    service: Service, tmp_path: Path
) -> None:
    service.look = lambda: as_json(RUNNING)
    with started(service, tmp_path) as child:
        service.await_("GET")
        child.send_signal(signal.SIGINT)
        assert child.wait(30) not in (0, -signal.SIGKILL)
    assert (service.submissions, service.called_off) == (1, [f"/v1/tasks/{TASK}"])
    assert the_job().state == "cancelled"


# ── nothing is submitted twice ──

GIVEN_UP: dict[str, tuple[Say, type[Exception]]] = {
    "the connection is closed": (hang_up, Unavailable),
    "500": (lambda: Answer(500), Unavailable),
    "502": (lambda: Answer(502), Unavailable),
    "504": (lambda: Answer(504), Unavailable),
    "no JSON": (lambda: Answer(200, {"content-type": "text/html"}, b"<html>"), ServiceError),
    "no id": (lambda: as_json({"task": TASK}), ServiceError),
    "cut short": (lambda: Answer(200, {}, b'{"id": "17', claimed=50), Unavailable),
}


@pytest.mark.parametrize("case", GIVEN_UP)
def test_own_fake_what_may_have_begun_is_not_submitted_again(
    service: Service, client: Client, case: str
) -> None:
    service.begin, error = GIVEN_UP[case]
    with pytest.raises(error, match=r"isn't sent again by itself.* job 1 of") as raised:
        client.ttv.generate_video("a red fox")
    assert isinstance(raised.value, CallFailed)
    assert raised.value.may_be_charged
    assert service.submissions == 1
    assert (the_job().state, the_job().job_id) == ("unknown", None)


def test_own_fake_asyncio_does_not_submit_again_either(service: Service) -> None:
    service.begin = hang_up

    async def ask() -> None:
        async with AsyncClient(ttv=named(service.recorder, "runway")) as client:
            await client.ttv.generate_video("a red fox")

    with pytest.raises(Unavailable, match="isn't sent again"):
        asyncio.run(ask())
    assert (service.submissions, the_job().state) == (1, "unknown")


def test_own_fake_no_other_service_is_paid_for_what_may_have_begun(
    service: Service, recorder: Recorder
) -> None:
    service.begin = hang_up
    specs = [named(recorder, "runway"), named(recorder, "luma", "/dream-machine/v1")]
    with Client(ttv=specs) as client, pytest.raises(CallFailed, match="isn't sent again"):
        client.ttv.generate_video("a red fox")
    assert [request.path for request in recorder.requests] == ["/v1/text_to_video"]


def test_own_fake_who_allows_to_pay_twice_gets_a_second_submission(
    service: Service, client: Client
) -> None:
    service.begin = after(1, hang_up, service.begin)
    client.ttv.generate_video("a red fox", retry_paid=True)
    assert service.submissions == 2
    assert [job.state for job in journal().jobs()] == ["done", "unknown"]


@pytest.mark.parametrize("status", [429, 503])
def test_own_fake_what_was_turned_away_is_submitted_again(
    service: Service, client: Client, status: int
) -> None:
    service.begin = after(1, lambda: Answer(status), service.begin)
    client.ttv.generate_video("a red fox")
    assert service.submissions == 2
    assert [job.state for job in journal().jobs()] == ["done", "failed"]


def test_own_fake_a_service_that_is_not_there_knows_of_nothing(
    client: Client, service: Service
) -> None:
    service.recorder.close()
    with pytest.raises(Unavailable, match="can't be reached") as raised:
        client.ttv.generate_video("a red fox")
    assert not raised.value.may_be_charged
    assert {job.state for job in journal().jobs()} == {"failed"}


# ── while it runs ──


def test_own_fake_looks_that_fail_for_a_moment_are_made_again(
    service: Service, client: Client
) -> None:
    answers: list[Say] = [
        hang_up,
        lambda: Answer(503),
        lambda: Answer(429),
        lambda: as_json(RUNNING),
    ]
    done = service.look
    service.look = lambda: (answers.pop(0) if answers else done)()
    assert client.ttv.generate_video("a red fox").meta.job_id == TASK
    assert answers == []
    assert (service.submissions, the_job().state) == (1, "done")


def test_own_fake_a_link_that_fails_keeps_the_job_and_it_is_fetched_later(
    service: Service, client: Client
) -> None:
    fetched, service.fetch = service.fetch, lambda: Answer(503)
    with pytest.raises(Unavailable) as raised:
        client.ttv.generate_video("a red fox")
    assert raised.value.may_be_charged
    assert (service.submissions, the_job().state) == (1, "running")
    service.fetch = fetched
    assert client.jobs.resume(1).meta.job_id == TASK
    assert (service.submissions, the_job().state) == (1, "done")


def test_own_fake_a_cancelled_call_is_called_off_at_the_service(
    service: Service, client: Client
) -> None:
    service.look = lambda: as_json(RUNNING)
    call = client.submit(client.ttv.generate_video, "a red fox")
    service.await_("GET")
    call.cancel("the user left")
    with pytest.raises(Cancelled):
        call.result(30)
    assert (service.submissions, service.called_off) == (1, [f"/v1/tasks/{TASK}"])
    assert (the_job().state, the_job().job_id) == ("cancelled", TASK)


def test_own_fake_a_call_cancelled_while_its_video_comes_leaves_the_job_to_be_fetched(
    service: Service, client: Client
) -> None:
    fetched, service.fetch = service.fetch, lambda: Answer(wait_s=FOR_EVER_S)
    call = client.submit(client.ttv.generate_video, "a red fox")
    service.await_("fetch")
    call.cancel()
    with pytest.raises(Cancelled):
        call.result(30)
    assert service.called_off == []
    assert the_job().state == "running"
    service.fetch = fetched
    assert client.jobs.resume(1).meta.job_id == TASK


def test_own_fake_a_cancelled_task_is_called_off_at_the_service(service: Service) -> None:
    service.look = lambda: as_json(RUNNING)

    async def leave() -> None:
        async with AsyncClient(ttv=named(service.recorder, "runway")) as client:
            task = asyncio.create_task(client.ttv.generate_video("a red fox"))
            await asyncio.to_thread(service.await_, "GET")
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())
    assert (service.submissions, service.called_off) == (1, [f"/v1/tasks/{TASK}"])
    assert the_job().state == "cancelled"


def test_own_fake_a_call_whose_time_is_over_leaves_the_job_to_be_fetched(
    service: Service, client: Client
) -> None:
    done, service.look = service.look, lambda: as_json(RUNNING)
    with pytest.raises(DeadlineExceeded):
        client.ttv.generate_video("a red fox", timeout_s=1.5)
    assert service.called_off == []
    assert (the_job().state, the_job().job_id) == ("running", TASK)
    service.look = done
    assert client.jobs.resume(1).meta.job_id == TASK
    assert (service.submissions, the_job().state) == (1, "done")


def test_own_fake_time_that_is_over_before_the_answer_leaves_a_job_of_unknown_fate(
    service: Service, client: Client
) -> None:
    service.begin = lambda: Answer(wait_s=FOR_EVER_S)
    with pytest.raises(DeadlineExceeded):
        client.ttv.generate_video("a red fox", timeout_s=1.0)
    assert (service.submissions, service.called_off) == (1, [])
    assert the_job().state == "unknown"


def test_own_fake_a_call_cancelled_before_the_answer_leaves_a_job_of_unknown_fate(
    service: Service, client: Client
) -> None:
    service.begin = lambda: Answer(wait_s=FOR_EVER_S)
    call = client.submit(client.ttv.generate_video, "a red fox")
    service.await_("POST")
    call.cancel()
    with pytest.raises(Cancelled):
        call.result(30)
    assert (service.submissions, service.called_off) == (1, [])
    assert the_job().state == "unknown"


def test_own_fake_jobs_of_many_threads_are_all_written_down(
    service: Service, client: Client
) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: client.ttv.generate_video("a red fox"), range(16)))
    assert {video.meta.job_id for video in made} == {TASK}
    assert [job.state for job in journal().jobs()] == ["done"] * 16
    assert {job.number for job in journal().jobs()} == set(range(1, 17))


def test_own_fake_the_journal_holds_no_key(service: Service, client: Client) -> None:
    service.begin = lambda: as_json({"error": f"no such key: {KEY}"}, 400)
    with pytest.raises(ServiceError):
        client.ttv.generate_video("a red fox")
    service.begin = lambda: as_json({"id": TASK})
    client.ttv.generate_video("a red fox", api_key=KEY + "-of-the-call")
    folder = journal().path.parent
    for path in folder.glob("jobs.db*"):
        assert KEY.encode() not in path.read_bytes()
    assert os.environ["OMNIBIND_HOME"] == str(folder)

"""Paid jobs as a program and the command line see them: listed, resumed, cancelled, forgotten."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.remote.asking import KEY, named
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import AsyncClient, Client
from omnibind.cli import main
from omnibind.contracts.errors import BadInput, CallFailed, DeadlineExceeded, NotSupported
from omnibind.remote.journal import journal

FILM = media("mp4")


class Service:
    """Films as xAI does; a job is done after so many looks."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.looks = 10**9
        self.begun = 0
        recorder.script = self.answer

    def answer(self, request: Request) -> Answer:
        if request.method == "POST":
            self.begun += 1
            return as_json({"request_id": f"job-{self.begun}"})
        if request.path.endswith(".mp4"):
            return as_media(FILM, "video/mp4")
        self.looks -= 1
        if self.looks > 0:
            return as_json({"status": "pending", "progress": 10}, 202)
        video = {"url": f"{self.recorder.url}/v1/made.mp4", "respect_moderation": True}
        usage = {"cost_in_usd_ticks": 4_000_000_000}
        return as_json({"status": "done", "video": video, "usage": usage, "model": "m"})


@pytest.fixture
def service(recorder: Recorder, home: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    from omnibind.bindings.ttv.xai import binding  # type: ignore[import-not-found]  # by path

    monkeypatch.setattr(binding.XAITTV, "every_s", 0.01)
    return Service(recorder)


def abandoned(service: Service) -> int:
    """Begin a job and lose patience with it; give its number."""
    with (
        Client(ttv=named(service.recorder, "xai", "/v1")) as client,
        pytest.raises(DeadlineExceeded),
    ):
        client.ttv.generate_video("A cat on a boat.", timeout_s=0.2)
    (job,) = [job for job in journal().jobs() if job.state == "running"]
    return job.number


def test_own_fake_a_job_that_was_left_is_resumed_by_both_clients(service: Service) -> None:
    number = abandoned(service)
    job = journal().job(number)
    assert (job.binding, job.job_id, job.about) == ("ttv/xai", "job-1", "A cat on a boat.")
    assert job.configuration["base_url"] == f"{service.recorder.url}/v1"
    service.looks = 2
    with Client(ttv=named(service.recorder, "xai", "/v1")) as client:
        assert [one.number for one in client.jobs.list()] == [number]
        film = client.jobs.resume(number)
    assert bytes(film) == FILM
    assert (film.meta.job_id, film.meta.cost_usd) == ("job-1", 0.4)
    assert film.meta.binding == "ttv/xai"
    assert journal().job(number).state == "done"

    async def again() -> Any:
        async with AsyncClient(ttv=named(service.recorder, "xai", "/v1")) as client:
            return await client.jobs.resume(number)

    assert bytes(asyncio.run(again())) == FILM
    assert service.begun == 1  # nothing was paid twice


def test_own_fake_a_client_that_names_no_binding_resumes_by_what_was_written_down(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = abandoned(service)
    service.looks = 0
    monkeypatch.setenv("XAI_API_KEY", "sk-of-the-environment")
    with Client() as client:
        assert bytes(client.jobs.resume(number)) == FILM
    assert service.recorder.requests[-2].header("authorization") == "Bearer sk-of-the-environment"


def test_own_fake_a_job_that_takes_too_long_goes_on(service: Service) -> None:
    number = abandoned(service)
    with (
        Client(ttv=named(service.recorder, "xai", "/v1")) as client,
        pytest.raises(DeadlineExceeded),
    ):
        client.jobs.resume(number, timeout_s=0.1)
    assert journal().job(number).state == "running"


def test_own_fake_who_cant_be_called_off_says_so(service: Service) -> None:
    number = abandoned(service)
    with (
        Client(ttv=named(service.recorder, "xai", "/v1")) as client,
        pytest.raises(NotSupported, match="no way to call a job off"),
    ):
        client.jobs.cancel(number)


def test_a_job_without_an_id_says_what_to_do(home: Path) -> None:
    number = journal().begin("ttv/xai", "generate_video", "m", "A cat.", {})
    with Client() as client:
        with pytest.raises(BadInput, match=f"job {number} has no id.*omnibind jobs forget"):
            client.jobs.resume(number)
        client.jobs.forget(number)
        with pytest.raises(BadInput, match=f"there is no job {number}"):
            client.jobs.resume(number)


def test_own_fake_a_job_that_failed_at_the_service_is_told_as_such(service: Service) -> None:
    number = abandoned(service)
    service.recorder.script = [as_json({"status": "failed", "error": "no more film"})]
    with (
        Client(ttv=named(service.recorder, "xai", "/v1")) as client,
        pytest.raises(CallFailed, match="no more film"),
    ):
        client.jobs.resume(number)
    job = journal().job(number)
    assert job.state == "failed"
    assert "no more film" in job.told


def test_own_fake_the_command_line_lists_resumes_and_forgets(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["jobs"]) == 0
    assert "no job was submitted" in capsys.readouterr().out
    number = abandoned(service)
    service.looks = 0
    monkeypatch.setenv("XAI_API_KEY", KEY)
    assert main(["jobs", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["number"], listed["state"], listed["job_id"]) == (number, "running", "job-1")
    film = tmp_path / "film.mp4"
    assert main(["jobs", "resume", str(number), "-o", str(film)]) == 0
    assert film.read_bytes().startswith(FILM[:100])
    capsys.readouterr()
    assert main(["jobs"]) == 0
    assert "ttv/xai" in capsys.readouterr().out
    assert main(["jobs", "cancel", str(number)]) == 1
    assert main(["jobs", "forget", str(number)]) == 0
    assert main(["jobs", "forget", str(number)]) == 2


def test_the_journal_holds_no_key(service: Service, home: Path) -> None:
    abandoned(service)
    for file in home.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file

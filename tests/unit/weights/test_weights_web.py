from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from omnibind.contracts.errors import FetchFailed
from omnibind.weights import web as fetching
from omnibind.weights.web import Net

if TYPE_CHECKING:
    from tests.unit.weights.conftest import WebServer


def quiet(done: int, total: int | None) -> None:
    return


def fetch(url: str, part: Path, **facts: object) -> bytes:
    fetching.download(url, part, quiet, **facts)  # type: ignore[arg-type]
    return part.read_bytes()


def broken(url: str, part: Path, **facts: object) -> None:
    with pytest.raises(FetchFailed, match="connection failed"):
        fetch(url, part, **facts)


def test_a_file_arrives_with_its_progress(web: WebServer, tmp_path: Path, weights: bytes) -> None:
    told: list[tuple[int, int | None]] = []
    url = web.serve("/w", weights)
    fetching.download(url, tmp_path / "w", lambda done, total: told.append((done, total)))
    assert (tmp_path / "w").read_bytes() == weights
    assert told[0] == (0, len(weights))
    assert told[-1] == (len(weights), len(weights))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_connection_that_breaks_is_taken_up_at_once(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    url = web.serve("/w", weights, tag='"1"', breaks=[100_000, 50_000])
    assert fetch(url, tmp_path / "w") == weights
    assert [seen.headers.get("range") for seen in web.gets("/w")] == [
        None,
        "bytes=100000-",
        "bytes=150000-",
    ]


def test_the_next_download_sends_only_what_is_missing(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    url = web.serve("/w", weights, tag='"1"', breaks=[200_000, 0])
    broken(url, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == weights[:200_000]
    assert fetch(url, tmp_path / "w") == weights
    last = web.gets("/w")[-1]
    assert last.headers["range"] == "bytes=200000-"
    assert last.headers["if-range"] == '"1"'
    assert last.sent == len(weights) - 200_000


def test_a_file_that_changed_meanwhile_is_fetched_anew(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    url = web.serve("/w", weights, tag='"1"', breaks=[200_000, 0])
    broken(url, tmp_path / "w")
    web.serve("/w", weights[::-1], tag='"2"')
    assert fetch(url, tmp_path / "w") == weights[::-1]


def test_a_server_without_ranges_restarts_cleanly(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    url = web.serve("/w", weights, tag='"1"', ranges=False, breaks=[200_000, 0])
    broken(url, tmp_path / "w")
    assert fetch(url, tmp_path / "w") == weights


def test_without_a_validator_only_a_pinned_file_is_resumed(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    url = web.serve("/w", weights, breaks=[200_000, 0])
    broken(url, tmp_path / "w", pinned=True)
    assert fetch(url, tmp_path / "w", pinned=True) == weights
    assert web.gets("/w")[-1].headers["range"] == "bytes=200000-"
    web.resources["/w"].breaks = [200_000, 0]
    broken(url, tmp_path / "v")
    assert fetch(url, tmp_path / "v") == weights
    assert "range" not in web.gets("/w")[-1].headers


def test_a_part_longer_than_the_file_is_thrown_away(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    url = web.serve("/w", weights, breaks=[200_000, 0])
    broken(url, tmp_path / "w", pinned=True)
    web.serve("/w", weights[:1000])
    assert fetch(url, tmp_path / "w", pinned=True) == weights[:1000]


def test_a_part_that_is_whole_already_asks_for_nothing(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    url = web.serve("/w", weights, tag='"1"')
    fetch(url, tmp_path / "w")
    assert fetch(url, tmp_path / "w") == weights
    assert len(web.gets("/w")) == 1


def test_a_part_of_another_url_is_not_taken_up(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    broken(web.serve("/v", weights[::-1], tag='"1"', breaks=[200_000, 0]), tmp_path / "w")
    assert fetch(web.serve("/w", weights, tag='"1"'), tmp_path / "w") == weights


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (503, "503 Service Unav")])
def test_a_refusal_says_its_status(web: WebServer, tmp_path: Path, status: int, words: str) -> None:
    url = web.serve("/w", b"no", status=status)
    with pytest.raises(FetchFailed, match=words):
        fetch(url, tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_no_server_at_all_is_a_failed_fetch(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: it refuses
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/w"
        with pytest.raises(FetchFailed, match="connection failed"):
            fetch(url, tmp_path / "w")


def test_a_redirect_never_leaves_encryption(web: WebServer, tmp_path: Path) -> None:
    there = {"Location": "http://user:secret@example.org/w"}
    url = web.serve("/w", b"", status=302, headers=there)
    with pytest.raises(FetchFailed, match=r"http://example\.org/w isn't encrypted"):
        fetch(url, tmp_path / "w")


def test_this_machine_is_reached_without_the_proxy(
    web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert fetch(web.serve("/w", b"w"), tmp_path / "w") == b"w"


def test_a_redirect_is_followed(web: WebServer, tmp_path: Path, weights: bytes) -> None:
    web.serve("/real", weights)
    url = web.serve("/w", b"", status=302, headers={"Location": "/real"})
    assert fetch(url, tmp_path / "w") == weights


def test_a_file_larger_than_the_disk_is_refused_before_it_is_sent(
    web: WebServer, tmp_path: Path, weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000))
    with pytest.raises(OSError, match=r"0\.5 MB are needed and 0\.0 MB are free") as caught:
        fetch(web.serve("/w", weights), tmp_path / "w")
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / "w").exists()


def test_a_trusted_host_may_go_without_encryption() -> None:
    net = Net(trusted=frozenset({"mirror.example:8080"}))
    with fetching.client("http://mirror.example:8080/x", net) as connection:
        (check,) = connection.event_hooks["request"]
        check(connection.build_request("GET", "http://mirror.example:8080/x"))
        with pytest.raises(FetchFailed, match="isn't encrypted"):
            check(connection.build_request("GET", "http://other.example/x"))

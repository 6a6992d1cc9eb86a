from __future__ import annotations

import datetime
import hashlib
import io
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from omnibind.contracts.errors import (
    BindingBroken,
    FetchFailed,
    NotOffered,
    Offline,
    Retired,
    SaveFailed,
    UnknownModel,
    WeightsDamaged,
)
from omnibind.weights import lockfile, store
from omnibind.weights import web as fetching
from omnibind.weights.catalogue import Model, ModelFile, Target
from omnibind.weights.pull import pull

if TYPE_CHECKING:
    from tests.unit.weights.conftest import WebServer


def pinned(path: str, content: bytes, *places: str) -> ModelFile:
    return ModelFile(path, len(content), hashlib.sha256(content).hexdigest(), list(places))


def target(*files: ModelFile, **facts: object) -> Target:
    model = Model(files=list(files), **facts)  # type: ignore[arg-type]
    return Target("tts", "tiny", {"joe": model})


def nothing_is_left_beside(folder: Path) -> bool:
    return [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_model_is_fetched_checked_and_whole(web: WebServer, weights: bytes) -> None:
    told: list[tuple[str, int, int | None]] = []
    tts = target(
        pinned("model.bin", weights, web.serve("/m", weights)),
        pinned("voices/a.bin", b"a", web.serve("/a", b"a")),
    )
    folder = pull(tts, "joe", progress=lambda *facts: told.append(facts))
    assert (folder / "model.bin").read_bytes() == weights
    assert (folder / "voices/a.bin").read_bytes() == b"a"
    assert store.presence(tts, "joe").state == "here"
    assert nothing_is_left_beside(folder)
    assert ("model.bin", len(weights), len(weights)) in told
    assert told[-1] == ("voices/a.bin", 1, 1)


def test_what_is_here_costs_no_request_even_offline(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tts = target(pinned("a", b"a", web.serve("/a", b"a")))
    folder = pull(tts, "joe")
    monkeypatch.setenv("OMNIBIND_OFFLINE", "1")
    assert pull(tts, "joe") == folder
    assert len(web.seen) == 1


def test_loading_what_was_pulled_hashes_nothing_again(
    web: WebServer, weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    tts = target(pinned("m", weights, web.serve("/m", weights)))
    folder = pull(tts, "joe")
    monkeypatch.setattr("omnibind.weights.integrity._remembered", {})
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    assert store.resolve(tts, "joe") == folder


def test_a_pull_hashes_each_file_once(
    web: WebServer, weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, hashed = hashlib.file_digest, []

    def count(file: io.BufferedReader, digest: str) -> object:
        hashed.append(file.name)
        return real(file, digest)

    monkeypatch.setattr(hashlib, "file_digest", count)
    pull(target(pinned("m", weights, web.serve("/m", weights))), "joe")
    assert len(hashed) == 1


def test_offline_nothing_is_asked(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIBIND_OFFLINE", "1")
    tts = target(pinned("a", b"a", web.serve("/a", b"a")))
    with pytest.raises(Offline, match="OMNIBIND_OFFLINE") as caught:
        pull(tts, "joe")
    assert caught.value.command == "omnibind pull tts/tiny/joe"
    assert web.seen == []


def test_a_source_that_answers_404_is_passed_over(web: WebServer) -> None:
    tts = target(pinned("a", b"a", web.url + "/gone", web.serve("/a", b"a")))
    assert (pull(tts, "joe") / "a").read_bytes() == b"a"


def test_when_all_sources_fail_each_is_named_with_its_reason(
    web: WebServer, tmp_path: Path, home: Path
) -> None:
    page = web.serve("/login?token=secret".partition("?")[0], b"<html>Log in", tag='"1"')
    tts = target(
        pinned("a", b"abc", web.url + "/gone", page + "?token=secret", f"file:{tmp_path}/not-there")
    )
    with pytest.raises(FetchFailed) as caught:
        pull(tts, "joe")
    reasons = [str(error) for error in caught.value.errors]
    assert reasons[0] == f"{web.url}/gone: the server answered 404 Not Found"
    assert "has 12 bytes, expected 3 (it looks like a web page" in reasons[1]
    assert "No such file" in reasons[2]
    assert all(reason in str(caught.value) for reason in reasons)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "omnibind pull tts/tiny/joe" in str(caught.value)
    assert store.presence(tts, "joe").state == "absent"
    assert not any(path.is_file() for path in home.rglob("*"))
    assert list((home / "models/tts/tiny").iterdir()) == []


def test_a_source_with_a_flipped_byte_is_refused_for_the_next(
    web: WebServer, weights: bytes
) -> None:
    flipped = bytearray(weights)
    flipped[1000] ^= 1
    wrong, right = web.serve("/wrong", bytes(flipped)), web.serve("/right", weights)
    assert (pull(target(pinned("m", weights, wrong, right)), "joe") / "m").read_bytes() == weights
    with pytest.raises(FetchFailed) as caught:
        pull(Target("tts", "tiny", {"ann": Model(files=[pinned("m", weights, wrong)])}), "ann")
    for content in (flipped, weights):
        assert hashlib.sha256(content).hexdigest() in str(caught.value)


def test_a_download_broken_at_half_is_taken_up_by_the_next_pull(
    web: WebServer, weights: bytes
) -> None:
    half = len(weights) // 2
    url = web.serve("/m", weights, tag='"1"', breaks=[half, 0])
    tts = target(pinned("m", weights, url))
    with pytest.raises(FetchFailed, match="going on from what arrived"):
        pull(tts, "joe")
    assert store.presence(tts, "joe").state == "absent"
    folder = pull(tts, "joe")
    assert (folder / "m").read_bytes() == weights
    assert web.gets("/m")[-1].headers["range"] == f"bytes={half}-"
    assert web.gets("/m")[-1].sent == len(weights) - half
    assert nothing_is_left_beside(folder)


def test_a_part_kept_from_another_version_is_fetched_anew(web: WebServer, weights: bytes) -> None:
    url = web.serve("/m", weights[::-1], breaks=[1000, 0])  # no validator: nobody can notice
    tts = target(pinned("m", weights, url))
    with pytest.raises(FetchFailed):
        pull(tts, "joe")
    web.serve("/m", weights)
    assert (pull(tts, "joe") / "m").read_bytes() == weights


def test_files_fetched_before_a_failure_are_not_fetched_again(web: WebServer) -> None:
    tts = target(pinned("a", b"a", web.serve("/a", b"a")), pinned("b", b"b", web.url + "/b"))
    with pytest.raises(FetchFailed, match="b of tts/tiny/joe"):
        pull(tts, "joe")
    assert store.presence(tts, "joe").state == "partial"
    web.serve("/b", b"b")
    pull(tts, "joe")
    assert len(web.gets("/a")) == 1


@pytest.mark.parametrize("damage", [b"B", b"", b"<html>"])
def test_a_damaged_file_is_mended_by_pull_and_the_sound_one_is_kept(
    web: WebServer, damage: bytes
) -> None:
    tts = target(pinned("a", b"a", web.serve("/a", b"a")), pinned("b", b"b", web.serve("/b", b"b")))
    folder = pull(tts, "joe")
    (folder / "b").write_bytes(damage)
    with pytest.raises(WeightsDamaged):
        store.resolve(tts, "joe")
    assert pull(tts, "joe") == folder
    assert (folder / "b").read_bytes() == b"b"
    assert (len(web.gets("/a")), len(web.gets("/b"))) == (1, 2)


def test_parts_are_joined_each_from_its_own_alternatives(
    web: WebServer, tmp_path: Path, weights: bytes
) -> None:
    (tmp_path / "second").write_bytes(weights[1000:])
    digest = hashlib.sha256(weights).hexdigest()
    parts = [
        [web.url + "/gone", web.serve("/first", weights[:1000])],
        [f"file:{tmp_path}/second"],
    ]
    folder = pull(target(ModelFile("m", len(weights), digest, parts=parts)), "joe")
    assert (folder / "m").read_bytes() == weights
    assert nothing_is_left_beside(folder)


def test_parts_that_do_not_make_the_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    tts = target(ModelFile("m", 2, "0" * 64, parts=[[f"file:{tmp_path}/x"]] * 2))
    with pytest.raises(FetchFailed, match="its 2 parts together: has sha256"):
        pull(tts, "joe")


def test_a_file_without_a_published_hash_is_pinned_by_what_came_first(web: WebServer) -> None:
    tts = target(ModelFile("a", sources=[web.serve("/a", b"first")]))
    folder = pull(tts, "joe")
    locked = lockfile.entries()["tts/tiny/joe"].files["a"]
    assert (locked.bytes, locked.sha256) == (5, hashlib.sha256(b"first").hexdigest())
    (folder / "a").write_bytes(b"FIRST")
    with pytest.raises(WeightsDamaged):
        store.resolve(tts, "joe")
    store.remove(tts, "joe")
    web.serve("/a", b"second")
    assert (pull(tts, "joe") / "a").read_bytes() == b"second"


def test_a_web_page_is_refused_even_where_no_hash_is_published(web: WebServer) -> None:
    tts = target(ModelFile("a.bin", sources=[web.serve("/a", b" <!doctype html>Log in")]))
    with pytest.raises(FetchFailed, match="it is a web page"):
        pull(tts, "joe")


def test_two_pulls_at_once_in_threads_fetch_once(web: WebServer, weights: bytes) -> None:
    tts = target(pinned("m", weights, web.serve("/m", weights)))
    start = threading.Barrier(4)

    def go(_: int) -> Path:
        start.wait(10)
        return pull(tts, "joe")

    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(go, range(4)))
    assert len(folders) == 1
    assert len(web.gets("/m")) == 1


PULL = """
import sys
from omnibind.weights.catalogue import Model, ModelFile, Target
from omnibind.weights.pull import pull
url, size, digest = sys.argv[1:]
model = Model(files=[ModelFile("m", int(size), digest, [url])])
sys.stdin.readline()
print(pull(Target("tts", "tiny", {"joe": model}), "joe"))
"""


def test_two_pulls_at_once_in_processes_fetch_once(web: WebServer, weights: bytes) -> None:
    digest = hashlib.sha256(weights).hexdigest()
    arguments = [web.serve("/m", weights), str(len(weights)), digest]
    command = [sys.executable, "-c", PULL, *arguments]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    folders = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0]
    assert len(folders) == 1
    assert len(web.gets("/m")) == 1


def test_a_model_that_does_not_fit_is_refused_before_anything_is_sent(
    web: WebServer, weights: bytes, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000))
    tts = target(pinned("m", weights, web.serve("/m", weights)))
    with pytest.raises(SaveFailed, match=r"0\.5 MB are needed and 0\.0 MB are free"):
        pull(tts, "joe")
    assert web.seen == []
    assert list((home / "models/tts/tiny").iterdir()) == []


def test_a_disk_that_fills_up_meanwhile_leaves_no_half_file(
    web: WebServer, weights: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root on Linux can mount a small disk")
    try:
        monkeypatch.setenv("OMNIBIND_HOME", str(small))
        monkeypatch.setattr(fetching, "check_space", lambda *_: None)
        with pytest.raises(SaveFailed, match="No space left on device") as caught:
            pull(target(pinned("m", weights, web.serve("/m", weights))), "joe")
        assert "OMNIBIND_HOME" in str(caught.value)
        assert [path for path in small.rglob("*") if path.is_file()] == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_home_under_a_file_is_a_typed_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("OMNIBIND_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(SaveFailed, match="set OMNIBIND_HOME"):
        pull(target(pinned("a", b"a", "file:/a")), "joe")


def test_a_retired_model_names_its_successor_but_stays_usable_where_it_is(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    file = pinned("a", b"a", f"file:{tmp_path}/a")
    old = target(file, retired_on=datetime.date(2020, 1, 1), successor="ann")
    with pytest.raises(Retired, match="2020-01-01; its successor is ann") as caught:
        pull(old, "joe")
    assert caught.value.command == "omnibind pull tts/tiny/ann"
    folder = pull(target(file, retired_on=datetime.date(2999, 1, 1)), "joe")
    assert pull(old, "joe") == folder


def test_an_unknown_model_and_one_without_files_are_refused() -> None:
    tts = target(pinned("a", b"a", "file:/a"))
    with pytest.raises(UnknownModel, match="did you mean 'joe'"):
        pull(tts, "jo")
    with pytest.raises(NotOffered, match="needs no weights"):
        pull(Target("tts", "tiny", {"remote": Model()}), "remote")


def test_a_built_model_is_made_from_its_files_and_checked_from_then_on(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    tts = target(pinned("a", b"abc", f"file:{tmp_path}/a"), build="assemble")

    def assemble(files: Path, into: Path) -> None:
        (into / "sub").mkdir()
        (into / "sub/made.bin").write_bytes((files / "a").read_bytes()[::-1])

    with pytest.raises(BindingBroken, match="built by assemble"):
        pull(tts, "joe")
    folder = pull(tts, "joe", build=assemble)
    assert (folder / "sub/made.bin").read_bytes() == b"cba"
    assert not (folder / "a").exists()
    assert store.presence(tts, "joe").state == "here"
    (folder / "sub/made.bin").write_bytes(b"xxx")
    with pytest.raises(WeightsDamaged, match=r"made\.bin"):
        store.resolve(tts, "joe")


def test_an_interrupted_pull_frees_its_lock(web: WebServer, weights: bytes) -> None:
    tts = target(pinned("m", weights, web.serve("/m", weights)))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(tts, "joe", progress=interrupt)
    assert (pull(tts, "joe") / "m").read_bytes() == weights


def test_a_damaged_lock_says_what_to_do(home: Path) -> None:
    home.mkdir()
    (home / "models.lock").write_text("{half")
    with pytest.raises(ValueError, match="delete it, then pull again"):
        lockfile.entries()
    assert [path.name for path in home.iterdir()] == ["models.lock"]


def test_without_a_network_every_source_says_why_and_nothing_is_left(home: Path) -> None:
    nowhere = ["http://127.0.0.1:1/a.bin", "https://127.0.0.1:1/a.bin"]
    target = Target(
        "tts", "probe", {"small": Model(files=[ModelFile("a.bin", 3, sources=nowhere)])}
    )
    with pytest.raises(FetchFailed, match="run: omnibind pull tts/probe/small") as caught:
        pull(target, "small")
    assert len(caught.value.errors) == 2
    assert all("the connection failed" in str(error) for error in caught.value.errors)
    assert not [path for path in home.rglob("*") if path.is_file()]

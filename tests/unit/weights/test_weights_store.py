from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from omnibind.contracts.errors import (
    BadInput,
    NotOffered,
    UnknownModel,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.weights import integrity, places, records, store
from omnibind.weights.catalogue import Model, ModelFile, Target

A, B = b"first file" * 100, b"second"
WHOLE = {"model.bin": A, "voices/b.bin": B}


def pinned(path: str, content: bytes) -> ModelFile:
    digest = hashlib.sha256(content).hexdigest()
    return ModelFile(path, len(content), digest, [f"file:/nowhere/{path}"])


MODEL = Model(license="MIT", files=[pinned("model.bin", A), pinned("voices/b.bin", B)])
TARGET = Target("tts", "tiny", {"joe": MODEL, "org/name": MODEL, "remote": Model(voices=["x"])})


def put(root: Path, model: str = "joe", contents: Mapping[str, bytes] = WHOLE) -> Path:
    folder = root / "models" / "tts" / "tiny" / model
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def forget_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "_remembered", {})


def test_presence_tells_absent_partial_wrong_and_here(home: Path) -> None:
    absent = store.presence(TARGET, "joe")
    assert (absent.state, absent.bytes_here, absent.bytes_total) == ("absent", 0, len(A + B))
    folder = put(home, contents={"model.bin": A})
    assert absent.folder == folder
    partial = store.presence(TARGET, "joe")
    assert (partial.state, partial.bytes_here) == ("partial", len(A))
    assert "b.bin is missing" in partial.problem
    put(home, contents={"voices/b.bin": B + b"!"})
    wrong = store.presence(TARGET, "joe")
    assert wrong.state == "wrong size"
    assert "has 7 bytes, expected 6" in wrong.problem
    put(home)
    assert store.presence(TARGET, "joe") == ("here", len(A + B), len(A + B), folder, "")


def test_a_folder_in_place_of_a_file_is_not_here(home: Path) -> None:
    put(home, contents={"model.bin/inner": A, "voices/b.bin": B})
    assert store.presence(TARGET, "joe").state == "wrong size"


def test_a_model_of_a_hub_name_nests(home: Path) -> None:
    folder = put(home, "org/name")
    assert store.resolve(TARGET, "org/name") == folder


def test_missing_weights_say_the_exact_command(home: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"0\.0 MB, MIT") as caught:
        store.resolve(TARGET, "joe")
    assert caught.value.command == "omnibind pull tts/tiny/joe"
    put(home, contents={"model.bin": A})
    with pytest.raises(WeightsMissing, match="aren't whole"):
        store.resolve(TARGET, "joe")


def test_an_unknown_model_is_told_the_near_name() -> None:
    with pytest.raises(UnknownModel, match="did you mean 'joe'"):
        store.resolve(TARGET, "joee")


def test_a_model_without_files_is_always_here_and_has_no_folder() -> None:
    assert store.presence(TARGET, "remote").state == "here"
    with pytest.raises(NotOffered, match="needs no weights"):
        store.resolve(TARGET, "remote")


def test_one_flipped_byte_is_found_with_file_and_both_hashes(home: Path) -> None:
    folder = put(home)
    assert store.resolve(TARGET, "joe") == folder
    flipped = bytearray(A)
    flipped[500] ^= 1
    (folder / "model.bin").write_bytes(flipped)
    with pytest.raises(WeightsDamaged) as caught:
        store.resolve(TARGET, "joe")
    found = hashlib.sha256(flipped).hexdigest()
    assert caught.value.command == "omnibind pull tts/tiny/joe"
    for words in ("model.bin", found, MODEL.files[0].sha256 or ""):
        assert words in str(caught.value)


def test_a_file_cut_short_is_damaged(home: Path) -> None:
    put(home, contents={"model.bin": A[:-1], "voices/b.bin": B})
    with pytest.raises(WeightsDamaged, match="has 999 bytes, expected 1000"):
        store.resolve(TARGET, "joe")


def test_a_web_page_in_place_of_weights_is_called_so(home: Path) -> None:
    put(home, contents={"model.bin": b"<!DOCTYPE html><title>Log in</title>", "voices/b.bin": B})
    with pytest.raises(WeightsDamaged, match="looks like a web page"):
        store.resolve(TARGET, "joe")


def test_an_unchanged_file_is_not_hashed_again_in_this_process_or_the_next(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(home)
    store.resolve(TARGET, "joe")
    forget_hashes(monkeypatch)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    assert store.resolve(TARGET, "joe") == folder


def test_a_stamp_that_is_damaged_only_costs_time(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(home)
    (folder / integrity.STAMP_NAME).write_text("{half")
    forget_hashes(monkeypatch)
    assert store.resolve(TARGET, "joe") == folder


def test_a_changed_file_with_its_old_times_is_hashed_again(home: Path) -> None:
    folder = put(home)
    store.resolve(TARGET, "joe")
    before = (folder / "voices/b.bin").stat()
    (folder / "voices/b.bin").write_bytes(b"SECOND")
    os.utime(folder / "voices/b.bin", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsDamaged, match=r"b\.bin"):
        store.resolve(TARGET, "joe")


def test_a_file_written_again_within_one_tick_of_the_clock_is_hashed_again(tmp_path: Path) -> None:
    file = tmp_path / "quick"
    for number in range(5):
        file.write_bytes(b"%d" % number)
        assert integrity.sha256_of(file) == hashlib.sha256(b"%d" % number).hexdigest()


def test_a_folder_that_can_not_be_written_works(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(home)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(records, "write", refuse)
    assert store.resolve(TARGET, "joe") == folder
    assert not (folder / integrity.STAMP_NAME).exists()


def test_a_whole_copy_in_the_home_wins_over_a_broken_one_in_the_checkout(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    inside = put(tmp_path, contents={"model.bin": A})
    assert store.home_of(TARGET, "joe") == inside
    folder = put(home)
    assert store.resolve(TARGET, "joe") == folder
    put(tmp_path)
    assert store.resolve(TARGET, "joe") == inside


def test_remove_frees_the_model_and_its_unfinished_downloads_alone(home: Path) -> None:
    folder = put(home)
    other = put(home, "ann")
    workplace = store.workplace_of(folder)
    workplace.mkdir()
    (workplace / "x.part").write_bytes(b"12345")
    assert store.remove(TARGET, "joe") == len(A + B) + 5
    assert not folder.exists()
    assert not workplace.exists()
    assert other.exists()
    assert list(folder.parent.iterdir()) == [other]
    assert store.remove(TARGET, "joe") == 0


def test_remove_leaves_no_empty_folders_but_keeps_the_checkouts_readme(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    put(tmp_path, "org/name")
    (tmp_path / "models" / "README.md").write_text("what lies here")
    store.remove(TARGET, "org/name")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["README.md"]


def test_remove_takes_a_model_that_no_catalogue_lists_any_more(home: Path) -> None:
    folder = put(home, "old")
    assert store.remove(TARGET, "old") > 0
    assert not folder.exists()


@pytest.mark.parametrize("model", ["org", "nobody", "../../other"])
def test_remove_refuses_what_is_no_model(home: Path, model: str) -> None:
    folder = put(home, "org/unlisted")
    with pytest.raises(UnknownModel):
        store.remove(TARGET, model)
    assert folder.exists()


def test_remove_follows_no_links(home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "model.bin").write_bytes(A)
    folder = home / "models/tts/tiny/joe"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(mine)
    assert store.remove(TARGET, "joe") == 0
    assert not folder.is_symlink()
    assert (mine / "model.bin").read_bytes() == A


def test_remove_refuses_a_folder_behind_a_link(home: Path, tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere")
    (home / "models").mkdir(parents=True)
    (home / "models/tts").symlink_to(elsewhere.parents[1])
    with pytest.raises(BadInput, match="through a link"):
        store.remove(TARGET, "joe")
    assert (elsewhere / "model.bin").exists()


def test_installed_lists_every_folder_of_weights(home: Path) -> None:
    put(home)
    put(home, "org/name")
    put(home, ".joe.part")
    (home / "models/tts/empty").mkdir()
    found = store.installed()
    assert [(one.modality, one.name, one.model) for one in found] == [
        ("tts", "tiny", "joe"),
        ("tts", "tiny", "org/name"),
    ]
    assert found[0].bytes == len(A + B)

import errno
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omnibind.contracts.errors import BadInput, SaveFailed
from omnibind.contracts.media import Audio, Image, Segment, Transcript, Video
from omnibind.contracts.media import save as saving
from omnibind.contracts.media.save import encode

AUDIO = Audio.from_array((0.3 * np.sin(np.arange(8000) / 5)).astype(np.float32), 16000)
IMAGE = Image.from_array(np.zeros((8, 10, 3), np.uint8))
VIDEO = Video.from_frames([np.zeros((16, 16, 3), np.uint8)] * 3, 3)
TEXT = Transcript("Grüße.", [Segment(0.0, 1.0, "Grüße.")], language="de")


def names(folder: Any) -> Any:
    return sorted(place.name for place in folder.iterdir())


@pytest.mark.parametrize(
    ("media", "ending", "kind"),
    [
        (AUDIO, ".flac", "audio/flac"),
        (AUDIO, ".MP3", "audio/mpeg"),
        (IMAGE, ".jpg", "image/jpeg"),
        (IMAGE, ".webp", "image/webp"),
    ],
)
def test_the_ending_decides_the_format(media: Any, ending: str, kind: Any, tmp_path: Path) -> None:
    place = media.save(tmp_path / f"out{ending}")
    assert place == tmp_path / f"out{ending}"
    assert type(media).from_file(place).media_type == kind
    assert names(tmp_path) == [place.name]


@pytest.mark.parametrize(("media", "ending"), [(AUDIO, ".wav"), (IMAGE, ".png"), (VIDEO, ".mp4")])
def test_the_same_format_is_written_unchanged(media: Any, ending: str, tmp_path: Path) -> None:
    assert media.save(str(tmp_path / f"out{ending}")).read_bytes() == media
    assert encode(media, ending) is media


def test_content_that_is_kept_as_it_is_needs_no_encoder(tmp_path: Path) -> None:
    gif = Image(b"GIF89a" + bytes(20))
    assert gif.save(tmp_path / "a.gif").read_bytes() == gif
    with pytest.raises(BadInput, match="can't be decoded"):
        gif.save(tmp_path / "a.png")
    with pytest.raises(BadInput, match="unknown"):
        IMAGE.save(tmp_path / "b.gif")
    assert names(tmp_path) == ["a.gif"]


def test_a_transcript_is_written_in_its_four_formats(tmp_path: Path) -> None:
    assert TEXT.save(tmp_path / "a.txt").read_text("utf-8") == "Grüße.\n"
    assert TEXT.save(tmp_path / "a.srt").read_text("utf-8") == TEXT.srt()
    assert TEXT.save(tmp_path / "a.vtt").read_text("utf-8") == TEXT.vtt()
    assert json.loads(TEXT.save(tmp_path / "a.json").read_text("utf-8")) == {
        "text": "Grüße.",
        "language": "de",
        "language_probability": None,
        "duration_s": None,
        "segments": [{"start": 0.0, "end": 1.0, "text": "Grüße.", "words": [], "speaker": None}],
    }


@pytest.mark.parametrize(
    ("media", "name", "known"),
    [
        (AUDIO, "a.xyz", ".wav, .flac, .ogg, .mp3, .opus, .m4a"),
        (AUDIO, "a", ".wav, .flac"),
        (AUDIO, "a.png", ".wav, .flac"),
        (IMAGE, "a.wav", ".png, .jpg, .jpeg, .webp"),
        (VIDEO, "a.avi", ".mp4"),
        (TEXT, "a.doc", ".txt, .srt, .vtt, .json"),
    ],
)
def test_an_unknown_ending_is_refused_with_the_known_ones(
    media: Any, name: str, known: Any, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="unknown for") as caught:
        media.save(tmp_path / name)
    assert known in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", [None, 3, "a\0.wav"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(BadInput, match="isn't a path"):
        AUDIO.save(path)


def test_a_missing_folder_a_file_as_a_folder_and_a_folder_as_a_file_are_said(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.wav").mkdir()
    for place, words in (
        (tmp_path / "no" / "such" / "a.wav", "isn't there; make it first"),
        (tmp_path / "file" / "a.wav", "is a file, not a folder"),
        (tmp_path / "file" / "b" / "a.wav", "is a file, not a folder"),
        (tmp_path / "folder.wav", "is a folder"),
        (tmp_path / ("n" * 300 + ".wav"), "too long"),
    ):
        with pytest.raises(SaveFailed, match=words) as caught:
            AUDIO.save(place)
        assert str(place) in str(caught.value)
        assert isinstance(caught.value, OSError)
    assert names(tmp_path) == ["file", "folder.wav"]


@pytest.fixture
def full_device(tmp_path: Path) -> Path:
    """A device that is always full; as root a node of our own, so that no fault harms the real."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    if os.geteuid() != 0:
        return Path("/dev/full")
    place = tmp_path / "full"
    try:
        os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        place.open("wb").close()
    except OSError:
        pytest.skip("no device can be made here, and root must not risk the real one")
    return place


def test_a_full_device_is_said_and_stays_a_device(tmp_path: Path, full_device: Path) -> None:
    link = tmp_path / "full.wav"
    link.symlink_to(full_device)
    before = names(tmp_path)
    for place in (full_device, link):
        with pytest.raises(SaveFailed, match="disk is full") as caught:
            AUDIO.save(place)
        assert caught.value.errno == errno.ENOSPC
    assert full_device.is_char_device()
    assert link.is_symlink()
    assert names(tmp_path) == before


@pytest.mark.parametrize(("media", "content"), [(AUDIO, AUDIO), (TEXT, "Grüße.\n".encode())])
def test_a_pipe_without_an_ending_gets_the_content_as_it_is(
    media: Any, content: bytes, tmp_path: Path
) -> None:
    place = tmp_path / "pipe"
    os.mkfifo(place)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(place.read_bytes()), daemon=True)
    reader.start()
    media.save(place)
    assert place.is_fifo()
    reader.join(5)
    assert got == [content]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("step", ["write", "fsync"])
def test_an_existing_file_is_kept_when_saving_fails_and_nothing_else_stays(
    step: Any, number: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "kept.wav"
    place.write_bytes(b"what was there")

    def fail(*args: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(SaveFailed, match=r"kept\.wav") as caught:
        AUDIO.save(place)
    monkeypatch.undo()
    assert caught.value.errno == number
    assert place.read_bytes() == b"what was there"
    assert names(tmp_path) == ["kept.wav"]


def test_an_interrupted_save_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        AUDIO.save(tmp_path / "a.wav")
    assert names(tmp_path) == []


def test_the_file_appears_whole_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = os.fsync

    def look(descriptor: int) -> None:
        seen.append(names(tmp_path))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    AUDIO.save(tmp_path / "a.wav")
    assert len(seen) == 1
    assert "a.wav" not in seen[0]


def test_permissions_are_the_users_own_and_an_existing_files_are_kept(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        fresh = AUDIO.save(tmp_path / "fresh.wav")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o640
    fresh.chmod(0o600)
    AUDIO.save(fresh)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o600


def test_a_link_stays_a_link_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "t.wav", tmp_path / "link.wav"
    target.write_bytes(b"old")
    link.symlink_to(target)
    AUDIO.save(link)
    assert link.is_symlink()
    assert target.read_bytes() == AUDIO


def test_bytes_can_be_written_aside_on_their_own(tmp_path: Path) -> None:
    saving.write(tmp_path / "a.bin", b"content")
    assert (tmp_path / "a.bin").read_bytes() == b"content"

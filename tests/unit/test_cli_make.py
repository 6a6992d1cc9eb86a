from __future__ import annotations

import io
import sys
import threading
from pathlib import Path

import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter

from omnibind import Audio, Client, Event, Image, Video
from omnibind.cli import main, progress
from omnibind.contracts.binding import Progress

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def typed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "ascii"))


@pytest.mark.parametrize(("ending", "kind"), [("wav", "audio/wav"), ("mp3", "audio/mpeg")])
def test_speak_writes_what_the_ending_says(ending: str, kind: str, capsys: Capture) -> None:
    assert main(["speak", "The quick brown fox.", "-o", f"fox.{ending}", "--tts", "mock"]) == 0
    audio = Audio.from_file(f"fox.{ending}")
    assert audio.media_type == kind
    assert audio.duration_s > 1
    seen = capsys.readouterr()
    assert seen.out.startswith(f"fox.{ending}: 1.")
    assert seen.err == ""


def test_speak_reads_standard_input_as_utf_8_whatever_the_locale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "Grüße aus Łódź"
    typed(monkeypatch, text.encode() + b"\n")
    assert main(["speak", "-", "-o", "typed.wav", "--tts", "mock"]) == 0
    assert main(["speak", text, "-o", "given.wav", "--tts", "mock"]) == 0
    typed_s, given_s = (Audio.from_file(f"{name}.wav").duration_s for name in ("typed", "given"))
    assert typed_s == given_s


def test_standard_input_that_is_not_utf_8_is_wrong_use(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    typed(monkeypatch, b"Gr\xfc\xdfe")
    assert main(["speak", "-o", "a.wav", "--tts", "mock", "-"]) == 2
    assert "isn't UTF-8" in capsys.readouterr().err


def test_options_are_read_by_the_schema_of_the_binding() -> None:
    say = ["speak", "one two three", "--tts", "mock"]
    assert main([*say, "-o", "slow.wav"]) == 0
    assert main([*say, "-o", "fast.wav", "--option", "speed=2", "--option", "seed=7"]) == 0
    slow, fast = (Audio.from_file(f"{name}.wav").duration_s for name in ("slow", "fast"))
    assert fast == pytest.approx(slow / 2, rel=0.02)


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("speed=9", "option 'speed' of tts/mock is '9': it is above 2"),
        ("speed=fast", "option 'speed' of tts/mock is 'fast'"),
        ("language=es", "one of 'en', 'de', 'fr'"),
        ("speaking_rate=1", "the name here is 'speed'"),
        ("sped=1", "did you mean 'speed'"),
        ("speed", "'speed' isn't NAME=VALUE"),
        ("=1", "'=1' isn't NAME=VALUE"),
    ],
)
def test_a_wrong_option_is_wrong_use_and_nothing_is_written(
    pair: str, told: str, capsys: Capture
) -> None:
    assert main(["speak", "hi", "-o", "a.wav", "--tts", "mock", "--option", pair]) == 2
    seen = capsys.readouterr()
    assert seen.err.startswith("omnibind: ")
    assert seen.err.count("\n") == 1
    assert told in seen.err
    assert not Path("a.wav").exists()


@pytest.mark.parametrize("spec", ["mock", "mock/bass", "shipped:mock"])
def test_a_binding_is_named_in_every_spelling(spec: str) -> None:
    assert main(["speak", "hi", "-o", "a.wav", "--tts", spec]) == 0
    assert Audio.from_file("a.wav").duration_s > 0


def test_a_binding_is_named_by_the_path_of_its_folder(write_binding: BindingWriter) -> None:
    folder = write_binding()
    words = ["speak", "hello", "-o", "a.wav", "--tts", str(folder), "--option", "mood=wild"]
    assert main([*words, "--voice", "high"]) == 0
    assert Audio.from_file("a.wav").duration_s == pytest.approx(0.25)


def test_the_binding_may_be_chosen_by_the_users_own_default(home: Path) -> None:
    (home / "configs").mkdir(parents=True)
    (home / "configs" / "default.yaml").write_text("tts: {binding: mock, model: bass}\n")
    assert main(["speak", "hi", "-o", "own.wav"]) == 0
    assert main(["speak", "hi", "-o", "bass.wav", "--tts", "mock/bass"]) == 0
    assert Path("own.wav").read_bytes() == Path("bass.wav").read_bytes()
    assert main(["imagine", "a cat", "-o", "cat.png"]) == 0  # the shipped default stands under it


def test_pictures_music_effects_and_films_are_made() -> None:
    assert main(["imagine", "a cat", "-o", "cat.png"]) == 0
    assert main(["imagine", "a cat", "-o", "cat.jpg", "--option", "width=64"]) == 0
    assert main(["compose", "a tune", "-o", "tune.flac", "--option", "duration_s=1"]) == 0
    assert main(["effect", "a dog barks", "-o", "bark.wav"]) == 0
    assert main(["effect", "a gong", "-o", "gong.mp3", "--sfx", "mock/gong"]) == 0
    assert main(["film", "a cat", "-o", "cat.mp4", "--option", "width=64"]) == 0
    assert Image.from_file("cat.png").media_type == "image/png"
    assert (Image.from_file("cat.jpg").media_type, Image.from_file("cat.jpg").width) == (
        "image/jpeg",
        64,
    )
    assert Audio.from_file("tune.flac").duration_s == pytest.approx(1)
    assert Audio.from_file("bark.wav").duration_s == pytest.approx(1.5)  # three words
    assert Audio.from_file("gong.mp3").media_type == "audio/mpeg"
    assert Video.from_file("cat.mp4").width == 64


@pytest.mark.parametrize(
    ("place", "code", "told"),
    [
        ("a.xyz", 2, "the ending .xyz is unknown for a sound; choose one of .wav"),
        ("a", 2, "a name without an ending is unknown for a sound"),
        ("missing/a.wav", 1, "'missing' isn't a folder; make it first"),
        (".", 1, "is a folder; give the name of a file in it"),
        ("file/a.wav", 1, "'file' isn't a folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    place: str, code: int, told: str, capsys: Capture, write_binding: BindingWriter
) -> None:
    Path("file").touch()
    # This one would fail otherwise: the work must not even begin.
    folder = write_binding(
        code=CODE.replace("frames =", "raise RuntimeError('begun')\n        f =")
    )
    assert main(["speak", "hi", "-o", place, "--tts", str(folder)]) == code
    assert told in capsys.readouterr().err


def test_an_engine_that_fails_keeps_the_file_that_was_there(
    capsys: Capture, write_binding: BindingWriter
) -> None:
    Path("a.wav").write_text("before")
    folder = write_binding(code=CODE.replace("frames =", "raise RuntimeError('no')\n        f ="))
    assert main(["speak", "hi", "-o", "a.wav", "--tts", str(folder)]) == 1
    assert "tts/probe failed: RuntimeError: no" in capsys.readouterr().err
    assert Path("a.wav").read_text() == "before"


def test_a_warning_goes_to_standard_error_and_the_work_is_done(
    capsys: Capture, write_binding: BindingWriter
) -> None:
    code = CODE.replace(
        "return Audio.from_array((tone * 20000).astype(np.int16), self.rate)",
        "from omnibind.contracts.media import Meta\n        return Audio.from_array((tone * 20000)"
        '.astype(np.int16), self.rate)._with_meta(Meta(warnings=("it is cold",)))',
    )
    folder = write_binding(code=code)
    assert main(["speak", "hi", "-o", "a.wav", "--tts", str(folder)]) == 0
    assert capsys.readouterr().err == "omnibind: warning: it is cold\n"


def test_a_binding_that_is_not_ready_says_the_command_that_mends_it(
    capsys: Capture, write_binding: BindingWriter
) -> None:
    folder = write_binding(manifest=MANIFEST + "requires: [no-such-package-here]\n")
    assert main(["speak", "hi", "-o", "a.wav", "--tts", str(folder)]) == 1
    assert 'run: pip install "no-such-package-here"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["speak", "hi"], "give -o FILE, -o - or --play"),
        (["speak", "-o", "a.wav"], "TEXT requires an argument"),
        (["speak", "hi", "there", "-o", "a.wav"], "there"),
        (["speak", "hi", "-o", "a.wav", "--vioce", "x"], "Did you mean --voice?"),
        (["speak", "hi", "-o", "a.wav", "--tts", "mok"], "did you mean 'mock'?"),
        (["speak", "hi", "-o", "a.wav", "--tts", "mock", "--voice", "bob"], "'bob' is unknown"),
        (["speak", " ", "-o", "a.wav", "--tts", "mock"], "give some words"),
        (["speek", "hi"], 'Did you mean "speak"?'),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    words: list[str], told: str, capsys: Capture
) -> None:
    assert main(words) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("omnibind: ")
    assert seen.err.count("\n") == 1
    assert told in seen.err


def test_debug_anywhere_adds_the_traceback(capsys: Capture) -> None:
    words = ["speak", "hi", "-o", "a.wav", "--tts", "mok"]
    for place in range(len(words)):
        assert main([*words[:place], "--debug", *words[place:]]) == 2
        seen = capsys.readouterr().err
        assert "Traceback (most recent call last)" in seen
        assert seen.splitlines()[-1].startswith("omnibind: ")


def test_what_stands_behind_two_dashes_is_text() -> None:
    assert main(["speak", "-o", "a.wav", "--tts", "mock", "--", "--debug"]) == 0
    assert Audio.from_file("a.wav").duration_s > 0


def test_an_error_of_another_kind_is_still_one_line(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise ZeroDivisionError("it\nbroke")

    monkeypatch.setattr("omnibind.cli.saving.check_place", fail)
    assert main(["speak", "hi", "-o", "a.wav"]) == 1
    assert capsys.readouterr().err.startswith("omnibind: ZeroDivisionError: it broke; ")


@pytest.mark.parametrize(
    "words", [["-", "-o", "-"], ["-o", "-", "-"], ["--output", "-", "--tts", "mock", "-"]]
)
def test_a_sound_goes_to_standard_output_while_it_is_made(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    typed(monkeypatch, b"One two three. Four five six.")
    more = [] if "mock" in words else ["--tts", "mock"]
    assert main(["speak", *words, *more]) == 0
    sound = Audio(capfdbinary.readouterr().out)
    assert sound.media_type == "audio/wav"
    whole = Client(tts="mock").tts.generate_audio("One two three. Four five six.")
    assert len(sound.array()) == pytest.approx(len(whole.array()), rel=0.05)


def test_a_sound_with_nowhere_to_go_is_wrong_use(capsys: Capture) -> None:
    assert main(["speak", "hi", "--tts", "mock"]) == 2
    assert main(["speak", "hi", "--tts", "mock", "-o", "-", "--play"]) == 2
    assert capsys.readouterr().err.count("omnibind: ") == 2


def test_a_call_shows_a_bar_once_it_takes_longer(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    seen = Terminal()
    monkeypatch.setattr(sys, "stderr", seen)
    monkeypatch.setattr(progress, "SHOWN_AFTER_S", 0.0)
    drawn = threading.Event()
    show = progress._Bar.show

    def shown(bar: progress._Bar) -> None:
        show(bar)
        drawn.set()

    monkeypatch.setattr(progress._Bar, "show", shown)
    with progress.at_work("ttv/mock") as heard:
        assert drawn.wait(timeout=30)
        heard(Event("progress", "1", "generate_video", progress=Progress(0.5, "frame 5/10")))
    assert "ttv/mock: frame 5/10" in seen.getvalue()
    assert "50%" in seen.getvalue()
    seen.truncate(0)
    monkeypatch.setattr(progress, "SHOWN_AFTER_S", 3600.0)
    assert main(["film", "a race", "-o", "race.mp4", "--ttv", "mock"]) == 0
    assert seen.getvalue().strip("\x00") == ""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import PIL.Image
import pytest

from omnibind.calls.verification import RULES, Expected, off_of, verify
from omnibind.calls.verification.length import bounds, counts
from omnibind.calls.verification.transcripts import loop
from omnibind.contracts.errors import BadOption, BadOutput
from omnibind.contracts.media import Audio, Image, Segment, Source, Transcript, Video
from omnibind.managers.tts import TTSBindingManager

ROOT = Path(__file__).resolve().parents[2]
FOX = Audio.from_file(ROOT / "tests" / "fox.flac")
RATE = 8000
TONE = np.sin(np.arange(4 * RATE) * 0.1) * 0.3
TEXT = "The quick brown fox jumps over the lazy dog and doesn't look back."
JSON = b'{"error": {"message": "quota used up", "api_key": "sk-abc123DEF456ghi789"}}'
HTML = b"<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>"

NOTHING = Expected()
Result = Audio | Image | Video | Transcript


def sound(samples: Any, rate: int = RATE) -> Audio:
    return Audio.from_array(np.asarray(samples, np.float32), rate)


def saved(result: Audio | Image, ending: str, folder: Path) -> bytes:
    return result.save(folder / f"made.{ending}").read_bytes()


def picture(*colour: int, size: int = 32) -> Image:
    return Image.from_array(np.full((size, size, len(colour)), colour, np.uint8))


def film(*frames: int) -> Video:
    return Video.from_frames([np.full((32, 32, 3), level, np.uint8) for level in frames], 8)


def noise(*shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 255, shape, np.uint8)


def refused(
    result: Result, label: str, expected: Expected = NOTHING, off: tuple[str, ...] = ()
) -> BadOutput:
    with pytest.raises(BadOutput, match=f"{label} returned") as caught:
        verify(result, label, expected, off)
    assert caught.value.result is result
    return caught.value


BAD: dict[str, list[tuple[str, Result, Expected]]] = {
    "empty": [
        ("tts/a", Audio(b""), Expected()),
        ("tts/a", sound([]), Expected()),
        ("tti/a", Image(b""), Expected()),
        ("ttv/a", Video(b""), Expected()),
    ],
    "text": [
        ("tts/a", Audio(JSON), Expected()),
        ("ttm/a", Audio(HTML), Expected()),
        ("sfx/a", Audio(HTML), Expected()),
        ("tti/a", Image(b'<?xml version="1.0"?><Error>AccessDenied</Error>'), Expected()),
        ("ttv/a", Video(b"Bad Gateway"), Expected()),
        ("tts/a", Audio(JSON.decode().encode("utf-16")), Expected()),
    ],
    "decodes": [
        ("tts/a", Audio(b"RIFF"), Expected()),
        ("tts/a", Audio(bytes(FOX)[: len(FOX) // 2]), Expected()),
        ("tti/a", Image(bytes(Image.from_array(noise(64, 64, 3)))[:6000]), Expected()),
        ("tti/a", Image(bytes(range(128, 256)) * 9), Expected()),
        ("ttv/a", Video(bytes(Video.from_frames(noise(9, 64, 64, 3), 8))[:9000]), Expected()),
    ],
    "nan": [
        ("tts/a", sound([*TONE, np.nan]), Expected()),
        ("ttm/a", sound([*TONE, -np.inf]), Expected()),
    ],
    "silent": [
        ("tts/a", sound(np.zeros(RATE)), Expected("Hello there.", "en")),
        ("tts/a", sound(np.zeros(RATE)), Expected("[[həˈloʊ]]", "en")),
        ("ttm/a", sound(np.full((RATE, 2), 9e-5)), Expected("a slow waltz")),
    ],
    "flat": [
        ("ttm/a", sound(np.full(RATE, 0.25)), Expected()),
        ("tti/a", picture(200, 100, 0), Expected("a cat on a white background")),
        ("tti/a", picture(9, 200, 0, 0), Expected("a cat")),
        ("ttv/a", film(180, 180, 180, 180), Expected("a cat")),
    ],
    "clipped": [
        ("ttm/a", sound(np.sign(np.sin(np.arange(RATE) * 0.1))), Expected()),
        ("tts/a", sound(TONE * 32767), Expected()),
        ("ttm/a", Audio.from_array((np.sign(TONE) * 32767).astype(np.int16), RATE), Expected()),
    ],
    "black": [
        ("tti/a", picture(0, 0, 0), Expected("a black cat")),
        ("tti/a", picture(3), Expected()),
        ("tti/a", picture(0, 0, 0, 255), Expected()),
        ("ttv/a", film(0, 0, 0, 0), Expected("a storm at night over the sea")),
    ],
    "length": [
        ("tts/a", sound(TONE[:4000]), Expected(TEXT, "en-GB")),
        ("tts/a", sound(TONE[:2000]), Expected(TEXT * 2)),
        ("tts/a", sound(np.tile(TONE, 15)), Expected(TEXT, "en")),
        ("tts/a", sound(np.tile(TONE, 100)), Expected("Guten Tag!", "de")),
        ("tts/a", sound([*TONE, *np.zeros(40 * RATE)]), Expected("Good morning.", "en")),
    ],
    "duration": [
        ("ttm/a", sound(TONE), Expected("a waltz", duration_s=9.0)),
        ("ttm/a", sound(TONE), Expected("a waltz", duration_s=1.9)),
        ("sfx/a", sound(TONE), Expected("a bell", duration_s=9.0)),
        ("ttv/a", film(*range(0, 240, 30)), Expected("rain", duration_s=5.0)),
    ],
    "repeats": [
        ("stt/a", Transcript("Thank you for watching. " * 100), Expected()),
        ("stt/a", Transcript("ご視聴ありがとうございました" * 30), Expected()),
        ("stt/a", Transcript("!" * 220), Expected()),
    ],
    "speech": [
        ("stt/a", Transcript(""), Expected(sound=Source.of(FOX))),
        ("stt/a", Transcript(" \n"), Expected(sound=Source.of(FOX))),
    ],
}
CASES = [
    pytest.param(rule, *case, id=f"{rule}-{number}")
    for rule, cases in BAD.items()
    for number, case in enumerate(cases, 1)
]


def test_every_rule_is_tried() -> None:
    assert list(BAD) == list(RULES)
    assert all(rule.name == name for name, rule in RULES.items())


@pytest.mark.parametrize(("rule", "label", "result", "expected"), CASES)
def test_a_bad_result_is_refused_by_its_rule_and_kept(
    rule: str, label: str, result: Result, expected: Expected
) -> None:
    assert refused(result, label, expected).rule == rule
    assert type(result).__name__.lower() in RULES[rule].of


@pytest.mark.parametrize(("rule", "label", "result", "expected"), CASES)
def test_a_rule_that_is_turned_off_refuses_nothing(
    rule: str, label: str, result: Result, expected: Expected
) -> None:
    if rule == "text":  # then it is bytes that don't decode
        assert refused(result, label, expected, ("text",)).rule == "decodes"
        assert verify(result, label, expected, ("text", "decodes")) == ()
    else:
        assert verify(result, label, expected, (rule,)) == ()


@pytest.mark.parametrize("ending", ["wav", "mp3", "flac", "ogg", "opus", "m4a"])
def test_half_a_sound_file_is_refused(tmp_path: Path, ending: str) -> None:
    whole = saved(FOX, ending, tmp_path)
    assert verify(Audio(whole), "tts/a") == ()
    assert refused(Audio(whole[: len(whole) // 2]), "tts/a").rule == "decodes"


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_half_a_picture_file_is_refused(tmp_path: Path, ending: str) -> None:
    whole = saved(Image.from_array(noise(64, 64, 3)), ending, tmp_path)
    assert verify(Image(whole), "tti/a") == ()
    assert refused(Image(whole[: len(whole) // 2]), "tti/a").rule == "decodes"


def test_text_in_place_of_media_is_quoted_without_its_keys() -> None:
    message = str(refused(Audio(JSON), "tts/a"))
    assert "JSON" in message
    assert "quota used up" in message
    assert "sk-abc" not in message
    for secret in ("Bearer abc.def.ghi", "token=hunter2!", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"):
        assert secret.split()[-1] not in str(refused(Image(f"no: {secret}".encode()), "tti/a"))
    html = str(refused(Audio(HTML + b"x" * 5000), "tts/a"))
    assert "502 Bad Gateway" in html
    assert len(html) < 200


@pytest.mark.parametrize(
    ("label", "result", "expected"),
    [
        ("tts/a", sound(np.zeros(RATE)), Expected("...")),
        ("tts/a", sound(np.zeros(9 * RATE)), Expected('<speak><break time="9s"/></speak>')),
        ("ttm/a", sound(np.zeros(RATE)), Expected("Ten seconds of silence")),
        ("ttm/a", sound(np.zeros(RATE)), Expected("no sound at all")),
        ("sfx/a", sound(np.zeros(RATE)), Expected("a silent room")),
        ("tti/a", picture(0, 0, 0), Expected("A completely black picture.")),
        ("tti/a", picture(0, 0, 0), Expected("black")),
        ("tti/a", picture(255, 255, 255), Expected("plain white background, blank")),
        ("ttv/a", film(0, 0, 0), Expected("a black screen")),
    ],
    ids=lambda value: str(value.text)[:20] if isinstance(value, Expected) else type(value).__name__,
)
def test_what_was_asked_for_passes(label: str, result: Result, expected: Expected) -> None:
    assert verify(result, label, expected) == ()


@pytest.mark.parametrize(
    "pixels",
    [
        np.dstack([np.zeros((32, 32, 3), np.uint8), np.tri(32, dtype=np.uint8) * 255]),
        np.tri(32, dtype=np.uint8) * 9,
        np.linspace(100, 104, 32).astype(np.uint8)[None, :].repeat(32, 0),
        np.pad(np.full((1, 1, 3), 255, np.uint8), ((31, 0), (31, 0), (0, 0))),
    ],
    ids=["a black shape cut out", "a dark shape", "fog", "one star"],
)
def test_a_picture_that_shows_little_passes(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    assert verify(Image.from_array(pixels), "tti/a") == ()


def test_a_picture_with_its_palette_or_one_pixel_is_judged_too() -> None:
    buffer = io.BytesIO()
    PIL.Image.new("P", (1, 1)).save(buffer, "PNG")
    assert refused(Image(buffer.getvalue()), "tti/a").rule == "black"


def test_a_video_that_begins_black_passes() -> None:
    assert verify(film(0, 0, 0, 0, 90), "ttv/a") == ()


def test_loud_music_and_overdriven_speech_are_not_clipped() -> None:
    chance = np.random.default_rng(1)
    beat = np.exp(-(np.arange(4 * RATE) % 2000) / 300) * chance.normal(0, 1, 4 * RATE)
    mix = np.sin(np.arange(4 * RATE) * 0.05) + beat
    loud = np.clip(mix / np.abs(mix).max() * 10 ** (9 / 20), -1, 1)
    assert verify(sound(loud), "ttm/a") == ()
    assert verify(sound(np.clip(FOX.array() * 8, -1, 1), FOX.sample_rate), "tts/a") == ()
    assert verify(sound(np.sign(TONE) * 0.9), "ttm/a") == ()


@pytest.mark.parametrize(
    ("text", "language", "speed", "seconds"),
    [
        ("Hi", "en", 1.0, 0.2),
        ("1,234,567,890.12", "en", 1.0, 12.0),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "en", 1.0, 14.0),
        ("1000000000", "en", 1.0, 0.5),
        ("N" + "o" * 300 + "!", "en", 1.0, 0.8),
        (TEXT, "en", 2.0, 2.0),
        (TEXT, "en", 0.5, 10.0),
        ("https://www.example.com/a?b=1&c=%20", "en", 1.0, 10.0),
        ("[[" + "həˈloʊ " * 40 + "]]", "en", 1.0, 20.0),
        ("If a < 5, then do the one thing, else b > 7.", "en", 1.0, 6.0),
        ("[[" + "həˈloʊ " * 40 + "]]", "en", 1.0, 0.5),
        ("[laughs] [sighs deeply] Well.", "en", 1.0, 0.4),
        ("<speak>" + '<mark name="one"/>' * 40 + "Hello.</speak>", "en", 1.0, 0.5),
        ("你好,世界。今天天气很好。", "zh", 1.0, 4.0),
        ("你好,世界。今天天气很好。", "en", 1.0, 12.0),
        ("🎉🎉🎉", "en", 1.0, 6.0),
        ("Donaudampfschifffahrtsgesellschaftskapitän", "de", 1.0, 2.2),
    ],
)
def test_what_a_text_may_take_is_believed(
    text: str, language: str, speed: float, seconds: float
) -> None:
    shortest, longest = bounds(text, language, speed)
    assert shortest < seconds < longest
    made = sound(np.resize(TONE, round(seconds * RATE)))
    assert verify(made, "tts/a", Expected(text, language, speed)) == ()


def test_a_faster_tempo_is_taken_into_account() -> None:
    made = sound(np.resize(TONE, round(1.4 * RATE)))
    assert refused(made, "tts/a", Expected(TEXT, "en", 1.0)).rule == "length"
    assert verify(made, "tts/a", Expected(TEXT, "en", 2.0)) == ()


def test_other_languages_have_one_wide_bound() -> None:
    assert bounds(TEXT, None, 1.0) == bounds(TEXT, "fr", 1.0) == bounds(TEXT, "yo-NG", 1.0)
    assert bounds("Привет, мир!" * 9, "en", 1.0) == bounds("Привет, мир!" * 9, "ru", 1.0)
    english, other = bounds(TEXT, "en_US", 1.0), bounds(TEXT, "fr", 1.0)
    assert other[0] < english[0] < english[1] < other[1]


def test_tags_and_phonemes_are_not_surely_spoken() -> None:
    assert counts("<voice name='a'>hi</voice>")[0] == 2
    assert counts("[[həˈloʊ]]")[0] == 0


def test_pauses_between_words_are_not_speech() -> None:
    pause = np.zeros(60 * RATE)
    spoken = Expected(TEXT, "en")
    assert verify(sound([*TONE, *pause, *TONE]), "tts/a", spoken) == ()
    late = sound([*TONE, *pause])
    assert refused(late, "tts/a", spoken).rule == "length"
    assert verify(late, "tts/a", Expected(TEXT + '<break time="60s"/>', "en")) == ()


def test_only_speech_is_judged_by_its_text() -> None:
    assert verify(sound(TONE[:800]), "ttm/a", Expected(TEXT * 9, "en")) == ()
    assert verify(sound(TONE[:800]), "tts/a", Expected(f"<prosody rate='9'>{TEXT * 9}")) == ()


@pytest.mark.parametrize(
    "text",
    [
        "no " * 20,
        "La la la la la la la la la la la la, la la la la la. " * 2,
        "Ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha!",
        "Hallelujah! " * 9 + "For the Lord God omnipotent reigneth. " + "Hallelujah! " * 9,
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, "
        "life is but a dream. " * 8,
        "London Bridge is falling down, falling down, falling down. London Bridge is falling "
        "down, my fair lady. " * 6,
        "Buffalo buffalo Buffalo buffalo buffalo buffalo Buffalo buffalo.",
        " ".join(map(str, range(1000))),
        "[Music] " * 100 + "Good evening.",
        "♪ " * 200,
        (ROOT / "README.md").read_text(),
        (ROOT / "tests" / "sentences.txt").read_text() * 3,
    ],
    ids=lambda text: text[:20],
)
def test_a_song_or_a_real_text_is_no_loop(text: str) -> None:
    assert loop(text) is None
    assert verify(Transcript(text), "stt/a") == ()


def test_a_loop_in_a_longer_text_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    around = (ROOT / "tests" / "sentences.txt").read_text()
    text = Transcript(around + "I'm sorry. " * 20 + around)
    (warning,) = verify(text, "stt/a")
    assert '"i\'m sorry" 20 times in a row' in warning
    assert warning in caplog.text
    assert verify(text, "stt/a", off=("repeats",)) == ()


def test_no_words_for_what_is_no_speech_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    hum = Expected(sound=Source.of(sound(TONE)))
    assert verify(Transcript(""), "stt/a", hum) == ("stt/a heard no speech",)
    assert "stt/a heard no speech" in caplog.text
    assert verify(Transcript(""), "stt/a", hum, ("speech",)) == ()
    gone = Expected(sound=Source.file("nowhere.wav"))
    assert verify(Transcript(""), "stt/a", gone) == ("stt/a heard no speech",)


def test_words_are_never_held_against_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    plain = builtins.__import__

    def importing(name: str, *rest: Any) -> Any:
        read.append(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importing)
    heard = Transcript("hello", [Segment(0, 1, "hello")])
    assert verify(heard, "stt/a", Expected(sound=Source.of(FOX))) == ()
    assert not any(name.startswith("faster_whisper") for name in read)


def test_without_a_detector_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    warnings = verify(Transcript(""), "stt/a", Expected(sound=Source.of(FOX)))
    assert warnings == ("stt/a heard no speech",)


@pytest.mark.parametrize(
    ("given", "off"),
    [
        (True, frozenset()),
        (False, None),
        ({}, frozenset()),
        ({"silent": False}, {"silent"}),
        ({"silent": False, "length": False, "nan": True}, {"silent", "length"}),
    ],
)
def test_a_call_turns_rules_off(given: bool | Mapping[str, bool], off: set[str] | None) -> None:
    assert off_of(given) == off


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"silence": False}, "no rule 'silence'; did you mean 'silent'"),
        ({"size": False}, "no rule 'size'"),
        ({3: False}, "no rule 3; choose one of black, clipped"),
        ({"silent": 0}, "'silent' of verify is 0; give True or False"),
        ("silent", "verify is 'silent'; give True, False"),
        (None, "verify is None"),
        (1, "verify is 1"),
    ],
)
def test_a_wrong_verify_says_what_to_give(given: Any, words: str) -> None:
    with pytest.raises(BadOption, match=words):
        off_of(given)


def test_another_type_has_no_rules() -> None:
    with pytest.raises(TypeError, match="dict has no rules"):
        verify({}, "tts/a")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def speak() -> Callable[..., bytes]:
    binding = TTSBindingManager().create_binding("piper")
    binding.load()
    return binding.generate_audio


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_a_real_voice_raises_no_alarm(speak: Callable[..., bytes], speed: float) -> None:
    for text in ("Oh.", TEXT, "Dr. Smith paid $1,234,567.89 on 3/4/1998!", "HTML & CSS 🎉"):
        assert verify(Audio(speak(text, speed=speed)), "tts/piper", Expected(text, "en")) == ()


def test_half_of_what_a_real_voice_says_is_refused(speak: Callable[..., bytes]) -> None:
    text = " ".join((ROOT / "tests" / "sentences.txt").read_text().splitlines()[:3])
    said = Audio(speak(text.split(". ")[0][:60]))
    assert refused(said, "tts/piper", Expected(text, "en")).rule == "length"


def test_verification_costs_little_beside_the_voice(speak: Callable[..., bytes]) -> None:
    started = perf_counter()
    said = Audio(speak(TEXT))
    spoken = perf_counter() - started
    verify(said, "tts/piper", Expected(TEXT, "en"))
    times = []
    for _ in range(5):
        started = perf_counter()
        verify(said, "tts/piper", Expected(TEXT, "en"))
        times.append(perf_counter() - started)
    assert min(times) <= 0.02 * spoken


def test_the_docs_list_every_rule_as_it_is() -> None:
    text = (ROOT / "docs" / "verification.md").read_text()
    for rule in RULES.values():
        assert f"| `{rule.name}` | {', '.join(rule.of)} | {rule.catches} | {rule.effect} |" in text
    assert "`size`" in text
    assert "`type`" in text

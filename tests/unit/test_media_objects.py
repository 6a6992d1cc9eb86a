"""What Audio, Image, Video and Transcript promise as bytes and text."""

import base64
import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Audio, Image, Meta, Segment, Transcript, Video, Word

SECOND = (0.3 * np.sin(np.arange(22050) / 10) * 32767).astype(np.int16)
PIXELS = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(10, 12, 3)


def make_audio() -> Any:
    return Audio.from_array(SECOND, 22050)


def make_image() -> Any:
    return Image.from_array(PIXELS)


def make_video() -> Any:
    return Video.from_frames([np.full((32, 48, 3), n * 40, np.uint8) for n in range(6)], 12)


def make_transcript() -> Any:
    words = (Word(0.0, 0.4, "Hello", 0.9), Word(0.4, 1.0, "there."))
    segments = [Segment(0.0, 1.0, "Hello there.", words), Segment(61.5, 3723.25, "a < b")]
    return Transcript(
        "Hello there. a < b", segments, language="en", language_probability=0.98, duration_s=3724.0
    )


MAKERS = [make_audio, make_image, make_video, make_transcript]
MEDIA = [make_audio, make_image, make_video]


@pytest.mark.parametrize("kind", [Audio, Image, Video, Transcript])
def test_no_method_or_attribute_hides_a_name_of_bytes_or_str(kind: Any) -> None:
    plain = str if kind is Transcript else bytes
    own = {name for parent in kind.__mro__[: kind.__mro__.index(plain)] for name in vars(parent)}
    hidden = {name for name in own & set(dir(plain)) if not name.startswith("__")}
    assert hidden == set()
    assert not {name for name in make_audio().__dict__ if name in dir(bytes)}


@pytest.mark.parametrize("make", MAKERS)
def test_a_copy_is_the_object_itself(make: Any) -> None:
    made = make()
    assert copy.copy(made) is made
    assert copy.deepcopy([made])[0] is made


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_keeps_content_facts_and_meta(make: Any, protocol: Any) -> None:
    made = make()._with_meta(Meta(binding="tts/mock", seed=7))
    again = pickle.loads(pickle.dumps(made, protocol))
    assert type(again) is type(made)
    assert again == made
    assert again.meta == made.meta
    assert repr(again) == repr(made)
    assert vars(again) == vars(made)


@pytest.mark.parametrize("make", MAKERS)
def test_nothing_can_be_set_or_deleted(make: Any) -> None:
    made = make()
    for name in ("meta", "duration_s", "new"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(made, name, 1)
    with pytest.raises(AttributeError, match="immutable"):
        del made.meta


@pytest.mark.parametrize("make", MEDIA)
def test_media_equal_their_bytes_and_hash_like_them(make: Any) -> None:
    made = make()
    assert made == bytes(made)
    assert hash(made) == hash(bytes(made))
    assert type(bytes(made)) is bytes
    assert {made: 1}[bytes(made)] == 1


def test_a_repr_tells_facts_and_never_the_content() -> None:
    assert repr(make_audio()) == "<Audio audio/wav 22050 Hz 1 ch 1.00 s 44 kB>"
    assert repr(make_image()).startswith("<Image image/png 12x10 ")
    assert repr(make_video()).startswith("<Video video/mp4 48x32 12 fps 0.50 s ")
    assert repr(make_transcript()) == "<Transcript en 3724.00 s 2 segments 18 characters>"
    assert str(make_audio()) == f"{make_audio()}" == repr(make_audio())
    assert str(make_transcript()) == f"{make_transcript()}" == "Hello there. a < b"


@pytest.mark.parametrize("kind", [Audio, Image, Video])
@pytest.mark.parametrize("data", [bytearray(b"x"), memoryview(b"x"), "x", None, 3])
def test_only_exact_bytes_make_media_and_the_error_names_the_way(kind: Any, data: Any) -> None:
    with pytest.raises(BadInput, match=r"bytes\(x\)"):
        kind(data)


@pytest.mark.parametrize("kind", [Audio, Image, Video])
def test_a_wrong_result_can_be_kept_and_looked_at(kind: Any) -> None:
    junk = kind(b"\x00\x01\x02junk")
    assert junk.media_type == "application/octet-stream"
    assert repr(junk) == f"<{kind.__name__} application/octet-stream (can't be read) 7 B>"
    assert kind(b"<html>").media_type == "text/html"
    with pytest.raises(BadInput, match="binary data of an unknown kind"):
        _ = junk.width if kind is not Audio else junk.sample_rate


def test_facts_that_are_given_are_believed_and_the_rest_is_read() -> None:
    audio = Audio(bytes(make_audio()), duration_s=9.5)
    assert (audio.duration_s, audio.sample_rate, audio.channels) == (9.5, 22050, 1)


def test_content_wins_over_a_media_type_that_is_given() -> None:
    assert Audio(bytes(make_audio()), media_type="audio/mpeg").media_type == "audio/wav"
    assert Audio(b"\x00\x01" * 8, media_type="audio/pcm").media_type == "audio/pcm"


@pytest.mark.parametrize("make", MAKERS)
def test_another_meta_makes_another_object_with_the_same_content_and_facts(make: Any) -> None:
    made = make()
    assert made.meta == Meta()
    other = made._with_meta(Meta(seed=2))
    assert other is not made
    assert type(other) is type(made)
    assert other == made
    assert (made.meta.seed, other.meta.seed) == (None, 2)
    facts = {name: value for name, value in vars(made).items() if name != "_meta"}
    assert {name: vars(other).get(name) for name in facts} == facts


def test_media_made_of_media_keep_facts_and_meta() -> None:
    first = Audio(bytes(make_audio()), duration_s=9.5, meta=Meta(seed=3))
    again = Audio(first, channels=2)
    assert (again.duration_s, again.channels, again.meta.seed) == (9.5, 2, 3)


@pytest.mark.parametrize("make", MEDIA)
def test_base64_and_data_uris_come_back_as_the_same_content(make: Any) -> None:
    made = make()
    kind = type(made)
    assert base64.b64decode(made.base64()) == made
    assert made.data_uri().startswith(f"data:{made.media_type};base64,")
    wrapped = "\n".join(made.base64()[i : i + 76] for i in range(0, len(made.base64()), 76))
    for text in (made.base64(), wrapped, f" {made.data_uri()}\n"):
        assert kind.from_base64(text) == made
        assert kind.of(text) == made


@pytest.mark.parametrize("make", MEDIA)
def test_a_notebook_shows_the_content(make: Any) -> None:
    assert make().data_uri() in make()._repr_html_()


@pytest.mark.parametrize(
    "text", ["UklGRg", "UklGR===", "not base64!", "data:audio/wav,UklGRg==", "data:audio/wav", "é"]
)
def test_wrong_base64_is_refused(text: Any) -> None:
    with pytest.raises(BadInput, match="base64"):
        Audio.from_base64(text)


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"", "is empty"),
        (b"hello there", "holds text"),
        (b"<!doctype html><html></html>", "holds an HTML page"),
        (b'{"error": 1}', "holds JSON"),
        (b"\x00\x01\x02", "holds binary data of an unknown kind"),
        (bytes(make_image()), "holds a PNG picture"),
    ],
)
def test_content_of_another_kind_is_refused_in_words(data: Any, looks: Any) -> None:
    for give in (Audio.from_bytes, Audio.of):
        with pytest.raises(BadInput, match=rf"{looks}.*wav, mp3"):
            give(data)


def test_each_family_refuses_the_others() -> None:
    for make, kind in ((make_audio, Video), (make_video, Image), (make_video, Audio)):
        with pytest.raises(BadInput, match=r"holds an? "):
            kind.of(make())


def test_importing_media_imports_nothing_heavy() -> None:
    code = (
        "import sys; import omnibind.contracts.media as m; m.Audio(b'x'); m.Source.of('a.wav');"
        "heavy = {'numpy','soundfile','soxr','av','PIL','asyncio','inspect','dataclasses','json',"
        "'tempfile','base64','urllib.request','importlib.metadata'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    code = f"import sys; sys.path[:0] = {sys.path!r}; {code}"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


def test_a_transcript_flattens_its_words() -> None:
    assert [word.text for word in make_transcript().words] == ["Hello", "there."]


def test_subtitles_carry_times_and_escape_what_would_break_them() -> None:
    assert make_transcript().srt() == (
        "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n"
        "2\n00:01:01,500 --> 01:02:03,250\na < b\n\n"
    )
    assert make_transcript().vtt() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n\n"
        "00:01:01.500 --> 01:02:03.250\na &lt; b\n\n"
    )
    odd = Transcript("x", [Segment(-1.0, 0.0004, "one\n\ntwo --> three", speaker="A")])
    assert odd.srt() == "1\n00:00:00,000 --> 00:00:00,000\nA: one two → three\n\n"


def test_text_without_times_makes_no_subtitles() -> None:
    with pytest.raises(BadInput, match=r"save it as \.txt"):
        Transcript("hello").srt()
    assert Transcript("").vtt() == "WEBVTT\n\n"


def test_a_transcript_is_made_of_text_alone() -> None:
    with pytest.raises(BadInput, match="str is expected"):
        Transcript(b"bytes")  # type: ignore[arg-type]


def test_a_transcript_as_a_dict_is_plain() -> None:
    found = make_transcript().to_dict()
    assert found["language"] == "en"
    assert found["segments"][0]["words"][0] == {
        "start": 0.0,
        "end": 0.4,
        "text": "Hello",
        "probability": 0.9,
    }
    assert type(found["text"]) is str


def test_a_repr_works_where_no_codec_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert repr(Audio(b"OggS")) == "<Audio application/octet-stream (can't be read) 4 B>"
    assert "22050 Hz" in repr(Audio(bytes(make_audio())))


def test_what_an_engine_knows_of_its_result_comes_with_it() -> None:
    told = Meta(seed=3, warnings=("dim",))
    assert Audio.from_array(np.zeros(8), 8000, meta=told).meta == told
    assert Image.from_array(np.zeros((4, 4, 3), np.uint8), meta=told).meta == told
    odd = Video.from_frames([np.zeros((15, 16, 3), np.uint8)] * 2, 8, meta=told)
    assert odd.meta.seed == 3
    assert odd.meta.warnings[0] == "dim"
    assert "widened" in odd.meta.warnings[1]

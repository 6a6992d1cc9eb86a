from __future__ import annotations

import copy
import io
import json
import pickle
import wave
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import mutagen
import numpy as np
import PIL.Image
import pytest
import soundfile  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL.PngImagePlugin import PngInfo

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import (
    Audio,
    Image,
    Meta,
    Recipe,
    Source,
    Transcript,
    Video,
    embedding,
    recipe_of,
)
from omnibind.contracts.media.recipe import sha256
from omnibind.contracts.media.save import encode
from omnibind.contracts.media.sniff import media_type
from omnibind.contracts.secret import is_secret

RECIPE = Recipe(
    omnibind="0.1.0",
    modality="tts",
    verb="generate_audio",
    binding="tts/mock",
    model="alto",
    model_sha256="ab" * 32,
    subject={"text": 'Grüße, 狐 and 🦊: "quoted"\\ \x00\x7f\n\u2028', "voice": None},
    options={"speed": 1.25, "language": "de", "deep": {"list": [1, None, True]}},
    configuration={"default_voice": "alto"},
    seed=7,
)
META = Meta(recipe=RECIPE)
WAVE = (0.3 * np.sin(np.arange(30001) / 5)).astype(np.float32)
PIXELS = np.random.default_rng(0).integers(0, 255, (21, 34, 4), np.uint8)
AUDIO = Audio.from_array(WAVE, 24000, meta=META)
IMAGE = Image.from_array(PIXELS, meta=META)
VIDEO = Video.from_frames(
    [np.full((16, 18, 3), 60 * n, np.uint8) for n in range(4)], 4, audio=AUDIO, meta=META
)

SOUNDS = ("wav", "flac", "ogg", "mp3", "opus", "m4a")
PICTURES = ("png", "jpg", "webp")
FORMATS = (*SOUNDS, *PICTURES, "mp4")


def result_for(ending: str) -> Any:
    return VIDEO if ending == "mp4" else IMAGE if ending in PICTURES else AUDIO


def small(ending: str) -> bytes:
    """A file of a format without a recipe, as its encoder writes it."""
    if ending not in _SMALL:
        _SMALL[ending] = bytes(encode(result_for(ending), ending))
    return _SMALL[ending]


_SMALL: dict[str, bytes] = {}


def content_of(data: bytes) -> list[Any]:
    """What independent decoders make of a file: samples, pixels, frames; packets as they lie."""
    if media_type(data).startswith("image/"):
        with PIL.Image.open(io.BytesIO(data)) as picture:
            return [picture.mode, picture.size, picture.tobytes()]
    with av.open(io.BytesIO(data), "r") as container:
        packets = [(p.stream.index, p.pts, bytes(p)) for p in container.demux() if p.size]
    with av.open(io.BytesIO(data), "r") as container:
        frames = [np.asarray(f.to_ndarray()).tobytes() for f in container.decode()]
    return [packets, frames]


def pictured(ending: str, **more: Any) -> bytes:
    buffer = io.BytesIO()
    picture = PIL.Image.fromarray(PIXELS if ending != "jpeg" else PIXELS[..., :3])
    picture.save(buffer, ending, **more)
    return buffer.getvalue()


# ── the recipe itself ────────────────────────────────────────────────────────────────────────


def test_a_recipe_comes_back_from_its_json() -> None:
    text = RECIPE.json()
    assert Recipe.from_json(text) == RECIPE
    assert text == Recipe.from_json(text).json()
    assert "\n" not in text
    assert list(json.loads(text)) == sorted(RECIPE._fields)


def test_the_order_of_values_does_not_show() -> None:
    turned = RECIPE._replace(options=dict(reversed(list(RECIPE.options.items()))))
    assert turned.json() == RECIPE.json()


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "service_key", "token", "secret", "apiKey", "hf_token", "client_secret"),
        *("Authorization", "x-api-key", "password", "openai_api_key", "accessToken", "key"),
        *("auth", "passphrase", "secret_name", "set-cookie", "subscriptionKey", "credentials_file"),
    ],
)
def test_a_key_never_gets_into_a_recipe(name: str) -> None:
    held = {name: "sk-1234", "extra": {"headers": {name: "sk-1234"}, "list": [{name: "sk-1234"}]}}
    recipe = RECIPE._replace(options=held, configuration=held, subject=held)
    assert "sk-1234" not in recipe.json()
    assert recipe.json().count('"list"') == 3


@pytest.mark.parametrize("name", ["max_tokens", "keyboard", "monkey", "tokenizer", "speed"])
def test_a_name_that_only_looks_like_a_key_is_kept(name: str) -> None:
    assert not is_secret(name)


def test_what_is_not_json_becomes_its_hash_and_never_its_content(tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(IMAGE)
    hashed = {"kind": "image", "sha256": sha256(IMAGE), "bytes": len(IMAGE)}
    unknown = {"sha256": None, "bytes": None}
    there: dict[str, tuple[Any, Any]] = {
        "media": (IMAGE, hashed),
        "raw": (bytearray(IMAGE), hashed),
        "base64": (IMAGE.base64(), hashed),
        "uri": (IMAGE.data_uri(), hashed),
        "path": (picture, {**hashed, "path": str(picture)}),
        "named": (str(picture), {**hashed, "path": str(picture)}),
        "source": (Source.of(picture), {**hashed, "path": str(picture)}),
        "url": (
            Source.url("https://a.b/cat.png?signature=secret"),
            {"kind": "url", "url": "https://a.b/cat.png", **unknown},
        ),
        "open": (io.BytesIO(b"x"), {"kind": "BytesIO", **unknown}),
        "bytes": (b"abc", {"kind": "bytes", "sha256": sha256(b"abc"), "bytes": 3}),
        "array": (WAVE, {"kind": "array", "sha256": sha256(WAVE.tobytes()), "bytes": WAVE.nbytes}),
        "folder": (tmp_path, str(tmp_path)),
        "missing": (tmp_path / "no.png", str(tmp_path / "no.png")),
        "numpy": (np.float32(0.5), 0.5),
        "number": (np.int64(3), 3),
        "endless": (float("inf"), "inf"),
        "pair": ((1, "a"), [1, "a"]),
        "text": (Transcript("heard"), "heard"),
        "object": (object(), {"kind": "object", **unknown}),
    }
    recipe = RECIPE._replace(options={name: value for name, (value, _) in there.items()})
    told = json.loads(recipe.json())["options"]
    assert told == {name: expected for name, (_, expected) in there.items()}


def test_a_text_that_is_the_name_of_a_file_stays_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cat").write_bytes(IMAGE)
    recipe = RECIPE._replace(subject={"prompt": "cat"}, options={"negative_prompt": "cat"})
    assert Recipe.from_json(recipe.json()) == recipe


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "isn't JSON"),
        ("{", "isn't JSON"),
        ("[" * 100_000, "isn't JSON"),
        ("[]", "a list, not an object"),
        ("{}", "'omnibind' is missing; expected text"),
        (RECIPE.json().replace("1.25", "1.25,"), "isn't JSON"),
        (RECIPE._replace(seed="7").json(), "'seed' is text; expected a whole number or null"),  # type: ignore[arg-type]
        (RECIPE._replace(seed=True).json(), "'seed' is true or false"),
        (RECIPE._replace(options=[]).json(), "'options' is a list; expected an object"),  # type: ignore[arg-type]
        (RECIPE._replace(binding=None).json(), "'binding' is null; expected text"),  # type: ignore[arg-type]
    ],
)
def test_a_damaged_recipe_is_refused_with_what_is_wrong(text: str, wrong: str) -> None:
    with pytest.raises(BadInput, match="this recipe is damaged") as caught:
        Recipe.from_json(text)
    assert wrong in str(caught.value)


def test_what_a_later_version_added_is_left_out() -> None:
    later = {**json.loads(RECIPE.json()), "colour": "blue"}
    assert Recipe.from_json(json.dumps(later)) == RECIPE


def test_a_result_knows_its_recipe_and_is_pickled_with_it() -> None:
    heard = Transcript("hi", meta=META)
    for result in (AUDIO, IMAGE, VIDEO, heard):
        assert result.recipe is RECIPE
        assert pickle.loads(pickle.dumps(result)).recipe == RECIPE
        assert copy.copy(result).recipe is RECIPE
    assert Audio(bytes(AUDIO)).recipe is None
    with io.BytesIO(b"x") as stream:
        given = RECIPE._replace(options={"image": stream})
        assert pickle.loads(pickle.dumps(given)).options["image"]["kind"] == "BytesIO"


# ── in files ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ending", FORMATS)
def test_a_saved_file_carries_the_recipe_with_the_hash_of_the_result(
    ending: str, tmp_path: Path
) -> None:
    result = result_for(ending)
    before = bytes(result)
    place = result.save(tmp_path / f"a.{ending}")
    expected = RECIPE._replace(sha256=sha256(before))
    assert recipe_of(place) == expected
    assert recipe_of(str(place)) == expected
    assert recipe_of(place.read_bytes()) == expected
    assert bytes(result) == before
    assert RECIPE.sha256 is None
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


@pytest.mark.parametrize("ending", FORMATS)
def test_recipe_false_leaves_it_out(ending: str, tmp_path: Path) -> None:
    result = result_for(ending)
    place = result.save(tmp_path / f"a.{ending}", recipe=False)
    assert recipe_of(place) is None
    assert b"tts/mock" not in place.read_bytes()
    if ending in ("wav", "png", "mp4"):
        assert place.read_bytes() == result


@pytest.mark.parametrize("ending", FORMATS)
def test_sound_picture_and_video_stay_as_they_are(ending: str) -> None:
    plain = small(ending)
    for text in (RECIPE.json(), RECIPE._replace(model="狐" * 40_000).json()):
        carrying = embedding.put(plain, text)
        assert carrying != plain
        assert content_of(carrying) == content_of(plain)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_recipe_is_replaced_and_taken_away_without_a_trace(ending: str, tmp_path: Path) -> None:
    plain = small(ending)
    once = embedding.put(plain, RECIPE.json())
    other = RECIPE._replace(seed=8).json()
    assert embedding.put(embedding.put(plain, "{}" * 70_000), RECIPE.json()) == once
    assert embedding.put(once, other) == embedding.put(plain, other)
    bare = embedding.put(once, None)
    assert embedding.get(bare) is None
    assert b"tts/mock" not in bare
    assert embedding.put(embedding.put(bare, other), None) == bare
    if ending in ("wav", "mp3", "png", "jpg"):  # elsewhere an empty place for tags may stay
        assert bare == plain
    saved = tmp_path / f"a.{ending}"
    saved.write_bytes(once)
    loaded = type(result_for(ending)).from_file(saved)
    assert loaded.save(tmp_path / f"b.{ending}").read_bytes() == once
    assert recipe_of(loaded.save(saved, recipe=False)) is None


@pytest.mark.parametrize("ending", FORMATS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(), number=st.floats(allow_nan=False, allow_infinity=False))
def test_every_text_comes_back(ending: str, text: str, number: float) -> None:
    recipe = RECIPE._replace(subject={"text": text}, options={"number": number})
    assert recipe_of(embedding.put(small(ending), recipe.json())) == recipe


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("letter", ["a", "ß", "狐", "🦊"])
def test_the_longest_text_comes_back(ending: str, letter: str) -> None:
    recipe = RECIPE._replace(subject={"text": letter * 20_000}, options={"extra": "x" * 100_000})
    assert recipe_of(embedding.put(small(ending), recipe.json())) == recipe


def test_a_lone_surrogate_of_a_files_name_comes_back() -> None:
    recipe = RECIPE._replace(options={"path": "caf\udce9.bin"})
    for ending in FORMATS:
        assert recipe_of(embedding.put(small(ending), recipe.json())) == recipe


def test_a_format_without_room_is_written_as_it_is(tmp_path: Path) -> None:
    gif = Image(pictured("gif"), meta=META)
    assert gif.save(tmp_path / "a.gif").read_bytes() == gif
    heard = Transcript("Hello.", meta=META)
    assert heard.save(tmp_path / "a.txt").read_text() == "Hello.\n"
    for name in ("a.gif", "a.txt"):
        assert recipe_of(tmp_path / name) is None
    assert recipe_of(b"") is None
    assert recipe_of(b"{}") is None


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    for place in (tmp_path / "no.wav", tmp_path):
        with pytest.raises(BadInput, match=r"can't be read: .*; give a file"):
            recipe_of(place)


# ── other programs read it where the standards say ───────────────────────────────────────────


def listed(data: bytes, ending: str) -> str:
    """What a program that knows nothing of omnibind shows."""
    if ending == "png":
        return str(PIL.Image.open(io.BytesIO(data)).text["omnibind"])  # type: ignore[attr-defined]
    if ending in ("jpg", "webp"):
        with PIL.Image.open(io.BytesIO(data)) as picture:
            comment = picture.getexif().get_ifd(0x8769)[0x9286]
        assert comment.startswith(b"ASCII\0\0\0omnibind:")
        return str(comment[17:].decode("ascii"))
    tags = mutagen.File(io.BytesIO(data)).tags
    if ending in ("m4a", "mp4"):
        return bytes(tags["----:omnibind:omnibind"][0]).decode()
    if ending in ("wav", "mp3"):
        return str(tags["TXXX:omnibind"].text[0])
    return str(tags["omnibind"][0])


@pytest.mark.parametrize("ending", FORMATS)
def test_pillow_and_mutagen_read_the_same(ending: str) -> None:
    shown = listed(embedding.put(small(ending), RECIPE.json()), ending)
    assert Recipe.from_json(shown) == RECIPE


@pytest.mark.parametrize("ending", [*SOUNDS, "mp4"])
def test_ffmpeg_reads_the_same(ending: str) -> None:
    data = embedding.put(small(ending), RECIPE.json())
    with av.open(io.BytesIO(data), "r") as container:
        tags = {**container.metadata, **container.streams[0].metadata}
    assert Recipe.from_json(tags["omnibind"]) == RECIPE


def test_soundfile_and_wave_read_on() -> None:
    int16 = Audio.from_array((WAVE * 20000).astype(np.int16), 24000)
    data = embedding.put(int16, RECIPE.json())
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnframes() == 30001
        assert file.readframes(40000) == int16[44:]
    for ending in SOUNDS[:-1]:
        before, after = small(ending), embedding.put(small(ending), RECIPE.json())
        was, now = (soundfile.read(io.BytesIO(one))[0] for one in (before, after))
        assert np.array_equal(was, now)
        assert Audio(after).duration_s == Audio(before).duration_s


# ── files as others write them ───────────────────────────────────────────────────────────────


def muxed(container: str, ending: str, **options: str) -> bytes:
    """A sound or video rewritten by ffmpeg, which puts tags of its own into it."""
    with TemporaryDirectory() as folder:  # a file: it is read again where its index goes first
        place = Path(folder) / "muxed"
        _mux(place, container, ending, options)
        return place.read_bytes()


def _mux(place: Path, container: str, ending: str, options: dict[str, str]) -> None:
    with av.open(io.BytesIO(small(ending)), "r") as source:
        target = av.open(str(place), "w", format=container, options=options)
        target.metadata.update(title="A fox", comment="quick")
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
        target.close()


MADE: dict[str, Callable[[], bytes]] = {
    "an mp3 with ID3 2.4": lambda: muxed("mp3", "mp3"),
    "an mp3 with ID3 2.3": lambda: muxed("mp3", "mp3", id3v2_version="3"),
    "a flac with comments": lambda: muxed("flac", "flac"),
    "an ogg with comments": lambda: muxed("ogg", "ogg"),
    "an opus with comments": lambda: muxed("ogg", "opus"),
    "a wav with a LIST": lambda: muxed("wav", "wav"),
    "an m4a with its index first": lambda: muxed("ipod", "m4a", movflags="faststart"),
    "an mp4 with its index first": lambda: muxed("mp4", "mp4", movflags="faststart"),
}


@pytest.mark.parametrize("name", MADE)
def test_the_tags_of_others_stay(name: str) -> None:
    plain = MADE[name]()
    carrying = embedding.put(plain, RECIPE.json())
    assert recipe_of(carrying) == RECIPE
    for data in (carrying, embedding.put(carrying, None)):
        assert content_of(data) == content_of(plain)
        with av.open(io.BytesIO(data), "r") as container:
            tags = {**container.metadata, **container.streams[0].metadata}
        assert {key.lower(): value for key, value in tags.items()}["title"] == "A fox"
    assert recipe_of(embedding.put(carrying, None)) is None


def test_the_orientation_of_a_picture_stays() -> None:
    for ending in ("jpeg", "webp"):
        exif = PIL.Image.Exif()
        exif[0x0112] = 6
        exif[0x010E] = "a picture of static"
        exif.get_ifd(0x8769)[0x9003] = "2026:01:01 00:00:00"
        plain = pictured(ending, exif=exif)
        twice = embedding.put(embedding.put(plain, "{}"), RECIPE.json())
        assert recipe_of(twice) == RECIPE
        for data in (twice, embedding.put(twice, None)):
            with PIL.Image.open(io.BytesIO(data)) as picture:
                seen = picture.getexif()
                assert (seen[0x0112], seen[0x010E]) == (6, "a picture of static")
                assert seen.get_ifd(0x8769)[0x9003] == "2026:01:01 00:00:00"
            assert Image(data).width == Image(plain).width == 21
        assert b"tts/mock" not in embedding.put(twice, None)


def test_the_comment_of_somebody_else_is_not_overwritten() -> None:
    exif = PIL.Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0{my own}"
    plain = pictured("jpeg", exif=exif)
    assert embedding.put(plain, RECIPE.json()) == plain
    assert recipe_of(plain) is None


@pytest.mark.parametrize(
    "more",
    [
        {"lossless": True},
        {"lossless": False},
        {"xmp": b"<x/>", "lossless": True},
        {"save_all": True, "append_images": [PIL.Image.fromarray(255 - PIXELS)], "duration": 90},
    ],
)
def test_every_kind_of_webp_keeps_its_pixels_and_alpha(more: dict[str, Any]) -> None:
    plain = pictured("webp", **more)
    carrying = embedding.put(plain, RECIPE.json())
    assert recipe_of(carrying) == recipe_of(bytearray(carrying)) == RECIPE
    assert carrying[12:16] == b"VP8X"
    assert carrying[20] & 0x18 == 0x18  # it declares alpha and Exif
    with PIL.Image.open(io.BytesIO(carrying)) as now, PIL.Image.open(io.BytesIO(plain)) as was:
        assert (now.mode, now.size, now.n_frames) == (was.mode, was.size, was.n_frames)  # type: ignore[attr-defined]
        assert now.info.get("xmp") == was.info.get("xmp")
        for frame in range(was.n_frames):  # type: ignore[attr-defined]
            now.seek(frame)
            was.seek(frame)
            assert np.array_equal(np.asarray(now), np.asarray(was))


def test_a_webp_without_alpha_has_none_afterwards() -> None:
    buffer = io.BytesIO()
    PIL.Image.fromarray(PIXELS[..., :3]).save(buffer, "webp", quality=80)
    with PIL.Image.open(io.BytesIO(embedding.put(buffer.getvalue(), RECIPE.json()))) as picture:
        assert picture.mode == "RGB"


def test_the_text_of_somebody_else_stays_in_a_png() -> None:
    info = PngInfo()
    info.add_itxt("parameters", "a fox, steps: 20")
    carrying = embedding.put(pictured("png", pnginfo=info), RECIPE.json())
    with PIL.Image.open(io.BytesIO(carrying)) as picture:
        assert set(picture.text) == {"parameters", "omnibind"}  # type: ignore[attr-defined]


def test_a_wav_whose_header_does_not_tell_its_length_keeps_its_samples() -> None:
    sound = bytearray(small("wav"))
    at = sound.find(b"data") + 4
    for unknown in (b"\xff\xff\xff\xff", bytes(4)):
        sound[at : at + 4] = unknown
        plain = bytes(sound)
        carrying = embedding.put(plain, RECIPE.json())
        assert recipe_of(carrying) == RECIPE
        assert np.array_equal(Audio(carrying).array(), Audio(plain).array())
        assert embedding.put(carrying, None) == plain


def test_a_wav_of_an_odd_number_of_bytes_gets_its_padding() -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(range(255)))
    plain = buffer.getvalue()
    for given_ in (plain, plain.removesuffix(b"\0") if len(plain) % 2 == 0 else plain):
        carrying = embedding.put(given_, RECIPE.json())
        assert recipe_of(carrying) == RECIPE
        with wave.open(io.BytesIO(carrying)) as file:
            assert file.readframes(300) == bytes(range(255))
        assert mutagen.File(io.BytesIO(carrying)).tags["TXXX:omnibind"]


def test_a_fragmented_mp4_is_left_as_it_is() -> None:
    plain = muxed("mp4", "mp4", movflags="frag_keyframe+empty_moov")
    assert embedding.put(plain, RECIPE.json()) == plain


def test_an_ogg_of_many_pages_has_them_numbered_and_checked() -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 300_000).astype(np.float32)
    for ending in ("ogg", "opus"):
        plain = encode(Audio.from_array(noise, 48000), ending)
        carrying = embedding.put(plain, RECIPE._replace(model="狐" * 60_000).json())
        numbers = []
        place = 0
        while place < len(carrying):
            assert carrying[place : place + 4] == b"OggS"
            count = carrying[place + 26]
            numbers.append(int.from_bytes(carrying[place + 18 : place + 22], "little"))
            place += 27 + count + sum(carrying[place + 27 : place + 27 + count])
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > 10
        was, now = (soundfile.read(io.BytesIO(one))[0] for one in (plain, carrying))
        assert np.array_equal(was, now)  # libogg drops a page whose checksum is wrong


# ── damage ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ending", FORMATS)
def test_a_damaged_recipe_in_a_file_is_said(ending: str, tmp_path: Path) -> None:
    damaged = embedding.put(small(ending), RECIPE.json().replace('"seed": 7', '"seed": ?'))
    place = tmp_path / f"a.{ending}"
    place.write_bytes(damaged)
    with pytest.raises(BadInput, match="this recipe is damaged: it isn't JSON"):
        recipe_of(place)


def test_a_png_whose_recipe_was_changed_is_said() -> None:
    changed = embedding.put(small("png"), RECIPE.json()).replace(b'"seed": 7', b'"seed": 8')
    with pytest.raises(BadInput, match="its checksum is another"):
        recipe_of(changed)
    assert embedding.put(changed, None) == small("png")


def test_a_recipe_that_is_not_utf_8_is_said() -> None:
    data = embedding.put(small("flac"), RECIPE.json()).replace("狐".encode(), b"\xff\xff\xff")
    with pytest.raises(BadInput, match="isn't UTF-8"):
        recipe_of(data)


@pytest.mark.parametrize("ending", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_damage_to_a_file_raises_anything_else(ending: str, data: st.DataObject) -> None:
    whole = embedding.put(small(ending), RECIPE.json())
    if data.draw(st.booleans()):
        broken = whole[: data.draw(st.integers(0, len(whole)))]
    else:
        place = data.draw(st.integers(0, min(len(whole), 1500) - 1))
        broken = whole[:place] + data.draw(st.binary(min_size=1, max_size=9)) + whole[place + 1 :]
    with suppress(BadInput):
        recipe_of(broken)
    assert isinstance(embedding.put(broken, "{}"), bytes)
    assert isinstance(embedding.put(broken, None), bytes)

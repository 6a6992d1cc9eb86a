"""Values on their way to a worker and back."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from omnibind import Audio, AudioChunk, Image, Recipe, Segment, Source, Transcript, Voice, Word
from omnibind.contracts import errors
from omnibind.contracts.binding import Progress
from omnibind.contracts.errors import BadInput, BadOutput, OmnibindError, RateLimited
from omnibind.contracts.media import Meta
from omnibind.contracts.options import Option, OptionType, Schema
from omnibind.contracts.wire_form import NotOnTheWire, pack, unpack


def there(value: Any) -> Any:
    """Return what arrives; the data passes through JSON, the parts as bytes."""
    packed = pack(value)
    return unpack(json.loads(json.dumps(packed.data)), [bytes(part) for part in packed.parts])


SOUND = Audio.from_array(np.zeros(800, np.int16), 8000)

SAME: list[Any] = [
    *(None, True, 3, 2**70, 0.1, math.inf, "ünï", "\ud800", [], {}, (), set()),
    [1, [2, {"a": (3, {4})}]],
    {"$": "bytes", "part": 0},
    {1: "one", None: "none"},
    b"\x00\xff",
    Path("/tmp/a b"),
    Segment(0.0, 1.0, "hi", (Word(0.0, 1.0, "hi", 0.5),), "Ann"),
    Voice("joe", "en-US", "male"),
    Progress(0.5, "half", None),
    AudioChunk(None, 0, 3, b"abc", "audio/mpeg"),
    Schema(("text",), (Option("n", OptionType("int", low=1), False, 2, "how many"),)),
    Recipe("1", "tts", "generate_audio", "tts/x", subject={"text": "hi"}),
]


@pytest.mark.parametrize("value", SAME, ids=repr)
def test_a_value_arrives_as_it_was(value: Any) -> None:
    arrived = there(value)
    assert arrived == value
    assert type(arrived) is type(value)


def test_media_arrive_with_facts_and_meta() -> None:
    meta = Meta(binding="tts/x", seed=3, raw={"id": [1]}, warnings=("loud",))
    arrived = there(Audio(bytes(SOUND), duration_s=0.25, meta=meta))
    assert type(arrived) is Audio
    assert arrived == SOUND
    assert (arrived.duration_s, arrived.meta) == (0.25, meta)


def test_a_transcript_arrives_whole() -> None:
    given = Transcript("hi", [Segment(0, 1, "hi")], language="en", duration_s=1, meta=Meta(seed=1))
    arrived = there(given)
    assert type(arrived) is Transcript
    assert arrived.to_dict() == given.to_dict()
    assert arrived.meta == given.meta


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8", "bool", ">f8"])
def test_an_array_arrives_and_can_be_written_to(dtype: str) -> None:
    given = np.arange(12).reshape(3, 4).astype(dtype)[:, ::2]
    arrived = there((given, 8000))[0]
    assert (arrived == given).all()
    assert arrived.dtype == given.dtype
    arrived[0] = 1


def test_an_empty_array_and_a_number_of_numpy_arrive() -> None:
    assert there(np.zeros((0, 2), np.int16)).shape == (0, 2)
    assert there([np.float32(0.5), np.int64(3), np.bool_(True)]) == [0.5, 3, True]


def test_bytes_are_not_copied() -> None:
    content = b"x" * 1000
    assert pack([content]).parts[0] is content
    assert pack(SOUND).parts[0] is SOUND


def test_a_relative_path_arrives_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert there(Path("voices")) == tmp_path / "voices"
    SOUND.save("fox.wav")
    arrived = there(Source.of("fox.wav", "audio"))
    assert arrived.path() == tmp_path / "fox.wav"


def test_an_open_file_arrives_as_its_content() -> None:
    assert there(io.BytesIO(SOUND)).read() == SOUND
    assert there(Source.of(io.BytesIO(SOUND))).duration_s == pytest.approx(0.1)


def test_a_pil_image_arrives_as_a_picture() -> None:
    arrived = there(PIL.Image.new("RGB", (4, 2), "red"))
    assert (Image(arrived).width, Image(arrived).height) == (4, 2)


def test_the_family_that_is_wanted_arrives_too() -> None:
    with pytest.raises(BadInput, match="expected a png, jpeg"):
        there(Source.of(bytes(SOUND), "image")).read()


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(NotOnTheWire, match=r"type builtins\.object can't pass"):
        pack({"a": [object()]})
    with pytest.raises(NotOnTheWire, match="the kind 'module'"):
        unpack({"$": "module", "name": "os"})


def all_errors(kind: type[OmnibindError] = OmnibindError) -> list[type[OmnibindError]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in all_errors(sub))]


@pytest.mark.parametrize(
    "kind", [kind for kind in all_errors() if kind.__module__ == errors.__name__]
)
def test_every_error_of_the_tree_arrives_as_itself(kind: type[OmnibindError]) -> None:
    arrived = there(kind("what was said"))
    assert type(arrived) is kind
    assert arrived.message == "what was said"


def test_an_error_arrives_with_what_it_knows() -> None:
    given = RateLimited("slow", status=429, code="rate", request_id="r1", retry_after=2.5)
    arrived = there(given)
    assert vars(given).items() <= vars(arrived).items()
    assert there(BadOutput("bad", result=SOUND, rule="silent")).result == SOUND
    failed = errors.AllFailed("all", errors=[ValueError("one"), given])
    assert [type(one) for one in there(failed).errors] == [ValueError, RateLimited]


def test_what_an_error_holds_and_cannot_be_sent_is_left_out() -> None:
    assert there(BadOutput("bad", result=object(), rule="type")).rule == "type"


def test_an_error_carries_the_traceback_of_where_it_was_raised() -> None:
    def deep_inside() -> None:
        raise KeyError("name")

    try:
        deep_inside()
    except KeyError as error:
        arrived = there(error)
    assert type(arrived) is KeyError
    assert str(arrived) == "'name'"
    assert "deep_inside" in "".join(arrived.__notes__)


class EngineFailed(RuntimeError):
    """As a package that isn't here would raise."""


def test_an_error_of_a_package_that_is_not_here_keeps_its_name() -> None:
    arrived = there(EngineFailed("no graph"))
    assert (type(arrived).__name__, str(arrived)) == ("EngineFailed", "no graph")
    assert not isinstance(arrived, EngineFailed)


@pytest.mark.parametrize("given", [SystemExit(3), KeyboardInterrupt()])
def test_what_would_end_the_program_does_not_from_afar(given: BaseException) -> None:
    arrived = there(given)
    assert isinstance(arrived, Exception)
    assert type(arrived).__name__ == type(given).__name__

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibind.contracts.errors import BadConfig, BadOption, BindingBroken, UnknownOption
from omnibind.contracts.media import AudioInput
from omnibind.contracts.options import Option, OptionType, Range, Schema, schema_of


def verb(
    self: object,
    prompt: str,
    *,
    speed: Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"] = 1.0,
    steps: Annotated[int | None, Range(1, 100)] = None,
    mood: Literal["calm", "wild", 3] = "calm",
    level: Literal[0, 1] = 0,
    loud: bool = False,
    title: str = "",
    where: Path | None = None,
    words: list[str] | None = None,
    weights: dict[str, float] | None = None,
    extra: dict[str, Any] | None = None,
    melody: AudioInput | None = None,
) -> None: ...


SCHEMA = schema_of(verb, ("prompt",), "ttm/test")


def test_a_signature_becomes_data_and_comes_back_from_it() -> None:
    import json

    data = json.loads(json.dumps(SCHEMA.to_data()))
    assert Schema.from_data(data) == SCHEMA
    assert SCHEMA.names[:3] == ("speed", "steps", "mood")
    assert SCHEMA.option("speed") == Option(
        "speed", OptionType("float", low=0.5, high=2.0), False, 1.0, "tempo; 1.0 is natural"
    )
    assert SCHEMA.option("steps") == Option("steps", OptionType("int", True, 1, 100), False)
    assert SCHEMA.option("melody") == Option("melody", OptionType("audio", True), False)


def test_what_is_not_given_stays_not_given() -> None:
    assert SCHEMA.check({}, "ttm/test") == {}
    assert SCHEMA.check({"speed": 2}, "ttm/test") == {"speed": 2.0}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("speed", np.float32(1.5), 1.5),
        ("speed", np.array(1.5), 1.5),
        ("speed", 1, 1.0),
        ("steps", np.int64(3), 3),
        ("steps", None, None),
        ("loud", np.True_, True),
        ("mood", 3, 3),
        ("where", "a/b", Path("a/b")),
        ("words", ("a", "b"), ["a", "b"]),
        ("words", np.array(["a"]), ["a"]),
        ("weights", {"a": 1}, {"a": 1.0}),
        ("extra", {"anything": object}, {"anything": object}),
        ("melody", "x.wav", "x.wav"),
    ],
)
def test_good_values_arrive_in_the_declared_type(name: str, value: Any, wanted: Any) -> None:
    checked = SCHEMA.check({name: value}, "ttm/test")[name]
    assert checked == wanted
    assert type(checked) is type(wanted)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("speed", math.nan, "finite"),
        ("speed", math.inf, "finite"),
        ("speed", np.float64("nan"), "finite"),
        ("speed", True, "bool isn't a float"),
        ("speed", "1", "str isn't a float"),
        ("speed", 0.49, "below 0.5"),
        ("speed", 2.01, "above 2"),
        ("speed", None, "None isn't allowed"),
        ("speed", np.array([1.0]), "ndarray isn't a float"),
        ("steps", 1.0, "float isn't an int"),
        ("steps", True, "bool isn't an int"),
        ("steps", np.float32(3), "isn't an int"),
        ("loud", 1, "isn't a bool"),
        ("loud", "true", "isn't a bool"),
        ("mood", "angry", "among the choices"),
        ("mood", True, "among the choices"),
        ("level", True, "among the choices"),
        ("level", "1", "among the choices"),
        ("title", 3, "isn't a str"),
        ("title", b"x", "isn't a str"),
        ("where", 3, "isn't a path"),
        ("words", "abc", "isn't a list"),
        ("words", [1], "isn't a str"),
        ("weights", {1: 1.0}, "str keys"),
        ("weights", {"a": "x"}, "isn't a float"),
        ("melody", 3, "can't be read as audio"),
    ],
)
def test_bad_values_are_refused_with_what_was_given_and_expected(
    name: str, value: Any, words: str
) -> None:
    with pytest.raises(BadOption, match=words) as caught:
        SCHEMA.check({name: value}, "ttm/test")
    assert f"option {name!r} of ttm/test" in str(caught.value)
    assert "give " in str(caught.value)


def test_an_unknown_option_names_the_near_one() -> None:
    with pytest.raises(UnknownOption, match="did you mean 'speed'"):
        SCHEMA.check({"sped": 1.0}, "ttm/test")


@pytest.mark.parametrize(("word", "ours"), [("num_inference_steps", "steps"), ("rate", "speed")])
def test_a_vendors_word_is_answered_with_ours(word: str, ours: str) -> None:
    with pytest.raises(UnknownOption, match=f"the name here is '{ours}'"):
        SCHEMA.check({word: 1}, "ttm/test")


def test_a_wrong_configuration_is_a_bad_config() -> None:
    with pytest.raises(BadConfig, match="did you mean 'title'"):
        SCHEMA.check({"titel": "x"}, "ttm/test", BadConfig)


def test_bytes_in_a_message_are_counted_not_shown() -> None:
    with pytest.raises(BadOption, match="is 6 bytes") as caught:
        SCHEMA.check({"title": b"secret"}, "ttm/test")
    assert "secret" not in str(caught.value)


def test_an_open_schema_lets_unknown_options_pass() -> None:
    def open_verb(self: object, prompt: str, *, speed: float = 1.0, **options: Any) -> None: ...

    schema = schema_of(open_verb, ("prompt",), "tti/test")
    assert schema.open
    assert schema.check({"anything": 1, "speed": 2}, "tti/test") == {"anything": 1, "speed": 2.0}


def test_a_required_option_must_be_given() -> None:
    def needy(self: object, *, model_name: str) -> None: ...

    schema = schema_of(needy, (), "tti/test")
    with pytest.raises(BadConfig, match="tti/test needs the option 'model_name': give str"):
        schema.check({}, "tti/test", BadConfig)


def _positional(self: object, prompt: str, speed: float = 1.0) -> None: ...
def _bare(self: object, prompt: str, *, speed=1.0) -> None: ...  # type: ignore[no-untyped-def]
def _union(self: object, prompt: str, *, speed: int | str = 1) -> None: ...
def _reserved(self: object, prompt: str, *, timeout_s: float = 1.0) -> None: ...
def _default(self: object, prompt: str, *, speed: Annotated[float, Range(0, 1)] = 2.0) -> None: ...
def _ranged(self: object, prompt: str, *, title: Annotated[str, Range(0, 1)] = "") -> None: ...
def _subject(self: object, text: str) -> None: ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_positional, "put the options after"),
        (_bare, "has no type"),
        (_union, "isn't an option type"),
        (_reserved, "reserved"),
        (_default, "default 2.0"),
        (_ranged, "Range is for numbers"),
        (_subject, r"passes \(prompt\)"),
    ],
)
def test_a_signature_that_cannot_be_a_schema_is_broken(function: Any, words: str) -> None:
    with pytest.raises(BindingBroken, match=words):
        schema_of(function, ("prompt",), "ttm/test")


def test_a_class_without_a_constructor_takes_no_configuration() -> None:
    class Plain:
        """Has none of its own."""

    schema = schema_of(Plain.__init__, (), "x")
    assert schema == Schema((), ())
    with pytest.raises(BadConfig, match="'anything' is unknown"):
        schema.check({"anything": 1}, "x", BadConfig)


def test_a_constructor_may_declare_device_but_not_runs() -> None:
    def good(self: object, *, device: str = "auto", api_key: str | None = None) -> None: ...
    def bad(self: object, *, runs: str = "worker") -> None: ...

    assert schema_of(good, (), "x").names == ("device", "api_key")
    with pytest.raises(BindingBroken, match="reserved"):
        schema_of(bad, (), "x")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("speed", "1.5", 1.5),
        ("steps", "none", None),
        ("loud", "yes", True),
        ("loud", "FALSE", False),
        ("mood", "3", 3),
        ("words", "a, b", ["a", "b"]),
        ("words", '["a"]', ["a"]),
        ("weights", '{"a": 1}', {"a": 1.0}),
    ],
)
def test_a_command_lines_words_become_values(name: str, text: str, value: Any) -> None:
    option = SCHEMA.option(name)
    assert option is not None
    assert option.type.parse(text) == value


def test_a_command_lines_wrong_word_is_refused() -> None:
    option = SCHEMA.option("speed")
    assert option is not None
    with pytest.raises(ValueError, match="isn't a number"):
        option.type.parse("fast")


def test_the_json_schema_says_types_ranges_and_defaults() -> None:
    schema = SCHEMA.json_schema()
    assert schema["additionalProperties"] is False
    assert schema["properties"]["speed"] == {
        "type": "number",
        "minimum": 0.5,
        "maximum": 2.0,
        "description": "tempo; 1.0 is natural",
        "default": 1.0,
    }
    assert schema["properties"]["mood"]["enum"] == ["calm", "wild", 3]
    assert {"type": "null"} in schema["properties"]["steps"]["anyOf"]


@given(st.floats(0.5, 2.0))
def test_every_value_in_the_range_passes_unchanged(value: float) -> None:
    assert SCHEMA.check({"speed": value}, "x")["speed"] == value


@given(st.one_of(st.text(), st.binary(), st.floats(), st.lists(st.integers()), st.none()))
def test_any_value_either_passes_or_raises_our_error(value: Any) -> None:
    for name in SCHEMA.names:
        with contextlib.suppress(BadOption):
            SCHEMA.check({name: value}, "x")

"""Options as data: a signature becomes a schema, a schema checks values.

The keyword-only, annotated parameters of a binding's constructor are its configuration, those of
its verb its options. Their types are a closed list, each also ``| None``::

    bool  int  float  str  Path  Literal[...]  list[T]  dict[str, T]  dict[str, Any]
    AudioInput  ImageInput  VideoInput  Secret

``Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"]`` adds a range and a description.
:data:`KINDS` is the one table that says how each type is checked, shown as JSON schema, read from
a command line and written on the wire.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from omnibind.contracts.errors import BadOption, BindingBroken, UnknownOption, UsageError, suggest
from omnibind.contracts.secret import Secret

CALL_CONTROLS = frozenset(
    (
        *("timeout_s", "callbacks", "on_request", "on_response", "on_error", "on_progress"),
        *("on_fallback", "on_refusal", "label", "strict", "verify", "consent", "recipe", "save_to"),
        *("budget_usd", "allow_unknown_cost", "retry_paid", "return_errors", "api_key"),
        "max_result_bytes",
    )
)
"""Names that belong to the call itself; no binding may declare an option of that name."""

CONFIGURATION_CONTROLS = frozenset(
    ("binding", "model", "runs", "keep_alive_s", "pinned", "consent", "env_file")
)
"""Names that belong to the place a binding runs in; no constructor may declare them."""

TERMS: Mapping[str, tuple[str, ...]] = {
    "text": ("input", "caption"),
    "voice": ("voice_id", "speaker", "speaker_wav", "voice_preset", "history_prompt"),
    "language": ("language_code", "lang"),
    "speed": ("speaking_rate", "rate", "length_scale"),
    "instructions": ("style_prompt",),
    "output_format": ("format", "response_format"),
    "width": ("size", "resolution"),
    "height": ("size", "resolution"),
    "n": ("num_images", "num_images_per_prompt"),
    "image": ("init_image", "prompt_image"),
    "steps": ("num_inference_steps",),
    "guidance_scale": ("cfg", "cfg_coef", "cfg_scale"),
    "semantic_temperature": ("text_temp",),
    "coarse_temperature": ("waveform_temp",),
    "duration_s": ("duration", "length", "seconds", "duration_seconds"),
    "initial_prompt": ("prompt",),
    "word_times": ("word_timestamps", "timestamp_granularities"),
    "bpm": ("tempo",),
    "lyrics": ("lyrics_text",),
    "instrumental": ("force_instrumental",),
    "keywords": ("keyterms",),
    "precision": ("torch_dtype_str", "torch_dtype", "dtype"),
    "timeout_s": ("timeout",),
}
"""Our terms, each with the vendors' words that it replaces."""


class Range(NamedTuple):
    """Inclusive bounds of a number; None leaves a side open."""

    low: float | None = None
    high: float | None = None


class OptionType(NamedTuple):
    """The type of one option, as data."""

    kind: str
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    item: OptionType | None = None

    def __str__(self) -> str:
        text = {"literal": "one of " + ", ".join(map(repr, self.choices))}.get(self.kind, self.kind)
        if self.item is not None:
            text = f"{self.kind}[{'str, ' if self.kind == 'dict' else ''}{self.item}]"
        if self.low is not None and self.high is not None:
            text += f" between {_number(self.low)} and {_number(self.high)}"
        elif self.low is not None:
            text += f" of at least {_number(self.low)}"
        elif self.high is not None:
            text += f" of at most {_number(self.high)}"
        return text + (" or None" if self.nullable else "")

    def check(self, value: Any) -> Any:
        """Return ``value`` in the option's own type, or raise ``ValueError`` saying why not."""
        if value is None:
            if self.nullable:
                return None
            raise ValueError("None isn't allowed")
        return KINDS[self.kind].check(value, self)

    def parse(self, text: str) -> Any:
        """Return the value that a command line's ``text`` means, checked."""
        if self.nullable and text.lower() in ("none", "null"):
            return None
        return self.check(KINDS[self.kind].parse(text, self))

    def json_schema(self) -> dict[str, Any]:
        """Return this type as JSON schema (draft 2020-12)."""
        schema = KINDS[self.kind].json_schema(self)
        if self.low is not None:
            schema["minimum"] = self.low
        if self.high is not None:
            schema["maximum"] = self.high
        if not self.nullable:
            return schema
        return {"anyOf": [schema, {"type": "null"}]}

    def to_data(self) -> dict[str, Any]:
        """Return this type as plain JSON data."""
        data: dict[str, Any] = {"kind": self.kind}
        if self.nullable:
            data["nullable"] = True
        if self.low is not None:
            data["low"] = self.low
        if self.high is not None:
            data["high"] = self.high
        if self.choices:
            data["choices"] = list(self.choices)
        if self.item is not None:
            data["item"] = self.item.to_data()
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> OptionType:
        """Rebuild a type from :meth:`to_data`."""
        item = data.get("item")
        return cls(
            data["kind"],
            data.get("nullable", False),
            data.get("low"),
            data.get("high"),
            tuple(data.get("choices", ())),
            None if item is None else cls.from_data(item),
        )


class Option(NamedTuple):
    """One option: its name, type, default and one line of help."""

    name: str
    type: OptionType
    required: bool
    default: Any = None
    help: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return this option as plain JSON data."""
        data: dict[str, Any] = {"name": self.name, "type": self.type.to_data()}
        if self.help:
            data["help"] = self.help
        if not self.required:
            data["default"] = KINDS[self.type.kind].to_wire(self.default)
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Option:
        """Rebuild an option from :meth:`to_data`."""
        type_ = OptionType.from_data(data["type"])
        required = "default" not in data
        default = None if required else type_.check(data["default"])
        return cls(data["name"], type_, required, default, data.get("help", ""))


class Schema(NamedTuple):
    """The options of one verb, or the configuration of one binding.

    Attributes:
        subject: Names of the leading positional parameters (``text, voice``).
        options: The declared options.
        open: True where further options depend on the model; the binding checks those itself.
    """

    subject: tuple[str, ...]
    options: tuple[Option, ...]
    open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the declared options, in the order declared."""
        return tuple(option.name for option in self.options)

    def option(self, name: str) -> Option | None:
        """Return the option of that name, or None."""
        for option in self.options:
            if option.name == name:
                return option
        return None

    def check(
        self, given: Mapping[str, Any], owner: str, error: type[UsageError] = BadOption
    ) -> dict[str, Any]:
        """Return the given values in the options' own types; those not given stay not given.

        Args:
            given: Values by option name.
            owner: Who declares them, for messages: ``tts/piper``.
            error: Raised for a wrong value.

        Raises:
            UnknownOption: A name isn't declared, and the schema is closed.
            UsageError: A value has a wrong type or is out of range (as ``error``).
        """
        checked: dict[str, Any] = {}
        for name, value in given.items():
            option = self.option(name)
            if option is None:
                if not self.open:
                    self.refuse(name, owner, error)
                checked[name] = value
                continue
            try:
                checked[name] = option.type.check(value)
            except ValueError as wrong:
                about = f" ({option.help})" if option.help else ""
                told = "***" if option.type.kind == "secret" else shown(value)
                raise error(
                    f"option {name!r} of {owner} is {told}: {wrong}; give {option.type}{about}"
                ) from None
        for option in self.options:
            if option.required and option.name not in checked:
                raise error(f"{owner} needs the option {option.name!r}: give {option.type}")
        return checked

    def refuse(self, name: str, owner: str, error: type[UsageError] = BadOption) -> NoReturn:
        """Raise for an option that isn't declared, naming ours for a vendor's word."""
        unknown = UnknownOption if error is BadOption else error
        ours = [t for t, words in TERMS.items() if name in words and t in self.names]
        if ours:
            hint = "the name here is " + " and ".join(repr(term) for term in ours)
        else:
            hint = suggest(name, self.names)
        raise unknown(f"option {name!r} is unknown to {owner}; {hint}")

    def json_schema(self) -> dict[str, Any]:
        """Return the options as one JSON schema object (draft 2020-12)."""
        properties: dict[str, Any] = {}
        for option in self.options:
            schema = option.type.json_schema()
            if option.help:
                schema["description"] = option.help
            if not option.required:
                schema["default"] = KINDS[option.type.kind].to_wire(option.default)
            properties[option.name] = schema
        return {
            "type": "object",
            "properties": properties,
            "required": [option.name for option in self.options if option.required],
            "additionalProperties": self.open,
        }

    def to_data(self) -> dict[str, Any]:
        """Return this schema as plain JSON data."""
        return {
            "subject": list(self.subject),
            "options": [option.to_data() for option in self.options],
            "open": self.open,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Schema:
        """Rebuild a schema from :meth:`to_data`."""
        options = tuple(Option.from_data(option) for option in data["options"])
        return cls(tuple(data["subject"]), options, data["open"])


def shown(value: Any) -> str:
    """Return ``value`` for a message: short, and never a key or a file's content."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value)} bytes"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


class Kind(NamedTuple):
    """How values of one type are checked, described, parsed and written."""

    check: Callable[[Any, OptionType], Any]
    json_schema: Callable[[OptionType], dict[str, Any]]
    parse: Callable[[str, OptionType], Any]
    to_wire: Callable[[Any], Any] = lambda value: value


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _plain(value: Any) -> Any:
    # A numpy scalar (or 0-d array) means the Python number that it holds.
    if type(value) not in (bool, int, float) and getattr(value, "ndim", None) == 0:
        item = getattr(value, "item", None)
        if callable(item):
            return item()
    return value


def _check_bool(value: Any, type_: OptionType) -> bool:
    value = _plain(value)
    if isinstance(value, bool):
        return value
    raise ValueError(f"a {type(value).__name__} isn't a bool")


def _check_int(value: Any, type_: OptionType) -> int:
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"a {type(value).__name__} isn't an int")
    return int(_in_range(value, type_))


def _check_float(value: Any, type_: OptionType) -> float:
    if type(value) is not float:
        value = _plain(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"a {type(value).__name__} isn't a float")
    if not math.isfinite(value):
        raise ValueError("it isn't a finite number")
    return float(_in_range(value, type_))


def _in_range(value: float, type_: OptionType) -> float:
    if type_.low is not None and value < type_.low:
        raise ValueError(f"it is below {_number(type_.low)}")
    if type_.high is not None and value > type_.high:
        raise ValueError(f"it is above {_number(type_.high)}")
    return value


def _check_str(value: Any, type_: OptionType) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Secret):  # of a binding that takes its key as a plain str
        return value.reveal()
    raise ValueError(f"a {type(value).__name__} isn't a str")


def _check_path(value: Any, type_: OptionType) -> Path:
    if isinstance(value, (str, os.PathLike)) and str(value):
        return Path(value)
    raise ValueError("it isn't a path")


def _check_literal(value: Any, type_: OptionType) -> Any:
    value = _plain(value)
    for choice in type_.choices:
        if value == choice and isinstance(value, bool) == isinstance(choice, bool):
            return choice
    raise ValueError("it isn't among the choices")


def _check_list(value: Any, type_: OptionType) -> list[Any]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"a {type(value).__name__} isn't a list")
    assert type_.item is not None
    return [type_.item.check(item) for item in value]


def _check_dict(value: Any, type_: OptionType) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError("it isn't a dict with str keys")
    assert type_.item is not None
    return {key: type_.item.check(item) for key, item in value.items()}


def _check_media(value: Any, type_: OptionType) -> Any:
    from omnibind.contracts.media import Source

    usable = isinstance(value, (str, bytes, bytearray, memoryview, os.PathLike, tuple, Source))
    if usable or hasattr(value, "read"):
        return value
    raise ValueError(
        f"a {type(value).__name__} can't be read as {type_.kind}: give a path, bytes, a file object"
        + (", (array, sample_rate)" if type_.kind == "audio" else "")
        + " or a Source"
    )


def _check_secret(value: Any, type_: OptionType) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


def _parse_bool(text: str, type_: OptionType) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if text.lower() not in words:
        raise ValueError("it isn't true or false")
    return words[text.lower()]


def _parse_number(to: Callable[[str], Any]) -> Callable[[str, OptionType], Any]:
    def parse(text: str, type_: OptionType) -> Any:
        try:
            return to(text)
        except ValueError:
            raise ValueError(f"it isn't a number ({to.__name__})") from None

    return parse


def _parse_literal(text: str, type_: OptionType) -> Any:
    return next((choice for choice in type_.choices if str(choice) == text), text)


def _parse_json(text: str, type_: OptionType) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        if type_.kind == "list" and type_.item is not None:
            return [type_.item.parse(part.strip()) for part in text.split(",")]
        raise ValueError(f"it isn't JSON for a {type_.kind}") from None


def _as_given(text: str, type_: OptionType) -> Any:
    return text


def _media_to_wire(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else os.fspath(value)


def _json(type_name: str, **more: Any) -> Callable[[OptionType], dict[str, Any]]:
    return lambda type_: {"type": type_name, **more}


def _json_list(type_: OptionType) -> dict[str, Any]:
    assert type_.item is not None
    return {"type": "array", "items": type_.item.json_schema()}


def _json_dict(type_: OptionType) -> dict[str, Any]:
    assert type_.item is not None
    return {"type": "object", "additionalProperties": type_.item.json_schema() or True}


KINDS: Mapping[str, Kind] = {
    "bool": Kind(_check_bool, _json("boolean"), _parse_bool),
    "int": Kind(_check_int, _json("integer"), _parse_number(int)),
    "float": Kind(_check_float, _json("number"), _parse_number(float)),
    "str": Kind(_check_str, _json("string"), _as_given),
    "path": Kind(
        _check_path,
        _json("string", format="path"),
        _as_given,
        lambda value: None if value is None else str(value),
    ),
    "literal": Kind(_check_literal, lambda type_: {"enum": list(type_.choices)}, _parse_literal),
    "list": Kind(_check_list, _json_list, _parse_json),
    "dict": Kind(_check_dict, _json_dict, _parse_json),
    "secret": Kind(
        _check_secret,
        _json("string", format="password", writeOnly=True),
        _as_given,
        lambda value: None,  # written nowhere
    ),
    "any": Kind(lambda value, type_: value, lambda type_: {}, _as_given),
    **{
        family: Kind(_check_media, _json("string", format=family), _as_given, _media_to_wire)
        for family in ("audio", "image", "video")
    },
}


def schema_of(function: Callable[..., Any], subject: tuple[str, ...], owner: str) -> Schema:
    """Read a schema from a signature.

    Args:
        function: A constructor (``subject`` is empty) or a verb.
        subject: Names that the contract passes by position, after ``self``.
        owner: Who declares it, for messages.

    Raises:
        BindingBroken: A parameter isn't annotated, isn't keyword-only, has a type outside the
            closed list, a reserved name, or a default that its own type refuses.
    """
    import inspect

    if function is object.__init__:  # a class without a constructor of its own takes nothing
        return Schema((), ())
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        del parameters[0]
    leading = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names = tuple(p.name for p in leading)
    if names != subject:
        wanted = ", ".join(subject) or "none"
        raise BindingBroken(
            f"{owner} takes ({', '.join(names)}) by position; the contract passes ({wanted}): "
            "put the options after '*'"
        )
    hints = _hints_of(function, owner)
    reserved = CALL_CONTROLS if subject else CONFIGURATION_CONTROLS
    options = []
    for parameter in parameters:
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if parameter.name in reserved:
            raise BindingBroken(f"{owner} declares {parameter.name!r}, a name reserved by omnibind")
        if parameter.name not in hints:
            raise BindingBroken(f"option {parameter.name!r} of {owner} has no type; annotate it")
        options.append(_option_of(parameter.name, hints[parameter.name], parameter.default, owner))
    further = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
    shared = _unpacked(hints.get(further)) if further else None
    for name, hint in (shared or {}).items():
        options.append(_option_of(name, hint, None, owner))
    return Schema(subject, tuple(options), further is not None and shared is None)


def _unpacked(hint: Any) -> dict[str, Any] | None:
    """Return the options of ``**name: Unpack[SomeTypedDict]``, each None by default."""
    import typing

    if getattr(typing.get_origin(hint), "__name__", "") != "Unpack":
        return None
    return typing.get_type_hints(typing.get_args(hint)[0], include_extras=True)


def _hints_of(function: Callable[..., Any], owner: str) -> dict[str, Any]:
    import typing

    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception as error:
        raise BindingBroken(
            f"the annotations of {owner} can't be read ({error}); import their names at run time, "
            "outside TYPE_CHECKING"
        ) from error


def _option_of(name: str, annotation: Any, default: Any, owner: str) -> Option:
    import inspect

    try:
        type_, text = _type_of(annotation)
    except ValueError as error:
        raise BindingBroken(f"option {name!r} of {owner}: {error}") from None
    if default is inspect.Parameter.empty:
        return Option(name, type_, True, None, text)
    try:
        return Option(name, type_, False, type_.check(default), text)
    except ValueError as error:
        raise BindingBroken(
            f"the default {default!r} of option {name!r} of {owner} isn't {type_}: {error}"
        ) from None


def _type_of(annotation: Any) -> tuple[OptionType, str]:
    import types
    import typing

    from omnibind.contracts.media import MediaKind

    text, low, high = "", None, None
    kind: str | None = None
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *notes = typing.get_args(annotation)
        for note in notes:
            if isinstance(note, str):
                text = text or note
            elif isinstance(note, Range):
                low, high = note
            elif isinstance(note, MediaKind):
                kind = note.family
    if kind is not None:
        return OptionType(kind), text
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        members = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
        if len(members) == 1:
            inner, inner_text = _type_of(members[0])
            low = inner.low if low is None else low
            high = inner.high if high is None else high
            return inner._replace(nullable=True, low=low, high=high), text or inner_text
    plain = {bool: "bool", int: "int", float: "float", str: "str", Path: "path", Secret: "secret"}
    if annotation in plain:
        if (low, high) != (None, None) and annotation not in (int, float):
            raise ValueError(f"Range is for numbers, not for {annotation.__name__}")
        return OptionType(plain[annotation], low=low, high=high), text
    if origin is typing.Literal:
        return OptionType("literal", choices=typing.get_args(annotation)), text
    if origin is list:
        return OptionType("list", item=_type_of(typing.get_args(annotation)[0])[0]), text
    if origin is dict and typing.get_args(annotation)[0] is str:
        value = typing.get_args(annotation)[1]
        item = OptionType("any", nullable=True) if value is Any else _type_of(value)[0]
        return OptionType("dict", item=item), text
    raise ValueError(
        f"{annotation!r} isn't an option type; use bool, int, float, str, Path, Literal, list[…], "
        "dict[str, …], AudioInput, ImageInput, VideoInput or Secret, each also '| None'"
    )

"""YAML documents read into typed structs.

YAML 1.2 core rules: only ``true`` and ``false`` are booleans, so ``no`` and ``16:9`` are strings. A
key given twice, an anchor, a tag and a second document are refused: a manifest is plain data. The
events come from libyaml, the types are checked by msgspec.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from omnibind.contracts.errors import OmnibindError, suggest

T = TypeVar("T")

MAX_DEPTH = 40

_NUMBER_START = frozenset("+-.0123456789")
_INT = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True}
_WORDS |= {"false": False, "False": False, "FALSE": False}
for _word in (".inf", ".Inf", ".INF"):
    _WORDS |= {_word: float("inf"), "+" + _word: float("inf"), "-" + _word: float("-inf")}
_WORDS |= dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan"))

_CParser: Callable[[bytes], Any] | None = None
if yaml.__with_libyaml__:
    from yaml import cyaml

    _CParser = cyaml.CParser  # type: ignore[attr-defined]  # libyaml's, which yaml re-exports


def read(path: Path, type_: type[T], error: type[OmnibindError]) -> T:
    """Read one YAML file into ``type_``.

    Raises:
        OmnibindError: As ``error``: the file can't be read, isn't YAML, or doesn't fit ``type_``;
            the message names the file, the place in it and, for an unknown key, near names.
    """
    try:
        content = path.read_bytes()
    except OSError as reason:
        raise error(f"{path} can't be read: {reason.strerror or reason}") from reason
    return decode(content, type_, error, str(path))


def decode(content: bytes, type_: type[T], error: type[OmnibindError], name: str) -> T:
    """Read YAML from ``content``; ``name`` stands for it in messages."""
    try:
        data = parse(content)
    except ValueError as reason:
        raise error(f"{name} isn't a YAML document that omnibind reads: {reason}") from reason
    try:
        return msgspec.convert(data, type_)
    except msgspec.ValidationError as reason:
        raise error(f"{name}: {_explain(str(reason), type_)}") from reason


def parse(content: bytes) -> Any:
    """Return the data of one YAML document.

    Raises:
        ValueError: It isn't YAML, or uses what manifests don't need (anchors, tags, …).
    """
    if b"\0" in content:
        raise ValueError("it holds binary data")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it isn't UTF-8 text") from None
    get_event: Callable[[], Any]
    try:
        if _CParser is not None:
            get_event = _CParser(content).get_event
        else:
            events = yaml.parse(content)
            get_event = lambda: next(events, None)  # noqa: E731
        return _build(get_event)
    except yaml.YAMLError as reason:
        raise ValueError(" ".join(str(reason).split())) from reason


def _build(get_event: Callable[[], Any]) -> Any:
    # One pass with a stack: a node goes to the container on top, a mapping waits with its key.
    root: list[Any] = []
    top: Any = root
    key: Any = None
    waiting = False
    stack: list[tuple[Any, Any]] = []
    while (event := get_event()) is not None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            if event.anchor or event.tag:
                raise ValueError(f"line {_line(event)}: anchors and tags aren't used here")
            value = event.value
            if event.implicit[0]:
                value = _scalar(value)
            if type(top) is list:
                top.append(value)
            elif waiting:
                top[key] = value
                waiting = False
            else:
                if value in top:
                    raise ValueError(f"line {_line(event)}: the key {value!r} stands there twice")
                key, waiting = value, True
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.anchor or event.tag:
                raise ValueError(f"line {_line(event)}: anchors and tags aren't used here")
            if type(top) is dict and not waiting:
                raise ValueError(f"line {_line(event)}: a key must be a plain value")
            if len(stack) >= MAX_DEPTH:
                raise ValueError(f"line {_line(event)}: nested deeper than {MAX_DEPTH}")
            stack.append((top, key))
            top, waiting = ({} if kind is yaml.MappingStartEvent else []), False
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            value = top
            top, key = stack.pop()
            if type(top) is list:
                top.append(value)
            else:
                top[key] = value
            waiting = False
        elif kind is yaml.AliasEvent:
            raise ValueError(f"line {_line(event)}: aliases aren't used here")
        elif kind is yaml.DocumentStartEvent and root:
            raise ValueError(f"line {_line(event)}: only one document is read")
    return root[0] if root else None


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INT.match(text):
        return int(text)
    if _BASED.match(text):
        return int(text, 0)
    return float(text) if _FLOAT.match(text) else text


def _explain(reason: str, type_: Any) -> str:
    unknown = re.search(r"unknown field `([^`]*)`", reason)
    if not unknown:
        return reason
    known = {
        field for struct in _structs(type_, set()) for field in struct.__struct_encode_fields__
    }
    where = re.search(r"at `\$(.*)`", reason)
    place = f" in {where[1].lstrip('.')}" if where and where[1] else ""
    return f"the key {unknown[1]!r}{place} is unknown; {suggest(unknown[1], known)}"


def _structs(type_: Any, seen: set[Any]) -> set[Any]:
    import typing

    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        if type_ not in seen:
            seen.add(type_)
            for hint in typing.get_type_hints(type_).values():
                _structs(hint, seen)
    else:
        for argument in typing.get_args(type_):
            _structs(argument, seen)
    return seen

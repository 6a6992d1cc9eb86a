"""``k=v`` on the command line, read by a binding's schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from omnibind.contracts.errors import BadOption, UsageError
from omnibind.contracts.options import Schema, shown


def read_pairs(
    pairs: Sequence[str], schema: Schema, owner: str, error: type[UsageError] = BadOption
) -> dict[str, Any]:
    """Return the values that ``k=v`` texts mean.

    Args:
        pairs: As typed; the last one of a name counts.
        schema: What the names and types are. Where it is open, a name that it doesn't declare is
            read as JSON, else as text.
        owner: Who declares them, for messages: ``tts/piper``.
        error: Raised for a wrong value.

    Raises:
        UsageError: A text isn't ``k=v``, a name is unknown or a value doesn't fit (as ``error``,
            or :class:`~omnibind.contracts.errors.UnknownOption` for an option's name).
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise error(f"{pair!r} isn't NAME=VALUE; give for example speed=1.2")
        values[name] = _value(name, text, schema, owner, error)
    return values


def _value(name: str, text: str, schema: Schema, owner: str, error: type[UsageError]) -> Any:
    option = schema.option(name)
    if option is None:
        if not schema.open:
            schema.refuse(name, owner, error)
        try:
            return json.loads(text)
        except ValueError:
            return text
    if option.type.kind == "secret":
        raise error(
            f"{name!r} of {owner} is a key, and a command line shows it to everybody on this "
            "machine; put it into the keyring: omnibind keys set NAME"
        )
    try:
        return option.type.parse(text)
    except ValueError as wrong:
        about = f" ({option.help})" if option.help else ""
        raise error(
            f"option {name!r} of {owner} is {shown(text)}: {wrong}; give {option.type}{about}"
        ) from None

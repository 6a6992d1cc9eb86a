"""A key that never shows itself."""

from __future__ import annotations

import re
from typing import NoReturn

_NAME = re.compile(
    "(^|_)(key|auth)$|token$|(api|access|private|subscription|account|auth)_?key|secret|passw"
    "|passphrase|authorization|bearer|credential|cookie"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_secret(name: str) -> bool:
    """Tell whether a value of that name is a key, a token or a password."""
    return _NAME.search(_HUMP.sub("_", name).replace("-", "_").lower()) is not None


class Secret:
    """A key, token or password: no ``repr``, message, log, recipe or traceback shows it.

    White space around it, as a copied key has it, is left out.

    Raises:
        ValueError: It is empty or has a character that no key has; the message doesn't show it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        text = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(text, str):
            raise ValueError(f"a {type(value).__name__} isn't a key; give a str")
        text = text.strip()
        if not text:
            raise ValueError("the key is empty")
        if not text.isascii() or not text.isprintable():
            raise ValueError("the key has a character that no key has; copy it again")
        self._value = text

    def reveal(self) -> str:
        """Return the key itself; for the place that sends it."""
        return self._value

    def after(self, prefix: str) -> Secret:
        """Return a secret of this one behind a prefix: ``Bearer …``."""
        return Secret(prefix + self._value)

    def hidden_in(self, text: str) -> str:
        """Return a text with this key masked wherever it stands in it."""
        return text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "Secret(***)"

    def __format__(self, how: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest

        return compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret isn't pickled; the other process reads its own")

"""How much memory a program's engines may take: as a share of what is free now, or in bytes.

``"90%"`` is the default: a load may take nine tenths of what its device has free at that moment.
``"12GB"`` says that this program's engines may hold at most so much together on a device, and
leaves the default as it is. Either may be said for all devices or one by one:
``"host=80%,cuda:0=20GB"`` in ``$OMNIBIND_MEMORY_LIMIT``, a mapping in a configuration.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from omnibind.contracts.errors import BadConfig
from omnibind.contracts.media.base import size

VARIABLE = "OMNIBIND_MEMORY_LIMIT"
SHARE = 0.9

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(%|[kMGT]i?B|B)", re.IGNORECASE)
_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


class Limit(NamedTuple):
    """What may be taken of one device.

    Attributes:
        share: Of what is free, 0..1.
        most_bytes: Of this program's engines together; None for any.
    """

    share: float = SHARE
    most_bytes: int | None = None

    def __str__(self) -> str:
        share = f"{self.share:.0%} of what is free"
        return share if self.most_bytes is None else f"{size(self.most_bytes)}, and {share}"

    def allows(self, free: int | None, held: int) -> int | None:
        """Return how many bytes a load may take; None where it isn't known what is free.

        Args:
            free: Bytes that the device has free.
            held: Bytes that this program's engines hold there.
        """
        left = None if self.most_bytes is None else max(0, self.most_bytes - held)
        if free is None:
            return left
        usable = int(free * self.share)
        return usable if left is None else min(usable, left)

    def missing(self, need: int, free: int | None, held: int) -> int:
        """Return how many bytes must be let go of before ``need`` may be taken; 0 for none."""
        by_free = 0 if free is None else math.ceil(need / self.share) - free
        by_most = 0 if self.most_bytes is None else need - (self.most_bytes - held)
        return max(0, by_free, by_most)


class Limits:
    """The limit of each device."""

    def __init__(self, given: Any = None) -> None:
        """Read what a configuration says.

        Args:
            given: ``"90%"``, ``"12GB"``, bytes as an int, or a mapping from ``host``, ``cuda``,
                ``cuda:N`` to these; None for the default.

        Raises:
            BadConfig: It is none of these.
        """
        named = given if isinstance(given, Mapping) else {"": given}
        self._limits = {
            str(name).strip(): _read(value) for name, value in named.items() if value is not None
        }

    @classmethod
    def of_environment(cls) -> Limits | None:
        """Return what ``$OMNIBIND_MEMORY_LIMIT`` says; None where it isn't set."""
        text = os.environ.get(VARIABLE, "").strip()
        if not text:
            return None
        if "=" not in text:
            return cls(text)
        pairs = [part.partition("=") for part in text.split(",")]
        return cls({name.strip(): value for name, _, value in pairs})

    def of(self, device: str) -> Limit:
        """Return the limit of a device, by its name."""
        for name in (device, device.partition(":")[0], ""):
            if name in self._limits:
                return self._limits[name]
        return Limit()


def _read(value: Any) -> Limit:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(most_bytes=value)
    found = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise BadConfig(
            f"the memory limit {value!r} can't be read; give a share such as '90%', "
            "an amount such as '12GB', or host=…,cuda:0=…"
        )
    number, unit = float(found[1]), found[2].lower()
    if unit != "%":
        return Limit(most_bytes=int(number * _UNITS[unit]))
    if not 0 < number <= 100:
        raise BadConfig(f"the memory limit {value!r} is no share; give 1% to 100%")
    return Limit(number / 100)

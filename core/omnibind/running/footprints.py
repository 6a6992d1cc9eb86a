"""How much memory engines take: as measured on this machine, or estimated before the first load.

What was measured is kept in ``footprints.json`` in omnibind's home.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import gmtime, strftime
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from omnibind.contracts.media.base import size

if TYPE_CHECKING:
    import logging

Basis = Literal["measured", "estimated", "unknown"]

WEIGHTS_FACTOR = 1.15
"""Weights in memory are a little larger than their files."""

LIBRARY_BYTES = {"torch": 500_000_000, "other": 200_000_000}
"""What an engine takes beside its weights; measured on a CPU, 0.46 GB for Whisper on PyTorch, 0.12
and 0.16 GB for Piper on ONNX Runtime and Whisper on CTranslate2."""

TORCH_FILES = (".pt", ".pth", ".ckpt", ".safetensors")
"""How the names of PyTorch's weights end."""

CALL_BYTES = {"tti": 3_000_000_000, "ttv": 8_000_000_000}
"""What a call of a large model takes beside the engine, by modality; a small one takes no more than
its weights."""

OTHER_CALL_BYTES = 1_000_000_000
"""The same for every other modality."""
_LOCK_WAIT_S = 5.0
_FORGET = 0.1
"""A lower measure takes back a tenth of the difference: the highest counts, and fades slowly."""


class Key(NamedTuple):
    """What loaded memory is known by.

    Attributes:
        engine: ``tts/piper``, or the name that several bindings share.
        model: The model, or None where there is no such thing.
        device: Where it is loaded: ``host``, ``cuda:0``.
        precision: As configured, where that can be.
    """

    engine: str
    model: str | None = None
    device: str = "host"
    precision: str | None = None

    def __str__(self) -> str:
        parts = (self.engine, self.model or "-", self.device, self.precision or "-")
        return " ".join(parts)


class Footprint(msgspec.Struct, frozen=True):
    """What an engine took on this machine.

    Attributes:
        load_bytes: What its loading took and kept.
        call_bytes: What a call took beside that at most; None where that wasn't seen.
        load_seconds: How long its loading took, the last time.
        loads: How often that was measured.
        measured_on: When it last was, in UTC: ``2026-01-31``.
    """

    load_bytes: int
    call_bytes: int | None
    load_seconds: float
    loads: int
    measured_on: str


class Need(NamedTuple):
    """What a load and the calls after it will take.

    Attributes:
        load_bytes: The engine itself.
        call_bytes: A call beside it.
        basis: How that is known; ``unknown`` is 0 bytes, and never refused.
        told: The same for people.
        load_seconds: How long loading took the last time; None where it wasn't measured.
    """

    load_bytes: int
    call_bytes: int
    basis: Basis
    told: str
    load_seconds: float | None = None

    @property
    def bytes(self) -> int:
        """Both together."""
        return self.load_bytes + self.call_bytes


def need(
    key: Key, modality: str, weights_bytes: int | None = None, *, is_torch: bool = False
) -> Need:
    """Return what a load will take, as measured here before, else estimated.

    Args:
        key: What is loaded.
        modality: What its calls do.
        weights_bytes: The size of its model files; 0 where it has none, None where unknown.
        is_torch: Whether they are PyTorch's, whose library is larger.
    """
    known = of(key)
    if known is not None:
        call = known.call_bytes
        if call is None:
            call = _call_bytes(modality, known.load_bytes)
        told = f"measured on {known.measured_on}"
        return Need(known.load_bytes, call, "measured", told, known.load_seconds)
    if weights_bytes is None:
        return Need(0, 0, "unknown", "unknown: nothing was measured yet")
    if weights_bytes == 0:
        return Need(0, 0, "estimated", "estimated: it has no weights")
    load = round(weights_bytes * WEIGHTS_FACTOR) + LIBRARY_BYTES["torch" if is_torch else "other"]
    call = _call_bytes(modality, weights_bytes)
    told = f"estimated: {size(weights_bytes)} of weights, with their engine and a call"
    return Need(load, call, "estimated", told)


def _call_bytes(modality: str, model_bytes: int) -> int:
    return min(model_bytes, CALL_BYTES.get(modality, OTHER_CALL_BYTES))


def of(key: Key) -> Footprint | None:
    """Return what was measured; None where nothing was."""
    return _read().get(str(key))


def note_load(key: Key, load_bytes: int, seconds: float) -> None:
    """Keep what a load took; nothing is raised where it can't be written."""
    today = strftime("%Y-%m-%d", gmtime())

    def changed(known: Footprint | None) -> Footprint:
        if known is None:
            return Footprint(load_bytes, None, round(seconds, 3), 1, today)
        took = _faded(known.load_bytes, load_bytes)
        return Footprint(took, known.call_bytes, round(seconds, 3), known.loads + 1, today)

    _change(key, changed)


def note_call(key: Key, call_bytes: int) -> None:
    """Keep what a call took at most; what was never loaded here has no footprint to add it to."""

    def changed(known: Footprint | None) -> Footprint | None:
        if known is None:
            return None
        before = known.call_bytes
        took = call_bytes if before is None else _faded(before, call_bytes)
        return msgspec.structs.replace(known, call_bytes=took)

    _change(key, changed)


def _faded(known: int, measured: int) -> int:
    return measured if measured >= known else round(known - _FORGET * (known - measured))


def _path() -> Path:
    from omnibind.weights.places import home

    return home() / "footprints.json"


def _read() -> dict[str, Footprint]:
    """Return what is written; a file that can't be read counts as none."""
    from omnibind.weights import records

    try:
        return records.read(_path(), dict[str, Footprint]) or {}
    except (OSError, msgspec.MsgspecError) as error:
        _logger().warning("%s can't be read; memory is measured anew: %s", _path(), error)
        return {}


def _change(key: Key, changed: Callable[[Footprint | None], Footprint | None]) -> None:
    from omnibind.contracts.errors import FetchFailed
    from omnibind.weights import locks, records

    path = _path()
    try:
        with locks.exclusive(path.with_suffix(".lock"), wait_s=_LOCK_WAIT_S):
            entries = _read()
            entry = changed(entries.get(str(key)))
            if entry is not None:
                records.write(path, dict(sorted({**entries, str(key): entry}.items())))
    except (OSError, FetchFailed) as error:
        # Nobody asked for it: a home that can't be written may be meant so.
        _logger().info("what engines take isn't recorded in %s: %s", path, error)


def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("omnibind.memory")

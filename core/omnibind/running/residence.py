"""How an engine is to stay in memory: what it is known by, what it takes, how long it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from omnibind.contracts.errors import BadConfig
from omnibind.running import devices, footprints
from omnibind.running.footprints import Key, Need
from omnibind.running.stays import KEEP_ALIVE_S
from omnibind.weights.integrity import Expected

FOREVER = "forever"


class Residence(NamedTuple):
    """What manifest, files and configuration say about an engine's memory.

    Attributes:
        engine: ``tts/piper``, or the name that several bindings share.
        modality: What its calls do.
        model: The model, or None where there is no such thing.
        device: As configured; None where the binding has no such option.
        precision: As configured.
        weights_bytes: The size of the model's files; None where unknown.
        is_torch: Whether they are PyTorch's.
        keep_alive_s: Seconds that it stays loaded without use; 0 for no longer than a call, None
            for ever.
        is_pinned: Whether it is only let go of by name.
    """

    engine: str
    modality: str
    model: str | None = None
    device: str | None = None
    precision: str | None = None
    weights_bytes: int | None = None
    is_torch: bool = False
    keep_alive_s: float | None = KEEP_ALIVE_S
    is_pinned: bool = False

    @classmethod
    def of_files(
        cls,
        engine: str,
        modality: str,
        model: str | None,
        configuration: Mapping[str, Any],
        files: Sequence[Expected] | None,
        **stays: Any,
    ) -> Residence:
        """Return the residence of an engine with these model files; ``stays`` as given for it."""
        sizes = [file.bytes for file in files or ()]
        known = [size for size in sizes if size is not None]
        return cls(
            engine=engine,
            modality=modality,
            model=model,
            device=configuration.get("device"),
            precision=configuration.get("precision"),
            weights_bytes=sum(known) if known and len(known) == len(sizes) else None,
            is_torch=any(file.path.endswith(footprints.TORCH_FILES) for file in files or ()),
            **stays,
        )

    @property
    def key(self) -> Key:
        """What its memory is known by.

        Raises:
            BadConfig: There is no such device.
        """
        return Key(self.engine, self.model, devices.device(self.device).name, self.precision)

    def need(self) -> Need:
        """Return what its load will take, as measured on this machine or estimated."""
        return footprints.need(self.key, self.modality, self.weights_bytes, is_torch=self.is_torch)


def keep_alive_of(given: Any) -> float | None:
    """Read ``keep_alive_s``: seconds, or ``"forever"`` or None for ever.

    Raises:
        BadConfig: It is neither.
    """
    if given is None or given == FOREVER:
        return None
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or not 0 <= given < float("inf"):
        raise BadConfig(
            f"keep_alive_s is {given!r}; give seconds (0 unloads after each call) or 'forever'"
        )
    return float(given)

"""What is said when an engine doesn't fit: how much is needed, how much there is, who holds it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from omnibind.contracts.media.base import size
from omnibind.running.devices import Device
from omnibind.running.footprints import Need
from omnibind.running.ledger import Claim
from omnibind.running.limits import VARIABLE, Limit
from omnibind.running.stays import Freed, Resident, Stay, named_model


def refusal(
    resident: Resident,
    device: Device,
    need: Need,
    limit: Limit,
    stays: Sequence[Stay],
    claims: Sequence[Claim],
    freed: Sequence[Freed],
) -> str:
    """Return the message of an ``OutOfMemory``.

    Args:
        resident: Who doesn't fit.
        device: Where.
        need: What it takes.
        limit: What this program may take.
        stays: What this program holds there.
        claims: What all programs hold on this machine.
        freed: What was let go of in vain.
    """
    free = device.free_bytes()
    allowed = limit.allows(free, sum(stay.bytes for stay in stays))
    others = [one for one in claims if one.device_id == device.id and one.pid != os.getpid()]
    told = [
        f"{named_model(resident.label, resident.key.model)} needs {size(need.bytes)} of "
        f"{device.name} memory ({need.told}) and may take {_size(allowed)}",
        f"{_size(free)} of {_size(device.total_bytes())} are free, the limit is {limit}",
        *map(str, freed),
        *map(_stay, stays),
        *map(_claim, others),
        "take a smaller model or precision, let go of what isn't needed (client.free(), or end the "
        f"other program), or change the limit ({VARIABLE})",
    ]
    return "; ".join(told)


def _stay(stay: Stay) -> str:
    how = "pinned" if stay.is_pinned else "busy" if stay.is_busy else "idle"
    return f"this program holds {size(stay.bytes)} for {stay.named} ({how})"


def _claim(claim: Claim) -> str:
    return f"{claim.owner} holds {size(claim.bytes)} for {named_model(claim.label, claim.model)}"


def _size(count: int | None) -> str:
    return "an unknown amount" if count is None else size(count)

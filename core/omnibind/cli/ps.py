"""The command that shows what is loaded on this machine: ps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omnibind.cli.parameters import AsJson

if TYPE_CHECKING:
    from omnibind.running.devices import Device
    from omnibind.running.ledger import Claim


def ps(*, as_json: AsJson = False) -> None:
    """Show the engines that all programs of yours keep loaded, and what memory is free.

    A size with "about" before it is an estimate.

    Args:
        as_json: Print JSON.
    """
    from omnibind.cli.output import print_json, print_table
    from omnibind.running.devices import all_devices
    from omnibind.running.ledger import Ledger

    claims, devices = Ledger().claims(), all_devices()
    if as_json:
        print_json(
            {
                "engines": [_claim_data(claim) for claim in claims],
                "devices": [_device_data(device, claims) for device in devices],
            }
        )
        return
    if claims:
        columns = ("engine", "memory", "device", "held by", "program", "since")
        print_table(columns, map(_claim_row, claims))
        print()
    print_table(
        ("device", "engines", "free", "all"), (_device_row(device, claims) for device in devices)
    )


def _claim_row(claim: Claim) -> tuple[str, ...]:
    from omnibind.contracts.media.base import size
    from omnibind.running.stays import named_model

    return (
        named_model(claim.label, claim.model),
        ("" if claim.is_measured else "about ") + size(claim.bytes),
        claim.device,
        "itself" if claim.worker_pid is None else f"worker {claim.worker_pid}",
        claim.owner,
        claim.since,
    )


def _device_row(device: Device, claims: list[Claim]) -> tuple[str, ...]:
    from omnibind.contracts.media.base import size

    facts = _device_data(device, claims)
    sizes = (facts["engine_bytes"], facts["free_bytes"], facts["total_bytes"])
    told = ["?" if one is None else size(one) for one in sizes]
    return device.name, f"{told[0]} in engines", f"{told[1]} free", f"{told[2]} in all"


def _claim_data(claim: Claim) -> dict[str, Any]:
    import msgspec

    data: dict[str, Any] = msgspec.to_builtins(claim)
    return data


def _device_data(device: Device, claims: list[Claim]) -> dict[str, Any]:
    return {
        "device": device.name,
        "id": device.id,
        "engine_bytes": sum(claim.bytes for claim in claims if claim.device_id == device.id),
        "free_bytes": device.free_bytes(),
        "total_bytes": device.total_bytes(),
    }

"""How a remote binding reaches its service: the configuration that all of them have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypedDict

from omnibind.contracts.options import Range
from omnibind.contracts.secret import Secret


class Connection(TypedDict, total=False):
    """The keyword arguments of every remote binding beside its own."""

    api_key: Annotated[
        Secret | None, "the key; not given, it is looked for in environment, .env and keyring"
    ]
    base_url: Annotated[str | None, "another address of the service, or a gateway's"]
    proxy: Annotated[Secret | None, "the address of a proxy; not given, the environment's"]
    ca_bundle: Annotated[Path | None, "a PEM file of certificates to trust instead of the usual"]
    max_connections: Annotated[int | None, Range(1, 10_000), "so many at a time; 100 by default"]

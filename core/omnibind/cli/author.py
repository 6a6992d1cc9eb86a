"""Commands for who writes a binding: new, check."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from omnibind.cli.parameters import Modality


def new(
    modality: Annotated[Modality, Parameter(name="MODALITY")],
    name: Annotated[str, Parameter(name="NAME")],
    /,
    *,
    where: Path = Path("bindings"),
) -> None:
    """Write the folder of a binding that works, to be filled with an engine.

    Args:
        modality: What goes in and comes out.
        name: The binding's name: lower-case letters, digits and underscores.
        where: The folder of bindings that it is written to, as MODALITY/NAME.
    """
    from omnibind.discovery import places
    from omnibind.testing import new_binding

    folder = new_binding(modality, name, where)
    print(f"{folder} is written; it works as it is. Next:")
    print(f"  edit   {folder / 'binding.py'}")
    print(f"  check  omnibind check {_quoted(folder)}")
    root = folder.parent.parent
    if not any(place.folder.resolve() == root.resolve() for place in places.roots()):
        print(f"  use    export {places.PATH_VARIABLE}={shlex.quote(str(root))}")
    print(f'         Client({modality}="{name}"), or on the command line --{modality} {name}')


def check(
    folder: Annotated[Path, Parameter(name="FOLDER")],
    /,
    *,
    config: Annotated[
        list[str] | None, Parameter("--config", consume_multiple=False, negative=())
    ] = None,
) -> int:
    """Run the contract suite on a binding's folder; exit code 0 says that all holds.

    Args:
        folder: The binding's folder, its path ends in MODALITY/NAME.
        config: NAME=VALUE of a configuration value; may be repeated.
    """
    from omnibind.testing import check_folder

    return check_folder(folder, _configuration(folder, config) if config else None)


def _configuration(folder: Path, pairs: list[str]) -> dict[str, object]:
    from omnibind.cli.naming import parse_name
    from omnibind.cli.values import read_pairs
    from omnibind.contracts.errors import BadConfig

    named = parse_name(os.fspath(folder.absolute()), "MODALITY/NAME")
    schema = named.manager.describe(named.binding).configuration
    return read_pairs(pairs, schema, named.label, BadConfig)


def _quoted(folder: Path) -> str:
    try:
        return shlex.quote(str(folder.relative_to(Path.cwd())))
    except ValueError:
        return shlex.quote(str(folder))

"""Commands about the environments that bindings have of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from omnibind.cli.parameters import AsJson

if TYPE_CHECKING:
    from omnibind.running.environments import Installed, Size

Binding = Annotated[str, Parameter(name="MODALITY/NAME")]


def install(binding: Binding, /, *, torch_backend: str | None = None) -> None:
    """Make a binding's own environment, with uv, where it isn't here.

    Args:
        binding: The binding, for example tts/xtts.
        torch_backend: Builds of torch: cpu, cu128, …, or auto for what fits this machine's GPU.
            Without it auto too, but where the settings of pip or uv name an index or a folder of
            wheels, torch is taken from there as it is.
    """
    _make(binding, torch_backend, anew=False)


def repair(binding: Binding, /, *, torch_backend: str | None = None) -> None:
    """Make a binding's own environment anew, whatever is there.

    Args:
        binding: The binding, for example tts/xtts.
        torch_backend: Builds of torch: cpu, cu128, …, or auto; those of the last time without it.
    """
    _make(binding, torch_backend, anew=True)


def uninstall(binding: Binding, /) -> None:
    """Remove a binding's own environment.

    Args:
        binding: The binding, for example tts/xtts.
    """
    from omnibind.cli.models import folder_of
    from omnibind.cli.naming import parse_name
    from omnibind.contracts.errors import UnknownBinding
    from omnibind.contracts.media.base import size
    from omnibind.discovery.environment import place_of
    from omnibind.running import environments

    named = parse_name(binding, "MODALITY/NAME")
    try:
        places = [place_of(folder_of(named))]
    except UnknownBinding:  # an environment may outlive the folder of its binding
        label = named.label
        installed = environments.all_environments()
        places = [one.folder for one in installed if f"{one.modality}/{one.name}" == label]
        if not places:
            raise
    was_here = any(place.is_dir() for place in places)
    freed = sum(environments.remove(place, named.label) for place in places)
    told = f"is removed; {size(freed)} are free" if was_here else "wasn't here"
    print(f"the environment of {named.label} {told}")


def envs(*, as_json: AsJson = False) -> None:
    """List the environments of bindings: Python, packages, size on disk, state.

    Args:
        as_json: Print JSON.
    """
    from omnibind.cli.output import print_json, print_table
    from omnibind.running.environments import all_environments

    installed = all_environments()
    if as_json:
        print_json(list(map(_data, installed)))
    elif installed:
        columns = ("binding", "python", "packages", "size", "state", "what is wrong")
        print_table(columns, map(_row, installed))
    else:
        print("no binding has an environment of its own on this machine")


def _make(binding: str, torch_backend: str | None, *, anew: bool) -> None:
    from omnibind.cli.models import folder_of
    from omnibind.cli.naming import parse_name
    from omnibind.discovery.environment import environment_of, place_of
    from omnibind.discovery.manifest import read_manifest
    from omnibind.running import environments

    named = parse_name(binding, "MODALITY/NAME")
    found = folder_of(named)
    manifest = read_manifest(found.folder)
    before = environment_of(found, manifest).python
    work = environments.repair if anew else environments.install
    with _telling(named.label) as progress:
        python = work(found, manifest, torch_backend=torch_backend, progress=progress)
    taken = environments.size_of(place_of(found))
    here = "was here already" if python == before else "is here"
    print(f"the environment of {named.label} {here}: {python.parent.parent} ({_told(taken)})")
    if manifest.runs != "own-environment":
        print(f"{named.label} runs {manifest.runs}; configure runs: own-environment to use it")


@contextmanager
def _telling(label: str) -> Iterator[Callable[[str], None]]:
    """Give what hears of steps: one line that changes on a terminal, a line each elsewhere."""
    if not sys.stderr.isatty():
        yield lambda line: print(f"{label}: {line}", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status(escape(label)) as status:
        yield lambda line: status.update(escape(f"{label}: {line}"))


def _row(one: Installed) -> tuple[str, ...]:
    record, state = one.environment.record, one.environment.state
    return (
        f"{one.modality}/{one.name}",
        record.python if record else "-",
        str(len(record.packages)) if record else "-",
        _told(one.size),
        state,
        one.environment.problem,
    )


def _data(one: Installed) -> dict[str, Any]:
    record = one.environment.record
    return {
        "binding": f"{one.modality}/{one.name}",
        "state": one.environment.state,
        "problem": one.environment.problem,
        "folder": str(one.folder),
        "interpreter": None if one.environment.python is None else str(one.environment.python),
        "python": record.python if record else None,
        "uv": record.uv if record else None,
        "torch_backend": record.torch_backend if record else None,
        "packages": record.packages if record else {},
        "bytes": one.size.bytes,
        "bytes_shared": one.size.shared,
    }


def _told(taken: Size) -> str:
    from omnibind.contracts.media.base import size

    shared = f", {size(taken.shared)} of it shared" if taken.shared else ""
    return f"{size(taken.bytes)}{shared}"

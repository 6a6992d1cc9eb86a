"""The commands for the keys of services: set, list, rm, test."""

from __future__ import annotations

import sys
from typing import Annotated, Any, NamedTuple

from cyclopts import App, Parameter

from omnibind.cli.parameters import AsJson

keys = App(name="keys", help="The keys of services: from environment, .env file or keyring.")


class Key(NamedTuple):
    """A key that bindings want.

    Attributes:
        name: The environment variable that it may stand in.
        bindings: Who wants it.
        place: Where it is found; None where it isn't.
    """

    name: str
    bindings: list[str]
    place: str | None


@keys.command(name="set")
def set_(name: str, /) -> None:
    """Put a key into the system's keyring; it is asked for, or read from standard input.

    Args:
        name: The environment variable's name: OPENAI_API_KEY.
    """
    from omnibind.contracts.errors import BadInput
    from omnibind.contracts.secret import Secret
    from omnibind.discovery import keys as stored

    _check(name)
    if sys.stdin.isatty():
        from getpass import getpass

        given = getpass(f"{name} (it isn't shown): ")
    else:
        given = sys.stdin.readline()
    try:
        key = Secret(given)
    except ValueError as wrong:
        raise BadInput(f"{name} can't be set: {wrong}") from None
    stored.store(name, key)
    print(f"{name} is in the keyring")


@keys.command(name="list")
def list_(*, as_json: AsJson = False) -> None:
    """List the keys that bindings want, and where each is found; no key is shown.

    Args:
        as_json: Print JSON.
    """
    from omnibind.cli.output import print_json, print_table

    seen = _wanted()
    if as_json:
        print_json([key._asdict() for key in seen])
        return
    rows = [(key.name, key.place or "not set", ", ".join(key.bindings)) for key in seen]
    print_table(("key", "found in", "bindings"), rows)


@keys.command
def rm(name: str, /) -> None:
    """Take a key out of the keyring.

    Args:
        name: The environment variable's name.
    """
    from omnibind.contracts.errors import BadInput
    from omnibind.discovery import keys as stored

    if not stored.remove(name):
        known = ", ".join(stored.names_in_keyring()) or "it holds none"
        raise BadInput(f"{name} isn't in the keyring; there are: {known}")
    print(f"{name} is out of the keyring")


@keys.command(name="test")
def test_(
    binding: Annotated[list[str] | None, Parameter(negative=())] = None,  # noqa: PT028  # no test
    /,
    *,
    as_json: AsJson = False,  # noqa: PT028  # no test
) -> int:
    """Ask services whether they accept their keys; this goes online and costs nothing.

    Args:
        binding: tts/openai, …; not given, one binding for every key that is set.
        as_json: Print JSON.
    """
    from omnibind.cli.output import print_json, print_table

    chosen = binding or [key.bindings[0] for key in _wanted() if key.place is not None]
    results = [(name, *_tested(name)) for name in dict.fromkeys(chosen)]
    if as_json:
        print_json([{"binding": n, "state": state, "told": told} for n, state, told in results])
    elif results:
        print_table(("binding", "key", "what to do"), results)
    else:
        print("no key is set; omnibind keys list shows those there are")
    return 1 if any(state in ("refused", "failed") for _, state, _ in results) else 0


def _tested(label: str) -> tuple[str, str]:
    from omnibind.calls.call import Call
    from omnibind.calls.driver import run
    from omnibind.cli.naming import parse_name
    from omnibind.contracts.errors import KeyRefused, NotSupported, OmnibindError
    from omnibind.remote.binding import RemoteBinding

    try:
        named = parse_name(label, "MODALITY/NAME")
        made = named.manager.create_binding(named.binding)
        if not isinstance(made, RemoteBinding):
            return "none", f"{label} runs on this machine and needs no key"
        run(made.test_flow(), Call(TEST_S))
    except KeyRefused as error:
        return "refused", str(error)
    except NotSupported as error:
        return "unknown", str(error)
    except OmnibindError as error:
        return "failed", str(error)
    return "accepted", ""


TEST_S = 30.0
"""Seconds that a service has to answer."""


def _wanted() -> list[Key]:
    from omnibind.choices import MODALITIES
    from omnibind.contracts.errors import OmnibindError
    from omnibind.discovery import keys as stored
    from omnibind.discovery.manifest import read_manifest
    from omnibind.managers import finding
    from omnibind.managers.registry import Registered

    wanted: dict[str, list[str]] = {}
    for modality in MODALITIES:
        for offers in finding.all_offers(modality, ()).values():
            for offer in offers:
                if isinstance(offer, Registered):
                    continue
                try:
                    manifest = read_manifest(offer.folder)
                except OmnibindError:
                    continue  # omnibind doctor tells what is wrong with it
                names = {name for alternatives in manifest.keys for name in alternatives}
                for name in names.union(manifest.optional_keys):
                    wanted.setdefault(name, []).append(f"{modality}/{offer.name}")
    return [
        Key(name, sorted(bindings), stored.place_of(name))
        for name, bindings in sorted(wanted.items())
    ]


def _check(name: str) -> None:
    from omnibind.contracts.errors import BadInput, suggest

    known: list[Any] = [key.name for key in _wanted()]
    if name not in known:
        raise BadInput(f"no binding wants a key {name!r}; {suggest(name, known)}")

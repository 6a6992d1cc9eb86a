"""From a name to the one binding that it means."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from omnibind.contracts.binding import is_path
from omnibind.contracts.errors import AmbiguousBinding, UnknownBinding, suggest
from omnibind.discovery import places
from omnibind.discovery.places import Found, Root
from omnibind.managers import registry
from omnibind.managers.registry import Registered

Folders = Sequence[str | os.PathLike[str]]
Offer = Found | Registered


class Name(NamedTuple):
    """A binding's name as a user writes it.

    Attributes:
        origin: ``shipped``, ``user``, ``registered``, a distribution's name, or empty.
        name: The bare name, or a path.
    """

    origin: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Name:
        """Split ``user:kokoro``; a path has no origin."""
        if is_path(text):
            return cls("", text)
        origin, colon, name = text.partition(":")
        return cls(origin, name) if colon else cls("", text)


def find(modality: str, text: str, folders: Folders, *, thorough: bool = True) -> Offer:
    """Return what ``text`` means.

    Args:
        modality: The modality asked for.
        text: A name, ``origin:name`` or the path of a binding's folder.
        folders: Root folders to look in beside the usual places.
        thorough: False stops at the first place that has the name, and looks at installed
            packages only where no folder has it; True looks everywhere, so that a name offered
            twice is an error.

    Raises:
        UnknownBinding: Nothing has that name; the message names near ones.
        AmbiguousBinding: Several places have it; the message names the ways to choose.
    """
    origin, name = Name.parse(text)
    if is_path(text):
        found = places.folder_at(Path(name).expanduser(), modality)
        if found is None:
            raise UnknownBinding(
                f"{text!r} isn't the folder of a {modality} binding; "
                f"give a folder whose path ends in {modality}/NAME"
            )
        return found
    offers = offers_of(modality, name, folders, thorough=thorough)
    if origin:
        offers = [offer for offer in offers if offer.choice == f"{origin}:{name}"]
    if not offers:
        raise UnknownBinding(_unknown(modality, text, folders))
    if len(offers) > 1 and thorough:
        raise AmbiguousBinding(ambiguity(modality, name, offers))
    return offers[0]


def offers_of(modality: str, name: str, folders: Folders, *, thorough: bool = True) -> list[Offer]:
    """Return everything of that name, shipped folders first."""
    offers: list[Offer] = []
    if places.is_name(name):
        for root in places.roots(folders):
            found = Found(name, modality, root)
            if found.folder.is_dir():
                offers.append(found)
                if not thorough:
                    return offers
    registered = registry.find(modality, name)
    if registered is not None:
        offers.append(registered)
    if thorough or not offers:
        offers += [
            Found(name, modality, root)
            for root in places.entry_point_roots()
            if (root.folder / modality / name).is_dir()
        ]
    return offers


def all_offers(modality: str, folders: Folders) -> dict[str, list[Offer]]:
    """Return everything there is for one modality, by name; no file is opened."""
    offers: dict[str, list[Offer]] = {}
    roots: list[Root] = [*places.roots(folders), *places.entry_point_roots()]
    for root in roots:
        for found in places.folders_in(root, modality):
            offers.setdefault(found.name, []).append(found)
    for name in registry.names(modality):
        registered = registry.find(modality, name)
        if registered is not None:
            offers.setdefault(name, []).append(registered)
    return dict(sorted(offers.items()))


def ambiguity(modality: str, name: str, offers: Sequence[Offer]) -> str:
    """Return the message for a name that several places offer."""
    ways = ", ".join(repr(offer.choice) for offer in offers)
    return f"{modality}/{name} is offered {len(offers)} times; choose one of {ways}"


def _unknown(modality: str, text: str, folders: Folders) -> str:
    offers = all_offers(modality, folders)
    hinted = [name for name, found in offers.items() if text.lower() in _hints(found[0])]
    if hinted:
        return f"{modality} binding {text!r} is unknown; it is {hinted[0]!r} here"
    return f"{modality} binding {text!r} is unknown; {suggest(text, offers)}"


def _hints(offer: Offer) -> list[str]:
    from omnibind.contracts.errors import BindingBroken
    from omnibind.discovery.manifest import read_manifest

    if isinstance(offer, Registered):
        return []
    try:
        return [hint.lower() for hint in read_manifest(offer.folder).hints]
    except BindingBroken:
        return []  # its own diagnosis tells; here it only has no other names

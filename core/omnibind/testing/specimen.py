"""One binding under the contract suite: its folder, its parts and its results."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from omnibind.contracts import CONTRACTS
from omnibind.contracts.binding import Binding
from omnibind.contracts.child import binding_class
from omnibind.contracts.options import Option, Schema, schema_of
from omnibind.discovery.diagnosis import Diagnosis
from omnibind.discovery.manifest import Manifest, read_manifest
from omnibind.managers import MANAGERS

from .observe import Observed, observe


class Specimen:
    """A binding's folder with everything that the suite asks of it, each looked up once.

    Args:
        modality: The contract's modality.
        folder: The binding's folder, ``…/<modality>/<name>``.
        config: The configuration to create it with.
        runs: Where it runs; None is what its manifest says.
    """

    def __init__(
        self, modality: str, folder: Path, config: dict[str, Any], runs: str | None = None
    ) -> None:
        self.modality = modality
        self.folder = folder.absolute()
        self.config = config
        self.placed = {} if runs is None else {"runs": runs}
        self.owner = f"{modality}/{self.folder.name}"
        self.repeats: bool | None = None

    @cached_property
    def manifest(self) -> Manifest:
        """The folder's ``binding.yaml``."""
        return read_manifest(self.folder)

    @cached_property
    def type(self) -> type[Binding]:
        """The class that the manifest names."""
        root = self.folder.parent.parent
        return binding_class(root, self.modality, self.folder.name, self.manifest.entry)

    @cached_property
    def configuration(self) -> Schema:
        """The constructor's schema."""
        return schema_of(self.type.__init__, (), self.owner)

    @cached_property
    def options(self) -> Schema:
        """The verb's schema."""
        verb = getattr(self.type, f"{self.type.verb}_flow", None) or getattr(
            self.type, self.type.verb
        )
        return schema_of(verb, self.type.subject, self.owner)

    @cached_property
    def own_methods(self) -> frozenset[str]:
        """Names of the public methods that the class doesn't have from its contract."""
        contract = CONTRACTS[self.modality]
        return frozenset(
            name
            for name in dir(self.type)
            if not name.startswith("_")
            and getattr(self.type, name) is not getattr(contract, name, None)
        )

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What its manager says of it."""
        diagnosis: Diagnosis = self.manager.diagnose(str(self.folder), **self.config, **self.placed)
        return diagnosis

    @cached_property
    def observed(self) -> Observed:
        """What it does when imported and constructed in a process of its own."""
        return observe(self.folder, self.manifest.entry, self.config)

    @cached_property
    def manager(self) -> Any:
        """The manager of its modality."""
        return MANAGERS[self.modality]()

    @cached_property
    def binding(self) -> Any:
        """The binding itself, loaded."""
        binding = self.create()
        binding.load()
        return binding

    def create(self) -> Any:
        """Return a new binding, not loaded."""
        return self.manager.create_binding(str(self.folder), **self.config, **self.placed)

    def sibling(self, **config: Any) -> Specimen:
        """Return the same binding with another configuration."""
        other = Specimen(
            self.modality, self.folder, {**self.config, **config}, self.placed.get("runs")
        )
        other.manager = self.manager
        return other

    def call(self, *subject: Any, **options: Any) -> Any:
        """Call the verb as a handle does: options checked, what isn't given left out."""
        return self.ask(CONTRACTS[self.modality].verb, *subject, **options)

    def ask(self, method: str, *subject: Any, **options: Any) -> Any:
        """Call a method that takes the verb's options, in the same way."""
        checked = self.options.check(options, self.owner)
        return getattr(self.binding, method)(*subject, **checked)

    def close(self) -> None:
        """Let go of the weights, if they were loaded."""
        if "binding" in vars(self):
            self.binding.unload()

    def has(self, *names: str) -> bool:
        """Tell whether the verb declares all of these options."""
        return all(name in self.options.names for name in names)


def ends(option: Option) -> list[Any]:
    """Return the lowest and the highest value that ``option`` allows, where it says so."""
    kind = int if option.type.kind == "int" else float
    return [kind(end) for end in (option.type.low, option.type.high) if end is not None]


def beyond(option: Option) -> list[Any]:
    """Return a value just below the lowest and one just above the highest that it allows."""
    kind, step = (int, 1) if option.type.kind == "int" else (float, 0.001)
    values = []
    if option.type.low is not None:
        values.append(kind(option.type.low) - step)
    if option.type.high is not None:
        values.append(kind(option.type.high) + step)
    return values

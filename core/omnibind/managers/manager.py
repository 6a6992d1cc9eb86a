"""What the managers of all modalities share: find, describe, diagnose, create."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from omnibind.contracts import CONTRACTS
from omnibind.contracts.binding import Binding, is_path
from omnibind.contracts.errors import (
    AmbiguousBinding,
    BadConfig,
    BindingBroken,
    EnvironmentMissing,
    OmnibindError,
    UnknownModel,
)
from omnibind.contracts.tts import TTSBinding
from omnibind.managers import finding, registry
from omnibind.managers.registry import Registered

if TYPE_CHECKING:
    from omnibind.contracts.options import Schema
    from omnibind.discovery.diagnosis import Diagnosis
    from omnibind.discovery.manifest import Manifest
    from omnibind.discovery.places import Found
    from omnibind.discovery.probe import Facts, Report
    from omnibind.weights.capabilities import Capabilities
    from omnibind.weights.catalogue import Model

B = TypeVar("B", bound=Binding)

# Nothing is learned where there is no code, or not yet the interpreter that it is for.
_NOT_PROBED = {"broken", "retired", "unavailable", "needs-environment"}


class Description(NamedTuple):
    """What is known of a binding without using it.

    Attributes:
        name: Its name.
        modality: Its modality.
        choice: The name that chooses exactly this one where others share its name.
        folder: Its folder; None where it was registered in code.
        manifest: Its ``binding.yaml``; None where it was registered in code.
        models: Its ``models.yaml``.
        capabilities: What it can do; None where it was registered in code.
        configuration: The constructor's keyword parameters.
        options: The options of its verb.
        doc: The class's docstring.
    """

    name: str
    modality: str
    choice: str
    folder: Path | None
    manifest: Manifest | None
    models: Mapping[str, Model]
    capabilities: Capabilities | None
    configuration: Schema
    options: Schema
    doc: str


class BindingManager(Generic[B]):
    """Finds, describes, diagnoses and creates the bindings of one modality."""

    modality: ClassVar[str]

    def __init__(self, *folders: str | os.PathLike[str] | None) -> None:
        self._folders = tuple(folder for folder in folders if folder is not None)
        for folder in self._folders:
            if not Path(folder).is_dir():
                raise BadConfig(f"{folder} isn't a folder of bindings; give an existing folder")
        self._facts: dict[str, Facts] = {}

    def get_available_bindings(self) -> list[str]:
        """Return the names of all bindings, sorted; no file is opened, no code is run."""
        return list(finding.all_offers(self.modality, self._folders))

    def is_registered(self, name: str) -> bool:
        """Tell whether any place offers a binding of that name."""
        if is_path(name):
            from omnibind.discovery.places import folder_at

            return folder_at(Path(name).expanduser(), self.modality) is not None
        origin, bare = finding.Name.parse(name)
        offers = finding.offers_of(self.modality, bare, self._folders)
        return any(not origin or offer.choice == name for offer in offers)

    @classmethod
    def register_binding(cls, name: str, maker: Callable[..., B]) -> None:
        """Offer a class, or a factory that returns a binding, under ``name`` in this process.

        Raises:
            BadConfig: The name isn't one, is registered already, or ``maker`` isn't a class of
                this modality nor a callable.
        """
        from omnibind.contracts.child import whole_class
        from omnibind.discovery.places import is_name

        if not is_name(name):
            raise BadConfig(
                f"{name!r} can't name a binding; use lower-case letters, digits and '_'"
            )
        if isinstance(maker, type):
            try:
                whole_class(maker, cls.modality, f"{cls.modality}/{name}")
            except BindingBroken as error:
                raise BadConfig(error.message) from error
        elif not callable(maker):
            raise BadConfig(
                f"{maker!r} is neither a class nor a factory; give one that can be called"
            )
        if not registry.add(Registered(name, cls.modality, maker)):
            raise BadConfig(f"{cls.modality}/{name} is registered already; unregister it first")

    @classmethod
    def unregister_binding(cls, name: str) -> bool:
        """Take a registration back; False where there was none."""
        return registry.remove(cls.modality, name)

    def describe(self, name: str) -> Description:
        """Return the manifest, the models, the configuration and the options of a binding.

        Raises:
            UnknownBinding: Nothing has that name.
            AmbiguousBinding: Several places have it.
            BindingBroken: Its manifest or code can't be read.
            PackagesMissing: Its code can't be imported without packages that aren't installed.
        """
        offer = self._find(name)
        folder = None if isinstance(offer, Registered) else offer
        manifest = self.manifest(folder) if folder else None
        has_code = manifest is None or bool(manifest.entry)
        facts = self.facts(offer) if has_code else _no_facts(self.modality)
        models = self.models(folder) if folder else {}
        return Description(
            name=offer.name,
            modality=self.modality,
            choice=offer.choice,
            folder=folder.folder if folder else None,
            manifest=manifest,
            models=models,
            capabilities=manifest.capabilities_of(models, None) if manifest else None,
            configuration=facts.configuration,
            options=facts.verb,
            doc=facts.doc,
        )

    def diagnose(self, name: str, model: str | None = None, /, **config: Any) -> Diagnosis:
        """Say how a binding does, from its files alone; nothing of it is run.

        Args:
            name: A name, ``origin:name`` or a path.
            model: The model that is meant; None is the configured or default one.
            config: The configuration that is meant.

        Raises:
            UnknownBinding: Nothing has that name.
        """
        from omnibind.discovery import packages, static
        from omnibind.discovery.diagnosis import Diagnosis, Problem, ordered

        packages.look_anew()
        try:
            offer = self._find(name)
        except AmbiguousBinding as error:
            return Diagnosis(name, self.modality, "static", (Problem("ambiguous", str(error)),))
        if isinstance(offer, Registered):
            return Diagnosis(offer.name, self.modality, "static")
        problems = static.problems_of(offer, model, config)
        return Diagnosis(offer.name, self.modality, "static", ordered(problems))

    def diagnose_all(self, *, probed: bool = False) -> list[Diagnosis]:
        """Say how every binding does.

        Args:
            probed: True also imports the code of all that look well, in one child process.
        """
        from omnibind.discovery import packages, static
        from omnibind.discovery.diagnosis import Diagnosis, Problem, ordered

        packages.look_anew()
        results: list[Diagnosis] = []
        fit: dict[int, Found] = {}
        for name, offers in finding.all_offers(self.modality, self._folders).items():
            if len(offers) > 1:
                problem = Problem("ambiguous", finding.ambiguity(self.modality, name, offers))
                results.append(Diagnosis(name, self.modality, "static", (problem,)))
                continue
            offer = offers[0]
            problems: list[Problem] = []
            if not isinstance(offer, Registered):
                problems = static.problems_of(offer, None, {})
                if not {p.state for p in problems} & _NOT_PROBED:
                    fit[len(results)] = offer
            results.append(Diagnosis(name, self.modality, "static", ordered(problems)))
        if probed and fit:
            self._probe_into(results, fit)
        return results

    def _probe_into(self, results: list[Diagnosis], fit: dict[int, Found]) -> None:
        from omnibind.discovery.diagnosis import Problem, ordered
        from omnibind.discovery.probe import probe

        entries = {found: self.manifest(found).entry for found in fit.values()}
        known = {found: self._own_report(found) for found in entries}
        reports = probe([(found, entries[found]) for found in entries if known[found] is None])
        for place, found in fit.items():
            report = known[found] or reports[found]
            diagnosis = results[place]._replace(depth="probed")
            if isinstance(report, BindingBroken):
                problem = Problem("broken", report.message)
                diagnosis = diagnosis._replace(problems=ordered([*diagnosis.problems, problem]))
            results[place] = diagnosis

    def _own_report(self, found: Found) -> Report | None:
        """Return what importing a binding in its own environment told; None without one."""
        try:
            return self._own_facts(found)
        except BindingBroken as error:
            return error

    def create_binding(self, name: str, /, **config: Any) -> B:
        """Create a binding; its engine isn't loaded yet.

        One that lacks nothing but its model can be created, to be asked which ones there are.

        Args:
            name: A name, ``origin:name`` or the path of its folder.
            config: The constructor's keyword arguments; ``runs`` says where it runs.

        Raises:
            UnknownBinding: Nothing has that name; the message names near ones.
            AmbiguousBinding: Several places have it.
            NotReady: Something must be mended first; the message ends with the command.
            BadConfig: A configuration value is unknown or wrong.
        """
        offer = self._find(name)
        diagnosis = self.diagnose(offer.choice, None, **config)
        if not (diagnosis.is_ready or diagnosis.wants_model):
            raise diagnosis.error()
        runs, env_file = config.pop("runs", None), config.pop("env_file", None)
        return self.create(offer, config, runs, env_file)

    def create(
        self,
        offer: finding.Offer,
        config: Mapping[str, Any],
        runs: str | None = None,
        env_file: str | None = None,
    ) -> B:
        """Create the binding that was found, its static diagnosis left out.

        Args:
            offer: The folder or registration.
            config: The constructor's keyword arguments.
            runs: Where it runs; None is what its manifest says.
            env_file: A ``.env`` file that may hold its key.
        """
        owner = f"{self.modality}/{offer.name}"
        if isinstance(offer, Registered):
            configuration, maker = _configuration_of(offer.maker, owner), offer.maker
        else:
            configuration, maker = self.facts(offer).configuration, self.class_of(offer)
        config = configuration.check(config, owner, BadConfig)
        if isinstance(offer, Registered):
            if runs not in (None, "in-process"):
                raise BadConfig(
                    f"{owner} was registered in code, which runs in process; runs={runs!r} needs "
                    "a folder"
                )
        elif (runs := runs or self.manifest(offer).runs) != "in-process":
            from omnibind.managers.placing import in_worker

            is_own = runs == "own-environment"
            return in_worker(self, offer, config, is_own=is_own)  # type: ignore[return-value]  # as below
        try:
            binding = maker(**config)
        except OmnibindError:
            raise
        except Exception as error:
            raise BindingBroken(f"the constructor of {owner} raises {error!r}") from error
        if not isinstance(binding, CONTRACTS[self.modality]):
            raise BindingBroken(f"{owner} made a {type(binding).__name__}, which isn't a binding")
        binding._name = offer.name
        if not isinstance(offer, Registered):
            from omnibind.weights.catalogue import voices_of

            models = self.models(offer)
            binding._catalogue = tuple(models)
            if isinstance(binding, TTSBinding):
                binding._voice_facts = voices_of(models)
            binding._find_weights = self.weights_finder(offer, models)
            manifest = self.manifest(offer)
            if manifest.kind == "remote":
                from omnibind.remote.binding import RemoteBinding

                if isinstance(binding, RemoteBinding):
                    binding._keys, binding._env_file = manifest.keys, env_file
                    binding._optional_keys = manifest.optional_keys
                    binding._models = models
        return binding  # type: ignore[return-value]  # it fills this modality's contract

    def weights_finder(self, found: Found, models: Mapping[str, Model]) -> Callable[[str], Path]:
        """Return what finds the files of a folder's models."""
        from omnibind.discovery import static
        from omnibind.weights import store

        target = static.target_of(found, self.manifest(found), models)
        return lambda model: store.resolve(target, model)

    def unknown_model(self, found: Found, model: str) -> UnknownModel | None:
        """Return the error for a model that the binding can't have, or None where it may."""
        from omnibind.discovery import static

        target = static.target_of(found, self.manifest(found), self.models(found))
        return static.unknown_model(target, model)

    def find(self, name: str) -> finding.Offer:
        """Return the folder or registration that a name means, seen at a first look.

        Raises:
            UnknownBinding: Nothing has that name.
        """
        return finding.find(self.modality, name, self._folders, thorough=False)

    def _find(self, name: str) -> finding.Offer:
        return finding.find(self.modality, name, self._folders)

    def manifest(self, found: Found) -> Manifest:
        """Read the manifest of a folder."""
        from omnibind.discovery.manifest import read_manifest

        return read_manifest(found.folder)

    def models(self, found: Found) -> Mapping[str, Model]:
        """Read the catalogue of a folder."""
        from omnibind.discovery.static import models_of

        return models_of(found, self.manifest(found))

    def facts(self, offer: finding.Offer) -> Facts:
        """Return the schemas of a binding; a folder that didn't ship is probed first.

        Raises:
            BindingBroken: Its code is wrong.
            PackagesMissing: Its code can't be imported without packages that aren't installed.
        """
        from omnibind.contracts.child import facts_of
        from omnibind.discovery.probe import Facts

        if isinstance(offer, Registered):
            return self._registered_facts(offer)
        facts = self._facts.get(offer.choice)
        if facts is None:
            facts = self._own_facts(offer)
            if facts is None:
                class_ = self.class_of(offer)
                facts = Facts.from_data(facts_of(class_, f"{self.modality}/{offer.name}"))
            self._facts[offer.choice] = facts
        return facts

    def _own_facts(self, found: Found) -> Facts | None:
        """Return what a binding's own environment knows of it; None without one."""
        manifest = self.manifest(found)
        if manifest.runs != "own-environment":
            return None
        from omnibind.running import environments

        try:
            return environments.facts_of(found, manifest)
        except EnvironmentMissing:
            return None  # the code alone may tell, where it imports nothing of the environment

    def _registered_facts(self, offer: Registered) -> Facts:
        from omnibind.contracts.child import facts_of
        from omnibind.discovery.probe import Facts

        owner = f"{self.modality}/{offer.name}"
        if isinstance(offer.maker, type):
            return Facts.from_data(facts_of(offer.maker, owner))
        facts = Facts.from_data(facts_of(type(self.create(offer, {})), owner))
        return facts._replace(configuration=_configuration_of(offer.maker, owner))

    def class_of(self, found: Found) -> type[Binding]:
        """Import a folder's class; one that didn't ship is probed first.

        Raises:
            BindingBroken: Its code is wrong.
            PackagesMissing: Its code can't be imported without packages that aren't installed.
            Retired: It was withdrawn; says what to use instead.
            NotOffered: Its service has nothing of the kind; says what to use instead.
        """
        from omnibind.contracts.child import binding_class
        from omnibind.discovery.packages import missing
        from omnibind.discovery.probe import probe

        manifest = self.manifest(found)
        if not manifest.entry:
            raise _withdrawn(found, manifest)
        absent = missing(manifest.requires)
        try:
            if not found.is_shipped and found.choice not in self._facts:
                report = probe([(found, manifest.entry)])[found]
                if isinstance(report, BindingBroken):
                    raise report
            return binding_class(found.root.folder, found.modality, found.name, manifest.entry)
        except BindingBroken as error:
            if manifest.runs == "own-environment":
                from omnibind.discovery.environment import environment_problems

                for problem in environment_problems(found, manifest):
                    raise EnvironmentMissing(error.message, command=problem.command) from error
            if absent:
                from omnibind.contracts.errors import PackagesMissing

                wanted = " ".join(f'"{requirement}"' for requirement in absent)
                raise PackagesMissing(error.message, command=f"pip install {wanted}") from error
            raise


def _no_facts(modality: str) -> Facts:
    from omnibind.contracts.options import Schema
    from omnibind.discovery.probe import Facts

    return Facts(Schema((), ()), Schema(CONTRACTS[modality].subject, ()), "")


def _withdrawn(found: Found, manifest: Manifest) -> OmnibindError:
    from omnibind.discovery import static
    from omnibind.discovery.diagnosis import Diagnosis

    problem = static.withdrawn(found, manifest)
    return Diagnosis(found.name, found.modality, "static", (problem,)).error()


def _configuration_of(maker: Callable[..., Any], owner: str) -> Schema:
    from omnibind.contracts.options import schema_of

    if isinstance(maker, type):
        return schema_of(maker.__init__, (), owner)  # type: ignore[misc]  # read, not called
    return schema_of(maker, (), owner)

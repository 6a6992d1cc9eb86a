"""What every contract suite stands on: the binding under test and the words of its modality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from omnibind.client import Client
from omnibind.contracts.errors import OmnibindError
from omnibind.contracts.options import Option

from .specimen import Specimen, ends

NEVER_A_NAME = "no-such-name-7f3a"


class Suite(ABC):
    """A test class for one binding; a subclass of a contract's suite names the folder.

    Attributes:
        folder: The binding's folder, ``…/<modality>/<name>``.
        config: The configuration to create the binding with.
        minimal_options: Options that make one call cheap (``{"steps": 1}``); given with every call
            unless the test is about that option.
        heavy: True where one call takes many seconds; tests that call once for every value of every
            option are then skipped.
        without_effect: Declared options that need not change the result (they say how it is
            computed, or act on other input than the sample).
        untried: Declared options and settings that can't be served here (they need another model,
            a package, a GPU).
        shows_options: True where every option that is given can be told from the result.
        steady_options: Options that take chance out of the result where there is no seed
            (``{"noise_scale": 0.0}``); given where a result is compared with another.
        must_run: True makes a binding that isn't ready a failure instead of a skip.
        runs: Where the binding runs (``"worker"``); None is what its manifest says.
        asks_service: True lets the tests of a remote binding ask its service, which may cost money.
    """

    modality: ClassVar[str]
    folder: ClassVar[str | Path]
    config: ClassVar[dict[str, Any]] = {}
    minimal_options: ClassVar[dict[str, Any]] = {}
    heavy: ClassVar[bool] = False
    without_effect: ClassVar[frozenset[str]] = frozenset()
    untried: ClassVar[frozenset[str]] = frozenset()
    shows_options: ClassVar[bool] = True
    steady_options: ClassVar[dict[str, Any]] = {}
    must_run: ClassVar[bool] = False
    runs: ClassVar[str | None] = None
    asks_service: ClassVar[bool] = False

    _specimen: ClassVar[Specimen | None] = None

    @classmethod
    def setup_class(cls) -> None:
        """Start from a fresh specimen."""
        cls._specimen = Specimen(cls.modality, Path(cls.folder), dict(cls.config), cls.runs)

    @classmethod
    def teardown_class(cls) -> None:
        """Let go of the engine."""
        if cls._specimen is not None:
            cls._specimen.close()
        cls._specimen = None

    @pytest.fixture
    def folder_only(self) -> Specimen:
        """The binding's folder; nothing is loaded, and what the engine needs may be missing."""
        assert self._specimen is not None
        return self._specimen

    @pytest.fixture
    def specimen(self, folder_only: Specimen) -> Specimen:
        """The binding, ready to be called; skips with the mending command where it isn't."""
        if folder_only.manifest.kind == "remote" and not self.asks_service:
            pytest.skip("doesn't apply: a service would be asked, which may cost money")
        diagnosis = folder_only.diagnosis
        if not diagnosis.is_ready:
            told = f"{folder_only.owner} isn't ready: {diagnosis.error()}"
            if self.must_run or diagnosis.state in ("broken", "ambiguous"):
                pytest.fail(told, pytrace=False)
            pytest.skip(told)
        return folder_only

    @abstractmethod
    def make(self, specimen: Specimen, **options: Any) -> Any:
        """Return one result for the sample subject."""

    @abstractmethod
    def make_by(self, client: Client, **options: Any) -> Any:
        """Return one result for the sample subject, through a client."""

    @abstractmethod
    def assert_usable(self, result: Any, told: str) -> None:
        """Assert that a result is of the right kind, decodes and isn't empty."""

    def is_same(self, one: Any, other: Any) -> bool:
        """Tell whether a result of a batch and that of a single call are the same."""
        return bool(one == other)

    def assert_made_of(self, subject: Any, result: Any, told: str) -> None:
        """Assert that the result for another subject than the sample is usable."""
        self.assert_usable(result, told)

    def is_repeatable(self, specimen: Specimen) -> bool:
        """Tell whether the same call gives the same result: with a seed it must."""
        if specimen.has("seed"):
            return True
        if specimen.repeats is None:
            specimen.repeats = not self.heavy and self.make(specimen) == self.make(specimen)
        return specimen.repeats

    def is_steady(self, specimen: Specimen) -> bool:
        """Tell whether the same call gives the same result with ``steady_options``."""
        return bool(self.steady_options) or self.is_repeatable(specimen)

    def seeded(self, specimen: Specimen, **options: Any) -> dict[str, Any]:
        """Return ``options`` with a seed, where the binding has one."""
        return {"seed": 1, **options} if specimen.has("seed") else options

    def tried(self, specimen: Specimen) -> list[Option]:
        """Return the options that the tests try one by one."""
        return [option for option in specimen.options.options if option.name not in self.untried]

    def skip_if_heavy(self) -> None:
        """Skip a test that calls the engine many times, where one call takes long."""
        if self.heavy:
            pytest.skip("doesn't apply: heavy, so not every value of every option is tried")

    def skip_without(self, specimen: Specimen, name: str) -> None:
        """Skip a test of a method that a binding need not define."""
        if name not in specimen.own_methods:
            pytest.skip(f"doesn't apply: the binding has no {name} of its own")

    def served(self, specimen: Specimen, **options: Any) -> Any:
        """Return a result for options that are declared as allowed."""
        told = ", ".join(f"{name}={value!r}" for name, value in options.items())
        try:
            result = self.make(specimen, **self.seeded(specimen, **options))
        except OmnibindError as error:
            pytest.fail(f"{told}: declared as allowed, but refused: {error}", pytrace=False)
        self.assert_usable(result, f"with {told}")
        return result


def others(option: Option) -> list[Any]:
    """Return allowed values other than the default: ends, choices, or words that matter."""
    values = [*ends(option), *option.type.choices]
    if option.type.kind == "bool":
        values += [True, False]
    values += _TELLING_WORDS.get(option.name, [])
    return [value for value in values if value != option.default]


_TELLING_WORDS = {
    "negative_prompt": ["rain, text, crowd"],
    "instructions": ["whisper, tired and slow"],
    "lyrics": ["la la la, the fox is home"],
}


def changeable(options: Iterable[Option]) -> dict[str, Any]:
    """Return, by name, a value other than the default for every option that has an obvious one."""
    return {o.name: others(o)[0] for o in options if o.name != "seed" and others(o)}

"""Tests of the names that a binding lists: its voices and models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnibind.contracts.errors import WeightsMissing

from .specimen import Specimen
from .suite import Suite


class ModelTests(Suite):
    """For contracts whose model is chosen by configuration."""

    def test_models_are_names(self, specimen: Specimen) -> None:
        """``list_models`` gives different names."""
        assert_names(specimen.binding.list_models(), "list_models")

    def test_the_listed_models_can_be_used(self, specimen: Specimen) -> None:
        """The first models that are here make something, and not the same."""
        names = assert_names(specimen.binding.list_models(), "list_models")
        option = specimen.manifest.model_option
        if not option:
            pytest.skip("doesn't apply: the manifest names no model_option")

        def use(name: str) -> Any:
            other = specimen.sibling(**{option: name})
            try:
                return self.make(other, **self.seeded(specimen))
            finally:
                other.close()

        made = usable_names(names, use, 1 if self.heavy else 2)
        for name, result in made.items():
            self.assert_usable(result, f"with the model {name!r}")
        different = {bytes(result) for result in made.values()}
        assert len(different) == len(made), f"the models {', '.join(made)} make the same"


def assert_names(names: object, of: str) -> list[str]:
    """Assert that ``names`` is a list of different, non-empty names; return it."""
    assert isinstance(names, list), f"{of}() gives {type(names).__name__}; give a list of str"
    assert names, f"{of}() gives an empty list"
    wrong = [name for name in names if type(name) is not str or not name.strip()]
    assert not wrong, f"{of}() gives {wrong!r}; give names"
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, f"{of}() gives {', '.join(twice)} more than once"
    return names


def usable_names(names: list[str], use: Callable[[str], Any], at_most: int) -> dict[str, Any]:
    """Return what ``use`` gives for the first names whose weights are here.

    Names may be listed that only a pull makes usable.
    """
    used: dict[str, Any] = {}
    for name in names:
        try:
            used[name] = use(name)
        except WeightsMissing:
            continue
        if len(used) == at_most:
            break
    assert used, f"none of {', '.join(names[:5])} can be used here"
    return used

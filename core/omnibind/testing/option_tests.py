"""Tests of a binding's options: each does what it says, or is refused."""

from __future__ import annotations

import pytest

from omnibind.contracts.errors import BadOption, UnknownOption

from .specimen import Specimen, beyond, ends
from .suite import NEVER_A_NAME, Suite, others

UNKNOWN = NEVER_A_NAME.replace("-", "_")


class OptionTests(Suite):
    """Every declared value works; every other one is refused, never clamped or ignored."""

    def test_an_unknown_option_is_refused_by_its_name(self, specimen: Specimen) -> None:
        """A typing error in an option's name must not go unseen."""
        with pytest.raises(UnknownOption) as caught:
            self.make(specimen, **{UNKNOWN: 1})
        assert UNKNOWN in str(caught.value), f"{caught.value} doesn't say what was asked for"

    def test_both_ends_of_every_range_work(self, specimen: Specimen) -> None:
        """What a ``Range`` declares is served."""
        self.skip_if_heavy()
        for option in self.tried(specimen):
            for value in ends(option):
                self.served(specimen, **{option.name: value})

    def test_every_choice_works(self, specimen: Specimen) -> None:
        """What a ``Literal`` or a bool declares is served."""
        self.skip_if_heavy()
        for option in self.tried(specimen):
            both = (True, False) if option.type.kind == "bool" else ()
            for value in (*option.type.choices, *both):
                self.served(specimen, **{option.name: value})

    def test_outside_a_range_is_refused(self, specimen: Specimen) -> None:
        """A limit is an error that names it."""
        for option in specimen.options.options:
            for value in beyond(option):
                with pytest.raises(BadOption):
                    self.make(specimen, **{option.name: value})

    def test_every_option_changes_the_result(self, specimen: Specimen) -> None:
        """An option without effect isn't declared, or is named in ``without_effect``."""
        self.skip_if_heavy()
        if not self.shows_options:
            pytest.skip("doesn't apply: options can't be told from the result")
        if not self.is_repeatable(specimen):
            pytest.skip("doesn't apply: the result isn't repeatable and there is no seed")
        fixed = self.seeded(specimen)
        plain = self.make(specimen, **fixed)
        for option in self.tried(specimen):
            values = others(option)
            if not values or option.name == "seed" or option.name in self.without_effect:
                continue
            changed = [self.make(specimen, **fixed, **{option.name: value}) for value in values]
            assert any(result != plain for result in changed), (
                f"{option.name} gives the same for {values} as for its default "
                f"{option.default!r}; use it or don't declare it"
            )

    def test_the_same_seed_gives_the_same_result(self, specimen: Specimen) -> None:
        """A seed makes a result repeatable, on this machine."""
        self._skip_without_seed(specimen)
        one, two = (self.make(specimen, seed=7) for _ in range(2))
        assert one == two, "two calls with seed=7 gave different results"

    def test_another_seed_gives_another_result(self, specimen: Specimen) -> None:
        """A seed that changes nothing isn't declared."""
        self._skip_without_seed(specimen)
        if "seed" in self.without_effect:
            pytest.skip("doesn't apply: seed is named in without_effect")
        one, two = (self.make(specimen, seed=seed) for seed in (7, 8))
        assert one != two, "seed=7 and seed=8 gave the same result"

    def _skip_without_seed(self, specimen: Specimen) -> None:
        if not specimen.has("seed"):
            pytest.skip("doesn't apply: the verb declares no seed")

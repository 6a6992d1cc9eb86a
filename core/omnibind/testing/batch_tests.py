"""Tests of a batch that a binding defines itself."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import pytest

from omnibind.contracts.options import schema_of

from .specimen import Specimen
from .suite import Suite


class BatchTests(Suite):
    """A batch of the binding's own gives what single calls give."""

    @abstractmethod
    def batch(self) -> tuple[list[Any], tuple[Any, ...]]:
        """Return different subjects, and what else goes by position."""

    def test_the_batch_takes_what_the_verb_takes(self, folder_only: Specimen) -> None:
        """The same options, of the same types and with the same defaults, for several subjects."""
        name = f"{folder_only.type.verb}_batch"
        self.skip_without(folder_only, name)
        one, *rest = folder_only.type.subject
        assert_same_options(folder_only, name, (f"{one}s", *rest))

    def test_a_batch_gives_what_single_calls_give(self, specimen: Specimen) -> None:
        """As many results as subjects, in their order; none for none."""
        name = f"{specimen.type.verb}_batch"
        self.skip_without(specimen, name)
        subjects, rest = self.batch()
        if not self.heavy:
            subjects = [*subjects, subjects[-1]]
        options = {**self.minimal_options, **self.seeded(specimen, **self.steady_options)}
        results = specimen.ask(name, list(subjects), *rest, **options)
        assert isinstance(results, list), f"{name} gives {type(results).__name__}; give a list"
        assert len(results) == len(subjects), (
            f"{name} gives {len(results)} results for {len(subjects)} subjects"
        )
        for number, (subject, result) in enumerate(zip(subjects, results, strict=True), 1):
            self.assert_made_of(subject, result, f"result {number} of {name}")
            if self.is_steady(specimen):
                alone = specimen.ask(specimen.type.verb, subject, *rest, **options)
                assert self.is_same(result, alone), (
                    f"result {number} of {name} isn't that of a single call"
                )
        assert specimen.ask(name, [], *rest, **options) == [], f"{name} of nothing isn't []"

    def test_a_batch_takes_a_seed_for_each(self, specimen: Specimen) -> None:
        """With ``seeds`` each result is that of a single call with its seed."""
        name = f"{specimen.type.verb}_batch"
        self.skip_without(specimen, name)
        (subject, *_), rest = self.batch()
        owner = f"{name} of {specimen.owner}"
        one, *further = specimen.type.subject
        schema = schema_of(getattr(specimen.type, name), (f"{one}s", *further), owner)
        if "seeds" not in schema.names:
            pytest.skip("doesn't apply: the batch takes no seeds")
        batch = getattr(specimen.binding, name)
        options = {name: value for name, value in self.minimal_options.items() if name != "seed"}
        results = batch([subject] * 2, *rest, seeds=[1, 2], **options)
        verb = specimen.type.verb
        alone = [specimen.ask(verb, subject, *rest, **options, seed=seed) for seed in (1, 2)]
        differ = results[0] != results[1]
        assert differ, f"{name} gives the same for two seeds"
        same = map(self.is_same, results, alone)
        assert all(same), f"{name} with seeds doesn't give what single calls give"


def assert_same_options(specimen: Specimen, name: str, subject: tuple[str, ...]) -> None:
    """Assert that a method declares the verb's options, and ``subject`` before them."""
    schema = schema_of(getattr(specimen.type, name), subject, f"{name} of {specimen.owner}")
    verb = specimen.options
    if schema.open and not verb.open and not schema.names and name.endswith("_flow"):
        return  # a flow that hands on what the verb's schema has checked
    # A seed for each result is what a batch has and a single call hasn't.
    names = [option for option in schema.names if option != "seeds"]
    missing = [option for option in verb.names if option not in schema.names]
    more = [option for option in names if option not in verb.names]
    assert not missing, f"{name} doesn't take {', '.join(missing)}; the verb does"
    assert not more, f"{name} takes {', '.join(more)}; the verb doesn't"
    for option in verb.options:
        other = schema.option(option.name)
        assert other == option, f"{name} declares {other}; the verb declares {option}"
    assert schema.open == verb.open, f"only one of {name} and the verb takes **options"

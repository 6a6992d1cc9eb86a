"""Tests of what makes a sound of a prompt: music and effects."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from omnibind.client import Client
from omnibind.contracts import CONTRACTS

from .batch_tests import BatchTests
from .names import ModelTests
from .specimen import Specimen, ends
from .usable import assert_sound


class SoundTests(BatchTests, ModelTests):
    """For contracts whose verb makes a sound of a prompt.

    Attributes:
        sample_prompt: What it makes in most tests.
        other_prompt: Another one, which sounds otherwise.
        duration_tolerance: How far the length may be from ``duration_s``, as a share of it.
    """

    sample_prompt: ClassVar[str]
    other_prompt: ClassVar[str]
    duration_tolerance: ClassVar[float] = 0.1

    def make(self, specimen: Specimen, **options: Any) -> Any:
        """Make the sample."""
        return specimen.call(self.sample_prompt, **{**self.minimal_options, **options})

    def make_by(self, client: Client, **options: Any) -> Any:
        """Make the sample through a client."""
        verb = getattr(getattr(client, self.modality), CONTRACTS[self.modality].verb)
        return verb(self.sample_prompt, **{**self.minimal_options, **options})

    def batch(self) -> tuple[list[Any], tuple[Any, ...]]:
        """Return two prompts."""
        return [self.sample_prompt, self.other_prompt], ()

    def assert_usable(self, result: Any, told: str) -> None:
        """Assert that it is a sound."""
        assert_sound(result, told)

    def test_another_prompt_gives_another_result(self, specimen: Specimen) -> None:
        """The prompt matters."""
        options = {**self.minimal_options, **self.seeded(specimen)}
        one = specimen.call(self.sample_prompt, **options)
        two = specimen.call(self.other_prompt, **options)
        assert one != two, "two prompts gave the same sound"

    def test_the_length_is_the_length_asked_for(self, specimen: Specimen) -> None:
        """``duration_s`` is served as given, not clamped."""
        option = specimen.options.option("duration_s")
        if option is None:
            pytest.skip("doesn't apply: the verb declares no duration_s")
        for wanted in ends(option)[: 1 if self.heavy else 2]:
            sound = assert_sound(self.make(specimen, duration_s=wanted), f"duration_s={wanted:g}")
            assert abs(sound.duration_s - wanted) <= max(0.05, self.duration_tolerance * wanted), (
                f"duration_s={wanted:g} gives {sound.duration_s:.2f} s"
            )

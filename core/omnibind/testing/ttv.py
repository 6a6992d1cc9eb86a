"""The contract suite of text to video."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from omnibind.client import Client

from .batch_tests import BatchTests
from .folder_tests import FolderTests
from .life_tests import LifeTests
from .names import ModelTests
from .option_tests import OptionTests
from .specimen import Specimen, ends
from .usable import assert_film


class TTVContract(BatchTests, ModelTests, OptionTests, LifeTests, FolderTests):
    """What every binding that films must do.

    Attributes:
        sample_prompt: What it films in most tests.
        duration_tolerance: How far the length may be from ``duration_s``, as a share of it.
    """

    modality: ClassVar[str] = "ttv"
    sample_prompt: ClassVar[str] = "a fox runs over a hill"
    duration_tolerance: ClassVar[float] = 0.1

    def make(self, specimen: Specimen, **options: Any) -> Any:
        """Film the sample."""
        return specimen.call(self.sample_prompt, **{**self.minimal_options, **options})

    def make_by(self, client: Client, **options: Any) -> Any:
        """Film the sample through a client."""
        options = {**self.minimal_options, **options}
        return client.ttv.generate_video(self.sample_prompt, **options)

    def batch(self) -> tuple[list[Any], tuple[Any, ...]]:
        """Return two prompts."""
        return [self.sample_prompt, "a ship in a storm"], ()

    def assert_usable(self, result: Any, told: str) -> None:
        """Assert that it is a video."""
        assert_film(result, told)

    def test_another_prompt_gives_another_result(self, specimen: Specimen) -> None:
        """The prompt matters."""
        options = {**self.minimal_options, **self.seeded(specimen)}
        one = specimen.call(self.sample_prompt, **options)
        two = specimen.call("a ship in a storm", **options)
        assert one != two, "two prompts gave the same video"

    def test_the_size_is_the_size_asked_for(self, specimen: Specimen) -> None:
        """``width`` and ``height`` are served as given."""
        for name in ("width", "height"):
            option = specimen.options.option(name)
            if option is None:
                pytest.skip(f"doesn't apply: the verb declares no {name}")
            for wanted in ends(option)[: 1 if self.heavy else 2]:
                film = assert_film(self.make(specimen, **{name: wanted}), f"{name}={wanted}")
                given = film.frames[0].shape[1 if name == "width" else 0]
                assert given == wanted, f"{name}={wanted} gives {given}"

    def test_the_length_is_the_length_asked_for(self, specimen: Specimen) -> None:
        """``duration_s`` is served as given, not clamped."""
        option = specimen.options.option("duration_s")
        if option is None:
            pytest.skip("doesn't apply: the verb declares no duration_s")
        for wanted in ends(option)[: 1 if self.heavy else 2]:
            film = assert_film(self.make(specimen, duration_s=wanted), f"duration_s={wanted:g}")
            length = len(film.frames) / film.fps
            allowed = max(1 / film.fps, self.duration_tolerance * wanted)
            assert abs(length - wanted) <= allowed, f"duration_s={wanted:g} gives {length:.2f} s"

    def test_the_frame_rate_is_the_rate_asked_for(self, specimen: Specimen) -> None:
        """``fps`` is served as given, and doesn't change the length."""
        option = specimen.options.option("fps")
        if option is None:
            pytest.skip("doesn't apply: the verb declares no fps")
        plain = assert_film(self.make(specimen), "for the sample")
        for wanted in ends(option)[: 1 if self.heavy else 2]:
            film = assert_film(self.make(specimen, fps=wanted), f"fps={wanted}")
            assert abs(film.fps - wanted) < 0.01 * wanted, f"fps={wanted} gives {film.fps:g}"
            length, before = len(film.frames) / film.fps, len(plain.frames) / plain.fps
            assert abs(length - before) <= 1 / film.fps + 1 / plain.fps, (
                f"fps={wanted} changes the length from {before:.2f} to {length:.2f} s"
            )

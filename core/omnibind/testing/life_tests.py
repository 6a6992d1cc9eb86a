"""Tests of a binding's life: loading, calling again, being called by many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from omnibind.client import Client
from omnibind.contracts.errors import BadConfig, UnknownModel, UnknownVoice

from .specimen import Specimen
from .suite import NEVER_A_NAME, Suite, changeable

THREADS = 4


class LifeTests(Suite):
    """A binding can be loaded, called, let go and called again, and remembers no call."""

    def test_the_result_is_usable(self, specimen: Specimen) -> None:
        """The right media type, whole, decodable, not empty, and its facts are true."""
        self.assert_usable(self.make(specimen), "for the sample")

    def test_loading_twice_changes_nothing(self, specimen: Specimen) -> None:
        """A second ``load`` returns at once; no engine is made anew."""
        binding = specimen.binding
        before = dict(vars(binding))
        binding.load()
        changed = [n for n, value in vars(binding).items() if before.get(n) is not value]
        assert not changed, f"the second load() made {', '.join(changed)} anew; return at once"

    def test_unloading_and_loading_gives_the_same_again(self, specimen: Specimen) -> None:
        """``unload`` may come twice or before any ``load``, and takes nothing away for good."""
        specimen.create().unload()
        options = self.seeded(specimen)
        before = self.make(specimen, **options)
        specimen.binding.unload()
        specimen.binding.unload()
        specimen.binding.load()
        after = self.make(specimen, **options)
        if self.is_repeatable(specimen):
            assert before == after, "the result differs after unload() and load()"

    def test_another_instance_gives_the_same(self, specimen: Specimen) -> None:
        """What was loaded belongs to the instance, not to the class."""
        self.skip_if_heavy()
        options = self.seeded(specimen)
        before = self.make(specimen, **options)
        other = specimen.create()
        other.load()
        other.unload()
        after = self.make(specimen, **options)
        if self.is_repeatable(specimen):
            assert before == after, "unloading another instance changed this one"

    def test_a_call_leaves_nothing_behind_for_the_next(self, specimen: Specimen) -> None:
        """What isn't given means the default, whatever was given before."""
        self.skip_if_heavy()
        if not self.is_repeatable(specimen):
            pytest.skip("doesn't apply: the result isn't repeatable and there is no seed")
        options = self.seeded(specimen)
        before = self.make(specimen, **options)
        for name, value in changeable(self.tried(specimen)).items():
            self.make(specimen, **{**options, name: value})
            assert self.make(specimen, **options) == before, (
                f"a call with {name}={value!r} changed the next one, which did not give it"
            )

    def test_loading_and_calling_print_nothing(
        self, specimen: Specimen, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Standard output belongs to the program."""
        specimen.binding.unload()
        specimen.binding.load()
        self.make(specimen)
        out = capfd.readouterr().out
        assert not out, f"loading or calling prints {out[:200]!r}; use logging"

    def test_four_threads_get_what_one_gets(self, specimen: Specimen) -> None:
        """Calls beside each other, through a client, don't mix."""
        self.skip_if_heavy()
        options = self.seeded(specimen)
        expected = self.make(specimen, **options)
        named: Any = {
            self.modality: {"binding": str(specimen.folder), **specimen.config, **specimen.placed}
        }
        with Client(**named) as client, ThreadPoolExecutor(THREADS) as pool:
            calls = [pool.submit(self.make_by, client, **options) for _ in range(THREADS)]
            results = [call.result() for call in calls]
        if self.is_repeatable(specimen):
            assert all(result == expected for result in results), (
                "a call beside others gave another result than alone"
            )

    def test_an_unknown_model_is_refused_by_its_name(self, specimen: Specimen) -> None:
        """``name/MODEL`` with a model that isn't there raises before anything is computed."""
        name = specimen.manifest.model_option
        if not name:
            pytest.skip("doesn't apply: the manifest names no model_option")
        with pytest.raises((UnknownModel, UnknownVoice, BadConfig)) as caught:
            specimen.sibling(**{name: NEVER_A_NAME}).create().load()
        assert NEVER_A_NAME in str(caught.value), f"{caught.value} doesn't say what was asked for"

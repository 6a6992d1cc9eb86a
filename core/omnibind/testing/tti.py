"""The contract suite of text to image."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, ClassVar

import pytest

from omnibind.client import Client
from omnibind.contracts.errors import BadConfig
from omnibind.contracts.media import Image
from omnibind.contracts.options import Schema, schema_of

from .batch_tests import BatchTests
from .folder_tests import FolderTests
from .life_tests import LifeTests
from .option_tests import OptionTests
from .specimen import Specimen, ends
from .suite import NEVER_A_NAME, changeable
from .usable import assert_picture

SETTING_KEYS = {"name", "type", "value", "options", "help"}
SERVICE_KEYS = {"name", "caption", "help"}


class TTIContract(BatchTests, OptionTests, LifeTests, FolderTests):
    """What every binding that draws must do.

    Attributes:
        sample_prompt: What it draws in most tests.
    """

    modality: ClassVar[str] = "tti"
    sample_prompt: ClassVar[str] = "a red fox in the snow"

    def make(self, specimen: Specimen, **options: Any) -> Any:
        """Draw the sample."""
        return specimen.call(self.sample_prompt, **{**self.minimal_options, **options})

    def make_by(self, client: Client, **options: Any) -> Any:
        """Draw the sample through a client."""
        options = {**self.minimal_options, **options}
        return client.tti.generate_image(self.sample_prompt, **options)

    def is_same(self, one: Any, other: Any) -> bool:
        """Tell whether no pixel differs by more than a step: sums are added up in another order."""
        if one == other:
            return True
        pixels, others = (Image(picture).array().astype(int) for picture in (one, other))
        return pixels.shape == others.shape and bool(abs(pixels - others).max() <= 1)

    def batch(self) -> tuple[list[Any], tuple[Any, ...]]:
        """Return two prompts."""
        return [self.sample_prompt, "a blue ship on the sea"], ()

    def assert_usable(self, result: Any, told: str) -> None:
        """Assert that it is a picture."""
        assert_picture(result, told)

    def test_another_prompt_gives_another_result(self, specimen: Specimen) -> None:
        """The prompt matters."""
        options = {**self.minimal_options, **self.seeded(specimen)}
        one = specimen.call(self.sample_prompt, **options)
        two = specimen.call("a blue ship on the sea", **options)
        assert one != two, "two prompts gave the same picture"

    def test_the_size_is_the_size_asked_for(self, specimen: Specimen) -> None:
        """``width`` and ``height`` are served as given."""
        for name in ("width", "height"):
            option = specimen.options.option(name)
            if option is None:
                pytest.skip(f"doesn't apply: the verb declares no {name}")
            for wanted in ends(option)[: 1 if self.heavy else 2]:
                size = assert_picture(self.make(specimen, **{name: wanted}), f"{name}={wanted}")
                given = size[0 if name == "width" else 1]
                assert given == wanted, f"{name}={wanted} gives {given}"

    def test_a_picture_is_drawn_anew(self, specimen: Specimen) -> None:
        """``edit_image`` gives a picture of the size of the given one, which the prompt changes."""
        self.skip_without(specimen, "edit_image")
        owner = specimen.owner
        schema = schema_of(specimen.type.edit_image, ("prompt", "image"), owner)  # type: ignore[attr-defined]
        options = {**self.minimal_options, **self.seeded(specimen)}
        fitting = {name: value for name, value in options.items() if name in schema.names}
        given = self.make(specimen, **options)
        one, two = (
            specimen.binding.edit_image(prompt, given, **schema.check(fitting, owner, BadConfig))
            for prompt in self.batch()[0]
        )
        sizes = [assert_picture(picture, "edited") for picture in (given, one, two)]
        assert sizes == [sizes[0]] * 3, f"a picture of {sizes[0]} became one of {sizes[1:]}"
        assert one != two, "two prompts made the same of a picture"

    def test_the_services_are_described(self, specimen: Specimen) -> None:
        """``list_services`` gives at least one, each with a name of its own."""
        services = specimen.binding.list_services()
        assert services, "list_services() gives an empty list"
        for service in services:
            assert set(service) >= SERVICE_KEYS, f"a service has only {sorted(service)}"
        names = [service["name"] for service in services]
        assert len(set(names)) == len(names), f"list_services() gives a name twice: {names}"

    def test_the_settings_are_described(self, specimen: Specimen) -> None:
        """``get_settings`` gives a name, type, value, options and help each, and no key."""
        settings = specimen.create().get_settings()
        for setting in settings:
            assert set(setting) >= SETTING_KEYS, f"a setting has only {sorted(setting)}"
        names = [setting["name"] for setting in settings]
        assert len(set(names)) == len(names), f"get_settings() gives a name twice: {names}"
        assert "api_key" not in names, "get_settings() shows the key"

    def test_settings_set_to_what_they_are_change_nothing(self, specimen: Specimen) -> None:
        """``set_settings`` gives False for the present values."""
        binding = specimen.create()
        present = _values(binding)
        assert binding.set_settings(present) is False, "the same settings count as a change"
        assert _values(binding) == present

    def test_a_changed_setting_is_kept_and_used(self, specimen: Specimen) -> None:
        """``set_settings`` gives True for another value; ``get_settings`` and results show it."""
        binding = specimen.create()
        wanted = _changed(specimen.configuration, binding, self.untried)
        if not wanted:
            pytest.skip("doesn't apply: no setting has an obvious other value")
        given = dict(wanted)
        assert binding.set_settings(given) is True, f"{wanted} don't count as a change"
        assert given == wanted, "set_settings changes the mapping it is given"
        after = _values(binding)
        kept = {name: after[name] for name in wanted}
        assert kept == wanted, f"after set_settings({wanted}) they are {kept}"
        if not self.heavy:
            binding.load()
            subject = specimen.options.check(self.minimal_options, specimen.owner)
            self.assert_usable(binding.generate_image(self.sample_prompt, **subject), f"{wanted}")
            binding.unload()

    def test_a_wrong_setting_is_refused_and_changes_nothing(self, specimen: Specimen) -> None:
        """An unknown name raises, and what was given beside it isn't taken either."""
        binding = specimen.create()
        before = _values(binding)
        wanted = _changed(specimen.configuration, binding, self.untried)
        with pytest.raises(BadConfig):
            binding.set_settings({**wanted, NEVER_A_NAME: 1})
        assert _values(binding) == before, "a refused set_settings changed something"


def _values(binding: Any) -> dict[str, Any]:
    return {setting["name"]: setting["value"] for setting in binding.get_settings()}


def _changed(
    configuration: Schema, binding: Any, untried: AbstractSet[str] = frozenset()
) -> dict[str, Any]:
    present = _values(binding)
    values = changeable(one for one in configuration.options if one.name not in untried)
    return {n: v for n, v in values.items() if n in present and present[n] != v}

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import BindingWriter
from tests.service import CODE, MANIFEST, MODELS, Answer, Service

from omnibind import AsyncClient, Client
from omnibind.contracts.errors import BadInput, BadOption, ContentRefused

REFUSED = Answer(451)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def named(home: Path, write_binding: BindingWriter, service: Service) -> Any:
    """The arguments of a client of the remote binding."""
    write_binding(
        "draws",
        root=home / "bindings",
        modality="tti",
        manifest=MANIFEST,
        code=CODE,
        models=MODELS,
    )
    return {"tti": {"binding": "draws", "url": service.url}}


def test_a_refusal_without_on_refusal_is_the_end(named: Any, service: Service) -> None:
    service.answers = [REFUSED, Answer()]
    with pytest.raises(ContentRefused, match="declined the prompt"):
        Client(**named).tti.generate_image("a weapon")
    assert service.prompts == ["a weapon"]


def test_a_changed_prompt_is_served_and_told(named: Any, service: Service) -> None:
    service.answers = [REFUSED, Answer()]
    heard: list[tuple[str, str]] = []

    def change(error: ContentRefused, prompt: str) -> str:
        heard.append((str(error), prompt))
        return "a flower"

    image = Client(**named).tti.generate_image("a weapon", on_refusal=change)
    assert heard == [("the service declined the prompt", "a weapon")]
    assert service.prompts == ["a weapon", "a flower"]
    assert image.meta.revised_prompt == "a flower"
    assert image.meta.warnings == ("tti/draws refused the prompt; a changed one was served",)
    assert image.recipe is not None
    assert image.recipe.subject == {"prompt": "a flower"}


def test_three_changed_prompts_are_tried_at_most(named: Any, service: Service) -> None:
    service.answers = [REFUSED]
    client = Client(**named, on_refusal=lambda error, prompt: prompt + "!")
    with pytest.raises(ContentRefused):
        client.tti.generate_image("a weapon")
    assert service.prompts == ["a weapon", "a weapon!", "a weapon!!", "a weapon!!!"]


@pytest.mark.parametrize("answer", [None, "a weapon"])
def test_none_or_the_same_prompt_ends_it(named: Any, service: Service, answer: Any) -> None:
    service.answers = [REFUSED]
    with pytest.raises(ContentRefused):
        Client(**named).tti.generate_image("a weapon", on_refusal=lambda error, prompt: answer)
    assert len(service.asked) == 1


@pytest.mark.parametrize(("answer", "error"), [(3, BadOption), (" ", BadInput)])
def test_what_is_no_prompt_is_refused(
    named: Any, service: Service, answer: Any, error: type[Exception]
) -> None:
    service.answers = [REFUSED]
    with pytest.raises(error):
        Client(**named).tti.generate_image("a weapon", on_refusal=lambda error, prompt: answer)
    assert len(service.asked) == 1


def test_an_async_on_refusal_is_awaited_by_the_async_client(named: Any, service: Service) -> None:
    service.answers = [REFUSED, Answer()]

    async def change(error: ContentRefused, prompt: str) -> str:
        await asyncio.sleep(0)
        return "a flower"

    image = asyncio.run(AsyncClient(**named).tti.generate_image("a weapon", on_refusal=change))
    assert image.meta.revised_prompt == "a flower"
    service.answers = [REFUSED, Answer()]
    with pytest.raises(BadOption, match="is async, and this client isn't"):
        Client(**named).tti.generate_image("a weapon", on_refusal=change)


def test_what_on_refusal_raises_comes_out_and_ends_the_call(named: Any, service: Service) -> None:
    service.answers = [REFUSED]
    with pytest.raises(ZeroDivisionError):
        Client(**named).tti.generate_image("a weapon", on_refusal=lambda error, prompt: 1 / 0)


def test_a_refusal_is_no_ones_turn_but_the_first(named: Any, service: Service) -> None:
    service.answers = [REFUSED]
    client = Client(tti=[named["tti"], "mock"])
    with pytest.raises(ContentRefused):
        client.tti.generate_image("a weapon")


def test_the_next_binding_gets_the_callers_own_prompt(named: Any, service: Service) -> None:
    service.answers = [REFUSED, Answer(402)]
    client = Client(tti=[named["tti"], "mock"])
    image = client.tti.generate_image("a weapon", on_refusal=lambda error, prompt: "a flower")
    assert image == Client(tti="mock").tti.generate_image("a weapon")
    assert image.meta.revised_prompt is None
    assert image.meta.served_by == "tti/mock"

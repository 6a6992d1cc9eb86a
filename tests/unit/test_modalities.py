"""Every list that names the modalities names all of them, and in the same words."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import omnibind
from omnibind import AsyncClient, Client, modalities, testing
from omnibind.choices import MODALITIES
from omnibind.cli import plan
from omnibind.cli.parameters import Modality
from omnibind.client import ClientOptions
from omnibind.config import read_config
from omnibind.contracts import CONTRACTS
from omnibind.managers import MANAGERS
from omnibind.testing import templates


@pytest.mark.parametrize(
    "named",
    [
        MANAGERS,
        modalities.HANDLES,
        modalities.ASYNC_HANDLES,
        get_args(Modality),
        templates.CODE,
        templates.RESULTS,
    ],
    ids=["managers", "handles", "asyncio handles", "commands", "templates", "their results"],
)
def test_a_list_has_every_modality(named: Any) -> None:
    assert list(named) == list(MODALITIES)


@pytest.mark.parametrize(
    ("client", "handles"),
    [(Client, modalities.HANDLES), (AsyncClient, modalities.ASYNC_HANDLES)],
)
def test_a_client_declares_the_handle_that_it_makes(client: type, handles: dict[str, type]) -> None:
    hints = get_type_hints(client)
    declared = {name: hints[name] for name in MODALITIES}
    assert declared == handles
    assert {name: type(getattr(client(), name)) for name in MODALITIES} == handles


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_modality_is_spelled_in_every_way(modality: str) -> None:
    spellings = (modality, f"{modality}_binding_name", f"{modality}_binding_config")
    assert set(spellings) <= set(ClientOptions.__annotations__)
    assert modality in inspect.signature(plan.plan).parameters
    contract = f"{modality.upper()}Binding"
    assert getattr(omnibind, contract) is CONTRACTS[modality]
    assert getattr(omnibind, f"{contract}Manager") is MANAGERS[modality]
    assert getattr(testing, f"{modality.upper()}Contract").modality == modality


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_handles_call_the_verb_of_the_contract(modality: str) -> None:
    contract = CONTRACTS[modality]
    for handle in (modalities.HANDLES[modality], modalities.ASYNC_HANDLES[modality]):
        assert (handle._verb, handle._names) == (contract.verb, contract.subject)
        assert inspect.isfunction(getattr(handle, contract.verb))
        assert inspect.isfunction(getattr(handle, f"{contract.verb}_batch"))
    assert contract.output
    assert contract.unit


def test_a_mock_serves_every_modality(home: Path) -> None:
    assert set(read_config("mock").choices) == set(MODALITIES)
    assert set(read_config("default").choices) == set(MODALITIES)

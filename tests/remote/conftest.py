"""Fixtures of the tests of remote bindings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.remote.judges import Panel
from tests.remote.recorded import Recording, load
from tests.remote.recorder import Recorder
from tests.remote.servers import why_missing


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A server that records; its script is the test's."""
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(scope="session")
def judges() -> Iterator[Panel]:
    """The judges by the name of a specification."""
    folder = _folder("OMNIBIND_API_SPECS", "specifications")
    missing = why_missing()
    if missing:
        pytest.skip(missing)
    panel = Panel(folder)
    yield panel
    panel.close()


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Recording]:
    """Recorded exchanges by their file's name."""
    folder = _folder("OMNIBIND_API_RECORDED", "recorded exchanges")
    return lambda name: load(folder / f"{name}.json")


def _folder(variable: str, of: str) -> Path:
    if not os.environ.get(variable):
        pytest.skip(f"doesn't apply: set {variable} to the folder of {of}")
    folder = Path(os.environ[variable])
    if not folder.is_dir():
        raise FileNotFoundError(f"{variable} is {folder}, which is no folder")
    return folder

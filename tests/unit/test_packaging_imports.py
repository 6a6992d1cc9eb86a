"""What importing costs, what the package offers, and where its light part can live."""

from __future__ import annotations

import ast
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import omnibind
from omnibind.contracts.errors import OmnibindError

ROOT = Path(__file__).resolve().parents[2]
LIGHT = ROOT / "core" / "omnibind" / "contracts"
HEAVY = {"numpy", "torch", "httpx2", "yaml", "asyncio", "importlib.metadata"}

NEW_MODULES = """
import json, sys
before = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - before)))
"""

IMPORT_ALL = """
import importlib, json, pathlib, sys
core = pathlib.Path({core!r})
sys.path.insert(0, str(core))
for path in sorted(core.glob("omnibind/contracts/**/*.py")):
    parts = path.relative_to(core).with_suffix("").parts
    importlib.import_module(".".join(part for part in parts if part != "__init__"))
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def older_pythons() -> Iterator[Path]:
    """Yield interpreters of Python 3.10, from pyenv or PATH, that really run."""
    found = sorted((Path.home() / ".pyenv" / "versions").glob("3.10.*/bin/python"))
    on_path = shutil.which("python3.10")
    for path in [*found, *([Path(on_path)] if on_path else [])]:
        if subprocess.run([path, "-c", "pass"], capture_output=True, check=False).returncode == 0:
            yield path
            return


INTERPRETERS = [Path(sys.executable), *older_pythons()]


def new_modules(statement: str) -> set[str]:
    code = NEW_MODULES.format(statement=statement)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(json.loads(done.stdout))


def test_importing_omnibind_imports_nothing_heavy() -> None:
    modules = new_modules("import omnibind")
    assert "omnibind" in modules
    assert not modules & (HEAVY | {"msgspec"})


def test_a_client_with_a_named_binding_imports_nothing_heavy() -> None:
    modules = new_modules("from omnibind import Client; Client(tts='piper')")
    assert "omnibind.client" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize("name", sorted(set(dir(omnibind)) | set(getattr(omnibind, "__all__", ()))))
def test_every_top_level_name_resolves(name: str) -> None:
    assert hasattr(omnibind, name)


def test_the_lazy_names_are_those_that_type_checkers_see() -> None:
    tree = ast.parse(Path(omnibind.__file__).read_text(encoding="utf-8"))
    seen_by_checkers = {
        alias.asname
        for branch in tree.body
        if isinstance(branch, ast.If)
        for statement in branch.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert seen_by_checkers == set(vars(omnibind)["_HOMES"])


def test_an_unknown_top_level_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Klient"):
        omnibind.Klient  # type: ignore[attr-defined]  # noqa: B018


def every_error(base: type[OmnibindError] = OmnibindError) -> Iterator[type[OmnibindError]]:
    yield base
    for class_ in base.__subclasses__():
        if class_.__module__ == base.__module__:
            yield from every_error(class_)


@pytest.mark.parametrize("class_", list(every_error()))
def test_every_error_survives_pickling_with_its_facts(class_: type[OmnibindError]) -> None:
    error = class_("'bob' was given; give 'joe'")
    for place, fact in enumerate(sorted(vars(error))):
        setattr(error, fact, f"fact {place}")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is class_
    assert copy.message == error.message
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("python", INTERPRETERS, ids=lambda path: Path(path).parts[-3])
def test_the_light_part_imports_on_a_bare_interpreter(python: Path, tmp_path: Path) -> None:
    core = tmp_path / "core"
    shutil.copytree(
        ROOT / "core", core, ignore=shutil.ignore_patterns("__pycache__", ".*", "testing", "cli")
    )
    code = IMPORT_ALL.format(core=str(core))
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tops = set(json.loads(done.stdout))
    assert "omnibind" in tops
    assert not tops & {"numpy", "soundfile", "soxr", "av", "PIL", "msgspec", "yaml"}


@pytest.mark.parametrize(
    "path", sorted(LIGHT.rglob("*.py")), ids=lambda path: str(path.relative_to(LIGHT))
)
def test_the_light_part_is_written_in_python_310(path: Path) -> None:
    ast.parse(path.read_bytes(), str(path), feature_version=(3, 10))

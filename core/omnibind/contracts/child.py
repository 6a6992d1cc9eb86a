"""A child process's own half: import a binding there and say what it is.

The parent writes one JSON line an order, the child answers with one JSON line each.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from omnibind.contracts import CONTRACTS
from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import BindingBroken, OmnibindError
from omnibind.contracts.options import schema_of
from omnibind.contracts.roots import import_binding


def binding_class(root: Path, modality: str, name: str, entry: str) -> type[Binding]:
    """Import a binding's folder and return its class.

    Raises:
        BindingBroken: The import fails, the entry isn't there or isn't a whole binding.
    """
    owner = f"{modality}/{name}"
    try:
        module = import_binding(root, modality, name)
    except SyntaxError as error:
        place = f"{error.filename}:{error.lineno}"
        raise BindingBroken(f"{owner} can't be imported: {place}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}"
        raise BindingBroken(f"{owner} can't be imported: {told}") from error
    found = getattr(module, entry, None)
    if found is None:
        raise BindingBroken(
            f"{owner} names the entry {entry!r}, and its binding.py has no such class"
        )
    return whole_class(found, modality, owner)


def whole_class(found: Any, modality: str, owner: str) -> type[Binding]:
    """Return ``found`` if it is a class that fills the contract of ``modality``."""
    contract = CONTRACTS[modality]
    if not isinstance(found, type) or not issubclass(found, contract):
        raise BindingBroken(f"{owner}: {found!r} isn't a subclass of {contract.__name__}")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise BindingBroken(f"{owner}: {found.__name__} doesn't define {', '.join(missing)}")
    return found


def facts_of(class_: type[Binding], owner: str) -> dict[str, Any]:
    """Return what a handle needs to know of a class: the schemas of configuration and verbs."""

    def schema(verb: str, subject: tuple[str, ...]) -> dict[str, Any] | None:
        method: Callable[..., Any] | None = getattr(class_, f"{verb}_flow", None) or getattr(
            class_, verb, None
        )
        return None if method is None else schema_of(method, subject, owner).to_data()

    one, *further = class_.subject
    powers = {verb: schema(verb, subject) for verb, subject in class_.powers.items()}
    # A batch is called as its verb is; its own schema says only what it takes beyond that.
    with suppress(BindingBroken):
        batch = f"{class_.verb}_batch"
        powers[batch] = schema(batch, (f"{one}s", *further))
    return {
        "configuration": schema_of(class_.__init__, (), owner).to_data(),
        "verb": schema(class_.verb, class_.subject),
        "powers": {verb: options for verb, options in powers.items() if options is not None},
        "doc": (class_.__doc__ or "").strip(),
    }


def examine(order: dict[str, Any]) -> dict[str, Any]:
    """Import the binding that ``order`` names and try its constructor; never raises."""
    owner = f"{order['modality']}/{order['name']}"
    try:
        class_ = binding_class(
            Path(order["root"]), order["modality"], order["name"], order["entry"]
        )
        facts = facts_of(class_, owner)
        required = [o for o in facts["configuration"]["options"] if "default" not in o]
        if not required:
            try:
                class_()
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                raise BindingBroken(f"the constructor of {owner} raises {told}") from error
    except OmnibindError as error:
        return {"error": str(error)}
    except BaseException as error:
        return {"error": f"{owner} can't be examined: {type(error).__name__}: {error}"}
    return {"facts": facts}


def main() -> None:
    """Answer the orders on standard input until it closes.

    What a binding prints goes to standard error, and what it reads finds an empty input, so that
    neither can be taken for an order or an answer.
    """
    import json
    import os

    orders = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    for line in orders:
        answers.write(json.dumps(examine(json.loads(line))) + "\n")
        answers.flush()

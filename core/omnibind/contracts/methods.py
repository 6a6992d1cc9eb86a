"""What methods a binding's class has: what its proxy, which runs elsewhere, must have too."""

from __future__ import annotations

import inspect
from typing import Any

from omnibind.contracts.binding import Binding


def methods_of(class_: type[Binding]) -> dict[str, dict[str, Any]]:
    """Return the methods of a binding's class as JSON data, by name.

    Each has ``yields`` (whether it is a generator) and ``positional`` (the names of what goes by
    position). What every binding has from its base, and what needs an event loop, is left out.
    """
    methods = {}
    for name in dir(class_):
        method = inspect.getattr_static(class_, name)
        is_inherited = method is inspect.getattr_static(Binding, name, None)
        if name.startswith("_") or is_inherited or not inspect.isfunction(method):
            continue
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            continue
        parameters = list(inspect.signature(method).parameters.values())[1:]
        methods[name] = {
            "yields": inspect.isgeneratorfunction(method),
            "positional": [
                parameter.name
                for parameter in parameters
                if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            ],
        }
    return methods

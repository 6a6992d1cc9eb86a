"""Proxies: objects of a binding's contract whose methods run in a worker.

A proxy has exactly the methods that the binding's class defines, so that whoever asks it what it
can do gets the truth before any worker was started. In one process, equal bindings with equal
configuration are one instance in one worker, and equal engines share a worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from typing import Any

from omnibind.contracts import CONTRACTS
from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import WrongPlatform
from omnibind.contracts.options import Schema
from omnibind.running.engine import IDLE_S, Engine, EngineKey
from omnibind.running.instance import Instance, Made, as_source
from omnibind.running.pool import Pool, identity

_ENGINES: Pool[Engine] = Pool()
_INSTANCES: Pool[Instance] = Pool()


def proxy_of(
    made: Made, key: EngineKey, *, concurrent: int = 1, idle_s: float | None = IDLE_S
) -> Binding:
    """Return the binding that ``made`` describes, in the worker of the engine ``key``.

    No process is started before something is asked of it.

    Args:
        made: What it takes to make the binding.
        key: Which engine it belongs to.
        concurrent: How many calls may run in the worker at once; the first binding of an engine
            says it for all.
        idle_s: The worker ends after so long without a call, and starts again with the next one.

    Raises:
        WrongPlatform: This is Windows.
    """
    if os.name == "nt":
        raise WrongPlatform(
            f"{made.modality}/{made.name} is to run in a worker, and there are none on Windows; "
            "give runs: in-process"
        )
    # An open file is read once, though the binding may be made several times.
    configuration = {
        name: as_source(value, made.media.get(name)) for name, value in made.configuration.items()
    }
    made = made._replace(configuration=configuration)

    def new() -> Instance:
        engine = _ENGINES.one(key, lambda: Engine(key, concurrent=concurrent, idle_s=idle_s))
        return Instance(made, engine)

    equal = (key, made.modality, made.name, identity(made.configuration))
    return _made(made, _INSTANCES.one(equal, new))


def media_of(*schemas: Schema) -> dict[str, str]:
    """Return the names of media arguments, with their families: what contracts pass, and options.

    Args:
        schemas: The configuration and the options of the verbs.
    """
    found = {"audio_path": "audio", "image": "image", "mask": "image"}
    for schema in schemas:
        for option in schema.options:
            kind = (option.type.item or option.type).kind
            if kind in ("audio", "image", "video"):
                found[option.name] = kind
    return found


def _made(made: Made, instance: Instance) -> Binding:
    contract = CONTRACTS[made.modality]
    methods = {
        name: (_stream if facts["yields"] else _call)(name) for name, facts in made.methods.items()
    }
    lives: dict[str, Callable[..., Any]] = {"load": _load, "unload": _unload}
    if "set_settings" in methods:
        lives["set_settings"] = _set_settings
    class_ = type(
        f"{contract.__name__}Proxy", (contract,), {**methods, **lives, "__module__": __name__}
    )
    proxy: Binding = class_(**made.configuration)
    vars(proxy).update(
        _name=made.name,
        _catalogue=made.catalogue,
        _voice_facts=made.voices,
        _find_weights=made.find_weights,
        _instance=instance,
    )
    return proxy


def _call(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **options: Any) -> Any:
        return self._instance.call(name, args, options)

    call.__name__ = name
    return call


def _stream(name: str) -> Callable[..., Any]:
    def stream(self: Any, *args: Any, **options: Any) -> Generator[Any, None, Any]:
        return (yield from self._instance.stream(name, args, options))

    stream.__name__ = name
    return stream


def _load(self: Any) -> None:
    self._instance.load(self)


def _unload(self: Any) -> None:
    self._instance.unload(self)


def _set_settings(self: Any, settings: Mapping[str, Any], *args: Any, **options: Any) -> bool:
    own = self._instance.changed(settings)
    if own is None:
        return False
    self._instance.unload(self)
    self._instance = own
    return True

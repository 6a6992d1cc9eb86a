"""Where a binding is made: in this process, or in a worker with a proxy here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import EnvironmentMissing
from omnibind.contracts.methods import methods_of
from omnibind.discovery.environment import environment_of, environment_problems
from omnibind.discovery.static import chosen_model
from omnibind.running.engine import EngineKey
from omnibind.running.instance import Made
from omnibind.running.proxy import media_of, proxy_of
from omnibind.weights.catalogue import voices_of

if TYPE_CHECKING:
    from omnibind.contracts.binding import Binding
    from omnibind.discovery.places import Found
    from omnibind.managers.manager import BindingManager


def in_worker(
    manager: BindingManager[Any], found: Found, config: Mapping[str, Any], *, is_own: bool = False
) -> Binding:
    """Return a proxy of a binding; its worker is started at the first use.

    Args:
        manager: The manager of its modality.
        found: Its folder.
        config: The constructor's arguments, checked.
        is_own: Whether the worker runs in the binding's own environment.

    Raises:
        EnvironmentMissing: The environment isn't there or is broken.
    """
    manifest, facts, models = manager.manifest(found), manager.facts(found), manager.models(found)
    owner, root = f"{found.modality}/{found.name}", found.root.folder
    made = Made(
        root,
        found.modality,
        found.name,
        manifest.entry,
        config,
        methods_of(manager.class_of(found)),
        media_of(facts.configuration, facts.verb, *facts.powers.values()),
        tuple(models),
        voices_of(models),
        manager.weights_finder(found, models),
    )
    key = EngineKey(
        manifest.engine or owner,
        root,
        chosen_model(manifest, None, config) or "",
        str(config.get("device", "")),
        str(config.get("precision", "")),
        keys=tuple(name for names in manifest.keys for name in names),
        is_local=manifest.kind == "local",
    )
    if is_own:
        for problem in environment_problems(found, manifest):
            raise EnvironmentMissing(problem.message, command=problem.command)
        key = key._replace(python=environment_of(found, manifest).python, is_own=True)
    return proxy_of(made, key, concurrent=manifest.concurrent)

"""Which binding serves a command: the one named, else the one in ``configs/default.yaml``."""

from __future__ import annotations

from typing import Any

from omnibind.choices import Choice, choice_of
from omnibind.client import Client
from omnibind.contracts.errors import BadConfig

DEFAULTS = "default.yaml"


def client_for(modality: str, spec: str | None, model: str | None = None) -> Client:
    """Return a client that serves one modality.

    Args:
        modality: ``tts``, …
        spec: ``NAME``, ``NAME/MODEL``, ``origin:NAME`` or a folder's path; None takes the default.
        model: The model, where it was named by itself.

    Raises:
        BadConfig: Two models are named, a configuration file is wrong, or nothing is named.
        UnknownBinding: Nothing has that name.
    """
    choice = default_choice(modality) if spec is None else choice_of(spec, modality)
    if choice is None:
        raise BadConfig(f"no {modality} binding is named; give --{modality} NAME")
    if model is not None:
        if spec is not None and choice.model not in (None, model):
            raise BadConfig(
                f"--{modality} names the model {choice.model!r} and --model {model!r}; give one"
            )
        choice = choice._replace(model=model)
    named: Any = {
        **choice.configuration,
        "binding": choice.binding,
        "model": choice.model,
        "runs": choice.runs,
    }
    return Client(**{modality: named})


def default_choice(modality: str) -> Choice | None:
    """Return what the user's own ``default.yaml`` names, else what the shipped one does.

    Raises:
        BadConfig: One of the files is wrong.
    """
    from omnibind.config import config_folders, read_config

    for folder in config_folders():
        path = folder / DEFAULTS
        if path.is_file():
            choice = read_config(path).get(modality)
            if choice is not None:
                return choice
    return None

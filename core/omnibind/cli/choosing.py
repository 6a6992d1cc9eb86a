"""Which binding serves a command: the one named, else the one in ``configs/default.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from omnibind.choices import Choice, choice_of
from omnibind.client import Client
from omnibind.contracts.errors import BadConfig

if TYPE_CHECKING:
    from omnibind.config import Config

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
    choices = default_choices(modality) if spec is None else (choice_of(spec, modality),)
    if not choices:
        raise BadConfig(f"no {modality} binding is named; give --{modality} NAME")
    if model is not None:
        named = choices[0]
        if spec is not None and named.model not in (None, model):
            raise BadConfig(
                f"--{modality} names the model {named.model!r} and --model {model!r}; give one"
            )
        choices = (named._replace(model=model),)
    arguments: Any = {modality: [_spec(choice) for choice in choices], **default_settings()}
    return Client(**arguments)


def _spec(choice: Choice) -> dict[str, Any]:
    return {
        **choice.configuration,
        "binding": choice.binding,
        "model": choice.model,
        "runs": choice.runs,
        "consent": choice.consent,
    }


def default_choices(modality: str) -> tuple[Choice, ...]:
    """Return what the user's own ``default.yaml`` names, else what the shipped one does.

    Raises:
        BadConfig: One of the files is wrong.
    """
    return next((found for file in _files() if (found := file.choices.get(modality))), ())


def default_settings() -> dict[str, Any]:
    """Return what holds for all calls, as the same files say.

    Raises:
        BadConfig: One of the files is wrong.
    """
    return next((file.settings for file in _files() if file.settings), {})


def _files() -> Iterator[Config]:
    from omnibind.config import config_folders, read_config

    for folder in config_folders():
        path = folder / DEFAULTS
        if path.is_file():
            yield read_config(path)

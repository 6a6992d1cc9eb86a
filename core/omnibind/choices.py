"""Which binding serves a modality, as a user names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import BadConfig
from omnibind.contracts.secret import Secret, is_secret

MODALITIES = tuple(CONTRACTS)

Spec = str | Mapping[str, Any]
"""One binding: ``"NAME"``, ``"NAME/MODEL"`` or ``{"binding": "NAME", …}``."""

Specs = Spec | Sequence[Spec]
"""One binding, or several in the order in which they are tried."""


class Choice(NamedTuple):
    """A binding, its model and its configuration, as named by the user.

    Attributes:
        binding: A name, ``origin:name`` or the path of a folder.
        model: The model, or None for the configured or default one.
        runs: Where it runs, or None for what its manifest says.
        consent: Whether the people whose recordings are given as voices permit that.
        stays: ``keep_alive_s`` and ``pinned``, where they were given.
        configuration: The constructor's keyword arguments.
        env_file: A ``.env`` file that may hold its key.
    """

    binding: str
    model: str | None = None
    runs: str | None = None
    configuration: Mapping[str, Any] = {}
    consent: bool = False
    stays: Mapping[str, Any] = {}
    env_file: str | None = None


def choices_of(spec: Any, modality: str) -> tuple[Choice, ...]:
    """Read one modality's spelling: one binding, or several in the order to be tried.

    Raises:
        BadConfig: It is neither, is empty, or names a binding twice.
    """
    if not isinstance(spec, (list, tuple)) or isinstance(spec, Choice):
        return (choice_of(spec, modality),)
    choices = tuple(choice_of(one, modality) for one in spec)
    if not choices:
        raise BadConfig(f"{modality} is an empty list; name a binding, or leave it out")
    for number, choice in enumerate(choices):
        if choice in choices[:number]:
            raise BadConfig(f"{modality} names {choice.binding!r} twice; name each once")
    return choices


def choice_of(spec: Any, modality: str) -> Choice:
    """Read one binding's spelling: ``"piper"``, ``"piper/MODEL"`` or a mapping.

    Raises:
        BadConfig: It is none of these.
    """
    if isinstance(spec, str):
        return _from_text(spec, modality)
    if isinstance(spec, Mapping):
        values = dict(hidden(spec))
        binding = values.pop("binding", None)
        if not isinstance(binding, str):
            raise BadConfig(f"{modality}={values!r} names no binding; give 'binding': 'NAME'")
        named = _from_text(binding, modality)
        model, runs = values.pop("model", named.model), values.pop("runs", None)
        if named.model not in (None, model):
            raise BadConfig(f"{modality} names both {named.model!r} and {model!r}; give one model")
        consent = values.pop("consent", None)
        if consent is not None and not isinstance(consent, bool):
            raise BadConfig(f"'consent' of {modality} is {consent!r}; give true or false")
        env_file = values.pop("env_file", None)
        for name, value in (("model", model), ("runs", runs), ("env_file", env_file)):
            if value is not None and not isinstance(value, str):
                raise BadConfig(f"{name!r} of {modality} is {value!r}; give a str")
        stays = _stays(values, modality)
        return Choice(named.binding, model, runs, values, consent is True, stays, env_file)
    raise BadConfig(
        f"{modality} is {spec!r}; give 'NAME', 'NAME/MODEL' or {{'binding': 'NAME', …}}"
    )


def hidden(spec: Any) -> Any:
    """Return a spelling with secrets in the place of its keys, which tracebacks may show.

    Raises:
        BadConfig: A key can't be one.
    """
    if isinstance(spec, (list, tuple)) and not isinstance(spec, Choice):
        return [hidden(one) for one in spec]
    if not isinstance(spec, Mapping):
        return spec
    values = dict(spec)
    for name, value in values.items():
        if isinstance(value, str) and is_secret(str(name)):
            try:
                values[name] = Secret(value)
            except ValueError as wrong:
                raise BadConfig(f"{name!r} can't be used: {wrong}") from None
    return values


def _stays(values: dict[str, Any], modality: str) -> dict[str, Any]:
    """Take how long the engine stays in memory out of a configuration, checked."""
    stays: dict[str, Any] = {}
    if "keep_alive_s" in values:
        from omnibind.running.residence import keep_alive_of

        stays["keep_alive_s"] = keep_alive_of(values.pop("keep_alive_s"))
    if "pinned" in values:
        stays["is_pinned"] = pinned = values.pop("pinned")
        if not isinstance(pinned, bool):
            raise BadConfig(f"'pinned' of {modality} is {pinned!r}; give true or false")
    return stays


def _from_text(text: str, modality: str) -> Choice:
    from omnibind.contracts.binding import is_path

    if is_path(text):
        return Choice(text)
    binding, slash, model = text.partition("/")
    if not binding.strip() or (slash and not model.strip()):
        raise BadConfig(f"{modality}={text!r} names nothing; give 'NAME' or 'NAME/MODEL'")
    return Choice(binding, model or None)

"""``MODALITY/NAME[/MODEL]``: how bindings and models are named on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from omnibind.choices import MODALITIES
from omnibind.contracts.binding import is_path
from omnibind.contracts.errors import BadInput, suggest
from omnibind.managers import MANAGERS, BindingManager
from omnibind.managers.finding import Name


class Named(NamedTuple):
    """A binding, or a model of it.

    Attributes:
        modality: ``tts``, …
        binding: A name, ``origin:name`` or the path of a folder.
        model: The model, or None where none was named.
    """

    modality: str
    binding: str
    model: str | None = None

    @property
    def manager(self) -> BindingManager[Any]:
        """The manager of its modality."""
        return MANAGERS[self.modality]()

    @property
    def label(self) -> str:
        """``tts/piper``, whichever way it was named."""
        return label_of(self.modality, self.binding)


def label_of(modality: str, binding: str) -> str:
    """Return ``tts/piper`` for ``piper``, ``user:piper`` and ``~/bindings/tts/piper``."""
    return f"{modality}/{Path(Name.parse(binding).name).name}"


def parse_name(text: str, form: str) -> Named:
    """Read ``MODALITY``, ``MODALITY/NAME``, ``MODALITY/NAME/MODEL`` or a folder's path.

    Args:
        text: As typed.
        form: What the command takes, for example ``MODALITY/NAME[/MODEL]``.

    Returns:
        The name; its ``binding`` is empty for a modality alone.

    Raises:
        BadInput: It isn't of that form, or there is no such modality.
    """
    if is_path(text) and "NAME" in form:
        folder = Path(text).expanduser().absolute()
        modality, binding, model = folder.parent.name, str(folder), ""
    else:
        modality, _, rest = text.strip("/").partition("/")
        binding, _, model = rest.partition("/")
    if modality not in MODALITIES:
        raise BadInput(
            f"{text!r} is not {form}; {modality!r} is no modality, {suggest(modality, MODALITIES)}"
        )
    if model and "MODEL" not in form:
        raise BadInput(f"{text!r} names a model; give {form}")
    wanted = form.partition("[")[0]
    if ("NAME" in wanted and not binding) or ("MODEL" in wanted and not model):
        raise BadInput(f"{text!r} is not {form}; see omnibind {_list_of(form)} {modality}")
    return Named(modality, binding, model or None)


def _list_of(form: str) -> str:
    return "models" if "MODEL" in form else "bindings"

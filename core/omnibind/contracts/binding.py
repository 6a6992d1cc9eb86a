"""What every binding is, whatever its modality."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from omnibind.contracts.errors import NotSupported, WeightsMissing

if TYPE_CHECKING:
    from typing_extensions import Self

    from omnibind.contracts.options import Schema


class Progress(NamedTuple):
    """How far a call is.

    Attributes:
        fraction: Done so far, 0..1; None where it isn't known.
        step: What is being done ("denoising 12/30").
        message: Anything more for a person to read.
    """

    fraction: float | None = None
    step: str | None = None
    message: str | None = None


class Listener(Protocol):
    """Who hears how far a call is, and may end it."""

    def report(self, progress: Progress, /) -> None:
        """Take note; raises ``Cancelled`` or ``DeadlineExceeded`` where the call is over."""


def is_path(text: str) -> bool:
    """Tell whether something was named by its path: absolute, or beginning with ``.`` or ``~``."""
    return text[:1] in (".", "~") or Path(text).is_absolute()


CURRENT_CALL: ContextVar[Listener | None] = ContextVar("omnibind_call", default=None)
"""The call that the code of a binding works for; set by what runs it."""


class Binding(ABC):
    """One engine or one remote service behind one contract.

    A subclass declares its configuration as keyword-only, annotated parameters of ``__init__`` and
    its options as those of the contract's verb. The constructor touches neither disk, network nor
    GPU; :meth:`load` does the heavy imports and reads the weights.
    """

    modality: ClassVar[str]
    verb: ClassVar[str]
    subject: ClassVar[tuple[str, ...]]
    output: ClassVar[str]
    """What the verb makes, in one word: speech, image, text, …"""
    unit: ClassVar[str]
    """What its speed is counted in, in the plural: characters, pictures, s of sound, …"""
    powers: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Verbs that a binding may define beside its own, with what they take by position."""

    _name: str = ""
    _catalogue: tuple[str, ...] = ()
    _find_weights: Callable[[str], Path] | None = None
    _configuration: dict[str, Any]

    def __new__(cls, *args: Any, **configuration: Any) -> Self:
        """Remember the configuration as given, for settings and for messages."""
        self = super().__new__(cls)
        self._configuration = configuration
        return self

    @property
    def binding_name(self) -> str:
        """The folder's name, or the name registered in code."""
        parts = type(self).__module__.split(".")
        is_folder = len(parts) > 2 and parts[-1] == "binding"
        return self._name or (parts[-2] if is_folder else type(self).__name__)

    def load(self) -> None:
        """Import the engine and read its weights; calling it again changes nothing."""

    def unload(self) -> None:
        """Let go of the weights; a later :meth:`load` brings them back."""

    def catalogue(self) -> list[str]:
        """Return the models that the folder's ``models.yaml`` lists, in its order.

        Empty for a binding that was registered in code or constructed directly.
        """
        return list(self._catalogue)

    def weights(self, model: str) -> Path:
        """Return the folder that holds ``model``'s files, all present and checked.

        Args:
            model: A name from the catalogue; where the manifest says ``repositories``, one of the
                hub; or the path of a folder or file of the user's own, which is returned
                (:func:`is_path`).

        Raises:
            WeightsMissing: They aren't here; ends with the command that fetches them.
            WeightsDamaged: A file isn't what the catalogue says.
            UnknownModel: The binding's catalogue has no such model.
        """
        if self._find_weights is None:
            name = f"{self.modality}/{self.binding_name}"
            raise WeightsMissing(
                f"{name} was constructed directly and can't look up the weights of {model!r}; "
                f"create it through its manager or omnibind.Client",
                command=f"omnibind pull {name}/{model}",
            )
        return self._find_weights(model)

    def report(
        self, fraction: float | None = None, step: str | None = None, message: str | None = None
    ) -> None:
        """Tell how far a call is; the place to be called often in a long computation.

        Args:
            fraction: Done so far, 0..1, or None where it isn't known.
            step: A short name of what is being done ("denoising 12/30").
            message: Anything more for a person to read.

        Raises:
            Cancelled: The caller cancelled the call.
            DeadlineExceeded: The call's time is over.
        """
        call = CURRENT_CALL.get()
        if call is not None:
            call.report(Progress(fraction, step, message))

    def options_for(self, model: str | None = None) -> Schema:
        """Return the options that ``model`` has; only open bindings define it.

        Raises:
            NotSupported: The binding's options don't depend on the model.
        """
        raise NotSupported(f"the options of {self.binding_name} don't depend on the model")

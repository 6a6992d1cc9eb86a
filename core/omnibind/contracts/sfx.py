"""Text to sound: effects, not speech and not music."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from omnibind.contracts.binding import Binding


class SFXBinding(Binding):
    """An engine that makes sound effects."""

    modality: ClassVar[str] = "sfx"
    verb: ClassVar[str] = "generate_sound"
    subject: ClassVar[tuple[str, ...]] = ("prompt",)
    output: ClassVar[str] = "sound"
    unit: ClassVar[str] = "s of sound"

    @abstractmethod
    def generate_sound(self, prompt: str, *args: Any, **options: Any) -> bytes:
        """Make the sound that ``prompt`` describes.

        Args:
            prompt: The description; never blank.
            args: None are passed.
            options: Those that the binding declares. ``duration_s`` is seconds where it does, and
                None, its default, is as long as the engine finds right.

        Returns:
            An encoded sound, as ``Audio`` or ``bytes``.
        """

    @abstractmethod
    def list_models(self, *args: Any, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""

"""Text to music."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from omnibind.contracts.binding import Binding


class TTMBinding(Binding):
    """An engine that composes."""

    modality: ClassVar[str] = "ttm"
    verb: ClassVar[str] = "generate_music"
    subject: ClassVar[tuple[str, ...]] = ("prompt",)
    output: ClassVar[str] = "music"
    unit: ClassVar[str] = "s of sound"

    @abstractmethod
    def generate_music(self, prompt: str, *args: Any, **options: Any) -> bytes:
        """Compose what ``prompt`` describes.

        Args:
            prompt: The description; never blank.
            args: None are passed.
            options: Those that the binding declares.

        Returns:
            An encoded sound, as ``Audio`` or ``bytes``.
        """

    @abstractmethod
    def list_models(self, *args: Any, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""

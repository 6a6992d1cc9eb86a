"""Text to video."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from omnibind.contracts.binding import Binding


class TTVBinding(Binding):
    """An engine that films."""

    modality: ClassVar[str] = "ttv"
    verb: ClassVar[str] = "generate_video"
    subject: ClassVar[tuple[str, ...]] = ("prompt",)
    powers: ClassVar[dict[str, tuple[str, ...]]] = {"sync_lips": ("video", "sound")}
    output: ClassVar[str] = "video"
    unit: ClassVar[str] = "s of video"

    @abstractmethod
    def generate_video(self, prompt: str, *args: Any, **options: Any) -> bytes:
        """Film what ``prompt`` describes.

        Args:
            prompt: The description; never blank.
            args: None are passed.
            options: Those that the binding declares.

        Returns:
            An encoded video, as ``Video`` or ``bytes``.
        """

    @abstractmethod
    def list_models(self, *args: Any, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""

    def list_concepts(self, *args: Any, **options: Any) -> list[str]:
        """Return the moves of the camera that a call can name; by default there are none."""
        return []

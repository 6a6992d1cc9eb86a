"""Text to speech."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from omnibind.contracts.binding import Binding


class TTSBinding(Binding):
    """An engine that speaks."""

    modality: ClassVar[str] = "tts"
    verb: ClassVar[str] = "generate_audio"
    subject: ClassVar[tuple[str, ...]] = ("text", "voice")

    @abstractmethod
    def generate_audio(
        self, text: str, voice: str | None = None, *args: Any, **options: Any
    ) -> bytes:
        """Speak ``text``.

        Args:
            text: What to say; never blank, free of control characters.
            voice: A name from :meth:`list_voices`; None is the binding's default.
            args: None are passed.
            options: Those that the binding declares.

        Returns:
            An encoded sound, as ``Audio`` or ``bytes``.

        Raises:
            UnknownVoice: There is no such voice.
        """

    @abstractmethod
    def list_voices(self, *args: Any, **options: Any) -> list[str]:
        """Return the voices that can be used now or after a pull, sorted."""

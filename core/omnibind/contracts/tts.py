"""Text to speech."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from omnibind.contracts.binding import Binding


class Voice(NamedTuple):
    """One voice; what isn't known of it is None.

    Attributes:
        name: What a call names it by.
        language: A BCP 47 tag.
        gender: As it sounds: ``female``, ``male`` or ``neutral``.
        label: What people call it, where ``name`` is an id.
    """

    name: str
    language: str | None = None
    gender: str | None = None
    label: str | None = None


class TTSBinding(Binding):
    """An engine that speaks.

    A binding may also define, with the options of its verb:

    - ``stream_audio(text, voice=None, *, …)``, a generator of ``AudioChunk``, numbered from 0 and
      alike in rate, channels and type. What it returns at its end, if not None, is the whole
      ``Audio``; else the pieces are joined. It does nothing before it is asked for a piece, and
      nothing after ``close()``. Without it a text is spoken sentence by sentence.
    - ``generate_audio_batch(texts, voice=None, *, …)``, which gives a result for each text.
    - ``generate_audio_flow`` in place of the verb, an ``async def`` that awaits only effects; or
      ``generate_audio_async`` beside it, which an event loop awaits.
    """

    modality: ClassVar[str] = "tts"
    verb: ClassVar[str] = "generate_audio"
    subject: ClassVar[tuple[str, ...]] = ("text", "voice")
    output: ClassVar[str] = "speech"
    unit: ClassVar[str] = "characters"

    _voice_facts: Mapping[str, Voice] = {}

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

    def list_models(self, *args: Any, **options: Any) -> list[str]:
        """Return the models that can be used; by default those of the catalogue."""
        return self.catalogue()

    def voices(self) -> list[Voice]:
        """Return the voices of :meth:`list_voices` with what is known of them.

        Override where the engine itself knows more than the folder's ``models.yaml``.
        """
        return [self._voice_facts.get(name) or Voice(name) for name in self.list_voices()]

"""Speech to text."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from omnibind.contracts.binding import Binding
from omnibind.contracts.media import AudioInput


class STTBinding(Binding):
    """An engine that writes down what was said.

    A binding may also define, with the options of its verb:

    - ``stream_transcript(audio_path, model=None, *, …)``, a generator of ``Segment`` as they are
      heard. What it returns at its end, if not None, is the whole ``Transcript``; else the segments
      are joined. It does nothing before it is asked for one, and nothing after ``close()``.
    - ``transcribe_audio_batch(audio_paths, model=None, *, …)``, which gives a result for each.
    - ``transcribe_audio_flow`` in place of the verb, an ``async def`` that awaits only effects; or
      ``transcribe_audio_async`` beside it, which an event loop awaits.
    """

    modality: ClassVar[str] = "stt"
    verb: ClassVar[str] = "transcribe_audio"
    subject: ClassVar[tuple[str, ...]] = ("audio_path", "model")
    output: ClassVar[str] = "text"
    unit: ClassVar[str] = "s of sound"

    @abstractmethod
    def transcribe_audio(
        self, audio_path: AudioInput, model: str | None = None, *args: Any, **options: Any
    ) -> str:
        """Write down the speech in ``audio_path``.

        Args:
            audio_path: A path, bytes, ``(array, sample_rate)``, a file object or a ``Source``;
                ``Source.of(audio_path)`` opens any of them.
            model: A name from :meth:`list_models`; None is the binding's default.
            args: None are passed.
            options: Those that the binding declares.

        Returns:
            The words, as ``Transcript`` with segments and language, or ``str``.

        Raises:
            BadInput: The sound can't be read.
            UnknownModel: There is no such model.
        """

    @abstractmethod
    def list_models(self, *args: Any, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""

"""The handle of speech to text."""

from __future__ import annotations

from typing import Any, ClassVar

from omnibind.calls.journey import MAX_RESULT_BYTES
from omnibind.contracts.errors import BadInput, BadOption
from omnibind.contracts.media import AudioInput, Meta, Source, Transcript
from omnibind.contracts.options import KINDS, OptionType
from omnibind.contracts.stt import STTBinding
from omnibind.modalities.handle import Handle


class SpeechToText(Handle[STTBinding, Transcript]):
    """Writes down speech with one binding."""

    modality: ClassVar[str] = "stt"
    _result = Transcript

    def transcribe_audio(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        verify: bool = True,
        max_result_bytes: int = MAX_RESULT_BYTES,
        **options: Any,
    ) -> Transcript:
        """Write down the speech in a sound.

        Args:
            audio_path: A path, bytes, ``(array, sample_rate)``, a file object or a ``Source``.
            model: A name from :meth:`list_models`; None is the binding's configured one.
            verify: False skips the verification of the output.
            max_result_bytes: A larger result is refused.
            options: Those that the binding declares; see ``omnibind describe stt/NAME``.

        Raises:
            BadInput: The sound can't be read.
            UnknownModel: The binding has no such model.
            UnknownOption: The binding has no such option.
            BadOption: A value has a wrong type or is out of range.
            NotReady: Something must be mended first; the message ends with the command.
            CallFailed: The engine failed.
        """
        try:
            KINDS["audio"].check(audio_path, OptionType("audio"))
        except ValueError as error:
            raise BadInput(f"the sound can't be read: {error}") from None
        source = Source.of(audio_path, "audio")
        _ = source.media_type  # a missing or wrong file is told before an engine is loaded
        if model is None:
            subject: tuple[Any, ...] = (source,)
        elif isinstance(model, str):
            subject = (source, model)
        else:
            raise BadOption(f"the model is {model!r}; give a str, a name from list_models()")
        return self._call(subject, options, verify, max_result_bytes, Meta(model=model))

    def list_models(self, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""
        models: list[str] = self._ask("list_models", options)
        return models

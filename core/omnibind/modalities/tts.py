"""The handle of text to speech."""

from __future__ import annotations

from typing import Any, ClassVar

from omnibind.calls.journey import MAX_RESULT_BYTES
from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Audio, Meta
from omnibind.contracts.tts import TTSBinding
from omnibind.modalities.handle import Handle


class TextToSpeech(Handle[TTSBinding, Audio]):
    """Speaks with one binding."""

    modality: ClassVar[str] = "tts"
    _result = Audio

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        verify: bool = True,
        max_result_bytes: int = MAX_RESULT_BYTES,
        **options: Any,
    ) -> Audio:
        """Speak ``text``.

        Args:
            text: What to say; control characters are left out.
            voice: A name from :meth:`list_voices`; None is the binding's default.
            verify: False skips the verification of the output.
            max_result_bytes: A larger result is refused.
            options: Those that the binding declares; see ``omnibind describe tts/NAME``.

        Raises:
            BadInput: The text is blank or too long.
            UnknownVoice: The binding has no such voice.
            UnknownOption: The binding has no such option.
            BadOption: A value has a wrong type or is out of range.
            NotReady: Something must be mended first; the message ends with the command.
            BadOutput: What came back isn't usable; it is kept in ``.result``.
            CallFailed: The engine failed.
        """
        text = self._text(text, "text")
        if voice is None:
            subject: tuple[str, ...] = (text,)
        elif isinstance(voice, str):
            subject = (text, voice)
        else:
            raise BadOption(f"the voice is {voice!r}; give a str, a name from list_voices()")
        return self._call(subject, options, verify, max_result_bytes, Meta(characters=len(text)))

    def list_voices(self, **options: Any) -> list[str]:
        """Return the voices that can be used now or after a pull."""
        voices: list[str] = self._ask("list_voices", options)
        return voices

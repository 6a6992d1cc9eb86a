"""Granite Speech, whose processor has no transcription request: the words of its model card.

Source: transformers 5.23, ``GraniteSpeechProcessor``; the model card of ibm-granite's
granite-speech-3.3-2b.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .listening import Samples

KINDS = ("granite_speech", "granite_speech_plus")
ORDER = "can you transcribe the speech into a written format?"


class GraniteSpeech:
    """Its processor, with a transcription request as others have it."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.tokenizer = processor.tokenizer
        self.feature_extractor = processor.audio_processor

    def apply_transcription_request(self, audio: Samples, return_tensors: str) -> Any:
        """Return what the model is given for a sound."""
        chat = [{"role": "user", "content": f"{self._processor.audio_token}{ORDER}"}]
        text = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return self._processor(text, audio, return_tensors=return_tensors)

    def decode(self, ids: Any, **options: Any) -> Any:
        """Return the texts of tokens, shape (texts, tokens)."""
        return self._processor.decode(ids, **options)

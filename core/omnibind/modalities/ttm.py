"""The handle of text to music."""

from __future__ import annotations

from typing import Any, ClassVar

from omnibind.calls.journey import MAX_RESULT_BYTES
from omnibind.contracts.media import Audio, Meta
from omnibind.contracts.ttm import TTMBinding
from omnibind.modalities.handle import Handle


class TextToMusic(Handle[TTMBinding, Audio]):
    """Composes with one binding."""

    modality: ClassVar[str] = "ttm"
    _result = Audio

    def generate_music(
        self,
        prompt: str,
        *,
        verify: bool = True,
        max_result_bytes: int = MAX_RESULT_BYTES,
        **options: Any,
    ) -> Audio:
        """Compose what ``prompt`` describes.

        Args:
            prompt: The description.
            verify: False skips the verification of the output.
            max_result_bytes: A larger result is refused.
            options: Those that the binding declares; see ``omnibind describe ttm/NAME``.

        Raises:
            BadInput: The prompt is blank or too long.
            UnknownOption: The binding has no such option.
            BadOption: A value has a wrong type or is out of range.
            NotReady: Something must be mended first; the message ends with the command.
            BadOutput: What came back isn't usable; it is kept in ``.result``.
            CallFailed: The engine failed.
        """
        prompt = self._text(prompt, "prompt")
        return self._call((prompt,), options, verify, max_result_bytes, Meta())

    def list_models(self, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""
        models: list[str] = self._ask("list_models", options)
        return models

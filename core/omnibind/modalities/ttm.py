"""The handles of text to music."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from omnibind.contracts.media import Audio
from omnibind.contracts.ttm import TTMBinding
from omnibind.modalities.handle import AsyncHandle, BlockingHandle, Handle
from omnibind.modalities.prompts import NO_FACTS, each_prompted, prompted


class _Composing(Handle[TTMBinding, Audio]):
    modality: ClassVar[str] = "ttm"
    _verb: ClassVar[str] = "generate_music"
    _names: ClassVar[tuple[str, ...]] = ("prompt",)
    _result = Audio


class TextToMusic(_Composing, BlockingHandle[TTMBinding, Audio]):
    """Composes with its bindings."""

    def generate_music(self, prompt: str, **options: Any) -> Audio:
        """Compose what ``prompt`` describes.

        Args:
            prompt: The description.
            options: Those that the binding declares (``omnibind describe ttm/NAME``), and the call
                controls of :mod:`omnibind.calls.controls` (``timeout_s``, ``verify``, …).

        Raises:
            BadInput: The prompt is blank or too long.
            UnknownOption: The binding has no such option.
            BadOption: A value has a wrong type or is out of range.
            NotReady: Something must be mended first; the message ends with the command.
            ContentRefused: The service declined the prompt.
            BadOutput: What came back isn't usable; it is kept in ``.result``.
            DeadlineExceeded: It took more than ``timeout_s``.
            CallFailed: The engine failed; ``AllFailed`` where several bindings did.
        """
        return self._call(prompted(prompt), options, NO_FACTS)

    def generate_music_batch(self, prompts: Iterable[str], **options: Any) -> list[Audio]:
        """Compose several prompts, in order.

        Args:
            prompts: The descriptions.
            options: As for :meth:`generate_music`; ``return_errors=True`` puts an error in the
                place of each prompt that failed.
        """
        return self._batch(each_prompted(self._each(prompts, "prompts")), options)


class AsyncTextToMusic(_Composing, AsyncHandle[TTMBinding, Audio]):
    """Composes with its bindings; see :class:`TextToMusic` for arguments and errors."""

    async def generate_music(self, prompt: str, **options: Any) -> Audio:
        """Compose what ``prompt`` describes; see :meth:`TextToMusic.generate_music`."""
        return await self._call(prompted(prompt), options, NO_FACTS)

    async def generate_music_batch(self, prompts: Iterable[str], **options: Any) -> list[Audio]:
        """Compose several prompts; see :meth:`TextToMusic.generate_music_batch`."""
        return await self._batch(each_prompted(self._each(prompts, "prompts")), options)

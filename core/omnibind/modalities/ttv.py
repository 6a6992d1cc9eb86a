"""The handles of text to video."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from omnibind.contracts.media import Video
from omnibind.contracts.ttv import TTVBinding
from omnibind.modalities.handle import AsyncHandle, BlockingHandle, Handle
from omnibind.modalities.prompts import NO_FACTS, each_prompted, prompted


class _Filming(Handle[TTVBinding, Video]):
    modality: ClassVar[str] = "ttv"
    _verb: ClassVar[str] = "generate_video"
    _names: ClassVar[tuple[str, ...]] = ("prompt",)
    _result = Video


class TextToVideo(_Filming, BlockingHandle[TTVBinding, Video]):
    """Films with its bindings."""

    def generate_video(self, prompt: str, **options: Any) -> Video:
        """Film what ``prompt`` describes.

        Args:
            prompt: The description.
            options: Those that the binding declares (``omnibind describe ttv/NAME``), and the call
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

    def generate_video_batch(self, prompts: Iterable[str], **options: Any) -> list[Video]:
        """Film several prompts, in order.

        Args:
            prompts: The descriptions.
            options: As for :meth:`generate_video`; ``return_errors=True`` puts an error in the
                place of each prompt that failed.
        """
        return self._batch(each_prompted(self._each(prompts, "prompts")), options)

    def list_models(self, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""
        models: list[str] = self._ask("list_models", options)
        return models


class AsyncTextToVideo(_Filming, AsyncHandle[TTVBinding, Video]):
    """Films with its bindings; see :class:`TextToVideo` for arguments and errors."""

    async def generate_video(self, prompt: str, **options: Any) -> Video:
        """Film what ``prompt`` describes; see :meth:`TextToVideo.generate_video`."""
        return await self._call(prompted(prompt), options, NO_FACTS)

    async def generate_video_batch(self, prompts: Iterable[str], **options: Any) -> list[Video]:
        """Film several prompts; see :meth:`TextToVideo.generate_video_batch`."""
        return await self._batch(each_prompted(self._each(prompts, "prompts")), options)

    async def list_models(self, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""
        models: list[str] = await self._ask("list_models", options)
        return models

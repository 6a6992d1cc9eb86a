"""The handles of text to video."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from omnibind.calls.call import Call
from omnibind.calls.driver import Flow, arun, run
from omnibind.contracts.media import AudioInput, Video, VideoInput
from omnibind.contracts.ttv import TTVBinding
from omnibind.modalities.handle import AsyncHandle, BlockingHandle, Handle
from omnibind.modalities.prompts import NO_FACTS, each_prompted, filmed_and_heard, prompted


class _Filming(Handle[TTVBinding, Video]):
    modality: ClassVar[str] = "ttv"
    _verb: ClassVar[str] = "generate_video"
    _names: ClassVar[tuple[str, ...]] = ("prompt",)
    _result = Video

    def _synced_of(
        self, video: VideoInput, sound: AudioInput, options: dict[str, Any]
    ) -> tuple[Flow[Video], Call[Any]]:
        """Return the flow that makes lips move as a sound says, and its call."""
        subject = filmed_and_heard(video, sound)
        request, call = self._prepared(subject, options, NO_FACTS, reads=True)
        request = request._replace(verb="sync_lips", names=("video", "sound"))
        return self._served(request, call), call


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

    def sync_lips(self, video: VideoInput, sound: AudioInput, **options: Any) -> Video:
        """Make the lips in a video move as a sound says.

        Args:
            video: A ``Video``, a path, bytes, a file object or a ``Source``; some services take
                only what they made themselves, or ``Source.url(…)``.
            sound: A path, bytes, ``Audio``, a file object or a ``Source``.
            options: Those that the binding declares for this verb, and the call controls.

        Raises:
            BadInput: The video or the sound can't be used.
            NotOffered: The binding can't do this.
            UnknownOption: The binding has no such option.
            CallFailed: As for :meth:`generate_video`.
        """
        return run(*self._synced_of(video, sound, options))

    def list_concepts(self, **options: Any) -> list[str]:
        """Return the moves of the camera that a call can name, where the binding has any."""
        concepts: list[str] = self._ask("list_concepts", options)
        return concepts


class AsyncTextToVideo(_Filming, AsyncHandle[TTVBinding, Video]):
    """Films with its bindings; see :class:`TextToVideo` for arguments and errors."""

    async def generate_video(self, prompt: str, **options: Any) -> Video:
        """Film what ``prompt`` describes; see :meth:`TextToVideo.generate_video`."""
        return await self._call(prompted(prompt), options, NO_FACTS)

    async def generate_video_batch(self, prompts: Iterable[str], **options: Any) -> list[Video]:
        """Film several prompts; see :meth:`TextToVideo.generate_video_batch`."""
        return await self._batch(each_prompted(self._each(prompts, "prompts")), options)

    async def sync_lips(self, video: VideoInput, sound: AudioInput, **options: Any) -> Video:
        """Make lips move as a sound says; see :meth:`TextToVideo.sync_lips`."""
        return await arun(*self._synced_of(video, sound, options))

    async def list_concepts(self, **options: Any) -> list[str]:
        """Return the moves of the camera that a call can name, where the binding has any."""
        concepts: list[str] = await self._ask("list_concepts", options)
        return concepts

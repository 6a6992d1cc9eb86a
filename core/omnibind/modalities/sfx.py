"""The handles of text to sound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from omnibind.contracts.media import Audio
from omnibind.contracts.sfx import SFXBinding
from omnibind.modalities.handle import NOT_GIVEN, AsyncHandle, BlockingHandle, Handle, NotGiven
from omnibind.modalities.prompts import NO_FACTS, each_prompted, prompted, with_named


class _Sounding(Handle[SFXBinding, Audio]):
    modality: ClassVar[str] = "sfx"
    _verb: ClassVar[str] = "generate_sound"
    _names: ClassVar[tuple[str, ...]] = ("prompt",)
    _result = Audio


class TextToSound(_Sounding, BlockingHandle[SFXBinding, Audio]):
    """Makes sound effects with its bindings."""

    def generate_sound(
        self, prompt: str, duration_s: float | NotGiven | None = NOT_GIVEN, **options: Any
    ) -> Audio:
        """Make the sound that ``prompt`` describes.

        Args:
            prompt: The description.
            duration_s: Seconds, where the binding has it; None, and not given, is as long as the
                engine finds right.
            options: Those that the binding declares (``omnibind describe sfx/NAME``), and the call
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
        return self._call(prompted(prompt), with_named(options, duration_s=duration_s), NO_FACTS)

    def generate_sound_batch(self, prompts: Iterable[str], **options: Any) -> list[Audio]:
        """Make the sounds of several prompts, in order.

        Args:
            prompts: The descriptions.
            options: As for :meth:`generate_sound`; ``return_errors=True`` puts an error in the
                place of each prompt that failed.
        """
        return self._batch(each_prompted(self._each(prompts, "prompts")), options)


class AsyncTextToSound(_Sounding, AsyncHandle[SFXBinding, Audio]):
    """Makes sound effects; see :class:`TextToSound` for arguments and errors."""

    async def generate_sound(
        self, prompt: str, duration_s: float | NotGiven | None = NOT_GIVEN, **options: Any
    ) -> Audio:
        """Make what ``prompt`` describes; see :meth:`TextToSound.generate_sound`."""
        options = with_named(options, duration_s=duration_s)
        return await self._call(prompted(prompt), options, NO_FACTS)

    async def generate_sound_batch(self, prompts: Iterable[str], **options: Any) -> list[Audio]:
        """Make several sounds; see :meth:`TextToSound.generate_sound_batch`."""
        return await self._batch(each_prompted(self._each(prompts, "prompts")), options)

"""The handles of text to image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from omnibind.calls.call import Call
from omnibind.calls.choice import Choice
from omnibind.calls.driver import Flow, arun, run
from omnibind.calls.request import Request
from omnibind.calls.streaming import Streaming
from omnibind.calls.streams import AsyncStream, Stream
from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.tti import ServiceInfo, Setting, TTIBinding
from omnibind.modalities.handle import NOT_GIVEN, AsyncHandle, BlockingHandle, Handle, NotGiven
from omnibind.modalities.images import Images, seeds_of
from omnibind.modalities.prompts import (
    NO_FACTS,
    each_prompted,
    prompted,
    shown_and_told,
    with_named,
)


def _change(settings: Mapping[str, Any], options: Mapping[str, Any]) -> Callable[[Any], bool]:
    return lambda binding: bool(binding.set_settings(settings, **options))


def _whole(choice: Choice) -> Sequence[Any]:
    return choice.subject[:1]


def _alone(picture: Image, index: int) -> Sequence[Image]:
    return (picture,)


def _last(pictures: Sequence[Image]) -> Image:
    return pictures[-1]


_STREAMING: Streaming[Image, Image] = Streaming("stream_image", Image, _last, _whole, _alone)


class _Drawing(Handle[TTIBinding, Image]):
    modality: ClassVar[str] = "tti"
    _verb: ClassVar[str] = "generate_image"
    _names: ClassVar[tuple[str, ...]] = ("prompt",)
    _result = Image

    def _several_of(
        self, prompt: str, n: int, options: dict[str, Any]
    ) -> tuple[Flow[Images], Call[Any]]:
        """Return the flow that draws a prompt several times, and its one call."""
        request, call = self._prepared(prompted(prompt), options, NO_FACTS)
        return self._drawn(request, n, call), call

    def _edited_of(
        self, prompt: str, image: ImageInput, options: dict[str, Any]
    ) -> tuple[Flow[Image], Call[Any]]:
        """Return the flow that changes a picture, and its call."""
        request, call = self._prepared(shown_and_told(prompt, image), options, NO_FACTS, reads=True)
        request = request._replace(verb="edit_image", names=("prompt", "image"))
        return self._served(request, call), call

    async def _drawn(self, request: Request, n: int, call: Call[Any]) -> Images:
        candidate = await Run(self._aside, self._first)
        each = seeds_of(n, request.options, candidate.schema)
        if n > 1:  # a seed that is too high is told before the pictures with lower ones are made
            candidate.schema.check(each[-1], candidate.label, BadOption)
        requests = [request._replace(options=options) for options in each]
        return Images(await self._served_each(requests, call))


class TextToImage(_Drawing, BlockingHandle[TTIBinding, Image]):
    """Draws with its bindings."""

    def generate_image(
        self,
        prompt: str,
        negative_prompt: str | NotGiven = NOT_GIVEN,
        width: int | NotGiven = NOT_GIVEN,
        height: int | NotGiven = NOT_GIVEN,
        **options: Any,
    ) -> Image:
        """Draw what ``prompt`` describes.

        Args:
            prompt: The description.
            negative_prompt: What the picture shouldn't show, where the binding has it.
            width: Pixels; not given means the binding's own default.
            height: Pixels; not given means the binding's own default.
            options: Those that the binding declares (``omnibind describe tti/NAME``), and the call
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
        options = with_named(options, negative_prompt=negative_prompt, width=width, height=height)
        return self._call(prompted(prompt), options, NO_FACTS)

    def stream_image(self, prompt: str, **options: Any) -> Stream[Image, Image]:
        """Draw what ``prompt`` describes and show it while it becomes.

        Args:
            prompt: The description.
            options: As for :meth:`generate_image`.

        Returns:
            An iterator of pictures, each nearer to the last one, which alone is whole; of a
            binding that shows none before, that one alone. Once it is exhausted, ``.result`` is
            the whole with its meta. It raises what :meth:`generate_image` does.
        """
        return self._stream(prompted(prompt), options, NO_FACTS, _STREAMING)

    def generate_images(self, prompt: str, n: int = 1, **options: Any) -> Images:
        """Draw what ``prompt`` describes ``n`` times, each with a seed of its own.

        Args:
            prompt: The description.
            n: How many pictures.
            options: As for :meth:`generate_image`; ``seed`` is the first picture's, and each
                further one has the next. Not given, they are drawn by chance. ``timeout_s`` and
                ``budget_usd`` hold for all of them together.

        Raises:
            BadOption: ``n`` isn't a whole number above 0.
        """
        return run(*self._several_of(prompt, n, options))

    def edit_image(
        self,
        prompt: str,
        image: ImageInput,
        mask: ImageInput | NotGiven = NOT_GIVEN,
        strength: float | NotGiven = NOT_GIVEN,
        **options: Any,
    ) -> Image:
        """Draw a picture anew, or the part of it that a mask shows, as ``prompt`` describes.

        Args:
            prompt: The description of the new picture.
            image: A path, bytes, ``Image``, a file object or a ``Source``.
            mask: White where the picture is to change; not given means all of it.
            strength: How far it may change, 0..1; not given means the binding's own default.
            options: Those that the binding declares for this verb, and the call controls.

        Raises:
            BadInput: The prompt is blank or too long, or the picture can't be read.
            NotOffered: The binding can't change pictures.
            UnknownOption: The binding has no such option.
            BadOption: A value has a wrong type or is out of range.
            CallFailed: As for :meth:`generate_image`.
        """
        options = with_named(options, mask=mask, strength=strength)
        return run(*self._edited_of(prompt, image, options))

    def generate_image_batch(self, prompts: Iterable[str], **options: Any) -> list[Image]:
        """Draw several prompts, in order.

        Args:
            prompts: The descriptions.
            options: As for :meth:`generate_image`; ``return_errors=True`` puts an error in the
                place of each prompt that failed.
        """
        return self._batch(each_prompted(self._each(prompts, "prompts")), options)

    def list_services(self, **options: Any) -> list[ServiceInfo]:
        """Return the services that the binding can draw with."""
        services: list[ServiceInfo] = self._ask("list_services", options)
        return services

    def get_settings(self, **options: Any) -> list[Setting]:
        """Return the binding's configuration with its present values."""
        settings: list[Setting] = self._ask("get_settings", options)
        return settings

    def set_settings(self, settings: Mapping[str, Any], **options: Any) -> bool:
        """Change the binding's configuration.

        Returns:
            True if something changed, False if every value was already so.

        Raises:
            BadConfig: A name is unknown or a value is wrong; nothing was changed.
        """
        return self._change(_change(settings, options))


class AsyncTextToImage(_Drawing, AsyncHandle[TTIBinding, Image]):
    """Draws with its bindings; see :class:`TextToImage` for arguments and errors."""

    async def generate_image(
        self,
        prompt: str,
        negative_prompt: str | NotGiven = NOT_GIVEN,
        width: int | NotGiven = NOT_GIVEN,
        height: int | NotGiven = NOT_GIVEN,
        **options: Any,
    ) -> Image:
        """Draw what ``prompt`` describes; see :meth:`TextToImage.generate_image`."""
        options = with_named(options, negative_prompt=negative_prompt, width=width, height=height)
        return await self._call(prompted(prompt), options, NO_FACTS)

    def stream_image(self, prompt: str, **options: Any) -> AsyncStream[Image, Image]:
        """Draw a picture and show it while it becomes; see :meth:`TextToImage.stream_image`."""
        return self._stream(prompted(prompt), options, NO_FACTS, _STREAMING)

    async def generate_images(self, prompt: str, n: int = 1, **options: Any) -> Images:
        """Draw a prompt several times; see :meth:`TextToImage.generate_images`."""
        return await arun(*self._several_of(prompt, n, options))

    async def edit_image(
        self,
        prompt: str,
        image: ImageInput,
        mask: ImageInput | NotGiven = NOT_GIVEN,
        strength: float | NotGiven = NOT_GIVEN,
        **options: Any,
    ) -> Image:
        """Draw a picture anew, or a part of it; see :meth:`TextToImage.edit_image`."""
        options = with_named(options, mask=mask, strength=strength)
        return await arun(*self._edited_of(prompt, image, options))

    async def generate_image_batch(self, prompts: Iterable[str], **options: Any) -> list[Image]:
        """Draw several prompts; see :meth:`TextToImage.generate_image_batch`."""
        return await self._batch(each_prompted(self._each(prompts, "prompts")), options)

    async def list_services(self, **options: Any) -> list[ServiceInfo]:
        """Return the services that the binding can draw with."""
        services: list[ServiceInfo] = await self._ask("list_services", options)
        return services

    async def get_settings(self, **options: Any) -> list[Setting]:
        """Return the binding's configuration with its present values."""
        settings: list[Setting] = await self._ask("get_settings", options)
        return settings

    async def set_settings(self, settings: Mapping[str, Any], **options: Any) -> bool:
        """Change the binding's configuration; see :meth:`TextToImage.set_settings`."""
        return await self._change(_change(settings, options))

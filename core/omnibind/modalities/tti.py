"""The handle of text to image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from omnibind.calls.journey import MAX_RESULT_BYTES
from omnibind.contracts.media import Image, Meta
from omnibind.contracts.tti import ServiceInfo, Setting, TTIBinding
from omnibind.modalities.handle import NOT_GIVEN, Handle, NotGiven


class TextToImage(Handle[TTIBinding, Image]):
    """Draws with one binding."""

    modality: ClassVar[str] = "tti"
    _result = Image

    def generate_image(
        self,
        prompt: str,
        negative_prompt: str | NotGiven = NOT_GIVEN,
        width: int | NotGiven = NOT_GIVEN,
        height: int | NotGiven = NOT_GIVEN,
        *,
        verify: bool = True,
        max_result_bytes: int = MAX_RESULT_BYTES,
        **options: Any,
    ) -> Image:
        """Draw what ``prompt`` describes.

        Args:
            prompt: The description.
            negative_prompt: What the picture shouldn't show, where the binding has it.
            width: Pixels; not given means the binding's own default.
            height: Pixels; not given means the binding's own default.
            verify: False skips the verification of the output.
            max_result_bytes: A larger result is refused.
            options: Those that the binding declares; see ``omnibind describe tti/NAME``.

        Raises:
            BadInput: The prompt is blank or too long.
            UnknownOption: The binding has no such option.
            BadOption: A value has a wrong type or is out of range.
            NotReady: Something must be mended first; the message ends with the command.
            BadOutput: What came back isn't usable; it is kept in ``.result``.
            CallFailed: The engine failed.
        """
        named = {"negative_prompt": negative_prompt, "width": width, "height": height}
        options |= {name: value for name, value in named.items() if value is not NOT_GIVEN}
        prompt = self._text(prompt, "prompt")
        return self._call((prompt,), options, verify, max_result_bytes, Meta())

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
        candidate = self._ready()
        assert isinstance(candidate.binding, TTIBinding)
        assert self._slot is not None
        binding = candidate.binding
        return self._slot.change(lambda: binding.set_settings(settings, **options))

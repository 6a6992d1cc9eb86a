"""Text to image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict

from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import BadConfig
from omnibind.contracts.options import schema_of
from omnibind.contracts.secret import is_secret


class ServiceInfo(TypedDict):
    """One service or engine behind a picture binding."""

    name: str
    caption: str
    help: str


class Setting(TypedDict):
    """One configuration value that can be changed after construction."""

    name: str
    type: str
    value: Any
    options: list[Any]
    help: str


class TTIBinding(Binding):
    """An engine that draws."""

    modality: ClassVar[str] = "tti"
    verb: ClassVar[str] = "generate_image"
    subject: ClassVar[tuple[str, ...]] = ("prompt",)
    output: ClassVar[str] = "image"
    unit: ClassVar[str] = "pictures"
    powers: ClassVar[dict[str, tuple[str, ...]]] = {"edit_image": ("prompt", "image")}

    @abstractmethod
    def generate_image(self, prompt: str, *args: Any, **options: Any) -> bytes:
        """Draw what ``prompt`` describes.

        Args:
            prompt: The description; never blank.
            args: None are passed.
            options: Those that the binding declares.

        Returns:
            An encoded picture, as ``Image`` or ``bytes``.
        """

    def list_models(self, *args: Any, **options: Any) -> list[str]:
        """Return the models that can be used; by default those of the catalogue."""
        return self.catalogue()

    def list_services(self, *args: Any, **options: Any) -> list[ServiceInfo]:
        """Return the services that this binding can draw with; by default itself alone."""
        summary = (type(self).__doc__ or "").strip().partition("\n")[0]
        return [ServiceInfo(name=self.binding_name, caption=self.binding_name, help=summary)]

    def get_settings(self, *args: Any, **options: Any) -> list[Setting]:
        """Return the configuration with its present values; by default the constructor's."""
        schema = schema_of(type(self).__init__, (), self.binding_name)
        return [
            Setting(
                name=option.name,
                type=option.type.kind,
                value=self._configuration.get(option.name, option.default),
                options=list(option.type.choices),
                help=option.help,
            )
            for option in schema.options
            if option.type.kind != "secret" and not is_secret(option.name)
        ]

    def set_settings(self, settings: Mapping[str, Any], *args: Any, **options: Any) -> bool:
        """Change the configuration; the engine is loaded anew before its next use.

        Returns:
            True if something changed, False if every value was already so.

        Raises:
            BadConfig: A name is unknown or a value is wrong; nothing was changed.
        """
        schema = schema_of(type(self).__init__, (), self.binding_name)
        checked = schema.check(
            {**self._configuration, **settings}, f"tti/{self.binding_name}", BadConfig
        )
        present = {option.name: option.default for option in schema.options} | self._configuration
        if all(present[name] == checked[name] for name in settings):
            return False
        self.unload()
        self._configuration = checked
        type(self).__init__(self, **checked)
        return True

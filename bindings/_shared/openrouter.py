"""OpenRouter's service, and what its bindings share.

Source: OpenRouter's API specification, ``/models``, ``/images/models``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from omnibind.contracts.errors import BadReply
from omnibind.contracts.http import Reply
from omnibind.contracts.media import ImageInput
from omnibind.remote.binding import RemoteBinding
from omnibind.remote.replies import picked
from omnibind.remote.uploads import PICTURES, data_uri


class OpenRouter(RemoteBinding):
    """OpenRouter, which passes requests on to other services.

    Attributes:
        listing: The route that lists the models of the modality, and its query.
    """

    host = "https://openrouter.ai/api/v1"
    base_url_names = ("OPENROUTER_BASE_URL",)
    test_path = "/key"
    listing: ClassVar[tuple[str, Mapping[str, str]]] = ("/models", {})

    async def list_models_flow(
        self, *, live: Annotated[bool, "ask the service which ones it has now"] = False
    ) -> list[str]:
        """Return the models that the catalogue lists, or with ``live`` all that there are."""
        if not live:
            return await super().list_models_flow()
        path, query = self.listing
        reply = await self.get(path, query=query)
        return sorted(str(picked(one, "id")) for one in picked(reply.json(), "data"))

    def content(self, reply: Reply) -> dict[str, Any]:
        """Return a reply's JSON.

        Raises:
            OmnibindError: It tells of a failure, which may come with status 200 as well.
        """
        data = reply.json()
        if not isinstance(data, dict):
            raise BadReply(f"{self.label}: the service's reply is no JSON object; try again")
        if data.get("error"):
            raise self.error(reply)
        return data

    def facts_of(self, reply: Reply, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what a reply tells about a call: its id, and what it cost."""
        usage = (data or {}).get("usage") or {}
        return {
            "request_id": reply.headers.get("x-generation-id"),
            "cost_usd": usage.get("cost"),
        }


async def reference(image: ImageInput) -> dict[str, Any]:
    """Return a picture as a part of a request."""
    url = await data_uri(image, "image", formats=PICTURES, name="image")
    return {"type": "image_url", "image_url": {"url": url}}

"""What is known about how a result was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from omnibind.contracts.media.recipe import Recipe


class Meta(NamedTuple):
    """How a result was made; what isn't known is None, never a zero.

    Attributes:
        binding: The binding that served the call, as ``modality/name``.
        model: The model that it used.
        seed: The seed that makes the same result again.
        seconds: Wall-clock seconds that the engine worked.
        cost_usd: What the call cost, in US dollars.
        cost_basis: How the cost is known: the service said so, or a price list with its date.
        license: The licence of the weights.
        characters: Characters of text that were spoken or charged.
        revised_prompt: The prompt as the service rewrote it.
        request_id: The service's id of the request.
        job_id: The service's id of the job.
        source_url: Where the result was downloaded from.
        served_by: The machine or service that did the work.
        raw: The service's reply as JSON, without media and keys; some bindings keep a conversation
            there, with its pictures as bytes, to be handed back.
        warnings: What the caller should know although the call succeeded.
        recipe: What is needed to make it again.
    """

    binding: str | None = None
    model: str | None = None
    seed: int | None = None
    seconds: float | None = None
    cost_usd: float | None = None
    cost_basis: str | None = None
    license: str | None = None
    characters: int | None = None
    revised_prompt: str | None = None
    request_id: str | None = None
    job_id: str | None = None
    source_url: str | None = None
    served_by: str | None = None
    raw: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    recipe: Recipe | None = None


EMPTY = Meta()

"""What a caller asked for, before anybody was chosen to do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from omnibind.calls.candidate import Candidate
from omnibind.calls.controls import Controls
from omnibind.contracts.media import Meta

if TYPE_CHECKING:
    from omnibind.calls.callbacks import Callbacks

Subject = Callable[[Candidate], tuple[Any, ...]]


class Request(NamedTuple):
    """What the caller asked for.

    Attributes:
        verb: The contract's method.
        subject: Checks the arguments that go by position and gives them, cleaned.
        names: What the contract calls these arguments.
        options: The options as given.
        controls: What was said about the call itself.
        listeners: Who is told; None where nobody is.
        facts: What the call itself says about its result, for the meta.
        reads: True where the check reads a file or a network, which an event loop can't wait for.
        part: Which one of a batch it is, from 1 on; 0 outside of one.
    """

    verb: str
    subject: Subject
    names: tuple[str, ...]
    options: Mapping[str, Any] = {}
    controls: Controls = Controls()
    listeners: Callbacks | None = None
    facts: Meta = Meta()
    reads: bool = False
    part: int = 0

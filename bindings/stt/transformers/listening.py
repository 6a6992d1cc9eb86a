"""What the ways of listening share: what is wanted, what was heard, times that fit the sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Segment, Word

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]

TOKENS_A_SECOND = 15
"""More than anybody says; models end by themselves."""
SPARE_TOKENS = 64

Tell = Callable[[float | None, str], None]


class Wish(NamedTuple):
    """What a call wants of a listener."""

    language: str | None
    task: str
    initial_prompt: str | None
    temperature: float | None
    word_times: bool
    beam_size: int | None


class Heard(NamedTuple):
    """Segments in order and the language, where it is known."""

    segments: list[Segment]
    language: str | None = None


class Listener(Protocol):
    """One loaded model."""

    rate: int

    def listen(self, samples: Samples, wish: Wish, tell: Tell) -> Heard:
        """Return what is said in samples at the model's rate.

        Raises:
            BadOption: The model can't do what is wanted.
        """


def refuse_lacking(name: str, lacks: Mapping[str, bool]) -> None:
    """Refuse options that a model hasn't got.

    Raises:
        BadOption: Any of ``lacks`` is true, which says that the option is given and isn't there.
    """
    refused = ", ".join(option for option, is_lacking in lacks.items() if is_lacking)
    if refused:
        raise BadOption(
            f"{refused} is given, and {name!r} hasn't got it; leave it out, or use a Whisper model"
        )


def longest(duration_s: float, tokens_a_second: int = TOKENS_A_SECOND) -> int:
    """Return how many tokens a model may write for a sound at most."""
    return SPARE_TOKENS + round(tokens_a_second * duration_s)


def drawing(wish: Wish) -> dict[str, Any]:
    """Return how a model that writes token by token is to choose them."""
    if wish.temperature:
        return {"do_sample": True, "temperature": wish.temperature, "num_beams": 1}
    beams = {} if wish.beam_size is None else {"num_beams": wish.beam_size}
    return {"do_sample": False, **beams}


def timed(
    start: float, end: float, text: str, words: Iterable[Word], low: float, high: float
) -> Segment:
    """Return a segment whose times, and those of its words, lie within ``low`` and ``high``."""
    start = min(max(low, start), high)
    words = list(words)
    end = min(max(start, end, words[-1].end if words else end), high)
    placed = list[Word]()
    for word in words:
        begins = min(max(placed[-1].start if placed else start, word.start), end)
        placed.append(word._replace(start=begins, end=min(max(begins, word.end), end)))
    return Segment(start, end, text, tuple(placed))

"""What happens after an error: the same again, the next candidate, or neither. All of it is data.

Nothing here waits or reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from omnibind.calls.costs import FREE, UNKNOWN, Cost
from omnibind.contracts import errors

if TYPE_CHECKING:
    from random import Random


class Rule(NamedTuple):
    """What an error of one class allows.

    Attributes:
        retry: The same again may go better.
        fallback: Another candidate may go better.
        worked: A service had taken the work, so that it may have charged for it.
        why: The reason.
    """

    retry: bool
    fallback: bool
    worked: bool
    why: str


RULES: Mapping[type[BaseException], Rule] = {
    # wrong use: the caller's own, but for what only this candidate lacks
    errors.UsageError: Rule(False, False, False, "what was given is wrong for every candidate"),
    errors.UnknownOption: Rule(False, True, False, "this candidate has no such option"),
    errors.UnknownModel: Rule(False, True, False, "this candidate has no such model"),
    errors.UnknownVoice: Rule(False, True, False, "this candidate has no such voice"),
    # not ready: somebody must mend it first
    errors.NotReady: Rule(False, True, False, "it must be mended first"),
    errors.WeightsDamaged: Rule(False, True, False, "its weights must be fetched anew"),
    # policy: what the user set stands; only a candidate's own lack lets the next one try
    errors.PolicyError: Rule(False, False, False, "the user's own rule forbids it"),
    errors.LicenceForbids: Rule(False, True, False, "the licence of its weights isn't allowed"),
    errors.Untrusted: Rule(False, True, False, "its weights aren't trusted"),
    # the call itself
    errors.CallFailed: Rule(False, True, True, "the engine failed, and would fail again"),
    errors.BadOutput: Rule(True, True, True, "an engine may do better the second time"),
    errors.ContentRefused: Rule(False, False, True, "a refusal is an answer"),
    errors.DeadlineExceeded: Rule(False, False, True, "no time is left"),
    errors.Cancelled: Rule(False, False, True, "the caller doesn't want it any more"),
    errors.NotSupported: Rule(False, True, False, "this engine can't do it at all"),
    errors.OutOfMemory: Rule(False, True, False, "it needs the same memory again"),
    # What ended a worker once (a crash on this input, the kernel's shortage of memory) mostly does
    # so again, and loading the engine anew costs more than the call; the next call starts afresh.
    errors.WorkerDied: Rule(False, True, False, "what ended it would end it again"),
    errors.Stuck: Rule(False, True, False, "an earlier call occupies it"),
    errors.FetchFailed: Rule(False, False, False, "the input can't be had from where it lies"),
    errors.SaveFailed: Rule(False, False, True, "no candidate can write there"),
    errors.AllFailed: Rule(False, False, True, "nobody is left"),
    # services; one that answers with an error hasn't worked
    errors.ServiceError: Rule(False, True, False, "the service doesn't take it"),
    errors.KeyRefused: Rule(False, True, False, "the key must be mended first"),
    errors.RateLimited: Rule(True, True, False, "the service asks to come later"),
    errors.QuotaExceeded: Rule(False, True, False, "the account must be filled first"),
    errors.Unavailable: Rule(True, True, False, "the service may be back in a moment"),
    errors.BadReply: Rule(True, True, True, "a reply may be whole the second time"),
    # what no binding should let out, and what ends a program
    Exception: Rule(False, True, True, "the engine failed, and would fail again"),
    BaseException: Rule(False, False, True, "the program is being ended"),
}
"""The rule of each class of errors; a class without one has that of its nearest base."""

_FIXED = frozenset(("type", "size"))
"""Rules of verification that the same engine breaks every time."""


class Verdict(NamedTuple):
    """What may follow an error.

    Attributes:
        retry: The same again is worth it.
        fallback: The next candidate may serve, if :meth:`allows` it.
        paid: The try was charged, and nobody allowed to pay a second time.
        why: The reason, for messages and events.
        cost: What the try cost: as it was told, ``unknown`` where a service may have charged for
            work that it had taken, else ``free``.
    """

    retry: bool
    fallback: bool
    paid: bool
    why: str
    cost: Cost

    def allows(self, next_cost: Cost) -> bool:
        """Tell whether a candidate that is expected to cost ``next_cost`` may serve."""
        return self.fallback and (not self.paid or next_cost.usd == 0)


def verdict(
    error: BaseException,
    *,
    remote: bool = False,
    cost: Cost | None = None,
    seeded: bool = False,
    retry_paid: bool = False,
) -> Verdict:
    """Judge an error of a try.

    Args:
        error: What was raised.
        remote: A service was called.
        cost: What the try cost, where that was told; else a service may have charged for work that
            it had taken.
        seeded: The caller gave a seed, so that the same again gives the same output.
        retry_paid: The caller allows to pay a second time.
    """
    rule = next(RULES[class_] for class_ in type(error).__mro__ if class_ in RULES)
    if cost is None:
        has_worked = rule.worked or getattr(error, "may_be_charged", False)
        cost = UNKNOWN if remote and has_worked else FREE
    retry, why = rule.retry, rule.why
    if retry and isinstance(error, errors.BadOutput) and (seeded or error.rule in _FIXED):
        retry, why = False, "the same again would give the same output"
    elif retry and cost.usd != 0 and not retry_paid:
        retry, why = False, "it was charged, or may have been; retry_paid=True allows it"
    was_paid = bool(cost.usd) or (remote and getattr(error, "may_be_charged", False))
    return Verdict(retry, rule.fallback, was_paid and not retry_paid, why, cost)


MAX_RETRY_AFTER_S = 120.0
"""A service that asks to wait longer isn't waited for."""


class Retry(NamedTuple):
    """How often, and after which waits, a candidate is tried.

    Attributes:
        attempts: Tries in all, the first included.
        base_s: Seconds to wait after the first try, at most.
        factor: What the wait grows by with every try.
        max_s: The longest wait in seconds, unless the service asks for more.
    """

    attempts: int = 3
    base_s: float = 0.5
    factor: float = 2.0
    max_s: float = 30.0

    def wait_s(
        self,
        attempt: int,
        error: BaseException,
        remaining_s: float | None = None,
        random: Random | None = None,
    ) -> float | None:
        """Return how many seconds to wait before the next try; None where there is to be none.

        The upper half of the wait is chance, so that callers who failed together don't come back
        together. It is never shorter than the service's ``Retry-After``.

        Args:
            attempt: Tries made so far, 1 or more.
            error: What the last one raised.
            remaining_s: Seconds left until the call's deadline; None without one.
            random: The source of chance; the process's own where None.
        """
        if attempt >= self.attempts:
            return None
        try:
            half = min(self.max_s, self.base_s * self.factor ** (attempt - 1)) / 2
        except OverflowError:
            half = self.max_s / 2
        asked = (error.retry_after if isinstance(error, errors.ServiceError) else None) or 0.0
        if not asked <= MAX_RETRY_AFTER_S:  # neither is NaN
            return None
        if random is None:
            from random import random as chance
        else:
            chance = random.random
        wait = max(half, asked) + half * chance()
        return wait if remaining_s is None or wait < remaining_s else None


REMOTE = Retry()
LOCAL = Retry(attempts=2, base_s=0.0)
"""An engine here is tried at once and only once more: only bad output gets that far."""

"""What calls cost, and the budgets that hold them.

A cost that isn't known is None, never 0. Sums are kept as whole picodollars, so that they are exact
however many calls there were.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from omnibind.contracts.errors import (
    BadOption,
    BindingBroken,
    BudgetExceeded,
    OmnibindError,
    suggest,
)
from omnibind.contracts.options import OptionType, shown

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from omnibind.contracts.media import Meta

_PICO = 10**12


class Cost(NamedTuple):
    """What a call costs, and how that is known.

    Attributes:
        usd: US dollars; None where the basis is ``unknown``.
        basis: ``free`` (an engine on this machine), ``reported`` (the service said so),
            ``estimated`` (from a price list) or ``unknown``.
    """

    usd: float | None
    basis: Literal["free", "reported", "estimated", "unknown"]


FREE = Cost(0.0, "free")
UNKNOWN = Cost(None, "unknown")


def reported(usd: float | None, otherwise: Cost = UNKNOWN) -> Cost:
    """Return what a service said that a call cost; ``otherwise`` where it said nothing usable."""
    if usd is None or not isfinite(usd) or usd < 0:
        return otherwise
    return Cost(float(usd), "reported")


def told_by(meta: Meta, otherwise: Cost = UNKNOWN) -> Cost:
    """Return what a result says that it cost; ``otherwise`` where it says nothing usable.

    A binding that worked it out from the service's counts and a price list says ``estimated``.
    """
    cost = reported(meta.cost_usd, otherwise)
    if meta.cost_basis == "estimated" and cost.basis == "reported":
        return cost._replace(basis="estimated")
    return cost


class Unit(NamedTuple):
    """A unit that prices come in: so many of what is counted in a call."""

    counted: str
    amount: float


UNITS: Mapping[str, Unit] = {
    "call": Unit("calls", 1),
    "image": Unit("images", 1),
    "video": Unit("videos", 1),
    "character": Unit("characters", 1),
    "1000 characters": Unit("characters", 1000),
    "million characters": Unit("characters", 1_000_000),
    "token": Unit("tokens", 1),
    "million tokens": Unit("tokens", 1_000_000),
    "second": Unit("seconds", 1),
    "minute": Unit("seconds", 60),
    "hour": Unit("seconds", 3600),
}
"""What ``per`` may say in a model's price, and the count that it goes by."""


def estimate(price: Mapping[str, Any] | None, counts: Mapping[str, float]) -> Cost:
    """Return what a call will cost by a model's price.

    Args:
        price: ``{"usd": 0.015, "per": "1000 characters"}``; None or empty where there is none.
        counts: ``characters``, ``seconds``, ``images``, ``videos``, ``tokens``, as far as they are
            known before the call; ``calls`` is 1.

    Raises:
        BindingBroken: The price isn't of that form.
    """
    if not price:
        return UNKNOWN
    if set(price) != {"usd", "per"}:
        raise BindingBroken(
            f"the price {shown(dict(price))} isn't of the form {{usd: 0.015, per: 1000 characters}}"
        )
    unit = UNITS.get(str(price["per"]))
    if unit is None:
        raise BindingBroken(
            f"the price is per {price['per']!r}; {suggest(str(price['per']), UNITS)}"
        )
    usd = _dollars_of(price["usd"], "the usd of a price", BindingBroken)
    count = counts.get(unit.counted, 1 if unit.counted == "calls" else None)
    if count is None:
        return UNKNOWN
    return Cost(usd * count / unit.amount, "estimated")


class CostRow(NamedTuple):
    """What the calls of one binding, model and label cost; None stands for all of them.

    Attributes:
        binding: ``modality/name``.
        model: The model, or None where there is none.
        label: The caller's own word for what it was for: a user, a chat.
        calls: How many there were, failed ones included.
        usd: Dollars, as far as they are known.
        unknown: How many calls had a cost that isn't known.
        estimated: The part of ``usd`` that is an estimate.
        failed: How many of the calls failed.
    """

    binding: str | None
    model: str | None
    label: str | None
    calls: int
    usd: float
    unknown: int
    estimated: float
    failed: int


class Costs:
    """The record of what a client's calls cost; any number of threads may use it."""

    __slots__ = ("_lock", "_sums")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # calls, picodollars, calls of unknown cost, picodollars estimated, failed calls
        self._sums: dict[tuple[str, str | None, str | None], list[int]] = {}

    def add(
        self,
        binding: str,
        model: str | None,
        label: str | None,
        cost: Cost,
        *,
        failed: bool = False,
    ) -> None:
        """Record one call."""
        usd, basis = cost
        pico = round(usd * _PICO) if usd else 0
        key = (binding, model, label)
        with self._lock:
            sums = self._sums.get(key)
            if sums is None:
                sums = self._sums[key] = [0, 0, 0, 0, 0]
            sums[0] += 1
            if pico:
                sums[1] += pico
                if basis == "estimated":
                    sums[3] += pico
            elif usd is None:
                sums[2] += 1
            if failed:
                sums[4] += 1

    def rows(self) -> list[CostRow]:
        """Return a row for every binding, model and label, in the order of their first calls."""
        with self._lock:
            return [_row(key, sums) for key, sums in self._sums.items()]

    def total(self) -> CostRow:
        """Return the row of all calls."""
        with self._lock:
            columns = zip(*self._sums.values(), strict=True)
            sums = [sum(column) for column in columns] or [0] * 5
        return _row((None, None, None), sums)


def _row(key: tuple[str | None, str | None, str | None], sums: list[int]) -> CostRow:
    calls, pico, unknown, estimated, failed = sums
    return CostRow(*key, calls, pico / _PICO, unknown, estimated / _PICO, failed)


# One lock for all budgets: a reservation in several of them is then one step, and it is held for
# less than a microsecond.
_BUDGETS = threading.RLock()  # what is collected as garbage may settle here


class Budget:
    """So many dollars, for a client or for one call with its retries and fallbacks.

    What a call is expected to cost is reserved before it, so that calls at the same time can't pass
    the limit together. A free call never fails.

    Args:
        limit_usd: The most that may be spent; finite, 0 or more.
        allow_unknown_cost: Whether calls whose price isn't known may run while anything is left.
        error: What a wrong value raises.

    Raises:
        BadOption: A value is wrong (another error where ``error`` says so).
    """

    __slots__ = ("_limit", "_reserved", "_spent", "allow_unknown_cost")

    def __init__(
        self,
        limit_usd: float,
        allow_unknown_cost: bool = False,
        *,
        error: type[OmnibindError] = BadOption,
    ) -> None:
        self._limit = round(_dollars_of(limit_usd, "budget_usd", error) * _PICO)
        if not isinstance(allow_unknown_cost, bool):
            raise error(f"allow_unknown_cost is {shown(allow_unknown_cost)}; give True or False")
        self.allow_unknown_cost = allow_unknown_cost
        self._spent = 0
        self._reserved = 0

    @property
    def limit_usd(self) -> float:
        """The most that may be spent."""
        return self._limit / _PICO

    @property
    def spent_usd(self) -> float:
        """What was spent, as far as it is known."""
        return self._spent / _PICO

    @property
    def reserved_usd(self) -> float:
        """What the calls under way are expected to cost."""
        return self._reserved / _PICO

    def reserve(self, estimate: Cost, label: str) -> Reservation:
        """Reserve what a call of ``label`` is expected to cost; see :func:`reserve`."""
        return reserve((self,), estimate, label)

    def _refusal(self, pico: int | None, label: str, allow_unknown_cost: bool) -> str | None:
        taken = self._spent + self._reserved
        if pico is None:
            if not allow_unknown_cost:
                found = "its price isn't known"
                mend = "give allow_unknown_cost=True or choose a model whose price is known"
            elif taken < self._limit:
                return None
            else:
                found, mend = "its price isn't known and nothing is left", "raise budget_usd"
        elif not pico or taken + pico <= self._limit:
            return None
        else:
            found = f"it is estimated at ${_plain(pico)}"
            mend = "raise budget_usd or choose a cheaper model"
        return (
            f"{label} was not called: {found}, ${_plain(self._spent)} was spent, "
            f"${_plain(self._reserved)} is reserved by calls under way, and the budget is "
            f"${_plain(self._limit)}; {mend}"
        )


class Reservation:
    """Dollars set aside for one call; released at the end of a ``with`` block unless settled."""

    __slots__ = ("_budgets", "_open", "_pico")

    def __init__(self, budgets: Sequence[Budget], pico: int) -> None:
        self._budgets = budgets
        self._pico = pico
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def settle(self, actual: Cost) -> None:
        """Book what the call did cost; what was expected where that isn't known.

        A second ``settle`` or ``release`` changes nothing.
        """
        usd = actual.usd
        self._close(self._pico if usd is None else round(usd * _PICO))

    def release(self) -> None:
        """Give the dollars back: the call didn't run or wasn't charged."""
        self._close(0)

    def _close(self, spent: int) -> None:
        with _BUDGETS:
            if self._open:
                self._open = False
                for budget in self._budgets:
                    budget._reserved -= self._pico
                    budget._spent += spent


def reserve(
    budgets: Sequence[Budget],
    estimate: Cost,
    label: str,
    allow_unknown_cost: bool | None = None,
) -> Reservation:
    """Reserve what a call is expected to cost in all ``budgets``, or in none.

    Args:
        budgets: The client's and the call's own, each once; there may be none.
        estimate: What the call is expected to cost.
        label: Who is to be called, for messages.
        allow_unknown_cost: What the call itself says; None leaves it to each budget.

    Raises:
        BudgetExceeded: The call would pass a budget, or its price isn't known.
    """
    usd = estimate.usd
    pico = None if usd is None else round(usd * _PICO)
    with _BUDGETS:
        for budget in budgets:
            allow = budget.allow_unknown_cost if allow_unknown_cost is None else allow_unknown_cost
            refusal = budget._refusal(pico, label, allow)
            if refusal is not None:
                raise BudgetExceeded(refusal)
        for budget in budgets:
            budget._reserved += pico or 0
    return Reservation(budgets, pico or 0)


def dollars(usd: float) -> str:
    """Return an amount for people: ``$0.04``, ``$12.00``, ``$0.0000006``."""
    return f"${_plain(round(usd * _PICO))}"


def _plain(pico: int) -> str:
    whole, part = divmod(pico, _PICO)
    digits = f"{part:012d}".rstrip("0")
    return f"{whole}.{digits:0<2}"


def _dollars_of(value: Any, name: str, error: type[OmnibindError]) -> float:
    try:
        usd: float = OptionType("float", low=0).check(value)
    except (ValueError, OverflowError) as reason:
        raise error(f"{name} is {shown(value)}: {reason}; give dollars, 0 or more") from None
    return usd

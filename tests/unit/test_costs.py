from __future__ import annotations

import re
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibind.calls.costs import (
    FREE,
    UNITS,
    UNKNOWN,
    Budget,
    Cost,
    Costs,
    dollars,
    estimate,
    reported,
    reserve,
)
from omnibind.contracts.errors import BadConfig, BadOption, BindingBroken, BudgetExceeded

CENT = Cost(0.01, "estimated")


def in_threads(count: int, work: Callable[[int], None]) -> None:
    start = threading.Barrier(count)

    def body(number: int) -> None:
        start.wait()
        work(number)

    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ── the record ───────────────────────────────────────────────────────────────────────────────


def test_calls_are_summed_by_binding_model_and_label() -> None:
    costs = Costs()
    costs.add("tts/piper", "joe", "anna", FREE)
    costs.add("tts/piper", "joe", "ben", FREE)
    costs.add("tti/far", "big", "anna", Cost(0.04, "reported"))
    costs.add("tti/far", "big", "anna", Cost(0.02, "estimated"))
    costs.add("tti/far", "big", "anna", UNKNOWN, failed=True)
    anna, ben, far = costs.rows()
    assert (anna.binding, anna.model, anna.label) == ("tts/piper", "joe", "anna")
    assert (ben.label, ben.calls, ben.usd, ben.unknown) == ("ben", 1, 0.0, 0)
    assert (far.calls, far.usd, far.unknown, far.estimated, far.failed) == (3, 0.06, 1, 0.02, 1)
    total = costs.total()
    assert (total.binding, total.model, total.label) == (None, None, None)
    assert (total.calls, total.usd, total.unknown, total.failed) == (5, 0.06, 1, 1)


def test_a_client_that_called_nobody_has_an_empty_record() -> None:
    assert Costs().rows() == []
    assert Costs().total()[3:] == (0, 0.0, 0, 0.0, 0)


def test_a_million_calls_are_summed_to_the_last_digit() -> None:
    costs, random, exact = Costs(), Random(7), Decimal(0)
    prices = [Decimal(random.randrange(1, 10**9)).scaleb(-10) for _ in range(1000)]
    for price in prices:
        exact += price * 1000
        cost = Cost(float(price), "reported")
        for _ in range(1000):
            costs.add("tti/far", None, None, cost)
    assert costs.total().calls == 1_000_000
    assert costs.total().usd == float(exact)


def test_calls_of_many_threads_are_all_counted() -> None:
    costs = Costs()

    def work(number: int) -> None:
        for _ in range(500):
            costs.add("tti/far", None, f"user {number % 4}", CENT)

    in_threads(16, work)
    assert costs.total().calls == 8000
    assert costs.total().usd == 80.0
    assert {row.calls for row in costs.rows()} == {2000}


# ── what a call costs ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("said", [None, float("nan"), float("inf"), -1.0])
def test_a_service_that_says_nothing_usable_leaves_the_cost_unknown(said: float | None) -> None:
    assert reported(said) == UNKNOWN
    assert reported(said, CENT) == CENT


def test_what_a_service_says_goes_before_the_estimate() -> None:
    assert reported(0.03, CENT) == Cost(0.03, "reported")
    assert reported(0, CENT) == Cost(0.0, "reported")


@pytest.mark.parametrize(
    ("price", "counts", "usd"),
    [
        ({"usd": 0.02, "per": "image"}, {"images": 3}, 0.06),
        ({"usd": 0.05, "per": "second"}, {"seconds": 5}, 0.25),
        ({"usd": 0.006, "per": "minute"}, {"seconds": 90}, 0.009),
        ({"usd": 0.22, "per": "hour"}, {"seconds": 1800}, 0.11),
        ({"usd": 15, "per": "million characters"}, {"characters": 2000}, 0.03),
        ({"usd": 0.08, "per": "1000 characters"}, {"characters": 250}, 0.02),
        ({"usd": 30, "per": "million tokens"}, {"tokens": 4000}, 0.12),
        ({"usd": 0.5, "per": "call"}, {}, 0.5),
    ],
)
def test_a_price_times_what_is_counted_is_an_estimate(
    price: dict[str, Any], counts: dict[str, float], usd: float
) -> None:
    cost = estimate(price, counts)
    assert cost.basis == "estimated"
    assert cost.usd == pytest.approx(usd)


def test_the_documented_units_are_those_that_there_are() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text()
    told = text.partition("a unit is one of")[2].partition(".")[0]
    assert set(re.findall(r"`(.+?)`", told)) == set(UNITS)


def test_without_a_price_or_a_count_the_cost_is_unknown_and_not_zero() -> None:
    assert estimate(None, {"images": 1}) == UNKNOWN
    assert estimate({}, {"images": 1}) == UNKNOWN
    assert estimate({"usd": 0.05, "per": "second"}, {"characters": 9}) == UNKNOWN


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ({"usd": 1, "per": "picture"}, "per 'picture'; choose one of"),
        ({"usd": 1, "per": "characters"}, "did you mean 'character'"),
        ({"usd": -1, "per": "image"}, "below 0"),
        ({"usd": float("nan"), "per": "image"}, "finite"),
        ({"usd": "1", "per": "image"}, "isn't a float"),
        ({"image": 0.1}, "isn't of the form"),
    ],
)
def test_a_price_of_another_form_is_refused_with_the_form(price: dict[str, Any], told: str) -> None:
    with pytest.raises(BindingBroken, match=told):
        estimate(price, {"images": 1})


@given(unit=st.sampled_from(sorted(UNITS)), usd=st.floats(0, 1000), count=st.floats(0, 1e6))
def test_an_estimate_is_never_negative_and_grows_with_the_count(
    unit: str, usd: float, count: float
) -> None:
    counted = UNITS[unit].counted
    price = {"usd": usd, "per": unit}
    less = estimate(price, {counted: count}).usd
    more = estimate(price, {counted: count * 2}).usd
    assert less is not None
    assert more is not None
    assert 0 <= less <= more


# ── the budget ───────────────────────────────────────────────────────────────────────────────


def test_the_call_that_would_pass_the_budget_is_refused_with_the_numbers() -> None:
    budget = Budget(0.03)
    budget.reserve(CENT, "tti/far").settle(Cost(0.012, "reported"))
    budget.reserve(CENT, "tti/far")
    with pytest.raises(BudgetExceeded) as caught:
        budget.reserve(CENT, "tti/far")
    told = str(caught.value)
    for number in ("$0.01,", "$0.012 was spent", "$0.01 is reserved", "the budget is $0.03"):
        assert number in told
    assert "tti/far" in told
    assert "raise budget_usd" in told


def test_a_budget_may_be_used_to_its_last_cent() -> None:
    budget = Budget(0.3)
    for _ in range(3):
        budget.reserve(Cost(0.1, "estimated"), "tti/far").settle(Cost(0.1, "reported"))
    assert budget.spent_usd == 0.3
    with pytest.raises(BudgetExceeded):
        budget.reserve(Cost(1e-9, "estimated"), "tti/far")


def test_a_hundred_threads_at_once_cannot_pass_the_limit_together() -> None:
    budget, passed, refused = Budget(0.30), [], []

    def work(number: int) -> None:
        try:
            passed.append(budget.reserve(CENT, "tti/far"))
        except BudgetExceeded:
            refused.append(number)

    in_threads(100, work)
    assert (len(passed), len(refused)) == (30, 70)
    assert budget.reserved_usd == 0.3
    for reservation in passed:
        reservation.settle(CENT)
    assert (budget.spent_usd, budget.reserved_usd) == (0.3, 0.0)


def test_a_free_call_runs_even_when_nothing_is_left() -> None:
    budget = Budget(0)
    budget.reserve(FREE, "tts/piper").settle(FREE)
    spent = Budget(0.01)
    spent.reserve(CENT, "tti/far").settle(Cost(0.5, "reported"))
    spent.reserve(FREE, "tts/piper").settle(FREE)
    assert spent.spent_usd == 0.5


def test_a_call_of_unknown_price_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(BudgetExceeded, match=r"isn't known.*allow_unknown_cost=True"):
        Budget(1).reserve(UNKNOWN, "tti/far")
    Budget(1, allow_unknown_cost=True).reserve(UNKNOWN, "tti/far")
    reserve((Budget(1),), UNKNOWN, "tti/far", allow_unknown_cost=True)
    with pytest.raises(BudgetExceeded, match="isn't known"):
        reserve((Budget(1, allow_unknown_cost=True),), UNKNOWN, "x", allow_unknown_cost=False)


def test_a_call_of_unknown_price_is_refused_when_nothing_is_left() -> None:
    budget = Budget(0.01, allow_unknown_cost=True)
    budget.reserve(UNKNOWN, "tti/far").settle(CENT)
    with pytest.raises(BudgetExceeded, match="nothing is left"):
        budget.reserve(UNKNOWN, "tti/far")


def test_a_call_whose_cost_stays_unknown_is_booked_as_estimated() -> None:
    budget = Budget(1)
    budget.reserve(CENT, "tti/far").settle(UNKNOWN)
    assert budget.spent_usd == 0.01


def test_a_call_that_was_not_charged_gives_its_dollars_back_once() -> None:
    budget = Budget(0.01)
    with budget.reserve(CENT, "tti/far") as reservation:
        assert budget.reserved_usd == 0.01
    assert (budget.reserved_usd, budget.spent_usd) == (0.0, 0.0)
    reservation.settle(CENT)
    reservation.release()
    assert (budget.reserved_usd, budget.spent_usd) == (0.0, 0.0)


def test_a_settled_call_stays_spent_at_the_end_of_its_block() -> None:
    budget = Budget(1)
    with budget.reserve(CENT, "tti/far") as reservation:
        reservation.settle(Cost(0.02, "reported"))
    assert (budget.reserved_usd, budget.spent_usd) == (0.0, 0.02)


@pytest.mark.parametrize("narrow", [0, 1])
def test_of_two_budgets_both_are_charged_or_neither(narrow: int) -> None:
    budgets = [Budget(10), Budget(10)]
    budgets[narrow] = Budget(0.015)
    reserve(budgets, CENT, "tti/far").settle(CENT)
    with pytest.raises(BudgetExceeded, match=r"budget is \$0\.015"):
        reserve(budgets, CENT, "tti/far")
    assert [budget.spent_usd for budget in budgets] == [0.01, 0.01]
    assert [budget.reserved_usd for budget in budgets] == [0.0, 0.0]


@given(
    limit=st.integers(0, 100),
    steps=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["settle", "release", "wait"]))),
)
def test_what_is_spent_and_reserved_never_passes_the_limit_when_estimates_hold(
    limit: int, steps: list[tuple[int, str]]
) -> None:
    budget = Budget(limit / 100)
    for cents, end in steps:
        cost = Cost(cents / 100, "estimated")
        try:
            reservation = budget.reserve(cost, "tti/far")
        except BudgetExceeded:
            continue
        if end == "settle":
            reservation.settle(cost)
        elif end == "release":
            reservation.release()
        assert budget.spent_usd + budget.reserved_usd <= budget.limit_usd + 1e-15


@pytest.mark.parametrize("limit", [-1, float("nan"), float("inf"), True, "5", None, 10**400])
def test_a_budget_that_is_no_amount_is_refused_with_what_to_give(limit: Any) -> None:
    with pytest.raises(BadOption, match=r"budget_usd is .*; give dollars, 0 or more"):
        Budget(limit)
    with pytest.raises(BadConfig, match="budget_usd"):
        Budget(limit, error=BadConfig)


def test_allow_unknown_cost_is_a_bool() -> None:
    with pytest.raises(BadOption, match="allow_unknown_cost is 1; give True or False"):
        Budget(1, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("usd", "shown"), [(0, "$0.00"), (0.04, "$0.04"), (12, "$12.00"), (6e-7, "$0.0000006")]
)
def test_small_amounts_are_shown_whole(usd: float, shown: str) -> None:
    assert dollars(usd) == shown

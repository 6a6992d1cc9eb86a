from __future__ import annotations

import asyncio
import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibind.calls.costs import FREE, UNKNOWN, Cost
from omnibind.calls.retry import LOCAL, MAX_RETRY_AFTER_S, REMOTE, RULES, Retry, Verdict, verdict
from omnibind.contracts import errors

DOCS = Path(__file__).resolve().parents[2] / "docs" / "policy.md"
PAID = Cost(0.02, "reported")


def all_errors(base: type[errors.OmnibindError] = errors.OmnibindError) -> list[type]:
    return [base] + [leaf for class_ in base.__subclasses__() for leaf in all_errors(class_)]


@pytest.mark.parametrize(
    ("class_", "retry", "fallback"),
    [
        (errors.BadInput, False, False),
        (errors.BadOption, False, False),
        (errors.UnknownOption, False, True),
        (errors.UnknownVoice, False, True),
        (errors.UnknownModel, False, True),
        (errors.WeightsMissing, False, True),
        (errors.KeyMissing, False, True),
        (errors.Offline, False, True),
        (errors.LicenceForbids, False, True),
        (errors.ConsentMissing, False, False),
        (errors.BudgetExceeded, False, False),
        (errors.CallFailed, False, True),
        (errors.BadOutput, True, True),
        (errors.ContentRefused, False, False),
        (errors.DeadlineExceeded, False, False),
        (errors.Cancelled, False, False),
        (errors.OutOfMemory, False, True),
        (errors.WorkerDied, False, True),
        (errors.Stuck, False, True),
        (errors.ServiceError, False, True),
        (errors.KeyRefused, False, True),
        (errors.RateLimited, True, True),
        (errors.QuotaExceeded, False, True),
        (errors.Unavailable, True, True),
        (errors.BadReply, True, True),
        (ZeroDivisionError, False, True),
        (KeyboardInterrupt, False, False),
        (SystemExit, False, False),
        (GeneratorExit, False, False),
        (asyncio.CancelledError, False, False),
    ],
)
def test_each_error_says_whether_the_same_or_the_next_is_worth_a_try(
    class_: type[BaseException], retry: bool, fallback: bool
) -> None:
    judged = verdict(class_("it went wrong"))
    assert (judged.retry, judged.fallback) == (retry, fallback)
    assert judged.why


def test_every_error_has_a_verdict_and_nothing_is_retried_that_no_other_candidate_may_serve() -> (
    None
):
    judged = {class_: verdict(class_("")) for class_ in all_errors()}
    assert len(judged) > 40
    assert all(found.fallback for found in judged.values() if found.retry)


@pytest.mark.parametrize("class_", [errors.BadOutput, errors.BadReply])
def test_work_that_a_service_may_have_charged_for_is_not_retried(
    class_: type[errors.OmnibindError],
) -> None:
    error = class_("it went wrong")
    judged = verdict(error, remote=True)
    assert not judged.retry
    assert "retry_paid=True" in judged.why
    assert verdict(error, remote=True, cost=FREE).retry
    assert verdict(error, remote=True, retry_paid=True).retry


@pytest.mark.parametrize("class_", [errors.RateLimited, errors.Unavailable])
def test_a_service_that_did_not_take_the_work_charged_nothing(
    class_: type[errors.OmnibindError],
) -> None:
    assert verdict(class_(""), remote=True).retry
    assert not verdict(class_(""), remote=True, cost=PAID).retry
    assert not verdict(class_(""), remote=True, cost=UNKNOWN).retry


def test_what_was_charged_is_followed_only_by_a_free_candidate() -> None:
    judged = verdict(errors.BadOutput(""), remote=True, cost=PAID)
    assert judged.allows(FREE)
    assert not judged.allows(PAID)
    assert not judged.allows(UNKNOWN)
    allowed = verdict(errors.BadOutput(""), remote=True, cost=PAID, retry_paid=True)
    assert allowed.allows(PAID)
    assert verdict(errors.Unavailable(""), remote=True).allows(PAID)
    assert not verdict(errors.ContentRefused(""), remote=True, retry_paid=True).allows(FREE)


def test_bad_output_is_not_made_again_with_the_same_seed_or_of_the_same_size() -> None:
    assert verdict(errors.BadOutput("", rule="silent")).retry
    assert not verdict(errors.BadOutput("", rule="silent"), seeded=True).retry
    assert not verdict(errors.BadOutput("", rule="size")).retry
    assert not verdict(errors.BadOutput("", rule="type")).retry
    assert verdict(errors.Unavailable(""), seeded=True, remote=True).retry


def test_a_verdict_of_an_error_from_elsewhere_is_that_of_its_nearest_base() -> None:
    class Slower(errors.RateLimited):
        pass

    assert verdict(Slower(""), remote=True) == verdict(errors.RateLimited(""), remote=True)


def test_a_failed_try_costs_what_was_told_or_what_a_service_may_have_charged() -> None:
    assert verdict(errors.BadOutput(""), remote=True, cost=PAID).cost == PAID
    assert verdict(errors.BadOutput(""), remote=True, retry_paid=True).cost == UNKNOWN
    assert verdict(errors.RateLimited(""), remote=True).cost == FREE
    assert verdict(errors.BadOutput("")).cost == FREE


# ── waits ────────────────────────────────────────────────────────────────────────────────────

retries = st.builds(
    Retry,
    attempts=st.integers(1, 10_000),
    base_s=st.floats(0, 100),
    factor=st.floats(1, 10),
    max_s=st.floats(0, 1000),
)
some_errors = st.one_of(
    st.just(errors.BadOutput("")),
    st.builds(
        lambda after: errors.RateLimited("", retry_after=after),
        st.none() | st.floats(allow_nan=True, allow_infinity=True),
    ),
)


@given(retries, st.integers(1, 10_001), some_errors, st.none() | st.floats(0, 500), st.integers())
def test_a_wait_is_bounded_and_keeps_to_the_service_and_the_deadline(
    retry: Retry, attempt: int, error: errors.OmnibindError, remaining: float | None, seed: int
) -> None:
    wait = retry.wait_s(attempt, error, remaining, Random(seed))
    if attempt >= retry.attempts:
        assert wait is None
    if wait is None:
        return
    asked = getattr(error, "retry_after", None) or 0.0
    assert 0 <= wait <= max(retry.max_s, MAX_RETRY_AFTER_S + retry.max_s / 2)
    assert wait >= asked
    assert remaining is None or wait < remaining


def test_waits_double_up_to_the_longest_and_their_upper_half_is_chance() -> None:
    retry, error = Retry(attempts=20), errors.Unavailable("")
    for attempt, longest in [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (19, 30.0)]:
        waits = [retry.wait_s(attempt, error, None, Random(seed)) for seed in range(200)]
        known = [wait for wait in waits if wait is not None]
        assert len(known) == 200
        assert longest / 2 <= min(known) < longest * 0.55
        assert longest * 0.95 < max(known) <= longest
        assert len(set(known)) == 200


def test_no_wait_is_shorter_than_the_service_asks_for() -> None:
    error = errors.RateLimited("", retry_after=7.0)
    wait = REMOTE.wait_s(1, error, None, Random(1))
    assert wait is not None
    assert 7.0 <= wait <= 7.25
    assert REMOTE.wait_s(1, error, 7.0) is None
    for asked in (MAX_RETRY_AFTER_S + 1, float("inf"), float("nan")):
        assert REMOTE.wait_s(1, errors.RateLimited("", retry_after=asked)) is None


def test_the_last_attempt_is_followed_by_none() -> None:
    error = errors.Unavailable("")
    waits = [REMOTE.wait_s(attempt, error) for attempt in (1, 2, 3, 4)]
    assert [wait is None for wait in waits] == [False, False, True, True]


def test_an_engine_here_is_tried_twice_at_once() -> None:
    error = errors.BadOutput("")
    assert [LOCAL.wait_s(attempt, error) for attempt in (1, 2)] == [0.0, None]
    assert LOCAL.wait_s(1, error, 0.0) is None


def test_the_documented_table_is_the_one_that_is_used() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (yes|no) \| (.+) \|$", DOCS.read_text(), re.M)
    said = {"yes": True, "no": False}
    documented = {name: (said[again], said[next_], why) for name, again, next_, why in rows}
    used = {
        class_.__name__: (rule.retry, rule.fallback, rule.why) for class_, rule in RULES.items()
    }
    assert documented == used
    assert isinstance(verdict(ValueError()), Verdict)

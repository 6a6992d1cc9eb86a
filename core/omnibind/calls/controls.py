"""Call controls: what a caller may say about any call, whatever the binding.

The same names hold as arguments of a client, where they are the default of all its calls::

    timeout_s            seconds for the whole call, retries and fallbacks included
    verify               False, or {"rule": False}: what isn't verified
    max_result_bytes     a larger result is refused
    callbacks, on_…      who is told; see docs/callbacks.md
    on_refusal           gives a changed prompt for one that was refused
    label                a word for the costs: a user, a chat
    strict               no fallback
    consent              the speaker permits that the voice is cloned; in a call only
    recipe               False: the result carries no recipe
    budget_usd           the most that this call, or all calls of the client, may cost
    allow_unknown_cost   run although the price isn't known
    retry_paid           try again what was charged
    api_key              the key for the first of the named bindings; in a call only
    http_client          the program's own httpx2 client; for a client only
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from omnibind.calls.callbacks import NAMES, Callbacks, gathered
from omnibind.calls.costs import Budget, Costs
from omnibind.calls.policy import Policy, consent_of
from omnibind.contracts.errors import BadConfig, BadOption
from omnibind.contracts.options import CALL_CONTROLS, shown
from omnibind.contracts.secret import Secret

if TYPE_CHECKING:
    from omnibind.calls.call import Call

MAX_RESULT_BYTES = 512 * 1024 * 1024

_LATER = frozenset(("save_to",))


class Controls(NamedTuple):
    """What holds for one call.

    Attributes:
        timeout_s: Seconds that the whole call may take; None is any time.
        off: The rules of verification that are turned off; None turns off all.
        max_result_bytes: A larger result is refused.
        callbacks: The call's own listeners, as an object.
        own: The call's own ``on_…`` listeners.
        on_refusal: Gets the error and the refused prompt, gives a changed prompt or None.
        label: The caller's word for what the call is for.
        strict: No other binding may serve than the first.
        consent: What the call says about cloning a voice.
        recipe: Whether the result carries a recipe.
        budget: The call's own budget.
        allow_unknown_cost: Whether it may run although its price isn't known; None leaves that to
            the client's budget.
        retry_paid: Whether what was charged may be tried again.
        return_errors: Whether a batch gives errors in the places of results.
        api_key: The key for the first of the named bindings.
        http_client: The program's own ``httpx2`` client.
    """

    timeout_s: float | None = None
    off: Collection[str] | None = frozenset()
    max_result_bytes: int = MAX_RESULT_BYTES
    callbacks: Callbacks | None = None
    own: Mapping[str, Any] = {}
    on_refusal: Callable[..., Any] | None = None
    label: str | None = None
    strict: bool = False
    consent: bool | None = None
    recipe: bool = True
    budget: Budget | None = None
    allow_unknown_cost: bool | None = None
    retry_paid: bool = False
    return_errors: bool = False
    api_key: Secret | None = None
    http_client: Any = None

    def hand_to(self, call: Call[Any]) -> None:
        """Tell a call what its exchanges with a service need to know."""
        call.http_client, call.max_bytes = self.http_client, self.max_result_bytes

    def changed(self, given: Mapping[str, Any]) -> Controls:
        """Return these with what was given by the names of :data:`CALL_CONTROLS`.

        Raises:
            BadOption: A value is wrong.
        """
        values: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for name, value in given.items():
            if name in _LATER:
                raise BadOption(
                    f"{name!r} belongs to the call, and this version doesn't have it yet"
                )
            if name in NAMES:
                own[name] = value
            elif name == "verify":
                values["off"] = None if value is False else _off(value)
            elif name == "budget_usd":
                unknown = given.get("allow_unknown_cost", self.allow_unknown_cost)
                values["budget"] = None if value is None else Budget(value, bool(unknown))
            elif name == "callbacks":
                values["callbacks"] = None if value is None else Callbacks.of(value)
            elif name == "consent":
                values["consent"] = consent_of(value)
            else:
                values[name] = _CHECKS[name](name, value)
        if own:
            values["own"] = {**self.own, **own}
        fields = list(self)  # what _replace does, in half of its time: most calls come by here
        for name, value in values.items():
            fields[_PLACES[name]] = value
        return Controls._make(fields)


_PLACES = {name: place for place, name in enumerate(Controls._fields)}


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the call controls among the keyword arguments of a verb, and the binding's options."""
    given: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in options.items():
        (given if name in CALL_CONTROLS else rest)[name] = value
    return given, rest


def hide_key(options: dict[str, Any]) -> None:
    """Put a secret in the place of a key among a caller's arguments, which tracebacks may show.

    Raises:
        BadOption: It isn't one.
    """
    options["api_key"] = _key("api_key", options["api_key"])


class Settings:
    """What holds for all calls of a client, and what they share.

    Attributes:
        controls: The defaults of the call controls.
        callbacks: The client's listeners; they may be set at any time.
        policy: What the user allows.
        budget: What all calls together may cost; None is no limit.
        costs: What they did cost.

    Raises:
        BadConfig: A value is wrong.
    """

    def __init__(self, given: Mapping[str, Any] = {}) -> None:
        given = dict(given)
        policy = given.pop("policy", None)
        listeners = {name: given.pop(name) for name in NAMES if name in given}
        callbacks = given.pop("callbacks", None)
        try:
            controls = Controls().changed(given)
            self.callbacks = Callbacks.of(callbacks)
            if listeners:  # what was given as an object is the caller's own, and stays as it is
                own = Callbacks(**listeners)
                self.callbacks = gathered((self.callbacks, own), {}) or own
        except BadOption as error:
            raise BadConfig(error.message) from None
        self.policy = Policy.of(policy)
        self.budget = controls.budget
        self.costs = Costs()
        self.controls = controls._replace(budget=None)


CLIENT_CONTROLS = (
    *("timeout_s", "verify", "max_result_bytes", "callbacks", *NAMES, "on_refusal", "label"),
    *("strict", "recipe", "budget_usd", "allow_unknown_cost", "retry_paid", "policy"),
    "http_client",
)
"""The arguments of a client that are defaults of its calls."""


def _off(value: Any) -> Collection[str] | None:
    from omnibind.calls.verification import off_of

    return off_of(value)


def _bool(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise BadOption(f"{name} is {shown(value)}; give True or False")


def _maybe_bool(name: str, value: Any) -> bool | None:
    return None if value is None else _bool(name, value)


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise BadOption(f"{name} is {shown(value)}; give seconds above 0, or None for any time")
    return float(value)


def _size(name: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise BadOption(f"{name} is {shown(value)}; give a number of bytes above 0")


def _word(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise BadOption(f"{name} is {shown(value)}; give a str")


def _key(name: str, value: Any) -> Secret | None:
    if value is None:
        return None
    try:
        return Secret(value)
    except ValueError as wrong:
        raise BadOption(f"{name} can't be used: {wrong}; give the service's key") from None


def _as_given(name: str, value: Any) -> Any:
    return value  # its kind is known where it is used


def _function(name: str, value: Any) -> Callable[..., Any] | None:
    if value is None or callable(value):
        return value  # type: ignore[no-any-return]  # it takes the error and the prompt
    raise BadOption(
        f"{name} is {shown(value)}; give a callable that takes the error and the prompt"
    )


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "timeout_s": _seconds,
    "max_result_bytes": _size,
    "on_refusal": _function,
    "label": _word,
    "strict": _bool,
    "recipe": _bool,
    "allow_unknown_cost": _maybe_bool,
    "retry_paid": _bool,
    "return_errors": _bool,
    "api_key": _key,
    "http_client": _as_given,
}

"""Every error omnibind raises, as one tree.

::

    OmnibindError
    ├─ UsageError(ValueError)   BadInput BadOption BadConfig UnknownOption UnknownBinding
    │                           UnknownModel UnknownVoice AmbiguousBinding
    ├─ NotReady                 BindingBroken PackagesMissing EnvironmentMissing WeightsMissing
    │                           KeyMissing ProgramMissing SettingMissing WrongPlatform Retired
    │                           NotOffered Offline
    ├─ WeightsDamaged
    ├─ PolicyError              LicenceForbids ConsentMissing BudgetExceeded Untrusted
    └─ CallFailed               BadOutput ContentRefused DeadlineExceeded(TimeoutError) Cancelled
                                NotSupported OutOfMemory(MemoryError) WorkerDied Stuck FetchFailed
                                InstallFailed SaveFailed(OSError) AllFailed
       └─ ServiceError          KeyRefused RateLimited QuotaExceeded Unavailable BadReply

A message says what was given, what was expected and what to do. Facts beyond the message are
keyword attributes, so that every error can be pickled and rebuilt from its message alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

MAX_NAMES = 12


class OmnibindError(Exception):
    """Base of every error that omnibind raises on purpose.

    Attributes:
        may_be_charged: True where a service had begun what failed, and may have charged for it.
    """

    may_be_charged: bool = False

    def __init__(self, message: str = "") -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        """The message alone."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return self.message


# ── wrong use ────────────────────────────────────────────────────────────────────────────────


class UsageError(OmnibindError, ValueError):
    """The caller gave something that can't be served; nothing was run."""


class BadInput(UsageError):
    """The text, prompt, sound or picture to work on can't be used."""


class BadOption(UsageError):
    """An option of a call has a wrong type or is out of its range."""


class BadConfig(UsageError):
    """A configuration value, a configuration file or the constructor's arguments are wrong."""


class UnknownOption(UsageError):
    """The binding has no such option."""


class UnknownBinding(UsageError):
    """No folder, distribution or registration offers a binding of that name."""


class UnknownModel(UsageError):
    """The binding has no such model."""


class UnknownVoice(UsageError):
    """The binding has no such voice."""


class AmbiguousBinding(UsageError):
    """Several places offer a binding of that name; a prefix or a path chooses."""


# ── not ready ────────────────────────────────────────────────────────────────────────────────


class NotReady(OmnibindError):
    """Something must be mended before the binding can run.

    Attributes:
        command: The one command that mends it, or an empty string where there is none.
    """

    def __init__(self, message: str = "", *, command: str = "") -> None:
        super().__init__(message)
        self.command = command

    def __str__(self) -> str:
        return f"{self.message}; run: {self.command}" if self.command else self.message


class BindingBroken(NotReady):
    """The binding's folder or code is wrong: manifest, syntax, entry class or import."""


class PackagesMissing(NotReady):
    """Python packages that the binding requires aren't installed."""


class EnvironmentMissing(NotReady):
    """The binding's own environment isn't installed or is damaged."""


class WeightsMissing(NotReady):
    """Model files aren't on this machine."""


class KeyMissing(NotReady):
    """No API key was found for a remote binding."""


class ProgramMissing(NotReady):
    """An executable that the binding needs isn't on PATH."""


class SettingMissing(NotReady):
    """A setting that the binding needs has no value."""


class WrongPlatform(NotReady):
    """The binding doesn't run on this operating system or processor."""


class Retired(NotReady):
    """The engine, service or model was withdrawn by its maker."""


class NotOffered(NotReady):
    """The maker never offered this, or no longer offers it in this form."""


class Offline(NotReady):
    """The network was needed, and omnibind was told to stay offline."""


# ── weights and policy ───────────────────────────────────────────────────────────────────────


class WeightsDamaged(OmnibindError):
    """A model file on disk isn't what the catalogue says it is."""

    def __init__(self, message: str = "", *, command: str = "") -> None:
        super().__init__(message)
        self.command = command

    def __str__(self) -> str:
        return f"{self.message}; run: {self.command}" if self.command else self.message


class PolicyError(OmnibindError):
    """A rule that the user set, or one that protects a person, forbids it."""


class LicenceForbids(PolicyError):
    """The licence of the weights forbids the declared use, or isn't known."""


class ConsentMissing(PolicyError):
    """A voice would be cloned without ``consent=True``."""


class BudgetExceeded(PolicyError):
    """The call would pass the budget, or its price isn't known."""


class Untrusted(PolicyError):
    """A file that can run code when loaded is neither in a catalogue nor trusted by the user."""


# ── the call itself ──────────────────────────────────────────────────────────────────────────


class CallFailed(OmnibindError):
    """The call was accepted and went wrong."""


class BadOutput(CallFailed):
    """The engine returned something that isn't a usable result.

    Attributes:
        result: What it returned, kept because it may have cost money or time.
        rule: The name of the verification rule that caught it.
    """

    def __init__(self, message: str = "", *, result: Any = None, rule: str = "") -> None:
        super().__init__(message)
        self.result = result
        self.rule = rule


class ContentRefused(CallFailed):
    """The engine or service declined the content."""


class DeadlineExceeded(CallFailed, TimeoutError):
    """The call didn't finish in the time given."""


class Cancelled(CallFailed):
    """The call was cancelled by the caller."""


class NotSupported(CallFailed):
    """The engine can't do this at all."""


class OutOfMemory(CallFailed, MemoryError):
    """Host or device memory ran out."""


class WorkerDied(CallFailed):
    """The process that held the engine ended."""


class Stuck(CallFailed):
    """An earlier call still occupies the engine and can't be stopped."""


class FetchFailed(CallFailed):
    """No source delivered a file.

    Attributes:
        errors: One error a source, in the order tried.
    """

    def __init__(self, message: str = "", *, errors: Sequence[BaseException] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class InstallFailed(CallFailed):
    """An environment couldn't be made or removed."""


class SaveFailed(CallFailed, OSError):
    """A result couldn't be written; no partial file was left."""


class AllFailed(CallFailed):
    """Every candidate failed.

    Attributes:
        errors: One error a candidate, in the order tried.
    """

    def __init__(self, message: str = "", *, errors: Sequence[BaseException] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class ServiceError(CallFailed):
    """A remote service answered with an error.

    Attributes:
        status: HTTP status, or None.
        code: The service's own code, or None.
        request_id: The service's id of the request, or None.
        retry_after: Seconds that the service asks to wait, or None.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after


class KeyRefused(ServiceError):
    """The service doesn't accept the key."""


class RateLimited(ServiceError):
    """Too many requests; try again later."""


class QuotaExceeded(ServiceError):
    """The account's credit or quota is used up."""


class Unavailable(ServiceError):
    """The service is overloaded, down or unreachable."""


class BadReply(ServiceError):
    """The service's answer can't be understood."""


def suggest(given: str, known: Iterable[str]) -> str:
    """Return the closing words of an "unknown" message: the near name, else the names there are."""
    import difflib

    names = sorted(set(known))
    near = difflib.get_close_matches(given, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(name) for name in near) + "?"
    if not names:
        return "there is none"
    shown = ", ".join(names[:MAX_NAMES])
    more = len(names) - MAX_NAMES
    return f"choose one of {shown}" + (f", … ({more} more)" if more > 0 else "")

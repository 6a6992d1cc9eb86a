"""One call on its way through its candidates: who was chosen, what happened, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from omnibind.calls import callbacks, policy, retry
from omnibind.calls.call import Call
from omnibind.calls.callbacks import Event
from omnibind.calls.candidate import Member
from omnibind.calls.choice import Choice
from omnibind.calls.controls import Settings
from omnibind.calls.costs import FREE, UNKNOWN, Cost, Reservation, reserve, told_by
from omnibind.calls.produce import Made, asked
from omnibind.calls.request import Request
from omnibind.calls.wrapping import Passed, seconds_of, wrapped
from omnibind.contracts.effects import Run, Runner, Tell
from omnibind.contracts.errors import (
    AllFailed,
    BadInput,
    BadOption,
    BadOutput,
    LicenceForbids,
    NotReady,
    OmnibindError,
    Stuck,
    UnknownOption,
    UsageError,
    WeightsDamaged,
)
from omnibind.contracts.media import Audio, Image, Transcript, Video

if TYPE_CHECKING:
    from omnibind.contracts.binding import Progress

M = TypeVar("M", bound=Audio | Image | Video | Transcript)

UNFIT = (NotReady, WeightsDamaged, UnknownOption, BadOption, LicenceForbids, Stuck)
"""What keeps one candidate from being used for these arguments, before anything of it ran."""

_ON = {kind: f"on_{kind}" for kind in get_args(callbacks.Kind)}


class Trip:
    """One call on its way.

    Attributes:
        request: What the caller asked for.
        call: Its clock, its deadline, its progress.
        aside: Where work runs that is no engine's.
        attempts: How often a binding was run.
        refusals: How many changed prompts were tried.
    """

    attempts = 0
    refusals = 0
    _next = 0  # the member to be tried next
    _untold = 0  # the first of those passed over that wasn't told of
    _revised: str | None = None
    _cost = FREE
    _judged: tuple[BaseException, retry.Verdict] | None = None
    _is_paid = False
    _chosen: Choice | None = None
    _is_sound = False  # what is worked on was looked at, and is good for somebody
    _has_begun = False
    _has_ended = False
    _options: Mapping[str, Any] | None = None

    def __init__(
        self,
        members: Sequence[Member],
        request: Request,
        call: Call[Any],
        settings: Settings,
        aside: Runner,
    ) -> None:
        self.request = request
        self.call = call
        self.aside = aside
        self._members = members[:1] if request.controls.strict else members
        self._settings = settings
        self._started = call.clock()
        self._passed: list[Passed] = []
        # Most calls are told to nobody: what is logged least of all is asked for once.
        self._is_told = request.listeners is not None or callbacks.is_logged("response")

    # ── who serves ──

    async def choose(self) -> Choice:
        """Return the next candidate that can serve this call, and tell of it.

        Raises:
            OmnibindError: Nobody is left; the only candidate's own error, else ``AllFailed``.
        """
        while self._next < len(self._members):
            member = self._members[self._next]
            self._next += 1
            try:
                choice = await self.fit(member)
            except OmnibindError as error:
                if not self.is_unfit(error):
                    raise
                self._passed.append(Passed(member.label, None, error))
                continue
            if not self._is_paid or choice.price.usd == 0:  # nobody is paid a second time
                await self.take(choice)
                return choice
        raise self._nobody()

    async def take(self, choice: Choice) -> None:
        """Go on with a candidate, and tell of it."""
        self._chosen = choice
        # Nobody else than the first is given the caller's key: it may be of another service.
        is_first = choice.candidate is self._members[0].candidate
        self.call.api_key = self.request.controls.api_key if is_first else None
        if not self._has_begun:
            await self._begin()
        if self._untold == len(self._passed):
            return
        for label, model, error in self._passed[self._untold :]:
            self._untold += 1
            if self._wants("fallback"):
                event = self._event("fallback", self._counts(), error)
                following = choice.candidate.label
                await self._tell(event._replace(binding=label, model=model, next_binding=following))

    async def fit(self, member: Member) -> Choice:
        """Return the choice of a candidate for this call.

        Raises:
            OmnibindError: It can't serve this call; see :meth:`is_unfit`.
        """
        candidate = member.candidate
        if candidate is None:
            candidate = await Run(self.aside, member.prepare)
        request, label = self.request, candidate.label
        if request.controls.api_key is not None and not candidate.is_remote:
            raise BadOption(f"{label} runs on this machine and needs no api_key; leave it out")
        options = candidate.schema_of(request.verb).check(request.options, label, BadOption)
        named = options.get("model") if candidate.is_remote else None
        model, subject = request.facts.model or named, request.subject
        if request.reads:
            choice = await Run(
                self.aside,
                lambda: Choice(candidate, subject(candidate), options, model or candidate.model),
            )
        else:
            arguments = subject(candidate)
            if len(arguments) > 1:
                model = candidate.model_of(arguments[1])
            choice = Choice(candidate, arguments, options, model or candidate.model)
        self._is_sound = True
        choice.check_length(request.names[0])
        if self._settings.policy.commercial:
            self._check_licence(choice)
        if candidate.clones:
            await self._check_voice(choice)
        if len(self._members) > 1 and candidate.place.is_stuck:
            raise Stuck(f"an earlier call still occupies {label} and can't be stopped")
        return choice

    def is_unfit(self, error: OmnibindError) -> bool:
        """Tell whether an error of :meth:`fit` leaves it to the next candidate to serve."""
        return isinstance(error, UNFIT) or (self._is_sound and isinstance(error, BadInput))

    def _check_licence(self, choice: Choice) -> None:
        candidate, demands = choice.candidate, self._settings.policy
        entries = candidate.models
        instead = [name for name, entry in entries.items() if demands.allows(entry.license)]
        demands.check(candidate.label, choice.model, choice.licence(), instead)

    async def _check_voice(self, choice: Choice) -> None:
        """Refuse a voice that is cloned without consent; make the path of a recording absolute."""
        candidate, controls = choice.candidate, self.request.controls
        voice = choice.subject[1] if len(choice.subject) > 1 else None
        recordings = [choice.options.get(n) for n in policy.recording_options(candidate.schema)]
        if voice is None:
            recordings += candidate.recordings
        if not policy.consent_needed(candidate.clones, voice, (), recordings):
            return
        # The list may be long in coming: it is asked for only where the voice may be a recording.
        if policy.consent_needed(candidate.clones, None, (), recordings):
            known: Sequence[str] = ()
        else:
            is_listed = candidate.native("list_voices") is not None
            known = await asked(candidate, self.call, "list_voices", {}) if is_listed else ()
        if policy.consent_needed(candidate.clones, voice, known, recordings):
            policy.check_consent(candidate.label, controls.consent, candidate.consent)
        if isinstance(voice, str) and voice not in known:
            _name_absolutely(choice, voice)

    def fall_back(self, choice: Choice, error: OmnibindError) -> None:
        """Let the next candidate try; raises ``error`` where none may."""
        judged, verdict = self._judged or (None, None)
        # Any other error isn't the candidate's: a budget, the deadline while it waited.
        if judged is not error or verdict is None or not verdict.fallback:
            raise error
        if len(self._members) == 1:
            raise error
        self._is_paid = self._is_paid or verdict.paid
        self._revised = None  # the next one gets the caller's own prompt
        self._passed.append(Passed(choice.candidate.label, choice.model, error))

    def _nobody(self) -> OmnibindError:
        errors = [passed.error for passed in self._passed]
        if len(errors) == 1 or all(isinstance(error, UsageError) for error in errors):
            return errors[0]
        told = "; ".join(f"({number}) {error}" for number, error in enumerate(errors, 1))
        return AllFailed(f"none of {len(errors)} bindings served: {told}", errors=errors)

    # ── what it costs ──

    def reserved(self, choice: Choice) -> Reservation | None:
        """Set aside what a try is expected to cost; None where there is no budget.

        Raises:
            BudgetExceeded: It would pass a budget, or its price isn't known.
        """
        if choice.price is FREE:
            return None
        controls = self.request.controls
        budgets = [b for b in (self._settings.budget, controls.budget) if b is not None]
        if not budgets:
            return None
        label = choice.candidate.label
        return reserve(budgets, choice.price, label, controls.allow_unknown_cost)

    def settle(self, choice: Choice, result: Any, reservation: Reservation | None) -> None:
        """Book a try that succeeded."""
        cost = choice.price
        if choice.candidate.is_remote or result.meta.cost_usd is not None:
            cost = told_by(result.meta, cost)
        self._book(choice, cost, reservation)

    def charge(
        self, choice: Choice, error: BaseException, reservation: Reservation | None
    ) -> retry.Verdict:
        """Book a try that failed, and say what may follow."""
        told = None
        if isinstance(error, BadOutput) and isinstance(error.result, (Audio, Image, Video)):
            meta = error.result.meta
            told = None if meta.cost_usd is None else told_by(meta)
        remote = choice.candidate.is_remote
        verdict = retry.verdict(
            error,
            remote=remote,
            cost=told,
            seeded=choice.options.get("seed") is not None,
            retry_paid=self.request.controls.retry_paid,
        )
        self._book(choice, verdict.cost, reservation, failed=True)
        self._judged = error, verdict
        return verdict

    def _book(
        self, choice: Choice, cost: Cost, reservation: Reservation | None, failed: bool = False
    ) -> None:
        label = self.request.controls.label
        self._settings.costs.add(choice.candidate.label, choice.model, label, cost, failed=failed)
        if reservation is not None:
            reservation.settle(cost)
        if self._cost is FREE:
            self._cost = cost
        elif cost.usd is None or self._cost.usd is None:
            self._cost = UNKNOWN
        elif cost.usd:
            basis = cost.basis if cost.basis == self._cost.basis else "estimated"
            self._cost = Cost(self._cost.usd + cost.usd, basis)

    # ── what the result is told to be ──

    def wrapped(self, made: Made[M], choice: Choice) -> M:
        """Return the result with what happened."""
        return wrapped(made, self.request, choice, self._cost, self._passed, self._revised)

    def revise(self, choice: Choice, prompt: str) -> Choice:
        """Return the choice for a changed prompt.

        Raises:
            BadInput: It has too many characters.
        """
        self.refusals += 1
        self._revised = prompt
        changed = choice.with_first(prompt)
        changed.check_length(self.request.names[0])
        return changed

    # ── who is told ──

    async def _begin(self) -> None:
        self._has_begun = True
        if not self._is_told:
            return
        self.hear()
        if self._wants("request"):
            await self._tell(self._event("request", self._counts()))

    def hear(self) -> None:
        """Have the call's progress told as this one's, where anybody wants to hear of it."""
        if self._wants("progress"):
            self.call.on_progress = self._progress

    async def end(self, result: Any) -> None:
        """Tell that the call succeeded."""
        self._ended()
        if self._is_told and self._wants("response"):
            counts = self._counts()
            counts["characters" if isinstance(result, Transcript) else "bytes"] = len(result)
            if isinstance(result, Image):
                counts["pictures"] = 1
            if (seconds := seconds_of(result)) is not None:
                counts["seconds"] = seconds
            await self._tell(self._event("response", counts))

    async def fail(self, error: BaseException) -> None:
        """Tell that the call failed, unless that was told, or wrong use kept it from beginning."""
        if self._has_ended or (not self._has_begun and isinstance(error, UsageError)):
            return
        if not self._has_begun:
            await self._begin()
        self._ended()
        if self._is_told and self._wants("error"):
            await self._tell(self._event("error", self._counts(), error))

    def _ended(self) -> None:
        self._has_ended = True
        self.call.on_progress = None  # it holds this trip, which holds the call
        self._judged = None  # an error's traceback holds it too

    def retried(self, error: BaseException, wait_s: float) -> None:
        """Log that a try failed and is made again."""
        if callbacks.is_logged("retry"):
            callbacks.log_retry(self._event("request", {}), error, wait_s)

    def _wants(self, kind: callbacks.Kind) -> bool:
        listeners = self.request.listeners
        if listeners is not None and getattr(listeners, _ON[kind]) is not None:
            return True
        return callbacks.is_logged(kind)

    async def _tell(self, event: Event) -> None:
        callbacks.log(event)
        if self.request.listeners is not None:
            waiting = callbacks.tell(self.request.listeners, event)
            if waiting:
                await Tell(waiting)

    def _progress(self, progress: Progress) -> None:
        event = self._event("progress", self._counts())._replace(progress=progress)
        callbacks.log(event)
        if self.request.listeners is not None:
            waiting = callbacks.tell(self.request.listeners, event)
            if waiting:
                self.call.finish_later(waiting)

    def _event(
        self,
        kind: callbacks.Kind,
        counts: Mapping[str, float],
        error: BaseException | None = None,
    ) -> Event:
        request, chosen, call = self.request, self._chosen, self.call
        if self._options is None:
            self._options = callbacks.described(request.options) if request.options else {}
        usd, basis = self._cost if self.attempts else (None, None)
        return Event(
            kind,
            f"{call.id}.{request.part}" if request.part else call.id,
            request.verb,
            None if chosen is None else chosen.candidate.label,
            None if chosen is None else chosen.model,
            request.controls.label,
            self._options,
            counts,
            call.clock() - self._started,
            self.attempts,
            usd,
            basis,
            error,
        )

    def _counts(self) -> dict[str, float]:
        characters = self.request.facts.characters
        return {} if characters is None else {"characters": characters}


def _name_absolutely(choice: Choice, voice: str) -> None:
    """Name a voice that is a file by its absolute path: a worker has another working folder."""
    if Path(voice).is_file():
        text, _, *further = choice.subject
        choice.subject = (text, str(Path(voice).absolute()), *further)

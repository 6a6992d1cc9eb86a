"""What the handles of all modalities share, blocking or asyncio: from choices to served calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from omnibind.calls.batch import serve_batch
from omnibind.calls.call import SUBMITTED, Call
from omnibind.calls.callbacks import Callbacks, gathered
from omnibind.calls.candidate import Candidate
from omnibind.calls.controls import Settings, hide_key, split
from omnibind.calls.driver import Flow, arun, run
from omnibind.calls.journey import patience, serve
from omnibind.calls.produce import asked
from omnibind.calls.request import Request, Subject
from omnibind.calls.streaming import Streaming, serve_stream
from omnibind.calls.streams import AsyncStream, Outcome, Stream
from omnibind.calls.turns import Turns
from omnibind.choices import Choice
from omnibind.contracts.binding import Binding
from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadOption, NotReady
from omnibind.contracts.media import Audio, Image, Meta, Transcript, Video
from omnibind.contracts.options import CALL_CONTROLS, shown
from omnibind.managers.manager import BindingManager
from omnibind.modalities.member import Member
from omnibind.running.slot import Slot

if TYPE_CHECKING:
    from omnibind.contracts.options import Schema
    from omnibind.discovery.diagnosis import Diagnosis, State

B = TypeVar("B", bound=Binding)
M = TypeVar("M", bound=Audio | Image | Video | Transcript)
T = TypeVar("T")


LET_GO_S = 15.0
"""Seconds that an engine has to free its memory, once nobody uses it."""


class NotGiven:
    """The default of an argument whose default is the binding's own."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven()


class Handle(Generic[B, M]):
    """Stands between a program and its bindings: checks, runs, verifies and reports every call.

    It is truthy when one of its bindings is ready. Nothing is loaded before the first use; any
    number of threads may use it.
    """

    modality: ClassVar[str]
    _verb: ClassVar[str]
    _names: ClassVar[tuple[str, ...]]
    _result: type[M]

    def __init__(
        self, manager: BindingManager[B], choices: Sequence[Choice], settings: Settings
    ) -> None:
        self._callbacks = Callbacks()
        self._settings = settings
        self._manager = manager
        self._members = [Member(manager, choice) for choice in choices]
        # What must wait and is no engine's: reading a file to work on, preparing a binding.
        self._aside = Turns(32, f"omnibind-{self.modality}")

    def __repr__(self) -> str:
        named = ", ".join(member.name for member in self._members)
        return f"<{type(self).__name__} {named or 'unnamed'}>"

    def __bool__(self) -> bool:
        return any(member.diagnose().is_ready for member in self._members)

    @property
    def callbacks(self) -> Callbacks:
        """Who is told of this handle's calls; its attributes may be set at any time."""
        return self._callbacks

    @callbacks.setter
    def callbacks(self, given: Callbacks | Mapping[str, Any] | None) -> None:
        self._callbacks = Callbacks.of(given)

    @property
    def binding_name(self) -> str | None:
        """The first binding's name as it was given; None where none was."""
        return self._members[0].name if self._members else None

    @property
    def binding_names(self) -> list[str]:
        """All names as they were given, in the order in which they are tried."""
        return [member.name for member in self._members]

    @property
    def state(self) -> State:
        """``ready`` where a binding is, else the first thing that must be mended."""
        return self.diagnose().state

    def diagnose(self) -> Diagnosis:
        """Say how the first ready binding does; where none is, how the first one does."""
        if not self._members:
            from omnibind.discovery.diagnosis import Diagnosis, Problem

            problem = Problem("needs-setting", self._unnamed())
            return Diagnosis("", self.modality, "static", (problem,))
        diagnoses = (member.diagnose() for member in self._members)
        first = next(diagnoses)
        if first.is_ready:
            return first
        return next((one for one in diagnoses if one.is_ready), first)

    @property
    def schema(self) -> Schema:
        """The options of the first ready binding's verb.

        Raises:
            NotReady: Something must be mended first; the message ends with the command.
        """
        return self._teller().schema

    def _schema_of(self, verb: str) -> Schema:
        """The options of one of the first ready binding's verbs.

        Raises:
            NotReady: Something must be mended first, or it has no such verb.
        """
        return self._teller().schema_of(verb)

    def _unnamed(self) -> str:
        return f"no {self.modality} binding was named; name one: Client({self.modality}=…)"

    def _first(self) -> Candidate:
        """Return the first binding that is ready; for what isn't a call."""
        first: NotReady | None = None
        for member in self._named():
            try:
                return member.prepare()
            except NotReady as error:
                first = first or error
        assert first is not None
        raise first

    def _teller(self) -> Candidate:
        """Return the first binding that is ready, else the first that lacks but its model."""
        try:
            return self._first()
        except NotReady:
            tellers = (member.teller() for member in self._members)
            teller = next((one for one in tellers if one is not None), None)
            if teller is None:
                raise
            return teller

    def _named(self) -> list[Member[B]]:
        if self._members:
            return self._members
        from omnibind.contracts.errors import SettingMissing

        raise SettingMissing(self._unnamed())

    # ── flows, for both drivers ──

    def _prepared(
        self,
        subject: Subject,
        options: dict[str, Any],
        facts: Meta,
        reads: bool = False,
        is_batch: bool = False,
    ) -> tuple[Request, Call[Any]]:
        """Return a request and its call: what was said about it is told from the options."""
        controls, settings = self._settings.controls, self._settings
        if "api_key" in options:
            hide_key(options)
        if not CALL_CONTROLS.isdisjoint(options):
            given, options = split(options)
            if "return_errors" in given and not is_batch:
                raise BadOption("return_errors is for a batch; one call raises its error")
            controls = controls.changed(given)
        listeners = gathered(
            (settings.callbacks, self._callbacks, controls.callbacks), controls.own
        )
        request = Request(
            self._verb, subject, self._names, options, controls, listeners, facts, reads
        )
        call = SUBMITTED.get()
        if call is None:
            call = Call(controls.timeout_s)
        else:
            SUBMITTED.set(None)  # a listener may make calls of its own
            call.limit(controls.timeout_s)
        controls.hand_to(call)
        return request, call

    def _aside_call(self) -> Call[Any]:
        """Return a call for what isn't a verb: a list of voices that a service is asked for."""
        call: Call[Any] = Call()
        self._settings.controls.hand_to(call)
        return call

    def _each(self, subjects: Any, name: str) -> list[Any]:
        """Refuse one where several are wanted: a str is a sequence of str too."""
        from collections.abc import Iterable

        if isinstance(subjects, (str, bytes)) or not isinstance(subjects, Iterable):
            raise BadOption(f"{name} is {shown(subjects)}; give a list")
        return list(subjects)

    def _several(
        self,
        subjects: Sequence[tuple[Subject, Meta]],
        options: dict[str, Any],
        reads: bool,
    ) -> tuple[list[Request], Call[Any]]:
        if not subjects:
            return [], Call()
        (subject, facts), rest = subjects[0], subjects[1:]
        first, call = self._prepared(subject, options, facts, reads, is_batch=True)
        return [first, *(first._replace(subject=s, facts=f) for s, f in rest)], call

    def _served_each(self, requests: Sequence[Request], call: Call[Any]) -> Flow[list[Any]]:
        members, settings = self._named(), self._settings
        return serve_batch(members, requests, call, self._result, settings, self._aside)

    def _items(
        self,
        request: Request,
        call: Call[Any],
        streaming: Streaming[T, M],
        outcome: Outcome[M],
    ) -> AsyncGenerator[T, None]:
        members, settings = self._named(), self._settings
        return serve_stream(members, request, call, streaming, outcome, settings, self._aside)

    def _served(self, request: Request, call: Call[Any]) -> Flow[M]:
        return serve(self._named(), request, call, self._result, self._settings, self._aside)

    async def _asked(self, verb: str, options: dict[str, Any], call: Call[Any]) -> Any:
        # The binding itself declares what its lists and settings take.
        candidate = await Run(self._aside, self._teller)
        return await asked(candidate, call, verb, options)

    async def _loaded(self) -> None:
        candidate = await Run(self._aside, self._first)
        await patience(candidate)
        await Run(candidate.place.turns, candidate.place.load)

    async def _unloaded(self, call: Call[Any]) -> None:
        for member in self._members:
            slot = member.slot
            # An engine that another client holds as well stays; it may be loaded again here.
            if slot is not None and member.candidate is not None and member.leave():
                await patience(member.candidate)
                await Run(slot.turns.whole, partial(_let_go, slot, call))

    async def _changed(self, change: Callable[[Any], bool]) -> bool:
        first = await Run(self._aside, self._first)
        (member,) = (one for one in self._members if one.candidate is first)
        candidate = await Run(self._aside, member.part)
        await patience(candidate)
        slot = candidate.place
        assert isinstance(slot, Slot)
        return await Run(slot.turns.whole, lambda: slot.change(lambda: change(candidate.binding)))


def _let_go(slot: Slot, call: Call[Any]) -> None:
    """Let go of an engine that nobody uses; the time that was given was for waiting for that."""
    if call.deadline is not None:
        call.limit(LET_GO_S)
    slot.let_go()


class BlockingHandle(Handle[B, M]):
    """A handle whose verbs return when they are done."""

    def load(self) -> None:
        """Load the first ready binding's engine now, rather than at the first call."""
        run(self._loaded(), Call())

    def unload(self, timeout_s: float | None = None) -> None:
        """Let go of the engines once no call runs; later calls load them again.

        Args:
            timeout_s: Seconds to wait at most for calls that run and streams that are open.

        Raises:
            Stuck: A call that can't be stopped occupies one.
            DeadlineExceeded: After ``timeout_s`` one was still in use.
        """
        call: Call[None] = Call(timeout_s)
        run(self._unloaded(call), call)

    def list_models(self, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""
        models: list[str] = self._ask("list_models", options)
        return models

    def _call(
        self, subject: Subject, options: dict[str, Any], facts: Meta, reads: bool = False
    ) -> M:
        request, call = self._prepared(subject, options, facts, reads)
        return run(self._served(request, call), call)

    def _ask(self, verb: str, options: dict[str, Any]) -> Any:
        call = self._aside_call()
        return run(self._asked(verb, options, call), call)

    def _batch(
        self,
        subjects: Sequence[tuple[Subject, Meta]],
        options: dict[str, Any],
        reads: bool = False,
    ) -> list[M]:
        requests, call = self._several(subjects, options, reads)
        results: list[M] = run(self._served_each(requests, call), call)
        return results

    def _stream(
        self,
        subject: Subject,
        options: dict[str, Any],
        facts: Meta,
        streaming: Streaming[T, M],
        reads: bool = False,
    ) -> Stream[T, M]:
        request, call = self._prepared(subject, options, facts, reads)
        outcome: Outcome[M] = Outcome()
        return Stream(self._items(request, call, streaming, outcome), call, outcome)

    def _change(self, change: Callable[[Any], bool]) -> bool:
        return run(self._changed(change), Call())


class AsyncHandle(Handle[B, M]):
    """A handle whose verbs are awaited; they never block the event loop."""

    async def load(self) -> None:
        """Load the first ready binding's engine now, rather than at the first call."""
        await arun(self._loaded(), Call())

    async def unload(self, timeout_s: float | None = None) -> None:
        """Let go of the engines once no call runs; later calls load them again.

        Args:
            timeout_s: Seconds to wait at most for calls that run and streams that are open.

        Raises:
            Stuck: A call that can't be stopped occupies one.
            DeadlineExceeded: After ``timeout_s`` one was still in use.
        """
        call: Call[None] = Call(timeout_s)
        await arun(self._unloaded(call), call)

    async def list_models(self, **options: Any) -> list[str]:
        """Return the models that can be used now or after a pull."""
        models: list[str] = await self._ask("list_models", options)
        return models

    async def _call(
        self, subject: Subject, options: dict[str, Any], facts: Meta, reads: bool = False
    ) -> M:
        request, call = self._prepared(subject, options, facts, reads)
        return await arun(self._served(request, call), call)

    async def _ask(self, verb: str, options: dict[str, Any]) -> Any:
        call = self._aside_call()
        return await arun(self._asked(verb, options, call), call)

    async def _batch(
        self,
        subjects: Sequence[tuple[Subject, Meta]],
        options: dict[str, Any],
        reads: bool = False,
    ) -> list[M]:
        requests, call = self._several(subjects, options, reads)
        results: list[M] = await arun(self._served_each(requests, call), call)
        return results

    def _stream(
        self,
        subject: Subject,
        options: dict[str, Any],
        facts: Meta,
        streaming: Streaming[T, M],
        reads: bool = False,
    ) -> AsyncStream[T, M]:
        request, call = self._prepared(subject, options, facts, reads)
        outcome: Outcome[M] = Outcome()
        return AsyncStream(self._items(request, call, streaming, outcome), call, outcome)

    async def _change(self, change: Callable[[Any], bool]) -> bool:
        return await arun(self._changed(change), Call())

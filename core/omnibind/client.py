"""The one object that a program holds, blocking or asyncio."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypedDict, TypeVar

from omnibind import modalities
from omnibind.calls.call import SUBMITTED, Call
from omnibind.calls.callbacks import Callbacks, Listeners
from omnibind.calls.controls import CLIENT_CONTROLS, Settings
from omnibind.calls.costs import CostRow
from omnibind.calls.driver import arun
from omnibind.choices import MODALITIES, Choice, Specs, choices_of, hidden
from omnibind.contracts.errors import BadConfig, DeadlineExceeded, Stuck, suggest
from omnibind.managers import MANAGERS

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Self, Unpack

    import httpx2

    from omnibind.modalities.handle import Handle
    from omnibind.modalities.plan import Plan
    from omnibind.running.stays import Freed, ResidentRow

CLOSE_S = 2.0
"""Seconds that closing a client waits for calls that still run."""

P = ParamSpec("P")
R = TypeVar("R")


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of a client: three spellings a modality, and what holds for all calls.

    The latter are told in :mod:`omnibind.calls.controls`.
    """

    tts: Specs | None
    tti: Specs | None
    stt: Specs | None
    ttm: Specs | None
    ttv: Specs | None
    sfx: Specs | None
    tts_binding_name: str | None
    tti_binding_name: str | None
    stt_binding_name: str | None
    ttm_binding_name: str | None
    ttv_binding_name: str | None
    sfx_binding_name: str | None
    tts_binding_config: Mapping[str, Any] | None
    tti_binding_config: Mapping[str, Any] | None
    stt_binding_config: Mapping[str, Any] | None
    ttm_binding_config: Mapping[str, Any] | None
    ttv_binding_config: Mapping[str, Any] | None
    sfx_binding_config: Mapping[str, Any] | None
    timeout_s: float | None
    verify: bool | Mapping[str, bool]
    max_result_bytes: int
    callbacks: Callbacks | None
    on_request: Listeners
    on_response: Listeners
    on_error: Listeners
    on_progress: Listeners
    on_fallback: Listeners
    on_refusal: Callable[..., Any] | None
    label: str | None
    strict: bool
    recipe: bool
    budget_usd: float | None
    allow_unknown_cost: bool
    retry_paid: bool
    policy: Mapping[str, bool] | None
    memory: str | int | Mapping[str, str | int] | None
    http_client: httpx2.Client | httpx2.AsyncClient | None


class _AnyClient:
    """What both clients share: how they are made, and what they know without waiting."""

    _kinds: ClassVar[Mapping[str, type[modalities.Handle[Any, Any]]]]
    _jobs_kind: ClassVar[Any]
    _settings: Settings

    def __init__(self, **named: Unpack[ClientOptions]) -> None:
        # No key stays in the locals of this frame, which a traceback may show.
        arguments: dict[str, Any] = named  # type: ignore[assignment]  # a TypedDict is a dict
        arguments.update((name, hidden(given)) for name, given in arguments.items())
        choices, settings = _read(named)
        self._take(choices, settings)

    @classmethod
    def from_config(cls, name: str | os.PathLike[str] = "default") -> Self:
        """Make a client as a configuration file says.

        Args:
            name: A file in the user's or the shipped ``configs/``; with a separator or an ending
                ``.yaml`` it is a path.

        Raises:
            BadConfig: There is no such file, or its content is wrong.
            UnknownBinding: A binding that it names isn't there.
        """
        from omnibind.config import read_config

        file = read_config(name)
        client = cls.__new__(cls)
        client._take(file.choices, _settings(file.settings))
        return client

    def _take(self, choices: Mapping[str, tuple[Choice, ...]], settings: Settings) -> None:
        self._settings = settings
        for name, handle in self._kinds.items():
            setattr(self, name, handle(MANAGERS[name](), choices.get(name, ()), settings))
        # The handles, not the client: a cycle would keep its engines until it is collected.
        handles = {name: getattr(self, name) for name in self._kinds}
        self.jobs = self._jobs_kind(handles, settings)

    def __repr__(self) -> str:
        named = [
            f"{handle.modality}={', '.join(handle.binding_names)!r}"
            for handle in self._handles()
            if handle.binding_names
        ]
        return f"{type(self).__name__}({', '.join(named)})"

    @property
    def callbacks(self) -> Callbacks:
        """Who is told of this client's calls; its attributes may be set at any time."""
        return self._settings.callbacks

    @callbacks.setter
    def callbacks(self, given: Callbacks | Mapping[str, Any] | None) -> None:
        self._settings.callbacks = Callbacks.of(given)

    def resident(self) -> list[ResidentRow]:
        """Return what this process has loaded, by any client: the longest unused first."""
        from omnibind.running.keeper import keeper

        return keeper().resident()

    def costs(self) -> list[CostRow]:
        """Return what this client's calls cost: a row for every binding, model and label."""
        return self._settings.costs.rows()

    def total_cost(self) -> CostRow:
        """Return what all calls of this client cost together."""
        return self._settings.costs.total()

    def _handles(self) -> Iterator[Handle[Any, Any]]:
        for modality in MODALITIES:
            yield getattr(self, modality)

    def _named(self) -> Iterator[Any]:
        return (handle for handle in self._handles() if handle.binding_names)


class Client(_AnyClient):
    """One handle a modality, each served by the bindings that were named for it.

    ::

        Client(tts="piper")                                   # a name
        Client(tts="piper/en_US-joe-medium")                  # binding/model
        Client(tts={"binding": "piper", "default_voice": …})  # with configuration
        Client(tts=["elevenlabs", "piper"])                   # the second where the first fails
        Client(tts_binding_name="bark", tts_binding_config={"model_name": …})
        Client.from_config("mock")                            # configs/mock.yaml

    Construction looks names up and checks configuration; it loads nothing. Any number of threads
    may use one client.

    Raises:
        UnknownBinding: Nothing has that name; the message names near ones.
        BadConfig: A spelling or a configuration value is wrong.
    """

    _kinds = modalities.HANDLES

    _jobs_kind: ClassVar[Any] = modalities.Jobs

    tts: modalities.TextToSpeech
    tti: modalities.TextToImage
    stt: modalities.SpeechToText
    ttm: modalities.TextToMusic
    ttv: modalities.TextToVideo
    sfx: modalities.TextToSound
    jobs: modalities.Jobs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def submit(self, verb: Callable[P, R], /, *args: P.args, **options: P.kwargs) -> Call[R]:
        """Begin a call and return at once.

        Args:
            verb: A method of one of this client's handles: ``client.tti.generate_image``.
            args: What it takes by position.
            options: What it takes by name; ``timeout_s`` counts from now.

        Returns:
            The call: ``result()``, ``cancel()``, ``progress``.
        """
        import threading
        from contextvars import copy_context

        call: Call[R] = Call(is_firm=True)
        call.begin()

        def serve() -> None:
            SUBMITTED.set(call)
            try:
                result = verb(*args, **options)
            except BaseException as error:  # told by result()
                call.end(error=error)
            else:
                call.end(result)

        context = copy_context()
        thread = threading.Thread(
            target=context.run, args=(serve,), name="omnibind-submit", daemon=True
        )
        thread.start()
        return call

    def plan(self, modality: str, *subject: Any, **options: Any) -> Plan:
        """Say what a call would do; nothing is run, loaded, fetched or written.

        Args:
            modality: ``tts``, …
            subject: What its verb takes by position.
            options: What its verb takes by name, call controls too; for pictures also ``n``.

        Raises:
            BadInput: There is no such modality, or its verb doesn't take such arguments.
            SettingMissing: No binding was named for it.
            BadOption: A call control has a wrong value.
        """
        from omnibind.modalities.plan import handle_of, plan_of

        return plan_of(handle_of(self, modality), subject, options)

    def free(self, label: str | None = None) -> list[Freed]:
        """Let go of engines of this process that nobody uses now; later calls load them again.

        Args:
            label: ``modality/name``, with ``/model`` where wanted: of these, pinned ones too; None
                is all but the pinned ones.

        Returns:
            What each one held, and what came back.
        """
        from omnibind.running.keeper import keeper

        return keeper().free(label)

    def load(self) -> None:
        """Load every handle's first ready engine now, rather than at the first call."""
        for handle in self._named():
            handle.load()

    def unload(self) -> None:
        """Let go of every engine once no call runs; later calls load them again."""
        for handle in self._named():
            handle.unload()

    def close(self) -> None:
        """Let go of everything but engines that can't be stopped; later calls load them again."""
        for handle in self._named():
            try:
                handle.unload(CLOSE_S)
            except (Stuck, DeadlineExceeded):
                _warn(handle)


class AsyncClient(_AnyClient):
    """A :class:`Client` whose verbs are awaited; it never blocks the event loop.

    Engines run on threads of their own, which the end of the process doesn't wait for.
    """

    _kinds = modalities.ASYNC_HANDLES

    _jobs_kind: ClassVar[Any] = modalities.AsyncJobs

    tts: modalities.AsyncTextToSpeech
    tti: modalities.AsyncTextToImage
    stt: modalities.AsyncSpeechToText
    ttm: modalities.AsyncTextToMusic
    ttv: modalities.AsyncTextToVideo
    sfx: modalities.AsyncTextToSound
    jobs: modalities.AsyncJobs

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def submit(
        self, verb: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **options: P.kwargs
    ) -> Call[R]:
        """Begin a call as a task of the running event loop; the call itself can be awaited.

        Args:
            verb: A method of one of this client's handles: ``client.tti.generate_image``.
            args: What it takes by position.
            options: What it takes by name; ``timeout_s`` counts from now.
        """
        import asyncio
        from contextvars import copy_context

        call: Call[R] = Call(is_firm=True)
        context = copy_context()
        context.run(SUBMITTED.set, call)
        loop = asyncio.get_running_loop()
        call.begin_task(loop.create_task(verb(*args, **options), context=context))
        return call

    async def plan(self, modality: str, *subject: Any, **options: Any) -> Plan:
        """Say what a call would do; see :meth:`Client.plan`."""
        from omnibind.contracts.effects import Run
        from omnibind.modalities.plan import handle_of, plan_of

        handle = handle_of(self, modality)

        async def planned() -> Plan:
            return await Run(handle._aside, lambda: plan_of(handle, subject, options))

        return await arun(planned(), Call())

    async def free(self, label: str | None = None) -> list[Freed]:
        """Let go of engines that nobody uses now; see :meth:`Client.free`."""
        from omnibind.contracts.effects import Run
        from omnibind.running.keeper import keeper

        async def freed() -> list[Freed]:
            return await Run(self.tts._aside, lambda: keeper().free(label))

        return await arun(freed(), Call())

    async def load(self) -> None:
        """Load every handle's first ready engine now, rather than at the first call."""
        for handle in self._named():
            await handle.load()

    async def unload(self) -> None:
        """Let go of every engine once no call runs; later calls load them again."""
        for handle in self._named():
            await handle.unload()

    async def close(self) -> None:
        """Let go of everything but engines that can't be stopped; later calls load them again."""
        for handle in self._named():
            try:
                await handle.unload(CLOSE_S)
            except (Stuck, DeadlineExceeded):
                _warn(handle)


def _warn(handle: Handle[Any, Any]) -> None:
    import logging

    logging.getLogger("omnibind.client").warning(
        "%r is still in use by a call or an open stream; its engine stays loaded", handle
    )


def _read(named: Mapping[str, Any]) -> tuple[dict[str, tuple[Choice, ...]], Settings]:
    known = ClientOptions.__annotations__
    for argument in named:
        if argument not in known:
            raise BadConfig(f"Client has no argument {argument!r}; {suggest(argument, known)}")
    choices: dict[str, tuple[Choice, ...]] = {}
    for modality in MODALITIES:
        spec = named.get(modality)
        name = named.get(f"{modality}_binding_name")
        config = named.get(f"{modality}_binding_config")
        if spec is not None and (name is not None or config is not None):
            raise BadConfig(f"give either {modality}= or {modality}_binding_name=, not both")
        if name is None and config is not None:
            raise BadConfig(f"{modality}_binding_config= goes with {modality}_binding_name=")
        if name is not None:
            spec = {"binding": name, **(config or {})}
        if spec is not None:
            choices[modality] = choices_of(spec, modality)
    given = {name: named[name] for name in (*CLIENT_CONTROLS, "memory") if name in named}
    return choices, _settings(given)


def _settings(given: Mapping[str, Any]) -> Settings:
    """Return what holds for all calls; what holds for the memory of the process is set there."""
    given = dict(given)
    memory = given.pop("memory", None)
    settings = Settings(given)
    if memory is not None:
        from omnibind.running.keeper import keeper

        keeper().limit(memory)
    return settings

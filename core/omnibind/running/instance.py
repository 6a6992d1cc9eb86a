"""A binding that lives in a worker, seen from here."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Generator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import DeadlineExceeded, OutOfMemory, WeightsMissing, WorkerDied
from omnibind.contracts.frames import Frame
from omnibind.contracts.media import Source
from omnibind.contracts.wire_form import Packed, pack, unpack
from omnibind.running.engine import Engine
from omnibind.running.link import NOTHING, Gone
from omnibind.running.patience import Limit, Patience
from omnibind.running.worker import Worker

UNLOAD_S = 10.0
"""An engine that takes longer to let go is ended with its worker."""

_NUMBERS = count(1)
_ALL: weakref.WeakSet[Instance] = weakref.WeakSet()
_WITHOUT_ENGINE = ("list_", "get_", "set_", "voices", "options_for")


class Made(NamedTuple):
    """What it takes to make a binding, as its manager does in process.

    Attributes:
        root: The root folder that it lies in.
        modality: Its modality.
        name: Its name.
        entry: Its class in ``binding.py``.
        configuration: The constructor's arguments, checked.
        methods: What ``methods_of`` says of the class.
        media: Names of its media arguments, each with its family.
        catalogue: The models that its ``models.yaml`` lists.
        voices: What that says of voices.
        find_weights: Finds a model's files; None where it has none.
    """

    root: Path
    modality: str
    name: str
    entry: str
    configuration: Mapping[str, Any]
    methods: Mapping[str, Mapping[str, Any]]
    media: Mapping[str, str] = {}
    catalogue: tuple[str, ...] = ()
    voices: Mapping[str, Any] = {}
    find_weights: Callable[[str], Path] | None = None


class Instance:
    """One binding in an engine's worker; it is made again there when the worker was replaced."""

    def __init__(self, made: Made, engine: Engine) -> None:
        self.made = made
        self.engine = engine
        self._number = next(_NUMBERS)
        self._opened: Worker | None = None
        self._settings: dict[str, Any] = {}
        self._users: weakref.WeakSet[Binding] = weakref.WeakSet()
        self._begin()
        _ALL.add(self)
        engine.held[self._number] = None
        weakref.finalize(self, _forget, engine, self._number).atexit = False

    def _begin(self) -> None:
        self._lock = threading.Lock()

    @property
    def is_loaded(self) -> bool:
        """True while its engine is in memory."""
        worker = self._loaded
        return worker is not None and worker.is_usable

    @property
    def _loaded(self) -> Worker | None:
        return self.engine.held[self._number]

    @_loaded.setter
    def _loaded(self, worker: Worker | None) -> None:
        self.engine.held[self._number] = worker

    @property
    def worker_pid(self) -> int | None:
        """The process that it lives in; None before it was started and after its end."""
        worker = self.engine.present
        return worker.pid if worker is not None and worker.is_usable else None

    def load(self, user: Binding) -> None:
        """Have the binding load its engine; loading it again changes nothing."""
        self._ready(Patience(), needs_engine=True, is_anew=True)
        self._users.add(user)

    def unload(self, user: Binding) -> None:
        """Have it let go of the engine, unless others that loaded it still want it.

        The worker ends with the last that was loaded in it.
        """
        self._users.discard(user)
        if self._users:
            return
        worker, self._loaded = self._opened, None
        if worker is None or not worker.is_usable:
            return
        try:
            self._ask(worker, "unload", Limit(UNLOAD_S))
        except (Gone, WorkerDied, OutOfMemory, DeadlineExceeded):
            return  # with its process, the engine is gone too
        is_needed = worker in list(self.engine.held.values())
        if not is_needed and worker.end(if_idle=True):
            worker.join()

    def changed(self, settings: Mapping[str, Any]) -> Instance | None:
        """Return one of its own for who changes the settings; None where nothing changes.

        Others who hold this one, because their configuration was equal, see no change.
        """
        own = Instance(self.made, self.engine)
        own._settings = dict(self._settings)
        if not own.call("set_settings", (dict(settings),), {}):
            return None
        own._settings.update(settings)
        return own

    def call(self, method: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """Call a method of the binding and return what it returns, or raise what it raises."""
        packed = self._packed(method, args, options)
        patience = Patience()
        worker, frame = self._sent(method, packed, patience)
        if "stream" in frame.head:
            return self._items(worker, frame.head["stream"])
        value = _value(frame)
        if _needs_engine(method):
            self.engine.succeeded()
        return value

    def stream(
        self, method: str, args: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Generator[Any, None, Any]:
        """Call a method that yields, and yield what it does; the next item is made when asked."""
        packed = self._packed(method, args, options)
        worker, frame = self._sent(method, packed, Patience())
        _value(frame)
        whole = yield from self._items(worker, frame.head["stream"])
        self.engine.succeeded()
        return whole

    def _items(self, worker: Worker, number: int) -> Generator[Any, None, Any]:
        link, order = worker.link, {"do": "next", "stream": number}
        try:
            while True:
                try:
                    frame = link.request(order, NOTHING, Patience(), self._answer)
                except Gone:
                    raise worker.death() from None
                if "value" not in frame.head:
                    link.streams.discard(number)  # the worker has let go of it too
                    return _value(frame)
                yield _value(frame)
        finally:
            closed = link.close_stream(number)
            if closed is not None:
                _value(closed)

    def _sent(self, method: str, packed: Packed, patience: Patience) -> tuple[Worker, Frame]:
        while True:
            worker = self._ready(patience, needs_engine=_needs_engine(method))
            order = {"do": "call", "binding": self._number, "method": method}
            try:
                return worker, worker.link.request(order, packed, patience, self._answer)
            except Gone:
                continue

    def _packed(self, method: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> Packed:
        names = self.made.methods[method]["positional"]
        media = self.made.media
        by_name = [
            as_source(value, media.get(name)) for name, value in zip(names, args, strict=False)
        ]
        given = {name: as_source(value, media.get(name)) for name, value in options.items()}
        return pack([[*by_name, *args[len(by_name) :]], given])

    def _ready(self, patience: Patience, *, needs_engine: bool, is_anew: bool = False) -> Worker:
        """Return the worker once the binding is made there, and loaded where that is needed."""
        while True:
            worker = self.engine.worker(patience)
            is_there = self._opened is worker and not is_anew
            if is_there and (self._loaded is worker or not needs_engine):
                return worker
            try:
                with patience.holding(self._lock):
                    if self._opened is not worker:
                        self._open(worker, patience)
                    if needs_engine and (is_anew or self._loaded is not worker):
                        self._ask(worker, "load", patience)
                        self._loaded = worker
                return worker
            except Gone:
                continue

    def _open(self, worker: Worker, patience: Patience) -> None:
        made = self.made
        wanted = {
            "root": made.root,
            "modality": made.modality,
            "name": made.name,
            "entry": made.entry,
            "configuration": dict(made.configuration),
            "catalogue": made.catalogue,
            "voices": dict(made.voices),
        }
        order = {"do": "open", "binding": self._number}
        _value(worker.link.request(order, pack(wanted), patience, self._answer))
        if self._settings:
            self._ask(worker, "set_settings", patience, self._settings)
        self._opened = worker

    def _ask(self, worker: Worker, method: str, patience: Patience, *args: Any) -> None:
        order = {"do": "call", "binding": self._number, "method": method}
        _value(worker.link.request(order, pack([list(args), {}]), patience, self._answer))

    def _answer(self, question: str, value: Any) -> Any:
        _, model = value
        if self.made.find_weights is None:
            name = f"{self.made.modality}/{self.made.name}"
            raise WeightsMissing(f"{name} has no catalogue to look up {model!r} in")
        return self.made.find_weights(model)


def as_source(value: Any, family: str | None) -> Any:
    """Return a media input so that it means the same in a worker, whose folder is another."""
    if family is None or value is None:
        return value
    if isinstance(value, list):
        return [as_source(item, family) for item in value]
    return Source.of(value, family)


def _value(frame: Frame) -> Any:
    head = frame.head
    if "error" in head:
        raise unpack(head["error"], frame.parts)
    return unpack(head.get("end", head.get("value")), frame.parts)


def _needs_engine(method: str) -> bool:
    return not method.startswith(_WITHOUT_ENGINE)


def _forget(engine: Engine, number: int) -> None:
    # A finalizer: it may run in any thread, with any lock held.
    engine.held.pop(number, None)
    worker = engine.present
    if worker is not None and worker.is_usable:
        worker.forgotten.append(number)
        worker.wake()


def _after_fork() -> None:
    for instance in list(_ALL):
        instance._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

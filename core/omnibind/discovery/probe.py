"""The probe: a child process that imports bindings to look at them.

A binding that ends, blocks or breaks its interpreter at import costs the child, which is replaced;
the others are still examined.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from omnibind import __version__
from omnibind.contracts.errors import BindingBroken
from omnibind.contracts.options import Schema
from omnibind.discovery.places import Found
from omnibind.weights.places import home

LIMIT_S = 20.0
"""How long one import may take before the binding is called broken."""

_BOOT = "import sys; sys.path[:] = {path!r}; from omnibind.contracts.child import main; main()"
_TAIL_BYTES = 2000


class Facts(NamedTuple):
    """What an import told of a binding's class.

    Attributes:
        configuration: The constructor's keyword parameters.
        verb: The options of the contract's verb.
        doc: The class's docstring.
        powers: The options of further verbs and of the batch that it defines, by name.
    """

    configuration: Schema
    verb: Schema
    doc: str
    powers: Mapping[str, Schema] = {}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Facts:
        """Rebuild from what the child wrote."""
        return cls(
            Schema.from_data(data["configuration"]),
            Schema.from_data(data["verb"]),
            data["doc"],
            {name: Schema.from_data(one) for name, one in data.get("powers", {}).items()},
        )


Report = Facts | BindingBroken


class Probe:
    """Examines bindings in one child process after another; close it, or use ``with``."""

    def __init__(self, limit_s: float | None = None) -> None:
        self._limit_s = LIMIT_S if limit_s is None else limit_s
        self._child: _Child | None = None

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child process."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def examine(self, found: Found, entry: str) -> Report:
        """Import one binding in the child and say what it is, or why it is broken."""
        cached = _cache_path(found, entry)
        if cached.is_file():
            try:
                return Facts.from_data(json.loads(cached.read_bytes()))
            except (ValueError, KeyError, TypeError):
                cached.unlink(missing_ok=True)
        if self._child is None:
            self._child = _Child()
        order = {
            "root": str(found.root.folder),
            "modality": found.modality,
            "name": found.name,
            "entry": entry,
        }
        answer = self._child.ask(order, self._limit_s)
        if answer is None:
            broken = BindingBroken(self._child.epitaph(found, self._limit_s))
            self.close()
            return broken
        if "error" in answer:
            return BindingBroken(answer["error"])
        _remember(cached, answer["facts"])
        return Facts.from_data(answer["facts"])


def probe(items: Iterable[tuple[Found, str]], limit_s: float | None = None) -> dict[Found, Report]:
    """Examine several bindings (with their entry classes) in one child process."""
    with Probe(limit_s) as child:
        return {found: child.examine(found, entry) for found, entry in items}


class _Child:
    def __init__(self) -> None:
        import tempfile

        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="omnibind-probe", daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def ask(self, order: dict[str, str], limit_s: float) -> dict[str, Any] | None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=limit_s)
        except (OSError, queue.Empty):
            return None
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer

    def epitaph(self, found: Found, limit_s: float) -> str:
        owner = f"{found.modality}/{found.name}"
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return f"importing {owner} didn't end within {limit_s:g} s; look for a loop at import"
        self._errors.seek(0, 2)
        self._errors.seek(max(0, self._errors.tell() - _TAIL_BYTES))
        tail = " ".join(self._errors.read().decode("utf-8", "replace").split())
        return f"importing {owner} ended its process with code {code}" + (f": {tail}" * bool(tail))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(OSError):  # the child may have died with an order unread
                stream.close()
        self._errors.close()


def _cache_path(found: Found, entry: str) -> Path:
    digest = sha256(f"{__version__} {sys.version} {sys.prefix} {entry}".encode())
    shared = found.root.folder / "_shared"
    for path in sorted([*found.folder.rglob("*.py"), *shared.rglob("*.py")]):
        digest.update(str(path).encode() + path.read_bytes())
    return home() / "probes" / f"{digest.hexdigest()[:32]}.json"


def _remember(path: Path, facts: dict[str, Any]) -> None:
    import os

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.tmp")
        aside.write_text(json.dumps(facts), encoding="utf-8")
        aside.replace(path)
    except OSError:
        return  # a home that can't be written costs time, nothing else

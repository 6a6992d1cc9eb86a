"""What a binding does when it is imported and constructed, seen in a child process.

An audit hook can't be taken off and imported modules can't be forgotten, so both are looked at in a
process that does nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

DEADLINE_S = 120
_MARK = "\x1eomnibind observed "
_LIGHT = frozenset(("omnibind", "typing_extensions"))
_DISK = ("open", "os.", "shutil.", "tempfile.", "glob.", "pathlib.", "sqlite3.", "mmap.")
_NETWORK = ("socket.", "urllib.", "http.", "ftplib.")
_PROCESS = ("subprocess.", "os.system", "os.posix_spawn", "os.fork", "os.exec")
_AT_IMPORT = (*_NETWORK, *_PROCESS)
_AT_CONSTRUCTION = (*_AT_IMPORT, *_DISK, "ctypes.dlopen")
# Reading code is how Python imports: a module that a constructor imports isn't the disk it touches.
_CODE = (".py", ".pyc", ".so", ".pyd", ".dylib", ".zip", "__pycache__")


class Observed(NamedTuple):
    """What was seen.

    Attributes:
        error: What the import or the constructor raised, or an empty string.
        imported: Packages beyond the standard library that importing ``binding.py`` brought in.
        import_touched: Network and processes that the import touched.
        constructor_touched: Files, network, processes, threads and packages that the constructor
            touched.
        printed: What was written to standard output meanwhile.
    """

    error: str
    imported: tuple[str, ...]
    import_touched: tuple[str, ...]
    constructor_touched: tuple[str, ...]
    printed: str


def observe(folder: Path, entry: str, config: dict[str, Any]) -> Observed:
    """Import the binding in ``folder`` in a child process and construct it there."""
    order = {"folder": str(folder), "entry": entry, "config": config}
    # The parent's sys.path may hold what the interpreter alone would not find (an editable root).
    boot = "import sys; sys.path[:] = {!r}; from omnibind.testing.observe import main; main()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", boot.format(sys.path)],
            input=json.dumps(order, default=str),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Observed(f"import and constructor took more than {DEADLINE_S} s", (), (), (), "")
    printed, mark, answer = done.stdout.rpartition(_MARK)
    if not mark:
        told = done.stderr.strip()[-500:]
        error = f"the process ended with code {done.returncode} while importing: {told}"
        return Observed(error, (), (), (), done.stdout)
    seen = json.loads(answer)
    return Observed(
        seen["error"],
        tuple(seen["imported"]),
        tuple(seen["import_touched"]),
        tuple(seen["constructor_touched"]),
        printed,
    )


def main() -> None:
    """Be the child: read one order, import, construct, and print what was seen."""
    from omnibind.contracts.child import binding_class
    from omnibind.contracts.errors import OmnibindError

    order = json.loads(sys.stdin.read())
    folder = Path(order["folder"])
    events: list[str] = []
    watch: list[str] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if watch and event.startswith(tuple(watch)) and not _is_reading_code(event, args):
            events.append(f"{event} {args[0]!r}"[:200] if args else event)

    sys.addaudithook(hook)
    present = _packages()
    seen: dict[str, Any] = {"error": "", "imported": [], "import_touched": []}
    try:
        watch += _AT_IMPORT
        class_ = binding_class(
            folder.parent.parent, folder.parent.name, folder.name, order["entry"]
        )
        watch.clear()
        after_import = _packages()
        seen["imported"] = sorted(after_import - present - _own(folder))
        seen["import_touched"] = list(events)
        events.clear()
        watch += _AT_CONSTRUCTION
        with _threads_counted(events):
            class_(**order["config"])
    except OmnibindError as error:
        seen["error"] = str(error)
    except Exception as error:
        seen["error"] = f"the constructor raises {type(error).__name__}: {error}"
    finally:
        watch.clear()
    brought = _packages() - present - set(seen["imported"]) - _own(folder)
    seen["constructor_touched"] = list(events)
    seen["constructor_touched"] += [f"import {name}" for name in sorted(brought)]
    sys.stdout.write(_MARK + json.dumps(seen))


@contextmanager
def _threads_counted(events: list[str]) -> Iterator[None]:
    # Not every Python raises an audit event when a thread starts.
    start = threading.Thread.start

    def counted(self: threading.Thread) -> None:
        events.append(f"threading.Thread.start {self.name!r}")
        start(self)

    setattr(threading.Thread, "start", counted)  # noqa: B010 (mypy allows no plain assignment)
    try:
        yield
    finally:
        setattr(threading.Thread, "start", start)  # noqa: B010


def _packages() -> set[str]:
    return {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - _LIGHT


def _own(folder: Path) -> set[str]:
    from omnibind.contracts.roots import package_of

    return {package_of(folder.parent.parent).partition(".")[0]}


def _is_reading_code(event: str, args: tuple[Any, ...]) -> bool:
    if event not in ("open", "os.listdir"):
        return False
    # A number is a descriptor that is open already; the import system lists folders of sys.path.
    place = args[0]
    return isinstance(place, int) or str(place).endswith(_CODE) or str(place) in sys.path

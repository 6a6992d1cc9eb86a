"""Set everything up and run all checks and tests: ``python3 scripts/test.py [--fast] [-- ARGS]``.

The first run makes ``.venv-test`` at the root of the checkout, installs omnibind with all extras
into it and fetches the weights that the tests use; later runs do so only where something changed.
Then ruff, mypy, import-linter and pytest run, all of them even where one fails.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

WEIGHTS = (
    "tts/piper",
    "tts/kokoro",
    "stt/faster_whisper/tiny.en",
    "stt/faster_whisper/base",
    "stt/whisper/tiny.en",
    "stt/whispercpp/tiny",
)

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-test"
PROGRAMS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "omnibind-test.stamp"

# Stands before anything that an older Python can't read, so that it gets this far.
if sys.version_info < (3, 11):
    _given = ".".join(str(part) for part in sys.version_info[:3])
    sys.exit(f"test: this is Python {_given}; 3.11 or newer is needed: run python3.11 {__file__}")

CODE = ["core", "bindings", "tests", "scripts"]

CHECKS = (
    ("ruff check", ["ruff", "check", *CODE]),
    ("ruff format", ["ruff", "format", "--check", *CODE]),
    ("mypy", ["mypy"]),
    ("import-linter", ["lint-imports", "--no-logo"]),
)


def main() -> int:
    """Run every step; return 0 only where all of them passed."""
    given, for_pytest = _cut(sys.argv[1:])
    parser = argparse.ArgumentParser(
        usage="python3 scripts/test.py [--fast] [-- ARGUMENTS FOR PYTEST]",
        description="Set everything up and run all checks and tests.",
    )
    parser.add_argument("--fast", action="store_true", help="skip the set-up")
    arguments = parser.parse_args(given)
    environment = clean_environment()
    if arguments.fast and not PYTHON.exists():
        parser.error(f"--fast needs {VENV.name}; run without it once")
    if not arguments.fast and not set_up(environment):
        return 1
    failed = [
        name
        for name, command in CHECKS
        if not step(name, [str(PROGRAMS / command[0]), *command[1:]], environment)
    ]
    if not test(for_pytest, environment):
        failed.append("pytest")
    if failed:
        print(f"test: failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def _cut(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def set_up(environment: dict[str, str]) -> bool:
    """Make the virtual environment and fetch the weights, as far as they aren't there."""
    from uv_install import installation

    if not (PYTHON.exists() and STAMP.is_file() and STAMP.read_text() == fingerprint()):
        make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
        uv = [str(PYTHON), "-m", "pip", "install", "--quiet", "uv"]
        if not step("make .venv-test", make, environment):
            return False
        if not step("install uv", uv, environment):
            return False
        if not step("install omnibind[dev]", *installation(PYTHON, "dev", environment)):
            return False
        STAMP.write_text(fingerprint())
    pull = [str(PYTHON), "-P", "-m", "omnibind", "pull"]
    build = [str(PYTHON), "-P", "scripts/build_whisper_cli.py"]
    ready = all(step(f"pull {name}", [*pull, name], environment) for name in WEIGHTS) and step(
        "build whisper-cli", build, environment
    )
    if ready and environment.get("OMNIBIND_API_SPECS"):
        judges = [sys.executable, "scripts/install_judges.py"]
        ready = step("install the judges", judges, environment)
    return ready


def fingerprint() -> str:
    """Return what the installation depends on: requirements, this Python and the checkout."""
    digest = hashlib.sha256(f"{sys.version} {ROOT}".encode())
    for name in ("pyproject.toml", "constraints.txt", "overrides.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def test(arguments: list[str], environment: dict[str, str]) -> bool:
    """Run pytest; its own summary is the last thing printed where all is well.

    With ``CI`` set a skipped test is a failure too, because everything is installed there; only a
    contract's test that says it doesn't apply to a binding (which declares no seed, say) may skip.
    """
    print("test: pytest", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [str(PROGRAMS / "pytest"), f"--junitxml={report}", *arguments]
        code = subprocess.call(command, env=environment, cwd=ROOT)
        skipped = _skipped(report) if code == 0 and environment.get("CI") else []
    for name in skipped:
        print(f"test: skipped, which CI doesn't allow: {name}")
    return code == 0 and not skipped


def _skipped(report: Path) -> list[str]:
    return [
        f"{case.get('classname')}::{case.get('name')}: {reason.get('message')}"
        for case in ElementTree.parse(report).iter("testcase")  # noqa: S314  # pytest wrote it just now
        for reason in case.iter("skipped")
        if reason.get("type") == "pytest.skip"
        and not (reason.get("message") or "").startswith("doesn't apply: ")
    ]


def step(name: str, command: list[str], environment: dict[str, str]) -> bool:
    """Run one step, announced and timed."""
    print(f"test: {name} …", flush=True)
    started = time.monotonic()
    code = subprocess.call(command, env=environment, cwd=ROOT)
    told = "ok" if code == 0 else f"FAILED with exit code {code}"
    print(f"test: {name}: {told}, {time.monotonic() - started:.1f} s", flush=True)
    return code == 0


def clean_environment() -> dict[str, str]:
    """Return the environment without what would make a run differ from another machine's."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS", "VIRTUAL_ENV", "LANG", "LANGUAGE")
    environment = {
        name: text
        for name, text in os.environ.items()
        if name not in foreign and not name.startswith("LC_")
    }
    environment["LC_ALL"] = "C.UTF-8"
    # With more, the threads of a test and of its workers wait for each other on a small machine.
    environment["OMP_NUM_THREADS"] = "1"
    environment["PATH"] = os.pathsep.join([str(PROGRAMS), environment.get("PATH", os.defpath)])
    return environment


if __name__ == "__main__":
    sys.exit(main())

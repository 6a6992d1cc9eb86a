"""The executable: ``whisper-cli`` is run once a call and loads its model each time.

Source: whisper.cpp 1.8, ``examples/cli/cli.cpp``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import wave
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, TYPE_CHECKING, Any

from omnibind.contracts.errors import BadConfig, CallFailed, ProgramMissing

from ..._shared.whisper import RATE
from .heard import Heard, Order, Piece, Report, Token, fault_in, probability_in

if TYPE_CHECKING:
    from .heard import Samples

NAME = "whisper-cli"

# How long a cancelled call goes on at most. The end of the program is noticed at once.
_POLL_S = 0.1
_TAIL = 5
_HEEDED = 20_000  # characters, far more than 224 tokens; systems limit an argument's length
_PROGRESS = re.compile(r"progress =\s*(\d+)%")
_LAST_OF_TEXT = 50256  # tokens above stand for times and the like; one more in many languages


def find(given: str | None) -> str | None:
    """Return the path of the executable; None where there is none.

    Args:
        given: A path or a name on PATH; None looks for ``whisper-cli`` on PATH, then for the one
            that ``scripts/build_whisper_cli.py`` built.

    Raises:
        BadConfig: What was given isn't an executable.
    """
    if given is None:
        return shutil.which(NAME) or shutil.which(str(built()))
    path = shutil.which(str(Path(given).expanduser()))
    if path is None:
        raise BadConfig(
            f"whispercpp_exe_path is {given!r}, which is no executable; give the path of "
            f"whisper.cpp's {NAME}, or leave it out"
        )
    return path


def built() -> Path:
    """Return where ``scripts/build_whisper_cli.py`` puts the executable."""
    import platformdirs

    given = os.environ.get("OMNIBIND_HOME")
    user = platformdirs.user_data_path("omnibind", appauthor=False)
    home = Path(given).expanduser().absolute() if given else user
    return home / "programs" / (f"{NAME}.exe" if os.name == "nt" else NAME)


class Program:
    """The executable with a model."""

    def __init__(self, path: str, model: Path, *, use_gpu: bool) -> None:
        self._path = path
        self._model = model
        self._use_gpu = use_gpu

    def listen(self, samples: Samples, order: Order, report: Report) -> Heard:
        """Write down a sound of 16 kHz.

        Raises:
            ProgramMissing: The executable can't be started.
            WeightsDamaged: It can't load the model.
            OutOfMemory: Memory ran out.
            CallFailed: It gives no transcript, whatever its exit code.
        """
        with tempfile.TemporaryDirectory(prefix="omnibind-") as folder:
            sound, answer = Path(folder, "sound.wav"), Path(folder, "heard")
            _write(samples, sound)
            command = [self._path, *self._arguments(order), "-f", str(sound), "-of", str(answer)]
            code, log = _run(command, report)
            fault = fault_in(log, self._model)
            if fault is not None:
                raise fault
            return _read(answer.with_suffix(".json"), code, log)

    def _arguments(self, order: Order) -> list[str]:
        found = [
            "-m",
            str(self._model),
            "-l",
            order.language,
            "--prompt",
            order.prompt[-_HEEDED:],
            "-pp",
        ]
        found += ["-ojf" if order.word_times else "-oj"]
        found += ["-tr"] if order.translate else []
        found += [] if self._use_gpu else ["-ng"]
        if order.temperature is not None:
            found += ["-tp", str(order.temperature), "-nf"]
        if order.beam_size is not None:
            found += ["-bs", str(order.beam_size)]
        if order.vad_model is not None:
            found += ["--vad", "-vm", str(order.vad_model)]
        if order.n_threads is not None:
            found += ["-t", str(order.n_threads)]
        return found


def _write(samples: Samples, path: Path) -> None:
    import numpy as np

    pcm = np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())


def _run(command: list[str], report: Report) -> tuple[int, list[str]]:
    """Run to the end, or until ``report`` raises; return the exit code and the log."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ProgramMissing(
            f"{command[0]} can't be started: {error}; expected whisper.cpp's {NAME}"
        ) from error
    lines: SimpleQueue[str | None] = SimpleQueue()
    assert process.stderr is not None
    reader = Thread(target=_hand_on, args=(process.stderr, lines), daemon=True)
    reader.start()
    log: list[str] = []
    done: float | None = None
    try:
        while True:
            report(done)
            try:
                line = lines.get(timeout=_POLL_S)
            except Empty:
                continue
            if line is None:
                break
            log.append(line.rstrip())
            found = _PROGRESS.search(line)
            done = int(found[1]) / 100 if found else done
    except BaseException:
        _kill(process)
        raise
    finally:
        reader.join()
        code = process.wait()
    return code, log


def _hand_on(stream: IO[str], lines: SimpleQueue[str | None]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _kill(process: subprocess.Popen[str]) -> None:
    """End it; a script in the place of the executable has children of its own."""
    if os.name == "nt":
        process.kill()
    else:
        # Its number is still its own: nobody has waited for it. macOS won't kill what has ended.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _read(answer: Path, code: int, log: list[str]) -> Heard:
    try:
        # whisper-cli escapes neither line ends nor what isn't UTF-8.
        found = json.loads(answer.read_text("utf-8", "replace"), strict=False)
        last = _LAST_OF_TEXT + bool(found["model"]["multilingual"])
        pieces = [_piece(one, last) for one in found["transcription"]]
        language = str(found["result"]["language"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        told = " · ".join(log[-_TAIL:]) or "nothing"
        raise CallFailed(
            f"{NAME} ended with exit code {code} and without a transcript; it said: {told}"
        ) from error
    if code != 0:
        raise CallFailed(f"{NAME} ended with exit code {code}; it said: {' · '.join(log[-_TAIL:])}")
    return Heard(pieces, language, probability_in(log))


def _piece(found: dict[str, Any], last: int) -> Piece:
    tokens = [one for one in found.get("tokens", ()) if one["id"] < last and "offsets" in one]
    return Piece(
        *_times(found),
        found["text"],
        tuple(Token(*_times(one), one["text"], float(one["p"])) for one in tokens),
    )


def _times(found: dict[str, Any]) -> tuple[float, float]:
    return found["offsets"]["from"] / 1000, found["offsets"]["to"] / 1000

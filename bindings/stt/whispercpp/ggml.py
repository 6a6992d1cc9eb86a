"""Files of ggml models: which are Whisper, and what languages they know.

Source: whisper.cpp 1.8, ``whisper_model_load``; the GGUF specification.
"""

from __future__ import annotations

import struct
from pathlib import Path

from omnibind.contracts.errors import BadConfig

_NAMES = """
en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr
bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn
yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su
yue
"""
LANGUAGES = tuple(_NAMES.split())
"""Every language of Whisper in its own order; a model knows the first 99 or 100, or English."""

# The magic number, then the sizes of vocabulary, audio and text parts, mel bands and the format.
_HEAD = struct.Struct("<4s11i")
_WINDOW = 1500  # of 20 ms: the 30 s that every model of Whisper listens to
_MELS = (80, 128)
_FIRST_OF_MANY = 51865  # vocabularies below this one are English alone
_WITHOUT_LANGUAGES = 51766

# general.architecture as GGUF writes a pair: the key, the type of a string, its length, itself.
_ARCHITECTURE = b"general.architecture" + struct.pack("<IQ", 8, len(b"whisper")) + b"whisper"
_READ = 4096


def languages_of(file: Path) -> tuple[str, ...] | None:
    """Return the languages that a model knows; None where the file is no model of Whisper.

    Raises:
        OSError: It can't be read.
    """
    with file.open("rb") as opened:
        start = opened.read(_READ)
    if start.startswith(b"GGUF"):
        return LANGUAGES if _ARCHITECTURE in start else None
    if len(start) < _HEAD.size:
        return None
    magic, vocabulary, window, *_, mels, _ = _HEAD.unpack_from(start)
    if magic != b"lmgg" or window != _WINDOW or mels not in _MELS:
        return None
    if vocabulary < _FIRST_OF_MANY:
        return ("en",)
    return LANGUAGES[: vocabulary - _WITHOUT_LANGUAGES]


def models_in(folder: str | Path) -> dict[str, Path]:
    """Return the models of Whisper that lie in a folder itself, by name.

    The name of ``ggml-small-q5_1.bin`` is ``small-q5_1``, that of ``mine.gguf`` is ``mine``.

    Raises:
        BadConfig: It isn't a folder that can be read.
    """
    place = Path(folder).expanduser()
    found: dict[str, Path] = {}
    try:
        for file in sorted(place.iterdir()):
            is_named_so = file.match("ggml-*.bin") or file.match("*.gguf")
            if is_named_so and file.is_file() and languages_of(file):
                found.setdefault(file.stem.removeprefix("ggml-"), file)
    except OSError as error:
        raise BadConfig(
            f"{str(folder)!r} can't be searched for models: {error.strerror}; give a folder with "
            "ggml-*.bin or *.gguf files"
        ) from error
    return found


def vad_model_in(*folders: Path) -> Path | None:
    """Return the newest Silero model in the first of the folders that has one."""
    for folder in folders:
        found = sorted(folder.glob("ggml-silero*.bin"))
        if found:
            return found[-1]
    return None

"""Which files can run code when they are loaded."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

# Formats whose loaders read data only, whatever the file holds.
_DATA_ENDINGS = frozenset({".safetensors", ".gguf", ".onnx", ".json", ".txt", ".npy", ".yaml"})
# Endings that mean a pickle unless the content is known to be something else.
PICKLE_ENDINGS = frozenset({".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"})
_DATA_MAGIC = (b"GGUF", b"ggml", b"lmgg", b"\x93NUMPY")
_HEAD = 65536
_ENOUGH_OPCODES = 20


def is_pickle_like(path: Path) -> bool:
    """Say whether loading a file may unpickle it, which can run any code.

    The content decides: a zip that holds pickles (what ``torch.save`` writes), a pickle of any
    protocol, an array of objects. A CTranslate2 ``model.bin`` is none. Content that is nothing
    known counts as a pickle where the ending says so.

    Raises:
        OSError: The file can't be read.
    """
    ending = path.suffix.lower()
    if ending in _DATA_ENDINGS:
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK"):
        return _zip_holds_pickles(path)
    if head.startswith(_DATA_MAGIC) or _is_safetensors(head):
        return False
    return ending in PICKLE_ENDINGS or _is_pickle(head)


def _zip_holds_pickles(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".pkl"):
                    return True
                if name.endswith(".npy"):
                    with archive.open(name) as array:
                        if b"|O" in array.read(256):
                            return True
    except zipfile.BadZipFile:
        return True  # nothing that can be judged
    return False


def _is_safetensors(head: bytes) -> bool:
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000


def _is_pickle(head: bytes) -> bool:
    # Protocols 0 and 1 have no magic, so the opcodes are walked (never run).
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return True
    count = 0
    try:
        for count, (opcode, _, _) in enumerate(pickletools.genops(head), 1):
            if opcode.name == "STOP" or count >= _ENOUGH_OPCODES:
                break
    except (ValueError, IndexError, UnicodeDecodeError):
        return False
    return count > 1

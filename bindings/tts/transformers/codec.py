"""The codec that a processor names, and that lies elsewhere: Dia's makes sound of its tokens."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

OWN = "audio_tokenizer_config.json"
WHOLE = "processor_config.json"
SMALL = (".json", ".jinja", ".model", ".txt")
NAME = "audio_tokenizer_name_or_path"


@contextmanager
def found(folder: Path, find: Callable[[str], Path]) -> Iterator[Path]:
    """Give a folder whose processor finds its codec on this machine.

    transformers looks a codec up on the hub, by the name that stands beside the processor. The
    folder is the given one where it has no codec or names a folder, and else holds its small
    files and the codec's place.

    Args:
        folder: Where the model lies.
        find: Returns the folder of a model by its name.

    Raises:
        WeightsMissing: The codec isn't on this machine.
    """
    named = _named(folder)
    if named is None or str(place := find(named[NAME])) == named[NAME]:
        yield folder
        return
    with tempfile.TemporaryDirectory() as other:
        for file in folder.iterdir():
            if file.suffix in SMALL:
                shutil.copy(file, other)
        Path(other, OWN).write_text(json.dumps({**named, NAME: str(place)}), "utf-8")
        yield Path(other)


def _named(folder: Path) -> dict[str, str] | None:
    """Return class and place of the codec, in the words of transformers."""
    for file, inner in ((folder / OWN, None), (folder / WHOLE, "audio_tokenizer")):
        if file.is_file():
            told = json.loads(file.read_text("utf-8"))
            told = told if inner is None else told.get(inner)
            if told is not None:
                return {str(key): str(value) for key, value in told.items()}
    return None

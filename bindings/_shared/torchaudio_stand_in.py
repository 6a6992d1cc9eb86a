"""torchaudio without its compiled parts, which are built for CUDA and for one release of torch.

Beside any other torch they don't load, and ``import torchaudio`` fails with them. What XTTS and
MusicGen take from it (resampling, spectrograms) is Python alone.

Source: torchaudio 2.11, ``torchaudio/_extension/utils.py``.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

NAME = "torchaudio._extension.utils"


def make_importable() -> None:
    """Have ``import torchaudio`` go the way that it goes where its compiled parts aren't installed.

    What needs them (forced alignment, RNN-T loss) says so when it is called. Nothing on disk is
    changed; a torchaudio that was imported before is left as it is.
    """
    if "torchaudio" in sys.modules:
        return
    found = find_spec("torchaudio")
    if found is None or found.origin is None:
        return  # the import that follows says so
    utils = Path(found.origin).parent / "_extension" / "utils.py"
    spec = spec_from_file_location(NAME, utils)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module._load_lib = lambda name: False  # type: ignore[attr-defined]  # "it isn't installed"
    sys.modules[NAME] = module

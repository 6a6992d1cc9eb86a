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
    """Have ``import torchaudio`` succeed where it would fail of its compiled parts alone.

    It goes the way that it goes where they aren't installed: what needs them (forced alignment,
    RNN-T loss) says so when it is called. Nothing on disk is changed. transformers imports a
    torchaudio that it finds whether it needs it or not, so that everything would fail of it.
    """
    found = find_spec("torchaudio")
    if found is None or found.origin is None:
        return  # the import that follows says so
    try:
        import torchaudio  # noqa: F401 - the import itself is the test
    except (ImportError, OSError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
    else:
        return
    utils = Path(found.origin).parent / "_extension" / "utils.py"
    spec = spec_from_file_location(NAME, utils)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module._load_lib = lambda name: False  # type: ignore[attr-defined]  # "it isn't installed"
    sys.modules[NAME] = module

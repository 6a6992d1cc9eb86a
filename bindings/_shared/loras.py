"""LoRAs: small changes to the weights of a pipeline of diffusers.

Source: diffusers 0.42, ``load_lora_weights``, on peft.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omnibind.contracts.errors import BadConfig, PackagesMissing

from .failures import failure, is_memory
from .library_noise import loading


def add_lora(pipe: Any, path: Path) -> None:
    """Add a LoRA to a pipeline.

    Raises:
        BadConfig: It isn't one, or isn't made for this model.
        PackagesMissing: The package that applies it isn't installed.
    """
    if not hasattr(pipe, "load_lora_weights"):
        raise BadConfig(f"lora is {path}, and {type(pipe).__name__} takes no LoRA; set it to None")
    expected = f"give a LoRA that was made for {type(pipe).__name__}"
    folder, name = (path.parent, path.name) if path.is_file() else (path, _lora_file(path))
    try:
        with loading():
            pipe.load_lora_weights(str(folder), weight_name=name, local_files_only=True)
    except ImportError as error:
        raise PackagesMissing(
            f"a LoRA needs a package: {error}", command="pip install peft"
        ) from error
    except Exception as error:
        if is_memory(error):
            raise failure(f"loading {path}", error) from error
        raise BadConfig(f"the LoRA {path} doesn't fit: {error}; {expected}") from error
    if not pipe.get_list_adapters():
        raise BadConfig(f"the LoRA {path} has nothing for this model; {expected}")


def _lora_file(folder: Path) -> str:
    files = sorted(folder.glob("*.safetensors"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise BadConfig(
            f"lora is {folder}, a folder with these .safetensors files: {found}; give the one file"
        )
    return files[0].name

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

    Args:
        pipe: The pipeline.
        path: The LoRA's file, or a folder with it. Where two networks share the steps, both take
            it; a folder may have a folder for each, ``transformer`` and ``transformer_2``.

    Raises:
        BadConfig: It isn't one, or isn't made for this model.
        PackagesMissing: The package that applies it isn't installed.
    """
    if not hasattr(pipe, "load_lora_weights"):
        raise BadConfig(f"lora is {path}, and {type(pipe).__name__} takes no LoRA; set it to None")
    expected = f"give a LoRA that was made for {type(pipe).__name__}"
    files = _files(pipe, path)
    try:
        with loading():
            for name, file in files.items():
                second = {"load_into_transformer_2": True} if name == "transformer_2" else {}
                pipe.load_lora_weights(
                    str(file.parent), weight_name=file.name, local_files_only=True, **second
                )
    except ImportError as error:
        raise PackagesMissing(
            f"a LoRA needs a package: {error}", command="pip install peft"
        ) from error
    except Exception as error:
        if is_memory(error):
            raise failure(f"loading {path}", error) from error
        raise BadConfig(f"the LoRA {path} doesn't fit: {error}; {expected}") from error
    changed = pipe.get_list_adapters()
    if not changed or not changed.keys() >= files.keys() - {""}:
        raise BadConfig(f"the LoRA {path} has nothing for this model; {expected}")


def _files(pipe: Any, path: Path) -> dict[str, Path]:
    """Return the file for each network that takes one; without a name where it tells itself."""
    if getattr(pipe, "transformer_2", None) is None:
        return {"": _file(path)}
    networks = ("transformer", "transformer_2")
    return {name: _file(path / name if (path / name).is_dir() else path) for name in networks}


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    files = sorted(path.glob("*.safetensors"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise BadConfig(
            f"lora is {path}, a folder with these .safetensors files: {found}; give the one file"
        )
    return files[0]

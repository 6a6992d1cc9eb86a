"""Checkpoints in one file: whole ones, and transformers in GGUF.

Source: diffusers 0.42, ``FromSingleFileMixin.from_single_file``, ``FromOriginalModelMixin``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import BadConfig, NotReady, UsageError, WeightsDamaged

from .pipeline_folders import Layout, gguf_files, layout_of

if TYPE_CHECKING:
    import torch


def read_checkpoint(
    path: Path,
    dtype: torch.dtype,
    safety_checker: bool,
    find: Callable[[str], Path] | None,
) -> Any:
    """Load a whole checkpoint, as Stable Diffusion 1, 2 and XL are passed around.

    Such a file has weights and nothing else: the pipeline's configuration and its tokenizers are
    taken from a folder of diffusers' layout that has them; its weights may be missing.

    Args:
        path: The ``.safetensors`` file.
        dtype: The number format of the weights.
        safety_checker: Whether one was asked for; such a file has none.
        find: A binding's ``weights``, for the repository that diffusers would ask on the hub.

    Raises:
        BadConfig: It is no whole checkpoint.
        WeightsDamaged: It can't be read.
        WeightsMissing: The configuration isn't on this machine.
    """
    import diffusers

    if safety_checker:
        raise BadConfig(f"safety_checker is True, and {path} has none; set it to False")
    folder = configuration_of(path, find)
    class_name = layout_of(folder).class_name
    options = {"config": str(folder), "dtype": dtype, "local_files_only": True}
    return getattr(diffusers, class_name).from_single_file(str(path), **options)


def configuration_of(path: Path, find: Callable[[str], Path] | None) -> Path:
    """Return a folder with the configuration and the tokenizers that a checkpoint needs.

    That is the one beside it, of its name without the ending, or its own folder, or the pulled
    repository that diffusers would ask on the hub.

    Raises:
        BadConfig: The file is no whole checkpoint, or there is no such folder.
        WeightsDamaged: The file can't be read.
    """
    from diffusers.loaders.single_file_utils import (
        fetch_diffusers_config,
        infer_diffusers_model_type,
        load_single_file_checkpoint,
    )

    try:
        checkpoint = load_single_file_checkpoint(str(path), local_files_only=True)
    except Exception as error:
        raise WeightsDamaged(f"{path} can't be read as safetensors: {error}") from error
    _refuse_other(path, checkpoint)
    for folder in (path.with_suffix(""), path.parent):
        if (folder / "model_index.json").is_file():
            return folder
    repository = fetch_diffusers_config(checkpoint)["pretrained_model_name_or_path"]
    told = (
        f"{path} is a checkpoint of the kind {infer_diffusers_model_type(checkpoint)!r}, and its "
        "configuration and tokenizers, which such a file lacks, aren't on this machine: put those "
        f"of {repository} (model_index.json and the folders; no weights) into "
        f"{path.with_suffix('')}"
    )
    if find is not None:
        try:
            return find(repository)
        except (NotReady, UsageError) as error:
            command = getattr(error, "command", "")
            told += f", or run: {command}" if command else ""
    raise BadConfig(told)


def read_ggufs(layout: Layout, dtype: torch.dtype) -> dict[str, Any]:
    """Load the transformers of a pipeline that lie in its folder as ``.gguf`` files, by name.

    Raises:
        BadConfig: There is none, one has several, or the pipeline has no transformer.
    """
    files = {name: gguf_files(layout, name) for name in layout.components}
    found = [file.relative_to(layout.path).as_posix() for many in files.values() for file in many]
    if not found or any(len(many) > 1 for many in files.values()):
        raise BadConfig(
            f"quantization is 'gguf', and {layout.path} has these .gguf files: "
            f"{', '.join(found) or 'none'}; put the one with its transformer there, or one into "
            "the folder of each transformer"
        )
    return {name: _read_gguf(layout, name, many[0], dtype) for name, many in files.items() if many}


def _read_gguf(layout: Layout, name: str, file: Path, dtype: torch.dtype) -> Any:
    import diffusers

    type_ = getattr(diffusers, layout.components[name][1])
    return type_.from_single_file(
        str(file),
        config=str(layout.path),
        subfolder=name,
        quantization_config=diffusers.GGUFQuantizationConfig(compute_dtype=dtype),
        dtype=dtype,
        local_files_only=True,
    )


def _refuse_other(path: Path, checkpoint: dict[str, Any]) -> None:
    if any("lora" in key.lower() for key in checkpoint):
        raise BadConfig(f"{path} is a LoRA, which needs a model: give it as lora")
    whole = any(key.startswith(("first_stage_model.", "vae.")) for key in checkpoint)
    if not whole:
        raise BadConfig(
            f"{path} is no whole checkpoint: it has no decoder (first_stage_model); give a folder "
            "that diffusers saved, or a whole checkpoint"
        )

"""Which model a configuration of a diffusers binding means, and where it lies.

Source: the layout of diffusers' folders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import BadConfig, UnknownModel, WeightsMissing

ModelId = Annotated[
    str | None, "a model of list_models, a pulled hub repository or a folder; there is no default"
]
ModelsDir = Annotated[Path | None, "a folder with models that go by their names"]
Lora = Annotated[str | None, "path of a LoRA that was made for the model"]
Compile = Annotated[bool, "compile the network: the first call takes minutes, the others less"]
TrustRemoteCode = Annotated[bool, "run Python code from the model's folder"]


def folder_of(binding: Binding, model: str | None, models_dir: Path | None, examples: str) -> Path:
    """Return the folder or file of the configured model, checked.

    Args:
        binding: Who asks.
        model: A :data:`ModelId`.
        models_dir: A :data:`ModelsDir`.
        examples: Three models with licence and size, for who configured none.

    Raises:
        BadConfig: No model is configured, or ``models_dir`` is no folder.
        UnknownModel: There is no such model.
        WeightsMissing: It isn't on this machine.
    """
    if model is None:
        raise BadConfig(
            f"no model is configured for {binding.modality}/{binding.binding_name}; set "
            f"model_id_or_path to the path of a folder or to a model that was pulled, such as "
            f"{examples}"
        )
    own = models_in(models_dir).get(model)
    return binding.weights(model if own is None else str(own))


def models_in(models_dir: Path | None) -> dict[str, Path]:
    """Return the models in a folder by their names.

    Raises:
        BadConfig: It is no folder.
    """
    if models_dir is None:
        return {}
    folder = models_dir.expanduser().absolute()
    if not folder.is_dir():
        raise BadConfig(f"models_dir is {folder}, which is no folder; give one with models")
    return {path.name: path for path in sorted(folder.iterdir()) if _is_model(path)}


def _is_model(path: Path) -> bool:
    return any(path.glob("*model_index.json"))


def lora_of(binding: Binding, lora: str | None) -> Path | None:
    """Return the file of the configured LoRA, checked.

    Raises:
        BadConfig: There is none at that path.
    """
    if lora is None:
        return None
    try:
        return binding.weights(lora)
    except (UnknownModel, WeightsMissing) as error:
        raise BadConfig(
            f"lora is {lora!r}, which isn't here ({error}); give the path of a file, absolute or "
            "beginning with ./"
        ) from error

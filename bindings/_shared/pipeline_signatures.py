"""What a call of a pipeline takes, told without its weights.

Source: the signatures of diffusers' pipelines; a modular one's ``blocks.inputs``.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omnibind.contracts.errors import NotSupported

from .library_noise import loading
from .pipeline_folders import layout_of, makes_of
from .torchaudio_stand_in import make_importable


def parameters_of(pipe: Any) -> dict[str, inspect.Parameter]:
    """Return what a call of a pipeline takes, by name; a modular one's blocks tell."""
    if is_modular(pipe):
        keyword = inspect.Parameter.KEYWORD_ONLY
        return {
            one.name: inspect.Parameter(
                one.name, keyword, default=one.default, annotation=one.type_hint
            )
            for one in pipe.blocks.inputs
            if one.name
        }
    return parameters_of_class(type(pipe))


def parameters_of_class(type_: type) -> dict[str, inspect.Parameter]:
    """Return what a call of a class's pipelines takes, with annotations that are types."""
    call: Any = vars(type_).get("__call__", type_.__call__)
    try:
        hints = typing.get_type_hints(call)
    except (NameError, TypeError):
        hints = {}  # a name for checkers alone; what the defaults tell must do
    return {
        name: parameter.replace(annotation=hints.get(name, parameter.annotation))
        for name, parameter in inspect.signature(call).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    }


def parameters_at(
    path: Path, trust_remote_code: bool, find: Callable[[str], Path] | None
) -> dict[str, inspect.Parameter]:
    """Return what a call of the pipeline at ``path`` takes; no weights are read into memory.

    Raises:
        BadConfig: It is no pipeline.
        NotSupported: Only its own code, once it is loaded, can tell.
    """
    import diffusers

    make_importable()
    layout = layout_of(path, trust_remote_code)
    if layout.form == "modular":
        with loading():
            pipe = diffusers.ModularPipeline.from_pretrained(
                str(path), trust_remote_code=trust_remote_code, local_files_only=True
            )
        return parameters_of(pipe)
    if layout.form == "file":
        from .single_files import configuration_of

        layout = layout_of(configuration_of(layout.path, find))
    makes_of(layout)
    type_ = getattr(diffusers, layout.class_name, None)
    if type_ is None:
        raise NotSupported(f"what {layout.class_name} takes is known once {path} is loaded")
    return parameters_of_class(type_)


def is_modular(pipe: Any) -> bool:
    """Tell whether a pipeline is made of blocks."""
    return hasattr(pipe, "blocks") and hasattr(pipe, "load_components")

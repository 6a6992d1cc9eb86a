"""What goes wrong with a pipeline of diffusers, as our errors.

Source: diffusers 0.42; the load report of transformers 5.
"""

from __future__ import annotations

import ast
import re
import traceback
from pathlib import Path
from typing import Any

from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    ContentRefused,
    OmnibindError,
    PackagesMissing,
    WeightsDamaged,
)

from .failures import failure, is_memory, package_missing
from .pipeline_folders import Layout


def load_failure(layout: Layout, error: Exception) -> OmnibindError:
    """Return our error for what reading a pipeline raised."""
    if is_memory(error):
        return failure(f"loading {layout.path}", error)
    if isinstance(error, ImportError):
        told = re.search(r"pip install ([\w-]+)", str(error))
        package = error.name or (told[1] if told else "")
        return PackagesMissing(
            f"{layout.path} needs a package that isn't installed: {error}",
            command=f"pip install {package}" if package else "",
        )
    if isinstance(error, NameError) and (package := _left_out(error)):
        return package_missing(str(layout.path), package)
    return WeightsDamaged(
        f"{layout.path} can't be loaded as {layout.class_name or 'a pipeline'}: {error}; "
        "fetch the model again, or give another one"
    )


def check_whole(pipe: Any, layout: Layout, heard: list[str]) -> None:
    """Refuse a model of which a part is missing; the libraries leave it empty or make it up.

    Raises:
        WeightsDamaged: Something is missing.
    """
    import torch

    told = "\n".join(one for one in heard if "newly initialized" in one)
    missing = re.findall(r"^(\S+)\s+\| MISSING", told, re.MULTILINE)
    for name, network in pipe.components.items():
        if isinstance(network, torch.nn.Module):
            missing += [f"{name}.{own}" for own, one in network.named_parameters() if one.is_meta]
    if missing:
        raise WeightsDamaged(
            f"{layout.path} is not whole: its weights lack {', '.join(missing[:3])}"
            f"{', …' if len(missing) > 3 else ''}; fetch the model again"
        )


def run_failure(name: str, error: Exception) -> OmnibindError:
    """Return our error for what a pipeline's call raised."""
    words = str(error)
    if "set_timesteps" in words:
        return BadConfig(
            f"the scheduler doesn't fit {name}: {words}; set scheduler_name to None for the "
            "model's own"
        )
    if isinstance(error, NameError) and (package := _left_out(error)):
        return package_missing(name, package)
    if "Input is in incorrect format" in words:  # what its image processor says of None
        return BadOption(f"{name} starts from a picture, and none is given; give image")
    if "Guardrail detected unsafe" in words:
        return ContentRefused(f"{name} refuses the prompt: {words}")
    if isinstance(error, (ValueError, TypeError)) and _was_refused(error):
        return BadOption(f"{name} refuses the options: {words}")
    return failure(name, error)


def _was_refused(error: Exception) -> bool:
    """Tell whether a pipeline itself, or its scheduler, raised this about its arguments."""
    raised = traceback.extract_tb(error.__traceback__)[-1]
    path = Path(raised.filename).parts
    return raised.name == "set_timesteps" or "pipelines" in path[-3:]


def _left_out(error: NameError) -> str:
    """Return the package of a name that the library imports only where that is installed."""
    source = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    if not source.is_file():
        return ""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            bound = {one.asname or one.name: str(node.module) for one in node.names}
        elif isinstance(node, ast.Import):
            bound = {one.asname or one.name.partition(".")[0]: one.name for one in node.names}
        else:
            continue
        if error.name in bound:
            return bound[error.name].partition(".")[0]
    return ""

"""What lies in a folder or file that should be a pipeline of diffusers, told before it is loaded.

Source: diffusers 0.42, ``DiffusionPipeline.save_pretrained``, ``ModularPipeline.save_pretrained``.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

from omnibind.contracts.errors import BadConfig, WeightsDamaged

Makes = Literal["pictures", "films", "sounds"]

EXPECTED = (
    "expected a folder with model_index.json or modular_model_index.json, as diffusers saves a "
    "pipeline, or a whole checkpoint in one .safetensors file"
)

_WEIGHTS = re.compile(r".*\.(safetensors|bin|gguf)$")
_PLAIN = re.compile(
    r"(diffusion_pytorch_model|model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)"
)
_VARIANT = re.compile(
    r"(?:diffusion_pytorch_model|model|pytorch_model)\.(?P<name>\w+?)(-\d+-of-\d+)?"
    r"\.(?:safetensors|bin)"
)
_NO_WEIGHTS = (
    "tokenizer",
    "scheduler",
    "feature_extractor",
    "image_processor",
    "processor",
    "guider",
    "ocr_guider",
)
_CHECKERS = ("safety_checker", "feature_extractor", "watermarker")
_LARGEST_CONFIG = 1_000_000


class Layout(NamedTuple):
    """What was found.

    Attributes:
        form: ``folder`` of a pipeline, of a ``modular`` one, or a ``file`` with all weights.
        path: The folder or the file.
        class_name: The pipeline's class; empty for a file.
        components: By name, the library and the class of each component that should be there.
    """

    form: Literal["folder", "modular", "file"]
    path: Path
    class_name: str = ""
    components: dict[str, tuple[str, str]] = {}  # noqa: RUF012 - never written to


def layout_of(path: Path, trust_remote_code: bool = False) -> Layout:
    """Return what lies at ``path``.

    Raises:
        BadConfig: It is no pipeline, or one that runs code of its own, untrusted.
        WeightsDamaged: Its index can't be read.
    """
    if path.is_file():
        if path.suffix != ".safetensors":
            raise BadConfig(f"{path} is no pipeline; {EXPECTED}{_gguf_hint(path)}")
        return Layout("file", path)
    if not path.is_dir():
        raise BadConfig(f"there is nothing at {path}; {EXPECTED}")
    if (path / "model_index.json").is_file():
        return _of_index(path, "model_index.json", "folder", trust_remote_code)
    if (path / "modular_model_index.json").is_file():
        return _of_index(path, "modular_model_index.json", "modular", trust_remote_code)
    alone = sorted(path.glob("*.safetensors"))
    if len(alone) == 1 and not (path / "config.json").exists():
        if (path / "adapter_config.json").exists():
            raise BadConfig(f"{path} is a LoRA, which needs a model: give it as lora; {EXPECTED}")
        return Layout("file", alone[0])
    raise BadConfig(f"{path} is no pipeline: {_found_in(path)}; {EXPECTED}")


def _of_index(
    path: Path, name: str, form: Literal["folder", "modular"], trust_remote_code: bool
) -> Layout:
    index = read_json(path / name)
    class_name = index.get("_class_name")
    if isinstance(class_name, list) and not trust_remote_code:
        raise _untrusted(path, f"{class_name[0]}.py")
    if isinstance(class_name, list):
        class_name = class_name[-1]
    if not isinstance(class_name, str):
        raise WeightsDamaged(f"{path / name} doesn't name its pipeline's _class_name")
    components = {
        key: (str(value[0]), str(value[1]))
        for key, value in index.items()
        if isinstance(value, list) and len(value) > 1 and value[0] is not None
        if isinstance(value[1], str) and not key.startswith("_")
    }
    layout = Layout(form, path, class_name, components)
    code = next((own for key in components if (own := _code_of(layout, key)) is not None), None)
    if code is not None and not trust_remote_code:
        raise _untrusted(path, str(code.relative_to(path)))
    return layout


def _untrusted(path: Path, code: str) -> BadConfig:
    return BadConfig(
        f"{path} brings Python code of its own ({code}), which runs only with "
        "trust_remote_code: true; set it if you trust its maker"
    )


def _code_of(layout: Layout, name: str) -> Path | None:
    """Return the Python file of a component whose class lies beside its weights."""
    file = layout.path / name / f"{layout.components[name][0]}.py"
    return file if file.is_file() else None


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object of a model's folder.

    Raises:
        WeightsDamaged: It can't be read, or is something else.
    """
    try:
        content = path.read_text("utf-8")
        value = json.loads(content) if len(content) <= _LARGEST_CONFIG else None
    except (OSError, ValueError) as error:
        raise WeightsDamaged(f"{path} can't be read: {error}; fetch the model again") from error
    if not isinstance(value, dict):
        raise WeightsDamaged(f"{path} isn't a JSON object; fetch the model again")
    return value


def makes_of(layout: Layout) -> Makes | None:
    """Return what a pipeline makes, judged by what its call takes; None where that isn't known.

    Raises:
        BadConfig: The installed diffusers has no such pipeline.
    """
    if layout.form != "folder":
        return None
    import diffusers

    try:
        type_ = getattr(diffusers, layout.class_name)
    except AttributeError:
        if layout.class_name.startswith("Flax") or not layout.class_name.endswith("Pipeline"):
            raise BadConfig(
                f"{layout.path} is a {layout.class_name}, which diffusers can't load; {EXPECTED}"
            ) from None
        return None  # its own code, or too new: loading it will tell
    names = inspect.signature(type_.__call__).parameters
    if names.keys() & {"num_frames", "video_length", "frames"}:
        return "films"
    if any(name.startswith(("audio_", "lyrics", "duration")) for name in names):
        return "sounds"
    return "pictures"


def missing_component(layout: Layout, safety_checker: bool) -> str:
    """Say what a folder lacks of what its index lists; empty where it is whole.

    Args:
        layout: What was found.
        safety_checker: Whether the checker's components are needed.
    """
    if layout.form != "folder":
        return ""
    made = _made_without_files(layout)
    for name, (library, class_name) in layout.components.items():
        folder = layout.path / name
        if name in made or (name in _CHECKERS and not safety_checker):
            continue
        names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
        if not names:
            return f"it has no folder {name!r} with the {class_name} that model_index.json lists"
        reads = library == "transformers" and "Tokenizer" in class_name
        needs = not reads and not name.startswith(_NO_WEIGHTS)
        if needs and not any(map(_WEIGHTS.match, names)) and not gguf_files(layout, name):
            return f"its folder {name!r} has no weights (.safetensors)"
    return ""


def gguf_files(layout: Layout, name: str) -> list[Path]:
    """Return the ``.gguf`` files of a component: in its folder, or beside that of the only one."""
    if layout.form != "folder" or not name.startswith("transformer"):
        return []
    return sorted((layout.path / name).glob("*.gguf")) or (
        sorted(layout.path.glob("*.gguf")) if name == "transformer" else []
    )


def is_gguf_alone(layout: Layout, name: str) -> bool:
    """Tell whether a component has no weights but those in a ``.gguf`` file."""
    usual = (*(layout.path / name).glob("*.safetensors"), *(layout.path / name).glob("*.bin"))
    return bool(gguf_files(layout, name)) and not usual


def missing_package(layout: Layout) -> str:
    """Return the package that a component's class is from and that isn't installed, or nothing."""
    if layout.form != "folder":
        return ""
    import diffusers

    for name, (library, _) in layout.components.items():
        package = library.partition(".")[0]
        of_diffusers = hasattr(diffusers.pipelines, library)
        if of_diffusers or package in sys.modules or _code_of(layout, name) is not None:
            continue
        if importlib.util.find_spec(package) is None:
            return package
    return ""


def brings_its_guard(layout: Layout) -> bool:
    """Tell whether a folder has a safety checker that its pipeline won't work without."""
    import diffusers

    type_ = getattr(diffusers, layout.class_name, None)
    if type_ is None or not (layout.path / "safety_checker").is_dir():
        return False
    return "requires_safety_checker" not in inspect.signature(type_.__init__).parameters


def _made_without_files(layout: Layout) -> set[str]:
    """Return the components that a pipeline makes itself; its folder hasn't got them."""
    import diffusers

    type_ = getattr(diffusers, layout.class_name, None)
    if type_ is None:
        return set()
    optional = getattr(type_, "_optional_components", ())
    parameters = inspect.signature(type_.__init__).parameters.values()
    return {
        one.name for one in parameters if one.default is not one.empty and one.name not in optional
    }


def variant_of(layout: Layout) -> str | None:
    """Return the variant to load (``fp16``), where a component has no other weights."""
    for name in layout.components:
        folder = layout.path / name
        names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
        found = [match["name"] for one in names if (match := _VARIANT.fullmatch(one))]
        if found and not any(_PLAIN.fullmatch(one) for one in names):
            return "fp16" if "fp16" in found else found[0]
    return None


def _found_in(folder: Path) -> str:
    config = folder / "config.json"
    if config.is_file():
        about = read_json(config)
        if "_class_name" in about:
            return f"it is one component of a pipeline alone, a {about['_class_name']}"
        if about.get("architectures"):
            return f"it is a model of transformers, a {about['architectures'][0]}"
    names = sorted(one.name for one in folder.iterdir())
    shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return f"it has {shown or 'nothing in it'}"


def _gguf_hint(path: Path) -> str:
    if path.suffix != ".gguf":
        return ""
    return (
        "; a .gguf file holds a transformer alone: put it into the folder of its pipeline, or of "
        "the transformer there, and set quantization to 'gguf'"
    )

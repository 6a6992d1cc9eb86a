"""tti/diffusers draws what diffusers draws, and refuses what it can't draw."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.gguf_file import write_gguf
from tests.ldm import write_checkpoint
from tests.tiny import tiny

from omnibind import Client
from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    BadOption,
    Cancelled,
    ContentRefused,
    OutOfMemory,
    PackagesMissing,
    UnknownModel,
    UnknownOption,
    WeightsDamaged,
)
from omnibind.contracts.media import Image
from omnibind.managers import TTIBindingManager

GUIDED: dict[str, Any] = {"guidance_scale": 4.0, "negative_prompt": "rain"}
MODELS: dict[str, dict[str, Any]] = {
    "sd": GUIDED,
    "sdxl": GUIDED,
    "sd2": GUIDED,
    "lcm": {"guidance_scale": 8.0},
    "sdxl-turbo": {"guidance_scale": 0.0},
    "sdxl-lcm": {"guidance_scale": 8.0},
    "sd3": GUIDED,
    "flux": {"guidance_scale": 4.0},
    "flux2-klein": {"guidance_scale": 4.0},
    "z-image": GUIDED,
    "qwen-image": {"true_cfg_scale": 3.0, "negative_prompt": "rain"},
    "sana": {**GUIDED, "use_resolution_binning": False},
    "cosmos2-image": GUIDED,
    "pixart-alpha": {**GUIDED, "use_resolution_binning": False},
    "pixart-sigma": {**GUIDED, "use_resolution_binning": False},
    "kolors": GUIDED,
    "chroma": GUIDED,
    "hidream": {**GUIDED, "width": 128, "height": 128},
    "lumina2": GUIDED,
    "cogview4": GUIDED,
    "auraflow": {**GUIDED, "max_sequence_length": 16},
    "hunyuan-dit": {**GUIDED, "use_resolution_binning": False},
    "ovis-image": GUIDED,
}
"""By tiny model, how its pipeline is told to follow a prompt, and its size where it has one."""
SMALL = {"width": 32, "height": 32}
STEPS = 3


def binding_of(model: str | Path, **configuration: Any) -> Any:
    path = str(model if isinstance(model, Path) else tiny(model))
    if model == "cosmos2-image":
        configuration["trust_remote_code"] = True  # its guard's
    return TTIBindingManager().create_binding(
        "diffusers", runs="in-process", model_id_or_path=path, **configuration
    )


_LOADED: dict[str, Any] = {}


def loaded(model: str) -> Any:
    if model not in _LOADED:
        _LOADED[model] = binding_of(model)
        _LOADED[model].load()
    return _LOADED[model]


@pytest.fixture(autouse=True, scope="module")
def _let_go() -> Iterator[None]:
    yield
    for binding in _LOADED.values():
        binding.unload()
    _LOADED.clear()
    raw.cache_clear()


@cache
def raw(model: str) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers import DiffusionPipeline

        pipe = DiffusionPipeline.from_pretrained(str(tiny(model)), trust_remote_code=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def of_raw(call: Any, **options: Any) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, of an old spelling in diffusers' schedulers
        return [np.asarray(one) for one in call(**options).images]


def chance(seed: int) -> Any:
    import torch

    return torch.Generator().manual_seed(seed)


def difference(one: Image, other: Any) -> int:
    """Return by how much the worst pixel differs, of 255."""
    pixels = other.array() if isinstance(other, Image) else other
    return int(np.abs(one.array().astype(int) - pixels.astype(int)).max())


def copied(model: str, place: Path) -> Path:
    return shutil.copytree(tiny(model), place / model)


# ── the same as the library ──


@pytest.mark.parametrize("model", MODELS)
def test_a_picture_is_the_librarys_own_bit_by_bit(model: str) -> None:
    options = {"width": 64, "height": 32, **MODELS[model]}
    ours = loaded(model).generate_image("a red apple", steps=STEPS, seed=5, **options)
    theirs = of_raw(
        raw(model),
        prompt="a red apple",
        num_inference_steps=STEPS,
        generator=chance(5),
        **options,
    )
    assert (ours.width, ours.height, ours.meta.seed) == (options["width"], options["height"], 5)
    assert ours.meta.warnings == ()
    assert difference(ours, theirs[0]) == 0
    other = loaded(model).generate_image("a red apple", steps=STEPS, seed=6, **options)
    assert difference(ours, other) > 0
    other = loaded(model).generate_image("a ship at sea", steps=STEPS, seed=5, **options)
    assert difference(ours, other) > 2


def test_the_pipelines_own_options_reach_it() -> None:
    negative = {"negative_prompt": "a dog", "guidance_rescale": 0.7, "eta": 0.5}
    ours = loaded("sd").generate_image("a cat", steps=STEPS, seed=1, **negative)
    theirs = of_raw(
        raw("sd"), prompt="a cat", num_inference_steps=STEPS, generator=chance(1), **negative
    )
    assert difference(ours, theirs[0]) == 0


def test_a_picture_starts_from_another_as_in_the_library() -> None:
    start = loaded("sd").generate_image("a ship", steps=STEPS, seed=1)
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :32] = 255
    options = {"strength": 0.7, "seed": 2, "steps": 6}
    anew = loaded("sd").edit_image("a fox", start, **options)
    half = loaded("sd").edit_image("a fox", start, mask=Image.from_array(mask), **options)

    from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting
    from PIL import Image as PILImages

    given = {"prompt": "a fox", "image": PILImages.fromarray(start.array()), "strength": 0.7}
    door = AutoPipelineForImage2Image.from_pipe(raw("sd"))
    door.set_progress_bar_config(disable=True)
    theirs = of_raw(door, num_inference_steps=6, generator=chance(2), **given)
    assert difference(anew, theirs[0]) == 0
    door = AutoPipelineForInpainting.from_pipe(raw("sd"))
    door.set_progress_bar_config(disable=True)
    given |= {"mask_image": PILImages.fromarray(mask), "width": 64, "height": 64}
    theirs = of_raw(door, num_inference_steps=6, generator=chance(2), **given)
    assert difference(half, theirs[0]) == 0
    assert difference(anew, half) > 0


@pytest.mark.parametrize("model", ["sdxl", "sd3", "flux", "z-image", "qwen-image"])
def test_other_kinds_of_model_edit_too(model: str) -> None:
    start = loaded(model).generate_image("a ship", steps=STEPS, seed=1, width=32, height=32)
    edited = loaded(model).edit_image("a fox", start, strength=0.7, seed=2, steps=STEPS)
    assert (edited.width, edited.height) == (32, 32)
    assert difference(edited, start) > 0


def test_a_model_that_edits_by_its_prompt_draws_the_librarys_own_picture() -> None:
    start = loaded("flux2-klein").generate_image("a ship", steps=STEPS, width=64, height=64)
    edited = loaded("flux2-klein").edit_image("a fox", start, seed=2, steps=STEPS)

    from PIL import Image as PILImages

    given = {"prompt": "a fox", "image": PILImages.fromarray(start.array())}
    given |= {"width": 64, "height": 64, "generator": chance(2)}
    theirs = of_raw(raw("flux2-klein"), num_inference_steps=STEPS, **given)
    assert difference(edited, theirs[0]) == 0
    other = Image.from_array(255 - start.array())
    again = loaded("flux2-klein").edit_image("a fox", other, seed=2, steps=STEPS)
    assert difference(edited, again) > 0
    with pytest.raises(UnknownOption, match="strength"):
        loaded("flux2-klein").edit_image("a fox", start, strength=0.7)


# CogView 4 reads the padding of shorter prompts, too.
@pytest.mark.parametrize("model", [model for model in MODELS if model != "cogview4"])
def test_pictures_drawn_together_are_those_drawn_alone(model: str) -> None:
    prompts = ["a red apple", "a blue ship", "a cat in the snow"]
    same = {"width": 64, "height": 32, **MODELS[model], "steps": STEPS}
    together = loaded(model).generate_image_batch(prompts, seeds=[1, 2, 3], **same)
    for prompt, seed, one in zip(prompts, (1, 2, 3), together, strict=True):
        alone = loaded(model).generate_image(prompt, seed=seed, **same)
        assert difference(one, alone) <= 1
        assert one.meta.seed == seed
    with pytest.raises(BadOption, match="list of 3"):
        loaded(model).generate_image_batch(prompts, seeds=[1], **same)


# ── options ──


def test_the_options_are_those_of_the_pipeline() -> None:
    schema = binding_of("sd").options_for()
    assert {"steps", "guidance_scale", "negative_prompt", "width", "seed", "clip_skip"} <= {
        *schema.names
    }
    assert "output_format" in schema.names
    assert not {"num_inference_steps", "generator", "latents", "prompt_embeds"} & {*schema.names}
    assert "max_sequence_length" in binding_of("sd3").options_for().names
    assert "max_sequence_length" not in schema.names


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"max_sequence_length": 8}, UnknownOption, "max_sequence_length"),
        ({"num_inference_steps": 8}, UnknownOption, "'steps'"),
        ({"clip_skip": "one"}, BadOption, "isn't an int"),
        ({"width": 65}, BadOption, "width is 65"),
        ({"width": 60}, BadOption, "divisible by 8"),
        ({"steps": 2000}, BadOption, "1000"),
    ],
)
def test_what_the_pipeline_cannot_do_is_refused(
    options: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        loaded("sd").generate_image("a cat", **{"steps": 1, **options})


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"steps": 2.5}, {"guidance_scale": -1.0}, {"seed": -1}, {"width": 8}]
)
def test_options_out_of_their_range_are_refused_by_the_handle(options: dict[str, Any]) -> None:
    here = {"binding": "diffusers", "runs": "in-process", "model_id_or_path": str(tiny("sd"))}
    with Client(tti=here) as client, pytest.raises(BadOption):
        client.tti.generate_image("a cat", **options)


def test_a_size_is_never_rounded_in_silence() -> None:
    with pytest.raises(BadOption, match="FluxPipeline makes multiples of 2 pixels: give 32"):
        loaded("flux").generate_image("a cat", steps=1, width=33, height=32)


def test_an_edit_says_what_does_not_do() -> None:
    odd = Image.from_array(np.full((65, 65, 3), 128, np.uint8))
    with pytest.raises(BadInput, match="give width and height too"):
        loaded("sd").edit_image("a fox", odd, steps=2)
    resized = loaded("sd").edit_image("a fox", odd, steps=2, width=64, height=32)
    assert (resized.width, resized.height) == (64, 32)
    even = Image.from_array(np.full((64, 64, 3), 128, np.uint8))
    with pytest.raises(BadInput, match="mask"):
        loaded("sd").edit_image("a fox", even, mask=odd, steps=2)
    with pytest.raises(BadOption, match="leaves none to take"):
        loaded("sd").edit_image("a fox", even, strength=0.1, steps=2)
    with pytest.raises(BadInput):
        loaded("sd").edit_image("a fox", b"no picture")


def test_a_prompt_that_is_too_long_is_told() -> None:
    picture = loaded("sd").generate_image("a very long tale " * 20, steps=1, seed=1)
    assert any("truncated" in one for one in picture.meta.warnings)
    assert not loaded("sd").generate_image("a cat", steps=1, seed=1).meta.warnings


@pytest.mark.parametrize(
    ("model", "options", "told"),
    [
        ("qwen-image", {"guidance_scale": 4.0}, "guidance_scale is passed as 4.0, but ignored"),
        ("qwen-image", {"true_cfg_scale": 3.0}, "no negative_prompt is provided"),
        ("flux", {"negative_prompt": "rain"}, "negative_prompt changed nothing"),
    ],
)
def test_an_option_that_the_model_does_not_heed_is_told(
    model: str, options: dict[str, Any], told: str
) -> None:
    size = {"steps": 1, "seed": 1, "width": 32, "height": 32}
    picture = loaded(model).generate_image("a cat", **options, **size)
    assert [told in one for one in picture.meta.warnings] == [True]
    assert difference(picture, loaded(model).generate_image("a cat", **size)) == 0
    assert not loaded(model).generate_image("a cat", **size).meta.warnings


# ── schedulers, LoRAs, settings ──


@pytest.mark.parametrize(
    ("model", "name", "kind"),
    [
        ("sd", "euler", "EulerDiscreteScheduler"),
        ("sd", "dpm++", "DPMSolverMultistepScheduler"),
        ("sd", "UniPCMultistepScheduler", "UniPCMultistepScheduler"),
        ("sd", "lcm", "LCMScheduler"),
        ("sd3", "heun", "FlowMatchHeunDiscreteScheduler"),
        ("sd3", "unipc", "UniPCMultistepScheduler"),
    ],
)
def test_a_scheduler_goes_by_its_name(model: str, name: str, kind: str) -> None:
    binding = binding_of(model, scheduler_name=name)
    binding.load()
    other = binding.generate_image("a cat", steps=STEPS, seed=1)
    assert type(binding._loaded.pipe.scheduler).__name__ == kind
    assert difference(other, loaded(model).generate_image("a cat", steps=STEPS, seed=1)) > 0
    binding.unload()


@pytest.mark.parametrize(
    ("model", "name", "told"),
    [
        ("sd", "eulr", "did you mean 'euler'"),
        ("sd", "FlowMatchEulerDiscreteScheduler", "doesn't fit StableDiffusionPipeline"),
        ("sd3", "ddim", "doesn't fit StableDiffusion3Pipeline"),
        ("sd", "StableDiffusionPipeline", "is unknown"),
    ],
)
def test_an_unknown_or_unfit_scheduler_is_refused(model: str, name: str, told: str) -> None:
    with pytest.raises(BadConfig, match=told):
        binding_of(model, scheduler_name=name).load()


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig, get_peft_model_state_dict

    torch.manual_seed(1)
    unet = UNet2DConditionModel.from_pretrained(str(tiny("sd") / "unet"))
    unet.add_adapter(LoraConfig(target_modules=["to_q", "to_v"], init_lora_weights=False))
    folder = tmp_path_factory.mktemp("lora")
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=layers)
    return folder / "pytorch_lora_weights.safetensors"


def test_a_lora_changes_the_picture_and_can_be_taken_away(lora: Path) -> None:
    binding = binding_of("sd", lora=str(lora))
    binding.load()
    plain = loaded("sd").generate_image("a cat", steps=STEPS, seed=1)
    assert difference(binding.generate_image("a cat", steps=STEPS, seed=1), plain) > 0
    without = {"cross_attention_kwargs": {"scale": 0.0}}
    assert difference(binding.generate_image("a cat", steps=STEPS, seed=1, **without), plain) == 0
    unet = binding._loaded.pipe.unet
    assert binding.set_settings({"lora": None}) is True
    assert binding._loaded.pipe.unet is unet
    assert difference(binding.generate_image("a cat", steps=STEPS, seed=1), plain) == 0
    binding.unload()


def test_a_lora_that_does_not_fit_is_refused(lora: Path) -> None:
    with pytest.raises(BadConfig, match=r"LoRA .* for StableDiffusionXLPipeline"):
        binding_of("sdxl", lora=str(lora)).load()
    with pytest.raises(BadConfig, match=r"LoRA .* for FluxPipeline"):
        binding_of("flux", lora=str(lora)).load()
    no_lora = tiny("sd") / "unet" / "diffusion_pytorch_model.safetensors"
    with pytest.raises(BadConfig, match="LoRA"):
        binding_of("sd", lora=str(no_lora)).load()
    with pytest.raises(BadConfig, match="isn't here"):
        binding_of("sd", lora="/no/such.safetensors").load()


def test_only_what_must_is_loaded_anew() -> None:
    binding = binding_of("sd")
    binding.load()
    unet = binding._loaded.pipe.unet
    before = binding.generate_image("a cat", steps=STEPS, seed=1)
    assert binding.set_settings({"scheduler_name": "euler"}) is True
    assert binding._loaded.pipe.unet is unet
    assert difference(binding.generate_image("a cat", steps=STEPS, seed=1), before) > 0
    with pytest.raises(BadConfig, match="unknown"):
        binding.set_settings({"scheduler_name": "eulr"})
    values = {one["name"]: one["value"] for one in binding.get_settings()}
    assert values["scheduler_name"] == "euler"
    assert binding.set_settings({"scheduler_name": None}) is True
    assert difference(binding.generate_image("a cat", steps=STEPS, seed=1), before) == 0
    assert binding.set_settings({"precision": "bfloat16"}) is True
    assert not binding._loaded
    binding.load()
    assert str(binding._loaded.pipe.unet.dtype) == "torch.bfloat16"
    binding.unload()


# ── which model ──


def test_models_in_a_folder_go_by_their_names() -> None:
    binding: Any = TTIBindingManager().create_binding(
        "diffusers", runs="in-process", model_id_or_path="flux", models_dir=tiny("flux").parent
    )
    assert "flux" in binding.list_models()
    assert "flux" in [service["name"] for service in binding.list_services()]
    binding.load()
    assert binding.generate_image("a cat", steps=1, width=32, height=32).width == 32
    binding.unload()


def test_an_unknown_model_and_a_folder_of_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="no-such"):
        TTIBindingManager().create_binding(
            "diffusers", runs="in-process", model_id_or_path="no-such"
        ).load()
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(BadConfig, match=r"it has notes\.txt; expected a folder with model_index"):
        binding_of(tmp_path).load()
    with pytest.raises(BadConfig, match="one component of a pipeline alone, a UNet2DCondition"):
        binding_of(tiny("sd") / "unet").load()
    with pytest.raises(BadConfig, match="model of transformers, a CLIPTextModel"):
        binding_of(tiny("sd") / "text_encoder").load()
    with pytest.raises(BadConfig, match="no folder"):
        binding_of("sd", models_dir=tmp_path / "none").load()


def test_a_model_of_another_modality_is_refused(tmp_path: Path) -> None:
    for name, makes in (("WanPipeline", "films"), ("StableAudioPipeline", "sounds")):
        (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
        with pytest.raises(BadConfig, match=f"which makes {makes}"):
            binding_of(tmp_path).load()


def test_a_missing_component_is_named(tmp_path: Path) -> None:
    folder = copied("sd", tmp_path)
    shutil.rmtree(folder / "vae")
    with pytest.raises(WeightsDamaged, match="no folder 'vae' with the AutoencoderKL"):
        binding_of(folder).load()
    (folder / "model_index.json").write_text("{")
    with pytest.raises(WeightsDamaged, match="model_index"):
        binding_of(folder).load()


@pytest.mark.parametrize(
    ("component", "file"),
    [
        ("unet", "diffusion_pytorch_model.safetensors"),
        ("text_encoder", "model.safetensors"),
    ],
)
def test_weights_that_lack_a_part_are_refused(tmp_path: Path, component: str, file: str) -> None:
    from safetensors.torch import load_file, save_file

    path = copied("sd", tmp_path) / component / file
    weights = load_file(path)
    lost = sorted(weights)[3]
    del weights[lost]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(WeightsDamaged, match=f"lack .*{lost}"):
        binding_of(path.parents[1]).load()
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsDamaged):
        binding_of(path.parents[1]).load()


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    folder = copied("sd", tmp_path)
    weights = "diffusion_pytorch_model.safetensors"
    shutil.copy(tiny("sdxl") / "unet" / weights, folder / "unet" / weights)
    with pytest.raises(WeightsDamaged, match="expected shape"):
        binding_of(folder).load()


def test_code_beside_the_weights_runs_only_when_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import diffusers.utils.dynamic_modules_utils as modules

    monkeypatch.setattr(modules, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = copied("sd", tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = ["mine", "MyPipeline"]
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "mine.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(BadConfig, match="trust_remote_code"):
        binding_of(folder).load()
    with pytest.raises(SystemExit, match="it ran"):
        binding_of(folder, trust_remote_code=True).load()


def test_a_variant_is_found(tmp_path: Path) -> None:
    folder = copied("sd", tmp_path)
    for file in [*folder.rglob("*.safetensors")]:
        file.rename(file.with_name(f"{file.stem}.fp16.safetensors"))
    binding = binding_of(folder)
    binding.load()
    picture = binding.generate_image("a cat", steps=1, seed=1)
    assert difference(picture, loaded("sd").generate_image("a cat", steps=1, seed=1)) == 0
    binding.unload()


def test_a_checkpoint_in_one_file_draws_as_its_pipeline_does(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    write_checkpoint(tiny("sd"), file)
    configuration = shutil.copytree(tiny("sd"), tmp_path / "mine")
    for weights in configuration.rglob("*.safetensors"):
        weights.unlink()
    binding = binding_of(file)
    binding.load()
    picture = binding.generate_image("a cat", steps=STEPS, seed=1)
    binding.unload()
    whole = loaded("sd").generate_image("a cat", steps=STEPS, seed=1)
    assert difference(picture, whole) == 0


def test_a_lone_file_that_is_no_checkpoint_or_lacks_its_configuration_is_refused(
    tmp_path: Path, lora: Path
) -> None:
    import torch
    from safetensors.torch import save_file

    with pytest.raises(BadConfig, match="is a LoRA"):
        binding_of(lora).load()
    unet = tiny("sd") / "unet" / "diffusion_pytorch_model.safetensors"
    alone = shutil.copy(unet, tmp_path / "unet.safetensors")
    with pytest.raises(BadConfig, match="no whole checkpoint"):
        binding_of(Path(alone)).load()
    whole = tmp_path / "whole.safetensors"
    save_file({"first_stage_model.decoder.conv_in.weight": torch.zeros(1)}, whole)
    told = r"whole.safetensors is a checkpoint of the kind 'v1'.*configuration.*run: omnibind pull"
    with pytest.raises(BadConfig, match=told):
        binding_of(whole).load()
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadConfig, match="set quantization to 'gguf'"):
        binding_of(tmp_path / "a.gguf").load()


def test_a_modular_pipeline_draws_the_librarys_own_picture(tmp_path: Path) -> None:
    noise: Any = importlib.import_module("omnibind.bindings._shared.library_noise")
    size = {"width": 64, "height": 64}
    with noise.loading():
        from diffusers import ModularPipeline

        pipe = ModularPipeline.from_pretrained(str(tiny("sdxl")))
        pipe.load_components(local_files_only=True)
        pipe.save_pretrained(str(tmp_path / "modular"), overwrite_modular_index=True)
        pipe.set_progress_bar_config(disable=True)
        theirs = pipe(
            prompt="a cat", num_inference_steps=2, generator=chance(1), output="images", **size
        )
    moved = shutil.move(tmp_path / "modular", tmp_path / "moved")
    binding = binding_of(moved)
    binding.load()
    ours = binding.generate_image("a cat", steps=2, seed=1, **size)
    assert difference(ours, np.asarray(theirs[0])) == 0
    binding.unload()


# ── devices and memory ──


def test_a_compiled_network_draws_the_same_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    options: dict[str, Any] = {"width": 64, "height": 64, "steps": 2, "seed": 1}
    expected = loaded("sd").generate_image("a cat", **options)
    choice = {"binding": "diffusers", "model_id_or_path": str(tiny("sd")), "compile": True}
    with Client(tti={**choice, "runs": "worker"}) as client:
        ours = client.tti.generate_image("a cat", verify=False, **options)
    assert difference(ours, expected) <= 1
    assert any(tmp_path.rglob("*.so"))


@pytest.mark.parametrize("bits", ["int8", "float8"])
def test_fewer_bits_give_the_librarys_own_picture(bits: str) -> None:
    noise: Any = importlib.import_module("omnibind.bindings._shared.library_noise")
    with noise.loading():
        import diffusers
        import torch
        import transformers
        from torchao import quantization

        kinds = {
            "int8": quantization.Int8WeightOnlyConfig,
            "float8": quantization.Float8WeightOnlyConfig,
        }
        mapping = {
            "unet": diffusers.TorchAoConfig(kinds[bits]()),
            "text_encoder": transformers.TorchAoConfig(kinds[bits]()),
        }
        pipe = diffusers.DiffusionPipeline.from_pretrained(
            str(tiny("sd")),
            dtype=torch.float32,
            quantization_config=diffusers.PipelineQuantizationConfig(quant_mapping=mapping),
        )
        pipe.set_progress_bar_config(disable=True)
    options = {"guidance_scale": 4.0, "width": 48, "height": 32}
    binding = binding_of("sd", quantization=f"torchao-{bits}")
    binding.load()
    ours = binding.generate_image("a cat", steps=STEPS, seed=1, **options)
    binding.unload()
    theirs = of_raw(pipe, prompt="a cat", num_inference_steps=STEPS, generator=chance(1), **options)
    assert difference(ours, theirs[0]) == 0
    whole = loaded("sd").generate_image("a cat", steps=STEPS, seed=1, **options)
    assert 0 < difference(ours, whole) < 16


def test_a_transformer_in_gguf_gives_the_librarys_own_picture(tmp_path: Path) -> None:
    noise: Any = importlib.import_module("omnibind.bindings._shared.library_noise")
    folder = copied("flux", tmp_path)
    file = folder / "flux-Q8_0.gguf"
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    write_gguf(weights, file, "flux")
    weights.unlink()
    with pytest.raises(BadConfig, match=r"its transformer in a \.gguf file only; set it to 'gguf'"):
        binding_of(folder).load()
    with noise.loading():
        import diffusers
        import torch

        transformer = diffusers.FluxTransformer2DModel.from_single_file(
            str(file),
            config=str(folder),
            subfolder="transformer",
            quantization_config=diffusers.GGUFQuantizationConfig(compute_dtype=torch.float32),
            dtype=torch.float32,
        )
        pipe = diffusers.FluxPipeline.from_pretrained(str(folder), transformer=transformer)
        pipe.set_progress_bar_config(disable=True)
    size = {"width": 48, "height": 32}
    binding = binding_of(folder, quantization="gguf")
    binding.load()
    ours = binding.generate_image("a cat", steps=STEPS, seed=1, **size)
    binding.unload()
    theirs = of_raw(pipe, prompt="a cat", num_inference_steps=STEPS, generator=chance(1), **size)
    assert difference(ours, theirs[0]) == 0
    whole = loaded("flux").generate_image("a cat", steps=STEPS, seed=1, **size)
    assert 0 < difference(ours, whole) < 16


@pytest.mark.parametrize("form", ["folder", "modular"])
def test_only_a_folders_own_gguf_file_counts(form: str, tmp_path: Path) -> None:
    folders: Any = importlib.import_module("omnibind.bindings._shared.pipeline_folders")
    (tmp_path / "any.gguf").write_bytes(b"GGUF")  # a modular pipeline's weights lie elsewhere
    layout = folders.Layout(form, tmp_path, "", {"transformer": ("diffusers", "Any")})
    assert folders.is_gguf_alone(layout, "transformer") is (form == "folder")


def test_fewer_bits_where_they_cannot_be_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone = tmp_path / "whole.safetensors"
    lone.write_bytes(b"")
    with pytest.raises(BadConfig, match=r"whole\.safetensors is a checkpoint in one file"):
        binding_of(lone, quantization="torchao-int8").load()
    with pytest.raises(BadConfig, match="'bitsandbytes-4bit', which needs a GPU"):
        binding_of("sd", device="cpu", quantization="bitsandbytes-4bit").load()
    with pytest.raises(BadConfig, match=r"these \.gguf files: none"):
        binding_of("flux", quantization="gguf").load()
    folder = copied("flux", tmp_path)
    for name in ("a", "b"):
        (folder / "transformer" / f"{name}.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadConfig, match=r"files: transformer/a\.gguf, transformer/b\.gguf; put"):
        binding_of(folder, quantization="gguf").load()
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(PackagesMissing, match="pip install torchao"):
        binding_of("sd", quantization="torchao-int8").load()


def test_what_this_machine_lacks_is_said() -> None:
    with pytest.raises(BadConfig, match="cuda:7"):
        binding_of("sd", device="cuda:7").load()
    with pytest.raises(BadConfig, match="offload is 'model' and the device is the CPU"):
        binding_of("sd", device="cpu", offload="model").load()
    with pytest.raises(BadConfig, match="safety_checker is True"):
        binding_of("sd", safety_checker=True).load()


def test_offloading_follows_the_free_memory() -> None:
    memory: Any = importlib.import_module("omnibind.bindings._shared.pipeline_memory")
    gib = 1 << 30

    def chosen(wanted: str, free: int) -> Any:
        return memory.chosen_offload(wanted, "cuda:0", 12 * gib, 5 * gib, free * gib, "a model")

    assert [chosen("auto", free) for free in (24, 12, 4)] == ["none", "model", "group"]
    assert chosen("sequential", 24) == "sequential"
    with pytest.raises(OutOfMemory, match=r"have 12\.0 GiB and cuda:0 has 8\.0 GiB free"):
        chosen("none", 8)


# ── a call's life ──


def drawing(model: str) -> Client:
    return Client(
        tti={"binding": "diffusers", "runs": "in-process", "model_id_or_path": str(tiny(model))}
    )


IN_FLOW = ("sd3", "flux2-klein", "z-image", "qwen-image", "sana")


@pytest.mark.parametrize("model", IN_FLOW)
def test_progress_is_told_by_the_step(model: str) -> None:
    told: list[Any] = []
    options = {**MODELS[model], "width": 32, "height": 32, "on_progress": told.append}
    with drawing(model) as client:
        client.tti.generate_image("a cat", steps=4, **options)
    steps = [event.progress.step for event in told]
    assert [step for step in steps if step.startswith("step")] == [
        f"step {number}/4" for number in range(1, 5)
    ]


@pytest.mark.parametrize("model", IN_FLOW)
def test_ten_thousand_steps_end_when_they_are_cancelled(model: str) -> None:
    begun = threading.Event()
    told: list[Any] = []

    def hear(event: Any) -> None:
        told.append(event)
        if len(told) == 3:
            begun.set()

    options = {**MODELS[model], "width": 32, "height": 32, "on_progress": hear}
    with drawing(model) as client:
        call = client.submit(client.tti.generate_image, "a cat", steps=10_000, **options)
        assert begun.wait(120)
        call.cancel()
        with pytest.raises(Cancelled):
            call.result(60)
    assert len(told) < 5000


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("model", MODELS)
def test_nothing_goes_online(model: str) -> None:
    binding = binding_of(model)
    binding.load()
    binding.generate_image("a cat", steps=2, **{**SMALL, **MODELS[model]})
    binding.unload()


def test_what_the_safety_checker_objects_to_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = loaded("sd")._loaded.pipe
    monkeypatch.setattr(
        pipe, "run_safety_checker", lambda image, device, dtype: (image, [True]), raising=True
    )
    with pytest.raises(ContentRefused, match="safety checker"):
        loaded("sd").generate_image("a cat", steps=1)

"""Films by diffusers: the raw pipelines' own frames, their limits, pictures to start from."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.gguf_file import write_gguf
from tests.tiny import tiny

from omnibind.contracts.binding import CURRENT_CALL, Progress
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    CallFailed,
    Cancelled,
    ContentRefused,
    OmnibindError,
    PackagesMissing,
    UnknownOption,
    WeightsDamaged,
)
from omnibind.contracts.media import Image, Source, Video
from omnibind.contracts.roots import shipped_roots
from omnibind.managers import TTVBindingManager
from omnibind.weights.catalogue import read_models

PROMPT = "a fox runs over a hill"
SMALL: dict[str, Any] = {"width": 32, "height": 32, "steps": 2}
FPS = {
    "wan": 16,
    "ltx": 25,
    "cogvideox": 8,
    "animatediff": 8,
    "cosmos": 30,
    "cosmos3": 24,
    "hunyuan-video": 24,
    "kandinsky": 24,
    "mochi": 30,
    "sana-video": 16,
    "skyreels": 24,
    "skyreels-forcing": 24,
    "wan22": 16,
    "wan-vace": 16,
    "hunyuan-video15": 24,
}
OWN: dict[str, dict[str, Any]] = {
    "hunyuan-video": {"true_cfg_scale": 2.0},
    "sana-video": {"use_resolution_binning": False},
    "framepack": {"true_cfg_scale": 2.0, "latent_window_size": 3},
}
"""Options of the pipelines' own, without which the test would not see what it looks for."""
TRUSTED = ("cosmos", "cosmos-video", "cosmos2")
"""Models that bring code of their own."""
FROM_PICTURE = {
    "cosmos-video": 30,
    "cosmos2": 16,
    "wan-pictures": 16,
    "wan22-pictures": 16,
    "skyreels-pictures": 24,
    "cogvideox-pictures": 8,
    "kandinsky-pictures": 24,
    "framepack": 30,
}
"""By model that films from a picture alone, its frame rate."""
PICTURE = Image.from_array(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))


def create(folder: Path | str | None, **config: Any) -> Any:
    if folder is not None:
        config["model_id_or_path"] = str(folder)
    return TTVBindingManager().create_binding("diffusers", runs="in-process", **config)


@cache
def binding(name: str) -> Any:
    return create(tiny(name), trust_remote_code=name in TRUSTED)


def film(name: str, prompt: str = PROMPT, **options: Any) -> Video:
    options = {**SMALL, "seed": 7, **OWN.get(name, {}), **options}
    made: Video = binding(name).generate_video(prompt, **options)
    return made


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def raw(type_name: str, folder: Path, components: Any = None, **arguments: Any) -> Any:
    """Return what a pipeline gives when it is used as its documentation shows."""
    import diffusers
    import torch

    type_ = getattr(diffusers, type_name)
    pipe = type_.from_pretrained(folder, trust_remote_code=True, **(components or {}))
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(7)
    return pipe(width=32, height=32, num_inference_steps=2, generator=generator, **arguments)


def frames_of(made: Any) -> Any:
    return made.video if hasattr(made, "video") else made.frames[0]


# The raw library speaks to an older numpy and torch, and mixes number formats on the CPU.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning")
@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize("name", FPS)
def test_the_frames_are_those_of_the_raw_pipeline(name: str) -> None:
    count = 7 if name == "mochi" else 9
    guided: dict[str, Any] = {"negative_prompt": "rain", "guidance_scale": 4.0}
    if name == "hunyuan-video15":  # its scale is its guider's
        del guided["guidance_scale"]
    made = raw(
        "DiffusionPipeline",
        tiny(name),
        prompt=PROMPT,
        output_type="np",
        **{"frames" if name == "sana-video" else "num_frames": count},
        **guided,
        **OWN.get(name, {}),
    )
    options: dict[str, Any] = {**guided, "duration_s": count / FPS[name]}
    ours = film(name, **options)
    assert digest(ours) == digest(Video.from_frames(frames_of(made), FPS[name]))
    assert ours.meta.warnings == ()
    assert digest(film(name, **options, seed=8)) != digest(ours)
    assert digest(film(name, "a red ship at sea", **options)) != digest(ours)
    assert digest(film(name, **{**options, "negative_prompt": "snow"})) != digest(ours)


def test_what_is_not_given_stays_the_pipelines_own() -> None:
    made = raw("DiffusionPipeline", tiny("cogvideox"), prompt=PROMPT, output_type="np")
    assert digest(film("cogvideox")) == digest(Video.from_frames(made.frames[0], 8))


def test_a_negative_prompt_that_nothing_heeds_is_told() -> None:
    made = film("hunyuan-video", duration_s=9 / 24, negative_prompt="rain", true_cfg_scale=1.0)
    assert made.meta.warnings[0].startswith("negative_prompt changed nothing")
    assert digest(made) == digest(film("hunyuan-video", duration_s=9 / 24, true_cfg_scale=1.0))


def test_a_film_without_a_seed_tells_the_one_it_drew() -> None:
    first, second = (film("wan", duration_s=0.5, seed=None) for _ in range(2))
    assert first.meta.seed != second.meta.seed
    assert digest(film("wan", duration_s=0.5, seed=first.meta.seed)) == digest(first)


@pytest.mark.parametrize(
    ("name", "frames", "told"),
    [
        ("wan", 9, r"duration_s is 0\.6; WanPipeline makes 4·n\+1 frames: 9 of them last 0\.562 s"),
        ("ltx", 17, r"8·n\+1 frames: 17 of them last 0\.68 s at 25 a second"),
        ("cogvideox", 9, r"8·n\+1 frames: 9 of them last 1\.12 s at 8 a second"),
        ("animatediff", 5, r"whole frames: 5 of them last 0\.625 s"),
        ("cosmos3", 13, r"4·n\+1 frames: 13 of them last 0\.542 s at 24 a second"),
        ("hunyuan-video", 13, r"4·n\+1 frames: 13 of them last 0\.542 s at 24 a second"),
        ("kandinsky", 13, r"4·n\+1 frames: 13 of them last 0\.542 s at 24 a second"),
        ("mochi", 19, r"6·n\+1 frames: 19 of them last 0\.633 s at 30 a second"),
        ("sana-video", 9, r"4·n\+1 frames: 9 of them last 0\.562 s at 16 a second"),
        ("skyreels", 13, r"4·n\+1 frames: 13 of them last 0\.542 s at 24 a second"),
        ("skyreels-forcing", 13, r"4·n\+1 frames: 13 of them last 0\.542 s"),
    ],
)
def test_frames_are_rounded_as_the_model_needs_and_it_is_said(
    name: str, frames: int, told: str
) -> None:
    made = film(name, duration_s=0.6)
    assert len(list(made.frames())) == frames
    assert made.fps == FPS[name]
    assert len(made.meta.warnings) == 1
    assert re.search(told, made.meta.warnings[0])


def test_a_length_that_no_film_comes_near_is_refused() -> None:
    with pytest.raises(BadOption, match=r"makes 8·n\+1 frames, at 8 a second 0\.125 s or 1\.12 s"):
        film("cogvideox", duration_s=0.45)


def test_another_frame_rate_keeps_the_length() -> None:
    made = film("wan", duration_s=1.0625, fps=32)
    assert (made.fps, len(list(made.frames()))) == (32, 33)
    told = raw(
        "LTXPipeline", tiny("ltx"), prompt=PROMPT, num_frames=17, frame_rate=50, output_type="np"
    )
    assert digest(film("ltx", duration_s=0.34, fps=50)) == digest(
        Video.from_frames(told.frames[0], 50)
    )


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        (
            "wan",
            {"width": 33},
            "width is 33; WanPipeline films in multiples of 16 .* 32 or 48",
        ),
        ("wan", {"height": 40}, "height is 40; .* give 32 or 48"),
        ("ltx", {"height": 16}, "height is 16; LTXPipeline films in multiples of 32 .* give 32"),
        ("animatediff", {"width": 36}, "multiples of 8 pixels: give 32 or 40"),
        ("cosmos3", {"width": 36}, "multiples of 8 pixels: give 32 or 40"),
        ("hunyuan-video", {"width": 40}, "multiples of 16 pixels: give 32 or 48"),
        ("kandinsky", {"height": 40}, "multiples of 16 pixels: give 32 or 48"),
        ("mochi", {"width": 40}, "multiples of 16 pixels: give 32 or 48"),
        ("sana-video", {"width": 40}, "multiples of 16 pixels: give 32 or 48"),
        ("skyreels", {"width": 40}, "multiples of 16 pixels: give 32 or 48"),
    ],
)
def test_odd_sizes_are_refused_with_the_models_step(name: str, size: Any, told: str) -> None:
    with pytest.raises(BadOption, match=told):
        film(name, duration_s=0.5, **size)


@pytest.mark.parametrize("options", [{"steps": 0}, {"fps": 0}, {"duration_s": 0.0}, {"width": 8}])
def test_what_is_out_of_range_is_refused(options: Any) -> None:
    with pytest.raises(BadOption, match=next(iter(options))):
        film("wan", **options)


def test_more_steps_than_the_scheduler_knows_are_refused() -> None:
    with pytest.raises(BadOption, match="1000"):
        film("animatediff", duration_s=0.5, steps=10_000)


class Impatient:
    """Cancels when a call says for the fourth time how far it is."""

    def __init__(self) -> None:
        self.told: list[Progress] = []

    def report(self, progress: Progress) -> None:
        self.told.append(progress)
        if len(self.told) == 4:
            raise Cancelled("enough")


@pytest.mark.parametrize("name", [name for name in FPS if name not in ("ltx", "animatediff")])
def test_ten_thousand_steps_are_cancelled_after_three(name: str) -> None:
    knows_few = name in ("cogvideox", "cosmos3", "sana-video", "skyreels", "skyreels-forcing")
    listener, steps = Impatient(), 1000 if knows_few else 10_000
    token = CURRENT_CALL.set(listener)
    try:
        with pytest.raises(Cancelled):
            film(name, duration_s=1.0, steps=steps)
    finally:
        CURRENT_CALL.reset(token)
    assert [one.fraction for one in listener.told] == [0.0, 1 / steps, 2 / steps, 3 / steps]
    assert listener.told[-1].step == f"step 3/{steps}"
    assert film(name, duration_s=1.0), "the pipeline can't be used after it was cancelled"


def test_options_are_those_of_the_models_pipeline() -> None:
    fresh = create(tiny("ltx"))
    names = set(fresh.options_for().names)
    assert fresh._loaded is None, "asking for the options loaded the model"
    assert {"duration_s", "fps", "image", "seed", "steps", "decode_timestep"} <= names
    assert not names & {"num_frames", "frame_rate", "generator", "output_type", "latents"}
    assert "decode_timestep" not in create(tiny("wan")).options_for().names
    assert fresh.options_for().option("steps").type.low == 1
    assert "steps" in create(None).options_for().names
    with pytest.raises(UnknownOption, match=r"'clip_skip' is unknown to .*WanPipeline"):
        film("wan", clip_skip=1)
    plain, chanced = (film("animatediff", duration_s=0.2, eta=eta) for eta in (0.0, 1.0))
    assert digest(plain) != digest(chanced)


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize(
    ("name", "type_name"),
    [
        ("ltx", "LTXImageToVideoPipeline"),
        ("cosmos3", "Cosmos3OmniPipeline"),
        ("skyreels-forcing", "SkyReelsV2DiffusionForcingImageToVideoPipeline"),
    ],
)
def test_a_film_starts_from_a_picture_with_the_weights_for_text(name: str, type_name: str) -> None:
    made = raw(
        type_name,
        tiny(name),
        image=as_pil(PICTURE),
        prompt=PROMPT,
        num_frames=9,
        output_type="np",
    )
    duration_s = 9 / FPS[name]
    before = digest(film(name, duration_s=duration_s))
    ours = film(name, duration_s=duration_s, image=PICTURE)
    assert digest(ours) == digest(Video.from_frames(frames_of(made), FPS[name]))
    assert digest(film(name, duration_s=duration_s)) == before
    other = Image.from_array(255 - PICTURE.array())
    assert digest(film(name, duration_s=duration_s, image=other)) != digest(ours)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", FROM_PICTURE)
def test_a_model_for_pictures_films_the_librarys_own_frames(name: str) -> None:
    count = 17 if name == "kandinsky-pictures" else 9
    guided: dict[str, Any] = {"negative_prompt": "rain", "guidance_scale": 4.0}
    made = raw(
        "DiffusionPipeline",
        tiny(name),
        image=as_pil(PICTURE),
        prompt=PROMPT,
        num_frames=count,
        output_type="np",
        **guided,
        **OWN.get(name, {}),
    )
    options: dict[str, Any] = {**guided, "duration_s": count / FROM_PICTURE[name]}
    options["image"] = PICTURE
    ours = film(name, **options)
    assert digest(ours) == digest(Video.from_frames(frames_of(made), FROM_PICTURE[name]))
    assert digest(film(name, **options, seed=8)) != digest(ours)
    assert digest(film(name, "a red ship at sea", **options)) != digest(ours)
    assert digest(film(name, **{**options, "negative_prompt": "snow"})) != digest(ours)
    options["image"] = Image.from_array(255 - PICTURE.array())
    assert digest(film(name, **options)) != digest(ours)
    with pytest.raises(BadOption, match="image"):
        film(name, **guided)


def test_a_decoder_that_must_decodes_in_tiles() -> None:
    made = film("allegro", duration_s=8 / 15)
    assert (made.fps, len(list(made.frames()))) == (15, 8)
    assert len(list(film("allegro", fps=15).frames())) == 32


def test_both_networks_of_wan_22_film() -> None:
    plain = film("wan22", duration_s=0.5, guidance_scale=4.0)
    other = film("wan22", duration_s=0.5, guidance_scale=4.0, guidance_scale_2=50.0)
    assert digest(plain) != digest(other)


def test_both_networks_of_wan_22_may_have_fewer_bits(tmp_path: Path) -> None:
    import diffusers
    import torch

    folder = shutil.copytree(tiny("wan22"), tmp_path / "wan22")
    networks = {}
    for name in ("transformer", "transformer_2"):
        weights = folder / name / "diffusion_pytorch_model.safetensors"
        file = folder / name / "Q8_0.gguf"
        write_gguf(weights, file, "wan")
        weights.unlink()
        networks[name] = diffusers.WanTransformer3DModel.from_single_file(
            str(file),
            config=str(folder),
            subfolder=name,
            quantization_config=diffusers.GGUFQuantizationConfig(compute_dtype=torch.float32),
            dtype=torch.float32,
        )
    options: dict[str, Any] = {"guidance_scale": 4.0, "negative_prompt": "rain"}
    made = raw(
        "WanPipeline",
        folder,
        prompt=PROMPT,
        num_frames=9,
        output_type="np",
        components=networks,
        **options,
    )
    engine = create(folder, quantization="gguf")
    ours = engine.generate_video(PROMPT, duration_s=9 / 16, seed=7, **SMALL, **options)
    engine.unload()
    assert digest(ours) == digest(Video.from_frames(frames_of(made), 16))
    pipelines: Any = importlib.import_module("omnibind.bindings._shared.pipelines")
    for network in pipelines.load_pipeline(folder, makes="films", quantization="gguf").denoisers():
        assert {type(one).__name__ for one in network.parameters()} > {"GGUFParameter"}
    with pytest.raises(BadConfig, match=r"its transformer in a \.gguf file only"):
        create(folder).load()


@pytest.fixture(scope="module")
def wan_loras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two LoRAs for Wan, in the folders ``transformer`` and ``transformer_2``."""
    import torch
    from diffusers import WanPipeline, WanTransformer3DModel
    from peft import LoraConfig, get_peft_model_state_dict

    place = tmp_path_factory.mktemp("loras")
    for seed, name in enumerate(("transformer", "transformer_2")):
        torch.manual_seed(seed)
        network = WanTransformer3DModel.from_pretrained(str(tiny("wan22") / name))
        few = LoraConfig(target_modules=["to_q", "to_v"], init_lora_weights=False)
        network.add_adapter(few)
        layers = get_peft_model_state_dict(network)
        WanPipeline.save_lora_weights(place / name, transformer_lora_layers=layers)
    return place


@pytest.mark.parametrize("second", ["transformer", "transformer_2"])
def test_both_networks_of_wan_22_take_a_lora(wan_loras: Path, second: str) -> None:
    import diffusers
    import torch

    pipe = diffusers.WanPipeline.from_pretrained(tiny("wan22"))
    pipe.set_progress_bar_config(disable=True)
    pipe.load_lora_weights(wan_loras / "transformer")
    pipe.load_lora_weights(wan_loras / second, load_into_transformer_2=True)
    options: dict[str, Any] = {"guidance_scale": 4.0, "negative_prompt": "rain"}
    made = pipe(
        PROMPT,
        num_frames=9,
        width=32,
        height=32,
        num_inference_steps=2,
        generator=torch.Generator().manual_seed(7),
        output_type="np",
        **options,
    )
    file = wan_loras / "transformer" / "pytorch_lora_weights.safetensors"
    engine = create(tiny("wan22"), lora=str(file if second == "transformer" else wan_loras))
    wanted = {**SMALL, **options, "duration_s": 9 / 16, "seed": 7}
    ours = engine.generate_video(PROMPT, **wanted)
    assert digest(ours) == digest(Video.from_frames(frames_of(made), 16))
    assert digest(film("wan22", **wanted)) != digest(ours)
    engine.unload()


def test_a_lora_for_one_network_of_wan_22_alone_is_refused(wan_loras: Path, tmp_path: Path) -> None:
    shutil.copytree(wan_loras / "transformer", tmp_path / "transformer")
    with pytest.raises(BadConfig, match=r"a folder with these \.safetensors files: none"):
        create(tiny("wan22"), lora=str(tmp_path)).load()


def test_both_networks_of_wan_22_are_compiled() -> None:
    pipelines: Any = importlib.import_module("omnibind.bindings._shared.pipelines")
    networks = pipelines.load_pipeline(tiny("wan22"), makes="films", compile=True).denoisers()
    assert len(networks) == 2
    for network in networks:
        assert all(block._compiled_call_impl is not None for block in network.blocks)


@pytest.mark.filterwarnings("ignore:std:UserWarning")
def test_frames_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(CallFailed, match="no numbers"):  # it compares the fifth with the first
        film("kandinsky-pictures", duration_s=9 / 24, image=PICTURE)


def test_a_folder_for_pictures_films_from_text_too(tmp_path: Path) -> None:
    folder = copied("ltx", tmp_path)
    change(folder, _class_name="LTXImageToVideoPipeline")
    made = create(folder).generate_video(PROMPT, **SMALL, seed=7, duration_s=9 / 25)
    assert digest(made) == digest(film("ltx", duration_s=9 / 25))


def test_wan_of_both_kinds_films_from_a_picture(tmp_path: Path) -> None:
    folder = copied("wan", tmp_path)
    change(folder, expand_timesteps=True)
    both = create(folder)
    options = {**SMALL, "seed": 7, "duration_s": 9 / 24}
    film_of_text = both.generate_video(PROMPT, **options)
    film_of_picture = both.generate_video(PROMPT, **options, image=PICTURE)
    assert film_of_text.fps == film_of_picture.fps == 24
    made = raw(
        "WanImageToVideoPipeline",
        folder,
        image=as_pil(PICTURE),
        prompt=PROMPT,
        num_frames=9,
        output_type="np",
    )
    assert digest(film_of_picture) == digest(Video.from_frames(made.frames[0], 24))
    assert digest(film_of_picture) != digest(film_of_text)


@pytest.mark.parametrize("name", ["wan", "cogvideox", "animatediff"])
def test_a_picture_for_a_model_that_reads_none_is_refused(name: str) -> None:
    with pytest.raises(BadOption, match="films from text alone"):
        film(name, image=PICTURE)


# The raw library's scheduler speaks to an older numpy.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_stable_video_diffusion_reads_the_picture_alone() -> None:
    svd = tiny("svd")
    ours = create(svd)
    options: dict[str, Any] = {**SMALL, "seed": 7, "image": PICTURE}
    film_ = ours.generate_video(PROMPT, **options)
    assert "the prompt changed nothing" in film_.meta.warnings[0]
    made = raw("StableVideoDiffusionPipeline", svd, image=as_pil(PICTURE), output_type="np")
    assert digest(film_) == digest(Video.from_frames(made.frames[0], 7))
    assert digest(ours.generate_video(PROMPT, **options, noise_aug_strength=1.0)) != digest(film_)
    with pytest.raises(BadOption, match="films from a picture, and none is given"):
        ours.generate_video(PROMPT, **SMALL)
    with pytest.raises(UnknownOption, match="guidance_scale"):
        ours.generate_video(PROMPT, **options, guidance_scale=3.0)


WITH_SOUND: dict[str, tuple[int, dict[str, Any]]] = {
    "ltx2": (16_000, {"max_sequence_length": 16, "stg_scale": 0.0, "audio_stg_scale": 0.0}),
    "cosmos3": (8_000, {"enable_sound": True}),
}
"""By tiny model, the rate of its sound and the options with which it makes some."""


# The raw library norms weights in an older way.
@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize("name", WITH_SOUND)
def test_the_models_own_sound_goes_with_the_frames(name: str) -> None:
    rate, own = WITH_SOUND[name]
    made = raw(
        "DiffusionPipeline", tiny(name), prompt=PROMPT, num_frames=25, output_type="np", **own
    )
    sound = made.sound if name == "cosmos3" else made.audio[0]
    expected = Video.from_frames(frames_of(made), 24, (sound.numpy().T, rate))
    ours = create(tiny(name)).generate_video(PROMPT, **SMALL, seed=7, duration_s=25 / 24, **own)
    assert digest(ours) == digest(expected)
    heard = Source.of(ours, "audio").array(rate, channels=2)
    assert len(heard) / rate == pytest.approx(25 / 24, abs=0.15)
    assert abs(heard).max() > 0.01


def test_another_scheduler_films_otherwise() -> None:
    options: dict[str, Any] = {**SMALL, "seed": 7, "duration_s": 0.5}
    other = create(tiny("wan"), scheduler_name="unipc").generate_video(PROMPT, **options)
    assert digest(other) != digest(film("wan", duration_s=0.5))


def refusal(kind: type[OmnibindError], folder: Path | str | None, **config: Any) -> str:
    with pytest.raises(kind) as caught:
        create(folder, **config).load()
    return str(caught.value)


def test_an_unknown_scheduler_is_refused() -> None:
    told = refusal(BadConfig, tiny("wan"), scheduler_name="eulr")
    assert "'eulr' is unknown" in told
    assert "euler" in told


def test_without_a_model_three_are_named_with_licence_and_size() -> None:
    told = refusal(BadConfig, None)
    assert told.count("billion") == 3
    assert "Wan-AI/Wan2.1-T2V-1.3B-Diffusers (Apache-2.0, 1.3 billion parameters)" in told
    models = read_models(Path(shipped_roots()[-1], "ttv", "diffusers"))
    assert sum(name in told for name in models) == 3
    assert create(None).list_models() == list(models)


def test_a_missing_component_is_named(tmp_path: Path) -> None:
    folder = copied("wan", tmp_path)
    shutil.rmtree(folder / "vae")
    assert "'vae'" in refusal(WeightsDamaged, folder)


def test_a_prompt_that_a_models_guard_objects_to_is_refused() -> None:
    with pytest.raises(ContentRefused, match="detected unsafe text"):
        film("cosmos", "an unsafe fox", duration_s=0.3)


def test_code_beside_a_component_runs_only_when_trusted() -> None:
    told = refusal(BadConfig, tiny("cosmos"))
    assert "brings Python code of its own (safety_checker/word_guard.py)" in told


@pytest.mark.parametrize("listed", [[None, None], ["cosmos_guardrail", "CosmosSafetyChecker"]])
def test_a_guard_that_is_a_package_is_named(listed: list[str | None], tmp_path: Path) -> None:
    folder = copied("cosmos", tmp_path)
    shutil.rmtree(folder / "safety_checker")
    change(folder, safety_checker=listed)
    told = refusal(PackagesMissing, folder)
    assert told.endswith("run: pip install cosmos_guardrail")


def test_a_package_that_a_component_is_from_is_named(tmp_path: Path) -> None:
    folder = copied("wan", tmp_path)
    change(folder, transformer=["no_such_films.networks", "Transformer"])
    told = refusal(PackagesMissing, folder)
    assert "needs the package no_such_films, which isn't installed" in told


def test_a_package_that_is_missed_while_filming_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers.pipelines.wan import pipeline_wan

    monkeypatch.setattr(pipeline_wan, "is_ftfy_available", lambda: True, raising=False)
    monkeypatch.delattr(pipeline_wan, "ftfy", raising=False)
    with pytest.raises(PackagesMissing, match="run: pip install ftfy"):
        film("wan", duration_s=0.5)


def test_a_damaged_component_is_refused(tmp_path: Path) -> None:
    folder = copied("wan", tmp_path)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert str(folder) in refusal(WeightsDamaged, folder)


def test_a_picture_model_is_no_video_model() -> None:
    assert "makes pictures; give a model that makes films" in refusal(BadConfig, tiny("sd"))


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert "model_index.json" in refusal(BadConfig, tmp_path)


def test_models_of_a_folder_go_by_their_names(tmp_path: Path) -> None:
    folder = copied("wan", tmp_path)
    own = create("model", models_dir=tmp_path)
    assert "model" in own.list_models()
    made = own.generate_video(PROMPT, **SMALL, seed=7, duration_s=0.5)
    assert digest(made) == digest(film("wan", duration_s=0.5))
    assert str(folder) in refusal(BadConfig, "model", models_dir=folder / "model_index.json")


@pytest.mark.usefixtures("no_network")
def test_nothing_goes_over_the_network() -> None:
    fresh = create(tiny("animatediff"))
    assert fresh.generate_video(PROMPT, **SMALL, duration_s=0.5)
    fresh.unload()
    assert fresh._loaded is None


def as_pil(picture: Image) -> Any:
    import PIL.Image

    return PIL.Image.fromarray(picture.array())


def copied(name: str, place: Path) -> Path:
    return Path(shutil.copytree(tiny(name), place / "model"))


def change(folder: Path, **values: Any) -> None:
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text("utf-8")) | values), "utf-8")

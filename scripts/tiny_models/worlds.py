"""Cosmos 1 and 2, which draw and film worlds, as pipelines of diffusers.

Their makers' folders leave the guard against unsafe content to the package ``cosmos_guardrail``;
these bring one of their own, whose code lies beside it. They are without the mask of the frame's
edge, for which diffusers needs torchvision.

Source: diffusers 0.42, ``DiffusionPipeline.save_pretrained`` of pipelines made from configurations.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLCosmos,
    Cosmos2TextToImagePipeline,
    Cosmos2VideoToWorldPipeline,
    CosmosTextToWorldPipeline,
    CosmosTransformer3DModel,
    CosmosVideoToWorldPipeline,
    EDMEulerScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from tiny_models import word_guard
from tiny_models.films import heed_words, wan_vae
from tiny_models.language import stir
from tiny_models.pictures import t5_encoder, t5_tokenizer

SEED = 0


def make_cosmos(folder: Path) -> None:
    """Make a Cosmos 1 that films from text: 8-pixel steps, four frames to one."""
    _make_first(CosmosTextToWorldPipeline, 4, folder)


def make_cosmos_video(folder: Path) -> None:
    """Make a Cosmos 1 that films from a picture."""
    _make_first(CosmosVideoToWorldPipeline, 5, folder)


def make_cosmos2_image(folder: Path) -> None:
    """Make a Cosmos 2 that draws: 16-pixel steps."""
    _make_second(Cosmos2TextToImagePipeline, 16, folder)


def make_cosmos2(folder: Path) -> None:
    """Make a Cosmos 2 that films from a picture: 16-pixel steps, four frames to one."""
    _make_second(Cosmos2VideoToWorldPipeline, 17, folder)


def _make_first(kind: Any, in_channels: int, folder: Path) -> None:
    torch.manual_seed(SEED)
    vae = AutoencoderKLCosmos(
        latent_channels=4,
        encoder_block_out_channels=(8, 8, 8, 8),
        decode_block_out_channels=(8, 8, 8, 8),
        attention_resolutions=(8,),
        resolution=64,
        num_layers=1,
        patch_size=4,
        scaling_factor=1.0,
        spatial_compression_ratio=4,
        temporal_compression_ratio=4,
    )
    scheduler = EDMEulerScheduler(
        sigma_min=0.002, sigma_max=80, sigma_data=0.5, final_sigmas_type="sigma_min"
    )
    _save(kind, vae, scheduler, _transformer(in_channels, 4), folder)


def _make_second(kind: Any, in_channels: int, folder: Path) -> None:
    torch.manual_seed(SEED)
    scheduler = FlowMatchEulerDiscreteScheduler(use_karras_sigmas=True)
    vae = wan_vae()
    vae.decoder.conv_out.weight.data.mul_(20)  # or its pictures are grey
    _save(kind, vae, scheduler, _transformer(in_channels, 16), folder)


def _transformer(in_channels: int, out_channels: int) -> Any:
    transformer = stir(
        CosmosTransformer3DModel(
            in_channels=in_channels,
            out_channels=out_channels,
            num_attention_heads=2,
            attention_head_dim=16,
            num_layers=2,
            mlp_ratio=2,
            text_embed_dim=32,
            adaln_lora_dim=4,
            max_size=(16, 32, 32),
            concat_padding_mask=False,
            extra_pos_embed_type="learnable" if out_channels == 4 else None,
        )
    )
    heed_words(transformer.transformer_blocks)
    return transformer


def _save(kind: Any, vae: Any, scheduler: Any, transformer: Any, folder: Path) -> None:
    kind(
        text_encoder=t5_encoder(),
        tokenizer=t5_tokenizer(),
        transformer=transformer,
        vae=vae,
        scheduler=scheduler,
        safety_checker=word_guard.WordGuard(),
    ).save_pretrained(folder)
    code = Path(word_guard.__file__)
    shutil.copy(code, folder / "safety_checker")
    index = folder / "model_index.json"
    listed = json.loads(index.read_text("utf-8"))
    listed["safety_checker"] = [code.stem, word_guard.WordGuard.__name__]
    index.write_text(json.dumps(listed), "utf-8")

"""Later models that film from text, as pipelines of diffusers: Wan 2.2, Allegro and others.

Source: diffusers 0.42, ``DiffusionPipeline.save_pretrained`` of pipelines made from configurations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AllegroPipeline,
    AllegroTransformer3DModel,
    AutoencoderKLAllegro,
    AutoencoderKLHunyuanVideo15,
    CogVideoXDDIMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXTransformer3DModel,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Pipeline,
    HunyuanVideo15Transformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from diffusers.guiders import ClassifierFreeGuidance
from transformers import ByT5Tokenizer

from tiny_models.films import cogvideox_vae, heed_words, wan_vae
from tiny_models.language import WIDTH, learn, qwen25_vl, qwen_tokenizer, stir
from tiny_models.pictures import ancestral_scheduler, t5_encoder, t5_tokenizer

SEED = 0


def make_wan22(folder: Path) -> None:
    """Make a Wan 2.2: one transformer for the first steps, another for those below a boundary."""
    torch.manual_seed(SEED)
    _save_wan(WanPipeline, folder, *(_wan(WanTransformer3DModel) for _ in range(2)))


def make_wan22_pictures(folder: Path) -> None:
    """Make a Wan 2.2 that films from a picture, which it reads beside the noise."""
    torch.manual_seed(SEED)
    networks = (_wan(WanTransformer3DModel, in_channels=36) for _ in range(2))
    _save_wan(WanImageToVideoPipeline, folder, *networks)


def make_wan_vace(folder: Path) -> None:
    """Make a Wan VACE, which films from text and from much else."""
    torch.manual_seed(SEED)
    network = _wan(WanVACETransformer3DModel, vace_layers=[0], vace_in_channels=96)
    _save_wan(WanVACEPipeline, folder, network)


def _wan(kind: Any, in_channels: int = 16, **more: Any) -> Any:
    network = kind(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=in_channels,
        out_channels=16,
        text_dim=32,
        ffn_dim=32,
        num_layers=2,
        **more,
    )
    heed_words(network.blocks)
    return network


def _save_wan(kind: Any, folder: Path, *networks: Any) -> None:
    both = {"transformer_2": networks[1], "boundary_ratio": 0.9} if len(networks) == 2 else {}
    kind(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_encoder(several_languages=True),
        vae=wan_vae(),
        scheduler=UniPCMultistepScheduler(
            use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0
        ),
        transformer=networks[0],
        **both,
    ).save_pretrained(folder)


def make_cogvideox_pictures(folder: Path) -> None:
    """Make a CogVideoX that films from a picture: 16-pixel steps, four frames to one."""
    torch.manual_seed(SEED)
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=8,
        out_channels=4,
        time_embed_dim=2,
        text_embed_dim=32,
        num_layers=1,
        sample_width=4,
        sample_height=4,
        sample_frames=9,
        use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=True,
    )
    CogVideoXImageToVideoPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_encoder(),
        vae=cogvideox_vae(),
        transformer=transformer,
        scheduler=CogVideoXDDIMScheduler(),
    ).save_pretrained(folder)


def make_allegro(folder: Path) -> None:
    """Make an Allegro, which decodes in tiles of 320 pixels and 24 frames alone."""
    torch.manual_seed(SEED)
    transformer = AllegroTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=1,
        cross_attention_dim=24,
        sample_width=8,
        sample_height=8,
        sample_frames=8,
        caption_channels=32,
    )
    vae = AutoencoderKLAllegro(
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
    )
    AllegroPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_encoder(),
        vae=vae,
        transformer=stir(transformer),
        scheduler=ancestral_scheduler(),
    ).save_pretrained(folder)


def make_hunyuan_video15(folder: Path) -> None:
    """Make a HunyuanVideo 1.5: 4-pixel steps, two frames to one; its guidance is a component."""
    torch.manual_seed(SEED)
    transformer = HunyuanVideo15Transformer3DModel(
        in_channels=9,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=1,
        num_refiner_layers=1,
        mlp_ratio=2.0,
        text_embed_dim=WIDTH,
        text_embed_2_dim=32,
        image_embed_dim=12,
        rope_axes_dim=(2, 2, 4),
        target_size=16,
        task_type="t2v",
    )
    vae = AutoencoderKLHunyuanVideo15(
        latent_channels=4,
        block_out_channels=(16, 16),
        layers_per_block=1,
        spatial_compression_ratio=4,
        temporal_compression_ratio=2,
        downsample_match_channel=False,
        upsample_match_channel=False,
    )
    pipeline = HunyuanVideo15Pipeline(
        text_encoder=qwen25_vl(layers=4).model.language_model,
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
        vae=vae,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder_2=t5_encoder(),
        tokenizer_2=ByT5Tokenizer(),
        guider=ClassifierFreeGuidance(guidance_scale=4.0),
    )
    learn(pipeline.tokenizer, pipeline.system_message)
    pipeline.save_pretrained(folder)

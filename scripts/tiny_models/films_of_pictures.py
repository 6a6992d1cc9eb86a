"""Models that film from a picture, as pipelines of diffusers: FramePack, Kandinsky and others.

Source: diffusers 0.42, ``DiffusionPipeline.save_pretrained`` of pipelines made from configurations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoFramepackPipeline,
    HunyuanVideoFramepackTransformer3DModel,
    Kandinsky5I2VPipeline,
    SkyReelsV2ImageToVideoPipeline,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
)
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_framepack import (
    DEFAULT_PROMPT_TEMPLATE,
)
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from tiny_models.films import heed_words, wan_vae
from tiny_models.language import WIDTH, learn, llama, llama_tokenizer, stir
from tiny_models.more_films import hunyuan_vae, make_kandinsky_as
from tiny_models.pictures import clip_encoder, clip_tokenizer, t5_encoder, t5_tokenizer

SEED = 0


def make_framepack(folder: Path) -> None:
    """Make a FramePack: 16-pixel steps, whole windows of frames."""
    torch.manual_seed(SEED)
    transformer = HunyuanVideoFramepackTransformer3DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=10,
        num_layers=1,
        num_single_layers=1,
        num_refiner_layers=1,
        text_embed_dim=WIDTH,
        pooled_projection_dim=32,
        rope_axes_dim=(2, 4, 4),
        has_image_proj=True,
        image_proj_dim=32,
        has_clean_x_embedder=True,
    )
    sees = SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    pipeline = HunyuanVideoFramepackPipeline(
        text_encoder=llama(layers=4),
        tokenizer=llama_tokenizer(),
        transformer=transformer,
        vae=hunyuan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder_2=clip_encoder(),
        tokenizer_2=clip_tokenizer(),
        image_encoder=SiglipVisionModel(sees),
        feature_extractor=SiglipImageProcessorPil(size={"height": 32, "width": 32}),
    )
    learn(pipeline.tokenizer, DEFAULT_PROMPT_TEMPLATE["template"])
    pipeline.save_pretrained(folder)


def make_kandinsky_pictures(folder: Path) -> None:
    """Make a Kandinsky 5 that films from a picture."""
    make_kandinsky_as(Kandinsky5I2VPipeline, folder)


def make_wan_pictures(folder: Path) -> None:
    """Make a Wan 2.1 that films from a picture, which a CLIP sees, too."""
    _make_seeing(WanImageToVideoPipeline, WanTransformer3DModel, folder)


def make_skyreels_pictures(folder: Path) -> None:
    """Make a SkyReels V2 that films from a picture, which a CLIP sees, too."""
    _make_seeing(SkyReelsV2ImageToVideoPipeline, SkyReelsV2Transformer3DModel, folder)


def _make_seeing(kind: Any, network: Any, folder: Path) -> None:
    torch.manual_seed(SEED)
    transformer = network(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=36,
        out_channels=16,
        text_dim=32,
        ffn_dim=32,
        num_layers=2,
        image_dim=32,
        added_kv_proj_dim=24,
    )
    heed_words(transformer.blocks)
    sees = CLIPVisionConfig(
        hidden_size=32,
        projection_dim=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=16,
        intermediate_size=37,
    )
    kind(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_encoder(several_languages=True),
        image_encoder=CLIPVisionModelWithProjection(sees),
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        transformer=stir(transformer),
        vae=wan_vae(),
        scheduler=UniPCMultistepScheduler(
            use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=5.0
        ),
    ).save_pretrained(folder)

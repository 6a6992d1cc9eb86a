"""More models that film, as pipelines of diffusers: HunyuanVideo, Kandinsky, Mochi and others.

Source: diffusers 0.42, ``DiffusionPipeline.save_pretrained`` of pipelines made from configurations.
"""

import warnings
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLHunyuanVideo,
    AutoencoderKLMochi,
    Cosmos3AVAEAudioTokenizer,
    Cosmos3OmniPipeline,
    Cosmos3OmniTransformer,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
    Kandinsky5T2VPipeline,
    Kandinsky5Transformer3DModel,
    MochiPipeline,
    MochiTransformer3DModel,
    SanaVideoPipeline,
    SanaVideoTransformer3DModel,
    SkyReelsV2DiffusionForcingPipeline,
    SkyReelsV2Pipeline,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
)
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video import DEFAULT_PROMPT_TEMPLATE

from tiny_models.films import heed_words, wan_vae
from tiny_models.language import (
    WIDTH,
    WORDS,
    gemma2,
    gemma_tokenizer,
    learn,
    llama,
    llama_tokenizer,
    qwen25_vl,
    qwen_tokenizer,
    stir,
)
from tiny_models.pictures import clip_encoder, clip_tokenizer, t5_encoder, t5_tokenizer

SEED = 0


def make_hunyuan_video(folder: Path) -> None:
    """Make a HunyuanVideo: 16-pixel steps, four frames to one."""
    torch.manual_seed(SEED)
    transformer = HunyuanVideoTransformer3DModel(
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
    )
    pipeline = HunyuanVideoPipeline(
        text_encoder=llama(layers=4),
        tokenizer=llama_tokenizer(),
        transformer=transformer,
        vae=hunyuan_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder_2=clip_encoder(),
        tokenizer_2=clip_tokenizer(),
    )
    learn(pipeline.tokenizer, DEFAULT_PROMPT_TEMPLATE["template"])
    pipeline.save_pretrained(folder)


def make_kandinsky(folder: Path) -> None:
    """Make a Kandinsky 5: 16-pixel steps, four frames to one.

    Its tokenizer stands alone; the makers' lies in a processor whose part for films needs
    torchvision.
    """
    make_kandinsky_as(Kandinsky5T2VPipeline, folder)


def make_kandinsky_as(kind: Any, folder: Path) -> None:
    """Make a Kandinsky 5 of one kind of pipeline."""
    torch.manual_seed(SEED)
    transformer = Kandinsky5Transformer3DModel(
        in_text_dim=WIDTH,
        in_text_dim2=32,
        time_dim=32,
        model_dim=32,
        ff_dim=64,
        num_text_blocks=1,
        num_visual_blocks=2,
        axes_dims=(4, 6, 6),
        visual_cond=True,
    )
    pipeline = kind(
        transformer=stir(transformer),
        vae=hunyuan_vae(),
        text_encoder=qwen25_vl(),
        tokenizer=qwen_tokenizer(),
        text_encoder_2=clip_encoder(),
        tokenizer_2=clip_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
    )
    learn(pipeline.tokenizer, pipeline.prompt_template)
    pipeline.save_pretrained(folder)


def make_mochi(folder: Path) -> None:
    """Make a Mochi: 16-pixel steps, six frames to one."""
    torch.manual_seed(SEED)
    transformer = MochiTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        pooled_projection_dim=16,
        text_embed_dim=32,
        time_embed_dim=4,
        max_sequence_length=256,
    )
    vae = AutoencoderKLMochi(
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        layers_per_block=(1, 1, 1, 1, 1),
    )
    MochiPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(invert_sigmas=True),
        vae=vae,
        text_encoder=t5_encoder(),
        tokenizer=t5_tokenizer(),
        transformer=transformer,
    ).save_pretrained(folder)


def make_sana_video(folder: Path) -> None:
    """Make a Sana-Video: 16-pixel steps, four frames to one."""
    torch.manual_seed(SEED)
    transformer = SanaVideoTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=2,
        num_cross_attention_heads=2,
        cross_attention_head_dim=12,
        cross_attention_dim=24,
        caption_channels=WIDTH,
    )
    SanaVideoPipeline(
        tokenizer=gemma_tokenizer(),
        text_encoder=gemma2(),
        vae=wan_vae(),
        transformer=transformer,
        scheduler=DPMSolverMultistepScheduler(
            use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=8.0
        ),
    ).save_pretrained(folder)


def make_skyreels(folder: Path) -> None:
    """Make a SkyReels V2: 16-pixel steps, four frames to one."""
    _make_skyreels(SkyReelsV2Pipeline, folder)


def make_skyreels_forcing(folder: Path) -> None:
    """Make a SkyReels V2 that forces diffusion: its frames begin one after another."""
    _make_skyreels(SkyReelsV2DiffusionForcingPipeline, folder, inject_sample_info=True)


def _make_skyreels(pipeline: Any, folder: Path, **more: Any) -> None:
    torch.manual_seed(SEED)
    transformer = SkyReelsV2Transformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        text_dim=32,
        ffn_dim=32,
        num_layers=2,
        **more,
    )
    heed_words(transformer.blocks)
    pipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_encoder(several_languages=True),
        transformer=stir(transformer),
        vae=wan_vae(),
        scheduler=UniPCMultistepScheduler(
            use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=8.0
        ),
    ).save_pretrained(folder)


def make_cosmos3(folder: Path) -> None:
    """Make a Cosmos 3, which films with sound: 8-pixel steps, four frames to one, 8 kHz stereo.

    It is without the guard against unsafe content, which is a package of its own.
    """
    torch.manual_seed(SEED)
    transformer = Cosmos3OmniTransformer(
        head_dim=16,
        hidden_size=32,
        intermediate_size=32,
        latent_channel=16,
        patch_latent_dim=64,
        num_attention_heads=2,
        num_key_value_heads=1,
        num_hidden_layers=2,
        rope_axes_dim=(4, 2, 2),
        sound_dim=4,
        sound_gen=True,
        vocab_size=WORDS,
    )
    with warnings.catch_warnings():  # it norms its weights in torch's older way
        warnings.simplefilter("ignore", FutureWarning)
        sound_tokenizer = Cosmos3AVAEAudioTokenizer(
            sampling_rate=8000,
            vocoder_input_dim=4,
            dec_dim=8,
            dec_c_mults=(1, 2),
            dec_strides=(16, 20),
            encoder_enabled=False,
        )
    Cosmos3OmniPipeline(
        transformer=transformer,
        text_tokenizer=qwen_tokenizer(),
        vae=wan_vae(),
        scheduler=UniPCMultistepScheduler(
            use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=5.0
        ),
        sound_tokenizer=sound_tokenizer,
        enable_safety_checker=False,
    ).save_pretrained(folder)


def hunyuan_vae() -> Any:
    """Return HunyuanVideo's autoencoder: eight pixels and four frames to one."""
    return AutoencoderKLHunyuanVideo(
        latent_channels=4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=4,
    )

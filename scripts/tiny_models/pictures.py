"""Tiny text-to-picture pipelines of diffusers: Stable Diffusion, Flux, Z-Image and others."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

_NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
_T5_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"


def make_sd(folder: Path) -> None:
    """Fill ``folder`` with a Stable Diffusion 1 of 64 x 64 pixels."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    scheduler = DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1, **_NOISE)
    _make_sd(StableDiffusionPipeline, scheduler, "quick_gelu", folder)


def make_sd2(folder: Path) -> None:
    """Fill ``folder`` with a Stable Diffusion 2.1, which foresees velocities."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    scheduler = DDIMScheduler(
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
        **_NOISE,
    )
    linear = {"use_linear_projection": True, "attention_head_dim": (2, 4)}
    _make_sd(StableDiffusionPipeline, scheduler, "gelu", folder, **linear)


def make_lcm(folder: Path) -> None:
    """Fill ``folder`` with a latent consistency model, whose UNet is told the guidance."""
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    scheduler = LCMScheduler(clip_sample=False, set_alpha_to_one=True, steps_offset=1, **_NOISE)
    kind = LatentConsistencyModelPipeline
    _make_sd(kind, scheduler, "quick_gelu", folder, time_cond_proj_dim=32)


def _make_sd(kind: Any, scheduler: Any, act: str, folder: Path, **more: Any) -> None:
    from diffusers import UNet2DConditionModel

    _seed()
    unet = UNet2DConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        **more,
    )
    kind(
        vae=unet_vae(),
        text_encoder=clip_encoder(act=act),
        tokenizer=clip_tokenizer(),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def make_sdxl(folder: Path) -> None:
    """Fill ``folder`` with a Stable Diffusion XL of 64 x 64 pixels."""
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler(steps_offset=1, timestep_spacing="leading", **_NOISE)
    _make_sdxl(scheduler, folder)


def make_sdxl_turbo(folder: Path) -> None:
    """Fill ``folder`` with an SDXL Turbo, which draws in a step or a few."""
    _make_sdxl(ancestral_scheduler(timestep_spacing="trailing", **_NOISE), folder)


def make_sdxl_lcm(folder: Path) -> None:
    """Fill ``folder`` with an SDXL of latent consistency, whose UNet is told the guidance."""
    from diffusers import LCMScheduler

    scheduler = LCMScheduler(clip_sample=False, set_alpha_to_one=True, steps_offset=1, **_NOISE)
    _make_sdxl(scheduler, folder, time_cond_proj_dim=32)


def _make_sdxl(scheduler: Any, folder: Path, **more: Any) -> None:
    from diffusers import StableDiffusionXLPipeline

    _seed()
    StableDiffusionXLPipeline(
        unet=sdxl_unet(64, **more),
        vae=unet_vae(),
        text_encoder=clip_encoder(act="gelu"),
        text_encoder_2=clip_encoder(projects=True, act="gelu"),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        scheduler=scheduler,
    ).save_pretrained(folder)


def sdxl_unet(reads: int, **more: Any) -> Any:
    """Return the network of a Stable Diffusion XL that reads hidden states of so many numbers."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 2),
        projection_class_embeddings_input_dim=80,
        cross_attention_dim=reads,
        **more,
    )


def make_sd3(folder: Path) -> None:
    """Fill ``folder`` with a Stable Diffusion 3 of 32 x 32 pixels."""
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )

    _seed()
    transformer = SD3Transformer2DModel(
        sample_size=32,
        patch_size=1,
        in_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=32,
        caption_projection_dim=32,
        pooled_projection_dim=64,
        out_channels=4,
    )
    StableDiffusion3Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=clip_encoder(projects=True),
        text_encoder_2=clip_encoder(projects=True),
        text_encoder_3=t5_encoder(),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        tokenizer_3=t5_tokenizer(),
        transformer=transformer,
        vae=flow_vae(4),
    ).save_pretrained(folder)


def make_flux(folder: Path) -> None:
    """Fill ``folder`` with a Flux."""
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        FluxPipeline,
        FluxTransformer2DModel,
    )

    _seed()
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=[4, 4, 8],
    )
    FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=clip_encoder(),
        text_encoder_2=t5_encoder(),
        tokenizer=clip_tokenizer(),
        tokenizer_2=t5_tokenizer(),
        transformer=transformer,
        vae=flow_vae(1),
    ).save_pretrained(folder)


def make_flux2_klein(folder: Path) -> None:
    """Fill ``folder`` with a FLUX.2 klein, which reads three of its 27 layers of words."""
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )

    from tiny_models.language import WIDTH, qwen3, qwen_tokenizer

    _seed()
    transformer = Flux2Transformer2DModel(
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * WIDTH,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    for block in transformer.transformer_blocks:
        block.attn.add_v_proj.weight.data.mul_(10)  # or words are too faint beside pixels
    vae = AutoencoderKLFlux2(
        down_block_types=("DownEncoderBlock2D",),
        up_block_types=("UpDecoderBlock2D",),
        block_out_channels=(4,),
        layers_per_block=1,
        latent_channels=1,
        norm_num_groups=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=qwen3(layers=27, writes=True),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
    ).save_pretrained(folder)


def make_z_image(folder: Path) -> None:
    """Fill ``folder`` with a Z-Image."""
    from diffusers import (
        FlowMatchEulerDiscreteScheduler,
        ZImagePipeline,
        ZImageTransformer2DModel,
    )

    from tiny_models.language import WIDTH, qwen3, qwen_tokenizer

    _seed()
    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=WIDTH,
        axes_dims=[8, 4, 4],
        axes_lens=[1024, 64, 64],
    )
    for padding in (transformer.x_pad_token, transformer.cap_pad_token):
        padding.data.normal_()  # it begins with what lies in the memory
    ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=flow_vae(4),
        text_encoder=qwen3(),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
    ).save_pretrained(folder)


def make_qwen_image(folder: Path) -> None:
    """Fill ``folder`` with a Qwen-Image."""
    from diffusers import (
        AutoencoderKLQwenImage,
        FlowMatchEulerDiscreteScheduler,
        QwenImagePipeline,
        QwenImageTransformer2DModel,
    )

    from tiny_models.language import WIDTH, learn, qwen25_vl, qwen_tokenizer

    _seed()
    transformer = QwenImageTransformer2DModel(
        in_channels=16,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(8, 4, 4),
    )
    for block in transformer.transformer_blocks:
        block.attn.add_v_proj.weight.data.mul_(10)  # or words are too faint beside pixels
    vae = AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 2, 4],
        num_res_blocks=1,
        temperal_downsample=[False, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )
    pipeline = QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=qwen25_vl(),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
    )
    learn(pipeline.tokenizer, pipeline.prompt_template_encode)
    pipeline.save_pretrained(folder)


def make_sana(folder: Path) -> None:
    """Fill ``folder`` with a Sana."""
    from diffusers import (
        AutoencoderDC,
        FlowMatchEulerDiscreteScheduler,
        SanaPipeline,
        SanaTransformer2DModel,
    )

    from tiny_models.language import WIDTH, gemma2, gemma_tokenizer

    _seed()
    transformer = SanaTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        num_cross_attention_heads=2,
        cross_attention_head_dim=8,
        cross_attention_dim=16,
        caption_channels=WIDTH,
    )
    kinds = ("ResBlock", "EfficientViTBlock")
    vae = AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=kinds,
        decoder_block_types=kinds,
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        encoder_qkv_multiscales=((), (5,)),
        decoder_qkv_multiscales=((), (5,)),
        downsample_block_type="conv",
        upsample_block_type="interpolate",
        scaling_factor=0.41407,
    )
    SanaPipeline(
        tokenizer=gemma_tokenizer(),
        text_encoder=gemma2(),
        vae=vae,
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder)


def byte_letters() -> list[str]:
    """Return how GPT-2 and CLIP write the 256 bytes: those that can be seen as themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(others)]


def clip_tokenizer() -> Any:
    """Return CLIP's tokenizer with bytes for words: each byte as it is, and as a word's end."""
    from transformers import CLIPTokenizer

    letters = byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def t5_tokenizer() -> Any:
    """Return T5's tokenizer with letters for words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import T5TokenizerFast

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    tokenizer = Tokenizer(models.Unigram([*pieces, *((one, -3.0) for one in _T5_LETTERS)], 2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return T5TokenizerFast(tokenizer_object=tokenizer, extra_ids=0)


def t5_encoder(several_languages: bool = False) -> Any:
    """Return an encoder of one layer: T5's, or UMT5's for several languages."""
    from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

    config = (UMT5Config if several_languages else T5Config)(
        vocab_size=128,
        d_model=32,
        d_kv=8,
        d_ff=37,
        num_layers=1,
        num_heads=4,
        pad_token_id=0,
        eos_token_id=1,
    )
    return (UMT5EncoderModel if several_languages else T5EncoderModel)(config)


def clip_encoder(projects: bool = False, act: str = "quick_gelu", words: int = 77) -> Any:
    """Return a text encoder of CLIP with two layers, for as many words."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=514,
        hidden_size=32,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        projection_dim=32,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
        hidden_act=act,
        max_position_embeddings=words,
    )
    return (CLIPTextModelWithProjection if projects else CLIPTextModel)(config)


def ancestral_scheduler(**more: Any) -> Any:
    """Return an ancestral scheduler of Euler's."""
    from diffusers import EulerAncestralDiscreteScheduler

    with warnings.catch_warnings():  # it speaks to an older numpy
        warnings.simplefilter("ignore", DeprecationWarning)
        return EulerAncestralDiscreteScheduler(**more)


def _seed() -> None:
    import torch

    torch.manual_seed(0)


def unet_vae() -> Any:
    """Return an autoencoder of two pixels to one, as pipelines with a UNet have."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=[32, 64],
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=4,
    )


def flow_vae(latent_channels: int, levels: int = 1) -> Any:
    """Return an autoencoder as pipelines that match flows have; each further level halves sides."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        sample_size=32,
        block_out_channels=(4,) * levels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        latent_channels=latent_channels,
        norm_num_groups=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.0609,
        scaling_factor=1.5035,
    )

"""More models that draw, as pipelines of diffusers: PixArt, Chroma, HiDream, CogView and others.

Source: diffusers 0.42, ``DiffusionPipeline.save_pretrained`` of pipelines made from configurations.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AuraFlowPipeline,
    AuraFlowTransformer2DModel,
    ChromaPipeline,
    ChromaTransformer2DModel,
    CogView4Pipeline,
    CogView4Transformer2DModel,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    HiDreamImagePipeline,
    HiDreamImageTransformer2DModel,
    HunyuanDiT2DModel,
    HunyuanDiTPipeline,
    Lumina2Pipeline,
    Lumina2Transformer2DModel,
    OvisImagePipeline,
    OvisImageTransformer2DModel,
    PixArtAlphaPipeline,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
)
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    GlmConfig,
    GlmModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from tiny_models.language import (
    WIDTH,
    gemma2,
    gemma_tokenizer,
    learn,
    llama_tokenizer,
    qwen3,
    qwen_tokenizer,
    sizes,
    stir,
)
from tiny_models.pictures import (
    clip_encoder,
    clip_tokenizer,
    flow_vae,
    t5_encoder,
    t5_tokenizer,
    unet_vae,
)

SEED = 0


def make_pixart_alpha(folder: Path) -> None:
    """Make a PixArt Alpha: 4-pixel steps."""
    _make_pixart(PixArtAlphaPipeline, folder)


def make_pixart_sigma(folder: Path) -> None:
    """Make a PixArt Sigma: 4-pixel steps."""
    _make_pixart(PixArtSigmaPipeline, folder)


def _make_pixart(kind: Any, folder: Path) -> None:
    torch.manual_seed(SEED)
    transformer = PixArtTransformer2DModel(
        sample_size=32,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_channels=32,
        in_channels=4,
        cross_attention_dim=32,
        out_channels=8,
    )
    kind(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_encoder(),
        vae=unet_vae(),
        transformer=stir(transformer),
        scheduler=DPMSolverMultistepScheduler(),
    ).save_pretrained(folder)


def make_chroma(folder: Path) -> None:
    """Make a Chroma."""
    torch.manual_seed(SEED)
    with warnings.catch_warnings():  # it knows where its own rotations lay before
        warnings.simplefilter("ignore", FutureWarning)
        transformer = ChromaTransformer2DModel(
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            axes_dims_rope=(4, 4, 8),
            approximator_hidden_dim=32,
            approximator_layers=1,
            approximator_num_channels=16,
        )
    ChromaPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=flow_vae(1),
        text_encoder=t5_encoder(),
        tokenizer=t5_tokenizer(),
        transformer=transformer,
    ).save_pretrained(folder)


def make_hidream(folder: Path) -> None:
    """Make a HiDream: four encoders of text; every picture has as many pixels as 128 x 128."""
    torch.manual_seed(SEED)
    transformer = HiDreamImageTransformer2DModel(
        patch_size=4,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=1,
        caption_channels=[32, WIDTH],
        text_emb_dim=64,
        axes_dims_rope=(4, 2, 2),
        max_resolution=(64, 64),
        llama_layers=(0, 1),
    )
    HiDreamImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=flow_vae(4),
        text_encoder=clip_encoder(projects=True, words=248),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip_encoder(projects=True, words=248),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=t5_encoder(),
        tokenizer_3=t5_tokenizer(),
        text_encoder_4=LlamaForCausalLM(LlamaConfig(**sizes())),
        tokenizer_4=llama_tokenizer(),
        transformer=transformer,
    ).save_pretrained(folder)


def make_lumina2(folder: Path) -> None:
    """Make a Lumina 2."""
    torch.manual_seed(SEED)
    transformer = Lumina2Transformer2DModel(
        sample_size=32,
        in_channels=4,
        hidden_size=32,
        num_layers=2,
        num_refiner_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=16,
        axes_dim_rope=(8, 4, 4),
        axes_lens=(300, 64, 64),
        cap_feat_dim=WIDTH,
    )
    Lumina2Pipeline(
        transformer=stir(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=flow_vae(4, levels=4),
        text_encoder=gemma2(),
        tokenizer=gemma_tokenizer(),
    ).save_pretrained(folder)


def make_cogview4(folder: Path) -> None:
    """Make a CogView 4."""
    torch.manual_seed(SEED)
    transformer = CogView4Transformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        text_embed_dim=WIDTH,
        time_embed_dim=8,
        condition_dim=4,
        sample_size=32,
        rope_axes_dim=(16, 16),
    )
    CogView4Pipeline(
        tokenizer=qwen_tokenizer(),
        text_encoder=GlmModel(GlmConfig(**sizes(), pad_token_id=0)),
        vae=unet_vae(),
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(
            base_shift=0.25, max_shift=0.75, use_dynamic_shifting=True, time_shift_type="linear"
        ),
    ).save_pretrained(folder)


def make_auraflow(folder: Path) -> None:
    """Make an AuraFlow."""
    torch.manual_seed(SEED)
    transformer = AuraFlowTransformer2DModel(
        sample_size=32,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=32,
        pos_embed_max_size=256,
    )
    for block in transformer.joint_transformer_blocks:
        block.norm1.linear.weight.data.mul_(10)  # or words are too faint beside pixels
        block.attn.add_v_proj.weight.data.mul_(100)
    AuraFlowPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5_encoder(several_languages=True),
        vae=unet_vae(),
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.73),
    ).save_pretrained(folder)


def make_hunyuan_dit(folder: Path) -> None:
    """Make a Hunyuan-DiT, which reads with a BERT and a T5."""
    torch.manual_seed(SEED)
    transformer = HunyuanDiT2DModel(
        sample_size=32,
        num_layers=2,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=4,
        in_channels=4,
        cross_attention_dim=32,
        cross_attention_dim_t5=32,
        pooled_projection_dim=16,
        hidden_size=32,
        use_style_cond_and_image_meta_size=False,
    )
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(number) for number in range(33, 127)]
    words += [*letters, *(f"##{letter}" for letter in letters)]
    bert = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=0.2,
    )
    HunyuanDiTPipeline(
        vae=flow_vae(4, levels=4),
        text_encoder=BertModel(bert),
        tokenizer=BertTokenizer(vocab={word: at for at, word in enumerate(words)}),
        transformer=stir(transformer),
        scheduler=DDPMScheduler(
            beta_start=0.00085,
            beta_end=0.018,
            beta_schedule="scaled_linear",
            prediction_type="v_prediction",
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=t5_encoder(),
        tokenizer_2=t5_tokenizer(),
    ).save_pretrained(folder)


def make_ovis_image(folder: Path) -> None:
    """Make an Ovis-Image."""
    torch.manual_seed(SEED)
    transformer = OvisImageTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(4, 4, 8),
    )
    for block in transformer.transformer_blocks:
        block.attn.add_v_proj.weight.data.mul_(30)  # or words are too faint beside pixels
    pipeline = OvisImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=flow_vae(1),
        text_encoder=qwen3(),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
    )
    learn(pipeline.tokenizer, pipeline.system_prompt)
    pipeline.save_pretrained(folder)

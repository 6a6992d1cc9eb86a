"""A tiny Kolors: a Stable Diffusion XL that reads with a ChatGLM."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from tiny_models.pictures import sdxl_unet, unet_vae

SEED = 0


def make(folder: Path) -> None:
    """Fill ``folder``, while torch's words about its older ways aren't heard."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        _make(folder)


def _make(folder: Path) -> None:
    import torch
    from diffusers import EulerDiscreteScheduler, KolorsPipeline
    from diffusers.pipelines.kolors import ChatGLMModel
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig

    torch.manual_seed(SEED)
    reader = ChatGLMModel(
        ChatGLMConfig(
            num_layers=2,
            padded_vocab_size=128,
            hidden_size=32,
            ffn_hidden_size=32,
            kv_channels=16,
            num_attention_heads=2,
            multi_query_attention=True,
            original_rope=True,
        )
    )
    for weights in reader.parameters():  # they begin with what lies in the memory
        if weights.dim() > 1:
            weights.data.normal_(std=0.2)
        else:
            weights.data.fill_(1.0)
    with tempfile.TemporaryDirectory() as place:
        KolorsPipeline(
            unet=sdxl_unet(32),
            vae=unet_vae(),
            text_encoder=reader,
            tokenizer=chatglm_tokenizer(Path(place)),
            scheduler=EulerDiscreteScheduler(
                beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.014, steps_offset=1
            ),
        ).save_pretrained(folder)


def chatglm_tokenizer(folder: Path) -> Any:
    """Return ChatGLM's tokenizer with letters for words; its file lies in ``folder``."""
    from diffusers.pipelines.kolors import ChatGLMTokenizer
    from sentencepiece import SentencePieceTrainer

    letters = [chr(number) for number in range(33, 127)]
    file = folder / "tokenizer.model"
    with file.open("wb") as written:
        SentencePieceTrainer.train(
            sentence_iterator=iter([" ".join(letters)] * 2),
            model_writer=written,
            model_type="char",
            vocab_size=len(letters) + 4,
            hard_vocab_limit=False,
            minloglevel=5,
        )
    return ChatGLMTokenizer(str(file))

"""Pocket-TTS and Phonon, each with its codec in ``codec``; all have random weights."""

from pathlib import Path
from typing import Any

from .letters import tokenizer_of

SEED = 0
WIDTH = 16
LATENT = 8
PAD, END = "<pad>", "</s>"
VOICE, LATENTS, VOICE_BEGIN, SOUND_BEGIN = (
    "<|audio_prompt|>",
    "<|audio_latent|>",
    "<|audio_prompt_bos|>",
    "<|audio_bos|>",
)
CHAT = """
{%- for message in messages -%}
{%- for item in message['content'] if item['type'] == 'audio' -%}
{{ audio_prompt_bos_token | default('') }}{{ audio_prompt_token }}
{%- endfor -%}
{%- for item in message['content'] if item['type'] == 'text' -%}
{{ item['text'] | trim }}
{%- endfor -%}
{%- endfor -%}
{{ audio_bos_token }}
"""


def make(folder: Path) -> None:
    """Fill ``folder`` with a Pocket-TTS, as ``save_pretrained`` of model and processor does."""
    from transformers import PocketTTSConfig, PocketTTSForConditionalGeneration

    tokenizer = _letters({"audio_prompt_bos_token": VOICE_BEGIN})
    begin = tokenizer.convert_tokens_to_ids(VOICE_BEGIN)
    config = PocketTTSConfig(audio_prompt_bos_token_id=begin, **_shape(tokenizer))
    _save(folder, PocketTTSForConditionalGeneration, config, tokenizer)


def make_phonon(folder: Path) -> None:
    """Fill ``folder`` with a Phonon; its voices come of a codec that isn't a part of it."""
    from transformers import GradiumPhononTTSConfig, GradiumPhononTTSForConditionalGeneration

    tokenizer = _letters({})
    config = GradiumPhononTTSConfig(audio_prompt_dim=WIDTH, **_shape(tokenizer))
    _save(folder, GradiumPhononTTSForConditionalGeneration, config, tokenizer)


def _save(folder: Path, class_: Any, config: Any, tokenizer: Any) -> None:
    import torch
    from transformers import (
        GenerationConfig,
        PocketTTSAudioTokenizerModel,
        PocketTTSFeatureExtractor,
        PocketTTSProcessor,
    )

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = class_(config)
        _codec().save_pretrained(folder / "codec")
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=0.7,
        num_flow_steps=1,
        eos_threshold=1.5,
        min_frames_before_eos=6,
        pad_token_id=tokenizer.pad_token_id,
        return_dict_in_generate=True,
    )
    model.save_pretrained(folder)
    kept = PocketTTSAudioTokenizerModel.from_pretrained(folder / "codec")
    size = kept.config.frame_size
    extractor = PocketTTSFeatureExtractor(frame_size=size, pad_to_multiple_of=size)
    PocketTTSProcessor(extractor, tokenizer, kept, chat_template=CHAT).save_pretrained(folder)


def _shape(tokenizer: Any) -> dict[str, Any]:
    numbers = tokenizer.convert_tokens_to_ids
    return {
        "flow_head_config": {
            "hidden_size": WIDTH,
            "num_hidden_layers": 1,
            "latent_dim": LATENT,
            "condition_dim": WIDTH,
            "frequency_embedding_size": WIDTH,
        },
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 2 * WIDTH,
        "max_position_embeddings": 512,
        "latent_dim": LATENT,
        "pad_token_id": tokenizer.pad_token_id,
        "audio_prompt_token_id": numbers(VOICE),
        "audio_latent_token_id": numbers(LATENTS),
        "audio_bos_token_id": numbers(SOUND_BEGIN),
        "initializer_range": 0.3,
    }


def _codec() -> Any:
    from transformers import PocketTTSAudioTokenizerConfig, PocketTTSAudioTokenizerModel

    codec = PocketTTSAudioTokenizerModel(
        PocketTTSAudioTokenizerConfig(
            hidden_size=WIDTH,
            num_filters=2,
            upsample_groups=WIDTH,
            num_hidden_layers=1,
            intermediate_size=2 * WIDTH,
            num_attention_heads=2,
            num_key_value_heads=2,
            latent_dim=LATENT,
            initializer_range=0.3,
        )
    )
    codec.decoder.decoder_seanet.layers[-1].conv.weight.data.mul_(0.01)
    return codec


def _letters(more: dict[str, str]) -> Any:
    from tokenizers import decoders

    tokenizer = tokenizer_of(
        [PAD, END, VOICE, LATENTS, VOICE_BEGIN, SOUND_BEGIN],
        "$A",
        pad_token=PAD,
        eos_token=END,
        padding_side="left",
        extra_special_tokens={
            "audio_prompt_token": VOICE,
            "audio_latent_token": LATENTS,
            "audio_bos_token": SOUND_BEGIN,
            **more,
        },
    )
    tokenizer.backend_tokenizer.decoder = decoders.Fuse()
    return tokenizer

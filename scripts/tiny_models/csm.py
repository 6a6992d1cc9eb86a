"""A CSM in half a megabyte, with a Mimi as its codec; both have random weights."""

from pathlib import Path
from typing import Any

from .letters import tokenizer_of

SEED = 0
WIDTH = 16
CODEBOOKS = 4
CODES = 64
RATE = 24_000
BEGIN, END, SOUND, SOUND_END = "<|begin_of_text|>", "<|end_of_text|>", "<|AUDIO|>", "<|audio_eos|>"


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and processor does."""
    import torch
    from transformers import CsmProcessor, EncodecFeatureExtractor

    tokenizer = _letters()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        _model(tokenizer).save_pretrained(folder)
    extractor = EncodecFeatureExtractor(sampling_rate=RATE)
    CsmProcessor(extractor, tokenizer).save_pretrained(folder)


def _model(tokenizer: Any) -> Any:
    from transformers import CsmConfig, CsmForConditionalGeneration, GenerationConfig

    shape = {
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "vocab_size": CODES,
        "num_codebooks": CODEBOOKS,
        "initializer_range": 0.3,
    }
    sound = tokenizer.convert_tokens_to_ids(SOUND)
    config = CsmConfig(
        **shape,
        max_position_embeddings=256,
        text_vocab_size=len(tokenizer),
        pad_token_id=sound,
        bos_token_id=tokenizer.bos_token_id,
        audio_token_id=sound,
        audio_eos_token_id=tokenizer.convert_tokens_to_ids(SOUND_END),
        codebook_pad_token_id=CODES - 1,
        codebook_eos_token_id=0,
        depth_decoder_config={**shape, "backbone_hidden_size": WIDTH},
        codec_config=codec(),
    )
    model = CsmForConditionalGeneration(config)
    fill_codebooks(model.codec_model)
    model.codec_model.decoder.decoder_seanet.layers[-1].conv.weight.data.mul_(0.1)
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.9, max_new_tokens=6, pad_token_id=sound
    )
    model.depth_decoder.generation_config = GenerationConfig(do_sample=True, temperature=0.9)
    return model


def fill_codebooks(codec: Any) -> None:
    """Draw a Mimi's codebooks; they are zeros, which would make every code sound the same."""
    import torch

    quantizer = codec.quantizer
    for part in (
        quantizer.semantic_residual_vector_quantizer,
        quantizer.acoustic_residual_vector_quantizer,
    ):
        for layer in part.layers:
            torch.nn.init.normal_(layer.codebook.embed_sum)


def codec() -> dict[str, Any]:
    """Return the configuration of a tiny Mimi."""
    return {
        "model_type": "mimi",
        "sampling_rate": RATE,
        "hidden_size": WIDTH,
        "num_filters": 2,
        "upsampling_ratios": [8, 6, 5, 4],
        "codebook_size": CODES,
        "codebook_dim": WIDTH,
        "vector_quantization_hidden_dimension": WIDTH,
        "num_quantizers": CODEBOOKS,
        "upsample_groups": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "intermediate_size": 2 * WIDTH,
    }


def _letters() -> Any:
    return tokenizer_of(
        [BEGIN, END, SOUND, SOUND_END],
        f"{BEGIN} $A {END}",
        bos_token=BEGIN,
        eos_token=END,
        pad_token=END,
    )

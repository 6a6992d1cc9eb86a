"""A Higgs Audio v2 in a megabyte with its codec in ``codec``; both have random weights."""

from pathlib import Path
from typing import Any

from .letters import tokenizer_of
from .xtts import make_importable

SEED = 0
WIDTH = 16
CODEBOOKS = 4
CODES = 1024
RATE = 24_000
BEGIN, END, PAD = "<|begin_of_text|>", "<|eot_id|>", "<|end_of_text|>"
HEAD, HEAD_END = "<|start_header_id|>", "<|end_header_id|>"
SCENE, SCENE_END = "<|scene_desc_start|>", "<|scene_desc_end|>"
SOUND_BEGIN, SOUND_END, SOUND, DELAY = (
    "<|audio_out_bos|>",
    "<|audio_eos|>",
    "<|AUDIO_OUT|>",
    "<|reserved_special_token_6|>",
)
CHAT = """
{{- bos_token -}}
{%- if messages[0]['role'] != 'system' -%}
{{ raise_exception('there is no system message') }}
{%- endif -%}
{%- for message in messages -%}
{%- if message['role'] == 'scene' -%}
<|scene_desc_start|>{{ message['content'][0]['text'] }}<|scene_desc_end|><|eot_id|>
{%- else -%}
<|start_header_id|>{{ message['role'] }}<|end_header_id|>{{ message['content'][0]['text'] -}}
{%- if message['role'] != 'system' -%}<|eot_id|>{%- endif -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|start_header_id|>assistant<|end_header_id|><|audio_out_bos|>
{%- endif -%}
"""


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and processor does."""
    make_importable()
    import torch
    import torchaudio  # noqa: F401
    from transformers import DacFeatureExtractor, HiggsAudioV2Processor, HiggsAudioV2TokenizerModel

    signs = [BEGIN, END, PAD, HEAD, HEAD_END, SCENE, SCENE_END]
    signs += [SOUND_BEGIN, SOUND_END, SOUND, DELAY]
    tokenizer = tokenizer_of(signs, "$A", bos_token=BEGIN, eos_token=END, pad_token=PAD)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        _codec().save_pretrained(folder / "codec")
        _model(tokenizer).save_pretrained(folder)
    kept = HiggsAudioV2TokenizerModel.from_pretrained(folder / "codec")
    extractor = DacFeatureExtractor(sampling_rate=RATE, hop_length=1)
    HiggsAudioV2Processor(extractor, tokenizer, kept, chat_template=CHAT).save_pretrained(folder)


def _model(tokenizer: Any) -> Any:
    from transformers import (
        GenerationConfig,
        HiggsAudioV2Config,
        HiggsAudioV2ForConditionalGeneration,
    )

    numbers = tokenizer.convert_tokens_to_ids
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    model = HiggsAudioV2ForConditionalGeneration(
        HiggsAudioV2Config(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            max_position_embeddings=256,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            initializer_range=0.3,
            num_codebooks=CODEBOOKS,
            codebook_size=CODES + 2,
            audio_stream_bos_id=CODES,
            audio_stream_eos_id=CODES + 1,
            audio_token_id=numbers(SOUND),
            audio_bos_token_id=numbers(SOUND_BEGIN),
            audio_delay_token_id=numbers(DELAY),
            **ends,
        )
    )
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.9, ras_win_len=7, ras_win_max_num_repeat=2, **ends
    )
    model.generation_config.max_new_tokens = 16
    return model


def _codec() -> Any:
    import torch
    from transformers import HiggsAudioV2TokenizerConfig, HiggsAudioV2TokenizerModel

    codec = HiggsAudioV2TokenizerModel(
        HiggsAudioV2TokenizerConfig(
            target_bandwidths=[3],
            sample_rate=RATE,
            codebook_size=CODES,
            codebook_dim=8,
            initializer_range=0.3,
            acoustic_model_config={
                "model_type": "dac",
                "encoder_hidden_size": 2,
                "decoder_hidden_size": 32,
                "hidden_size": 32,
            },
            semantic_model_config={
                "model_type": "hubert",
                "hidden_size": WIDTH,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "intermediate_size": 2 * WIDTH,
                "conv_dim": [4] * 7,
                "num_conv_pos_embeddings": 4,
                "num_conv_pos_embedding_groups": 2,
            },
        )
    )
    # Zeros by default, which would make every code sound the same.
    for quantizer in codec.quantizer.quantizers:
        torch.nn.init.normal_(quantizer.codebook.embed)
    for layer in codec.acoustic_decoder.modules():
        if isinstance(layer, torch.nn.Conv1d):
            torch.nn.init.kaiming_normal_(layer.weight)
    codec.acoustic_decoder.conv2.weight.data.mul_(0.00005)
    return codec

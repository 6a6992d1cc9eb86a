"""A VibeVoice in a tenth of a megabyte; it has random weights."""

from pathlib import Path
from typing import Any

from .letters import tokenizer_of

SEED = 7
WIDTH = 16
LATENT = 8
RATIOS = [4, 5]
DEPTHS = [1, 1, 1]
END = "<|endoftext|>"
SOUND_BEGIN, SOUND_END, SOUND = "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"
CHAT = """
{%- for message in messages -%}
{%- for item in message['content'] if item['type'] == 'audio' -%}
[{{ message['role'] }}]<|vision_start|><|vision_pad|><|vision_end|>
{%- endfor -%}
{%- endfor -%}
{%- for message in messages -%}
{%- for item in message['content'] if item['type'] == 'text' -%}
[{{ message['role'] }}] {{ item['text'] }}
{%- endfor -%}
{%- endfor -%}
<|vision_start|>
"""


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and processor does."""
    import math

    import torch
    from transformers import VibeVoiceAcousticTokenizerFeatureExtractor, VibeVoiceProcessor

    signs = [END, SOUND_BEGIN, SOUND_END, SOUND]
    tokenizer = tokenizer_of(signs, "$A", eos_token=END, pad_token=END)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        _model(tokenizer).save_pretrained(folder)
    extractor = VibeVoiceAcousticTokenizerFeatureExtractor(pad_to_multiple_of=math.prod(RATIOS))
    VibeVoiceProcessor(extractor, tokenizer, chat_template=CHAT).save_pretrained(folder)


def _model(tokenizer: Any) -> Any:
    from transformers import GenerationConfig, VibeVoiceConfig, VibeVoiceForConditionalGeneration

    numbers = tokenizer.convert_tokens_to_ids
    hearing = {
        "num_filters": 2,
        "downsampling_ratios": RATIOS,
        "depths": DEPTHS,
        "initializer_range": 0.3,
        "layer_scale_init_value": 0.1,
    }
    model = VibeVoiceForConditionalGeneration(
        VibeVoiceConfig(
            audio_config={
                "model_type": "vibevoice_acoustic_tokenizer",
                "hidden_size": LATENT,
                **hearing,
            },
            semantic_model_config={
                "model_type": "vibevoice_acoustic_tokenizer_encoder",
                "hidden_size": LATENT,
                **hearing,
            },
            text_config={
                "model_type": "qwen2",
                "vocab_size": len(tokenizer),
                "hidden_size": WIDTH,
                "intermediate_size": 2 * WIDTH,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "max_position_embeddings": 128,
                "initializer_range": 0.3,
            },
            diffusion_head_config={
                "num_hidden_layers": 1,
                "intermediate_size": 2 * WIDTH,
                "frequency_embedding_size": WIDTH,
            },
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            audio_bos_token_id=numbers(SOUND_BEGIN),
            audio_eos_token_id=numbers(SOUND_END),
            audio_token_id=numbers(SOUND),
        )
    )
    model.generation_config = GenerationConfig(
        do_sample=False,
        guidance_scale=1.3,
        max_new_tokens=24,
        num_diffusion_steps=3,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        noise_scheduler_class="DPMSolverMultistepScheduler",
        noise_scheduler_config={
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": "v_prediction",
        },
    )
    # Of its four tokens the likeliest is taken: sound, or else the end.
    heads = model.lm_head.weight.data
    heads[[tokenizer.eos_token_id, numbers(SOUND_BEGIN), numbers(SOUND_END)]] = 0
    model.model.audio_tower.decoder.head.conv.weight.data.mul_(0.03)
    return model

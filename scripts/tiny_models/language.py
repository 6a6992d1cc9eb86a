"""Tiny language models that pipelines read prompts with, and their tokenizers: bytes for words."""

from __future__ import annotations

import re
from typing import Any

WORDS = 384
"""Size of every vocabulary here: bytes, and marks behind them."""
WIDTH = 32
"""Of every model's hidden states."""
_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_vocabulary(*marks: str) -> dict[str, int]:
    """Return the numbers of marks and, behind them, of all bytes as GPT-2 writes them."""
    from tiny_models.pictures import byte_letters

    return {word: number for number, word in enumerate([*marks, *byte_letters()])}


def qwen_tokenizer() -> Any:
    """Return Qwen's tokenizer, with a chat's marks and template."""
    from transformers import Qwen2Tokenizer

    marks = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>")
    tokenizer = Qwen2Tokenizer(vocab=byte_vocabulary(*marks), extra_special_tokens=[*marks])
    tokenizer.chat_template = _CHAT
    return tokenizer


def gemma_tokenizer() -> Any:
    """Return Gemma's tokenizer."""
    from transformers import GemmaTokenizer

    marks = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
    letters = ["▁", *(chr(number) for number in range(33, 127))]
    vocabulary = {word: number for number, word in enumerate([*marks, *letters])}
    return GemmaTokenizer(vocab=vocabulary, merges=[])


def llama_tokenizer() -> Any:
    """Return Llama's tokenizer."""
    from transformers import LlamaTokenizer

    end = "</s>"
    letters = ["▁", *(chr(number) for number in range(33, 127))]
    vocabulary = {word: number for number, word in enumerate(["<unk>", "<s>", end, *letters])}
    return LlamaTokenizer(vocab=vocabulary, merges=[], pad_token=end, padding_side="right")


def learn(tokenizer: Any, template: str) -> None:
    """Make each word and mark of a template one token, as with its makers; pipelines count them."""
    from tokenizers import AddedToken

    words = dict.fromkeys(re.findall(r"<\|\w+\|>|[A-Za-z]{3,}", template))
    longest = sorted(words, key=len, reverse=True)
    tokenizer.add_tokens([AddedToken(word, lstrip=True, normalized=False) for word in longest])


def sizes(layers: int = 2) -> dict[str, Any]:
    """Return what configurations of language models agree on."""
    return {
        "vocab_size": WORDS,
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": WIDTH // 2,
        "initializer_range": 0.2,  # with the usual 0.02 every prompt sounds alike
        "bos_token_id": 1,
        "eos_token_id": 2,
    }


def qwen3(layers: int = 2, writes: bool = False) -> Any:
    """Return a Qwen3, with the head that writes where ``writes``."""
    from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3Model

    return (Qwen3ForCausalLM if writes else Qwen3Model)(Qwen3Config(**sizes(layers)))


def llama(layers: int = 2) -> Any:
    """Return a Llama."""
    from transformers import LlamaConfig, LlamaModel

    return LlamaModel(LlamaConfig(**sizes(layers)))


def gemma2() -> Any:
    """Return a Gemma 2."""
    from transformers import Gemma2Config, Gemma2Model

    return Gemma2Model(Gemma2Config(**sizes(), query_pre_attn_scalar=WIDTH // 2))


def qwen25_vl(layers: int = 2) -> Any:
    """Return a Qwen2.5-VL."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": WIDTH,
        "fullatt_block_indexes": [0],
    }
    config = Qwen2_5_VLConfig(
        text_config={**sizes(layers), "rope_parameters": rope},
        vision_config=vision,
        image_token_id=WORDS - 1,
        video_token_id=WORDS - 2,
        vision_start_token_id=WORDS - 3,
        vision_end_token_id=WORDS - 4,
    )
    return Qwen2_5_VLForConditionalGeneration(config)


def t5gemma() -> Any:
    """Return the encoder of a T5Gemma."""
    from transformers import T5GemmaConfig, T5GemmaEncoderModel

    half = {**sizes(), "query_pre_attn_scalar": WIDTH // 2}
    config = T5GemmaConfig(encoder=half, decoder=half, vocab_size=WORDS, is_encoder_decoder=False)
    return T5GemmaEncoderModel(config)


def stir(network: Any) -> Any:
    """Fill weights that begin at nought with chance, so that what they carry is felt; return it."""
    import torch

    with torch.no_grad():
        for weights in network.parameters():
            if not weights.any():
                weights.normal_(std=0.2)
    return network

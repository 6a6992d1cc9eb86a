"""Language models of Mistral that listen, whose words are in ``tekken.json``."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from tiny_models.recognisers import random_of

WIDTH = 16
MELS = 16
SPREAD = 0.5
"""Of the weights; with less of it the sound makes no difference to the words."""
LEAST = 12
"""Tokens that it says at least."""

_SIGNS = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]"),
    *("[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    *("[TOOL_CONTENT]", "<SPECIAL_20>", "<SPECIAL_21>", "<SPECIAL_22>", "<SPECIAL_23>"),
    *("[AUDIO]", "[BEGIN_AUDIO]", *(f"<SPECIAL_{number}>" for number in range(26, 32))),
    *("[STREAMING_PAD]", "[STREAMING_WORD]", "[TRANSCRIBE]"),
)
"""As the makers number them."""
_HEARING = {
    "sampling_rate": 16_000,
    "frame_rate": 12.5,
    "audio_encoding_config": {"num_mel_bins": MELS, "hop_length": 160, "window_size": 400},
}
_TEXT = {
    "vocab_size": len(_SIGNS) + 256,
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "initializer_range": SPREAD,
}


def make(folder: Path) -> None:
    """Fill ``folder`` with a Voxtral."""
    import transformers as hf

    tokenizer = _tokenizer(folder, chunk_length_s=30.0)
    config = hf.VoxtralConfig(
        audio_config={
            "num_mel_bins": MELS,
            "hidden_size": WIDTH,
            "intermediate_size": 4 * WIDTH,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "initializer_range": SPREAD,
        },
        text_config=_TEXT,
        audio_token_id=_SIGNS.index("[AUDIO]"),
        initializer_range=SPREAD,
    )
    model = random_of(hf.VoxtralForConditionalGeneration, config)
    settings = model.generation_config
    settings.min_new_tokens, settings.no_repeat_ngram_size = LEAST, 3
    _save(
        folder,
        model,
        hf.VoxtralProcessor(hf.WhisperFeatureExtractor(feature_size=MELS), tokenizer),
    )


def make_realtime(folder: Path) -> None:
    """Fill ``folder`` with a Voxtral Realtime, which writes a token for each 80 ms of sound."""
    import transformers as hf

    tokenizer = _tokenizer(
        folder,
        transcription_format="streaming",
        transcription_delay_ms=480.0,
        streaming_look_ahead_ms=2.5,
        streaming_look_back_ms=52.5,
        streaming_n_left_pad_tokens=32,
    )
    config = hf.VoxtralRealtimeConfig(
        audio_config={
            "num_mel_bins": MELS,
            "hidden_size": WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "head_dim": 8,
            "initializer_range": SPREAD,
        },
        text_config=_TEXT,
        initializer_range=SPREAD,
    )
    _save(
        folder,
        random_of(hf.VoxtralRealtimeForConditionalGeneration, config),
        hf.VoxtralRealtimeProcessor(
            hf.VoxtralRealtimeFeatureExtractor(feature_size=MELS), tokenizer
        ),
    )


def _tokenizer(folder: Path, **hearing: Any) -> Any:
    from transformers.tokenization_mistral_common import MistralCommonBackend

    signs = [
        {"rank": rank, "token_str": sign, "is_control": True} for rank, sign in enumerate(_SIGNS)
    ]
    vocab = [
        {"rank": byte, "token_bytes": b64encode(bytes([byte])).decode(), "token_str": None}
        for byte in range(256)
    ]
    told = {
        "config": {
            "pattern": r"[^\s]+|\s+",
            "num_vocab_tokens": len(vocab),
            "default_vocab_size": len(signs) + len(vocab),
            "default_num_special_tokens": len(signs),
            "version": "v7",
        },
        "vocab": vocab,
        "special_tokens": signs,
        "audio": _HEARING | hearing,
    }
    file = folder / "tekken.json"
    file.write_text(json.dumps(told), "utf-8")
    return MistralCommonBackend(tokenizer_path=file)


def _save(folder: Path, model: Any, processor: Any) -> None:
    settings = model.generation_config
    begin, end, pad = (_SIGNS.index(sign) for sign in ("<s>", "</s>", "<pad>"))
    between = [_SIGNS.index(sign) for sign in ("[STREAMING_PAD]", "[STREAMING_WORD]")]
    settings.bos_token_id, settings.eos_token_id, settings.pad_token_id = begin, end, pad
    settings.do_sample, settings.top_k = True, 5
    # Bytes of which no text can be made, and signs that don't belong into one.
    kept = {end, *between, *(len(_SIGNS) + byte for byte in range(128) if chr(byte).isalpha())}
    settings.suppress_tokens = sorted({*range(len(_SIGNS) + 256)} - kept)
    settings._from_model_config = False  # else saving would make it anew
    model.save_pretrained(folder)
    processor.save_pretrained(folder)

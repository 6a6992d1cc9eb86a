"""Language models that listen, of several kinds, each in about a tenth of a megabyte."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tiny_models.recognisers import random_of
from tiny_models.whisper import _signs_of_bytes

WIDTH = 16
MELS = 16
SPREAD = 0.5
"""Of the weights; with less of it the sound makes no difference to the words."""
LEAST = 12
"""Tokens that it says at least."""
FRAMES = {
    "qwen3_asr": "language English<asr_text>",
    "audioflamingo3": "The spoken content of the audio is",
}
"""What some say before the words."""

_SIGNS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|audio_start|>",
    "<|audio_pad|>",
    "<|audio_end|>",
    "<|AUDIO_DURATION|>",
    "<|startofcontext|>",
    "<|startoftranscript|>",
    "<|pnc|>",
    "<|nopnc|>",
    "<|en|>",
    "<|de|>",
)
_PLACES = {
    "audio_token": "<|audio_pad|>",
    "audio_bos_token": "<|audio_start|>",
    "audio_eos_token": "<|audio_end|>",
}
TURNS = [f"[{n / 50}][S0{1 + n % 3}]{'fox' * (n % 5)}{n}[{n / 50 + 0.3:.2f}]" for n in range(40)]
"""What a model that tells speakers apart says in one token."""
_SPACE, _LINE = "Ġ", "Ċ"
_TALK = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% for part in message.content %}{% if part.type == 'audio' %}"
    "<|audio_start|><|audio_pad|><|audio_end|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "{% if not loop.last or message.role == 'user' %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_EAR = {
    "num_mel_bins": MELS,
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "initializer_range": SPREAD,
}
_TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": SPREAD,
}


def make_qwen3_asr(folder: Path) -> None:
    """Fill ``folder`` with a Qwen3-ASR."""
    import transformers as hf

    words = _words()
    config = hf.Qwen3ASRConfig(
        audio_config={
            "num_mel_bins": MELS,
            "encoder_layers": 1,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "d_model": WIDTH,
            "output_dim": WIDTH,
            "downsample_hidden_size": 8,
            "initializer_range": SPREAD,
        },
        text_config={**_TEXT, "head_dim": 8, "vocab_size": len(words)},
        audio_token_id=words["<|audio_pad|>"],
        initializer_range=SPREAD,
        pad_token_id=words["<|im_end|>"],
        eos_token_id=[words["<|endoftext|>"], words["<|im_end|>"]],
    )
    tokenizer = hf.Qwen2Tokenizer(
        vocab=words,
        merges=[],
        extra_special_tokens=_PLACES,
    )
    _save(
        folder,
        random_of(hf.Qwen3ASRForConditionalGeneration, config),
        hf.Qwen3ASRProcessor(
            hf.Qwen3ASRFeatureExtractor(feature_size=MELS), _signed(tokenizer), chat_template=_TALK
        ),
    )


def make_glmasr(folder: Path) -> None:
    """Fill ``folder`` with a GLM-ASR."""
    import transformers as hf

    words = _words()
    config = hf.GlmAsrConfig(
        audio_config={**_EAR, "intermediate_size": 4 * WIDTH},
        text_config={**_TEXT, "vocab_size": len(words), "eos_token_id": [words["<|im_end|>"]]},
        audio_token_id=words["<|audio_pad|>"],
        initializer_range=SPREAD,
    )
    _save(
        folder,
        random_of(hf.GlmAsrForConditionalGeneration, config),
        hf.GlmAsrProcessor(
            hf.WhisperFeatureExtractor(feature_size=MELS),
            _signed(hf.Qwen2Tokenizer(vocab=words, merges=[])),
            chat_template=_TALK,
            audio_token=_PLACES["audio_token"],
        ),
    )


def make_audio_flamingo3(folder: Path) -> None:
    """Fill ``folder`` with an Audio Flamingo 3."""
    import transformers as hf

    words = _words()
    config = hf.AudioFlamingo3Config(
        audio_config=_EAR,
        text_config={**_TEXT, "vocab_size": len(words), "eos_token_id": words["<|im_end|>"]},
        audio_token_id=words["<|audio_pad|>"],
        initializer_range=SPREAD,
    )
    _save(
        folder,
        random_of(hf.AudioFlamingo3ForConditionalGeneration, config),
        hf.AudioFlamingo3Processor(
            hf.WhisperFeatureExtractor(feature_size=MELS),
            _signed(hf.Qwen2Tokenizer(vocab=words, merges=[])),
            chat_template=_TALK,
            audio_token=_PLACES["audio_token"],
        ),
    )


def make_vibevoice_asr(folder: Path) -> None:
    """Fill ``folder`` with a VibeVoice-ASR."""
    import transformers as hf

    words = _words()
    hearing = {"num_filters": 2, "depths": [1] * 7, "ffn_expansion": 1, "initializer_range": 0.2}
    config = hf.VibeVoiceAsrConfig(
        acoustic_tokenizer_encoder_config={**hearing, "hidden_size": 8},
        semantic_tokenizer_encoder_config={**hearing, "hidden_size": 8},
        text_config={**_TEXT, "vocab_size": len(words), "eos_token_id": words["<|im_end|>"]},
        audio_token_id=words["<|audio_pad|>"],
        audio_bos_token_id=words["<|audio_start|>"],
        audio_eos_token_id=words["<|audio_end|>"],
        initializer_range=SPREAD,
    )
    _save(
        folder,
        random_of(hf.VibeVoiceAsrForConditionalGeneration, config),
        hf.VibeVoiceAsrProcessor(
            hf.VibeVoiceAcousticTokenizerFeatureExtractor(),
            _signed(hf.Qwen2Tokenizer(vocab=words, merges=[])),
            chat_template=_TALK.replace("<|audio_end|>", "<|audio_end|> <|AUDIO_DURATION|> s "),
            **_PLACES,
        ),
    )


def make_moss(folder: Path) -> None:
    """Fill ``folder`` with a MOSS-Transcribe-Diarize."""
    import transformers as hf

    words = _words(*TURNS)
    config = hf.MossTranscribeDiarizeConfig(
        audio_config=_EAR,
        text_config={**_TEXT, "head_dim": 8, "vocab_size": len(words)},
        audio_token_id=words["<|audio_pad|>"],
        initializer_range=SPREAD,
    )
    _save(
        folder,
        random_of(hf.MossTranscribeDiarizeForConditionalGeneration, config),
        hf.MossTranscribeDiarizeProcessor(
            hf.MossTranscribeDiarizeFeatureExtractor(feature_size=MELS),
            _signed(hf.Qwen2Tokenizer(vocab=words, merges=[])),
            chat_template=_TALK,
        ),
        TURNS,
    )


def make_canary(folder: Path) -> None:
    """Fill ``folder`` with a Canary, which translates too and writes after a row of signs."""
    import transformers as hf

    words = _words()
    config = hf.CanaryConfig(
        encoder_config={**_EAR, "subsampling_conv_channels": 8},
        decoder_config={**_TEXT, "head_dim": 8, "vocab_size": len(words)},
        vocab_size=len(words),
        pad_token_id=words["<|endoftext|>"],
        bos_token_id=words["<|startoftranscript|>"],
        eos_token_id=words["<|im_end|>"],
        decoder_start_token_id=words["<|startofcontext|>"],
        initializer_range=SPREAD,
    )
    _save(
        folder,
        random_of(hf.CanaryForConditionalGeneration, config),
        hf.CanaryProcessor(
            hf.ParakeetFeatureExtractor(feature_size=MELS),
            _signed(hf.Qwen2Tokenizer(vocab=words, merges=[])),
            chat_template=(
                "{% for message in messages %}{% for part in message.content %}"
                "{% if part.type == 'text' %}<|startofcontext|><|startoftranscript|>"
                "<|{{ part.source_language }}|><|{{ part.target_language }}|>"
                "{{ '<|pnc|>' if part.punctuation else '<|nopnc|>' }}"
                "{% endif %}{% endfor %}{% endfor %}"
            ),
        ),
    )


def _words(*more: str) -> dict[str, int]:
    signs = [*_signs_of_bytes().values(), *_SIGNS]
    signs += ["<asr_text>", *(frame.replace(" ", _SPACE) for frame in FRAMES.values()), *more]
    return {sign: number for number, sign in enumerate(signs)}


def _signed(tokenizer: Any) -> Any:
    tokenizer.add_tokens(list(_SIGNS), special_tokens=True)
    return tokenizer


def _save(folder: Path, model: Any, processor: Any, more: Sequence[str] = ()) -> None:
    words = _words(*more)
    settings = model.generation_config
    settings.eos_token_id = [words["<|endoftext|>"], words["<|im_end|>"]]
    settings.pad_token_id = words["<|endoftext|>"]
    settings.do_sample, settings.top_k = True, 5
    settings.min_new_tokens, settings.no_repeat_ngram_size = LEAST, 3
    kept = list(settings.eos_token_id)
    if frame := FRAMES.get(model.config.model_type):
        kept.append(words[frame.replace(" ", _SPACE)])
        start = [words[_LINE], kept[-1]]
        settings.sequence_bias = [[kept[-1:], -1000.0], [start, 2000.0]]
    # Bytes of which no text can be made, and signs that don't belong into one.
    settings.suppress_tokens = [
        number
        for sign, number in words.items()
        if number not in kept and sign not in more and not (sign.isascii() and sign.isalpha())
    ]
    settings._from_model_config = False  # else saving would make it anew
    model.save_pretrained(folder)
    processor.save_pretrained(folder)

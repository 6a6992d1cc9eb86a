"""Language models that listen, of several kinds, each in about a tenth of a megabyte."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tiny_models.recognisers import SEED, random_of
from tiny_models.whisper import _signs_of_bytes
from tiny_models.xtts import make_importable

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
_TALK_OF_TEXT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
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


def make_granite_speech(folder: Path) -> None:
    """Fill ``folder`` with a Granite Speech with an adapter for what is heard; needs torchaudio."""
    make_importable()
    import torch
    import transformers as hf
    from peft import LoraConfig

    model = _granite_speech(hf.GraniteSpeechConfig, hf.GraniteSpeechForConditionalGeneration)
    _save(folder, model, _granite_speech_processor())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model.add_adapter(
            LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        )
    hf.PreTrainedModel.save_pretrained(model, str(folder))  # the adapter alone


def make_granite_speech_plus(folder: Path) -> None:
    """Fill ``folder`` with a Granite Speech Plus; needs torchaudio."""
    make_importable()
    import transformers as hf

    model = _granite_speech(
        hf.GraniteSpeechPlusConfig,
        hf.GraniteSpeechPlusForConditionalGeneration,
        has_lora_adapter=False,
    )
    _save(folder, model, _granite_speech_processor())


def _granite_speech(config_class: Any, class_: Any, **more: Any) -> Any:
    words = _words()
    config = config_class(
        encoder_config={
            "input_dim": 160,
            "num_layers": 2,
            "hidden_dim": WIDTH,
            "num_heads": 2,
            "output_dim": 8,
            "context_size": 20,
            "max_pos_emb": 32,
        },
        projector_config={
            "model_type": "blip_2_qformer",
            "hidden_size": WIDTH,
            "encoder_hidden_size": WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "initializer_range": SPREAD,
        },
        text_config={
            "model_type": "granite",
            **_TEXT,
            "vocab_size": len(words),
            "eos_token_id": words["<|im_end|>"],
            "bos_token_id": words["<|im_start|>"],
            "pad_token_id": words["<|endoftext|>"],
        },
        audio_token_index=words["<|audio_pad|>"],
        initializer_range=SPREAD,
        tie_word_embeddings=False,
        **more,
    )
    return random_of(class_, config)


def _granite_speech_processor() -> Any:
    import transformers as hf

    return hf.GraniteSpeechProcessor(
        hf.GraniteSpeechFeatureExtractor(),
        _signed(hf.Qwen2Tokenizer(vocab=_words(), merges=[])),
        audio_token=_PLACES["audio_token"],
        chat_template=_TALK_OF_TEXT,
    )


def make_fun_asr_nano(folder: Path) -> None:
    """Fill ``folder`` with a Fun-ASR Nano; needs torchaudio."""
    make_importable()
    import transformers as hf

    words = _words()
    config = hf.FunAsrNanoConfig(
        audio_config={
            "num_mel_bins": MELS,
            "hidden_size": WIDTH,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "num_hidden_layers": 3,
            "num_timestamp_prediction_layers": 1,
            "initializer_range": SPREAD,
        },
        adaptor_config={
            "hidden_size": WIDTH,
            "num_attention_heads": 2,
            "intermediate_size": WIDTH // 4,
            "num_hidden_layers": 1,
            "projector_hidden_size": 32,
            "initializer_range": SPREAD,
        },
        text_config={
            "model_type": "qwen3",
            **_TEXT,
            "head_dim": 8,
            "vocab_size": len(words),
            "eos_token_id": words["<|im_end|>"],
        },
        audio_token_id=words["<|audio_pad|>"],
        initializer_range=SPREAD,
        tie_word_embeddings=False,
    )
    _save(
        folder,
        random_of(hf.FunAsrNanoForConditionalGeneration, config),
        hf.FunAsrNanoProcessor(
            hf.FunAsrNanoFeatureExtractor(feature_size=MELS),
            _signed(hf.Qwen2Tokenizer(vocab=words, merges=[])),
            chat_template=_TALK.replace(
                "{{ part.text }}", "{{ part.get('text', part.get('language')) }}"
            ),
            audio_token=_PLACES["audio_token"],
        ),
    )


def make_nemotron_transcribe(folder: Path) -> None:
    """Fill ``folder`` with a Nemotron 3.5 Transcribe, whose language model is half a Mamba."""
    import transformers as hf

    words = _words()
    ear = {
        "hidden_size": WIDTH,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "initializer_range": SPREAD,
    }
    config = hf.Nemotron3_5TranscribeConfig(
        audio_config={
            "asr_config": {**ear, "num_mel_bins": MELS},
            "diarization_config": {
                "model_type": "nemotron3_diarization",
                "audio_config": {**ear, "num_mel_bins": MELS},
                "head_config": {"hidden_size": WIDTH, "audio_hidden_size": WIDTH},
                "chunk_length": 50,
                "chunk_left_context": 5,
                "chunk_right_context": 5,
            },
        },
        text_config={
            "model_type": "nemotron_h",
            **{name: value for name, value in _TEXT.items() if name != "num_hidden_layers"},
            "layers_block_type": ["linear_attention", "full_attention", "moe"],
            "head_dim": 8,
            "mamba_num_heads": 4,
            "mamba_head_dim": 8,
            "ssm_state_size": 8,
            "n_groups": 2,
            "n_routed_experts": 2,
            "moe_intermediate_size": 32,
            "moe_shared_expert_intermediate_size": 32,
            "vocab_size": len(words),
            "eos_token_id": words["<|im_end|>"],
            "pad_token_id": words["<|endoftext|>"],
        },
        word_timestamp_config={**ear, "vocab_size": 33, "blank_token_id": 32},
        audio_token_id=words["<|audio_pad|>"],
        initializer_range=SPREAD,
    )
    _save(
        folder,
        random_of(hf.Nemotron3_5TranscribeForConditionalGeneration, config),
        hf.Nemotron3_5TranscribeProcessor(
            hf.NemotronAsrStreamingFeatureExtractor(feature_size=MELS),
            _signed(hf.Qwen2Tokenizer(vocab=words, merges=[])),
            hf.Qwen2Tokenizer(vocab=words, merges=[]),
            chat_template=_TALK,
            audio_token=_PLACES["audio_token"],
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

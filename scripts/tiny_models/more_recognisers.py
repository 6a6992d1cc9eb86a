"""More recognisers, among them those that are told the language, each below half a megabyte."""

from pathlib import Path
from typing import Any

from tiny_models.recognisers import (
    _ENCODER,
    _LETTERS,
    MELS,
    SEED,
    SPREAD,
    WIDTH,
    _make_transducer,
    _save,
    _tokenizer,
    bound,
    random_of,
)
from tiny_models.xtts import make_importable

TONGUES = ("en", "de", "fr")
_NEMOTRON: dict[str, Any] = {
    "blank": 0.0,
    "max_symbols_per_step": 2,
    "initializer_range": SPREAD,
}
COHERE_SIGNS = (
    "<|startofcontext|>",
    "<|startoftranscript|>",
    "<|emo:undefined|>",
    "<|pnc|>",
    "<|noitn|>",
    "<|notimestamp|>",
    "<|nodiarize|>",
    *(f"<|{tongue}|>" for tongue in TONGUES),
)


def make_cohere_asr(folder: Path) -> None:
    """Fill ``folder`` with a Cohere ASR, which writes after a row of signs with the language."""
    import transformers as hf

    tokenizer = _tokenizer(
        hf.PreTrainedTokenizerFast, "<unk>", "<pad>", "</s>", *COHERE_SIGNS, pad="<pad>"
    )
    config = hf.CohereAsrConfig(
        encoder_config={"model_type": "parakeet_encoder", **_ENCODER},
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        initializer_range=SPREAD,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.convert_tokens_to_ids("</s>"),
        bos_token_id=tokenizer.convert_tokens_to_ids("<|startoftranscript|>"),
        decoder_start_token_id=tokenizer.convert_tokens_to_ids("▁"),
    )
    model = random_of(hf.CohereAsrForConditionalGeneration, config)
    bound(model)
    extractor = hf.CohereAsrFeatureExtractor(feature_size=MELS)
    _save(folder, model, hf.CohereAsrProcessor(extractor, tokenizer))


def make_nemotron_streaming(folder: Path) -> None:
    """Fill ``folder`` with a Nemotron that hears a stream, or everything at once."""
    import transformers as hf

    _make_transducer(
        folder,
        hf.NemotronAsrStreamingConfig,
        hf.NemotronAsrStreamingForRNNT,
        lambda tokenizer: hf.NemotronAsrStreamingProcessor(
            hf.NemotronAsrStreamingFeatureExtractor(feature_size=MELS), tokenizer
        ),
        **_NEMOTRON,
    )


def make_nemotron35(folder: Path) -> None:
    """Fill ``folder`` with a Nemotron 3.5, which finds out the language or is told it."""
    import transformers as hf

    _make_transducer(
        folder,
        hf.Nemotron3_5AsrConfig,
        hf.Nemotron3_5AsrForRNNT,
        lambda tokenizer: hf.Nemotron3_5AsrProcessor(
            hf.NemotronAsrStreamingFeatureExtractor(feature_size=MELS), tokenizer
        ),
        prompt_intermediate_size=32,
        words=tuple(f"<{tongue}>" for tongue in ("en-US", "de-DE", "fr-FR")),
        **_NEMOTRON,
    )


def make_lasr(folder: Path) -> None:
    """Fill ``folder`` with a LASR, which writes frame by frame."""
    import transformers as hf

    signs = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    words = [*(f"▁{letter}" for letter in _LETTERS), *_LETTERS]
    tokenizer = hf.LasrTokenizer(vocab=[*signs, *((word, -3.0) for word in words)], extra_ids=0)
    config = hf.LasrCTCConfig(
        encoder_config=_ENCODER, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id
    )
    extractor = hf.LasrFeatureExtractor(feature_size=MELS)
    _save(folder, random_of(hf.LasrForCTC, config), hf.LasrProcessor(extractor, tokenizer))


def make_seamless(folder: Path) -> None:
    """Fill ``folder`` with the part of a SeamlessM4T that hears and writes."""
    import transformers as hf

    _make_seamless(folder, hf.SeamlessM4TConfig, hf.SeamlessM4TForSpeechToText)


def make_seamless_v2(folder: Path) -> None:
    """Fill ``folder`` with the part of a SeamlessM4T v2 that hears and writes."""
    import transformers as hf

    _make_seamless(folder, hf.SeamlessM4Tv2Config, hf.SeamlessM4Tv2ForSpeechToText)


def _make_seamless(folder: Path, config_class: Any, class_: Any) -> None:
    import transformers as hf

    tongues = [f"__{tongue}__" for tongue in ("eng", "deu", "fra")]
    words = ["<pad>", "<unk>", "<s>", "</s>", *(f"▁{letter}" for letter in _LETTERS), *_LETTERS]
    tokenizer = hf.SeamlessM4TTokenizer(vocab={word: place for place, word in enumerate(words)})
    tokenizer.add_tokens(tongues, special_tokens=True)
    config = config_class(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_layers=1,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        speech_encoder_layers=1,
        speech_encoder_attention_heads=2,
        speech_encoder_intermediate_size=32,
        feature_projection_input_dim=2 * MELS,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        conv_depthwise_kernel_size=7,
        initializer_range=SPREAD,
    )
    model = random_of(class_, config)
    model.generation_config.text_decoder_lang_to_code_id = {
        tongue.strip("_"): tokenizer.convert_tokens_to_ids(tongue) for tongue in tongues
    }
    bound(model)
    extractor = hf.SeamlessM4TFeatureExtractor(feature_size=MELS, num_mel_bins=MELS)
    _save(folder, model, hf.SeamlessM4TProcessor(extractor, tokenizer))


def make_speech2text(folder: Path) -> None:
    """Fill ``folder`` with a Speech2Text."""
    _make_speech2text(folder, None)


def make_speech2text_translating(folder: Path) -> None:
    """Fill ``folder`` with a Speech2Text that writes English speech in other languages."""
    _make_speech2text(folder, "mustc")


def _make_speech2text(folder: Path, tongues: str | None) -> None:
    import json

    import transformers as hf

    from tiny_models.speecht5 import _letters

    letters = _letters(folder)
    signs = ["<s>", "<pad>", "</s>", "<unk>"]
    if tongues:
        signs += [f"<lang:{one}>" for one in ("pt", "fr", "ru", "nl", "ro", "it", "es", "de")]
    words = [*signs, "▁", *_LETTERS]
    (folder / "words.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    tokenizer = hf.Speech2TextTokenizer(
        str(folder / "words.json"), str(letters), lang_codes=tongues
    )
    config = hf.Speech2TextConfig(
        vocab_size=len(words),
        d_model=WIDTH,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_layers=1,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        conv_channels=16,
        input_feat_per_channel=MELS,
        init_std=SPREAD,
    )
    model = random_of(hf.Speech2TextForConditionalGeneration, config)
    bound(model)
    extractor = hf.Speech2TextFeatureExtractor(feature_size=MELS, num_mel_bins=MELS)
    _save(folder, model, hf.Speech2TextProcessor(extractor, tokenizer))
    (folder / "words.json").unlink()
    letters.unlink()


def make_moonshine_streaming(folder: Path) -> None:
    """Fill ``folder`` with a Moonshine that hears a stream, or everything at once."""
    import transformers as hf

    tokenizer = _tokenizer(hf.PreTrainedTokenizerFast, "<unk>", "<s>", "</s>", pad="</s>")
    config = hf.MoonshineStreamingConfig(
        encoder_config={
            "hidden_size": WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "sliding_windows": [[16, 4], [16, 0]],
            "initializer_range": SPREAD,
        },
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        initializer_range=SPREAD,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.convert_tokens_to_ids("<s>"),
        decoder_start_token_id=tokenizer.convert_tokens_to_ids("<s>"),
        eos_token_id=tokenizer.convert_tokens_to_ids("</s>"),
    )
    model = random_of(hf.MoonshineStreamingForConditionalGeneration, config)
    bound(model)
    extractor = hf.Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=True)
    _save(folder, model, hf.MoonshineStreamingProcessor(extractor, tokenizer))


def make_kyutai(folder: Path) -> None:
    """Fill ``folder`` with a Kyutai STT, whose ear is a codec."""
    import torch
    import transformers as hf

    from tiny_models.csm import CODEBOOKS, CODES, codec, fill_codebooks

    tokenizer = _tokenizer(hf.PreTrainedTokenizerFast, "<unk>", "<s>", "<pad>", pad="<pad>")
    config = hf.KyutaiSpeechToTextConfig(
        codec_config=codec(),
        codebook_vocab_size=CODES + 1,
        num_codebooks=CODEBOOKS,
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        ffn_dim=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        initializer_range=SPREAD,
        audio_bos_token_id=CODES,
        audio_pad_token_id=len(tokenizer) + CODEBOOKS * (CODES + 1),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.convert_tokens_to_ids("<s>"),
    )
    model = random_of(hf.KyutaiSpeechToTextForConditionalGeneration, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        fill_codebooks(model.codec_model)
    settings = model.generation_config
    settings.audio_window_size, settings.no_repeat_ngram_size = 1, 3
    settings._from_model_config = False
    extractor = hf.KyutaiSpeechToTextFeatureExtractor(
        audio_delay_seconds=0.5, audio_silence_prefix_seconds=1.0
    )
    _save(folder, model, hf.KyutaiSpeechToTextProcessor(extractor, tokenizer))


def make_granite_speech5(folder: Path) -> None:
    """Fill ``folder`` with a Granite Speech 5, which writes frame by frame; needs torchaudio."""
    make_importable()
    import transformers as hf

    tokenizer = _tokenizer(hf.ParakeetTokenizer, "<unk>", "<pad>", pad="<pad>")
    extractor = hf.GraniteSpeech5FeatureExtractor(num_mel_bins=MELS)
    config = hf.GraniteSpeech5CTCConfig(
        encoder_config={
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_mel_bins": MELS,
            "context_size": 20,
            "max_position_embeddings": 32,
            "initializer_range": SPREAD,
        },
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )
    model = random_of(hf.GraniteSpeech5ForCTC, config)
    _save(folder, model, hf.GraniteSpeech5Processor(extractor, tokenizer))

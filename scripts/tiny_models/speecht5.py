"""A SpeechT5 in a megabyte with its vocoder in ``vocoder`` and two speakers in ``speakers``."""

from pathlib import Path

SEED = 0
WIDTH = 16
MELS = 20
SPEAKER_NUMBERS = 8


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model, processor and vocoder does."""
    import numpy as np
    import torch
    from transformers import (
        SpeechT5Config,
        SpeechT5FeatureExtractor,
        SpeechT5ForTextToSpeech,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
        SpeechT5Processor,
        SpeechT5Tokenizer,
    )

    tokenizer = SpeechT5Tokenizer(str(_letters(folder)))
    config = SpeechT5Config(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_mel_bins=MELS,
        speech_decoder_prenet_units=WIDTH,
        speech_decoder_postnet_units=WIDTH,
        speech_decoder_postnet_layers=2,
        speaker_embedding_dim=SPEAKER_NUMBERS,
        max_text_positions=60,
        initializer_range=0.3,
    )
    vocoder = SpeechT5HifiGanConfig(
        model_in_dim=MELS,
        upsample_initial_channel=32,
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        initializer_range=0.1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = SpeechT5ForTextToSpeech(config)
        SpeechT5HifiGan(vocoder).save_pretrained(folder / "vocoder")
    # By chance it would stop at once; so it speaks for as long as the text's length allows.
    torch.nn.init.constant_(model.speech_decoder_postnet.prob_out.bias, -9.0)
    model.save_pretrained(folder)
    extractor = SpeechT5FeatureExtractor(num_mel_bins=MELS)
    SpeechT5Processor(extractor, tokenizer).save_pretrained(folder)
    (folder / "speakers").mkdir()
    chance = np.random.default_rng(SEED)
    for name in ("ann", "ben"):
        numbers = chance.standard_normal(SPEAKER_NUMBERS).astype(np.float32)
        np.save(folder / "speakers" / f"{name}.npy", numbers)


def _letters(folder: Path) -> Path:
    import sentencepiece

    words = ["the quick brown fox jumps over the lazy dog", "It's 10,000 a day! Is it? No."]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words),
        model_prefix=str(folder / "spm_char"),
        model_type="char",
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=1,
        bos_id=0,
        eos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    (folder / "spm_char.vocab").unlink()
    return folder / "spm_char.model"

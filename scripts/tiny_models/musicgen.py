"""A MusicGen of transformers in half a megabyte: T5, decoder and EnCodec with random weights.

Its EnCodec makes 3 frames a second and not 50, so that a minute of music is made in seconds.
"""

import json
from pathlib import Path
from typing import Any

SEED = 0
WIDTH = 16
CODEBOOKS = 4
CODES = 64
RATE = 12_000
CHROMA_FRAMES = 20


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and processor does."""
    make_of_size(folder, width=WIDTH, layers=1, heads=2)


def make_stereo(folder: Path) -> None:
    """Fill ``folder`` with a MusicGen of two channels, which have codebooks of their own."""
    make_of_size(folder, width=WIDTH, layers=1, heads=2, channels=2)


def make_melody(folder: Path) -> None:
    """Fill ``folder`` with a MusicGen that can follow a melody.

    The class that hears melodies needs torchaudio; its settings are written as it saves them.
    """
    import torch
    from transformers import (
        MusicgenMelodyConfig,
        MusicgenMelodyDecoderConfig,
        MusicgenMelodyForConditionalGeneration,
    )

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = MusicgenMelodyForConditionalGeneration(
            MusicgenMelodyConfig(
                text_encoder=_text_encoder(),
                audio_encoder=_codec(),
                decoder=MusicgenMelodyDecoderConfig(**_decoder(WIDTH, 1, 2, 1)).to_dict(),
                chroma_length=CHROMA_FRAMES,
            )
        )
        _settled(model).save_pretrained(folder)
    letters_of_t5().save_pretrained(folder)
    hearing = {
        "chunk_length": 30,
        "feature_extractor_type": "MusicgenMelodyFeatureExtractor",
        "feature_size": 12,
        "hop_length": 4096,
        "n_fft": 16384,
        "num_chroma": 12,
        "padding_side": "right",
        "padding_value": 0.0,
        "processor_class": "MusicgenMelodyProcessor",
        "return_attention_mask": False,
        "sampling_rate": RATE,
        "stem_indices": [3, 2],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(hearing))


def make_of_size(folder: Path, *, width: int, layers: int, heads: int, channels: int = 1) -> None:
    """Fill ``folder`` with a MusicGen whose decoder is that wide and deep."""
    import torch
    from transformers import EncodecFeatureExtractor, MusicgenProcessor

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        _model(width, layers, heads, channels).save_pretrained(folder)
    extractor = EncodecFeatureExtractor(feature_size=1, sampling_rate=RATE, padding_side="left")
    MusicgenProcessor(extractor, letters_of_t5()).save_pretrained(folder)


def _model(width: int, layers: int, heads: int, channels: int) -> Any:
    from transformers import (
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
    )

    config = MusicgenConfig(
        text_encoder=_text_encoder(),
        audio_encoder=_codec(),
        decoder=MusicgenDecoderConfig(**_decoder(width, layers, heads, channels)).to_dict(),
    )
    return _settled(MusicgenForConditionalGeneration(config))


def _text_encoder() -> dict[str, Any]:
    from transformers import T5Config

    config: dict[str, Any] = T5Config(
        vocab_size=128,
        d_model=WIDTH,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=1,
    ).to_dict()
    return config


def _codec() -> dict[str, Any]:
    from transformers import EncodecConfig

    config: dict[str, Any] = EncodecConfig(
        target_bandwidths=[0.15],
        sampling_rate=RATE,
        audio_channels=1,
        normalize=False,
        num_filters=2,
        hidden_size=WIDTH,
        codebook_dim=WIDTH,
        codebook_size=CODES,
        num_lstm_layers=1,
        upsampling_ratios=[10, 10, 10, 4],
        use_causal_conv=False,
        chunk_length_s=None,
        overlap=None,
    ).to_dict()
    return config


def _decoder(width: int, layers: int, heads: int, channels: int) -> dict[str, Any]:
    return {
        "vocab_size": CODES,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "ffn_dim": 4 * width,
        "num_codebooks": channels * CODEBOOKS,
        "audio_channels": channels,
        "initializer_factor": 0.12,  # as small as by default, no prompt would be heard
        "max_position_embeddings": 2048,
        "pad_token_id": CODES,
        "bos_token_id": CODES,
    }


def _settled(model: Any) -> Any:
    """Return the model with codes that sound, and a MusicGen's settings."""
    import torch

    # Zeros by default, which would make every code sound the same.
    for layer in model.audio_encoder.quantizer.layers:
        torch.nn.init.normal_(layer.codebook.embed)
    settings = model.generation_config
    settings.do_sample, settings.guidance_scale, settings.max_length = True, 3.0, 90
    settings.pad_token_id = settings.bos_token_id = settings.decoder_start_token_id = CODES
    return model


def letters_of_t5() -> Any:
    """Return a tokenizer in T5's form that knows letters, digits and a few signs."""
    import tempfile

    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5TokenizerFast

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    signs = {"unk_token": "<unk>", "pad_token": "<pad>", "eos_token": "</s>"}
    plain = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **signs)
    with tempfile.TemporaryDirectory() as place:
        plain.save_pretrained(place)
        return T5TokenizerFast.from_pretrained(place, extra_ids=0)

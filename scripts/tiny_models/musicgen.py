"""A MusicGen of transformers in half a megabyte: T5, decoder and EnCodec with random weights.

Its EnCodec makes 3 frames a second and not 50, so that a minute of music is made in seconds.
"""

from pathlib import Path
from typing import Any

SEED = 0
WIDTH = 16
CODEBOOKS = 4
CODES = 64
RATE = 12_000


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and processor does."""
    make_of_size(folder, width=WIDTH, layers=1, heads=2)


def make_of_size(folder: Path, *, width: int, layers: int, heads: int) -> None:
    """Fill ``folder`` with a MusicGen whose decoder is that wide and deep."""
    import torch
    from transformers import EncodecFeatureExtractor, MusicgenProcessor

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        _model(width, layers, heads).save_pretrained(folder)
    extractor = EncodecFeatureExtractor(feature_size=1, sampling_rate=RATE, padding_side="left")
    MusicgenProcessor(extractor, letters_of_t5()).save_pretrained(folder)


def _model(width: int, layers: int, heads: int) -> Any:
    import torch
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        T5Config,
    )

    config = MusicgenConfig(
        text_encoder=T5Config(
            vocab_size=128,
            d_model=WIDTH,
            d_kv=8,
            d_ff=32,
            num_layers=1,
            num_heads=2,
            pad_token_id=0,
            eos_token_id=1,
        ).to_dict(),
        audio_encoder=EncodecConfig(
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
        ).to_dict(),
        decoder=MusicgenDecoderConfig(
            vocab_size=CODES,
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            ffn_dim=4 * width,
            num_codebooks=CODEBOOKS,
            initializer_factor=0.12,  # as small as by default, no prompt would be heard
            max_position_embeddings=2048,
            pad_token_id=CODES,
            bos_token_id=CODES,
        ).to_dict(),
    )
    model = MusicgenForConditionalGeneration(config)
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

"""A Dia in a megabyte with its codec, a DAC, in ``codec``; both have random weights."""

from pathlib import Path

SEED = 0
WIDTH = 16
CHANNELS = 9
DELAYS = [0, 8, 9, 10, 11, 12, 13, 14, 15]
CODES = 1024
RATE = 44_100


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and processor does."""
    import torch
    from transformers import (
        DacConfig,
        DacFeatureExtractor,
        DacModel,
        DiaConfig,
        DiaForConditionalGeneration,
        DiaProcessor,
        DiaTokenizer,
    )

    config = DiaConfig(
        encoder_config={
            "hidden_size": WIDTH,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "intermediate_size": 2 * WIDTH,
            "max_position_embeddings": 128,
        },
        decoder_config={
            "hidden_size": WIDTH,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "cross_num_attention_heads": 2,
            "cross_num_key_value_heads": 2,
            "cross_head_dim": 8,
            "cross_hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "max_position_embeddings": 512,
            "vocab_size": CODES + 4,
            "num_channels": CHANNELS,
            "initializer_range": 0.3,
        },
        delay_pattern=DELAYS,
        initializer_range=0.3,
    )
    codec = DacConfig(
        encoder_hidden_size=2,
        decoder_hidden_size=32,
        n_codebooks=CHANNELS,
        codebook_size=CODES,
        sampling_rate=RATE,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = DiaForConditionalGeneration(config)
        sounds = DacModel(codec)
        # As small as by default, every code would sound the same.
        for quantizer in sounds.quantizer.quantizers:
            torch.nn.init.normal_(quantizer.codebook.weight)
            torch.nn.init.normal_(quantizer.out_proj.weight, std=0.3)
        for layer in sounds.decoder.modules():
            if isinstance(layer, torch.nn.Conv1d):
                torch.nn.init.kaiming_normal_(layer.weight)
        sounds.decoder.conv2.weight.data.mul_(0.0005)
    settings = model.generation_config
    settings.update(
        do_sample=True,
        temperature=1.8,
        top_k=45,
        top_p=0.95,
        guidance_scale=3.0,
        max_length=48,
        bos_token_id=CODES + 2,
        eos_token_id=CODES,
        pad_token_id=CODES + 1,
        decoder_start_token_id=CODES + 2,
    )
    model.save_pretrained(folder)
    sounds.save_pretrained(folder / "codec")
    extractor = DacFeatureExtractor(sampling_rate=RATE, hop_length=codec.hop_length)
    kept = DacModel.from_pretrained(folder / "codec")
    DiaProcessor(extractor, DiaTokenizer(), kept).save_pretrained(folder)

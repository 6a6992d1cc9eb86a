"""A FastSpeech2Conformer of three speakers in a megabyte, with its vocoder beside it or within.

Its own tokenizer makes phonemes with the package g2p_en; this one has a tokenizer of letters.
"""

from pathlib import Path
from typing import Any

from .letters import tokenizer_of

SEED = 0
SPEAKERS = 3
WIDTH = 16
MELS = 20
RATE = 22_050


def make(folder: Path) -> None:
    """Fill ``folder``; the vocoder lies in ``vocoder``."""
    whole = _model()
    whole.model.save_pretrained(folder)
    whole.vocoder.save_pretrained(folder / "vocoder")
    _letters().save_pretrained(folder)


def make_with_hifigan(folder: Path) -> None:
    """Fill ``folder`` with a model that has its vocoder within."""
    _model().save_pretrained(folder)
    _letters().save_pretrained(folder)


def _letters() -> Any:
    pad, edge = "<blank>", "<sos/eos>"
    return tokenizer_of([pad, edge], f"$A {edge}", pad_token=pad, bos_token=edge, eos_token=edge)


def _model() -> Any:
    import torch
    from transformers import (
        FastSpeech2ConformerConfig,
        FastSpeech2ConformerHifiGanConfig,
        FastSpeech2ConformerWithHifiGan,
        FastSpeech2ConformerWithHifiGanConfig,
    )

    layers = {
        f"{part}_{name}": number
        for part in ("encoder", "decoder")
        for name, number in (("layers", 1), ("num_attention_heads", 2), ("linear_units", 32))
    }
    predictors = {
        f"{part}_predictor_{name}": number
        for part in ("duration", "energy", "pitch")
        for name, number in (("layers", 1), ("channels", WIDTH))
    }
    config = FastSpeech2ConformerConfig(
        hidden_size=WIDTH,
        vocab_size=len(_letters()),
        num_mel_bins=MELS,
        decoder_kernel_size=7,
        speech_decoder_postnet_layers=2,
        speech_decoder_postnet_units=WIDTH,
        max_source_positions=1000,
        num_speakers=SPEAKERS,
        **layers,
        **predictors,
    )
    vocoder = FastSpeech2ConformerHifiGanConfig(
        model_in_dim=MELS,
        upsample_initial_channel=32,
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        initializer_range=0.1,
        sampling_rate=RATE,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = FastSpeech2ConformerWithHifiGan(
            FastSpeech2ConformerWithHifiGanConfig(
                model_config=config.to_dict(), vocoder_config=vocoder.to_dict()
            )
        )
    # Some frames for each letter, so that there is something to hear.
    torch.nn.init.constant_(model.model.duration_predictor.linear.bias, 1.5)
    model.vocoder.conv_post.weight.data.mul_(30)
    return model

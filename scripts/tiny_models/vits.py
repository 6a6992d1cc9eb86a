"""A VITS with three speakers in a few hundred kilobytes, its weights random."""

import json
from pathlib import Path

SEED = 0
SPEAKERS = 3
WIDTH = 16
LETTERS = "_ abcdefghijklmnopqrstuvwxyz'-"


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and tokenizer does."""
    make_of(folder, speakers=SPEAKERS)


def make_of(folder: Path, *, speakers: int) -> None:
    """Fill ``folder`` with a voice of that many speakers."""
    import torch
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    config = VitsConfig(
        vocab_size=len(LETTERS),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        ffn_dim=2 * WIDTH,
        flow_size=WIDTH,
        spectrogram_bins=33,
        num_speakers=speakers,
        speaker_embedding_size=8 if speakers > 1 else 0,
        upsample_initial_channel=2 * WIDTH,
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        duration_predictor_filter_channels=WIDTH,
        prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=1,
        posterior_encoder_num_wavenet_layers=1,
        initializer_range=0.05,
        noise_scale_duration=0.1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = VitsModel(config)
    # Some frames for each letter, so that there is something to be faster at.
    torch.nn.init.constant_(model.duration_predictor.flows[0].translate, -1.5)
    model.decoder.conv_post.weight.data.mul_(0.03)
    model.save_pretrained(folder)
    words = folder / "vocab.json"
    words.write_text(json.dumps({letter: number for number, letter in enumerate(LETTERS)}))
    signs = {"pad_token": "_", "unk_token": "-"}
    VitsTokenizer(str(words), phonemize=False, **signs).save_pretrained(folder)

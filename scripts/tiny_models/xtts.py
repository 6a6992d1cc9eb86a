"""An XTTS of 46 MB, whose text model is tiny; the size of its vocoder is fixed in the code.

Its text model never ends a sound by itself, so that a piece of text is always a second long.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

SEED = 0
WIDTH = 64
PIECE = 27
"""Sounds a piece of text, 43 ms each."""
SURENESS = 20
"""Without it, all sounds were about as likely, whatever is done to their likeliness."""
LANGUAGES = [
    *("en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru"),
    *("nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi"),
]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789!'(),-.:;?"
SPEAKERS = ("Ana Tiny", "Bob Tiny")


def make(folder: Path) -> None:
    """Fill ``folder`` with what the repository of XTTS v2 holds."""
    make_importable()
    import torch
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts

    words = _write_vocabulary(folder / "vocab.json")
    config = XttsConfig(model_args=_sizes(words), languages=LANGUAGES)
    config.temperature, config.repetition_penalty = 0.75, 5.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = Xtts(config)
        with torch.no_grad():
            model.gpt.mel_head.weight.mul_(SURENESS)
            model.gpt.mel_head.bias[model.args.gpt_stop_audio_token] = -1e4
        speakers = {name: _speaker() for name in SPEAKERS}
    state = model.half().state_dict()
    torch.save({"model": state}, folder / "model.pth")
    torch.save(speakers, folder / "speakers_xtts.pth")
    config.save_json(folder / "config.json")


def make_importable() -> None:
    """Have torchaudio imported as the bindings do."""
    shared = str(Path(__file__).parents[2] / "bindings" / "_shared")
    sys.path.append(shared)
    try:
        importlib.import_module("torchaudio_stand_in").make_importable()
    finally:
        sys.path.remove(shared)


def _write_vocabulary(path: Path) -> dict[str, int]:
    from tokenizers import Tokenizer, models, pre_tokenizers

    special = ["[STOP]", "[UNK]", "[SPACE]", *(f"[{one}]" for one in LANGUAGES), "[START]"]
    words = {word: number for number, word in enumerate([*special, *LETTERS])}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[], unk_token=special[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(path))
    return words


def _sizes(words: dict[str, int]) -> Any:
    from TTS.tts.configs.xtts_config import XttsArgs

    return XttsArgs(
        gpt_layers=2,
        gpt_n_model_channels=WIDTH,
        gpt_n_heads=2,
        gpt_number_text_tokens=len(words),
        gpt_start_text_token=words["[START]"],
        gpt_stop_text_token=words["[STOP]"],
        gpt_num_audio_tokens=1026,
        gpt_start_audio_token=1024,
        gpt_stop_audio_token=1025,
        gpt_max_audio_tokens=PIECE,
        gpt_use_perceiver_resampler=True,
        decoder_input_dim=WIDTH,
    )


def _speaker() -> dict[str, Any]:
    import torch

    embedding = torch.nn.functional.normalize(torch.randn(1, 512, 1), dim=1)
    return {"gpt_cond_latent": torch.randn(1, 32, WIDTH), "speaker_embedding": embedding}

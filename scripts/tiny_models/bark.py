"""A Bark in ten megabytes: its real vocabularies, sixteen dimensions, three speaker presets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SEED = 0
WIDTH = 16
SEMANTIC_TOKENS = 24
CODES = 1024
EOS = 10_000
VOICES = ("announcer", "v2/de_speaker_3", "v2/en_speaker_6")
SPREADS = {"position_embeds": 0.2, "input_embeds": 4.0, "att_proj": 3.0, "out_proj": 3.0}
LOUDER = 1.4
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-[]♪"


def make(folder: Path) -> None:
    """Fill ``folder`` as the makers of Bark fill theirs on the hub, but with safetensors.

    A sentence becomes at most half a second of sound; some end earlier, by their words.
    """
    make_of_size(
        folder, width=WIDTH, layers=1, heads=2, semantic_tokens=SEMANTIC_TOKENS, window=128
    )


def make_of_size(
    folder: Path,
    *,
    width: int,
    layers: int,
    heads: int,
    semantic_tokens: int,
    window: int = 1024,
) -> None:
    """Fill ``folder`` with a Bark of that width and depth, with Bark's own codec and presets.

    Args:
        folder: An empty one.
        width: Of the three transformers.
        layers: Of each.
        heads: Of each.
        semantic_tokens: The most that it speaks at once; 49.9 make a second.
        window: Frames that the last stage looks at together, from which the tokens that the
            second looks back to follow; 1024 in the published models.
    """
    import torch
    from transformers import BarkProcessor, BertTokenizerFast

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        _model(width, layers, heads).save_pretrained(folder)
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*marks, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    tokenizer = BertTokenizerFast(vocab={piece: number for number, piece in enumerate(pieces)})
    BarkProcessor(tokenizer).save_pretrained(folder)
    presets = _presets(folder)
    (folder / "speaker_embeddings_path.json").write_text(json.dumps(presets, indent=1))
    settings = json.dumps(_settings(semantic_tokens, window), indent=1)
    (folder / "generation_config.json").write_text(settings)


def _model(width: int, layers: int, heads: int):  # type: ignore[no-untyped-def]
    import torch
    from transformers import (
        BarkCoarseConfig,
        BarkConfig,
        BarkFineConfig,
        BarkModel,
        BarkSemanticConfig,
        EncodecConfig,
    )

    # The vocabularies and the block follow from the numbers in the generation configuration.
    size = {"num_layers": layers, "num_heads": heads, "hidden_size": width, "block_size": 1024}
    semantic = BarkSemanticConfig(input_vocab_size=129_600, output_vocab_size=10_048, **size)
    coarse = BarkCoarseConfig(input_vocab_size=12_096, output_vocab_size=12_096, **size)
    fine = BarkFineConfig(input_vocab_size=1056, output_vocab_size=1056, **size)
    codec = EncodecConfig(
        target_bandwidths=[6.0],
        num_filters=2,
        hidden_size=16,
        codebook_dim=16,
        codebook_size=CODES,
        num_lstm_layers=1,
    )
    model = BarkModel(
        BarkConfig(
            semantic_config=semantic.to_dict(),
            coarse_acoustics_config=coarse.to_dict(),
            fine_acoustics_config=fine.to_dict(),
            codec_config=codec.to_dict(),
        )
    )
    for part in (model.semantic, model.coarse_acoustics, model.fine_acoustics):
        _strengthen(part)
    # So that the end of a sentence comes by its words, and not once in ten thousand tokens.
    model.semantic.lm_head.weight.data[EOS] *= 2
    for layer in model.codec_model.quantizer.layers:
        # Zeros by default, which would make every code sound the same.
        torch.nn.init.normal_(layer.codebook.embed)
    for name, weights in model.codec_model.decoder.named_parameters():
        # Its biases alone would be louder than what it makes of the codes.
        weights.data.mul_(0.0 if name.endswith("bias") else LOUDER)
    return model.half()


def _strengthen(part: torch.nn.Module) -> None:
    """Draw weights with which a token depends on those before it more than on its place."""
    import torch

    for name, weights in part.named_parameters():
        if weights.dim() > 1:
            spread = next((wide for words, wide in SPREADS.items() if words in name), 1.0)
            torch.nn.init.normal_(weights, std=spread * weights.shape[-1] ** -0.5)


def _presets(folder: Path) -> dict[str, object]:
    """Write the presets' arrays and return what lists them."""
    import numpy as np

    presets: dict[str, object] = {"repo_or_path": "tiny"}
    for number, voice in enumerate(VOICES):
        chance = np.random.default_rng(number)
        arrays = {
            "semantic_prompt": chance.integers(0, 10_000, 40),
            "coarse_prompt": chance.integers(0, CODES, (2, 60)),
            "fine_prompt": chance.integers(0, CODES, (8, 60)),
        }
        files = {name: f"speaker_embeddings/{voice}_{name}.npy" for name in arrays}
        for name, array in arrays.items():
            path = folder / files[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, array)
        presets[voice] = files
    return presets


def _settings(semantic_tokens: int, window: int) -> dict[str, object]:
    """Return ``generation_config.json``; BarkGenerationConfig can't save itself."""
    from transformers.models.bark.generation_configuration_bark import (
        BarkCoarseGenerationConfig,
        BarkFineGenerationConfig,
        BarkSemanticGenerationConfig,
    )

    drawn = {"do_sample": True, "temperature": 0.7}
    semantic = BarkSemanticGenerationConfig(max_new_tokens=semantic_tokens, **drawn)
    coarse = BarkCoarseGenerationConfig(
        max_coarse_input_length=window // 4, max_coarse_history=window // 2, **drawn
    )
    fine = BarkFineGenerationConfig(
        temperature=0.5, max_fine_history_length=window // 2, max_fine_input_length=window
    )
    return {
        "model_type": "bark",
        "sample_rate": 24_000,
        "codebook_size": CODES,
        "semantic_config": semantic.to_dict(),
        "coarse_acoustics_config": coarse.to_dict(),
        "fine_acoustics_config": fine.to_dict(),
    }

"""The text encoder: words in, and in the last 16 of 28 places what the regions look like.

The places after a caption's end are free. They first learn by plain regression to foretell the
latent's 4 × 4 regions; the denoiser then only has to look where things are. Trained together from
nothing, the two draw no objects for long.

Source: transformers ``CLIPTextModel``, ``CLIPTokenizer``; tokenizers ``BpeTrainer``.
"""

import json
from collections.abc import Callable, Iterable

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from starter_tti.training import Group, Stage, half_precision, train

PLACES = 28
"""Tokens of a caption, filled up to the end."""

WIDTH = 192
"""Numbers in each place."""

_MERGES = 4531
_REGIONS = 16
_BATCH = 128

Batch = Callable[[int], tuple[list[str], Tensor]]
"""Draws captions and the latents of their pictures."""


def make_tokenizer(captions: Iterable[str]) -> CLIPTokenizer:
    """Learn which letters go together, and return CLIP's own tokenizer with that vocabulary."""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=_MERGES + 512,
        min_frequency=2,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(captions, trainer)
    learnt = json.loads(learner.to_str())["model"]["merges"]
    merges = [(left, right) for left, right in learnt[:_MERGES]]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=PLACES)


def make_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Return it untrained."""
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=1024,
            projection_dim=WIDTH,
            num_hidden_layers=4,
            num_attention_heads=6,
            max_position_embeddings=PLACES,
            hidden_act="gelu",
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    # CLIP's own start, 0.02, is for vocabularies that a few million pictures move.
    for name, parameter in encoder.named_parameters():
        if "embedding" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return encoder


class Reader(torch.nn.Module):
    """The text encoder, and the head by which it learns what regions look like."""

    def __init__(self, tokenizer: CLIPTokenizer, encoder: CLIPTextModel) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.encoder = encoder
        self.head = torch.nn.Linear(WIDTH, 64)

    def forward(self, captions: list[str]) -> tuple[Tensor, Tensor]:
        """Return all places, shape (captions, 28, 192), and the regions foretold in the last."""
        tokens = self.tokenizer(
            captions, padding="max_length", truncation=True, return_tensors="pt"
        ).input_ids
        places = self.encoder(tokens.to(self.head.weight.device))[0]
        return places, self.head(places[:, -_REGIONS:])


def regions(latents: Tensor) -> Tensor:
    """Cut latents into 4 × 4 regions: shape (latents, 16, 64), row by row."""
    cut = latents.reshape(len(latents), -1, 4, 2, 4, 2)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(len(latents), _REGIONS, -1)


def learn(reader: Reader, batch: Batch, steps: int, device: torch.device) -> list[float]:
    """Train encoder and head to foretell the regions of each caption's latent."""
    reader.to(device).train()

    def foretelling() -> Tensor:
        captions, latents = batch(_BATCH)
        with half_precision(device):
            _, foretold = reader(captions)
        return torch.nn.functional.mse_loss(foretold.float(), regions(latents))

    stage = Stage("text", steps, memory=0.99, betas=(0.9, 0.98), decay=0.02)
    return train(stage, [Group(list(reader.parameters()), 1.5e-3)], foretelling)

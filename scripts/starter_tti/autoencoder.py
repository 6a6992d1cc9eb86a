"""The autoencoder: 64 × 64 pixels in 8 × 8 places of 16 numbers, and back.

Source: diffusers ``AutoencoderKL``.
"""

from collections.abc import Sequence

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from starter_tti.colours import Pixels
from starter_tti.emoji import SIZE, Collection
from starter_tti.training import Group, Stage, half_precision, pick, train

CHANNELS = 16
"""Numbers that a latent has in each of its places."""

_BATCH = (12, 8, 4)
"""Pictures in a batch: things, recoloured ones, others."""

_NOISE_OF_CODING, _NOISE_OF_DRAWING = 0.02, 0.12
"""What is added to latents: a little so that they are robust, and what a denoiser leaves."""


def make() -> AutoencoderKL:
    """Return it untrained."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 128),
        layers_per_block=1,
        latent_channels=CHANNELS,
        norm_num_groups=8,
        sample_size=SIZE,
        scaling_factor=1.0,
    )


def learn(
    autoencoder: AutoencoderKL, collection: Collection, steps: int, device: torch.device
) -> list[float]:
    """Train it whole, make its latents normal, then train its decoder alone on rough latents."""
    autoencoder.to(device, memory_format=torch.channels_last)
    groups = (
        tensor([thing.pixels for thing in collection.things], device),
        tensor([one.pixels for one in collection.recoloured], device),
        tensor(collection.others, device),
    )

    def batch() -> Tensor:
        pictures = [pick(group, count) for group, count in zip(groups, _BATCH, strict=True)]
        return _scaled(torch.cat(pictures))

    def coding() -> Tensor:
        pictures = batch()
        with half_precision(device):
            latents = autoencoder.encode(pictures).latent_dist.mean
            rough = latents + _NOISE_OF_CODING * torch.randn_like(latents)
            again = autoencoder.decode(rough).sample
        size: Tensor = latents.float().square().mean()
        return _unlike(again, pictures) + 1e-4 * size

    def decoding() -> Tensor:
        pictures = batch()
        with half_precision(device):
            with torch.no_grad():
                latents = autoencoder.encode(pictures).latent_dist.mean
            share = torch.rand(len(latents), 1, 1, 1, device=device)
            rough = latents + _NOISE_OF_DRAWING * share * torch.randn_like(latents)
            again = autoencoder.decode(rough).sample
        return _unlike(again, pictures)

    last = max(1, steps // 4)
    everything = [Group(list(autoencoder.parameters()), 1e-3)]
    losses = train(Stage("autoencoder", steps - last, decay=1e-4), everything, coding)
    make_normal(autoencoder, encode(autoencoder, groups[0]))
    back = [*autoencoder.decoder.parameters(), *autoencoder.post_quant_conv.parameters()]
    stage = Stage("decoder", last, level=0.1, memory=0.995, decay=1e-4)
    return losses + train(stage, [Group(back, 1e-3)], decoding)


def tensor(pictures: Sequence[Pixels], device: torch.device) -> Tensor:
    """Return pictures as uint8, shape (pictures, 3, height, width)."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(device)


@torch.no_grad()
def encode(autoencoder: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Return the latents of pictures, float32, shape (pictures, 16, 8, 8)."""
    parts = torch.tensor_split(pictures, tuple(range(64, len(pictures), 64)))
    return torch.cat([autoencoder.encode(_scaled(part)).latent_dist.mean for part in parts])


def _scaled(pictures: Tensor) -> Tensor:
    return (pictures.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def _unlike(one: Tensor, other: Tensor) -> Tensor:
    """Return how unlike pictures are: in values, and in the edges that make an emoji crisp."""
    difference = one.float() - other
    edges = difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    return difference.abs().mean() + difference.square().mean() + edges


@torch.no_grad()
def make_normal(autoencoder: AutoencoderKL, latents: Tensor) -> None:
    """Give each channel of the latents mean 0 and deviation 1, by the layers beside them.

    The encoder's own spread becomes next to nothing, so that a sample of it is its mean.
    """
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    into, out = autoencoder.quant_conv, autoencoder.post_quant_conv
    into.weight[:CHANNELS] /= deviation[:, None, None, None]
    into.bias[:CHANNELS] = (into.bias[:CHANNELS] - mean) / deviation
    into.weight[CHANNELS:] = 0
    into.bias[CHANNELS:] = -12
    out.bias += out.weight[:, :, 0, 0] @ mean
    out.weight *= deviation[None, :, None, None]

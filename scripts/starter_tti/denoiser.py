"""The denoiser: from noise to the latent that a caption means, along a straight line.

Source: diffusers ``UNet2DConditionModel``, ``DPMSolverMultistepScheduler`` with flow sigmas.
"""

import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from torch import Tensor

from starter_tti import text
from starter_tti.autoencoder import CHANNELS
from starter_tti.text import Batch, Reader
from starter_tti.training import Group, Stage, half_precision, train

_BATCH = 32
_TIMES = 1000


def make() -> UNet2DConditionModel:
    """Return it untrained; its first guess is no movement at all."""
    denoiser = UNet2DConditionModel(
        sample_size=8,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        block_out_channels=(192, 192),
        layers_per_block=1,
        cross_attention_dim=text.WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    torch.nn.init.zeros_(denoiser.conv_out.weight)
    return denoiser


def make_scheduler() -> DPMSolverMultistepScheduler:
    """Return the solver that the denoiser is made for."""
    return DPMSolverMultistepScheduler(
        num_train_timesteps=_TIMES,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=1.0,
        steps_offset=1,
    )


def learn(
    denoiser: UNet2DConditionModel,
    reader: Reader,
    batch: Batch,
    steps: int,
    device: torch.device,
) -> list[float]:
    """Train it together with the reader, which goes on foretelling regions."""
    denoiser.to(device, memory_format=torch.channels_last).train()
    reader.to(device).train()

    def denoising() -> Tensor:
        captions, latents = batch(_BATCH)
        noise = torch.randn_like(latents)
        shares = _shares_of_noise(len(latents)).to(device)
        share = shares[:, None, None, None]
        with half_precision(device):
            places, foretold = reader(captions)
            movement = denoiser(
                (1 - share) * latents + share * noise,
                shares * _TIMES,
                encoder_hidden_states=places,
                return_dict=False,
            )[0]
        loss = torch.nn.functional.mse_loss
        return loss(movement.float(), noise - latents) + loss(
            foretold.float(), text.regions(latents)
        )

    groups = [Group(list(denoiser.parameters()), 7e-4), Group(list(reader.parameters()), 3e-4)]
    return train(Stage("denoiser", steps, level=0.5), groups, denoising)


def _shares_of_noise(count: int) -> Tensor:
    """Draw how noisy each latent is: mostly about the middle, one in ten almost wholly."""
    usual = torch.sigmoid(1.2 * torch.randn(count) + 0.4)
    almost_all = 1 - 0.03 * torch.rand(count)
    return torch.where(torch.rand(count) < 0.1, almost_all, usual).clamp(0.001, 1)

"""The layout in which checkpoints of Stable Diffusion 1 are passed around, as one file.

Source: the names of CompVis' ``ldm`` (2022), as published checkpoints have them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}


def write_checkpoint(pipeline: Path, file: Path) -> None:
    """Write the weights of a folder with Stable Diffusion 1, one layer a block, as one file."""
    from safetensors.numpy import load_file, save_file

    unet = load_file(pipeline / "unet" / "diffusion_pytorch_model.safetensors")
    vae = load_file(pipeline / "vae" / "diffusion_pytorch_model.safetensors")
    text = load_file(pipeline / "text_encoder" / "model.safetensors")
    tensors: dict[str, Any] = {UNET + _of_unet(name): one for name, one in unet.items()}
    for name, tensor in vae.items():
        is_flat = ".attentions." in name and tensor.ndim == 2
        tensors[VAE + _of_vae(name)] = tensor[:, :, None, None] if is_flat else tensor
    tensors |= {TEXT + name.removeprefix("text_model."): one for name, one in text.items()}
    save_file(tensors, file)


def _of_unet(name: str) -> str:
    stem, kind = name.rsplit(".", 1)
    if stem in _ENDS:
        return f"{_ENDS[stem]}.{kind}"
    parts = name.split(".")
    if parts[0] == "mid_block":
        number = int(parts[2])
        at = f"middle_block.{1 if parts[1] == 'attentions' else 2 * number}"
        return _rest(at, parts[1], parts[3:])
    block, inner, number = int(parts[1]), parts[2], int(parts[3])
    if inner == "downsamplers":
        return f"input_blocks.{2 * block + 2}.0.op.{kind}"
    if inner == "upsamplers":
        # The first block of this decoder has attention, which stands before it.
        return f"output_blocks.{2 * block + 1}.2.conv.{kind}"
    side = "input_blocks" if parts[0] == "down_blocks" else "output_blocks"
    at = f"{side}.{2 * block + number + (side == 'input_blocks')}.{int(inner == 'attentions')}"
    return _rest(at, inner, parts[4:])


def _rest(at: str, inner: str, rest: list[str]) -> str:
    if inner == "attentions":
        return ".".join([at, *rest])
    return f"{at}.{_RESNET[rest[0]]}.{rest[1]}"


def _of_vae(name: str) -> str:
    for ours, theirs in _ATTENTION.items():
        name = re.sub(rf"attentions\.0\.{ours}\.", f"attentions.0.{theirs}.", name)
    name = name.replace("mid_block.attentions.0.", "mid.attn_1.")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"down_blocks\.(\d)\.resnets\.", r"down.\1.block.", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    # The decoder's blocks are counted from the picture, not from the latents.
    name = re.sub(
        r"up_blocks\.(\d)\.resnets\.", lambda found: f"up.{1 - int(found[1])}.block.", name
    )
    return re.sub(
        r"up_blocks\.(\d)\.upsamplers\.0", lambda found: f"up.{1 - int(found[1])}.upsample", name
    )

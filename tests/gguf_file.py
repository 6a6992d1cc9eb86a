"""Weights as published GGUF files have them."""

from __future__ import annotations

from pathlib import Path


def write_gguf(weights: Path, file: Path, architecture: str) -> None:
    """Write the weights of a ``.safetensors`` file, eight bits each."""
    import gguf
    from safetensors.numpy import load_file

    writer = gguf.GGUFWriter(str(file), architecture)
    bits = gguf.GGMLQuantizationType.Q8_0
    for name, tensor in load_file(weights).items():
        if tensor.ndim == 2 and tensor.shape[1] % 32 == 0:
            writer.add_tensor(name, gguf.quants.quantize(tensor, bits), raw_dtype=bits)
        else:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

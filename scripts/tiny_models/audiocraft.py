"""A MusicGen of audiocraft in two megabytes, with its T5; with Demucs where it follows melodies.

Its codec makes 2 frames a second and not 50, and it hears 20 s and not 30, so that long pieces are
made in seconds.
"""

import hashlib
from pathlib import Path
from typing import Any

from .xtts import make_importable

SEED = 0
WIDTH = 16
CODEBOOKS = 4
CODES = 2048
RATE = 32_000
STRIDES = [8, 10, 10, 20]
WINDOW_S = 20
T5 = "t5-small"
T5_WIDTH = 512
"""What audiocraft takes the output of t5-small to be."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"
DEMUCS = "955717e8"
"""The model that audiocraft's name htdemucs stands for."""


def make(folder: Path) -> None:
    """Fill ``folder`` with a model that goes by text."""
    _make(folder, {"cross": ["description"], "prepend": []})


def make_melody(folder: Path) -> None:
    """Fill ``folder`` with a model that goes by text and by a melody."""
    _make(folder, {"cross": [], "prepend": ["self_wav", "description"]})


def _make(folder: Path, fused: dict[str, list[str]]) -> None:
    make_importable()
    import torch
    from audiocraft.models.builders import get_compression_model, get_lm_model
    from audiocraft.modules import conditioners
    from demucs import pretrained

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        encoder, tokenizer = _write_t5(folder / "t5")
        separator = pretrained.demucs_unittest().eval()
        before = conditioners.T5EncoderModel, conditioners.T5Tokenizer, pretrained.get_model
        conditioners.T5EncoderModel, conditioners.T5Tokenizer = _Given(encoder), _Given(tokenizer)
        pretrained.get_model = lambda name: separator
        try:
            _write(folder / "compression_state_dict.bin", _codec(), get_compression_model)
            _write(folder / "state_dict.bin", _language_model(fused), get_lm_model)
        finally:
            conditioners.T5EncoderModel, conditioners.T5Tokenizer, pretrained.get_model = before
    if "self_wav" in fused["prepend"]:
        _write_demucs(folder / "demucs", separator)


class _Given:
    def __init__(self, one: Any) -> None:
        self.one = one

    def from_pretrained(self, name: str) -> Any:
        return self.one


def _write(path: Path, settings: dict[str, Any], build: Any) -> None:
    import torch
    from omegaconf import OmegaConf

    written = OmegaConf.create({**settings, "device": "cpu", "dtype": "float32"})
    state = build(written).eval().state_dict()
    package = {"best_state": state, "xp.cfg": OmegaConf.to_yaml(written), "version": "1.3.0"}
    torch.save(package, path)


def _write_t5(folder: Path) -> tuple[Any, Any]:
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -3.0) for letter in LETTERS]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0)
    tokenizer.save_pretrained(folder)
    config = T5Config(
        vocab_size=len(pieces), d_model=T5_WIDTH, d_kv=8, d_ff=32, num_layers=1, num_heads=2
    )
    encoder = T5EncoderModel(config)
    encoder.save_pretrained(folder)
    return encoder, tokenizer


def _write_demucs(folder: Path, separator: Any) -> None:
    import torch
    from demucs.pretrained import SOURCES

    folder.mkdir()
    path = folder / "made.th"
    given = {"klass": type(separator), "args": (), "kwargs": {"channels": 4, "sources": SOURCES}}
    torch.save({**given, "state": separator.state_dict()}, path)
    path.rename(folder / f"{DEMUCS}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.th")


def _codec() -> dict[str, Any]:
    return {
        "compression_model": "encodec",
        "channels": 1,
        "sample_rate": RATE,
        "encodec": {
            "autoencoder": "seanet",
            "quantizer": "rvq",
            "sample_rate": RATE,
            "channels": 1,
            "causal": False,
            "renormalize": False,
        },
        "seanet": {
            "dimension": WIDTH,
            "channels": 1,
            "causal": False,
            "n_filters": 2,
            "n_residual_layers": 1,
            "ratios": STRIDES,
            "activation": "ELU",
            "activation_params": {"alpha": 1.0},
            "norm": "weight_norm",
            "norm_params": {},
            "kernel_size": 7,
            "residual_kernel_size": 3,
            "last_kernel_size": 7,
            "dilation_base": 2,
            "pad_mode": "constant",
            "true_skip": True,
            "compress": 2,
            "lstm": 1,
            "disable_norm_outer_blocks": 0,
            "encoder": {},
            "decoder": {
                "trim_right_ratio": 1.0,
                "final_activation": None,
                "final_activation_params": None,
            },
        },
        "rvq": {
            "n_q": CODEBOOKS,
            "q_dropout": False,
            "bins": CODES,
            "decay": 0.99,
            "kmeans_init": False,
            "kmeans_iters": 10,
            "threshold_ema_dead_code": 2,
            "orthogonal_reg_weight": 0.0,
            "orthogonal_reg_active_codes_only": False,
        },
    }


def _language_model(fused: dict[str, list[str]]) -> dict[str, Any]:
    heard: dict[str, Any] = {
        "description": {
            "model": "t5",
            "t5": {"name": T5, "finetune": False, "word_dropout": 0.0, "normalize_text": False},
        }
    }
    if "self_wav" in fused["prepend"]:
        # Of a separator without training the loudest tone is always the same: all tones are taken.
        chroma = {"sample_rate": RATE, "n_chroma": 12, "radix2_exp": 12, "argmax": False}
        heard["self_wav"] = {"model": "chroma_stem", "chroma_stem": chroma}
    return {
        "lm_model": "transformer_lm",
        "transformer_lm": {
            "dim": WIDTH,
            "num_heads": 2,
            "num_layers": 2,
            "hidden_scale": 4,
            "n_q": CODEBOOKS,
            "card": CODES,
            "dropout": 0.0,
            "emb_lr": None,
            "activation": "gelu",
            "norm_first": True,
            "bias_ff": False,
            "bias_attn": False,
            "bias_proj": False,
            "past_context": None,
            "causal": True,
            "custom": False,
            "memory_efficient": True,
            "attention_as_float32": False,
            "layer_scale": None,
            "positional_embedding": "sin",
            "xpos": False,
            "checkpointing": "none",
            "weight_init": "gaussian",
            "depthwise_init": "current",
            "zero_bias_init": True,
            "norm": "layer_norm",
            "cross_attention": False,
            "qk_layer_norm": False,
            "qk_layer_norm_cross": False,
            "attention_dropout": None,
            "kv_repeat": 1,
        },
        "codebooks_pattern": {
            "modeling": "delay",
            "delay": {
                "delays": list(range(CODEBOOKS)),
                "flatten_first": 0,
                "empty_initial": 0,
            },
        },
        "classifier_free_guidance": {"training_dropout": 0.2, "inference_coef": 3.0},
        "attribute_dropout": {},
        "fuser": {
            "cross_attention_pos_emb": False,
            "cross_attention_pos_emb_scale": 1,
            "sum": [],
            "input_interpolate": [],
            **fused,
        },
        "conditioners": heard,
        "dataset": {"segment_duration": WINDOW_S},
        "interleave_stereo_codebooks": {"use": False},
    }

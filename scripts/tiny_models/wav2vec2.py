"""A wav2vec 2.0 and its kin that write letters (CTC), each in a hundred kilobytes."""

import json
from pathlib import Path
from typing import Any

SEED = 0
WIDTH = 16
LETTERS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ")
_SIZES: dict[str, Any] = {
    "vocab_size": len(LETTERS),
    "hidden_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "initializer_range": 0.5,
    "pad_token_id": 0,
}


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and processor does."""
    _make(folder, "Wav2Vec2")


def make_hubert(folder: Path) -> None:
    """Fill ``folder`` with a HuBERT."""
    _make(folder, "Hubert")


def make_wavlm(folder: Path) -> None:
    """Fill ``folder`` with a WavLM."""
    _make(folder, "WavLM")


def make_conformer(folder: Path) -> None:
    """Fill ``folder`` with a wav2vec 2.0 of conformers."""
    _make(folder, "Wav2Vec2Conformer", conv_depthwise_kernel_size=15)


def make_bert(folder: Path) -> None:
    """Fill ``folder`` with a Wav2Vec2-BERT, which hears mel features."""
    import transformers as hf

    config = hf.Wav2Vec2BertConfig(
        **_SIZES, feature_projection_input_dim=160, conv_depthwise_kernel_size=15
    )
    _save(folder, hf.Wav2Vec2BertForCTC, config)
    extractor = hf.SeamlessM4TFeatureExtractor()
    hf.Wav2Vec2BertProcessor(extractor, _tokenizer(folder)).save_pretrained(folder)


def _make(folder: Path, kind: str, **more: Any) -> None:
    import transformers as hf

    config = getattr(hf, f"{kind}Config")(
        **_SIZES,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        **more,
    )
    _save(folder, getattr(hf, f"{kind}ForCTC"), config)
    extractor = hf.Wav2Vec2FeatureExtractor()
    hf.Wav2Vec2Processor(extractor, _tokenizer(folder)).save_pretrained(folder)


def _save(folder: Path, class_: Any, config: Any) -> None:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        class_(config).save_pretrained(folder)


def _tokenizer(folder: Path) -> Any:
    from transformers import Wav2Vec2CTCTokenizer

    words = folder / "vocab.json"
    words.write_text(json.dumps({letter: number for number, letter in enumerate(LETTERS)}))
    return Wav2Vec2CTCTokenizer(str(words))

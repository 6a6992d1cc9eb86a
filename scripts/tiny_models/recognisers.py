"""Recognisers of several kinds, each in about a tenth of a megabyte."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

SEED = 0
WIDTH = 16
MELS = 16
SPREAD = 0.5
"""Of the weights; with less of it the sound makes no difference to the words."""

_LETTERS = "etaoinshrdlu"
_UNKNOWN = {"unk_token": "<unk>"}
_ENCODER = {
    "num_mel_bins": MELS,
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "subsampling_conv_channels": 8,
    "initializer_range": SPREAD,
}


def make_parakeet_ctc(folder: Path) -> None:
    """Fill ``folder`` with a Parakeet that writes frame by frame."""
    import transformers as hf

    tokenizer = _tokenizer(hf.ParakeetTokenizer, "<unk>", "<pad>", pad="<pad>")
    config = hf.ParakeetCTCConfig(
        encoder_config=_ENCODER, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id
    )
    _save(folder, random_of(hf.ParakeetForCTC, config), _parakeet(tokenizer, "ctc"))


def make_parakeet_tdt(folder: Path) -> None:
    """Fill ``folder`` with a Parakeet that writes tokens with durations."""
    import transformers as hf

    _make_transducer(folder, hf.ParakeetTDTConfig, hf.ParakeetForTDT, partial(_parakeet, way="tdt"))


def make_parakeet_rnnt(folder: Path) -> None:
    """Fill ``folder`` with a Parakeet that writes tokens between frames."""
    import transformers as hf

    way = partial(_parakeet, way="rnnt")
    _make_transducer(folder, hf.ParakeetRNNTConfig, hf.ParakeetForRNNT, way)


def _make_transducer(
    folder: Path,
    config_class: Any,
    class_: Any,
    processor: Callable[[Any], Any],
    *,
    blank: float = 4.0,
    words: tuple[str, ...] = (),
    **more: Any,
) -> None:
    import transformers as hf

    tokenizer = _tokenizer(hf.ParakeetTokenizer, "<unk>", "<pad>", "<blank>", pad="<pad>")
    tokenizer.add_tokens(list(words))
    config = config_class(
        encoder_config=_ENCODER,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        blank_token_id=tokenizer.convert_tokens_to_ids("<blank>"),
        decoder_hidden_size=WIDTH,
        num_decoder_layers=1,
        **more,
    )
    model = random_of(class_, config)
    settings = model.generation_config
    settings.decoder_start_token_id = config.blank_token_id
    # What comes after the words are the durations; with the first, 0, it would go on for ever.
    bias = model.joint.head.bias.data
    for place, value in zip(range(len(tokenizer), len(bias)), (-100.0, 4.0), strict=False):
        bias[place] = value
    bias[config.blank_token_id] = blank
    settings.suppress_tokens = [
        *tokenizer.convert_tokens_to_ids(["<unk>", "<pad>"]),
        *range(len(tokenizer), len(bias)),
    ]
    settings._from_model_config = False  # else saving would make it anew
    _save(folder, model, processor(tokenizer))


def make_moonshine(folder: Path) -> None:
    """Fill ``folder`` with a Moonshine."""
    import transformers as hf

    tokenizer = _tokenizer(hf.PreTrainedTokenizerFast, "<unk>", "<s>", "</s>", pad="</s>")
    config = hf.MoonshineConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=32,
        encoder_num_hidden_layers=1,
        decoder_num_hidden_layers=1,
        encoder_num_attention_heads=2,
        decoder_num_attention_heads=2,
        initializer_range=SPREAD,
        bos_token_id=tokenizer.convert_tokens_to_ids("<s>"),
        decoder_start_token_id=tokenizer.convert_tokens_to_ids("<s>"),
        eos_token_id=tokenizer.convert_tokens_to_ids("</s>"),
    )
    extractor = hf.Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=True)
    model = random_of(hf.MoonshineForConditionalGeneration, config)
    bound(model)
    _save(folder, model, hf.Wav2Vec2Processor(extractor, tokenizer))


def bound(model: Any) -> None:
    """Have a model that writes token by token write some, without end or repetition."""
    settings = model.generation_config
    settings.min_new_tokens, settings.max_new_tokens, settings.no_repeat_ngram_size = 12, 60, 3
    settings._from_model_config = False  # else saving would make it anew


def _parakeet(tokenizer: Any, way: str) -> Any:
    import transformers as hf

    return hf.ParakeetProcessor(
        hf.ParakeetFeatureExtractor(feature_size=MELS), tokenizer, decoder_type=way
    )


def _tokenizer(class_: Any, *signs: str, pad: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    words = [*(f"▁{letter}" for letter in _LETTERS), *_LETTERS, "▁", *signs]
    vocab = {word: number for number, word in enumerate(words)}
    base = Tokenizer(models.BPE(vocab=vocab, merges=[], **_UNKNOWN))
    base.pre_tokenizer = pre_tokenizers.Metaspace()
    base.decoder = decoders.Metaspace()
    tokenizer = class_(tokenizer_object=base, **_UNKNOWN, pad_token=pad)
    tokenizer.add_tokens(list(signs), special_tokens=True)
    return tokenizer


def random_of(class_: Any, config: Any) -> Any:
    """Return a model with random weights, the same every time."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return class_(config)


def _save(folder: Path, model: Any, processor: Any) -> None:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)

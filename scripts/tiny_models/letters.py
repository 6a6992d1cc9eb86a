"""A tokenizer of single letters, for models whose own one has no small form."""

from collections.abc import Sequence
from typing import Any

OTHER = "-"
LETTERS = " abcdefghijklmnopqrstuvwxyz0123456789[].,!?'" + OTHER


def tokenizer_of(signs: Sequence[str], form: str, **names: Any) -> Any:
    """Return a tokenizer that knows ``LETTERS``, and ``OTHER`` for all others.

    Args:
        signs: Tokens that aren't letters, numbered from 0.
        form: What stands around a text, ``$A``.
        names: Which sign is which, ``bos_token``, ``eos_token``, ``pad_token``, and what else a
            tokenizer takes.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate([*signs, *LETTERS])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=OTHER))
    tokenizer.add_special_tokens(list(signs))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=form, special_tokens=[(sign, words[sign]) for sign in signs if sign in form]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=OTHER,
        model_input_names=["input_ids", "attention_mask"],
        **names,
    )

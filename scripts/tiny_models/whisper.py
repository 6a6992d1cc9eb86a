"""A Whisper of transformers in a third of a megabyte, and OpenAI's own converted for it."""

import base64
import gzip
import itertools
import warnings
from pathlib import Path
from typing import Any

SEED = 0
WIDTH = 16
LONGEST = 40
"""Tokens that it says at most, because random weights don't stop by themselves."""

_TAIL = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
_TIMES = [f"<|{step * 0.02:.2f}|>" for step in range(1501)]


def make(folder: Path) -> None:
    """Fill ``folder`` as ``save_pretrained`` of model and processor does."""
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    letters = {sign: byte for byte, sign in _signs_of_bytes().items()}
    signs = ["endoftext", "startoftranscript", *LANGUAGES, *_TAIL]
    ids = {f"<|{sign}|>": len(letters) + number for number, sign in enumerate(signs)}
    end = ids["<|endoftext|>"]
    config = WhisperConfig(
        vocab_size=len(letters) + len(ids) + len(_TIMES),
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=ids["<|startoftranscript|>"],
        init_std=0.3,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = WhisperForConditionalGeneration(config)
    settings = model.generation_config
    settings.max_length = LONGEST
    # Bytes of which no text can be made, and signs that don't belong into one.
    settings.suppress_tokens = [
        number for sign, number in letters.items() if not (sign.isascii() and sign.isalpha())
    ] + [number for number in ids.values() if number != end]
    settings.lang_to_id = {f"<|{language}|>": ids[f"<|{language}|>"] for language in LANGUAGES}
    settings.task_to_id = {task: ids[f"<|{task}|>"] for task in ("translate", "transcribe")}
    settings.is_multilingual = True
    settings.alignment_heads = [[0, 0], [0, 1]]
    _save(folder, model, ids, letters, [])


def convert(checkpoint: Path, folder: Path) -> None:
    """Fill ``folder`` with one of OpenAI's English checkpoints (``tiny.en.pt``)."""
    import torch
    import whisper  # type: ignore[import-untyped]
    from transformers import WhisperConfig, WhisperForConditionalGeneration
    from whisper.tokenizer import get_tokenizer  # type: ignore[import-untyped]

    source = torch.load(checkpoint, weights_only=True)
    dims = source["dims"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it forgets to close a file
        tokenizer = get_tokenizer(multilingual=False)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=dims["n_vocab"],
            num_mel_bins=dims["n_mels"],
            d_model=dims["n_audio_state"],
            encoder_layers=dims["n_audio_layer"],
            decoder_layers=dims["n_text_layer"],
            encoder_attention_heads=dims["n_audio_head"],
            decoder_attention_heads=dims["n_text_head"],
            encoder_ffn_dim=4 * dims["n_audio_state"],
            decoder_ffn_dim=4 * dims["n_text_state"],
            max_source_positions=dims["n_audio_ctx"],
            max_target_positions=dims["n_text_ctx"],
            pad_token_id=tokenizer.eot,
            bos_token_id=tokenizer.eot,
            eos_token_id=tokenizer.eot,
            decoder_start_token_id=tokenizer.sot,
        )
    )
    weights = {_renamed(name): value.float() for name, value in source["model_state_dict"].items()}
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"]
    model.load_state_dict(weights)
    settings = model.generation_config
    settings.max_length = dims["n_text_ctx"]
    settings.suppress_tokens = [*tokenizer.non_speech_tokens, tokenizer.sot, tokenizer.no_speech]
    settings.begin_suppress_tokens = [*tokenizer.encode(" "), tokenizer.eot]
    settings.is_multilingual = False
    packed = gzip.decompress(base64.b85decode(whisper._ALIGNMENT_HEADS[checkpoint.stem]))
    settings.alignment_heads = [
        list(divmod(place, dims["n_text_head"])) for place, is_one in enumerate(packed) if is_one
    ]
    ranks = Path(whisper.__file__).parent / "assets" / "gpt2.tiktoken"
    _save(folder, model, tokenizer.special_tokens, *_words_of(ranks))


def _save(
    folder: Path, model: Any, ids: dict[str, int], words: dict[str, int], merges: list[Any]
) -> None:
    from transformers import WhisperFeatureExtractor, WhisperProcessor, WhisperTokenizer

    signs = [sign for sign in ids if sign not in _TIMES]
    settings = model.generation_config
    settings.bos_token_id = settings.eos_token_id = settings.pad_token_id = ids["<|endoftext|>"]
    settings.decoder_start_token_id = ids["<|startoftranscript|>"]
    settings.prev_sot_token_id = ids["<|startofprev|>"]
    settings.no_timestamps_token_id = ids["<|notimestamps|>"]
    settings.return_timestamps = False
    settings._from_model_config = False  # else saving would make it anew
    times = {time: max(ids[sign] for sign in signs) + 1 + n for n, time in enumerate(_TIMES)}
    tokenizer = WhisperTokenizer(vocab={**words, **ids, **times}, merges=merges)
    tokenizer.add_tokens(signs, special_tokens=True)
    model.save_pretrained(folder)
    mels = model.config.num_mel_bins
    WhisperProcessor(WhisperFeatureExtractor(feature_size=mels), tokenizer).save_pretrained(folder)


def _signs_of_bytes() -> dict[int, str]:
    """Return GPT-2's letter for every byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {
        **{byte: chr(byte) for byte in plain},
        **{byte: chr(256 + number) for number, byte in enumerate(others)},
    }


def _words_of(ranks: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return GPT-2's words and merges from tiktoken's ranks."""
    lines = [line.split() for line in ranks.read_bytes().splitlines()]
    rank_of = {base64.b64decode(word): int(rank) for word, rank in lines}
    sign = _signs_of_bytes()

    def spelled(word: bytes) -> str:
        return "".join(sign[byte] for byte in word)

    merges = []
    for word, rank in rank_of.items():
        if len(word) > 1:
            left, right = _halves(word, rank, rank_of)
            merges.append((spelled(left), spelled(right)))
    return {spelled(word): rank for word, rank in rank_of.items()}, merges


def _halves(word: bytes, rank: int, rank_of: dict[bytes, int]) -> list[bytes]:
    """Return the two parts that were merged last into a word."""
    parts = [bytes([byte]) for byte in word]
    while len(parts) > 2:
        pairs = [one + two for one, two in itertools.pairwise(parts)]
        best = min(range(len(pairs)), key=lambda at: rank_of.get(pairs[at], rank))
        parts[best : best + 2] = [pairs[best]]
    return parts


_NAMES = {
    "blocks": "layers",
    "mlp.0": "fc1",
    "mlp.2": "fc2",
    "mlp_ln": "final_layer_norm",
    "cross_attn_ln": "encoder_attn_layer_norm",
    "cross_attn": "encoder_attn",
    "attn_ln": "self_attn_layer_norm",
    ".attn.": ".self_attn.",
    ".query": ".q_proj",
    ".key": ".k_proj",
    ".value": ".v_proj",
    "attn.out": "attn.out_proj",
    "decoder.ln.": "decoder.layer_norm.",
    "ln_post": "layer_norm",
    "token_embedding": "embed_tokens",
    "encoder.positional_embedding": "encoder.embed_positions.weight",
    "decoder.positional_embedding": "decoder.embed_positions.weight",
}


def _renamed(name: str) -> str:
    for theirs, ours in _NAMES.items():
        name = name.replace(theirs, ours)
    return f"model.{name}"

"""Whisper: its own long-form listening, window after window, each knowing where the last one ended.

Source: transformers 5.23, ``WhisperForConditionalGeneration.generate``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Segment, Word

from ..._shared.transformers_models import Steps
from ..._shared.whisper import language_of
from .listening import Heard, Tell, Wish, timed

if TYPE_CHECKING:
    from .listening import Samples

PROMPT_TOKENS = 223
"""As many of ``initial_prompt`` as Whisper heeds."""
BEAM_SIZE = 5
"""As the library's pipeline does, after OpenAI."""


class Whisper:
    """A Whisper model with its processor."""

    def __init__(self, name: str, model: Any, processor: Any) -> None:
        self._name = name
        self._model = model
        self._features = processor.feature_extractor
        self._tokenizer = processor.tokenizer
        self.rate = int(self._features.sampling_rate)
        settings = model.generation_config
        codes = getattr(settings, "lang_to_id", None) or {}
        self._languages = {number: code[2:-2] for code, number in codes.items()}
        self._is_multilingual = bool(getattr(settings, "is_multilingual", codes))

    def listen(self, samples: Samples, wish: Wish, tell: Tell) -> Heard:
        """Return what is said in 16 kHz samples."""
        known = self._languages.values() if self._is_multilingual else ("en",)
        language = language_of(self._name, list(known), wish.language, wish.task)
        has_heads = getattr(self._model.generation_config, "alignment_heads", None)
        if wish.word_times and not has_heads:
            raise BadOption(
                f"word_times is asked for, and {self._name!r} says nothing of its alignment heads; "
                "leave it out, or use one of openai/whisper-…"
            )
        inputs = self._inputs(samples)
        if self._is_multilingual and language is None:
            found = self._model.detect_language(inputs["input_features"])
            language = self._languages[int(found[0])]
        made = self._generated(inputs, wish, language, tell)
        end, segments = len(samples) / self.rate, list[Segment]()
        for one in made["segments"][0]:
            text = self._tokenizer.decode(one["tokens"], skip_special_tokens=True).strip()
            if text:
                words = self._words(one, language) if wish.word_times else []
                low = segments[-1].end if segments else 0.0
                start, stop = float(one["start"]), float(one["end"])
                segments.append(timed(start, stop, text, words, low, end))
        return Heard(segments, language or "en")

    def _inputs(self, samples: Samples) -> Any:
        is_long = len(samples) > self._features.n_samples
        whole = {"truncation": False, "padding": "longest"} if is_long else {}
        features = self._features(
            samples,
            sampling_rate=self.rate,
            return_tensors="pt",
            return_attention_mask=True,
            **whole,
        )
        return features.to(self._model.device, self._model.dtype)

    def _generated(self, inputs: Any, wish: Wish, language: str | None, tell: Tell) -> Any:
        done = 0.0

        def monitor(places: Any) -> None:
            nonlocal done
            done = float(places[0, 0] / places[0, 1])
            tell(done, "listening")

        given: dict[str, Any] = {
            "temperature": wish.temperature or 0.0,
            "num_beams": wish.beam_size or BEAM_SIZE,
        }
        if self._is_multilingual:
            given |= {"language": language, "task": wish.task}
        if wish.initial_prompt:
            ids = self._tokenizer.get_prompt_ids(wish.initial_prompt, return_tensors="pt")
            ids = ids[[0, *range(max(1, len(ids) - PROMPT_TOKENS), len(ids))]]
            given["prompt_ids"] = ids.to(self._model.device)
        # Word times need attention as the library computes it, and it leaves it so.
        attention = self._model.config._attn_implementation
        try:
            return self._model.generate(
                **inputs,
                return_timestamps=True,
                return_segments=True,
                return_token_timestamps=wish.word_times,
                monitor_progress=monitor,
                logits_processor=[Steps(lambda share, step: tell(done, "listening"))],
                **given,
            )
        finally:
            self._model.config._attn_implementation = attention

    def _words(self, segment: Any, language: str | None) -> list[Word]:
        # The library has the grouping of tokens into words here alone.
        from transformers.models.whisper import tokenization_whisper as whisper

        tokens, times = segment["tokens"].tolist(), segment["token_timestamps"].tolist()
        end = self._tokenizer.eos_token_id
        places = [place for place, token in enumerate(tokens) if token < end]
        said = [tokens[place] for place in places]
        name = whisper.LANGUAGES.get(language or "en", "english")
        texts, _, groups = whisper._combine_tokens_into_words(self._tokenizer, said, name)
        return [
            Word(times[max(0, places[group[0]] - 1)], times[places[group[-1]]], text.strip())
            for text, group in zip(texts, groups, strict=True)
            if text.strip()
        ]

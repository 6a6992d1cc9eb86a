"""Language models that listen, asked for a transcript in their own words.

Source: transformers 5.23, ``apply_transcription_request`` of the models' processors; Voxtral
Realtime's is called with the sound alone.
"""

from __future__ import annotations

import inspect
import sys
from math import inf
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Segment

from ..._shared.transformers_models import Steps
from ..._shared.whisper import language_of
from .listening import (
    TOKENS_A_SECOND,
    Heard,
    Tell,
    Wish,
    drawing,
    longest,
    refuse_lacking,
    timed,
)
from .windows import LONGEST_S, windows

if TYPE_CHECKING:
    from .listening import Samples

TURNS_TOKENS_A_SECOND = 30
"""Of a model that tells speakers and times too."""


class Conversation:
    """A language model that listens, with its processor."""

    def __init__(self, name: str, model: Any, processor: Any) -> None:
        self._name = name
        self._model = model
        self._processor = processor
        self._ask = getattr(processor, "apply_transcription_request", processor)
        self._known = inspect.signature(self._ask).parameters
        self._decoding = inspect.signature(type(processor).decode).parameters
        module = sys.modules[type(processor).__module__]
        self._languages = list(getattr(module, "LANGUAGE_CODE_TO_NAME", ()))
        has_forms = "return_format" in self._decoding
        self._tells_speakers = has_forms and hasattr(processor, "extract_speaker_dict")
        bare = has_forms and not self._tells_speakers
        self._form = {"return_format": "transcription_only"} if bare else {}
        self.rate = int(processor.feature_extractor.sampling_rate)

    def listen(self, samples: Samples, wish: Wish, tell: Tell) -> Heard:
        """Return what is said, each piece of long sound for itself.

        Who tells speakers apart hears the whole at once: in the next piece they had other numbers.
        """
        request = self._request(wish)
        segments = list[Segment]()
        end = len(samples) / self.rate
        most = TURNS_TOKENS_A_SECOND if self._tells_speakers else TOKENS_A_SECOND
        longest_s = inf if self._tells_speakers else LONGEST_S
        for start, piece in windows(samples, self.rate, longest_s):
            tell(start / end, "listening")
            inputs = self._asked(piece, request, wish.language).to(
                self._model.device, self._model.dtype
            )
            ids = self._model.generate(
                **inputs,
                **drawing(wish),
                max_new_tokens=longest(len(piece) / self.rate, most),
                logits_processor=[Steps(lambda share, step: tell(None, "listening"))],
            )
            is_after = not self._model.config.is_encoder_decoder and "input_ids" in inputs
            said = ids[:, inputs["input_ids"].shape[1] if is_after else 0 :]
            for one in self._segments(said, start, start + len(piece) / self.rate):
                low = segments[-1].end if segments else 0.0
                placed = timed(one.start, one.end, one.text, (), low, end)
                segments.append(placed._replace(speaker=one.speaker))
        return Heard(segments, wish.language)

    def _asked(self, piece: Samples, request: dict[str, Any], language: str | None) -> Any:
        try:
            return self._ask(audio=piece, **request)
        except ValueError as error:
            if language is None:
                raise
            told = " ".join(str(error).split())
            raise BadOption(
                f"language {language!r} is given, and {self._name!r} refuses it: {told}"
            ) from error

    def _request(self, wish: Wish) -> dict[str, Any]:
        names = [name for name in ("language", "source_language") if name in self._known]
        lacks = {
            "word_times": wish.word_times,
            "task": wish.task != "transcribe" and "target_language" not in self._known,
            "language": wish.language is not None and not names,
            "initial_prompt": wish.initial_prompt is not None and "prompt" not in self._known,
            # The library can't follow several texts along one stream of sound.
            "beam_size": (wish.beam_size or 1) > 1 and self._ask is self._processor,
        }
        refuse_lacking(self._name, lacks)
        request: dict[str, Any] = {"return_tensors": "pt"}
        if wish.language is not None:
            request[names[0]] = self._language(wish.language)
        if wish.task == "translate":
            request["target_language"] = "en"
        if wish.initial_prompt is not None:
            # Of some a prompt is what they are told to do; it goes on with what was said before.
            order = getattr(self._processor, "default_transcription_prompt", None)
            request["prompt"] = f"{order} {wish.initial_prompt}" if order else wish.initial_prompt
        facts = {"model_id": self._name, "sampling_rate": self.rate, "format": ["wav"]}
        return request | {name: fact for name, fact in facts.items() if name in self._known}

    def _language(self, wanted: str) -> str:
        if self._languages:
            return str(language_of(self._name, self._languages, wanted, "transcribe"))
        return wanted.lower().replace("_", "-").partition("-")[0]

    def _segments(self, ids: Any, start: float, end: float) -> list[Segment]:
        """Return what was written, with times and speakers where the model tells them."""
        told = self._told(ids) if self._tells_speakers else self._text(ids)
        if isinstance(told, str):
            told = [{"Content": told}]
        segments = []
        for one in told:
            known = {name: fact for name, fact in one.items() if fact is not None}
            if text := str(known.get("Content", "")).strip():
                begins, ends = known.get("Start", start), known.get("End", end)
                speaker = str(known["Speaker"]) if "Speaker" in known else None
                segments.append(Segment(begins, ends, text, speaker=speaker))
        return segments

    def _told(self, ids: Any) -> list[dict[str, Any]] | str:
        """Return who said what and when; the bare text where the model didn't keep to its form."""
        told: list[dict[str, Any]] | str
        try:
            (told,) = self._processor.decode(ids, return_format="parsed")
        except ValueError:  # of a time that is no number
            told = self._text(ids)
        return told

    def _text(self, ids: Any) -> str:
        text = str(self._processor.decode(ids, skip_special_tokens=True, **self._form)[0])
        if "strip_prefix" in self._decoding:
            bare = self._processor.decode(ids, skip_special_tokens=True, strip_prefix=True)[0]
            # Where there is no "The spoken content of the audio is", only a full stop goes.
            return text if text.strip().startswith(bare) else str(bare)
        return text

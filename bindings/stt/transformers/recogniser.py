"""Recognisers of frames (CTC) and transducers, and others without long-form listening.

Source: transformers 5.23, ``pipelines.automatic_speech_recognition``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from omnibind.contracts.media import Segment, Word

from ..._shared.transformers_models import Steps
from .languages import languages_of
from .listening import Heard, Tell, Wish, drawing, longest, refuse_lacking, timed
from .windows import windows

if TYPE_CHECKING:
    from .listening import Samples


class Recogniser:
    """A recogniser that writes what it hears, in the language it knows or is told.

    The library's pipeline asks the feature extractor alone; where the processor itself has the
    sound prepared otherwise (the language, silence around it, whole frames), it is asked instead.
    """

    def __init__(self, name: str, pipeline: Any, processor: Any) -> None:
        self._name = name
        self._pipeline = pipeline
        self._processor = processor
        kind, spelling = pipeline.type, inspect.signature(pipeline.tokenizer.decode).parameters
        decoding = inspect.signature(type(processor).decode).parameters
        self._has_offsets = kind == "ctc" and "output_char_offsets" in spelling
        self._has_durations = kind == "tdt" and "durations" in decoding
        self._languages = languages_of(pipeline.model, processor)
        prepares = kind == "seq2seq" and getattr(processor, "audio_kwargs", None) is not None
        self._asks_processor = prepares or self._languages.is_processors
        self.rate = int(pipeline.feature_extractor.sampling_rate)

    def listen(self, samples: Samples, wish: Wish, tell: Tell) -> Heard:
        """Return what is said, each piece of long sound for itself."""
        refuse_lacking(self._name, self._lacks(wish))
        told = self._languages.told(self._name, wish.language, wish.task)
        segments, language = list[Segment](), wish.language
        end = len(samples) / self.rate
        for start, piece in windows(samples, self.rate):
            tell(start / end, "listening")
            if self._asks_processor or (wish.word_times and self._has_durations):
                text, chunks = self._processed(piece, told, wish, tell)
            else:
                options = self._options(wish, tell, told)
                made = self._pipeline({"raw": piece, "sampling_rate": self.rate}, **options)
                text, chunks = made["text"].strip(), made.get("chunks", ())
            text, found = self._languages.heard(text)
            language = language or found
            if not text:
                continue
            words = [
                Word(start + float(one["timestamp"][0]), start + float(one["timestamp"][1]), said)
                for one in chunks
                if (said := self._languages.heard(one["text"])[0])
            ]
            begins = words[0].start if words else start
            ends = words[-1].end if words else start + len(piece) / self.rate
            low = segments[-1].end if segments else 0.0
            kept = words if wish.word_times else []
            segments.append(timed(begins, ends, text, kept, low, end))
        return Heard(segments, language)

    def _processed(
        self, piece: Samples, told: dict[str, str], wish: Wish, tell: Tell
    ) -> tuple[str, list[dict[str, Any]]]:
        model = self._pipeline.model
        ear = getattr(model, "codec_model", model)  # which stays in float32
        inputs = self._processor(
            audio=piece, sampling_rate=self.rate, return_tensors="pt", **told
        ).to(model.device, ear.dtype)
        options = self._generation(wish, tell)
        if self._pipeline.type == "seq2seq":
            options["max_new_tokens"] = longest(len(piece) / self.rate)
        made = model.generate(**inputs, **options)
        ids = getattr(made, "sequences", made)
        if not wish.word_times:
            return self._processor.decode(ids, skip_special_tokens=True)[0].strip(), []
        texts, times = self._processor.decode(
            ids, durations=made.durations, skip_special_tokens=True
        )
        chunks = list[dict[str, Any]]()
        for one in times[0]:
            if not chunks or one["token"].startswith(" "):
                chunks.append({"text": "", "timestamp": (one["start"], one["end"])})
            chunks[-1]["text"] += one["token"]
            chunks[-1]["timestamp"] = (chunks[-1]["timestamp"][0], one["end"])
        return texts[0].strip(), chunks

    def _lacks(self, wish: Wish) -> dict[str, bool]:
        kind = self._pipeline.type
        return {
            "language": wish.language is not None and not self._languages.spellings,
            "task": wish.task != "transcribe" and not self._languages.translates,
            "initial_prompt": wish.initial_prompt is not None,
            "temperature": wish.temperature is not None and kind != "seq2seq",
            "beam_size": wish.beam_size is not None and kind != "seq2seq",
            "word_times": wish.word_times and not (self._has_offsets or self._has_durations),
        }

    def _options(self, wish: Wish, tell: Tell, told: dict[str, str]) -> dict[str, Any]:
        if self._pipeline.type == "ctc":
            return {"return_timestamps": "word"} if self._has_offsets else {}
        return {"generate_kwargs": self._generation(wish, tell) | told}

    def _generation(self, wish: Wish, tell: Tell) -> dict[str, Any]:
        steps = {"logits_processor": [Steps(lambda share, step: tell(None, "listening"))]}
        return steps | (drawing(wish) if self._pipeline.type == "seq2seq" else {})

"""Recognisers of frames (CTC) and transducers, and others without long-form listening.

Source: transformers 5.23, ``pipelines.automatic_speech_recognition``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from omnibind.contracts.media import Segment, Word

from ..._shared.transformers_models import Steps
from .listening import Heard, Tell, Wish, drawing, refuse_lacking, timed
from .windows import windows

if TYPE_CHECKING:
    from .listening import Samples

LEAST_S = 0.1
"""Shorter sound is followed by silence: the first layers need some frames."""


class Recogniser:
    """A recogniser that writes what it hears, in the one language it knows."""

    def __init__(self, name: str, pipeline: Any, processor: Any) -> None:
        self._name = name
        self._pipeline = pipeline
        self._processor = processor
        kind, spelling = pipeline.type, inspect.signature(pipeline.tokenizer.decode).parameters
        decoding = inspect.signature(type(processor).decode).parameters
        self._has_offsets = kind == "ctc" and "output_char_offsets" in spelling
        self._has_durations = kind == "tdt" and "durations" in decoding
        self.rate = int(pipeline.feature_extractor.sampling_rate)

    def listen(self, samples: Samples, wish: Wish, tell: Tell) -> Heard:
        """Return what is said, each piece of long sound for itself."""
        import numpy as np

        options = self._options(wish, tell)
        segments = list[Segment]()
        end = len(samples) / self.rate
        for start, piece in windows(samples, self.rate):
            tell(start / end, "listening")
            missing = round(LEAST_S * self.rate) - len(piece)
            if missing > 0:
                piece = np.pad(piece, (0, missing))
            if wish.word_times and self._has_durations:
                text, chunks = self._with_durations(piece, **options["generate_kwargs"])
            else:
                made = self._pipeline({"raw": piece, "sampling_rate": self.rate}, **options)
                text, chunks = made["text"].strip(), made.get("chunks", ())
            if not text:
                continue
            words = [
                Word(start + float(one["timestamp"][0]), start + float(one["timestamp"][1]), said)
                for one in chunks
                if (said := one["text"].strip())
            ]
            begins = words[0].start if words else start
            ends = words[-1].end if words else start + len(piece) / self.rate
            low = segments[-1].end if segments else 0.0
            kept = words if wish.word_times else []
            segments.append(timed(begins, ends, text, kept, low, end))
        return Heard(segments)

    def _with_durations(self, piece: Samples, **options: Any) -> tuple[str, list[dict[str, Any]]]:
        model = self._pipeline.model
        inputs = self._processor(piece, sampling_rate=self.rate, return_tensors="pt")
        made = model.generate(**inputs.to(model.device, model.dtype), **options)
        texts, times = self._processor.decode(
            made.sequences, durations=made.durations, skip_special_tokens=True
        )
        chunks = list[dict[str, Any]]()
        for one in times[0]:
            if not chunks or one["token"].startswith(" "):
                chunks.append({"text": "", "timestamp": (one["start"], one["end"])})
            chunks[-1]["text"] += one["token"]
            chunks[-1]["timestamp"] = (chunks[-1]["timestamp"][0], one["end"])
        return texts[0].strip(), chunks

    def _options(self, wish: Wish, tell: Tell) -> dict[str, Any]:
        kind = self._pipeline.type
        lacks = {
            "language": wish.language is not None,
            "task": wish.task != "transcribe",
            "initial_prompt": wish.initial_prompt is not None,
            "temperature": wish.temperature is not None and kind != "seq2seq",
            "beam_size": wish.beam_size is not None and kind != "seq2seq",
            "word_times": wish.word_times and not (self._has_offsets or self._has_durations),
        }
        refuse_lacking(self._name, lacks)
        if kind == "ctc":
            return {"return_timestamps": "word"} if self._has_offsets else {}
        steps = {"logits_processor": [Steps(lambda share, step: tell(None, "listening"))]}
        return {"generate_kwargs": steps | (drawing(wish) if kind == "seq2seq" else {})}

"""faster-whisper: Whisper on CTranslate2, several times faster than the original.

Source: faster-whisper 1.2, ``faster_whisper.transcribe``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omnibind.contracts import STTBinding
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    OutOfMemory,
    UnknownModel,
    WeightsDamaged,
)
from omnibind.contracts.media import AudioInput, Segment, Source, Transcript, Word
from omnibind.contracts.media.chunk import drained
from omnibind.contracts.options import Range

from ..._shared.failures import failure, is_memory
from ..._shared.threads import apart
from ..._shared.whisper import (
    RATE,
    InitialPrompt,
    Language,
    Task,
    Temperature,
    WordTimes,
    language_of,
)

if TYPE_CHECKING:
    from faster_whisper import WhisperModel  # type: ignore[import-untyped]
    from faster_whisper.transcribe import Segment as Heard  # type: ignore[import-untyped]

LONG_S = 30.0
"""Whisper listens to windows of 30 s; only where there are several can they be batched."""
BATCH_SIZE = 8
SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")
SENTENCE_WORDS = 3

Hotwords = Annotated[str | None, "words that are likely to be said"]
Vad = Annotated[bool, "leave out what isn't speech; False listens to everything"]
BeamSize = Annotated[int, Range(1, 20), "texts followed at once; 1 is the fastest"]
Batched = Annotated[bool | None, "windows side by side; None does so above 30 s, if vad is on"]
BatchSize = Annotated[int, Range(1, 64), "windows side by side when batched"]


class FasterWhisperSTT(STTBinding):
    """Whisper on CTranslate2; one model is loaded at a time.

    Sound of more than 30 s is cut at pauses and written down in batches, whose segments are then up
    to 30 s long unless ``word_times`` is asked for.
    """

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "a model of the catalogue, or the path of a CTranslate2 folder"
        ] = "base",
        device: Annotated[
            Literal["auto", "cpu", "cuda"], "auto is cuda where CTranslate2 sees a GPU"
        ] = "auto",
        precision: Annotated[
            Literal[
                "auto", "int8", "int8_float16", "int8_float32", "float16", "bfloat16", "float32"
            ],
            "auto is int8 on the CPU and float16 on CUDA",
        ] = "auto",
        n_threads: Annotated[
            int | None, Range(1, 256), "threads on the CPU; None is one a processor, at most 8"
        ] = None,
    ) -> None:
        self._model_name = model_name
        self._device = device
        self._precision = precision
        self._n_threads = n_threads
        self._loaded: tuple[str, WhisperModel] | None = None

    def load(self) -> None:
        """Load the configured model.

        Raises:
            UnknownModel: There is no such model.
            WeightsMissing: Its files aren't on this machine.
            WeightsDamaged: The files aren't a CTranslate2 model of Whisper.
            BadConfig: There is no such device, or it can't compute in that precision.
        """
        self._engine(self._model_name)

    def unload(self) -> None:
        """Let go of the model."""
        self._loaded = None

    def transcribe_audio(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Language = None,
        task: Task = "transcribe",
        initial_prompt: InitialPrompt = None,
        hotwords: Hotwords = None,
        temperature: Temperature = None,
        word_times: WordTimes = False,
        vad: Vad = True,
        beam_size: BeamSize = 5,
        batched: Batched = None,
        batch_size: BatchSize = BATCH_SIZE,
    ) -> Transcript:
        """Write down the speech in ``audio_path``.

        Args:
            audio_path: Any sound; it is heard as 16 kHz mono.
            model: A name from :meth:`list_models` or the path of a CTranslate2 folder; another one
                than the last call's takes its place in memory.
            language: ``en``, ``de-AT``, …; English alone where the model's name ends in ``.en``.
            task: ``translate`` needs a model that knows several languages.
            initial_prompt: At most 223 tokens of it are heeded.
            hotwords: Given to every window, unlike ``initial_prompt``.
            temperature: 0 takes the likeliest words. In batches None is 0 throughout.
            word_times: In batches, segments then end with sentences.
            vad: Silero voice-activity detection.
            beam_size: Of ``beam_size`` texts the likeliest wins.
            batched: One after another, a window knows the words of the one before it.
            batch_size: More is faster on a GPU and takes more memory.

        Returns:
            Empty where nothing is said; ``language`` is then None unless it was given.

        Raises:
            BadInput: The sound can't be read.
            BadOption: The model doesn't know the language or can't translate, or ``batched=True``
                is asked for more than 30 s without ``vad``.
        """
        return drained(
            self.stream_transcript(
                audio_path,
                model,
                language=language,
                task=task,
                initial_prompt=initial_prompt,
                hotwords=hotwords,
                temperature=temperature,
                word_times=word_times,
                vad=vad,
                beam_size=beam_size,
                batched=batched,
                batch_size=batch_size,
            )
        )

    def stream_transcript(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Language = None,
        task: Task = "transcribe",
        initial_prompt: InitialPrompt = None,
        hotwords: Hotwords = None,
        temperature: Temperature = None,
        word_times: WordTimes = False,
        vad: Vad = True,
        beam_size: BeamSize = 5,
        batched: Batched = None,
        batch_size: BatchSize = BATCH_SIZE,
    ) -> Generator[Segment, None, Transcript]:
        """Write down the speech segment by segment, as :meth:`transcribe_audio` does at once.

        Yields:
            Segments as they are heard; in batches, those of ``batch_size`` windows together.

        Returns:
            The whole.
        """
        from faster_whisper import BatchedInferencePipeline

        name = self._model_name if model is None else model
        samples = Source.of(audio_path).array(RATE)
        duration_s = len(samples) / RATE
        if batched is None:
            batched = vad and duration_s > LONG_S
        elif batched and not vad and duration_s > LONG_S:
            raise BadOption(
                f"batched=True with vad=False and {duration_s:.0f} s of sound: batches are cut at "
                "the pauses that vad finds; leave one of the two out"
            )
        engine = self._engine(name)
        language = language_of(name, engine.supported_languages, language, task)
        options: dict[str, Any] = {
            "language": language,
            "task": task,
            "initial_prompt": initial_prompt,
            "hotwords": hotwords,
            "word_timestamps": word_times,
            "vad_filter": vad,
            "beam_size": beam_size,
        }
        if temperature is not None:
            options["temperature"] = temperature
        if batched:
            options["batch_size"] = batch_size
        try:
            # The pipeline keeps state from one call to the next, and costs nothing to make.
            listener = BatchedInferencePipeline(engine) if batched else engine
            heard, info = listener.transcribe(samples, **options)
        except Exception as error:
            raise failure("faster-whisper", error) from error
        segments: list[Segment] = []
        for one in _heard(heard):
            self.report(min(1.0, one.end / duration_s), "listening")
            for segment in _segments(one, duration_s, split=batched):
                segments.append(segment)
                yield segment
        known = language is not None or bool(segments)
        return Transcript(
            " ".join(segment.text for segment in segments),
            segments,
            language=info.language if known else None,
            language_probability=float(info.language_probability) if known else None,
            duration_s=duration_s,
        )

    def list_models(self) -> list[str]:
        """Return the models of the catalogue."""
        return self.catalogue()

    def _engine(self, name: str) -> WhisperModel:
        if self._loaded is None or self._loaded[0] != name:
            folder = self._folder(name)
            self._loaded = None
            self._loaded = (name, self._read(folder))
        return self._loaded[1]

    def _folder(self, name: str) -> Path:
        folder = self.weights(name)
        # Without its own tokenizer, faster-whisper would go and download one.
        for file in ("model.bin", "config.json", "tokenizer.json"):
            if not (folder / file).is_file():
                raise UnknownModel(
                    f"model {name!r}: there is no file {str(folder / file)!r}; a CTranslate2 "
                    "folder holds model.bin, config.json, tokenizer.json and a vocabulary"
                )
        return folder

    def _read(self, folder: Path) -> WhisperModel:
        from faster_whisper import WhisperModel

        device = _device(self._device)
        precision = _precision(device, self._precision)
        threads = self._n_threads or min(_processors(), 8)
        try:
            model: WhisperModel = apart(
                WhisperModel,
                str(folder),
                device=device,
                compute_type=precision,
                cpu_threads=threads,
                local_files_only=True,
            )
            return model
        except Exception as error:
            if is_memory(error):
                raise OutOfMemory(f"there isn't enough memory to load {folder}: {error}") from error
            raise WeightsDamaged(f"{folder} can't be loaded by CTranslate2: {error}") from error


def _processors() -> int:
    import os

    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _device(wanted: str) -> str:
    import ctranslate2  # type: ignore[import-untyped]

    has_gpu = ctranslate2.get_cuda_device_count() > 0
    if wanted == "cuda" and not has_gpu:
        raise BadConfig("device is 'cuda', and CTranslate2 sees no GPU here; use 'auto' or 'cpu'")
    return ("cuda" if has_gpu else "cpu") if wanted == "auto" else wanted


def _precision(device: str, wanted: str) -> str:
    import ctranslate2

    known = ctranslate2.get_supported_compute_types(device)
    if wanted == "auto":
        best = "float16" if device == "cuda" else "int8"
        return best if best in known else "float32"
    if wanted not in known:
        raise BadConfig(
            f"precision is {wanted!r}; {device} computes in {', '.join(sorted(known))} here: "
            "use one of these or 'auto'"
        )
    return wanted


def _heard(found: Iterable[Heard]) -> Iterator[Heard]:
    """Pass the segments on; they are made while they are asked for, and fail then."""
    try:
        yield from found
    except Exception as error:
        raise failure("faster-whisper", error) from error


def _segments(heard: Heard, duration_s: float, *, split: bool) -> list[Segment]:
    """Return the segment with its times inside the sound; split, one for every sentence."""
    words = [
        Word(
            min(float(word.start), duration_s),
            min(float(word.end), duration_s),
            word.word.strip(),
            float(word.probability),
        )
        for word in heard.words or ()
    ]
    if not split or not words:
        text = heard.text.strip()
        end = min(float(heard.end), duration_s)
        return [Segment(min(float(heard.start), end), end, text, tuple(words))] if text else []
    segments, group, text = [], [], ""
    for word, raw in zip(words, heard.words or (), strict=True):
        group.append(word)
        text += raw.word
        # "Dr." ends with a full stop, and is no sentence.
        ends = word.text.endswith(SENTENCE_ENDS) and len(group) >= SENTENCE_WORDS
        if ends or word is words[-1]:
            segments.append(Segment(group[0].start, word.end, text.strip(), tuple(group)))
            group, text = [], ""
    return segments

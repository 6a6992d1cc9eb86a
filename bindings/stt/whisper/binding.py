"""OpenAI's own Whisper on PyTorch.

Source: openai-whisper 20250625, ``whisper.transcribe``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omnibind.contracts import STTBinding
from omnibind.contracts.errors import BadConfig, OutOfMemory, UnknownModel, WeightsDamaged
from omnibind.contracts.media import AudioInput, Segment, Source, Transcript, Word
from omnibind.contracts.options import Range

from ..._shared.failures import failures, is_memory
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
    from whisper import Whisper  # type: ignore[import-untyped]

SILENCE = 1e-4
"""Peak under which nothing is said: −80 dB; Whisper makes up words for silence."""


class WhisperSTT(STTBinding):
    """OpenAI's Whisper as published; one model is loaded at a time.

    A checkpoint is a pickle: it is read with ``weights_only``, and only after its hash was found to
    be OpenAI's or one that the user trusts. There is no ``vad`` in it; faster_whisper has one.
    """

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "a model of the catalogue, or the path of a checkpoint or of its folder"
        ] = "base",
        device: Annotated[
            Literal["auto", "cpu", "cuda"], "auto is cuda where PyTorch sees a GPU"
        ] = "auto",
    ) -> None:
        self._model_name = model_name
        self._device = device
        self._loaded: tuple[str, Whisper] | None = None

    def load(self) -> None:
        """Load the configured model.

        Raises:
            UnknownModel: There is no such model.
            WeightsMissing: Its file isn't on this machine.
            WeightsDamaged: The file isn't what OpenAI published, or no checkpoint of Whisper.
            Untrusted: It is a file of the user's own, and isn't trusted yet.
            BadConfig: There is no GPU, and ``device`` asks for one.
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
        temperature: Temperature = None,
        word_times: WordTimes = False,
        beam_size: Annotated[
            int | None, Range(1, 20), "texts followed at once; None takes the likeliest word"
        ] = None,
    ) -> Transcript:
        """Write down the speech in ``audio_path``.

        Args:
            audio_path: Any sound; it is heard as 16 kHz mono.
            model: A name from :meth:`list_models` or a path; another one than the last call's takes
                its place in memory.
            language: ``en``, ``de-AT``, …; English alone where the model's name ends in ``.en``.
            task: ``translate`` needs a model that knows several languages.
            initial_prompt: At most 223 tokens of it are heeded.
            temperature: 0 takes the likeliest words.
            word_times: From the model's attention; of a translation they are a guess.
            beam_size: Of ``beam_size`` texts the likeliest wins; for temperature 0 only.

        Returns:
            Empty where nothing is said; ``language`` is then None unless it was given.

        Raises:
            BadInput: The sound can't be read.
            BadOption: The model doesn't know the language or can't translate.
        """
        name = self._model_name if model is None else model
        samples = Source.of(audio_path).array(RATE)
        duration_s = len(samples) / RATE
        engine = self._engine(name)
        language = language_of(name, _languages(engine), language, task)
        if not len(samples) or float(abs(samples).max()) < SILENCE:
            return Transcript("", language=language, duration_s=duration_s)
        options: dict[str, Any] = {
            "task": task,
            "initial_prompt": initial_prompt,
            "word_timestamps": word_times,
            "beam_size": beam_size,
            "fp16": engine.device.type == "cuda",
        }
        if temperature is not None:
            options["temperature"] = temperature
        probability = 1.0
        with failures("whisper"), _quiet(), self._reporting(engine):
            if language is None:
                options["language"], probability = _detected(engine, samples)
            else:
                options["language"] = language
            found = engine.transcribe(samples, **options)
        segments = [_segment(one, duration_s) for one in found["segments"] if one["text"].strip()]
        known = language is not None or bool(segments)
        return Transcript(
            " ".join(segment.text for segment in segments),
            segments,
            language=found["language"] if known else None,
            language_probability=probability if known else None,
            duration_s=duration_s,
        )

    def list_models(self) -> list[str]:
        """Return the standard sizes."""
        return self.catalogue()

    def _engine(self, name: str) -> Whisper:
        if self._loaded is None or self._loaded[0] != name:
            path = _checkpoint(self.weights(name))
            self._loaded = None
            self._loaded = (name, self._read(path, name))
        return self._loaded[1]

    @contextmanager
    def _reporting(self, engine: Whisper) -> Iterator[None]:
        """Let the call end before every word."""

        def report(*_: Any) -> None:
            self.report(step="listening")

        hook = engine.decoder.register_forward_pre_hook(report)
        try:
            yield
        finally:
            hook.remove()

    def _read(self, path: Path, name: str) -> Whisper:
        import numba
        import torch
        import whisper
        from whisper.tokenizer import get_encoding  # type: ignore[import-untyped]

        apart(numba.get_num_threads)  # starts its own, which word times would do in this thread
        has_gpu = torch.cuda.is_available()
        if self._device == "cuda" and not has_gpu:
            raise BadConfig("device is 'cuda', and PyTorch sees no GPU here; use 'auto' or 'cpu'")
        device = "cuda" if has_gpu and self._device != "cpu" else "cpu"
        try:
            engine = whisper.load_model(str(path), device)
            # Given as a path, a model gets no alignment heads of its own, and its word times
            # would be worse.
            if name in whisper._ALIGNMENT_HEADS:
                engine.set_alignment_heads(whisper._ALIGNMENT_HEADS[name])
            with _quiet():
                get_encoding("multilingual" if engine.is_multilingual else "gpt2")
        except Exception as error:
            if is_memory(error):
                raise OutOfMemory(f"there isn't enough memory to load {path}: {error}") from error
            raise WeightsDamaged(f"{path} can't be loaded by whisper: {error}") from error
        return engine


def _checkpoint(found: Path) -> Path:
    files = [found] if found.is_file() else sorted(found.glob("*.pt"))
    if len(files) != 1:
        raise UnknownModel(
            f"{found} holds {len(files)} files *.pt; give the path of one checkpoint of "
            "openai-whisper, or a folder with one"
        )
    return files[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Whisper's warnings to itself: of a file it forgets to close, of the CPU, of Triton."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _detected(engine: Whisper, samples: Any) -> tuple[str, float]:
    """Return the language of the first 30 s and how sure that is.

    ``transcribe`` would detect it the same way, and keep the probability to itself.
    """
    import whisper

    if not engine.is_multilingual:
        return "en", 1.0
    window = whisper.pad_or_trim(samples)
    mel = whisper.log_mel_spectrogram(window, engine.dims.n_mels).to(engine.device)
    if engine.device.type == "cuda":
        mel = mel.half()
    probabilities = engine.detect_language(mel)[1]
    best = max(probabilities, key=probabilities.__getitem__)
    return best, probabilities[best]


def _languages(engine: Whisper) -> list[str]:
    from whisper.tokenizer import LANGUAGES

    return list(LANGUAGES)[: engine.num_languages] if engine.is_multilingual else ["en"]


def _segment(found: dict[str, Any], duration_s: float) -> Segment:
    """Return a segment with its times inside the sound: the last one may end with its window."""
    words = tuple(
        Word(
            min(float(word["start"]), duration_s),
            min(float(word["end"]), duration_s),
            word["word"].strip(),
            float(word["probability"]),
        )
        for word in found.get("words", ())
    )
    end = min(float(found["end"]), duration_s)
    return Segment(min(float(found["start"]), end), end, found["text"].strip(), words)

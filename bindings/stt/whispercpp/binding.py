"""whisper.cpp: Whisper in plain C++, without PyTorch.

Source: whisper.cpp 1.8, ``examples/cli``; pywhispercpp 1.5 where there is no executable.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from omnibind.contracts import STTBinding
from omnibind.contracts.binding import is_path
from omnibind.contracts.errors import BadOption, UnknownModel, suggest
from omnibind.contracts.media import AudioInput, Source, Transcript
from omnibind.contracts.options import Range

from ..._shared.whisper import (
    RATE,
    InitialPrompt,
    Language,
    Task,
    Temperature,
    WordTimes,
    language_of,
)
from . import program
from .ggml import languages_of, models_in, vad_model_in
from .heard import Engine, Order, segments_of
from .library import Library

SILENCE = 1e-4
"""Peak under which nothing is said: −80 dB; Whisper makes up words for silence."""


class WhisperCppSTT(STTBinding):
    """Whisper by whisper.cpp; one model at a time.

    The executable, where there is one, reads its model at every call; pywhispercpp keeps it.
    """

    def __init__(
        self,
        *,
        model_path: Annotated[
            str, "a model of the catalogue or of models_search_path, or the path of a ggml file"
        ] = "base",
        whispercpp_exe_path: Annotated[
            str | None,
            "whisper-cli; None looks on PATH and for a built one, else takes pywhispercpp; "
            "'' always takes pywhispercpp",
        ] = None,
        ffmpeg_path: Annotated[
            str | None, "not needed: omnibind reads the sound; accepted from older configurations"
        ] = None,
        models_search_path: Annotated[
            str | None, "a folder with more models: ggml-*.bin and *.gguf"
        ] = None,
        default_language: Annotated[
            str | None, "spoken language where a call names none; None detects it"
        ] = None,
        n_threads: Annotated[
            int | None, Range(1, 256), "None is one a processor, at most 4"
        ] = None,
        device: Annotated[
            Literal["auto", "cpu"], "auto is the GPU that this whisper.cpp was built for, if any"
        ] = "auto",
    ) -> None:
        self._model_path = model_path
        self._program = whispercpp_exe_path
        self._search_path = models_search_path
        self._default_language = default_language
        self._n_threads = n_threads
        self._use_gpu = device == "auto"
        self._loaded: tuple[str, Path, tuple[str, ...], Engine] | None = None

    def load(self) -> None:
        """Find the executable, or load the configured model by pywhispercpp.

        Raises:
            UnknownModel: There is no such model, or it is none of Whisper.
            WeightsMissing: Its file isn't on this machine.
            WeightsDamaged: The file isn't what the catalogue says, or can't be loaded.
            ProgramMissing: Neither whisper-cli nor pywhispercpp is here.
            BadConfig: ``whispercpp_exe_path`` is no executable or ``models_search_path`` no folder.
        """
        self._engine(self._model_path)

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
        vad: Annotated[
            bool | None, "leave out what isn't speech; None does so where Silero is at hand"
        ] = None,
        beam_size: Annotated[
            int | None,
            Range(1, 8),
            "texts followed at once; 1 takes the likeliest word; None is 5 by whisper-cli, "
            "1 by pywhispercpp",
        ] = None,
    ) -> Transcript:
        """Write down the speech in ``audio_path``.

        Args:
            audio_path: Any sound; it is heard as 16 kHz mono.
            model: A name from :meth:`list_models` or the path of a ggml file; another one than the
                last call's takes its place in memory.
            language: ``en``, ``de-AT``, …; English alone where the model knows no other.
            task: ``translate`` needs a model that knows several languages.
            initial_prompt: At most 224 tokens of it are heeded.
            temperature: 0 takes the likeliest words.
            word_times: From the likelihood of time stamps; rougher than of other engines.
            vad: By Silero's ``ggml-silero*.bin``, which comes with a pulled model; it is looked for
                beside the model's file and in ``models_search_path``.
            beam_size: Of ``beam_size`` texts the likeliest wins. With several, pywhispercpp throws
                dice from call to call.

        Returns:
            Empty where nothing is said; ``language`` is then None unless it was given.

        Raises:
            BadInput: The sound can't be read.
            BadOption: The model doesn't know the language or can't translate, or there is no model
                for ``vad``.
        """
        name = self._model_path if model is None else model
        samples = Source.of(audio_path).array(RATE)
        duration_s = len(samples) / RATE
        file, known, engine = self._engine(name)
        given = language_of(name, known, language or self._default_language, task)
        order = Order(
            language=given or ("auto" if len(known) > 1 else "en"),
            translate=task == "translate",
            prompt=initial_prompt or "",
            temperature=temperature,
            word_times=word_times,
            beam_size=beam_size,
            vad_model=self._vad_model(file, vad),
            n_threads=self._n_threads,
        )
        if not len(samples) or float(abs(samples).max()) < SILENCE:
            return Transcript("", language=given, duration_s=duration_s)
        heard = engine.listen(samples, order, lambda done: self.report(done, "listening"))
        segments = segments_of(heard, duration_s)
        is_told = given is not None or bool(segments)
        probability = heard.probability if order.language == "auto" else 1.0
        return Transcript(
            " ".join(segment.text for segment in segments),
            segments,
            language=heard.language if is_told else None,
            language_probability=probability if is_told else None,
            duration_s=duration_s,
        )

    def list_models(self) -> list[str]:
        """Return the models of the catalogue and of ``models_search_path``.

        Raises:
            BadConfig: ``models_search_path`` is no folder.
        """
        return list(dict.fromkeys([*self.catalogue(), *self._found()]))

    def _found(self) -> dict[str, Path]:
        return models_in(self._search_path) if self._search_path else {}

    def _engine(self, name: str) -> tuple[Path, tuple[str, ...], Engine]:
        if self._loaded is None or self._loaded[0] != name:
            file, known = self._file(name)
            self._loaded = None
            path = None if self._program == "" else program.find(self._program)
            engine: Engine = (
                Library(file, use_gpu=self._use_gpu)
                if path is None
                else program.Program(path, file, use_gpu=self._use_gpu)
            )
            self._loaded = (name, file, known, engine)
        return self._loaded[1:]

    def _file(self, name: str) -> tuple[Path, tuple[str, ...]]:
        """Return the file of a model, and the languages that it knows."""
        found = {} if is_path(name) else self._found()
        if name in found:
            file = found[name]
        elif found and name not in self.catalogue():
            known = suggest(name, self.list_models())
            raise UnknownModel(f"{self.binding_name} has no model {name!r}; {known}")
        else:
            place = self.weights(name)
            file = _only_model(place, name) if place.is_dir() else place
        languages = languages_of(file)
        if languages is None:
            raise UnknownModel(
                f"model {name!r}: {str(file)!r} is no model of Whisper in ggml's format; give a "
                "file such as ggml-base.bin, or a name from list_models"
            )
        return file, languages

    def _vad_model(self, file: Path, wanted: bool | None) -> Path | None:
        if wanted is False:
            return None
        own = [Path(self._search_path).expanduser()] if self._search_path else []
        found = vad_model_in(file.parent, *own)
        if found is None and wanted:
            raise BadOption(
                "vad is True, and there is no Silero model for it; put ggml-silero-v6.2.0.bin of "
                f"the hub's ggml-org/whisper-vad into {file.parent}, or leave vad out"
            )
        return found


def _only_model(folder: Path, name: str) -> Path:
    found = models_in(folder)
    if len(found) != 1:
        told = ", ".join(file.name for file in found.values()) or "none"
        raise UnknownModel(
            f"model {name!r}: a folder with one ggml-*.bin or *.gguf model of Whisper is expected, "
            f"and there is {told}; give the path of the file"
        )
    return next(iter(found.values()))

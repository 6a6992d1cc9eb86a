"""Kokoro: 82 million parameters, the better voices of those that a CPU speaks in real time.

Source: kokoro-onnx 0.6, ``kokoro_onnx.Kokoro``.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from omnibind.contracts import TTSBinding
from omnibind.contracts.binding import is_path
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    OutOfMemory,
    UnknownModel,
    UnknownVoice,
    WeightsDamaged,
    suggest,
)
from omnibind.contracts.media import Audio, AudioChunk, Meta
from omnibind.contracts.media.chunk import drained, joined
from omnibind.contracts.options import Range

from ..._shared.failures import failures, is_memory
from ..._shared.onnxruntime import CUDA, Device, check_cuda, uses_cuda

if TYPE_CHECKING:
    from kokoro_onnx import Kokoro

VOICES_FILE = "voices-v1.0.bin"
VOICE_SHAPE = (510, 1, 256)
"""A style for every number of phonemes."""

# By the first letter of a voice's name: BCP 47, and what espeak-ng calls it.
LANGUAGES = {
    "a": ("en-US", "en-us"),
    "b": ("en-GB", "en-gb"),
    "e": ("es", "es"),
    "f": ("fr-FR", "fr-fr"),
    "h": ("hi", "hi"),
    "i": ("it", "it"),
    "j": ("ja", "ja"),
    "p": ("pt-BR", "pt-br"),
    "z": ("zh", "cmn"),
}
_VOICE_NAME = re.compile(r"[abefhijpz][fm]_")
# espeak-ng says so where it reads a word as one of another language: "lə (en)wiːkˈɛnd(fr)".
_LANGUAGE_SWITCH = re.compile(r"\([a-z]{2,3}(-[a-z]+)*\)")
_KANJI = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")

Speed = Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"]
Language = Annotated[str | None, "language of the text as BCP 47 tag; None is the voice's own"]
SentenceSilence = Annotated[float, Range(0.0, 10.0), "seconds of silence between two sentences"]


class KokoroTTS(TTSBinding):
    """Kokoro-82M on onnxruntime; the same text gives the same samples, so that there is no seed.

    A text is spoken sentence by sentence. Its phonemes are espeak-ng's, which knows Japanese in
    kana only and whose tones of Chinese the model doesn't know: these two sound foreign.
    """

    def __init__(
        self,
        *,
        default_voice: Annotated[str, "the voice where a call names none"] = "af_heart",
        model_name: Annotated[
            str, "a model of the catalogue, or the path of an .onnx or of the folder it is in"
        ] = "v1.0.int8",
        device: Device = "auto",
    ) -> None:
        self._default_voice = default_voice
        self._model_name = model_name
        self._device = device
        self._loaded: Kokoro | None = None

    def load(self) -> None:
        """Load the model and look up the default voice.

        Raises:
            UnknownModel: There is no such model, or a file of it is missing.
            UnknownVoice: The model has no such voice.
            WeightsMissing: Its files aren't on this machine.
            WeightsDamaged: The files aren't a model of Kokoro and its voices.
            BadConfig: onnxruntime can't use a GPU here, and ``device`` asks for one.
        """
        self._voice(self._engine(), None)

    def unload(self) -> None:
        """Let go of the model."""
        if self._loaded is not None:
            self._loaded.voices.close()
        self._loaded = None

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Speed = 1.0,
        language: Language = None,
        sentence_silence_s: SentenceSilence = 0.25,
    ) -> Audio:
        """Speak ``text``.

        Args:
            text: What to say; a sentence of more than 510 phonemes is cut at its clauses.
            voice: A name from :meth:`list_voices`.
            speed: Divides the length of every phoneme.
            language: One of those that the voices speak; a voice of another language has an accent.
            sentence_silence_s: Added between sentences, not after the last one.

        Returns:
            WAV: float32, mono, 24 kHz.

        Raises:
            UnknownVoice: There is no such voice.
            BadOption: No voice speaks the language.
            BadInput: Nothing in the text can be spoken, or it is Japanese in kanji.
        """
        return drained(
            self.stream_audio(
                text,
                voice,
                speed=speed,
                language=language,
                sentence_silence_s=sentence_silence_s,
            )
        )

    def stream_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Speed = 1.0,
        language: Language = None,
        sentence_silence_s: SentenceSilence = 0.25,
    ) -> Generator[AudioChunk, None, Audio]:
        """Speak ``text`` sentence by sentence, as :meth:`generate_audio` does at once.

        Yields:
            A chunk for every sentence; the silence between two begins the later one.

        Returns:
            The whole.
        """
        import numpy as np

        engine = self._engine()
        name = self._voice(engine, voice)
        sentences = _phonemes(engine, text, *_language(name, language))
        chunks: list[AudioChunk] = []
        for number, phonemes in enumerate(sentences, 1):
            with failures("kokoro"):
                samples, rate = engine.create(phonemes, name, speed, is_phonemes=True)
            silence = np.zeros(round(sentence_silence_s * rate) if chunks else 0, np.float32)
            chunks.append(AudioChunk(np.concatenate([silence, samples]), rate, len(chunks)))
            self.report(number / len(sentences), f"sentence {number}/{len(sentences)}")
            yield chunks[-1]
        return joined(chunks, meta=Meta(model=self._model_name))

    def list_voices(self) -> list[str]:
        """Return the catalogue's voices, or those of the model that was named by its path."""
        if is_path(self._model_name):
            return sorted(self._engine().get_voices())
        return sorted(self._voice_facts)

    def _voice(self, engine: Kokoro, name: str | None) -> str:
        name = self._default_voice if name is None else name
        if name not in engine.voices:
            hint = suggest(name, engine.get_voices())
            raise UnknownVoice(f"voice {name!r} is unknown to {self.binding_name}; {hint}")
        return name

    def _engine(self) -> Kokoro:
        if self._loaded is None:
            files = _files(self.weights(self._model_name))
            self._loaded = _load(files, self._device)
        return self._loaded


def assemble(fetched: Path, made: Path) -> None:
    """Make the file of all voices that kokoro-onnx reads, and put the model beside it.

    Args:
        fetched: The folder of the model and of one file a voice, float32 of :data:`VOICE_SHAPE`.
        made: The folder to write to.
    """
    import numpy as np

    voices = {
        path.stem: np.fromfile(path, "<f4").reshape(VOICE_SHAPE)
        for path in sorted(fetched.glob("*.bin"))
    }
    with (made / VOICES_FILE).open("wb") as file:
        np.savez(file, **voices)  # type: ignore[arg-type]  # no voice is called allow_pickle
    for model in fetched.glob("*.onnx"):
        model.replace(made / model.name)


class _Files(NamedTuple):
    model: Path
    voices: Path


def _files(found: Path) -> _Files:
    folder = found if found.is_dir() else found.parent
    models = [found] if found.is_file() else sorted(folder.glob("*.onnx"))
    voices = sorted(folder.glob("voices*"))
    if len(models) != 1 or len(voices) != 1:
        raise UnknownModel(
            f"{folder} holds {len(models)} .onnx and {len(voices)} files called voices*; give a "
            f"folder with one of each, or the path of one .onnx beside {VOICES_FILE}"
        )
    return _Files(models[0], voices[0])


def _load(files: _Files, device: str) -> Kokoro:
    import onnxruntime  # type: ignore[import-untyped]
    from kokoro_onnx import Kokoro

    providers = [CUDA] if uses_cuda(device) else []
    try:
        session = onnxruntime.InferenceSession(
            str(files.model), providers=[*providers, "CPUExecutionProvider"]
        )
        engine = Kokoro.from_session(session, str(files.voices))
        engine.get_voices()
    except Exception as error:
        if is_memory(error):
            raise OutOfMemory(f"there isn't enough memory to load {files.model}") from error
        told = f"{type(error).__name__}: {error}"
        raise WeightsDamaged(f"{files.model.parent} isn't a model of Kokoro: {told}") from error
    check_cuda(session.get_providers(), device)
    inputs = {one.name for one in session.get_inputs()}
    if not {"style", "speed"} < inputs:
        raise WeightsDamaged(
            f"{files.model} isn't a model of Kokoro: it takes {', '.join(sorted(inputs))}, and "
            "tokens, style and speed were expected"
        )
    return engine


def _language(voice: str, wanted: str | None) -> tuple[str, str]:
    """Return the wanted language, else the voice's own: BCP 47, and espeak-ng's name."""
    if wanted is None:
        return LANGUAGES[voice[0] if _VOICE_NAME.match(voice) else "a"]
    asked = wanted.lower().replace("_", "-")
    known = {tag.lower(): (tag, espeak) for tag, espeak in LANGUAGES.values()}
    near = [tag for tag in known if tag[:2] == asked.partition("-")[0]]
    if asked in known or near:
        return known[asked if asked in known else near[0]]
    hint = suggest(wanted, [tag for tag, _ in LANGUAGES.values()])
    raise BadOption(f"language {wanted!r} is unknown to kokoro; {hint}")


def _phonemes(engine: Kokoro, text: str, tag: str, espeak: str) -> list[str]:
    """Return the phonemes of every sentence that has any."""
    from sentencex import segment  # type: ignore[import-untyped]

    if tag == "ja" and (found := _KANJI.search(text)):
        raise BadInput(
            f"the text has {found[0]!r}, and espeak-ng, which makes the phonemes, reads Japanese "
            "in kana only; write it in kana"
        )
    with failures("espeak-ng"):
        told = [engine.tokenizer.phonemize(one, espeak) for one in segment(tag[:2], text)]
    sentences = [_LANGUAGE_SWITCH.sub("", one) for one in told]
    sentences = [one for one in sentences if any(sign.isalpha() for sign in one)]
    if not sentences:
        raise BadInput(
            f"there is nothing to speak in {text[:40]!r}; expected words, numbers or emoji"
        )
    return sentences

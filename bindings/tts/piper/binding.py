"""Piper: small neural voices that run faster than real time on one CPU core.

Source: piper-tts 1.8, ``piper.voice.PiperVoice``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from omnibind.contracts import TTSBinding
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    CallFailed,
    NotSupported,
    OutOfMemory,
    UnknownModel,
    UnknownVoice,
    WeightsDamaged,
    suggest,
)
from omnibind.contracts.media import Audio, AudioChunk, Meta
from omnibind.contracts.media.chunk import drained, joined
from omnibind.contracts.options import Range
from omnibind.contracts.tts import Voice

from ..._shared.onnxruntime import Device, check_cuda, uses_cuda

if TYPE_CHECKING:
    import numpy as np
    from piper import PiperVoice, SynthesisConfig

    Samples = np.ndarray[Any, np.dtype[np.int16]]

VOICES_KEPT = 4

Speed = Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"]
Speaker = Annotated[int | None, Range(0), "number of a speaker, in voices that have several"]
NoiseScale = Annotated[
    float | None, Range(0.0, 2.0), "how much the sound varies; None is the voice's own"
]
NoiseWScale = Annotated[
    float | None, Range(0.0, 2.0), "how much the rhythm varies; None is the voice's own"
]
SentenceSilence = Annotated[float, Range(0.0, 10.0), "seconds of silence between two sentences"]


class PiperTTS(TTSBinding):
    """Small neural voices; several stay loaded, the least recently used one goes first.

    The noise that makes two readings differ is drawn inside the voice's graph, so that there is no
    seed.
    """

    def __init__(
        self,
        *,
        default_voice: Annotated[str, "the voice where a call names none"] = "en_US-joe-medium",
        default_voice_model_path: Annotated[
            Path | None, "an .onnx with its .onnx.json beside it; wins over default_voice"
        ] = None,
        piper_voices_dir: Annotated[
            Path | None, "a folder of voices of your own; wins over the catalogue"
        ] = None,
        device: Device = "cpu",
    ) -> None:
        self._default_voice = default_voice
        self._default_path = default_voice_model_path
        self._voices_dir = piper_voices_dir
        self._device = device
        self._voices: OrderedDict[Path, PiperVoice] = OrderedDict()

    def load(self) -> None:
        """Load the default voice.

        Raises:
            UnknownVoice: There is no such voice, or a file of it is missing.
            WeightsMissing: The catalogue's voice isn't on this machine.
            WeightsDamaged: A file isn't a Piper voice.
            BadConfig: onnxruntime can't use a GPU here, and ``device`` asks for one.
        """
        self._voice(self._path(self._named(None)[0]))

    def unload(self) -> None:
        """Let go of all voices."""
        self._voices.clear()

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Speed = 1.0,
        speaker: Speaker = None,
        noise_scale: NoiseScale = None,
        noise_w_scale: NoiseWScale = None,
        sentence_silence_s: SentenceSilence = 0.0,
    ) -> Audio:
        """Speak ``text``.

        Args:
            text: What to say; ``[[…]]`` holds phonemes that are spoken as they are.
            voice: A name from :meth:`list_voices`, a file name in ``piper_voices_dir`` with or
                without its ending, or a path to an .onnx; ``#SPEAKER`` behind it names one of
                several speakers.
            speed: Divides the voice's ``length_scale``; Piper rounds every phoneme up to whole
                frames, so that speed 2 takes a little more than half the time.
            speaker: A number below the voice's number of speakers.
            noise_scale: Piper's ``noise_scale``.
            noise_w_scale: Piper's ``noise_w_scale``.
            sentence_silence_s: Added between sentences, not after the last one.

        Returns:
            WAV: int16, mono, at the voice's own rate.

        Raises:
            UnknownVoice: There is no such voice or speaker, or a file of it is missing.
            BadOption: The voice has no speaker of that number, or one is named by ``voice`` too.
            BadInput: Nothing in the text can be spoken by this voice.
        """
        return drained(
            self.stream_audio(
                text,
                voice,
                speed=speed,
                speaker=speaker,
                noise_scale=noise_scale,
                noise_w_scale=noise_w_scale,
                sentence_silence_s=sentence_silence_s,
            )
        )

    def stream_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Speed = 1.0,
        speaker: Speaker = None,
        noise_scale: NoiseScale = None,
        noise_w_scale: NoiseWScale = None,
        sentence_silence_s: SentenceSilence = 0.0,
    ) -> Generator[AudioChunk, None, Audio]:
        """Speak ``text`` sentence by sentence, as :meth:`generate_audio` does at once.

        Yields:
            A chunk for every sentence; the silence between two begins the later one.

        Returns:
            The whole.
        """
        import numpy as np
        from piper import SynthesisConfig

        name, told = self._named(voice)
        path = self._path(name)
        loaded = self._voice(path)
        settings = SynthesisConfig(
            speaker_id=_speaker(loaded, path.stem, told, speaker),
            length_scale=None if speed == 1.0 else loaded.config.length_scale / speed,
            noise_scale=noise_scale,
            noise_w_scale=noise_w_scale,
        )
        rate = loaded.config.sample_rate
        silence = np.zeros(round(sentence_silence_s * rate), np.int16)
        chunks: list[AudioChunk] = []
        for samples in _sentences(loaded, text, settings):
            spaced = np.concatenate([silence, samples]) if chunks else samples
            chunks.append(AudioChunk(spaced, rate, len(chunks)))
            self.report(step=f"sentence {len(chunks)}")
            yield chunks[-1]
        if not chunks:
            raise BadInput(
                f"there is nothing to speak in {text[:40]!r}; expected words, numbers or emoji"
            )
        return joined(chunks, meta=Meta(model=path.stem))

    def list_voices(self) -> list[str]:
        """Return the catalogue's voices and those of ``piper_voices_dir``, sorted.

        A voice of several speakers is there once alone, and once with each speaker's name.
        """
        return sorted({*self.catalogue(), *self._own()})

    def voices(self) -> list[Voice]:
        """Return the voices of :meth:`list_voices`, with what their own files say of them."""
        known = {**self._voice_facts, **self._own()}
        return [known.get(name) or Voice(name) for name in self.list_voices()]

    def _own(self) -> dict[str, Voice]:
        if self._voices_dir is None:
            return {}
        return {
            voice.name: voice for path in self._voices_dir.glob("*.onnx") for voice in _of(path)
        }

    def _named(self, voice: str | None) -> tuple[str | None, str]:
        """Return a voice's name and its speaker's; a default that was given as a file has none."""
        if voice is None and self._default_path is not None:
            return None, ""
        name, _, speaker = (self._default_voice if voice is None else voice).partition("#")
        return name, speaker

    def _voice(self, path: Path) -> PiperVoice:
        if path not in self._voices:
            self._voices[path] = _load(path, self._device)
            if len(self._voices) > VOICES_KEPT:
                self._voices.popitem(last=False)
        self._voices.move_to_end(path)
        return self._voices[path]

    def _path(self, name: str | None) -> Path:
        if name is None:
            assert self._default_path is not None
            return _whole(self._default_path, str(self._default_path))
        if self._voices_dir is not None:
            own = self._voices_dir / (name if name.endswith(".onnx") else f"{name}.onnx")
            if own.is_file():
                return _whole(own, name)
        if name.endswith(".onnx") or "/" in name or Path(name).is_absolute():
            return _whole(Path(name), name)
        try:
            return self.weights(name) / f"{name}.onnx"
        except UnknownModel:
            hint = suggest(name, self.list_voices())
            raise UnknownVoice(
                f"voice {name!r} is unknown to {self.binding_name}; {hint}"
            ) from None


def _whole(path: Path, name: str) -> Path:
    """Return the voice's path if its two files are there."""
    for file in (path, Path(f"{path}.json")):
        if not file.is_file():
            raise UnknownVoice(
                f"voice {name!r}: there is no file {str(file)!r}; "
                "a voice is an .onnx with its .onnx.json beside it"
            )
    return path


def _of(path: Path) -> Iterator[Voice]:
    """Tell a voice and its speakers from its .json; what can't be read is told when it is used."""
    import json

    try:
        told = json.loads(Path(f"{path}.json").read_bytes())
        language = str(told["language"]["code"]).replace("_", "-")
        speakers = list(told.get("speaker_id_map") or ())
    except (OSError, ValueError, KeyError, TypeError):
        language, speakers = None, []
    for name in (path.stem, *(f"{path.stem}#{speaker}" for speaker in speakers)):
        yield Voice(name, language)


def _load(path: Path, device: str) -> PiperVoice:
    import logging

    from piper import PiperVoice
    from piper.config import PhonemeType

    # Without a handler, logging prints a warning for every sound that a voice doesn't know.
    logging.getLogger("piper").addHandler(logging.NullHandler())
    use_cuda = uses_cuda(device)
    try:
        voice = PiperVoice.load(path, use_cuda=use_cuda, download_dir=path.parent)
    except MemoryError as error:
        raise OutOfMemory(f"there isn't enough memory to load {path}") from error
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise WeightsDamaged(f"{path} and its .json aren't a Piper voice: {told}") from error
    check_cuda(voice.session.get_providers(), device)
    if voice.config.phoneme_type == PhonemeType.PINYIN:
        words = path.parent / "g2pW" / "g2pw.onnx"
        if not words.is_file():
            raise NotSupported(
                f"{path} needs Piper's g2pW model: there is no file {str(words)!r}; put it there"
            )
    return voice


def _sentences(voice: PiperVoice, text: str, settings: SynthesisConfig) -> Iterator[Samples]:
    try:
        for chunk in voice.synthesize(text, settings):
            yield chunk.audio_int16_array
    except MemoryError as error:
        raise OutOfMemory("there isn't enough memory to speak this text") from error
    except Exception as error:
        raise CallFailed(f"piper can't speak this text: {error}") from error


def _speaker(voice: PiperVoice, name: str, told: str, number: int | None) -> int | None:
    """Return the number of the speaker who was named, or whose number was given."""
    if told:
        if number is not None:
            raise BadOption(f"speaker is {number}, and the voice names {told!r}; give one of them")
        known = voice.config.speaker_id_map
        if told not in known:
            hint = suggest(told, known)
            raise UnknownVoice(f"voice {name!r} has no speaker {told!r}; {hint}")
        return known[told]
    count = voice.config.num_speakers
    if number is None or number < count:
        return number
    raise BadOption(f"speaker is {number}, and this voice has {count}: give 0 to {count - 1}")

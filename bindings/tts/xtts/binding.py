"""XTTS: speaks 17 languages, with the voice of a recording or with one of its own.

Source: coqui-tts 0.28, ``TTS.tts.models.xtts.Xtts`` (``inference``, ``inference_stream``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from omnibind.contracts import TTSBinding
from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    BadOption,
    UnknownVoice,
    WeightsDamaged,
    suggest,
)
from omnibind.contracts.media import Audio, AudioChunk, AudioInput, Meta, Source
from omnibind.contracts.media.chunk import joined
from omnibind.contracts.options import Range

from ..._shared.failures import failures, is_memory
from ..._shared.pytorch import (
    Device,
    Seed,
    device_of,
    let_go,
    seeded,
)
from ..._shared.recordings import recording_of
from ..._shared.torchaudio_stand_in import make_importable

FILES = ("config.json", "model.pth", "vocab.json")
SPEAKERS = "speakers_xtts.pth"
HEARD_RATE = 22_050
SHORTEST_S = 0.33
"""Of a shorter recording the model takes nothing."""
CLONES_KEPT = 16

Language = Annotated[str | None, "language of the text as BCP 47 tag; None is default_language"]
Speed = Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"]
Temperature = Annotated[
    float | None, Range(0.01, 2.0), "more is livelier and less sure; None is the model's own"
]
RepetitionPenalty = Annotated[
    float | None, Range(1.0, 20.0), "more prevents drawn-out sounds; None is the model's own"
]
TopK = Annotated[int | None, Range(1), "draws from so many likeliest sounds; None is the model's"]
TopP = Annotated[
    float | None, Range(0.01, 1.0), "draws from the likeliest sounds of this share; None as above"
]


class XttsTTS(TTSBinding):
    """XTTS v2; a text that is longer than the model's limit is spoken in pieces of sentences.

    The latents of the last 16 recordings are kept.
    """

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "a model of the catalogue, or the path of a folder with config.json and model.pth"
        ] = "tts_models/multilingual/multi-dataset/xtts_v2",
        default_speaker_wav: Annotated[
            AudioInput | None, "a recording whose voice speaks where a call names none"
        ] = None,
        default_language: Annotated[str, "language of a text where a call names none"] = "en",
        device: Device = "auto",
    ) -> None:
        self._model_name = model_name
        self._default_recording = default_speaker_wav
        self._default_language = default_language
        self._device = device
        self._engine: Any = None
        self._clones: OrderedDict[str, tuple[Any, Any]] = OrderedDict()

    def load(self) -> None:
        """Load the model.

        Raises:
            BadConfig: The folder holds no XTTS, or there is no such device.
            WeightsMissing: The model isn't on this machine.
            WeightsDamaged: Its files can't be read or don't fit each other.
        """
        if self._engine is None:
            folder = self.weights(self._model_name)
            _check_folder(folder, self._model_name)
            device = device_of(self._device)
            with failures(f"loading {self._model_name}"):
                self._engine = _load(folder).to(device)

    def unload(self) -> None:
        """Let go of the model and of what was heard of recordings."""
        self._engine = None
        self._clones.clear()
        let_go()

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        language: Language = None,
        speed: Speed = 1.0,
        temperature: Temperature = None,
        repetition_penalty: RepetitionPenalty = None,
        top_k: TopK = None,
        top_p: TopP = None,
        seed: Seed = None,
    ) -> Audio:
        """Speak ``text``.

        Args:
            text: What to say.
            voice: A name from :meth:`list_voices`, or the path of a recording (or base64 text or a
                ``data:`` URI of one) whose voice is taken: six seconds of one person or more,
                without noise. Consent is the caller's to give.
            language: One of 17; a region (``en-GB``) is left aside.
            speed: Stretches the model's own rhythm.
            temperature: 0.75 in XTTS v2.
            repetition_penalty: 5 in XTTS v2.
            top_k: 50 in XTTS v2.
            top_p: 0.85 in XTTS v2.
            seed: The same one gives the same sound.

        Returns:
            WAV: float32, mono, 24 kHz.

        Raises:
            UnknownVoice: There is no such voice and no such file.
            BadInput: The recording can't be read or is too short.
            BadOption: XTTS doesn't speak the language.
        """
        import numpy as np

        engine, speaker, spoken = self._prepared(voice, language)
        settings = self._settings(temperature, repetition_penalty, top_k, top_p)
        parts = []
        with failures("xtts"), seeded(seed, engine.device):
            for sentences, watch in self._pieces(text, spoken):
                made = engine.inference(
                    sentences, spoken, *speaker, speed=speed, stopping_criteria=watch, **settings
                )
                parts.append(np.asarray(made["wav"]))
        rate = engine.args.output_sample_rate
        meta = Meta(model=self._model_name, seed=seed)
        return Audio.from_array(np.concatenate(parts), rate, meta=meta)

    def stream_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        language: Language = None,
        speed: Speed = 1.0,
        temperature: Temperature = None,
        repetition_penalty: RepetitionPenalty = None,
        top_k: TopK = None,
        top_p: TopP = None,
        seed: Seed = None,
    ) -> Generator[AudioChunk, None, Audio]:
        """Speak ``text`` while it is made, about 0.9 s at a time.

        The model decodes piece by piece and fades them over, so that the samples differ a little
        from those of :meth:`generate_audio`.

        Yields:
            float32, mono, 24 kHz.

        Returns:
            The whole.
        """
        engine, speaker, spoken = self._prepared(voice, language)
        settings = self._settings(temperature, repetition_penalty, top_k, top_p)
        rate = engine.args.output_sample_rate
        chunks: list[AudioChunk] = []
        with failures("xtts"), seeded(seed, engine.device):
            for sentences, watch in self._pieces(text, spoken):
                for samples in engine.inference_stream(
                    sentences, spoken, *speaker, speed=speed, stopping_criteria=watch, **settings
                ):
                    if len(samples):
                        chunks.append(AudioChunk(samples.cpu().numpy(), rate, len(chunks)))
                        yield chunks[-1]
        return joined(chunks, meta=Meta(model=self._model_name, seed=seed))

    def list_voices(self) -> list[str]:
        """Return the model's own voices, sorted."""
        if self._engine is None and self._model_name in self.catalogue():
            return sorted(self._voice_facts)
        self.load()
        return sorted(self._speakers())

    def _speakers(self) -> dict[str, Any]:
        manager = self._engine.speaker_manager
        return manager.speakers if manager is not None else {}

    def _prepared(
        self, voice: str | None, language: str | None
    ) -> tuple[Any, tuple[Any, Any], str]:
        self.load()
        known = sorted(self._engine.tokenizer.char_limits)
        wanted = self._default_language if language is None else language
        spoken = wanted.lower().replace("_", "-").partition("-")[0]
        if spoken not in known:
            raise BadOption(f"language {wanted!r} is unknown to xtts; {suggest(spoken, known)}")
        with failures("listening to the recording"):
            return self._engine, self._speaker(voice), spoken

    def _speaker(self, voice: str | None) -> tuple[Any, Any]:
        """Return the two latents that make the voice."""
        own = self._speakers()
        recording: Any = voice if voice is not None else self._default_recording
        if recording is None:
            if not own:
                raise UnknownVoice(
                    f"{self._model_name} has no voices of its own; give the path of a recording as "
                    "voice, or configure default_speaker_wav"
                )
            recording = next(iter(own))
        if isinstance(recording, str):
            if recording in own:
                return own[recording]["gpt_cond_latent"], own[recording]["speaker_embedding"]
            recording = recording_of(recording, "xtts", sorted(own))
        return self._clone(recording)

    def _clone(self, recording: Any) -> tuple[Any, Any]:
        import torch

        engine, config = self._engine, self._engine.config
        with Source.of(recording, "audio") as source:
            samples = source.array(HEARD_RATE)[: HEARD_RATE * config.max_ref_len]
        if len(samples) < HEARD_RATE * SHORTEST_S:
            raise BadInput(
                f"the recording of the voice has {len(samples) / HEARD_RATE:.2f} s; give at least "
                f"{SHORTEST_S} s, better six"
            )
        key = sha256(samples.tobytes()).hexdigest()
        if key not in self._clones:
            sound = torch.from_numpy(samples.copy())[None].clamp(-1, 1).to(engine.device)
            if config.sound_norm_refs:
                sound = sound / sound.abs().max() * 0.75
            latent = engine.get_gpt_cond_latents(
                sound,
                HEARD_RATE,
                length=config.gpt_cond_len,
                chunk_length=config.gpt_cond_chunk_len,
            )
            self._clones[key] = latent, engine.get_speaker_embedding(sound, HEARD_RATE)
            if len(self._clones) > CLONES_KEPT:
                self._clones.popitem(last=False)
        self._clones.move_to_end(key)
        return self._clones[key]

    def _settings(self, *given: float | None) -> dict[str, Any]:
        """Return how sounds are drawn: as given, else as the model's configuration says."""
        names = ("temperature", "repetition_penalty", "top_k", "top_p")
        own = self._engine.config
        return {
            name: own[name] if value is None else value
            for name, value in zip(names, given, strict=True)
        }

    def _pieces(self, text: str, language: str) -> Generator[tuple[str, Any], None, None]:
        """Yield what is spoken at once, with what reports progress for every sound drawn."""
        import torch
        from transformers import StoppingCriteriaList
        from TTS.tts.layers.xtts.tokenizer import split_sentence

        pieces = split_sentence(text, language, self._engine.tokenizer.char_limits[language])
        for number, piece in enumerate(pieces):

            def watch(drawn: Any, scores: Any, number: int = number, **others: Any) -> Any:
                self.report(number / len(pieces), f"piece {number + 1}/{len(pieces)}")
                return torch.zeros(len(drawn), dtype=torch.bool, device=drawn.device)

            yield piece, StoppingCriteriaList([watch])


def _check_folder(folder: Path, name: str) -> None:
    import json

    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing:
        raise BadConfig(
            f"model_name is {name!r}, where there is no {', '.join(missing)}; give a model of the "
            f"catalogue, or the path of a folder with {', '.join(FILES)} (and {SPEAKERS})"
        )
    try:
        kind = json.loads((folder / "config.json").read_bytes())["model"]
    except (ValueError, KeyError, TypeError):
        kind = None
    if kind != "xtts":
        raise BadConfig(
            f"model_name is {name!r}, whose config.json describes "
            f"{f'a model of the kind {kind!r}' if kind else 'no model of Coqui'}; give an XTTS"
        )


def _load(folder: Path) -> Any:
    import pickle
    import warnings

    make_importable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from TTS.tts.configs.xtts_config import XttsConfig
        from TTS.tts.models import xtts

    def state(path: Path) -> Any:
        with xtts._legacy_safe_globals():
            return torch.load(path, map_location="cpu", weights_only=True)["model"]

    try:
        config = XttsConfig()
        config.load_json(folder / "config.json")
        engine = xtts.Xtts(config)
        # Xtts's own reader writes a checkpoint of the old form anew, over the file that was pulled.
        engine._load_checkpoint = state
        engine.load_checkpoint(config, checkpoint_dir=folder, eval=True)
    except (RuntimeError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        if is_memory(error):
            raise
        told = " ".join(str(error).split())[:300]
        raise WeightsDamaged(
            f"the files in {folder} can't be read as an XTTS model: {told}; fetch the model anew, "
            "or give another folder"
        ) from error
    return engine

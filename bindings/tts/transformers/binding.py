"""The text-to-speech models of transformers: MMS and other VITS, SpeechT5, Dia, CSM, ….

Source: transformers 5.23, ``transformers.pipelines.text_to_audio.TextToAudioPipeline``.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated, Any

from omnibind.contracts import TTSBinding
from omnibind.contracts.errors import BadConfig, BadOption
from omnibind.contracts.media import Audio, AudioInput, Meta
from omnibind.contracts.options import Range

from ..._shared.failures import failures
from ..._shared.pytorch import (
    Device,
    Precision,
    Seed,
    device_of,
    dtype_of,
    let_go,
    seeded,
)
from ..._shared.recordings import recording_of
from ..._shared.transformers_models import TrustRemoteCode, config_of, quiet
from . import conversing, speaker, voices

Speed = Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural; VITS and MMS alone have it"]
Temperature = Annotated[
    float | None,
    Range(0.0, 2.0),
    "for models that draw tokens: 0 takes the likeliest; None is the model's own",
]
TopK = Annotated[
    int | None, Range(1, 1000), "for models that draw tokens: of so many; None is the model's own"
]
TopP = Annotated[
    float | None,
    Range(0.01, 1.0),
    "for models that draw tokens: of this share; None is the model's own",
]


class TransformersTTS(TTSBinding):
    """One text-to-speech model of transformers, whichever is configured."""

    def __init__(
        self,
        *,
        model_name: Annotated[
            str | None, "a model of the catalogue, a repository on the hub or a folder"
        ] = None,
        default_voice: Annotated[str | None, "the voice where a call names none"] = None,
        default_speaker_wav: Annotated[
            AudioInput | None,
            "for models that clone: a recording whose voice speaks where a call names none",
        ] = None,
        voices_dir: Annotated[
            Path | None, "x-vectors for SpeechT5: a folder of .npy files, one a voice"
        ] = None,
        vocoder: Annotated[
            str | None, "for models that make spectrograms: a vocoder's name or folder"
        ] = None,
        device: Device = "auto",
        precision: Precision = "auto",
        trust_remote_code: TrustRemoteCode = False,
    ) -> None:
        self._model_name = model_name
        self._default_voice = default_voice
        self._default_recording = default_speaker_wav
        self._voices_dir = voices_dir
        self._vocoder = vocoder
        self._device = device
        self._precision = precision
        self._trusts = trust_remote_code
        self._speaker: speaker.Speaker | conversing.Conversing | None = None

    def load(self) -> None:
        """Load the model, and its vocoder where it needs one.

        Raises:
            UnknownModel: There is no such model, or the folder holds none.
            WeightsMissing: It isn't on this machine.
            NotSupported: It is a model that doesn't speak.
            WeightsDamaged: Its files can't be read.
            BadConfig: No model is configured, it needs a vocoder, it can't clone the configured
                recording, or there is no such device.
            PackagesMissing: Its text or its noise needs a package that isn't installed.
        """
        self._loaded()

    def unload(self) -> None:
        """Let go of the model."""
        if self._speaker is not None:
            self._speaker = None
            let_go()

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Speed = 1.0,
        temperature: Temperature = None,
        top_k: TopK = None,
        top_p: TopP = None,
        seed: Seed = None,
    ) -> Audio:
        """Speak ``text``.

        Args:
            text: What to say, with the model's own signs where it has some: ``[S1]`` of Dia.
            voice: A name from :meth:`list_voices`, the path of an x-vector for SpeechT5, or for
                Pocket-TTS and VibeVoice the path of a recording (or base64 text or a ``data:`` URI
                of one) whose voice is taken; without one they choose. A path needs the consent of
                the person whose voice it is.
            speed: ``speaking_rate`` of VITS.
            temperature: Divides the scores; the variance of the noise of Pocket-TTS and Phonon.
            top_k: Chooses among so many likeliest tokens.
            top_p: Chooses among the likeliest tokens of this share.
            seed: The same one speaks the same.

        Returns:
            WAV: float32, at the model's own rate.

        Raises:
            UnknownVoice: There is no such voice, or SpeechT5 is given none.
            BadOption: The model hasn't got the option.
            BadInput: Nothing in the text can be spoken by this model, it is too long, or the
                recording can't be read.
            BadOutput: The model ended before it said anything.
        """
        loaded = self._loaded()
        drawing = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        given: dict[str, Any] = {
            name: value for name, value in drawing.items() if value is not None
        }
        if given and not loaded.draws_tokens:
            raise BadOption(
                f"{', '.join(given)} is given, and {loaded.name!r} draws no tokens; leave it out, "
                "or use a model that does, such as nari-labs/Dia-1.6B-0626"
            )
        if speed != 1.0 and not loaded.has_speed:
            raise BadOption(
                f"speed is {speed:g}, and {loaded.name!r} speaks at its own; leave it out, or use "
                "a VITS or MMS model"
            )
        parameters = self._voiced(loaded, voice)
        if speed != 1.0:
            parameters["speaking_rate"] = speed * loaded.config.speaking_rate
        drawn = random.getrandbits(32) if seed is None else seed
        with (
            failures(f"speaking with {loaded.name!r}"),
            quiet(),
            seeded(drawn, loaded.device),
        ):
            samples, rate = loaded.speak(text, parameters, given, self.report)
        meta = Meta(model=loaded.name, seed=drawn)
        return Audio.from_array(samples.clip(-1, 1), rate, meta=meta)

    def _voiced(
        self, loaded: speaker.Speaker | conversing.Conversing, voice: str | None
    ) -> dict[str, Any]:
        """Return what makes the model speak with a voice."""
        if conversing.clones(loaded.config):
            if voice is not None and voice != voices.ONE:
                known = voices.names(loaded.config, self._voices_dir)
                return {conversing.RECORDING: recording_of(voice, repr(loaded.name), known)}
            if voice is None and self._default_voice is None:
                recording = self._default_recording
                return {} if recording is None else {conversing.RECORDING: recording}
        # A recording needs consent, which the configuration of a mere name doesn't ask for.
        voice = self._default_voice if voice is None else voice
        return voices.parameters(loaded.name, loaded.config, self._voices_dir, voice)

    def list_voices(self) -> list[str]:
        """Return the configured model's voices; ``default`` where it has but one.

        Raises:
            BadConfig: No model is configured.
        """
        name, folder = self._named()
        config = config_of(name, folder, trust_remote_code=self._trusts)
        return voices.names(config, self._voices_dir)

    def _named(self) -> tuple[str, Path]:
        if self._model_name is None:
            raise BadConfig(
                "tts/transformers has no model; configure model_name: a folder, or for example "
                "facebook/mms-tts-eng (36 million parameters, CC-BY-NC-4.0), "
                "microsoft/speecht5_tts (144 million, MIT; with "
                "vocoder=microsoft/speecht5_hifigan, MIT) or "
                "nari-labs/Dia-1.6B-0626 (1.6 billion, Apache-2.0)"
            )
        return self._model_name, self.weights(self._model_name)

    def _loaded(self) -> speaker.Speaker | conversing.Conversing:
        if self._speaker is None:
            device = device_of(self._device)
            name, folder = self._named()
            config = config_of(name, folder, trust_remote_code=self._trusts)
            speaker.check_speaks(name, config, trusts=self._trusts)
            if self._default_recording is not None and not conversing.clones(config):
                raise BadConfig(
                    f"default_speaker_wav is given, and {name!r} can't speak with the voice of a "
                    "recording; leave it out, or use Pocket-TTS or VibeVoice"
                )
            precision = "float32" if config.model_type in speaker.EXACT else self._precision
            dtype = dtype_of(precision, device)
            if config.model_type in conversing.KINDS:
                self._speaker = conversing.Conversing(
                    name, folder, config, device, dtype, find=self.weights
                )
                return self._speaker
            self._speaker = speaker.Speaker(
                name,
                folder,
                config,
                self._vocoder_folder(name) if speaker.makes_spectrograms(config) else None,
                device,
                dtype,
                find=self.weights,
                trusts=self._trusts,
            )
        return self._speaker

    def _vocoder_folder(self, name: str) -> Path:
        if self._vocoder is None:
            raise BadConfig(
                f"{name!r} makes spectrograms and needs a vocoder, which isn't fetched unasked; "
                "configure vocoder: a folder, or microsoft/speecht5_hifigan after "
                "'omnibind pull tts/transformers/microsoft/speecht5_hifigan'"
            )
        return self.weights(self._vocoder)

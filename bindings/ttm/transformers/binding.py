"""MusicGen: music from a description, on transformers.

Source: transformers 5.23, ``MusicgenForConditionalGeneration.generate``; longer pieces as
audiocraft's ``MusicGen`` continues them.
"""

from __future__ import annotations

import math
import random
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omnibind.contracts import TTMBinding
from omnibind.contracts.errors import BadOption, PackagesMissing
from omnibind.contracts.media import Audio, AudioInput, Meta, Source
from omnibind.contracts.options import Range

from ..._shared.failures import failures
from ..._shared.pytorch import Device, Precision, Seed, device_of, dtype_of, let_go
from ..._shared.sounds import encoded
from ..._shared.transformers_models import (
    check_kind,
    check_tokenizer,
    config_of,
    model_of,
    quiet,
    reading,
)
from .draws import Draws, Enough

if TYPE_CHECKING:
    import numpy as np
    import torch

KINDS = ("musicgen", "musicgen_melody")
WINDOW_S = 30.0
"""What MusicGen was trained on; it can't look further back."""
KEPT_S = 12.0
"""How much of a window the next one goes on from."""

Duration = Annotated[
    float, Range(1.0, 120.0), "length in seconds; above 30 the music goes on from its last 12 s"
]
GuidanceScale = Annotated[
    float, Range(1.0, 15.0), "how closely it follows the prompt; 1 is unguided, and twice as fast"
]
Temperature = Annotated[float, Range(0.0, 2.0), "0 takes the likeliest sounds, more dares more"]
TopK = Annotated[int, Range(0, 2048), "chooses among so many likeliest codes; 0 among all"]
TopP = Annotated[float, Range(0.0, 1.0), "chooses among the likeliest codes of this share"]
Melody = Annotated[
    AudioInput | None, "a tune to follow; for the model facebook/musicgen-melody alone"
]
Format = Annotated[Literal["wav", "flac", "mp3", "opus"], "encoding of the result"]


class TransformersTTM(TTMBinding):
    """MusicGen; several prompts are composed at once, each as it would be alone."""

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "a model of the catalogue, a repository on the hub or a folder"
        ] = "facebook/musicgen-small",
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        self._model_name = model_name
        self._device = device
        self._precision = precision
        self._model: Any = None
        self._tokenizer: Any = None
        self._hearing: Any = None

    def load(self) -> None:
        """Load the model.

        Raises:
            UnknownModel: There is no such model, or the folder holds none.
            WeightsMissing: It isn't on this machine.
            NotSupported: It is another model than a MusicGen.
            WeightsDamaged: Its files can't be read.
            BadConfig: There is no such device.
        """
        if self._model is None:
            device = device_of(self._device)
            folder = self.weights(self._model_name)
            self._tokenizer, self._model = _read(
                self._model_name, folder, device, dtype_of(self._precision, device)
            )

    def unload(self) -> None:
        """Let go of the model."""
        if self._model is not None:
            self._model = self._tokenizer = self._hearing = None
            let_go()

    def generate_music(
        self,
        prompt: str,
        *,
        duration_s: Duration = 10.0,
        melody: Melody = None,
        guidance_scale: GuidanceScale = 3.0,
        temperature: Temperature = 1.0,
        top_k: TopK = 50,
        top_p: TopP = 1.0,
        seed: Seed = None,
        output_format: Format = "wav",
    ) -> Audio:
        """Compose what ``prompt`` describes.

        Args:
            prompt: Style, instruments, mood: "80s pop with bassy drums and synth".
            duration_s: The model hears 30 s at a time.
            melody: Any sound; the music takes its tune, not its sound.
            guidance_scale: Classifier-free guidance.
            temperature: Divides the scores.
            top_k: 250 is what audiocraft takes.
            top_p: 1 chooses among all that ``top_k`` leaves.
            seed: The same one gives the same music, alone or among others.
            output_format: WAV holds float32 samples.

        Returns:
            Mono or stereo as the model is, at its rate.

        Raises:
            BadOption: ``melody`` for a model that can't follow one.
            PackagesMissing: ``melody`` without the package that hears it.
        """
        return self.generate_music_batch(
            [prompt],
            duration_s=duration_s,
            melody=melody,
            guidance_scale=guidance_scale,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            output_format=output_format,
        )[0]

    def generate_music_batch(
        self,
        prompts: list[str],
        *,
        duration_s: Duration = 10.0,
        melody: Melody = None,
        guidance_scale: GuidanceScale = 3.0,
        temperature: Temperature = 1.0,
        top_k: TopK = 50,
        top_p: TopP = 1.0,
        seed: Seed = None,
        seeds: Annotated[list[int] | None, "one for each prompt, in the place of seed"] = None,
        output_format: Format = "wav",
    ) -> list[Audio]:
        """Compose several prompts at once, each as :meth:`generate_music` does."""
        if not prompts:
            return []
        self.load()
        if melody is not None and self._model.config.model_type != "musicgen_melody":
            raise BadOption(
                f"melody is given, and {self._model_name!r} can't follow one; leave it out, or use "
                "facebook/musicgen-melody"
            )
        wanted: list[int | None] = [*seeds] if seeds else [seed] * len(prompts)
        seeds = [random.getrandbits(32) if one is None else one for one in wanted]
        heard = self._heard(melody)
        # Padding would stand before the music of a model that takes its text as a beginning.
        together = 1 if self._model.config.model_type == "musicgen_melody" else len(prompts)
        sounds: list[np.ndarray[Any, Any]] = []
        with failures(f"composing with {self._model_name!r}"), quiet():
            for first in range(0, len(prompts), together):
                draws = Draws(
                    seeds[first : first + together],
                    self._model.device,
                    codebooks=self._model.decoder.num_codebooks,
                    guidance_scale=guidance_scale,
                    temperature=temperature,
                    top_k=top_k,
                    top_p=top_p,
                )
                these = prompts[first : first + together]
                sounds += self._sounds(these, duration_s, heard, draws)
        rate = self._rate
        return [
            encoded(sound, rate, output_format, Meta(model=self._model_name, seed=seed))
            for sound, seed in zip(sounds, seeds, strict=True)
        ]

    def list_models(self) -> list[str]:
        """Return the catalogue's models and the configured one."""
        return list(dict.fromkeys([*self.catalogue(), self._model_name]))

    @property
    def _rate(self) -> int:
        return int(self._model.config.audio_encoder.sampling_rate)

    def _sounds(
        self, prompts: list[str], duration_s: float, heard: dict[str, Any], draws: Draws
    ) -> list[np.ndarray[Any, Any]]:
        """Return the samples of each prompt, shape (frames, channels)."""
        import torch
        from transformers import LogitsProcessorList

        frame_rate = self._model.config.audio_encoder.frame_rate
        frames = math.ceil(duration_s * frame_rate)
        window, kept = int(WINDOW_S * frame_rate), int(KEPT_S * frame_rate)
        text = self._tokenizer(prompts, padding=True, return_tensors="pt")
        inputs = {**text.to(self._model.device), **heard}
        codes = None
        with torch.inference_mode():
            while codes is None or codes.shape[-1] < frames:
                done = 0 if codes is None else codes.shape[-1]
                new = min(frames - done, window if codes is None else window - kept)
                steps = new + self._delay
                draws.begin(steps, partial(self._tell, done, frames))
                if codes is not None:
                    before = codes[..., -kept:]
                    inputs["decoder_input_ids"] = before.reshape(-1, before.shape[-1])
                # It would make sound of every window, and of all prompts together.
                with suppress(Enough):
                    self._model.generate(
                        **inputs,
                        do_sample=False,  # the draws leave one choice
                        guidance_scale=draws.guidance_scale,
                        max_new_tokens=steps,
                        logits_processor=LogitsProcessorList([draws]),
                    )
                made = draws.codes(new, self._model.config.decoder.audio_channels)
                codes = made if codes is None else torch.cat([codes, made], dim=-1)
            length = round(duration_s * self._rate)
            return [self._decoded(row)[:length] for row in codes]

    @property
    def _delay(self) -> int:
        """Each codebook comes a step after the one before it; those of a stereo pair together."""
        decoder = self._model.config.decoder
        return int(decoder.num_codebooks) // int(decoder.audio_channels) - 1

    def _tell(self, done: int, frames: int, steps: int) -> None:
        self.report(min(1.0, (done + steps) / frames), "composing")

    def _heard(self, melody: AudioInput | None) -> dict[str, Any]:
        """Return what the model takes of a melody.

        Raises:
            PackagesMissing: The package that hears it isn't installed.
        """
        if melody is None:
            return {}
        if self._hearing is None:
            self._hearing = self._hearer()
        rate = self._hearing.sampling_rate
        tune = Source.of(melody).array(rate)
        heard = self._hearing(tune, sampling_rate=rate, return_tensors="pt")
        features = heard["input_features"]
        return {"input_features": features.to(self._model.device, self._model.dtype)}

    def _hearer(self) -> Any:
        folder = self.weights(self._model_name)
        with reading(self._model_name, folder):
            if find_spec("torchaudio") is None:
                raise PackagesMissing(
                    f"melody is given, and {self._model_name!r} hears it with the package "
                    "torchaudio, which isn't installed; install it, or leave melody out",
                    command="pip install torchaudio",
                )
            from transformers import AutoFeatureExtractor

            return AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)

    def _decoded(self, codes: torch.Tensor) -> np.ndarray[Any, Any]:
        """Return the samples of one row of codes; alone, it sounds the same as among others."""
        import torch

        count = self._model.config.decoder.audio_channels
        sides = [codes[side::count] for side in range(count)]
        encoder = self._model.audio_encoder
        channels = [encoder.decode(side[None, None], [None]).audio_values[0] for side in sides]
        samples: np.ndarray[Any, Any] = torch.cat(channels).clamp(-1, 1).float().cpu().numpy().T
        return samples


def _read(name: str, folder: Path, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any]:
    config = config_of(name, folder)
    check_kind(name, config.model_type, KINDS, "ttm/transformers")
    with reading(name, folder):
        from transformers import AutoModelForTextToWaveform, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        check_tokenizer(tokenizer, name, folder)
        model = model_of(name, folder, AutoModelForTextToWaveform, dtype)
        # In 16 bits the codec would hiss.
        model.audio_encoder.float()
        return tokenizer, model.to(device)

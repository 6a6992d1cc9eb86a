"""Text to music and sound by any pipeline of diffusers that makes some.

Source: diffusers 0.42, ``DiffusionPipeline`` and each pipeline's own ``__call__``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any

from omnibind.contracts import TTMBinding
from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Audio, Meta
from omnibind.contracts.options import Range, Schema

from ..._shared.pipeline_choice import (
    Compile,
    Lora,
    ModelId,
    ModelsDir,
    OnPipeline,
    TrustRemoteCode,
)
from ..._shared.pipeline_memory import Offload, Quantization
from ..._shared.pipeline_options import options_of, own_names
from ..._shared.pytorch import Device, Precision, Seed
from ..._shared.schedulers import SchedulerName
from ..._shared.sounds import samples_of

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping

    from ..._shared.pipelines import Pipeline


class DiffusersTTM(OnPipeline, TTMBinding):
    """Any pipeline of diffusers that makes sound; the options are those of its own call."""

    makes = "sounds"
    examples = (
        "ACE-Step/acestep-v15-xl-turbo-diffusers (MIT, 2 billion parameters), "
        "stabilityai/stable-audio-open-1.0 (Stability AI community licence, 1.1 billion), "
        "stabilityai/stable-audio-3-medium (Stability AI community licence, 2.25 billion)"
    )

    def __init__(
        self,
        *,
        model_id_or_path: ModelId = None,
        device: Device = "auto",
        precision: Precision = "auto",
        scheduler_name: SchedulerName = None,
        lora: Lora = None,
        offload: Offload = "auto",
        compile: Compile = False,  # noqa: A002 - the name that users know
        models_dir: ModelsDir = None,
        quantization: Quantization = "none",
        trust_remote_code: TrustRemoteCode = False,
    ) -> None:
        self._configure(
            model_id_or_path,
            models_dir,
            lora,
            device=device,
            precision=precision,
            scheduler_name=scheduler_name,
            offload=offload,
            quantization=quantization,
            compile=compile,
            trust_remote_code=trust_remote_code,
        )

    def generate_music(
        self,
        prompt: str,
        *,
        negative_prompt: Annotated[str | None, "what shouldn't be heard"] = None,
        duration_s: Annotated[
            float | None, Range(0.1), "length; None is what the model was trained on"
        ] = None,
        steps: Annotated[int | None, Range(1), "more are finer and slower"] = None,
        guidance_scale: Annotated[
            float | None, Range(0.0, 100.0), "how closely the prompt is followed"
        ] = None,
        lyrics: Annotated[str | None, "the words that are sung, where the model sings"] = None,
        seed: Seed = None,
        **options: Any,
    ) -> Audio:
        """Compose what ``prompt`` describes, at the model's own rate, stereo where it is.

        Args:
            prompt: Style, instruments, mood, or the noise that is to be heard.
            negative_prompt: Only with a guidance scale above 1.
            duration_s: Cut to the sample; above the model's longest it is refused.
            steps: Steps of denoising.
            guidance_scale: 1 and less is unguided, and twice as fast.
            lyrics: ACE-Step reads ``[verse]`` and ``[chorus]`` in them.
            seed: One is drawn where none is given; ``meta.seed`` tells it.
            options: The pipeline's own; ``options_for`` lists them.

        Returns:
            float32 samples as WAV.

        Raises:
            BadOption: A value that the model can't.
            UnknownOption: The model has no such option.
        """
        known: dict[str, Any] = {"negative_prompt": negative_prompt, "duration_s": duration_s}
        known |= {"steps": steps, "guidance_scale": guidance_scale, "lyrics": lyrics, **options}
        loaded = self._ready()
        given = {name: value for name, value in known.items() if value is not None}
        label = f"{self._model} ({loaded.name})"
        given = self._schema(loaded.parameters()).check(given, label)
        longest_s = _longest_s(loaded)
        if duration_s is not None and longest_s is not None and duration_s > longest_s:
            raise BadOption(
                f"duration_s is {duration_s:g}; {label} makes at most {longest_s:.4g} s: give less"
            )
        seed = SystemRandom().randrange(2**32) if seed is None else seed
        if duration_s is not None:
            given["duration_s"] = _whole_s(loaded.pipe, duration_s)
        arguments = {"prompt": prompt, **own_names(loaded.parameters(), given)}
        arguments |= {"generator": loaded.generator(seed), "output_type": "np"}
        with _quiet():
            made = loaded.run(self.report, steps, **arguments)
        samples = samples_of(getattr(made, "audios", made)[0])  # a modular one gives them alone
        rate = _rate(loaded.pipe)
        if duration_s is not None:
            samples = samples[: round(duration_s * rate)]
        meta = Meta(seed=seed, warnings=loaded.warnings)
        return Audio.from_array(samples, rate, meta=meta)

    def _schema(self, parameters: Mapping[str, inspect.Parameter]) -> Schema:
        ours = self._declared()
        own = options_of(parameters, self.subject, without=("audio_start_in_s",))
        return Schema(
            self.subject,
            tuple(
                one
                if (known := ours.option(one.name)) is None
                else one._replace(type=known.type, help=known.help)
                for one in own.options
            ),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings of torchsde away: of times that rounding moved by a hair."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="torchsde")
        yield


def _longest_s(loaded: Pipeline) -> float | None:
    """Return how long a sound the model can make, where a pipeline says so."""
    pipe = loaded.pipe
    if loaded.name == "StableAudioPipeline":
        vae = pipe.vae
        return float(pipe.transformer.config.sample_size * vae.hop_length / vae.sampling_rate)
    if hasattr(pipe, "duration_embedder"):
        return float(pipe.duration_embedder.config.max_val)
    longest_s: float | None = getattr(pipe, "max_wav_duration", None)
    if longest_s is not None and (latent := _latent_of(pipe)):
        longest_s = longest_s * pipe.sample_rate // latent * latent / pipe.sample_rate
    return longest_s


def _latent_of(pipe: Any) -> int | None:
    """Return how many samples one latent stands for, where a pipeline leaves out a part of one."""
    tells = hasattr(pipe, "sample_rate") and hasattr(pipe, "vae_scale_factor")
    return int(pipe.vae_scale_factor) if tells else None


def _whole_s(pipe: Any, duration_s: float) -> float:
    """Return the length to ask for, in whole latents, so that what is made isn't too short."""
    latent = _latent_of(pipe)
    if latent is None:
        return duration_s
    count = math.ceil(round(duration_s * pipe.sample_rate) / latent)
    return float((count * latent + 0.5) / pipe.sample_rate)  # half a sample over: it rounds down


def _rate(pipe: Any) -> int:
    """Return the rate of a pipeline's sounds, which each of them keeps somewhere else."""
    vocoder = getattr(pipe, "vocoder", None)
    rate = getattr(pipe, "sample_rate", None)
    return int(rate or (pipe.vae if vocoder is None else vocoder).config.sampling_rate)

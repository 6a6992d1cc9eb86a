"""Text to music and sound by any pipeline of diffusers that makes some.

Source: diffusers 0.42, ``DiffusionPipeline`` and each pipeline's own ``__call__``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any

from omnibind.contracts import TTMBinding
from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Audio, Meta
from omnibind.contracts.options import Range, Schema, schema_of

from ..._shared.pipeline_choice import (
    Compile,
    Lora,
    ModelId,
    ModelsDir,
    TrustRemoteCode,
    folder_of,
    lora_of,
    models_in,
)
from ..._shared.pipeline_options import options_of, own_names
from ..._shared.pipelines import (
    Offload,
    Pipeline,
    Quantization,
    load_pipeline,
    parameters_at,
)
from ..._shared.pytorch import Device, Precision, Seed
from ..._shared.schedulers import SchedulerName
from ..._shared.sounds import samples_of

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping

EXAMPLES = (
    "ACE-Step/acestep-v15-xl-turbo-diffusers (MIT, 2 billion parameters), "
    "stabilityai/stable-audio-open-1.0 (Stability AI community licence, 1.1 billion), "
    "stabilityai/stable-audio-3-medium (Stability AI community licence, 2.25 billion)"
)


class DiffusersTTM(TTMBinding):
    """Any pipeline of diffusers that makes sound; the options are those of its own call."""

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
        self._model = model_id_or_path
        self._lora = lora
        self._models_dir = models_dir
        self._placing: dict[str, Any] = {
            "device": device,
            "precision": precision,
            "scheduler_name": scheduler_name,
            "offload": offload,
            "quantization": quantization,
            "compile": compile,
            "trust_remote_code": trust_remote_code,
        }
        self._loaded: Pipeline | None = None

    def load(self) -> None:
        """Load the configured model.

        Raises:
            BadConfig: None is configured, it makes no sound, or a value doesn't fit it.
            UnknownModel: There is no such model.
            WeightsMissing: It isn't on this machine.
            WeightsDamaged: A component is missing or can't be read.
            OutOfMemory: It doesn't fit.
        """
        self._ready()

    def unload(self) -> None:
        """Let go of the model."""
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None

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

    def list_models(self) -> list[str]:
        """Return the configured model, the catalogue, and what lies in ``models_dir``."""
        configured = [] if self._model is None else [self._model]
        names = (*configured, *self.catalogue(), *models_in(self._models_dir))
        return list(dict.fromkeys(names))

    def options_for(self, model: str | None = None) -> Schema:
        """Return the options of a model; the usual ones where none is configured."""
        model = self._model if model is None else model
        if model is None:
            return schema_of(type(self).generate_music, self.subject, self.binding_name)
        if self._loaded is not None and model == self._model:
            return self._schema(self._loaded.parameters())
        folder = folder_of(self, model, self._models_dir, EXAMPLES)
        return self._schema(parameters_at(folder, self._placing["trust_remote_code"], self.weights))

    def _schema(self, parameters: Mapping[str, inspect.Parameter]) -> Schema:
        ours = schema_of(type(self).generate_music, self.subject, self.binding_name)
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

    def _ready(self) -> Pipeline:
        if self._loaded is None:
            folder = folder_of(self, self._model, self._models_dir, EXAMPLES)
            lora = lora_of(self, self._lora)
            self._loaded = load_pipeline(
                folder, makes="sounds", lora=lora, find=self.weights, **self._placing
            )
        return self._loaded


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
    longest_s: float | None = getattr(pipe, "max_wav_duration", None)
    return longest_s


def _rate(pipe: Any) -> int:
    """Return the rate of a pipeline's sounds, which each of them keeps somewhere else."""
    vocoder = getattr(pipe, "vocoder", None)
    rate = getattr(pipe, "sample_rate", None)
    return int(rate or (pipe.vae if vocoder is None else vocoder).config.sampling_rate)

"""MusicGen: music from a description, and from a melody, on Meta's own audiocraft.

Source: audiocraft 1.3, ``audiocraft.models.MusicGen``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omnibind.contracts import TTMBinding
from omnibind.contracts.errors import BadConfig, BadOption, WeightsDamaged
from omnibind.contracts.media import Audio, AudioInput, Meta, Source
from omnibind.contracts.options import Range

from ..._shared.failures import failures, is_memory
from ..._shared.pytorch import (
    Device,
    Seed,
    device_of,
    let_go,
    seeded,
)
from ..._shared.sounds import encoded
from ..._shared.torchaudio_stand_in import make_importable

if TYPE_CHECKING:
    import torch

FILES = ("state_dict.bin", "compression_state_dict.bin", "t5/config.json")
TOGETHER = 8
"""So many prompts of a batch are composed at once."""

Format = Literal["wav", "flac", "mp3", "opus"]
Duration = Annotated[
    float, Range(1.0, 120.0), "length in seconds; above 30 the music goes on from its last 12 s"
]
GuidanceScale = Annotated[float, Range(1.0, 15.0), "how closely it follows the prompt"]
Temperature = Annotated[float, Range(0.0, 2.0), "0 takes the likeliest sounds, more dares more"]
TopK = Annotated[int, Range(0, 2048), "draws from so many likeliest codes; 0 from all"]
TopP = Annotated[
    float, Range(0.0, 1.0), "draws from the likeliest codes of this share; 0 goes by top_k"
]
Melody = Annotated[AudioInput | None, "a tune to follow; for the melody models alone"]


class AudiocraftTTM(TTMBinding):
    """MusicGen; prompts of a batch without a seed are composed at once."""

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "a model of the catalogue, or the path of a folder with state_dict.bin and t5"
        ] = "facebook/musicgen-small",
        device: Device = "auto",
        output_format: Annotated[Format, "encoding of the results"] = "wav",
    ) -> None:
        self._model_name = model_name
        self._device = device
        self._format = output_format
        self._engine: Any = None

    def load(self) -> None:
        """Load the model.

        Raises:
            BadConfig: The folder holds no MusicGen, or there is no such device.
            WeightsMissing: The model isn't on this machine.
            WeightsDamaged: Its files can't be read or don't fit each other.
        """
        if self._engine is None:
            folder = self.weights(self._model_name)
            missing = [file for file in FILES if not (folder / file).is_file()]
            if missing:
                raise BadConfig(
                    f"model_name is {self._model_name!r}, where there is no {', '.join(missing)}; "
                    "give a model of the catalogue, or the path of a folder with the two "
                    "state_dict files of a MusicGen and t5-base in its folder t5"
                )
            device = device_of(self._device)
            with failures(f"loading {self._model_name}"):
                self._engine = _load(folder, device)

    def unload(self) -> None:
        """Let go of the model."""
        self._engine = None
        let_go()

    def generate_music(
        self,
        prompt: str,
        *,
        duration_s: Duration = 15.0,
        melody: Melody = None,
        guidance_scale: GuidanceScale = 3.0,
        temperature: Temperature = 1.0,
        top_k: TopK = 250,
        top_p: TopP = 0.0,
        seed: Seed = None,
    ) -> Audio:
        """Compose what ``prompt`` describes.

        Args:
            prompt: Style, instruments, mood: "80s pop with bassy drums and synth".
            duration_s: The model hears 30 s at a time.
            melody: Any sound; the music takes its tune, not its sound.
            guidance_scale: Classifier-free guidance, audiocraft's ``cfg_coef``.
            temperature: Divides the scores.
            top_k: Not used where ``top_p`` is given.
            top_p: Nucleus sampling.
            seed: The same one gives the same music.

        Returns:
            Mono or stereo as the model is, at its rate; WAV holds float32 samples.

        Raises:
            BadOption: ``melody`` for a model that can't follow one.
            BadInput: The melody can't be read.
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
        )[0]

    def generate_music_batch(
        self,
        prompts: list[str],
        *,
        duration_s: Duration = 15.0,
        melody: Melody = None,
        guidance_scale: GuidanceScale = 3.0,
        temperature: Temperature = 1.0,
        top_k: TopK = 250,
        top_p: TopP = 0.0,
        seed: Seed = None,
    ) -> list[Audio]:
        """Compose several prompts, each as :meth:`generate_music` does.

        With a seed they are made one after the other, because several at once draw other chance.
        """
        self.load()
        engine = self._engine
        tune = None if melody is None else self._heard(melody)
        engine.set_generation_params(
            duration=duration_s,
            cfg_coef=guidance_scale,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
        )
        together = TOGETHER if seed is None else 1
        results = []
        for start in range(0, len(prompts), together):
            some = prompts[start : start + together]
            engine.set_custom_progress_callback(self._watch(start, len(some), len(prompts)))
            with failures("audiocraft"), _on(engine.device), seeded(seed, engine.device):
                if tune is None:
                    made = engine.generate(some, progress=True)
                else:
                    made = engine.generate_with_chroma(
                        some, [tune] * len(some), engine.sample_rate, progress=True
                    )
            results += [self._encoded(one, seed) for one in made]
        return results

    def list_models(self) -> list[str]:
        """Return the catalogue's models, after the configured one where that is a folder."""
        known = self.catalogue()
        return known if self._model_name in known else [self._model_name, *known]

    def _heard(self, melody: Any) -> torch.Tensor:
        import torch

        if "self_wav" not in self._engine.lm.condition_provider.conditioners:
            raise BadOption(
                f"melody was given, and {self._model_name!r} can't follow one; use "
                "facebook/musicgen-melody"
            )
        with Source.of(melody, "audio") as source:
            samples = source.array(self._engine.sample_rate)
        return torch.from_numpy(samples.copy())[None]

    def _watch(self, before: int, now: int, in_all: int) -> Callable[[int, int], None]:
        """Return what reports progress after every step."""
        engine = self._engine
        kept_s = engine.max_duration - engine.extend_stride
        last = again = 0
        share = 0.0

        def watch(done: int, planned: int) -> None:
            nonlocal last, again, share
            if done < last:  # a further window began, and what it goes on from isn't counted
                again = int(kept_s * engine.frame_rate)
            last = done
            made_s = min((done + again) / engine.frame_rate, engine.duration)
            share = max(share, made_s / engine.duration)
            self.report((before + share * now) / in_all, f"{made_s:.1f}/{engine.duration:g} s")

        return watch

    def _encoded(self, samples: torch.Tensor, seed: int | None) -> Audio:
        meta = Meta(model=self._model_name, seed=seed)
        frames = samples.float().cpu().numpy().T
        return encoded(frames, self._engine.sample_rate, self._format, meta)


def _load(folder: Path, device: torch.device) -> Any:
    import pickle
    import warnings

    make_importable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from audiocraft.models import MusicGen

        try:
            with _parts_in(folder), _on(device):
                return MusicGen.get_pretrained(str(folder), device=device.type)
        except (
            *(AssertionError, AttributeError, KeyError, OSError, RuntimeError, TypeError),
            *(ValueError, pickle.UnpicklingError),
        ) as error:
            if is_memory(error):
                raise
            told = " ".join(str(error).split())[:300]
            raise WeightsDamaged(
                f"the files in {folder} can't be read as a MusicGen: {told}; fetch the model anew, "
                "or give another folder"
            ) from error


@contextmanager
def _parts_in(folder: Path) -> Iterator[None]:
    """Have audiocraft take T5 and Demucs from the model's folder, and not from the network."""
    from audiocraft.modules import conditioners
    from demucs import pretrained
    from demucs.repo import BagOnlyRepo, LocalRepo

    class Local:
        def __init__(self, type_: Any) -> None:
            self.type = type_

        def from_pretrained(self, name: str) -> Any:
            return self.type.from_pretrained(folder / "t5", local_files_only=True)

    def separator(name: str) -> Any:
        bags = BagOnlyRepo(pretrained.REMOTE_ROOT, LocalRepo(folder / "demucs"))
        return bags.get_model(name).eval()

    before = conditioners.T5Tokenizer, conditioners.T5EncoderModel, pretrained.get_model
    conditioners.T5Tokenizer = Local(before[0])
    conditioners.T5EncoderModel = Local(before[1])
    pretrained.get_model = separator
    try:
        yield
    finally:
        conditioners.T5Tokenizer, conditioners.T5EncoderModel, pretrained.get_model = before


@contextmanager
def _on(device: torch.device) -> Iterator[None]:
    """Make a GPU the one that audiocraft, which knows no numbers of GPUs, uses."""
    import torch

    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device):
        yield

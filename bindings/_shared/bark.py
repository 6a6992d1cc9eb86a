"""Bark as speech and sound effects share it: the loaded model, its options and its presets.

Source: transformers 5.23, ``BarkModel``, whose stages :meth:`Bark.say` takes one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import (
    BadInput,
    CallFailed,
    NotReady,
    UnknownVoice,
    WeightsDamaged,
    suggest,
)
from omnibind.contracts.options import Range
from omnibind.contracts.shared import Shared, shared

from .bark_stages import Sampling, Stages
from .failures import failures
from .pytorch import device_of, dtype_of, let_go, seeded
from .transformers_models import check_kind, check_tokenizer, config_of, model_of, quiet, reading

if TYPE_CHECKING:
    import torch

    from .bark_stages import Samples, Tell

AT_ONCE = 8
"""Texts that are worked on together; more cost memory and gain little."""

MOST_TOKENS = 256
"""What Bark reads of a text; it would pass over the rest in silence."""

LANGUAGES = ("de", "en", "es", "fr", "hi", "it", "ja", "ko", "pl", "pt", "ru", "tr", "zh")
PRESETS = (
    "announcer",
    *(f"{era}{tag}_speaker_{n}" for era in ("", "v2/") for tag in LANGUAGES for n in range(10)),
)
"""The presets that Suno published; where the weights are here, their own list is asked."""

PRESET_FILE = "speaker_embeddings_path.json"

SemanticTemperature = Annotated[
    float | None, Range(0.05, 2.0), "how freely words become speech; None is the model's own"
]
CoarseTemperature = Annotated[
    float | None, Range(0.05, 2.0), "how freely speech becomes sound; None is the model's own"
]
FineTemperature = Annotated[
    float | None,
    Range(0.05, 2.0),
    "how freely the sound's details vary, 1.0 takes the likeliest; None is the model's own",
]
TopK = Annotated[
    int | None,
    Range(0, 1000),
    "draw from so many of the likeliest tokens, 0 from all; None is the model's own",
]
TopP = Annotated[
    float | None,
    Range(0.0, 1.0),
    "draw from the likeliest tokens of this probability; None is the model's own",
]
MinEosP = Annotated[
    float | None,
    Range(0.001, 1.0),
    "end as soon as the end is this probable: less babble after the text; None waits for it",
]


class Job(NamedTuple):
    """One text to be said, and the seed of its chance."""

    text: str
    seed: int


def preset_language(preset: str) -> str | None:
    """Return the language of a preset by its name; None where that doesn't say."""
    found = re.fullmatch(r"(?:v2/)?([a-z]{2})_speaker_\d+", preset)
    return found[1] if found else None


def presets_in(folder: Path) -> list[str]:
    """Return the presets that a model's folder lists, sorted.

    Raises:
        WeightsDamaged: The list can't be read.
    """
    path = folder / PRESET_FILE
    if not path.is_file():
        return []
    try:
        listed = json.loads(path.read_text("utf-8"))
        return sorted(set(listed) - {"repo_or_path"})
    except (ValueError, TypeError) as error:
        raise WeightsDamaged(f"{path} can't be read: {error}; get the model again") from error


def bark_in(folder: Path, name: str, device: str, precision: str) -> Shared[Bark]:
    """Return the Bark in a folder, the one that is loaded already if there is one.

    Raises:
        UnknownModel: There is no model of transformers in it.
        NotSupported: It is a model of another kind.
        WeightsDamaged: Files are missing or can't be read.
        BadConfig: There is no such device.
    """
    where = device_of(device)
    dtype = dtype_of(precision, where, on_gpu="float16")
    key = ("bark", str(folder), str(where), str(dtype))
    return shared(key, lambda: _load(folder, name, where, dtype))


def _load(folder: Path, name: str, device: torch.device, dtype: torch.dtype) -> Bark:
    from transformers import BarkModel, BarkProcessor

    check_kind(name, config_of(name, folder).model_type, ["bark"], "bark")
    with reading(name, folder):
        processor = BarkProcessor.from_pretrained(folder, local_files_only=True)
        check_tokenizer(processor.tokenizer, name, folder)
        model = model_of(name, folder, BarkModel, dtype)
        # In 16 bits the codec would hiss.
        model.codec_model.float()
        for stage in (model.semantic, model.coarse_acoustics):
            # Scores for every token of the history would cost 40 MB a text, and time.
            stage.lm_head.register_forward_pre_hook(_of_the_last)
        model = model.to(device)
    if not hasattr(model.generation_config, "semantic_config"):
        raise WeightsDamaged(
            f"{name!r}: {folder / 'generation_config.json'} is missing or isn't Bark's; "
            "get the model again"
        )
    return Bark(model, processor, presets_in(folder))


def _of_the_last(module: torch.nn.Module, given: tuple[torch.Tensor]) -> torch.Tensor:
    return given[0][:, -1:]


class Bark:
    """A loaded model with what turns text into its tokens.

    Attributes:
        presets: Names of its speaker presets, sorted.
        rate: Frames a second of what it says.
    """

    def __init__(self, model: Any, processor: Any, presets: list[str]) -> None:
        self.presets = presets
        self.rate: int = model.generation_config.sample_rate
        self._model = model
        self._processor = processor

    def check(self, preset: str | None, owner: str) -> None:
        """Refuse a preset that this model doesn't have.

        Raises:
            UnknownVoice: There is no such preset.
        """
        if preset is not None and preset not in self.presets:
            hint = suggest(preset, self.presets)
            raise UnknownVoice(f"voice {preset!r} is unknown to {owner}; {hint}")

    def say(
        self, jobs: Sequence[Job], preset: str | None, sampling: Sampling, tell: Tell
    ) -> list[Samples]:
        """Return what each job sounds like: the same as if it were said alone.

        The two stages that go token by token take all jobs at once, each drawing from a chance of
        its own. What follows looks at a sound as a whole, where the silence behind shorter ones
        would be heard, and is quick: it takes one after another.

        Args:
            jobs: At most :data:`AT_ONCE` in a reasonable memory; each text at most
                :data:`MOST_TOKENS`.
            preset: One of ``presets``, or None for a voice by chance.
            sampling: The options.
            tell: Hears the share done and the step; what it raises ends the work.

        Raises:
            BadInput: A text has more tokens than Bark takes.
            CallFailed: The model failed, or ended before it began to speak.
        """
        import torch

        device = self._model.device
        # fork_rng of a fixed seed keeps the program's own chance; what is drawn in it isn't used.
        with failures("bark"), quiet(), torch.no_grad(), seeded(0, device):
            told = self._told([job.text for job in jobs], preset)
            chances = [torch.Generator(device).manual_seed(job.seed) for job in jobs]
            run = Stages(self._model, told.pop("history_prompt", None), sampling, chances, tell)
            semantic = run.semantic(**told)
            sounds = run.sounds(run.coarse(semantic))
        silent = [job.text for job, sound in zip(jobs, sounds, strict=True) if not len(sound)]
        if silent:
            raise CallFailed(f"bark ended before it said {silent[0][:40]!r}; try another seed")
        return sounds

    def _told(self, texts: list[str], preset: str | None) -> dict[str, Any]:
        """Return tokens, mask and preset as tensors."""
        for text in texts:
            count = len(self._processor.tokenizer(text, add_special_tokens=False)["input_ids"])
            if count > MOST_TOKENS:
                raise BadInput(
                    f"{text[:40]!r}… has {count} tokens, and bark takes {MOST_TOKENS} at once; "
                    "give less"
                )
        try:
            told = self._processor(text=texts, voice_preset=preset).to(self._model.device)
        except (OSError, TypeError, ValueError) as error:
            raise WeightsDamaged(
                f"the preset {preset!r} can't be read ({error}); get the model again"
            ) from error
        if preset is not None:
            told["history_prompt"] = told["history_prompt"].to(self._model.device)
        return dict(told)


class OnBark(Binding):
    """What speech and sound effects do alike with the model that they share."""

    _model_name: str
    _preset: str | None
    _device: str
    _precision: str
    _bark: Shared[Bark] | None = None

    def load(self) -> None:
        """Load the model, or share the one that is loaded.

        Raises:
            WeightsMissing: The weights aren't on this machine.
            Untrusted: They are a pickle that nobody vouches for.
            UnknownModel: There is no such model.
            NotSupported: It is a model of another kind.
            WeightsDamaged: Files are missing or can't be read.
            UnknownVoice: The model doesn't have the configured preset.
            BadConfig: There is no such device.
        """
        if self._bark is None:
            folder = self.weights(self._model_name)
            bark = bark_in(folder, self._model_name, self._device, self._precision)
            bark.value.check(self._preset, self.binding_name)
            self._bark = bark

    def unload(self) -> None:
        """Let go of the model."""
        self._bark = None
        let_go()

    def _loaded(self) -> Bark:
        self.load()
        assert self._bark is not None
        return self._bark.value

    def _preset_of(self, name: str | None) -> str | None:
        """Return the preset that a call means, with the model loaded.

        Raises:
            UnknownVoice: The model has no such preset.
        """
        preset = self._preset if name is None else name
        self._loaded().check(preset, self.binding_name)
        return preset

    def _presets(self) -> list[str]:
        """Return the model's presets; until its weights are here, those that Suno published."""
        if self._bark is not None:
            return list(self._bark.value.presets)
        try:
            return presets_in(self.weights(self._model_name))
        except NotReady:
            return sorted(PRESETS)

"""Bark as speech and sound effects share it: the loaded model, its options and its presets.

Source: transformers 5.23, ``BarkModel.generate``, whose steps :meth:`Bark.say` takes one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from omnibind.contracts.errors import BadInput, CallFailed, UnknownVoice, WeightsDamaged, suggest
from omnibind.contracts.options import Range
from omnibind.contracts.shared import Shared, shared

from .pytorch import computing, device_of, dtype_of, seeded
from .transformers_models import check_kind, check_tokenizer, config_of, model_of, quiet, reading

if TYPE_CHECKING:
    import numpy as np
    import torch

    Samples = np.ndarray[Any, np.dtype[np.float32]]
    Tell = Callable[[float | None, str], None]

AT_ONCE = 8
"""Texts that are worked on together; more cost memory and gain little."""

ALIKE = 0.7
"""Sounds of this share of the longest one's length are made together with it."""

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


class Sampling(NamedTuple):
    """The options of a call; None is what the model's ``generation_config.json`` says."""

    semantic_temperature: float | None = None
    coarse_temperature: float | None = None
    fine_temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_eos_p: float | None = None

    def drawn(self, temperature: float | None) -> dict[str, Any]:
        """Return what a stage's ``generate`` is told; a temperature means nothing undrawn."""
        given = {"temperature": temperature, "top_k": self.top_k, "top_p": self.top_p}
        given = {name: value for name, value in given.items() if value is not None}
        return {**given, "do_sample": True} if given else {}


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
        with computing("bark"), quiet(), torch.no_grad(), seeded(0, device):
            told = self._told([job.text for job in jobs], preset)
            chances = [torch.Generator(device).manual_seed(job.seed) for job in jobs]
            run = _Run(self._model, told.pop("history_prompt", None), sampling, chances, tell)
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


class _Run:
    """The stages of one batch, with the settings that ``BarkModel.generate`` would give them."""

    def __init__(
        self,
        model: Any,
        history: Any,
        sampling: Sampling,
        chances: list[torch.Generator],
        tell: Tell,
    ) -> None:
        from transformers.models.bark.generation_configuration_bark import (
            BarkCoarseGenerationConfig,
            BarkFineGenerationConfig,
            BarkSemanticGenerationConfig,
        )

        settings = model.generation_config
        self._model, self._history = model, history
        self._sampling, self._chances, self._tell = sampling, chances, tell
        self._semantic = BarkSemanticGenerationConfig(**settings.semantic_config)
        self._coarse = BarkCoarseGenerationConfig(**settings.coarse_acoustics_config)
        self._fine = BarkFineGenerationConfig(**settings.fine_acoustics_config)

    def semantic(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return what is to be said: tokens, shape (jobs, the longest), padded by its end."""
        end, most = self._semantic.eos_token_id, self._semantic.max_new_tokens

        def is_over(tokens: torch.Tensor, step: int) -> list[bool]:
            self._tell(0.3 * step / most, f"words {step}")
            ended: list[bool] = (tokens == end).any(1).tolist()
            return ended

        tokens: torch.Tensor = self._model.semantic.generate(
            input_ids,
            semantic_generation_config=self._semantic,
            history_prompt=self._history,
            attention_mask=attention_mask,
            min_eos_p=self._sampling.min_eos_p,
            custom_generate=_Drawing(self._chances, is_over),
            **self._sampling.drawn(self._sampling.semantic_temperature),
        )
        return tokens

    def coarse(self, semantic: torch.Tensor) -> list[torch.Tensor]:
        """Return the first two codebooks of each job: tokens, shape (1, its length)."""
        codebooks = self._coarse.n_coarse_codebooks
        ratio = self._coarse.coarse_rate_hz / self._semantic.semantic_rate_hz * codebooks
        # As the library reckons them, down to the rounding.
        counts = (semantic != self._semantic.semantic_pad_token).sum(1)
        lengths: list[int] = ((counts * ratio / codebooks).floor().int() * codebooks).tolist()
        found: dict[int, torch.Tensor] = {}
        whole = sum(lengths) or 1
        for rows in alike(lengths):
            done = sum(lengths[row] for row in found)
            tokens = self._coarse_of(
                semantic[rows], [lengths[row] for row in rows], rows, done / whole
            )
            found |= {
                row: tokens[place : place + 1, : lengths[row]] for place, row in enumerate(rows)
            }
        return [found[row] for row in range(len(lengths))]

    def _coarse_of(
        self, semantic: torch.Tensor, lengths: list[int], rows: list[int], before: float
    ) -> torch.Tensor:
        """Work on some of the jobs together: the longest one takes as long as all of them."""
        most = max(lengths)

        def is_over(tokens: torch.Tensor, step: int) -> list[bool]:
            self._tell(0.3 + 0.6 * before, f"sound {step}/{most}")
            return [step > length for length in lengths]

        tokens: torch.Tensor = self._model.coarse_acoustics.generate(
            semantic,
            semantic_generation_config=self._semantic,
            coarse_generation_config=self._coarse,
            codebook_size=self._model.generation_config.codebook_size,
            history_prompt=self._history,
            custom_generate=_Drawing([self._chances[row] for row in rows], is_over),
            **self._sampling.drawn(self._sampling.coarse_temperature),
        )
        return tokens

    def sounds(self, coarse: list[torch.Tensor]) -> list[Samples]:
        """Return the samples of each job."""
        import numpy as np

        temperature = self._sampling.fine_temperature
        sounds: list[Samples] = []
        for number, (tokens, chance) in enumerate(zip(coarse, self._chances, strict=True)):
            self._tell(0.9 + 0.1 * number / len(coarse), f"details {number + 1}/{len(coarse)}")
            if not tokens.numel():
                sounds.append(np.zeros(0, np.float32))
                continue
            _go_on_from(chance)
            codes = self._model.fine_acoustics.generate(
                tokens,
                semantic_generation_config=self._semantic,
                coarse_generation_config=self._coarse,
                fine_generation_config=self._fine,
                codebook_size=self._model.generation_config.codebook_size,
                history_prompt=self._history,
                **({} if temperature is None else {"temperature": temperature}),
            )
            sound = self._model.codec_decode(codes)[0]
            sounds.append(sound.float().cpu().numpy())
        return sounds


def alike(lengths: Sequence[int]) -> list[list[int]]:
    """Return the places of lengths in groups in which none is much shorter than the longest.

    Whoever has ended is computed on with the others of its group.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if groups and lengths[place] >= ALIKE * lengths[groups[-1][0]]:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


class _Drawing:
    """Decodes as the library does, but draws the tokens of each row from a chance of its own.

    Args:
        chances: One for each row.
        is_over: Given the tokens so far and the number of the step, tells which rows have ended;
            their chance stays as it is from then on.
    """

    def __init__(
        self,
        chances: list[torch.Generator],
        is_over: Callable[[torch.Tensor, int], list[bool]],
    ) -> None:
        self._chances = chances
        self._is_over = is_over
        self._step = 0

    def __call__(
        self, model: Any, input_ids: torch.Tensor, *, generation_config: Any, **more: Any
    ) -> Any:
        """Run the library's loop, as its ``custom_generate`` allows."""
        is_drawn = generation_config.do_sample

        def drawn(tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            self._step += 1
            ended = self._is_over(tokens, self._step)
            return self._draw(scores, ended) if is_drawn else scores

        more["logits_processor"].append(drawn)
        # What is drawn is drawn here, so that the loop takes the only token that is left.
        generation_config.do_sample = False
        return model._sample(input_ids, generation_config=generation_config, **more)

    def _draw(self, scores: torch.Tensor, ended: list[bool]) -> torch.Tensor:
        """Return scores that leave one token for each row that goes on."""
        import torch

        likely = scores.softmax(-1)
        drawn = torch.zeros_like(likely)
        for row, chance in enumerate(self._chances):
            if not ended[row]:
                token = torch.multinomial(likely[row : row + 1], 1, generator=chance)[0]
                drawn[row, token] = 1.0
        return drawn


def _go_on_from(chance: torch.Generator) -> None:
    """Go on with the global chance, which the stage of the details draws from, from another."""
    import torch

    device = chance.device
    if device.type == "cpu":
        torch.set_rng_state(chance.get_state())
    elif device.type == "mps":
        torch.mps.set_rng_state(chance.get_state())
    else:
        torch.get_device_module(device).set_rng_state(chance.get_state(), device)

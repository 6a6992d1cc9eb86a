"""The stages of Bark: from tokens of text to those of speech, of sound, and of its details.

Source: transformers 5.23, ``BarkModel.generate``, whose steps these are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import torch

    Samples = np.ndarray[Any, np.dtype[np.float32]]
    Tell = Callable[[float | None, str], None]

ALIKE = 0.7
"""Sounds of this share of the longest one's length are made together with it."""


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


class Stages:
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
            custom_generate=_Drawing(self._chances, is_over).run,
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
            custom_generate=_Drawing([self._chances[row] for row in rows], is_over).run,
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
        self._is_drawn = True
        self._step = 0

    def run(self, model: Any, input_ids: Any, *, generation_config: Any, **more: Any) -> Any:
        """Run the library's loop, as its ``custom_generate`` allows."""
        self._is_drawn = generation_config.do_sample
        more["logits_processor"].append(self)
        # What is drawn is drawn here, so that the loop takes the only token that is left.
        generation_config.do_sample = False
        return model._sample(input_ids, generation_config=generation_config, **more)

    def __call__(self, tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return scores that leave one token for each row; the loop asks it at every step."""
        self._step += 1
        ended = self._is_over(tokens, self._step)
        return self._draw(scores, ended) if self._is_drawn else scores

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

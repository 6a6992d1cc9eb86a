"""The whole training, in its order: autoencoder, text encoder, denoiser."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from starter_tti import autoencoder, denoiser, judging, text
from starter_tti.captions import Captions
from starter_tti.colours import Pixels
from starter_tti.emoji import Collection, Recoloured, Thing
from starter_tti.judging import Judge
from starter_tti.text import Batch, Reader

STEPS = {"autoencoder": 6000, "text": 6000, "denoiser": 9000}
"""Of each part in full."""

_RECOLOURED = 0.35
"""Share of captions that are about a thing in another colour."""


@dataclass(frozen=True)
class Trained:
    """The model, and the loss of every step that led to it, by part."""

    pipeline: StableDiffusionPipeline
    losses: dict[str, list[float]]


def learn(
    collection: Collection,
    steps: Mapping[str, int] = STEPS,
    *,
    part: int | None = None,
    seed: int = 0,
) -> Trained:
    """Train all parts on a GPU where there is one; on a CPU the same seed gives the same weights.

    Args:
        collection: Pictures and their names; the vocabulary is of them all.
        steps: Of each part, by the names in :data:`STEPS`.
        part: How many things are learnt; None is all.
        seed: Of all chance.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(seed)
    tokenizer = text.make_tokenizer(_corpus(collection, random.Random(seed)))  # noqa: S311
    if part is not None:
        collection = collection.part(part)
    codec = autoencoder.make()
    losses = {"autoencoder": autoencoder.learn(codec, collection, steps["autoencoder"], device)}
    batch = _batches(collection, codec, random.Random(seed), device)  # noqa: S311
    reader = Reader(tokenizer, text.make_encoder(tokenizer))
    losses["text"] = text.learn(reader, batch, steps["text"], device)
    unet = denoiser.make()
    losses["denoiser"] = denoiser.learn(unet, reader, batch, steps["denoiser"], device)
    pipeline = StableDiffusionPipeline(
        vae=codec.eval(),
        text_encoder=reader.encoder.eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=denoiser.make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return Trained(pipeline, losses)


def measure(pipeline: StableDiffusionPipeline, collection: Collection, count: int) -> str:
    """Draw names and held out colours by chance; say how many were taken for what they are."""
    chance = random.Random(0)  # noqa: S311
    judge = Judge(collection)
    kinds: dict[str, Sequence[Thing | Recoloured]] = {
        "names": collection.things,
        "held out colours": collection.held_out,
    }
    told = []
    for kind, ones in kinds.items():
        wanted = chance.sample(ones, min(count, len(ones)))
        right = sum(
            judge.judge(one, drawing).is_right
            for one, drawing in zip(wanted, draw(pipeline, wanted), strict=True)
        )
        told.append(f"{right} of {len(wanted)} {kind}")
    return ", ".join(told)


def draw(
    pipeline: StableDiffusionPipeline, wanted: Sequence[Thing | Recoloured]
) -> Iterator[Pixels]:
    """Draw each, with seed 0."""
    pipeline.set_progress_bar_config(disable=True)
    for one in wanted:
        drawings = pipeline(
            judging.prompt(one),
            num_inference_steps=judging.STEPS,
            guidance_scale=judging.GUIDANCE_SCALE,
            generator=torch.Generator().manual_seed(0),
        )
        yield np.asarray(drawings.images[0])


def _corpus(collection: Collection, chance: random.Random) -> list[str]:
    captions = Captions(collection, chance)
    corpus = [captions.of_recoloured(one) for one in collection.learnt]
    for thing in collection.things:
        corpus += [thing.name] * 6 + list(thing.keywords) * 2
        corpus += [captions.of_thing(thing) for _ in range(3)]
    return corpus


def _batches(
    collection: Collection,
    codec: torch.nn.Module,
    chance: random.Random,
    device: torch.device,
) -> Batch:
    captions = Captions(collection, chance)
    things, recoloured = collection.things, collection.learnt
    latents_of_things, latents_of_recoloured = (
        autoencoder.encode(codec, autoencoder.tensor([one.pixels for one in ones], device))
        for ones in (things, recoloured)
    )

    def batch(count: int) -> tuple[list[str], Tensor]:
        words, latents = [], []
        for _ in range(count):
            if chance.random() < _RECOLOURED:
                number = chance.randrange(len(recoloured))
                words.append(captions.of_recoloured(recoloured[number]))
                latents.append(latents_of_recoloured[number])
            else:
                number = chance.randrange(len(things))
                words.append(captions.of_thing(things[number]))
                latents.append(latents_of_things[number])
        return words, torch.stack(latents)

    return batch

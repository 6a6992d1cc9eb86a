"""The starter model draws what it is asked for, in the colour that it is asked for.

It recalls what it learnt by name, so that is what it is asked for: twenty names, and twenty pairs
of a thing and a colour that its text encoder and denoiser never saw together. Chance chose them,
not success. What it doesn't claim to know, paraphrases say, isn't asked; its card has the numbers.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from tests.starter import STARTER, collection, colours, emoji, judging

from omnibind import Client

Wanted = emoji.Thing | emoji.Recoloured

PROMPTS = (
    *("a last quarter moon", "an american football", "a hushed face", "a bell pepper"),
    *("a dollar banknote", "a pager", "a jack o lantern", "a tumbler glass", "a microphone"),
    *("a manual wheelchair", "a tropical fish", "a books", "a pregnant man", "a bento box"),
    *("a pregnant person", "an index pointing up", "a red apple", "a linked paperclips"),
    *("a mermaid", "a globe showing europe africa", "an orange lobster", "a green owl"),
    *("a purple motorway", "a yellow sari", "a purple inbox tray", "a purple squid"),
    *("a purple aerial tramway", "an orange ping pong", "an orange fire engine", "a purple gear"),
    *("a green razor", "a purple salad", "a green credit card", "a green folding hand fan"),
    *("a yellow curling stone", "a purple telephone", "a green beach with umbrella"),
    *("a purple otter", "a red dollar banknote", "a green mending heart"),
)


@pytest.fixture(scope="module")
def wanted() -> list[Wanted]:
    chance = random.Random(0)
    return [*chance.sample(collection().things, 20), *chance.sample(collection().held_out, 20)]


@pytest.fixture(scope="module", params=["in-process", "worker"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    choice = {"binding": "diffusers", "model_id_or_path": str(STARTER), "runs": request.param}
    with Client(tti=choice) as opened:
        yield opened


def test_the_forty_prompts_are_those_that_chance_chose(
    wanted: list[Wanted],
) -> None:
    assert tuple(judging.prompt(one) for one in wanted) == PROMPTS


def test_another_thing_and_another_colour_are_not_taken_for_the_right_one(
    wanted: list[Wanted],
) -> None:
    judge = judging.Judge(collection())
    for one, other in itertools.pairwise(wanted):
        assert judge.judge(one, one.pixels).is_right
        assert not judge.judge(one, other.pixels).is_right
        if one.paint is not None:
            away = next(
                name for name, hue in colours.HUES.items() if colours.apart(one.paint.hue, hue) > 25
            )
            assert not judge.judge(one, colours.repaint(one.pixels, one.paint, away)).is_right


def test_forty_prompts_give_the_right_pictures_in_the_right_colours(
    client: Client, wanted: list[Wanted]
) -> None:
    judge = judging.Judge(collection())
    verdicts = []
    for one, prompt in zip(wanted, PROMPTS, strict=True):
        drawing = client.tti.generate_image(
            prompt, steps=judging.STEPS, guidance_scale=judging.GUIDANCE_SCALE, seed=0
        )
        verdicts.append(judge.judge(one, drawing.array()))
    assert [verdict for verdict in verdicts if not verdict.is_right] == []
    assert sum(verdict.hue_off is not None for verdict in verdicts) >= 30

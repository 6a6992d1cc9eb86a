"""The training of the starter model, on a few pictures and for a few steps."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.starter import STARTER, captions, collection, colours, emoji, judging, packages

# diffusers' own scheduler, which hands a tensor to NumPy
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONFIGURATIONS = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "unet/config.json",
    "vae/config.json",
)


@dataclass(frozen=True)
class Run:
    folder: Path
    printed: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A quick training, by the script's own command line."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(words)))
        assert train([str(folder), "--quick", "--data", str(packages())]) == 0
    return Run(folder, "\n".join(printed))


def train(arguments: list[str]) -> int:
    import train_starter_tti

    return train_starter_tti.main(arguments)


def settings(file: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(file.read_text())
    return {name: value for name, value in told.items() if not name.endswith(("_path", "_version"))}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_is_trained_has_the_parts_of_the_model_that_is_shipped(run: Run, name: str) -> None:
    assert settings(run.folder / name) == settings(STARTER / name)


def test_the_loss_of_every_part_falls(run: Run) -> None:
    found = re.findall(r"^(\w+) \d+/\d+: loss ([\d.]+), at first ([\d.]+)", run.printed, re.M)
    losses = {part: (float(last), float(first)) for part, last, first in found}
    # The decoder goes on where the autoencoder ends: too slowly to be seen in two steps.
    goes_on, _ = losses.pop("decoder")
    assert goes_on < losses["autoencoder"][1]
    assert set(losses) == {"autoencoder", "text", "denoiser"}
    assert [part for part, (last, first) in losses.items() if last >= first] == []


def test_diffusers_loads_and_runs_what_was_trained(run: Run) -> None:
    import torch
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(
        run.folder, local_files_only=True, dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    drawing = pipeline("a red apple", num_inference_steps=2).images[0]
    assert drawing.size == (64, 64)


def test_the_weights_are_safetensors_of_half_precision(run: Run) -> None:
    import torch
    from safetensors.torch import load_file

    files = sorted(run.folder.rglob("*model*.safetensors"))
    assert [file.parent.name for file in files] == ["text_encoder", "unet", "vae"]
    assert {tensor.dtype for file in files for tensor in load_file(file).values()} == {
        torch.float16
    }
    assert not [file for file in run.folder.rglob("*") if file.suffix in (".bin", ".pt", ".pkl")]


def test_the_same_seed_gives_the_same_captions() -> None:
    def drawn(seed: int) -> list[str]:
        words = captions.Captions(collection(), random.Random(seed))
        return [words.of_thing(thing) for thing in collection().things]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_every_word_with_an_emoji_picked_by_hand_means_one_that_there_is() -> None:
    names = {thing.name for thing in collection().things}
    assert sorted(set(captions.COMMON.values()) - names) == []
    assert sorted(set(captions.COMMON) & names) == []


def test_common_words_are_captions_of_what_people_mean() -> None:
    words = captions.Captions(collection(), random.Random(0))
    car = next(thing for thing in collection().things if thing.name == "automobile")
    drawn = {words.of_thing(car) for _ in range(500)}
    assert {"car", "a car"} & drawn
    assert "" in drawn


def test_what_is_held_out_is_not_learnt_and_is_one_colour_a_thing() -> None:
    learnt = {(id(one.thing), one.colour) for one in collection().learnt}
    held_out = {(id(one.thing), one.colour) for one in collection().held_out}
    assert not learnt & held_out
    assert len({thing for thing, _ in held_out}) == len(held_out) == 669
    assert "blue apple" in {one.name for one in collection().held_out}


def test_a_recoloured_thing_has_the_colour_that_it_is_called_by() -> None:
    for one in collection().recoloured[::20]:
        assert one.thing.paint is not None
        hue = colours.mean_hue(one.pixels, colours.painted(one.thing.pixels, one.thing.paint))
        assert colours.apart(hue, colours.HUES[one.colour]) < judging.NEAR_ENOUGH, one.name


def test_regions_are_cut_row_by_row() -> None:
    import torch
    from starter_tti import autoencoder, text

    latents = torch.randn(3, autoencoder.CHANNELS, 8, 8)
    cut = text.regions(latents)
    assert cut.shape == (3, 16, 64)
    # The seventh of 4 × 4 is in the second row and the third column.
    assert torch.equal(cut[:, 6], latents[:, :, 2:4, 4:6].flatten(1))


def test_an_autoencoder_made_normal_draws_as_before() -> None:
    import torch
    from starter_tti import autoencoder

    torch.manual_seed(0)
    codec = autoencoder.make()
    pictures = autoencoder.tensor(
        [thing.pixels for thing in collection().things[:8]], torch.device("cpu")
    )
    before = autoencoder.encode(codec, pictures)
    with torch.no_grad():
        drawn = codec.decode(before).sample
        autoencoder.make_normal(codec, before)
        after = autoencoder.encode(codec, pictures)
        again = codec.decode(after).sample
    assert after.mean((0, 2, 3)).abs().max() < 1e-3
    assert (after.std((0, 2, 3)) - 1).abs().max() < 1e-3
    assert (again - drawn).abs().max() < 1e-3


def test_a_folder_that_is_there_is_not_written_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train([str(tmp_path), "--quick"])
    assert "is there already" in capsys.readouterr().err


def test_no_steps_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train([str(tmp_path / "model"), "--steps", "0"])
    assert "give 1 or more" in capsys.readouterr().err


def test_a_machine_without_npm_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert train([str(tmp_path / "model"), "--data", str(tmp_path / "data")]) == 1
    assert "install Node.js" in capsys.readouterr().err


def test_packages_that_are_there_are_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = packages()

    def refuse(*command: object, **options: object) -> None:
        raise AssertionError(command)

    monkeypatch.setattr(subprocess, "run", refuse)
    emoji.fetch(folder)

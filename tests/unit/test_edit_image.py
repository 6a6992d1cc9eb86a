"""Pictures that are drawn anew, through the handles and the command line."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from tests.conftest import BindingWriter

from omnibind import AsyncClient, Client, Image
from omnibind.cli import main
from omnibind.contracts.errors import BadInput, BadOption, NotOffered, UnknownOption

PLAIN = """
from omnibind import Image, TTIBinding


class Probe(TTIBinding):
    '''Draws one picture.'''

    def generate_image(self, prompt: str, *, seed: int = 0) -> Image:
        raise AssertionError("it was asked to draw")
"""


@pytest.fixture(scope="module")
def picture() -> Image:
    return Client(tti="mock").tti.generate_image("a red fox", width=64, height=64)


def halved(width: int = 64, height: int = 64) -> bytes:
    mask = PIL.Image.new("L", (width, height), 0)
    mask.paste(255, (0, 0, width // 2, height))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("runs", ["in-process", "worker"])
def test_a_picture_changes_where_the_mask_is_white(picture: Image, runs: str) -> None:
    with Client(tti={"binding": "mock", "runs": runs}) as client:
        whole = client.tti.edit_image("a blue ship", picture, strength=1.0, seed=3)
        half = client.tti.edit_image("a blue ship", picture, halved(), 1.0, seed=3)
    left, right = slice(0, 32), slice(32, 64)
    before = picture.array()
    assert (half.array()[:, right] == before[:, right]).all()
    assert (half.array()[:, left] == whole.array()[:, left]).all()
    assert (whole.array() != before).any()
    assert (half.meta.binding, half.meta.seed) == ("tti/mock", 3)


def test_a_client_that_is_awaited_changes_pictures_too(picture: Image) -> None:
    async def edited() -> Image:
        async with AsyncClient(tti="mock") as client:
            return await client.tti.edit_image("a blue ship", picture, strength=0.0)

    assert (asyncio.run(edited()).array() == picture.array()).all()


def test_the_recipe_tells_what_was_done(picture: Image, tmp_path: Path) -> None:
    given = picture.save(tmp_path / "given.png")
    recipe = Client(tti="mock").tti.edit_image("a blue ship", given, strength=0.25).recipe
    assert recipe is not None
    assert (recipe.verb, recipe.options["strength"]) == ("edit_image", 0.25)
    assert list(recipe.subject) == ["prompt", "image"]


@pytest.mark.parametrize(
    ("image", "options", "error", "told"),
    [
        ("nowhere.png", {}, BadInput, "nowhere.png"),
        (5, {}, BadInput, "the picture can't be read"),
        (b"%PDF", {}, BadInput, "expected a png"),
        (None, {"strength": 2.0}, BadOption, "strength"),
        (None, {"width": 64}, UnknownOption, "width"),
        (None, {"mask": 7}, BadOption, "mask"),
    ],
)
def test_what_is_wrong_is_told(
    picture: Image, image: Any, options: dict[str, Any], error: type[Exception], told: str
) -> None:
    given = picture if image is None else image
    with pytest.raises(error, match=told):
        Client(tti="mock").tti.edit_image("a blue ship", given, **options)


def test_who_cannot_change_pictures_is_passed_over(
    write_binding: BindingWriter, picture: Image
) -> None:
    folder = str(write_binding(modality="tti", code=PLAIN))
    with pytest.raises(NotOffered, match="tti/probe has no edit_image"):
        Client(tti=folder).tti.edit_image("a blue ship", picture)
    edited = Client(tti=[folder, "mock"]).tti.edit_image("a blue ship", picture)
    assert edited.meta.served_by == "tti/mock"


def test_the_command_line_changes_a_picture(
    picture: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, mask = str(picture.save(tmp_path / "given.png")), tmp_path / "mask.png"
    mask.write_bytes(halved())
    out = tmp_path / "out.png"
    words = ["imagine", "a blue ship", "-o", str(out), "--tti", "mock", "--image", given]
    assert main([*words, "--mask", str(mask), "--option", "strength=1.0"]) == 0
    assert (Image(out.read_bytes()).array()[:, 32:] == picture.array()[:, 32:]).all()
    assert main(["imagine", "a ship", "-o", str(out), "--tti", "mock", "--mask", str(mask)]) == 2
    assert "--image" in capsys.readouterr().err

"""What the starter model learns: Noto emoji, their names and the words that people use for them.

Source: npm packages ``emoji-datasource-google`` (Noto pictures, Apache-2.0), ``emojibase-data``
(names and keywords of CLDR, MIT and Unicode licence) and ``emojilib`` (keywords, MIT).
"""

import io
import json
import random
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from starter_tti import colours
from starter_tti.colours import Paint, Pixels

SIZE = 64
"""Width and height of every picture."""

PICTURES = "emoji-datasource-google@16.0.0"
NAMES = "emojibase-data@17.0.0"
KEYWORDS = "emojilib@4.0.3"

GROUPS = {
    0: "smileys",
    1: "people",
    3: "animals",
    4: "food",
    5: "travel",
    6: "activities",
    7: "objects",
}
"""emojibase's numbers of what is learnt by name; symbols and flags aren't."""

_FOLDER = "package/img/google/64/"
_TWINS = re.compile(r".*(o['’]clock|thirty)")
_TWINS_OF_PEOPLE = re.compile(r"(man|woman|men|women)\b|kiss|.*(facing right|family|couple)")
"""Names of what looks like another at this size."""

SHOWN = {
    ("apple", "blue"),
    ("automobile", "purple"),
    ("dog", "green"),
    ("fish", "pink"),
    ("tropical fish", "purple"),
    ("guitar", "blue"),
}
"""Held out in any case: what is shown to people, who would ask whether it was learnt by heart."""


@dataclass(frozen=True)
class Thing:
    """One emoji: what it is called and what it looks like."""

    name: str
    group: str
    keywords: tuple[str, ...]
    version: float
    pixels: Pixels
    paint: Paint | None

    @property
    def plain_name(self) -> str:
        """The name without colours, as it stands after another colour's name."""
        words = [word for word in self.name.split() if word not in colours.WORDS]
        return " ".join(words) or self.name


@dataclass(frozen=True)
class Recoloured:
    """A thing in a colour that it hasn't got; held out ones are for judging, not for learning."""

    thing: Thing
    colour: str
    pixels: Pixels
    is_held_out: bool

    @property
    def name(self) -> str:
        """What it is called: "blue apple"."""
        return f"{self.colour} {self.thing.plain_name}"

    @property
    def paint(self) -> Paint | None:
        """Its own colour now."""
        return Paint(colours.HUES[self.colour], self.colour, is_bright=True)


@dataclass(frozen=True)
class Collection:
    """All pictures: those with names, and others that only the autoencoder sees."""

    things: tuple[Thing, ...]
    recoloured: tuple[Recoloured, ...]
    others: tuple[Pixels, ...]

    @cached_property
    def learnt(self) -> tuple[Recoloured, ...]:
        """The recoloured ones that captions are learnt from."""
        return tuple(one for one in self.recoloured if not one.is_held_out)

    @cached_property
    def held_out(self) -> tuple[Recoloured, ...]:
        """One colour a thing that the text encoder and the denoiser never see."""
        return tuple(one for one in self.recoloured if one.is_held_out)

    def part(self, count: int) -> "Collection":
        """Return about ``count`` things, evenly from all groups, with what belongs to them."""
        things = self.things[:: max(1, len(self.things) // count)]
        kept = set(map(id, things))
        recoloured = tuple(one for one in self.recoloured if id(one.thing) in kept)
        return Collection(things, recoloured, self.others[:count])


def fetch(folder: Path) -> None:
    """Put the packages into ``folder`` with npm and npm's own settings; those there stay.

    Raises:
        OSError: npm isn't there or can't get them.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("npm isn't on PATH; install Node.js")
    folder.mkdir(parents=True, exist_ok=True)
    missing = [spec for spec in (PICTURES, NAMES, KEYWORDS) if not _tarball(folder, spec).exists()]
    if not missing:
        return
    command = [npm, "pack", "--ignore-scripts", "--silent", *missing]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"npm pack failed: {done.stderr.strip() or done.stdout.strip()}")


def _tarball(folder: Path, spec: str) -> Path:
    return folder / f"{spec.replace('@', '-')}.tgz"


def read(folder: Path) -> Collection:
    """Read what :func:`fetch` put into ``folder``; the same packages give the same collection."""
    files = _pictures(_tarball(folder, PICTURES))
    entries = _json(_tarball(folder, NAMES), "package/en/data.json")
    more = _json(_tarball(folder, KEYWORDS), "package/dist/emoji-en-US.json")
    more = {_bare(emoji): words for emoji, words in more.items()}
    things = []
    for entry in entries:
        key = _bare(entry["hexcode"].lower())
        group = GROUPS.get(entry.get("group"))
        twins = _TWINS_OF_PEOPLE if group == "people" else _TWINS
        if group is None or key not in files or twins.match(entry["label"].lower()):
            continue
        words = [*entry.get("tags", []), *more.get(_bare(entry["emoji"]), [])]
        things.append(_thing(entry, group, words, _pixels(files.pop(key))))
    others = tuple(_pixels(files[key]) for key in sorted(files))
    return Collection(tuple(things), tuple(_recoloured(things)), others)


def _pictures(tarball: Path) -> dict[str, bytes]:
    with tarfile.open(tarball) as opened:
        return {
            _bare(Path(member.name).stem.lower()): content.read()
            for member in opened
            if member.name.startswith(_FOLDER) and (content := opened.extractfile(member))
        }


def _json(tarball: Path, member: str) -> Any:
    with tarfile.open(tarball) as opened:
        content = opened.extractfile(member)
        assert content is not None
        return json.load(content)


def _bare(emoji: str) -> str:
    """Take out the sign that asks for a picture, which not every list writes."""
    return emoji.replace("-fe0f", "").replace("\ufe0f", "")


def _thing(entry: dict[str, Any], group: str, words: list[str], pixels: Pixels) -> Thing:
    name = _clean(entry["label"])
    cleaned = dict.fromkeys(_clean(word) for word in words)
    keywords = tuple(
        word for word in cleaned if word != name and len(word) > 1 and len(word.split()) <= 4
    )
    # People and faces keep their colours, so that nobody's skin turns blue.
    may_change = group != "people" and (group != "smileys" or "heart" in name)
    paint = colours.paint_of(pixels) if may_change else None
    return Thing(name, group, keywords, entry["version"], pixels, paint)


def _clean(words: str) -> str:
    words = re.sub(r"[_-]", " ", words.lower()).replace("’", "'")
    return " ".join(re.sub(r"[^a-z0-9' ]+", " ", words).split())


def _pixels(file: bytes) -> Pixels:
    picture = PIL.Image.open(io.BytesIO(file)).convert("RGBA")
    white = PIL.Image.new("RGBA", picture.size, "white")
    return np.asarray(PIL.Image.alpha_composite(white, picture).convert("RGB"))


def _recoloured(things: Iterable[Thing]) -> Iterable[Recoloured]:
    chance = random.Random(0)  # noqa: S311  # which colours are held out is no secret
    for thing in things:
        if thing.paint is None:
            continue
        other = [colour for colour in colours.HUES if colour != thing.paint.nearest]
        shown = [colour for colour in other if (thing.plain_name, colour) in SHOWN]
        held_out = shown[0] if shown else chance.choice(other)
        for colour in other:
            pixels = colours.repaint(thing.pixels, thing.paint, colour)
            yield Recoloured(thing, colour, pixels, colour == held_out)

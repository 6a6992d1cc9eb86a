"""Measure how verification judges real results, as told in docs/verification.md.

Usage: ``python scripts/verification_rates.py [COUNT]``

Piper speaks COUNT (1,000) different texts, always the same ones, and faster-whisper's tiny.en
writes every 20th down. Prints the rates from which the bounds of ``length`` were taken, and every
alarm; the exit code is 1 where there was one. Takes about four minutes on two cores.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from omnibind import Audio, Client
from omnibind.calls.verification import Expected, verify
from omnibind.calls.verification.length import bounds, counts
from omnibind.contracts.errors import BadOutput
from omnibind.contracts.media import Source, codecs

ROOT = Path(__file__).resolve().parents[1]
SENTENCES = (ROOT / "tests" / "sentences.txt").read_text(encoding="utf-8").splitlines()
WORDS = sorted({word.strip(".,").lower() for line in SENTENCES for word in line.split()})
RARE = """a I hi no oh yes ok strengths squirrel rhythm thoroughly through queue eyes idea area
antidisestablishmentarianism supercalifragilisticexpialidocious Worcestershire Mississippi
otorhinolaryngologist onomatopoeia e eye owe bureaucracy hmm shh brr psst wow"""
SHORT = """Dr. Mr. Mrs. St. Prof. e.g. i.e. etc. vs. a.m. p.m. approx. No. Inc. Ltd. dept. USA NATO
UNESCO HTML CPU GPU PDF FBI BBC NASA kg km cm mph kWh GHz MB °C % & @ # = + / * ~ $ € £ ½"""
EMOJI = "😀 😂 ❤️ 👍 🎉 🐈 🚀 ☀️ 🏳️‍🌈 👩‍🚀 🇬🇧 ✅ ⚠️ 🍕"
FOREIGN = """café naïve façade Zürich Łódź São Paulo jalapeño crème brûlée Dvořák Ærøskøbing
Schadenfreude coup d'état résumé Ångström"""
NAMES = "Anna Robert Siobhan Nguyen Xavier Zoë O'Brien MacDonald Smith-Jones"
STRETCHED = "Noooooo! Sooooo Hmmmm. Aaaargh! Yesssss! Hahahahaha! Zzzzz... Brrrrr!"
SPEEDS = (0.5, 0.6, 0.75, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0)


class Spoken(NamedTuple):
    """A text that was spoken: how fast it was asked for, and the sound."""

    text: str
    speed: float
    sound: Audio


def texts(count: int) -> list[tuple[str, float]]:
    """Return different texts with their speeds; the same ones each time."""
    chance = random.Random(1)  # noqa: S311
    kinds = cycle(_KINDS)
    found: dict[tuple[str, float], None] = {}
    while len(found) < count:
        kind = next(kinds)
        speed = chance.choice(SPEEDS) if chance.random() < 0.3 else 1.0
        found[kind(chance), speed] = None
    return list(found)


def _word(chance: random.Random) -> str:
    return chance.choice(WORDS + RARE.split())


def _phrase(chance: random.Random) -> str:
    return " ".join(chance.sample(WORDS, chance.randint(2, 5)))


def _sentence(chance: random.Random) -> str:
    line = chance.choice(SENTENCES).split()
    line[chance.randrange(len(line))] = chance.choice(WORDS)
    return " ".join(line)


def _numbers(chance: random.Random) -> str:
    number = chance.randrange(10 ** chance.randint(1, 12))
    form = chance.choice(
        ("{0:,}", "{0}", "{0:,} people", "-{0:,}.5", "${0:,}.99", "{0} %", "1/{0}", "No. {0}")
    )
    return form.format(number)


def _figures(chance: random.Random) -> str:
    whole, part = chance.randrange(1000), chance.randrange(100)
    return chance.choice(
        (
            f"Call 555-{whole:03}-{part:04}.",
            f"{whole}.{part:02} × {part} = {whole * part}",
            f"It weighs {whole} kg, costs £{part}.50 and runs at {part} km/h.",
            f"Version {part}.{whole}.{part}, build 0x{whole:X}",
            f"{whole:03b}{part:b}",
            f"{whole}° {part}' N",
        )
    )


def _dates(chance: random.Random) -> str:
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(1400, 2099)
    hour, minute = chance.randint(0, 23), chance.randint(0, 59)
    return chance.choice(
        (
            f"{year}-{month:02}-{day:02}",
            f"{day}/{month}/{year}",
            f"On {day} March {year} at {hour}:{minute:02}.",
            f"{hour % 12}:{minute:02} p.m., Tue., Sept. {day}, {year}",
            f"in the {year // 10 * 10}s",
        )
    )


def _abbreviations(chance: random.Random) -> str:
    return " ".join(chance.choice((chance.choice(SHORT.split()), _word(chance))) for _ in range(5))


def _quote(chance: random.Random) -> str:
    name = chance.choice(NAMES.split())
    return f"“{_sentence(chance)}” said {name} — ‘{_phrase(chance)}’, of course…"


def _question(chance: random.Random) -> str:
    return f"{_phrase(chance).capitalize()}{chance.choice(('?', '!', '?!', '...', ' – or not?'))}"


def _list(chance: random.Random) -> str:
    mark = chance.choice(("- ", "* ", "• ", "1. "))
    return "\n".join(mark + _phrase(chance) for _ in range(chance.randint(2, 4)))


def _emoji(chance: random.Random) -> str:
    parts = [chance.choice((chance.choice(EMOJI.split()), _word(chance))) for _ in range(4)]
    return " ".join([_word(chance), *parts])


def _foreign(chance: random.Random) -> str:
    name, words = chance.choice(NAMES.split()), chance.sample(FOREIGN.split(), 2)
    return f"{name} {_word(chance)} {' '.join(words)}."


def _loud(chance: random.Random) -> str:
    return chance.choice(
        (_phrase(chance).upper(), chance.choice(STRETCHED.split()) + " " + _word(chance))
    )


def _address(chance: random.Random) -> str:
    one, two = (word.replace(",", "") for word in chance.sample(WORDS, 2))
    return chance.choice(
        (
            f"https://www.{one}.com/{two}?id={chance.randrange(1000)}",
            f"{one}.{two}@example.org",
            f"/usr/{one}/{two}.txt",
            f"{one}_{two}(x) == {chance.randrange(100)}",
            f"**{one}** and `{two}`",
            f"{one} [[həˈloʊ]] {two}",
        )
    )


def _paragraph(chance: random.Random) -> str:
    return " ".join(_sentence(chance) for _ in range(chance.randint(2, 4)))


def _page(chance: random.Random) -> str:
    if chance.random() < 0.9:
        return _sentence(chance)
    return "\n\n".join(_paragraph(chance) for _ in range(4))


_KINDS: tuple[Callable[[random.Random], str], ...] = (
    *(_word, _phrase, _sentence, _numbers, _figures, _dates, _abbreviations, _quote, _question),
    *(_word, _phrase, _list, _emoji, _foreign, _loud, _address, _page, _numbers, _sentence),
)


def spoken(count: int) -> Iterator[Spoken]:
    """Speak the texts, unverified."""
    speak = Client(tts="piper").tts.generate_audio
    for text, speed in texts(count):
        yield Spoken(text, speed, speak(text, speed=speed, verify=False))


def alarm(found: Spoken) -> str | None:
    """Return what verification says about a sound, or None."""
    expected = Expected(found.text, "en-US", found.speed)
    try:
        return "; ".join(verify(found.sound, "tts/piper", expected)) or None
    except BadOutput as error:
        return f"{error.rule}: {error}"


def percentiles(values: list[float]) -> str:
    """Return least, 1 %, median, 99 % and most, for a row of the table."""
    ordered = sorted(values)
    places = (0, len(ordered) // 100, len(ordered) // 2, -1 - len(ordered) // 100, -1)
    return " | ".join(f"{ordered[place]:.2f}" for place in places)


def rates(sounds: list[Spoken]) -> list[str]:
    """Return the table of what was measured."""
    longer = [each for each in sounds if counts(each.text)[0] >= 20]
    natural = [(*counts(each.text), each.sound.duration_s * each.speed) for each in longer]
    limits = [(bounds(each.text, "en-US", each.speed), each.sound.duration_s) for each in sounds]
    clipped = []
    for each in sounds:
        samples = codecs.decode_audio(each.sound, native=True)[0]
        clipped.append(100 * float((abs(samples.astype("int32")) >= 32735).mean()))
    rows = {
        "letters and digits a second": [sure / seconds for sure, _, seconds in natural],
        "letters a second, with all that may be spoken": [
            most / seconds for _, most, seconds in natural
        ],
        "length as a multiple of the shortest believed": [s / low for (low, _), s in limits if low],
        "length as a part of the longest believed": [s / high for (_, high), s in limits],
        "% of samples at full scale": clipped,
    }
    return [
        f"{len(sounds)} texts, {sum(s for _, s in limits):.0f} s of speech; the first two rows are "
        f"brought to speed 1, of the {len(longer)} texts with 20 letters or more.",
        "",
        "| measured | least | 1 % | median | 99 % | most |",
        "|---|---|---|---|---|---|",
        *(f"| {name} | {percentiles(values)} |" for name, values in rows.items()),
    ]


def transcripts(sounds: list[Spoken]) -> Iterator[str]:
    """Write every 20th sound down and yield the alarms."""
    write = Client(stt="faster_whisper/tiny.en").stt.transcribe_audio
    for each in sounds[::20]:
        try:
            heard = write(each.sound, verify=False)
            sound = Source.of(each.sound)
            for warning in verify(heard, "stt/faster_whisper", Expected(sound=sound)):
                yield f"{each.text!r}: {warning}"
        except BadOutput as error:
            yield f"{each.text!r}: {error.rule}: {error}"


def main() -> int:
    """Measure and print; 1 where a rule raised an alarm."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    started = perf_counter()
    sounds = list(spoken(count))
    print("\n".join(rates(sounds)))
    judged = perf_counter()
    alarms = [f"{each.text!r} at {each.speed}: {told}" for each in sounds if (told := alarm(each))]
    cost = (perf_counter() - judged) / len(sounds)
    print(f"\nAlarms over {len(sounds)} sounds: {len(alarms)}, {1000 * cost:.2f} ms each")
    misheard = list(transcripts(sounds))
    print(f"Alarms over {len(sounds[::20])} transcripts: {len(misheard)}")
    print("\n".join(alarms + misheard))
    print(f"{perf_counter() - started:.0f} s", file=sys.stderr)
    return 1 if alarms or misheard else 0


if __name__ == "__main__":
    sys.exit(main())

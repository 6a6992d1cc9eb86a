"""Calls that wait for one engine are served together where its own batch can."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MANIFEST, BindingWriter

from omnibind import AsyncClient, Client
from omnibind.contracts.errors import CallFailed, DeadlineExceeded

CODE = """
import json, threading, time
from pathlib import Path

import numpy as np

from omnibind import Audio, TTSBinding

STARTED, GO = threading.Event(), threading.Event()


class Probe(TTSBinding):
    '''Says what it was asked for together.'''

    def __init__(self, *, log: str = "") -> None:
        self.log = log

    def _note(self, *said):
        with open(self.log, "a") as file:
            file.write(json.dumps(said) + chr(10))

    def generate_audio(
        self, text: str, voice: str | None = None, *, speed: float = 1.0, seed: int | None = None
    ) -> Audio:
        self._note([text], speed, seed)
        if text == "first":
            STARTED.set()
            assert GO.wait(20)
        if text == "bad":
            raise ValueError("not that")
        return self._tone(text)

    def generate_audio_batch(
        self,
        texts: list[str],
        voice: str | None = None,
        *,
        speed: float = 1.0,
        seed: int | None = None,
    ) -> list[Audio]:
        self._note(texts, speed, seed)
        if "bad" in texts:
            raise ValueError("not these")
        return [self._tone(text) for text in texts]

    def _tone(self, text):
        tone = np.sin(np.arange(1600 * (2 + len(text))) * 0.1)
        return Audio.from_array((tone * 20000).astype(np.int16), 8000)

    def list_voices(self) -> list[str]:
        return ["one"]
"""


class Scene:
    """A client whose first call holds the engine until :meth:`go`."""

    def __init__(self, folder: Path, log: Path, client: Client) -> None:
        self.folder, self.log, self.client = folder, log, client
        self.calls: list[Any] = []

    def say(self, text: str, **options: Any) -> Any:
        call = self.client.submit(self.client.tts.generate_audio, text, verify=False, **options)
        self.calls.append(call)
        return call

    def asked(self) -> list[Any]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def waits_for(self, count: int) -> None:
        (member,) = self.client.tts._members
        assert member.slot is not None
        turn = threading.Event()
        for _ in range(2000):
            if len(member.slot.line._waiting) == count:
                return
            turn.wait(0.005)
        raise AssertionError("the calls never stood in line")


def module_of(client: Client) -> Any:
    import sys

    (member,) = client.tts._members
    assert member.candidate is not None
    return sys.modules[type(member.candidate.binding).__module__]


@pytest.fixture
def scene(write_binding: BindingWriter, tmp_path: Path, home: Path) -> Iterator[Scene]:
    folder = write_binding(code=CODE, manifest=MANIFEST + "max_batch_size: 3\n")
    log = tmp_path / "log"
    with Client(tts={"binding": str(folder), "log": str(log)}) as client:
        scene = Scene(folder, log, client)
        client.tts.load()
        scene.say("first")
        assert module_of(client).STARTED.wait(20)
        yield scene
        module_of(client).GO.set()


def test_calls_that_wait_are_served_together(scene: Scene) -> None:
    calls = [scene.say(text) for text in ("a", "bb", "ccc", "dddd")]
    scene.waits_for(5)
    module_of(scene.client).GO.set()
    sounds = [call.result(20) for call in calls]
    told = [asked[0] for asked in scene.asked()]
    assert (told[0], len(told[1]), told[2]) == (["first"], 3, told[2])
    assert sorted(text for texts in told[1:] for text in texts) == ["a", "bb", "ccc", "dddd"]
    assert [sound.duration_s for sound in sounds] == pytest.approx([0.6, 0.8, 1.0, 1.2])
    assert [sound.meta.binding for sound in sounds] == ["tts/probe"] * 4


def test_only_what_differs_in_its_words_alone_is_served_together(scene: Scene) -> None:
    plain, fast, seeded = scene.say("a"), scene.say("b", speed=2.0), scene.say("c", seed=1)
    again = scene.say("d")
    scene.waits_for(4)
    module_of(scene.client).GO.set()
    for call in (plain, fast, seeded, again):
        call.result(20)
    asked = [(sorted(texts), speed, seed) for texts, speed, seed in scene.asked()[1:]]
    both = [["a", "d"], 1.0, None], [["b"], 2.0, None], [["c"], 1.0, 1]
    assert sorted(asked) == [tuple(one) for one in both]


def test_one_that_fails_spoils_it_for_nobody(scene: Scene) -> None:
    good, bad, other = scene.say("a"), scene.say("bad"), scene.say("c")
    scene.waits_for(4)
    module_of(scene.client).GO.set()
    assert good.result(20).duration_s == pytest.approx(0.6)
    assert other.result(20).duration_s == pytest.approx(0.6)
    with pytest.raises(CallFailed, match="not that"):
        bad.result(20)


def test_who_gave_up_waiting_is_not_served(scene: Scene) -> None:
    late = scene.say("late", timeout_s=0.1)
    stays = scene.say("a")
    with pytest.raises(DeadlineExceeded):
        late.result(20)
    scene.waits_for(2)
    module_of(scene.client).GO.set()
    stays.result(20)
    assert [asked[0] for asked in scene.asked()] == [["first"], ["a"]]


def test_awaited_calls_and_workers_do_so_too(
    write_binding: BindingWriter, tmp_path: Path, home: Path
) -> None:
    folder = write_binding(
        code=CODE.replace('if text == "first":', "if False:"),
        manifest=MANIFEST + "max_batch_size: 8\n",
    )
    log = tmp_path / "log"
    texts = [f"text {number}" for number in range(24)]

    async def spoken() -> list[float]:
        chosen = {"binding": str(folder), "log": str(log), "runs": "worker"}
        async with AsyncClient(tts=chosen) as client:
            await client.tts.load()
            calls = (client.tts.generate_audio(text, verify=False) for text in texts)
            return [sound.duration_s for sound in await asyncio.gather(*calls)]

    assert asyncio.run(spoken()) == pytest.approx([0.2 * (2 + len(text)) for text in texts])
    asked = [json.loads(line)[0] for line in log.read_text().splitlines()]
    assert sorted(text for each in asked for text in each) == sorted(texts)
    assert max(map(len, asked)) > 1
    assert max(map(len, asked)) <= 8


def test_threads_get_their_own_results(
    write_binding: BindingWriter, tmp_path: Path, home: Path
) -> None:
    folder = write_binding(
        code=CODE.replace('if text == "first":', "if False:"),
        manifest=MANIFEST + "max_batch_size: 4\n",
    )
    with (
        Client(tts={"binding": str(folder), "log": str(tmp_path / "log")}) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        texts = ["a" * (1 + number % 7) for number in range(60)]
        speak = client.tts.generate_audio
        durations = [
            sound.duration_s for sound in pool.map(lambda text: speak(text, verify=False), texts)
        ]
    assert durations == pytest.approx([0.2 * (2 + len(text)) for text in texts])

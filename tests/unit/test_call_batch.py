from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import BindingWriter
from tests.journeys import TONE, Voice
from tests.service import CODE, MANIFEST, MODELS, Service

from omnibind import AsyncClient, Client, Image, TTIBindingManager, TTSBindingManager
from omnibind.calls.callbacks import Event
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    BadOutput,
    BadReply,
    Cancelled,
    ContentRefused,
    DeadlineExceeded,
    OmnibindError,
    SettingMissing,
)
from omnibind.contracts.tti import TTIBinding
from omnibind.modalities.images import Images

PROMPTS = ["a cat", "a dog", "a bird"]


def painted(prompt: str) -> Image:
    return Image(bytes(Client(tti="mock").tti.generate_image(prompt)))


class Painter(TTIBinding):
    """Paints by a native batch, and does as it is told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.singles: list[str] = []
        self.outputs: Any = None

    def generate_image(self, prompt: str, *, width: int = 64) -> Image:
        self.singles.append(prompt)
        if prompt == "a weapon":
            raise ContentRefused("not that")
        return painted(prompt)

    def generate_image_batch(self, prompts: list[str], *, width: int = 64) -> Any:
        self.batches.append(prompts)
        if "a weapon" in prompts:
            raise ContentRefused("one of these, not that")
        if isinstance(self.outputs, Exception):
            raise self.outputs
        drawn = [painted(prompt) for prompt in prompts]
        return self.outputs(drawn) if self.outputs else drawn


@pytest.fixture
def painter(home: Path) -> Iterator[Painter]:
    """A binding with a native batch, registered under ``painter``."""
    painter = Painter()
    TTIBindingManager.register_binding("painter", lambda: painter)
    yield painter
    TTIBindingManager.unregister_binding("painter")


@pytest.fixture
def voice(home: Path) -> Iterator[Voice]:
    """A voice without a native batch, registered under ``voice``."""
    voice = Voice()
    TTSBindingManager.register_binding("voice", lambda: voice)
    yield voice
    TTSBindingManager.unregister_binding("voice")


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


def test_a_native_batch_draws_what_single_calls_draw(painter: Painter) -> None:
    client = Client(tti="painter")
    drawn = client.tti.generate_image_batch(PROMPTS)
    assert painter.batches == [PROMPTS]
    assert painter.singles == []
    assert drawn == [Client(tti="mock").tti.generate_image(prompt) for prompt in PROMPTS]
    assert all(image.meta.binding == "tti/painter" for image in drawn)
    assert client.costs()[0].calls == 3
    recipes = [image.recipe.subject for image in drawn if image.recipe]
    assert recipes == [{"prompt": prompt} for prompt in PROMPTS]


def test_where_there_is_no_native_batch_each_is_a_call_in_order(home: Path) -> None:
    client, texts = Client(tts="mock"), ["one", "two three", "four"]
    spoken = client.tts.generate_audio_batch(texts, "bass", speed=1.5)
    assert spoken == [client.tts.generate_audio(text, "bass", speed=1.5) for text in texts]
    assert [sound.meta.characters for sound in spoken] == [3, 9, 4]
    sounds = client.tts.generate_audio_batch(text for text in texts)
    heard = Client(stt="mock").stt.transcribe_audio_batch(sounds)
    assert len(heard) == 3


def test_an_empty_batch_is_empty_and_a_str_is_no_batch(home: Path) -> None:
    client = Client.from_config("mock")
    assert client.tts.generate_audio_batch([]) == []
    assert client.tti.generate_image_batch(iter(())) == []
    for wrong in ("a cat", b"a cat", 3):
        with pytest.raises(BadOption, match="give a list"):
            client.tti.generate_image_batch(wrong)  # type: ignore[arg-type]
    with pytest.raises(SettingMissing):
        Client().tti.generate_image_batch(["a cat"])


def test_an_error_ends_a_batch_unless_errors_are_wanted(painter: Painter, voice: Voice) -> None:
    texts = ["one", " ", "three"]
    client = Client(tts="voice", tti="painter")
    with pytest.raises(BadInput):
        client.tts.generate_audio_batch(texts)
    first, second, third = client.tts.generate_audio_batch(texts, return_errors=True)
    assert first == third == TONE
    assert isinstance(second, BadInput)
    prompts = ["a cat", "a weapon", "a dog"]
    with pytest.raises(ContentRefused, match="not that"):
        client.tti.generate_image_batch(prompts)
    drawn = client.tti.generate_image_batch(prompts, return_errors=True)
    assert [type(one) for one in drawn] == [Image, ContentRefused, Image]
    assert str(drawn[1]) == "not that", "the fault isn't told of the one that has it"


def test_return_errors_is_for_a_batch_alone(home: Path) -> None:
    with pytest.raises(BadOption, match="is for a batch"):
        Client(tts="mock").tts.generate_audio("hello", return_errors=True)
    with pytest.raises(BadOption, match="is for a batch"):
        Client(tti="mock").tti.generate_images("a cat", 2, return_errors=True)


@pytest.mark.parametrize("outputs", [lambda drawn: drawn[:2], lambda drawn: None])
def test_a_native_batch_that_gives_too_little_is_done_one_by_one(
    painter: Painter, outputs: Any
) -> None:
    painter.outputs = outputs
    assert len(Client(tti="painter").tti.generate_image_batch(PROMPTS)) == 3
    assert painter.singles == PROMPTS


def test_bad_output_in_a_native_batch_is_made_again_alone(painter: Painter) -> None:
    painter.outputs = lambda drawn: [drawn[0], b"no picture", drawn[2]]
    drawn = Client(tti="painter").tti.generate_image_batch(PROMPTS)
    assert painter.singles == ["a dog"]
    assert drawn == [Client(tti="mock").tti.generate_image(prompt) for prompt in PROMPTS]


def test_an_engine_that_cant_do_them_together_does_them_alone(painter: Painter) -> None:
    painter.outputs = MemoryError("too many")
    client = Client(tti="painter")
    assert len(client.tti.generate_image_batch(PROMPTS)) == 3
    assert painter.singles == PROMPTS


def test_each_of_a_batch_has_events_of_its_own(painter: Painter, voice: Voice) -> None:
    for verb in ("images", "speech", "fallen"):
        events: list[Event] = []
        listening: Any = {"on_request": events.append, "on_response": events.append}
        client = Client(tti="painter", tts="voice", on_error=events.append, **listening)
        painter.outputs = MemoryError("too many") if verb == "fallen" else None
        if verb == "speech":
            client.tts.generate_audio_batch(PROMPTS)
        else:
            client.tti.generate_image_batch(PROMPTS)
        calls: dict[str, list[str]] = {}
        for event in events:
            calls.setdefault(event.call_id, []).append(event.kind)
        assert list(calls.values()) == [["request", "response"]] * 3, verb


def test_a_batch_that_nobody_could_serve_ends_each_call_once(painter: Painter) -> None:
    events: list[Event] = []
    client = Client(tti="painter", on_request=events.append, on_error=events.append)
    painter.outputs = Cancelled("by the engine")
    with pytest.raises(Cancelled):
        client.tti.generate_image_batch(PROMPTS, return_errors=True)
    assert [event.kind for event in events] == ["request"] * 3 + ["error"] * 3


def test_cancelling_ends_the_whole_batch(voice: Voice) -> None:
    client = Client(tts="voice")
    running, go_on = threading.Event(), threading.Event()

    def meanwhile() -> None:
        running.set()
        go_on.wait(10)

    voice.meanwhile = meanwhile
    call = client.submit(client.tts.generate_audio_batch, ["a", "b", "c"], return_errors=True)
    assert running.wait(10)
    call.cancel()
    with pytest.raises(Cancelled):
        call.result(10)
    go_on.set()
    client.unload()
    assert voice.calls == 1


def test_a_deadline_keeps_what_was_done(voice: Voice) -> None:
    client = Client(tts="voice")
    go_on = threading.Event()

    def meanwhile() -> None:
        if voice.calls == 2:
            go_on.wait(10)

    voice.meanwhile = meanwhile
    spoken: list[Any] = client.tts.generate_audio_batch(
        ["a", "b", "c", "d"], return_errors=True, timeout_s=0.3
    )
    go_on.set()
    client.unload()
    assert spoken[0] == TONE
    assert [type(one) for one in spoken[1:]] == [DeadlineExceeded] * 3
    assert "number 3 of the batch" in str(spoken[2])
    assert voice.calls == 2


def test_asyncio_serves_batches_alike(painter: Painter, voice: Voice) -> None:
    async def drawn() -> list[Any]:
        client = AsyncClient(tti="painter", tts="voice")
        return [
            await client.tti.generate_image_batch(PROMPTS),
            await client.tts.generate_audio_batch(["one", "", "three"], return_errors=True),
        ]

    images, speech = asyncio.run(drawn())
    assert painter.batches == [PROMPTS]
    assert images == Client(tti="mock").tti.generate_image_batch(PROMPTS)
    assert [isinstance(one, OmnibindError) for one in speech] == [False, True, False]


# ── what was paid for ──


REMOTE_BATCH = (
    CODE
    + """
    def generate_image_batch(self, prompts, **options):
        raise BadReply("half of it was lost")
"""
)


def test_a_paid_batch_that_failed_isnt_paid_again(
    home: Path, write_binding: BindingWriter, service: Service
) -> None:
    write_binding(
        "draws",
        root=home / "bindings",
        modality="tti",
        manifest=MANIFEST,
        code=REMOTE_BATCH,
        models=MODELS,
    )
    client = Client(tti={"binding": "draws", "url": service.url}, budget_usd=1.0)
    with pytest.raises(BadReply):
        client.tti.generate_image_batch(PROMPTS)
    assert service.asked == []
    errors: list[Any] = client.tti.generate_image_batch(PROMPTS, return_errors=True)
    assert [type(error) for error in errors] == [BadReply] * 3
    assert client.total_cost().unknown == 6
    drawn = client.tti.generate_image_batch(PROMPTS, retry_paid=True)
    assert len(drawn) == len(service.asked) == 3


# ── several pictures of one prompt ──


def test_each_picture_has_a_seed_that_makes_it_again(home: Path) -> None:
    client = Client(tti="mock")
    images = client.tti.generate_images("a cat", 3, width=64)
    assert isinstance(images, Images)
    assert isinstance(images, list)
    seeds = [image.meta.seed for image in images]
    assert len(set(seeds)) == 3
    for image, seed in zip(images, seeds, strict=True):
        assert seed is not None
        assert client.tti.generate_image("a cat", width=64, seed=seed) == image
    assert images.meta.binding == "tti/mock"
    assert images.meta.seed is None
    assert images.meta.cost_usd == 0.0
    assert images.meta.seconds == pytest.approx(sum(image.meta.seconds or 0 for image in images))


def test_a_given_seed_is_the_first_ones(home: Path) -> None:
    client = Client(tti="mock")
    images = client.tti.generate_images("a cat", 2, seed=7)
    assert [image.meta.seed for image in images] == [7, 8]
    with pytest.raises(BadOption):
        client.tti.generate_images("a cat", 2, seed=2**32 - 1)
    assert client.costs()[0].calls == 2, "a picture was made before the seed was refused"
    for wrong in (0, -1, 1.5, True, "3"):
        with pytest.raises(BadOption, match="n is"):
            client.tti.generate_images("a cat", wrong)  # type: ignore[arg-type]


def test_a_binding_without_a_seed_draws_them_together(painter: Painter) -> None:
    images = Client(tti="painter").tti.generate_images("a cat", 3)
    assert painter.batches == [["a cat"] * 3]
    assert [image.meta.seed for image in images] == [None] * 3


def test_one_deadline_holds_for_all_pictures(painter: Painter) -> None:
    client = Client(tti="painter")
    with pytest.raises(DeadlineExceeded):
        client.tti.generate_images("a cat", 3, timeout_s=1e-9)
    call = client.submit(client.tti.generate_images, "a cat", 2)
    assert len(call.result(30)) == 2


def test_a_bad_picture_of_several_is_told(home: Path) -> None:
    with pytest.raises(BadOutput):
        Client(tti="mock", max_result_bytes=10).tti.generate_images("a cat", 2)


@pytest.mark.parametrize(
    ("modality", "verb"),
    [("ttm", "generate_music"), ("ttv", "generate_video"), ("sfx", "generate_sound")],
)
def test_a_batch_of_prompts_gives_what_single_calls_give(
    home: Path, modality: str, verb: str
) -> None:
    named: Any = {modality: "mock"}
    handle = getattr(Client(**named), modality)
    prompts, options = ["a slow waltz", "a race"], {"duration_s": 0.5, "seed": 3}
    one_by_one = [getattr(handle, verb)(prompt, **options) for prompt in prompts]
    assert getattr(handle, f"{verb}_batch")(prompts, **options) == one_by_one
    awaited = getattr(AsyncClient(**named), modality)
    assert asyncio.run(getattr(awaited, f"{verb}_batch")(prompts, **options)) == one_by_one


class SeededPainter(TTIBinding):
    """Paints by a native batch that takes a seed for each picture."""

    seeds: list[int] | None = None

    def generate_image(self, prompt: str, *, seed: int = 0) -> Image:
        return painted(f"{prompt} {seed}")

    def generate_image_batch(
        self, prompts: list[str], *, seed: int = 0, seeds: list[int] | None = None
    ) -> list[Image]:
        self.seeds = seeds
        return [
            painted(f"{prompt} {own}") for prompt, own in zip(prompts, seeds or [], strict=True)
        ]


def test_a_batch_that_takes_a_seed_for_each_draws_them_together(home: Path) -> None:
    painter = SeededPainter()
    TTIBindingManager.register_binding("painter", lambda: painter)
    try:
        images = Client(tti="painter").tti.generate_images("a cat", 3, seed=4)
    finally:
        TTIBindingManager.unregister_binding("painter")
    assert painter.seeds == [4, 5, 6]
    assert [image.meta.seed for image in images] == [4, 5, 6]
    assert [image == painted(f"a cat {n}") for n, image in zip((4, 5, 6), images, strict=True)] == [
        True
    ] * 3

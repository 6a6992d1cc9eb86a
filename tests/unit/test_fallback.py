from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter
from tests.service import CODE as DRAWS
from tests.service import MANIFEST as DRAWS_MANIFEST
from tests.service import MODELS, Answer, Service

from omnibind import AsyncClient, Client
from omnibind.calls.callbacks import Event
from omnibind.contracts.errors import (
    AllFailed,
    BadConfig,
    BadInput,
    BadOption,
    CallFailed,
    ContentRefused,
    KeyMissing,
    UnknownModel,
    UnknownOption,
    UnknownVoice,
)

KEYED = MANIFEST + "keys: [[PROBE_API_KEY]]\n"


@pytest.fixture
def keyless(home: Path, write_binding: BindingWriter) -> str:
    """The name of a binding whose key isn't set."""
    write_binding("keyless", root=home / "bindings", manifest=KEYED, code=CODE)
    return "keyless"


@pytest.fixture
def probe(home: Path, write_binding: BindingWriter) -> str:
    """The name of a binding that speaks."""
    write_binding("probe", root=home / "bindings", code=CODE)
    return "probe"


@pytest.fixture
def broken(home: Path, write_binding: BindingWriter) -> str:
    """The name of a binding that fails."""
    code = CODE.replace(
        "        frames = int(", '        raise RuntimeError("no power")\n        frames = int('
    )
    write_binding("broken", root=home / "bindings", code=code)
    return "broken"


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


def test_the_first_that_is_ready_serves(probe: str) -> None:
    speech = Client(tts=[probe, "mock"]).tts.generate_audio("hello")
    assert speech.meta.binding == "tts/probe"
    assert speech.meta.served_by is None
    assert speech.meta.warnings == ()


def test_one_that_isnt_ready_is_passed_over_and_named(keyless: str, probe: str) -> None:
    events: list[Event] = []
    client = Client(tts=[keyless, probe], on_fallback=events.append)
    assert client.tts
    assert client.tts.state == "ready"
    speech = client.tts.generate_audio("hello")
    assert speech.meta.served_by == "tts/probe"
    (warning,) = speech.meta.warnings
    assert warning.startswith("tts/keyless didn't serve this call, tts/probe did: ")
    assert "PROBE_API_KEY" in warning
    (event,) = events
    assert (event.binding, event.model, event.next_binding) == ("tts/keyless", None, "tts/probe")
    assert isinstance(event.error, KeyMissing)


def test_one_that_fails_is_followed_by_the_next(broken: str, probe: str, caplog: Any) -> None:
    client = Client(tts=[broken, probe, "mock"])
    with caplog.at_level(logging.WARNING, "omnibind.calls"):
        speech = client.tts.generate_audio("hello")
    assert speech.meta.served_by == "tts/probe"
    assert "no power" in speech.meta.warnings[0]
    assert "tts/probe is tried next" in caplog.text


def test_each_one_passed_over_is_named_in_order(keyless: str, broken: str) -> None:
    events: list[Event] = []
    client = Client(tts=[keyless, broken, "mock"], on_fallback=events.append)
    speech = client.tts.generate_audio("hello")
    assert [text.split()[0] for text in speech.meta.warnings] == ["tts/keyless", "tts/broken"]
    assert [(event.binding, event.next_binding) for event in events] == [
        ("tts/keyless", "tts/broken"),
        ("tts/broken", "tts/mock"),
    ]


def test_one_whose_schema_doesnt_take_the_options_is_passed_over(probe: str) -> None:
    speech = Client(tts=[probe, "mock"]).tts.generate_audio("hello", temperature=0.0)
    assert speech.meta.served_by == "tts/mock"
    assert "'temperature' is unknown to tts/probe" in speech.meta.warnings[0]
    picky = Client(tts=["mock", probe]).tts.generate_audio("hello", mood="wild")
    assert picky.meta.served_by == "tts/probe"


def test_an_option_that_nobody_takes_is_the_first_ones_error(probe: str) -> None:
    client = Client(tts=[probe, "mock"])
    with pytest.raises(UnknownOption, match="tts/probe"):
        client.tts.generate_audio("hello", loudness=3)
    with pytest.raises(BadOption, match="tts/probe"):
        client.tts.generate_audio("hello", speed=9.0)


def test_a_voice_is_never_replaced(probe: str) -> None:
    client = Client(tts=[probe, "mock"])
    assert client.tts.generate_audio("hello", "low").meta.binding == "tts/probe"
    bass = client.tts.generate_audio("hello", "bass")
    assert bass.meta.served_by == "tts/mock"
    assert bass == Client(tts="mock").tts.generate_audio("hello", "bass")
    with pytest.raises(UnknownVoice, match="'nobody' is unknown to probe"):
        client.tts.generate_audio("hello", "nobody")


def test_a_model_is_never_replaced(home: Path) -> None:
    sound = Client(tts="mock").tts.generate_audio("hello")
    with pytest.raises(UnknownModel):
        Client(stt=["mock", {"binding": "mock", "model": "gigantic"}]).stt.transcribe_audio(
            sound, "enormous"
        )


def test_strict_forbids_it(keyless: str, broken: str) -> None:
    with pytest.raises(KeyMissing):
        Client(tts=[keyless, "mock"]).tts.generate_audio("hello", strict=True)
    with pytest.raises(CallFailed, match="no power"):
        Client(tts=[broken, "mock"], strict=True).tts.generate_audio("hello")
    assert Client(tts=[broken, "mock"], strict=True).tts.generate_audio("hello", strict=False)


def test_all_that_failed_are_told_in_order_with_their_commands(
    keyless: str, broken: str, home: Path
) -> None:
    client = Client(tts=[keyless, broken, "piper"])
    with pytest.raises(AllFailed) as caught:
        client.tts.generate_audio("hello")
    assert [type(error).__name__ for error in caught.value.errors] == [
        *("KeyMissing", "CallFailed", "WeightsMissing"),
    ]
    for words in ("none of 3", "(1) ", "PROBE_API_KEY", "(2) ", "no power", "omnibind pull tts/pi"):
        assert words in str(caught.value)


def test_one_alone_keeps_its_own_error(keyless: str, broken: str) -> None:
    with pytest.raises(KeyMissing):
        Client(tts=[keyless]).tts.generate_audio("hello")
    with pytest.raises(CallFailed) as caught:
        Client(tts=broken).tts.generate_audio("hello")
    assert type(caught.value) is CallFailed


@pytest.mark.parametrize("text", ["", "  ", 3])
def test_wrong_input_is_everybodys_error_and_no_fallback(keyless: str, text: Any) -> None:
    events: list[Event] = []
    client = Client(tts=[keyless, "mock"], on_fallback=events.append)
    with pytest.raises(BadInput):
        client.tts.generate_audio(text)
    assert events == []


def test_a_file_that_isnt_there_is_everybodys_error(home: Path, tmp_path: Path) -> None:
    client = Client(stt=["mock", {"binding": "mock", "model": "loud"}])
    with pytest.raises(BadInput, match="gone"):
        client.stt.transcribe_audio(tmp_path / "gone.wav")


def test_a_text_that_is_too_long_for_one_may_go_to_the_next(
    home: Path, write_binding: BindingWriter, probe: str
) -> None:
    short = MANIFEST + "capabilities: {max_characters: 10}\n"
    write_binding("short", root=home / "bindings", manifest=short, code=CODE)
    client = Client(tts=["short", probe])
    assert client.tts.generate_audio("short").meta.binding == "tts/short"
    assert client.tts.generate_audio("a longer text").meta.served_by == "tts/probe"
    with pytest.raises(BadInput, match="has 13 characters; at most 10"):
        Client(tts="short").tts.generate_audio("a longer text")


def test_an_open_file_is_heard_by_the_second_too(
    home: Path, write_binding: BindingWriter, tmp_path: Path
) -> None:
    code = '''
    """Hears nothing."""
    from omnibind import Source, STTBinding


    class Deaf(STTBinding):
        """Reads, and fails."""

        def transcribe_audio(self, audio_path, model: str | None = None) -> str:
            Source.of(audio_path).read()
            raise RuntimeError("deaf")

        def list_models(self) -> list[str]:
            return []
    '''
    manifest = MANIFEST.replace("Probe", "Deaf")
    write_binding("deaf", modality="stt", root=home / "bindings", manifest=manifest, code=code)
    path = Client(tts="mock").tts.generate_audio("one two").save(tmp_path / "x.wav")
    with path.open("rb") as file:
        heard = Client(stt=["deaf", "mock"]).stt.transcribe_audio(file)
    assert heard.meta.served_by == "stt/mock"
    assert heard == Client(stt="mock").stt.transcribe_audio(path)


@pytest.mark.parametrize("status", [401, 402, 429, 503, 500])
def test_a_service_that_fails_is_followed_and_a_refusal_isnt(
    home: Path, write_binding: BindingWriter, service: Service, status: int
) -> None:
    write_binding(
        "draws",
        root=home / "bindings",
        modality="tti",
        manifest=DRAWS_MANIFEST,
        code=DRAWS,
        models=MODELS,
    )
    service.answers = [Answer(status, {"retry-after": "1000"})]
    client = Client(tti=[{"binding": "draws", "url": service.url}, "mock"])
    image = client.tti.generate_image("a cat", width=64)
    assert image.meta.served_by == "tti/mock"
    assert str(status) in image.meta.warnings[0]
    service.answers = [Answer(451)]
    with pytest.raises(ContentRefused):
        client.tti.generate_image("a cat", width=64)


def test_a_list_in_a_configuration_file_is_an_order(keyless: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("tts: [keyless, {binding: mock, config: {default_voice: bass}}]\n")
    client = Client.from_config(path)
    assert client.tts.binding_names == ["keyless", "mock"]
    assert client.tts.generate_audio("hello").meta.served_by == "tts/mock"
    path.write_text("tts: []\n")
    with pytest.raises(BadConfig, match=r"own\.yaml.*empty list"):
        Client.from_config(path)
    path.write_text("tts: [mock, mock]\n")
    with pytest.raises(BadConfig, match=r"own\.yaml.*twice"):
        Client.from_config(path)


async def _spoken(client: AsyncClient) -> Any:
    return await client.tts.generate_audio("hello")


def test_the_async_client_falls_back_alike(keyless: str, broken: str) -> None:
    import asyncio

    speech = asyncio.run(_spoken(AsyncClient(tts=[keyless, broken, "mock"])))
    assert speech.meta.served_by == "tts/mock"
    assert len(speech.meta.warnings) == 2

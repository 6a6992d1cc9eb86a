"""What checkers see of the public names; mypy reads this file, pytest runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, assert_type

import omnibind
from omnibind import (
    Audio,
    Client,
    Image,
    Range,
    Segment,
    Transcript,
    TTSBinding,
    TTSBindingManager,
    Video,
)
from omnibind.discovery.diagnosis import Diagnosis
from omnibind.modalities import TextToSpeech


def test_the_handles_give_the_media_types(home: Path) -> None:
    client = Client.from_config("mock")
    assert_type(client, Client)
    assert_type(client.tts, TextToSpeech)
    assert_type(client.tts.generate_audio("hello"), Audio)
    assert_type(client.tts.list_voices(), list[str])
    assert_type(client.tti.generate_image("a cat", "", 64, 64), Image)
    assert_type(client.ttm.generate_music("a waltz"), Audio)
    assert_type(client.sfx.generate_sound("a dog barks", 2.0), Audio)
    assert_type(client.ttv.generate_video("a race"), Video)
    heard = client.stt.transcribe_audio(client.tts.generate_audio("hello there"))
    assert_type(heard, Transcript)
    assert_type(heard.segments, tuple[Segment, ...])


def test_a_manager_gives_bindings_of_its_contract(home: Path) -> None:
    manager = TTSBindingManager()
    assert_type(manager.create_binding("mock"), TTSBinding)
    assert_type(manager.diagnose("mock"), Diagnosis)


def test_a_closed_override_of_the_verb_is_accepted() -> None:
    class Closed(TTSBinding):
        """A binding whose options are declared."""

        def generate_audio(
            self,
            text: str,
            voice: str | None = None,
            *,
            speed: Annotated[float, Range(0.5, 2.0), "tempo"] = 1.0,
        ) -> Audio:
            raise RuntimeError(text, voice, speed)

        def list_voices(self) -> list[str]:
            return []

    assert Closed().list_voices() == []


def wrong_uses(client: Client) -> None:
    """Each ignore is needed: mypy complains about one that isn't."""
    omnibind.no_such_name  # type: ignore[attr-defined]  # noqa: B018
    Client(tss="mock")  # type: ignore[call-arg]
    Client(tts=3)  # type: ignore[arg-type]
    client.tts.generate_audio(3)  # type: ignore[arg-type]
    client.stt.transcribe_audio(3)  # type: ignore[arg-type]

"""The contracts of a remote binding: its verb runs its flow."""

from __future__ import annotations

from typing import Any

from omnibind.contracts.media import AudioInput, Transcript
from omnibind.contracts.sfx import SFXBinding
from omnibind.contracts.stt import STTBinding
from omnibind.contracts.tti import TTIBinding
from omnibind.contracts.ttm import TTMBinding
from omnibind.contracts.tts import TTSBinding, Voice
from omnibind.contracts.ttv import TTVBinding
from omnibind.remote.binding import RemoteBinding


class RemoteTTS(RemoteBinding, TTSBinding):
    """A service that speaks; defines ``generate_audio_flow`` and perhaps ``stream_audio_flow``."""

    def generate_audio(
        self, text: str, voice: str | None = None, *args: Any, **options: Any
    ) -> bytes:
        """Speak ``text``; see the flow for the options."""
        result: bytes = self.alone("generate_audio", text, voice, **options)
        return result

    def list_voices(self, *args: Any, **options: Any) -> list[str]:
        """Return the voices that there are; see the flow for the options."""
        voices: list[str] = self.alone("list_voices", **options)
        return voices

    async def list_voices_flow(self) -> list[str]:
        """Return the voices that the catalogue lists, sorted."""
        return sorted({name for entry in self._models.values() for name in entry.voices})

    def voices(self) -> list[Voice]:
        """Return the voices that there are, with what is known of them."""
        voices: list[Voice] = self.alone("voices")
        return voices

    async def voices_flow(self) -> list[Voice]:
        """Return the voices of the list, with what the catalogue says of them."""
        return [
            self._voice_facts.get(name) or Voice(name) for name in await self.list_voices_flow()
        ]


class RemoteTTI(RemoteBinding, TTIBinding):
    """A service that draws; defines ``generate_image_flow`` and perhaps ``edit_image_flow``."""

    def generate_image(self, prompt: str, *args: Any, **options: Any) -> bytes:
        """Draw what ``prompt`` describes; see the flow for the options."""
        result: bytes = self.alone("generate_image", prompt, **options)
        return result


class RemoteSTT(RemoteBinding, STTBinding):
    """A service that writes down speech; defines ``transcribe_audio_flow``."""

    def transcribe_audio(
        self, audio_path: AudioInput, model: str | None = None, *args: Any, **options: Any
    ) -> Transcript:
        """Write down the speech in a sound; see the flow for the options."""
        result: Transcript = self.alone("transcribe_audio", audio_path, model, **options)
        return result


class RemoteTTM(RemoteBinding, TTMBinding):
    """A service that composes; defines ``generate_music_flow``."""

    def generate_music(self, prompt: str, *args: Any, **options: Any) -> bytes:
        """Compose what ``prompt`` describes; see the flow for the options."""
        result: bytes = self.alone("generate_music", prompt, **options)
        return result


class RemoteTTV(RemoteBinding, TTVBinding):
    """A service that films; defines ``generate_video_flow`` and perhaps ``sync_lips_flow``."""

    def generate_video(self, prompt: str, *args: Any, **options: Any) -> bytes:
        """Film what ``prompt`` describes; see the flow for the options."""
        result: bytes = self.alone("generate_video", prompt, **options)
        return result

    def list_concepts(self, *args: Any, **options: Any) -> list[str]:
        """Return the names that the option ``concepts`` takes; see the flow for the options."""
        concepts: list[str] = self.alone("list_concepts", **options)
        return concepts

    async def list_concepts_flow(self) -> list[str]:
        """Return nothing: most services have none."""
        return []


class RemoteSFX(RemoteBinding, SFXBinding):
    """A service that makes sound effects; defines ``generate_sound_flow``."""

    def generate_sound(self, prompt: str, *args: Any, **options: Any) -> bytes:
        """Make the sound that ``prompt`` describes; see the flow for the options."""
        result: bytes = self.alone("generate_sound", prompt, **options)
        return result

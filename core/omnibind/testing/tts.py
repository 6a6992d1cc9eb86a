"""The contract suite of text to speech."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from omnibind.client import Client
from omnibind.contracts.errors import OmnibindError, UnknownVoice

from .batch_tests import BatchTests
from .folder_tests import FolderTests
from .life_tests import LifeTests
from .names import assert_names, usable_names
from .option_tests import OptionTests
from .specimen import Specimen, ends
from .stream_tests import SoundStreamTests
from .suite import NEVER_A_NAME
from .usable import assert_sound

UNUSUAL = ("Hello 🙂!", "7", "Übermäßig naïve — “quoted”", "one\ntwo\n\nthree", "مرحبا", "...!")


class TTSContract(SoundStreamTests, BatchTests, OptionTests, LifeTests, FolderTests):
    """What every binding that speaks must do.

    Attributes:
        sample_text: What it says in most tests; in a language that it speaks.
        voice: The voice of most tests; None is its default.
    """

    modality: ClassVar[str] = "tts"
    stream_name: ClassVar[str] = "stream_audio"
    sample_text: ClassVar[str] = "The quick brown fox jumps over the lazy dog."
    voice: ClassVar[str | None] = None

    def make(self, specimen: Specimen, **options: Any) -> Any:
        """Speak the sample."""
        return self.speak(specimen, self.sample_text, self.voice, **options)

    def make_by(self, client: Client, **options: Any) -> Any:
        """Speak the sample through a client."""
        options = {**self.minimal_options, **options}
        return client.tts.generate_audio(self.sample_text, self.voice, **options)

    def speak(self, specimen: Specimen, text: str, voice: str | None = None, **options: Any) -> Any:
        """Speak ``text``."""
        subject = (text,) if voice is None else (text, voice)
        return specimen.call(*subject, **{**self.minimal_options, **options})

    def streamed_subject(self) -> tuple[Any, ...]:
        """Return three sentences."""
        text = " ".join([self.sample_text] * 3)
        return (text,) if self.voice is None else (text, self.voice)

    def batch(self) -> tuple[list[Any], tuple[Any, ...]]:
        """Return two texts."""
        texts = [self.sample_text, f"{self.sample_text} {self.sample_text}"]
        return texts, () if self.voice is None else (self.voice,)

    def assert_usable(self, result: Any, told: str) -> None:
        """Assert that it is a sound."""
        assert_sound(result, told)

    def test_longer_text_gives_longer_sound(self, specimen: Specimen) -> None:
        """Twice the text takes at least half as long again."""
        longer = f"{self.sample_text} {self.sample_text}"
        texts = (self.sample_text, longer)
        one, two = (assert_sound(self.speak(specimen, text, self.voice), text) for text in texts)
        assert two.duration_s > 1.5 * one.duration_s, (
            f"{one.duration_s:.2f} s of sound for the text, {two.duration_s:.2f} s for it twice"
        )

    def test_unusual_text_is_spoken_or_refused(self, specimen: Specimen) -> None:
        """Emoji, digits, other scripts and lines end in sound or in an error of ours."""
        for text in UNUSUAL:
            try:
                result = self.speak(specimen, text, self.voice)
            except OmnibindError:
                continue
            if type(result) is bytes or isinstance(result, bytes):
                assert len(result) > 0, f"{text!r} gives nothing, and no error"

    def test_voices_are_names_in_order(self, specimen: Specimen) -> None:
        """``list_voices`` gives different names, sorted."""
        voices = assert_names(specimen.binding.list_voices(), "list_voices")
        assert voices == sorted(voices), "list_voices() isn't sorted"

    def test_the_listed_voices_can_be_used(self, specimen: Specimen) -> None:
        """Each voice that is here speaks, and two of them don't sound the same."""
        voices = assert_names(specimen.binding.list_voices(), "list_voices")
        spoken = usable_names(
            voices, lambda name: self._spoken_by(specimen, name), 1 if self.heavy else 4
        )
        for name, result in spoken.items():
            assert_sound(result, f"with the voice {name!r}")
        if specimen.has("seed"):
            different = {bytes(result) for result in spoken.values()}
            assert len(different) == len(spoken), f"{', '.join(spoken)} sound the same"

    def _spoken_by(self, specimen: Specimen, voice: str) -> Any:
        return self.speak(specimen, self.sample_text, voice, **self.seeded(specimen))

    def test_an_unknown_voice_is_refused_by_its_name(self, specimen: Specimen) -> None:
        """A voice asked for by name is never replaced."""
        with pytest.raises(UnknownVoice) as caught:
            self.speak(specimen, self.sample_text, NEVER_A_NAME)
        assert NEVER_A_NAME in str(caught.value), f"{caught.value} doesn't say what was asked for"

    def test_speed_is_tempo(self, specimen: Specimen) -> None:
        """A higher speed takes less time, about as much less as it says."""
        option = specimen.options.option("speed")
        if option is None:
            pytest.skip("doesn't apply: the verb declares no speed")
        fast = max([*ends(option), 1.25])
        sounds = [assert_sound(self.make(specimen, speed=s), f"speed={s}") for s in (1.0, fast)]
        ratio = sounds[0].duration_s / sounds[1].duration_s
        # Pauses and the shortest sounds don't shrink with the tempo.
        assert ratio > 1 + 0.5 * (fast - 1), (
            f"speed={fast:g} is only {ratio:.2f} times as fast as speed=1"
        )

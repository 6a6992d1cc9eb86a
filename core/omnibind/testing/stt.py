"""The contract suite of speech to text."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from omnibind.client import Client
from omnibind.contracts.errors import BadInput, UnknownModel
from omnibind.contracts.media import Audio, Source, Transcript

from .batch_tests import BatchTests
from .folder_tests import FolderTests
from .life_tests import LifeTests
from .names import assert_names, usable_names
from .option_tests import OptionTests
from .specimen import Specimen
from .stream_tests import TextStreamTests
from .suite import NEVER_A_NAME
from .usable import assert_transcript

RATE = 16_000


class STTContract(TextStreamTests, BatchTests, OptionTests, LifeTests, FolderTests):
    """What every binding that writes down speech must do.

    Attributes:
        sample_audio: A recording with speech that it understands; None is three seconds of a buzz,
            which is enough only for an engine that doesn't listen closely.
        sample_words: Words that must come back from it, in lower case.
        model: The model of most tests; None is its default.
    """

    modality: ClassVar[str] = "stt"
    stream_name: ClassVar[str] = "stream_transcript"
    sample_audio: ClassVar[str | Path | None] = None
    sample_words: ClassVar[tuple[str, ...]] = ()
    model: ClassVar[str | None] = None
    shows_options: ClassVar[bool] = False

    def make(self, specimen: Specimen, **options: Any) -> Any:
        """Write down the sample."""
        return self.write(specimen, self.sample(), **options)

    def make_by(self, client: Client, **options: Any) -> Any:
        """Write down the sample through a client."""
        options = {**self.minimal_options, **options}
        return client.stt.transcribe_audio(self.sample(), self.model, **options)

    def write(self, specimen: Specimen, audio: Any, **options: Any) -> Any:
        """Write down what is said in ``audio``."""
        subject = (audio,) if self.model is None else (audio, self.model)
        return specimen.call(*subject, **{**self.minimal_options, **options})

    def streamed_subject(self) -> tuple[Any, ...]:
        """Return the sample twice in one."""
        import numpy as np

        sample = self.sample()
        twice = Audio.from_array(np.concatenate([sample.array()] * 2), sample.sample_rate)
        return (twice,) if self.model is None else (twice, self.model)

    def batch(self) -> tuple[list[Any], tuple[Any, ...]]:
        """Return the sample and it twice in one."""
        (twice, *rest) = self.streamed_subject()
        return [self.sample(), twice], tuple(rest)

    def sample(self) -> Audio:
        """The recording of most tests."""
        return _buzz() if self.sample_audio is None else Audio.from_file(self.sample_audio)

    def assert_usable(self, result: Any, told: str) -> None:
        """Assert that it is a transcript of the sample, and not an empty one."""
        transcript = assert_transcript(result, self.sample().duration_s, told)
        assert transcript.strip(), f"{told}: no words; name a recording with speech: sample_audio"

    def assert_made_of(self, subject: Any, result: Any, told: str) -> None:
        """Assert that it is a transcript of that recording."""
        assert_transcript(result, subject.duration_s, told)

    def is_repeatable(self, specimen: Specimen) -> bool:
        """Listening isn't left to chance."""
        return True

    def test_the_words_come_back(self, specimen: Specimen) -> None:
        """The sample's words are in the transcript."""
        if not self.sample_words:
            pytest.skip("doesn't apply: sample_words names none")
        text = self.make(specimen).lower()
        missing = [word for word in self.sample_words if word.lower() not in text]
        assert not missing, f"{', '.join(missing)} not found in {text!r}"

    def test_every_kind_of_input_gives_the_same(self, specimen: Specimen, tmp_path: Path) -> None:
        """A path, bytes, samples, a file object and a source of one sound are one sound."""
        sample = self.sample()
        path = tmp_path / "sample.wav"
        sample.save(path)
        expected = self.write(specimen, path)
        assert self.write(specimen, str(path)) == expected, "a path as str gives another text"
        assert self.write(specimen, path.read_bytes()) == expected, "bytes give another text"
        assert self.write(specimen, Source.file(path)) == expected, "a Source gives another text"
        with path.open("rb") as file:
            assert self.write(specimen, file) == expected, "a file object gives another text"
        buffer = io.BytesIO(path.read_bytes())
        assert self.write(specimen, buffer) == expected, "a buffer gives another text"
        audio = Audio.from_file(path)
        assert self.write(specimen, audio) == expected, "Audio gives another text"
        samples = audio.array()
        kept = samples.copy()
        assert self.write(specimen, (samples, audio.sample_rate)) == expected, (
            "(array, sample_rate) gives another text"
        )
        assert (samples == kept).all(), "the caller's array was changed"

    def test_what_cannot_be_read_is_refused(self, specimen: Specimen, tmp_path: Path) -> None:
        """A missing file, a folder, an empty one and a text named .wav raise BadInput."""
        empty, text = tmp_path / "empty.wav", tmp_path / "text.wav"
        empty.write_bytes(b"")
        text.write_text("This is not a sound.")
        half = self.sample()[: len(self.sample()) // 2]
        for wrong in (tmp_path / "missing.wav", tmp_path, empty, text, b"not a sound", half):
            with pytest.raises(BadInput):
                self.write(specimen, wrong)

    def test_silence_has_no_words(self, specimen: Specimen) -> None:
        """A silent recording is served with an empty transcript, through a client."""
        import numpy as np

        silence = (np.zeros(2 * RATE, np.float32), RATE)
        settings: dict[str, Any] = {
            "binding": str(specimen.folder),
            **specimen.config,
            **specimen.placed,
        }
        with Client(stt=settings) as client:
            result = client.stt.transcribe_audio(silence, self.model, **self.minimal_options)
        assert result.strip() == "", f"silence gives {str(result)!r}"

    def test_a_very_short_sound_is_served(self, specimen: Specimen) -> None:
        """A twentieth of a second gives a transcript, most likely an empty one."""
        samples = self.sample().array()[: RATE // 20]
        result = self.write(specimen, (samples, RATE))
        assert_transcript(result, RATE / 20, "for 0.05 s of sound")

    def test_models_are_names(self, specimen: Specimen) -> None:
        """``list_models`` gives different names."""
        assert_names(specimen.binding.list_models(), "list_models")

    def test_the_listed_models_can_be_used(self, specimen: Specimen) -> None:
        """The first models that are here can be asked for by name."""
        names = assert_names(specimen.binding.list_models(), "list_models")
        at_most = 1 if self.heavy else 2

        def use(name: str) -> Any:
            return specimen.call(self.sample(), name, **self.minimal_options)

        for name, result in usable_names(names, use, at_most).items():
            self.assert_usable(result, f"with the model {name!r}")

    def test_an_unknown_model_of_a_call_is_refused_by_its_name(self, specimen: Specimen) -> None:
        """A model asked for by name is never replaced."""
        with pytest.raises(UnknownModel) as caught:
            specimen.call(self.sample(), NEVER_A_NAME, **self.minimal_options)
        assert NEVER_A_NAME in str(caught.value), f"{caught.value} doesn't say what was asked for"

    def test_word_times_give_words(self, specimen: Specimen) -> None:
        """With ``word_times`` every segment has its words, with times inside it."""
        if not specimen.has("word_times"):
            pytest.skip("doesn't apply: the verb declares no word_times")
        result = self.make(specimen, word_times=True)
        assert isinstance(result, Transcript), f"the result is {type(result).__name__}"
        self.assert_usable(result, "with word_times=True")
        bare = [segment.text for segment in result.segments if not segment.words]
        assert result.segments, "no segments"
        assert not bare, f"no words in {bare}"


@cache
def _buzz() -> Audio:
    import numpy as np

    times = np.arange(3 * RATE) / RATE
    syllables = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * times)
    tone = sum(np.sin(2 * np.pi * 140 * k * times) / k for k in range(1, 8))
    samples = (0.2 * syllables * tone * 32767).astype(np.int16)
    return Audio.from_array(samples, RATE)

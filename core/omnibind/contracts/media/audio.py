"""Sound as bytes with knowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnibind.contracts.media import wav
from omnibind.contracts.media.base import Media

if TYPE_CHECKING:
    from typing import Any, ClassVar

    import numpy as np
    from typing_extensions import Self

    from omnibind.contracts.media.meta import Meta


class Audio(Media):
    """Sound in a container (WAV, MP3, FLAC, …) that knows its rate, channels and length.

    Args:
        data: The content, as exact ``bytes``; anything is kept, so that a wrong result can be
            looked at. Use ``Audio.of`` for other inputs.
        media_type: Believed only where the content doesn't tell.
        duration_s: Seconds, where the engine knows; read from the content otherwise.
        sample_rate: Frames a second, where the engine knows.
        channels: Number of channels, where the engine knows.
        meta: How it was made.

    Raises:
        BadInput: ``data`` isn't ``bytes``.
    """

    _family = "audio"
    _noun = "a sound"
    _endings: ClassVar[dict[str, str]] = {
        "wav": "audio/wav",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "mp3": "audio/mpeg",
        "opus": "audio/opus",
        "m4a": "audio/mp4",
    }
    _kept_endings: ClassVar[dict[str, str]] = {
        "aac": "audio/aac",
        "webm": "audio/webm",
        "mp4": "audio/mp4",
    }

    def __new__(
        cls,
        data: bytes,
        *,
        media_type: str | None = None,
        duration_s: float | None = None,
        sample_rate: int | None = None,
        channels: int | None = None,
        meta: Meta | None = None,
    ) -> Self:
        """Keep the content and what is known of it."""
        facts = {
            "media_type": media_type,
            "duration_s": duration_s,
            "sample_rate": sample_rate,
            "channels": channels,
        }
        return cls._make(data, meta, facts)

    @classmethod
    def from_array(
        cls, samples: np.ndarray[Any, Any], sample_rate: int, *, meta: Meta | None = None
    ) -> Self:
        """Return samples as a WAV: int16 stays int16, everything else becomes float32.

        Args:
            samples: Shape (frames,) or (frames, channels); int16, or float in −1..1, or another
                integer type over its whole range. NaN is kept, so that a wrong result can be
                looked at; a call's verification refuses it.
            sample_rate: Frames a second.
            meta: What the engine knows of how it was made.

        Raises:
            BadInput: Wrong shape or type.
        """
        from omnibind.contracts.media import codecs

        data, channels, duration_s = codecs.wav_of_array(samples, sample_rate)
        return cls._make(
            data,
            meta,
            {"sample_rate": int(sample_rate), "channels": channels, "duration_s": duration_s},
        )

    @property
    def duration_s(self) -> float:
        """Length in seconds.

        Raises:
            BadInput: The content can't be read as a sound.
        """
        return float(self._fact("duration_s"))

    @property
    def sample_rate(self) -> int:
        """Frames a second.

        Raises:
            BadInput: The content can't be read as a sound.
        """
        return int(self._fact("sample_rate"))

    @property
    def channels(self) -> int:
        """Number of channels.

        Raises:
            BadInput: The content can't be read as a sound.
        """
        return int(self._fact("channels"))

    def array(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the samples: float32, shape (frames, channels), −1..1, at ``sample_rate`` Hz.

        Raises:
            BadInput: The content can't be decoded or is cut short.
        """
        from omnibind.contracts.media import codecs

        return codecs.decode_audio(self, name="this sound")[0]

    def _probe(self) -> dict[str, Any]:
        header = wav.parse(self)
        if header is not None:
            return {
                "sample_rate": header.sample_rate,
                "channels": header.channels,
                "duration_s": header.duration_s,
            }
        from omnibind.contracts.media import codecs

        return codecs.probe_audio(self, name="this sound")._asdict()

    def _describe(self) -> list[str]:
        return [f"{self.sample_rate} Hz", f"{self.channels} ch", f"{self.duration_s:.2f} s"]

    def _convert(self, ending: str) -> bytes:
        from omnibind.contracts.media import codecs

        samples, sample_rate = codecs.decode_audio(self, name="this sound", native=True)
        return codecs.encode_audio(samples, sample_rate, ending)

    def _repr_html_(self) -> str:
        return f'<audio controls src="{self.data_uri()}"></audio>'

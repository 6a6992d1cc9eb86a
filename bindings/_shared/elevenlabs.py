"""ElevenLabs' service, and what its bindings share.

Source: ElevenLabs' API specification; its help page on the error codes 400 and 401.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from omnibind.contracts.errors import (
    BadOption,
    ContentRefused,
    NotSupported,
    QuotaExceeded,
    UnknownVoice,
)
from omnibind.contracts.secret import Secret
from omnibind.remote.binding import RemoteBinding
from omnibind.remote.replies import Codes

SampleRate = Annotated[int | None, "samples a second, of those that the encoding has"]
Bitrate = Annotated[int | None, "kbit/s of mp3 and opus, of those that the encoding has"]

# The first one that fits what was asked for is taken; the larger ones need a larger plan.
MP3 = (
    *("mp3_44100_128", "mp3_44100_192", "mp3_44100_96", "mp3_44100_64", "mp3_44100_32"),
    *("mp3_24000_48", "mp3_22050_32"),
)
OPUS = tuple(f"opus_48000_{kbps}" for kbps in (128, 192, 96, 64, 32))
RATES = (24_000, 8_000, 16_000, 22_050, 32_000, 44_100, 48_000)


class ElevenLabs(RemoteBinding):
    """ElevenLabs' own service."""

    host = "https://api.elevenlabs.io"
    test_path = "/v1/voices"
    base_url_names = ("ELEVENLABS_BASE_URL",)

    # A spent quota and a long text come as 401, like a bad key.
    codes: ClassVar[Codes] = {
        "quota_exceeded": (QuotaExceeded, ""),
        "voice_not_found": (UnknownVoice, ""),
        "max_character_limit_exceeded": (NotSupported, "give a shorter text"),
        "unsupported_model": (NotSupported, "leave that out, or choose another model"),
        "only_for_creator": (NotSupported, "leave that out, or change the plan"),
        "bad_prompt": (ContentRefused, ""),
        "bad_composition_plan": (ContentRefused, "change the plan"),
    }

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the header that carries the key."""
        return {"xi-api-key": self.key()}


def encoding(
    known: Sequence[str],
    output_format: str | None,
    sample_rate: int | None,
    bitrate_kbps: int | None,
    owner: str,
) -> str | None:
    """Return the service's name of an encoding; None where its own default is meant.

    Args:
        known: Those that there are, as ``mp3_44100_128``.
        output_format: The codec; mp3 where it isn't given.
        sample_rate: Samples a second; any where it isn't given.
        bitrate_kbps: The rate of compressed sound; any where it isn't given.
        owner: Who asks, for messages.

    Raises:
        BadOption: There is no such encoding; names those that there are.
    """
    codec = output_format or "mp3"
    if codec == "mp3" and sample_rate is None and bitrate_kbps is None:
        return None
    fitting = [name for name in known if name.partition("_")[0] == codec]
    for name in fitting:
        _, rate, *kbps = name.split("_")
        if sample_rate in (None, int(rate)) and bitrate_kbps in (None, *map(int, kbps)):
            return name
    asked = [f"{sample_rate} Hz"] if sample_rate else []
    asked += [f"{bitrate_kbps} kbit/s"] if bitrate_kbps else []
    shown = ", ".join(name.partition("_")[2].replace("_", " Hz ") for name in fitting)
    raise BadOption(f"{owner} has no {codec} of {' and '.join(asked)}; choose among {shown}")

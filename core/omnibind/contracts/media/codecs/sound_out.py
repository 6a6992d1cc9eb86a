"""Sound out: encoding into the formats that results can be saved in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media.codecs.sound import resample, wav_of_array

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    Samples = np.ndarray[Any, np.dtype[Any]]

# libsndfile's Vorbis encoder takes a whole write onto the stack: minutes at once end the process.
BLOCK = 1 << 15

_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
# Largest number of channels, and the sample rates that the format knows (all, if empty).
_LIMITS: dict[str, tuple[int, tuple[int, ...]]] = {
    "flac": (8, ()),
    "ogg": (8, ()),
    "mp3": (2, _MP3_RATES),
    "opus": (8, _OPUS_RATES),
    "m4a": (2, _AAC_RATES),
}
_SUBTYPES = {
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
}
MAX_RATE = {"flac": 655_350, "ogg": 200_000}


def encode_audio(samples: Samples, sample_rate: int, ending: str) -> bytes:
    """Encode samples.

    A rate that the format doesn't know is resampled to the next higher one that it knows, or to
    its highest.

    Args:
        samples: Shape (frames, channels), int16 or float32 in −1..1.
        sample_rate: Frames a second.
        ending: ``wav``, ``flac``, ``ogg`` (Vorbis), ``mp3``, ``opus`` or ``m4a`` (AAC).

    Raises:
        BadInput: The format can't hold so many channels, samples are NaN or infinite (WAV alone
            holds these), or they can't be encoded.
    """
    import numpy as np

    if ending == "wav":
        return wav_of_array(samples, sample_rate)[0]
    if not np.isfinite(samples).all():
        raise BadInput(f"the sound holds NaN or infinity, and .{ending} can't; save as .wav")
    most, rates = _LIMITS[ending]
    if samples.shape[1] > most:
        raise BadInput(f"{samples.shape[1]} channels; .{ending} holds at most {most}; save as .wav")
    rate = next((known for known in rates if known >= sample_rate), max(rates, default=sample_rate))
    rate = min(rate, MAX_RATE.get(ending, rate))
    if rate != sample_rate:
        samples = resample(as_float(samples), sample_rate, rate)
    if ending == "m4a":
        return _aac(as_float(samples), rate)
    return _by_soundfile(samples, rate, ending)


def as_float(samples: Samples) -> Samples:
    """Return int16 or float samples as float32 in −1..1."""
    import numpy as np

    if samples.dtype == np.int16:
        return np.multiply(samples, np.float32(1 / 32768), dtype=np.float32)
    return samples.astype(np.float32, copy=False)


def _by_soundfile(samples: Samples, rate: int, ending: str) -> bytes:
    import numpy as np
    import soundfile  # type: ignore[import-untyped]

    exact = samples.dtype == np.int16
    container, subtype = _SUBTYPES.get(ending) or ("FLAC", "PCM_16" if exact else "PCM_24")
    if not exact:
        samples = np.clip(samples, -1.0, 1.0)
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(
            buffer, "w", rate, samples.shape[1], subtype=subtype, format=container
        ) as file:
            for start in range(0, len(samples), BLOCK):
                file.write(samples[start : start + BLOCK])
    except (soundfile.SoundFileError, ValueError) as error:
        raise BadInput(
            f"{samples.shape[1]} channels at {rate} Hz can't be encoded as .{ending} ({error}); "
            f"save as .wav"
        ) from error
    return buffer.getvalue()


def _aac(samples: Samples, rate: int) -> bytes:
    import av

    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format="ipod") as container:
            mux_aac(container, add_aac(container, rate, samples.shape[1]), samples, rate)
    except (av.error.FFmpegError, ValueError) as error:
        raise BadInput(f"the sound can't be encoded as .m4a ({error}); save as .wav") from error
    return buffer.getvalue()


def add_aac(container: Any, rate: int, channels: int) -> Any:
    """Add an AAC track to an open PyAV output; all tracks are added before anything is muxed."""
    stream = container.add_stream("aac", rate=rate)
    stream.layout = "mono" if channels == 1 else "stereo"
    stream.bit_rate = 96_000 * channels
    return stream


def mux_aac(container: Any, stream: Any, samples: Samples, rate: int) -> None:
    """Encode float samples, shape (frames, channels), into an AAC track of an open output."""
    import av
    import numpy as np

    layout = "mono" if samples.shape[1] == 1 else "stereo"
    samples = np.clip(samples, -1.0, 1.0)
    for start in range(0, len(samples), BLOCK):
        block = np.ascontiguousarray(samples[start : start + BLOCK].T)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))

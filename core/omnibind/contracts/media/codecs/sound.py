"""Sound in: decoding, resampling, mixing down."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import wav
from omnibind.contracts.media.codecs.opening import (
    Forgiving,
    opened,
    pyav,
    refuse_truncated,
    track,
    undecodable,
)
from omnibind.contracts.media.window import Window

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    Samples = np.ndarray[Any, np.dtype[Any]]

_BY_SOUNDFILE = frozenset(
    {
        "audio/wav",
        "audio/mpeg",
        "audio/flac",
        "audio/ogg",
        "audio/opus",
        "audio/aiff",
        "audio/basic",
        "audio/x-caf",
    }
)
# A container's declared length is the encoder's: it may count padding that the decoder drops.
SHORT_BY_S = 0.3
LAST_FRAME = 2048
BLOCK = 1 << 22
MIN_RATE, MAX_RATE = 1_000, 1_000_000
MAX_CHANNELS = 64


class SoundFacts(NamedTuple):
    """What a sound says about itself: frames a second, channels, seconds."""

    sample_rate: int
    channels: int
    duration_s: float


def wav_of_array(samples: Samples, sample_rate: int) -> tuple[bytes, int, float]:
    """Return samples as a WAV file, with its channels and seconds.

    Args:
        samples: Shape (frames,) or (frames, channels). int16 is kept; floats and other integers
            become float32.
        sample_rate: Frames a second.

    Raises:
        BadInput: Wrong shape or type, or a wrong rate.
    """
    import numpy as np

    rate = whole_rate(sample_rate)
    array = _shaped(samples)
    if array.dtype == np.int16:
        packed, codec = array.astype("<i2", copy=False), wav.PCM
    else:
        packed, codec = _as_float(array).astype("<f4", copy=False), wav.FLOAT
    content = np.ascontiguousarray(packed).tobytes()
    channels = int(array.shape[1])
    return wav.write(content, rate, channels, codec=codec), channels, len(array) / rate


def whole_rate(sample_rate: Any) -> int:
    """Return a sample rate as an int.

    Raises:
        BadInput: It isn't a whole number above 0.
    """
    try:
        rate = int(sample_rate)
        good = rate == sample_rate and rate > 0 and not isinstance(sample_rate, bool)
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise BadInput(f"sample rate {sample_rate!r}; expected a whole number of frames a second")
    return rate


def _shaped(samples: object) -> Samples:
    import numpy as np

    try:
        array = np.asarray(samples)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(f"these samples are no array ({error}); expected numbers") from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.shape[1]:
        raise BadInput(f"samples of shape {array.shape}; expected (frames,) or (frames, channels)")
    if array.shape[1] > MAX_CHANNELS:
        raise BadInput(
            f"samples of shape {array.shape} have {array.shape[1]} channels; expected "
            f"(frames, channels) with at most {MAX_CHANNELS}; give array.T if channels come first"
        )
    return array


def _as_float(array: Samples) -> Samples:
    import numpy as np

    kind, width = array.dtype.kind, array.dtype.itemsize
    if kind == "f":
        with np.errstate(over="ignore"):  # what is too large for float32 is refused as infinite
            return array.astype(np.float32, copy=False)
    if kind == "i" and width <= 4:
        return _from_signed(array)
    if kind == "u" and width == 1:  # as in WAV, silence is 128
        return _from_unsigned(array)
    raise BadInput(
        f"samples of type {array.dtype}; expected int16, or floats in −1..1; convert them"
    )


def _from_signed(array: Samples) -> Samples:
    import numpy as np

    scaled: Samples = array / float(1 << 8 * array.dtype.itemsize - 1)
    return scaled.astype(np.float32)


def _from_unsigned(array: Samples) -> Samples:
    import numpy as np

    return (array.astype(np.float32) - np.float32(128.0)) / np.float32(128.0)


def decode_audio(
    content: bytes | str, *, name: str = "the sound", native: bool = False
) -> tuple[Samples, int]:
    """Decode a sound, or the first sound track of a video.

    Args:
        content: The bytes, or the path of a local file.
        name: What to call it in a message.
        native: Keep 16-bit samples as int16.

    Returns:
        Samples of shape (frames, channels), float32 in −1..1 or native int16, and their rate.

    Raises:
        BadInput: It is empty, cut short, holds no sound or can't be decoded.
    """
    found = refuse_truncated(content, name)
    if found == "audio/wav":
        plain = _plain_wav(content)
        if plain is not None:
            samples, rate = plain
            return (samples, rate) if native else (_scaled(samples), rate)
    if found in _BY_SOUNDFILE:
        return _by_soundfile(content, name, native)
    return _by_pyav(content, name, found)


def _plain_wav(content: bytes | str) -> tuple[Samples, int] | None:
    """Return 16-bit or float32 samples of a WAV as they are, which is far faster than a library."""
    import numpy as np

    with opened(content) as file:
        header = wav.parse(content if isinstance(content, bytes) else Window(file))
    if header is None:
        return None
    dtype = {(wav.PCM, 16): "<i2", (wav.FLOAT, 32): "<f4"}.get((header.codec, header.bits))
    if dtype is None or header.block != header.channels * header.bits // 8:
        return None
    count = header.size // header.block * header.channels
    if isinstance(content, bytes):
        samples = np.frombuffer(content, dtype, count, header.offset)
    else:
        samples = np.fromfile(content, dtype, count, offset=header.offset)
    return samples.reshape(-1, header.channels), header.sample_rate


def _scaled(samples: Samples) -> Samples:
    import numpy as np

    if samples.dtype == np.int16:
        return np.multiply(samples, np.float32(1 / 32768), dtype=np.float32)
    return samples.astype(np.float32)


def _by_soundfile(content: bytes | str, name: str, native: bool) -> tuple[Samples, int]:
    import numpy as np
    import soundfile  # type: ignore[import-untyped]

    with opened(content) as handle:
        try:
            with soundfile.SoundFile(Forgiving(handle)) as file:
                dtype = "int16" if native and file.subtype == "PCM_16" else "float32"
                # By blocks, because a damaged header may declare more frames than memory holds.
                blocks = [file.read(BLOCK, dtype=dtype, always_2d=True)]
                while len(blocks[-1]) == BLOCK:
                    blocks.append(file.read(BLOCK, dtype=dtype, always_2d=True))
                declared, rate, kind = file.frames, int(file.samplerate), file.format
        except (soundfile.SoundFileError, ValueError) as error:
            raise undecodable(name, "a sound", content, error) from error
    samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    if kind != "MP3" and len(samples) < declared:  # an MP3 may not know its length
        raise BadInput(
            f"{name} is cut short: it declares {declared} frames and {len(samples)} are there; "
            f"expected a whole file; get it again"
        )
    return samples, rate


def _by_pyav(content: bytes | str, name: str, found: str) -> tuple[Samples, int]:
    import numpy as np

    with pyav(content, name, "a sound") as container:
        stream = track(container, "audio", name)
        declared = _declared_s(container, stream) if found != "audio/aac" else None
        rate = stream.codec_context.sample_rate
        blocks: list[Samples] = []
        for frame in container.decode(stream):
            block = _frame_samples(frame)
            if blocks and block.shape[1] != blocks[0].shape[1]:
                raise BadInput(f"{name} changes its channels midway; expected one layout")
            blocks.append(block)
    samples = np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
    if declared is not None and len(samples) / rate < declared - max(SHORT_BY_S, declared * 0.02):
        raise BadInput(
            f"{name} is cut short: it declares {declared:.2f} s and holds "
            f"{len(samples) / rate:.2f} s; expected a whole file; get it again"
        )
    # AAC comes in whole frames; the container knows where in the last one the sound ends.
    padding = len(samples) - round(declared * rate) if declared is not None else 0
    return (samples[:-padding] if 0 < padding <= LAST_FRAME else samples), int(rate)


def _frame_samples(frame: Any) -> Samples:
    """Return a frame as float32 (frames, channels), in its own layout.

    ffmpeg's own mixing is avoided: in float it is 3 dB louder than the mean.
    """
    import numpy as np

    array: Samples = frame.to_ndarray()
    planar = frame.format.is_planar
    array = array.T if planar else array.reshape(-1, len(frame.layout.channels))
    if array.dtype.kind == "u":
        return _from_unsigned(array)
    if array.dtype.kind == "i":
        return _from_signed(array)
    return np.asarray(array, dtype=np.float32)


def _declared_s(container: Any, stream: Any) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and not container.streams.video:
        return float(container.duration) / 1_000_000
    return None


def probe_audio(content: bytes | str, *, name: str = "the sound") -> SoundFacts:
    """Return rate, channels and seconds of a sound, decoding as little as its format allows.

    Raises:
        BadInput: It isn't a sound or can't be read.
    """
    import soundfile

    from omnibind.contracts.media import sniff

    with opened(content) as handle:
        data = content if isinstance(content, bytes) else Window(handle)
        header, found = wav.parse(data), sniff.media_type(data)
        if header is not None:
            return SoundFacts(header.sample_rate, header.channels, header.duration_s)
    if found in _BY_SOUNDFILE:
        with opened(content) as handle:
            try:
                with soundfile.SoundFile(Forgiving(handle)) as file:
                    rate = int(file.samplerate)
                    return SoundFacts(rate, int(file.channels), file.frames / rate)
            except (soundfile.SoundFileError, ValueError) as error:
                raise undecodable(name, "a sound", content, error) from error
    return _probe_by_pyav(content, name, found)


def _probe_by_pyav(content: bytes | str, name: str, found: str) -> SoundFacts:
    with pyav(content, name, "a sound") as container:
        stream = track(container, "audio", name)
        context = stream.codec_context
        rate, channels = context.sample_rate, context.channels
        if not rate or not channels:
            raise BadInput(f"{name} doesn't say its rate; expected a whole sound")
        declared = _declared_s(container, stream) if found != "audio/aac" else None
        if declared is None:  # only counting tells
            declared = sum(frame.samples for frame in container.decode(stream)) / rate
    return SoundFacts(int(rate), int(channels), declared)


def fit(samples: Samples, rate: int, sample_rate: int, channels: int, *, name: str) -> Samples:
    """Return decoded samples at another rate and with other channels.

    Args:
        samples: float32, shape (frames, channels).
        rate: Their frames a second.
        sample_rate: Frames a second that are wanted.
        channels: 1 mixes down by the mean; more must be there already, or the sound be mono.
        name: What to call it in a message.

    Returns:
        float32, shape (frames,) for one channel, else (frames, channels).

    Raises:
        BadInput: No samples, samples that aren't finite, or channels that can't be made.
    """
    import numpy as np

    wanted = whole_rate(sample_rate)
    if not len(samples):
        raise BadInput(f"{name} holds no samples; expected some sound; check where it came from")
    if not np.isfinite(samples).all():
        raise BadInput(f"{name} holds samples that are NaN or infinite; expected finite ones")
    given = samples.shape[1]
    if channels == 1:
        mixed = samples[:, 0] if given == 1 else samples.mean(axis=1, dtype=np.float32)
    elif given == channels:
        mixed = samples
    elif given == 1:
        mixed = np.repeat(samples, channels, axis=1)
    else:
        raise BadInput(
            f"{name} has {given} channels; expected {channels} or 1; mix it down before giving it"
        )
    return resample(mixed, rate, wanted)


def resample(samples: Samples, rate: int, wanted: int) -> Samples:
    """Return float samples, shape (frames,) or (frames, channels), at another rate.

    Raises:
        BadInput: A rate that no sound has; from a damaged header it could ask for endless memory.
    """
    import numpy as np

    if not (MIN_RATE <= rate <= MAX_RATE and MIN_RATE <= wanted <= MAX_RATE):
        raise BadInput(
            f"from {rate} to {wanted} frames a second; expected both from {MIN_RATE} to "
            f"{MAX_RATE}; check the sound's header"
        )
    if rate == wanted:
        return np.ascontiguousarray(samples, dtype=np.float32)
    import soxr  # type: ignore[import-untyped]

    return np.asarray(soxr.resample(samples, rate, wanted), dtype=np.float32)

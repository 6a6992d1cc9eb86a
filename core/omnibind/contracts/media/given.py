"""What may be given in a file's place: base64 text, an open file, samples, pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput

if TYPE_CHECKING:
    from typing import Any

    from omnibind.contracts.media.base import Media


def decode_base64(text: str) -> bytes:
    """Return the content of standard base64 text; white space in it is ignored.

    Raises:
        BadInput: It isn't base64, or its padding is wrong.
    """
    from base64 import b64decode

    packed = "".join(text.split())
    try:
        return b64decode(packed.encode("ascii"), validate=True)
    except ValueError as error:
        raise BadInput(
            f"{len(text)} characters aren't base64: {error}; give standard base64 with its padding"
        ) from error


def read_stream(stream: Any) -> bytes:
    """Return what an open binary file gives from where it stands.

    Raises:
        BadInput: It can't be read, gives text or gives nothing.
    """
    try:
        data = stream.read()
    except (OSError, ValueError) as error:
        raise BadInput(f"the open file can't be read: {error}; open it anew") from error
    if isinstance(data, str):
        raise BadInput("the open file gives text; expected bytes; open it in mode 'rb'")
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise BadInput(f"the open file gives {kind_of(data)}; expected bytes; open it in mode 'rb'")
    if not len(data):
        raise BadInput("the open file gives nothing; expected content; rewind it with .seek(0)")
    return bytes(data)


def file_of_samples(given: Any) -> Media:
    """Return samples as a WAV or pixels as a PNG; nothing is imported to tell them apart.

    Raises:
        BadInput: It is neither ``(array, sample_rate)``, nor pixels, nor a PIL image.
    """
    from omnibind.contracts.media.audio import Audio
    from omnibind.contracts.media.image import Image

    if isinstance(given, (tuple, list)) and len(given) == 2:
        samples, rate = given
        if not hasattr(samples, "__len__") and hasattr(rate, "__len__"):
            raise BadInput(
                "(sample_rate, array) was given; expected (array, sample_rate); swap them"
            )
        return Audio.from_array(samples, rate)
    if type(given).__module__.startswith("PIL."):
        from omnibind.contracts.media import codecs

        data, width, height = codecs.png_of_pil(given)
        return Image(data, width=width, height=height)
    if getattr(given, "ndim", 0) == 1:
        raise BadInput("an array of one dimension was given; for a sound give (array, sample_rate)")
    if hasattr(given, "ndim") and hasattr(given, "dtype"):
        return Image.from_array(given)
    raise BadInput(
        f"{kind_of(given)} can't be an input; expected a path, bytes, base64 text, an open file, "
        f"(array, sample_rate), a picture or a Source"
    )


def kind_of(given: object) -> str:
    """Return in words what an object is, for a message; its content isn't shown."""
    return "None" if given is None else f"an object of type {type(given).__name__}"

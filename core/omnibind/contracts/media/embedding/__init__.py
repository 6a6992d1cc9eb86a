"""How a JSON text is carried in a file's own metadata; sound, picture and video stay untouched.

Each format has its place for it: a text chunk in PNG, the Exif comment in JPEG and WebP, ID3 in MP3
and WAV, a Vorbis comment in FLAC and Ogg, an item in MP4. It is all done here, with the standard
library: the one kept library that writes these tags is under the GPL, which this package isn't.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import sniff
from omnibind.contracts.media.embedding import id3, mp4, pictures, xiph

if TYPE_CHECKING:
    from omnibind.contracts.media.window import Sliceable

_FORMATS = {
    "image/png": (pictures.get_png, pictures.put_png),
    "image/jpeg": (pictures.get_jpeg, pictures.put_jpeg),
    "image/webp": (pictures.get_webp, pictures.put_webp),
    "audio/wav": (id3.get_wav, id3.put_wav),
    "audio/mpeg": (id3.get_mp3, id3.put_mp3),
    "audio/flac": (xiph.get_flac, xiph.put_flac),
    "audio/ogg": (xiph.get_ogg, xiph.put_ogg),
    "audio/opus": (xiph.get_ogg, xiph.put_ogg),
    "audio/mp4": (mp4.get_mp4, mp4.put_mp4),
    "video/mp4": (mp4.get_mp4, mp4.put_mp4),
}
# A file may be damaged, or built in a way that isn't changed here: then nothing is written.
_NO_ROOM = (ValueError, LookupError, OverflowError, struct.error)


def get(data: Sliceable) -> bytes | None:
    """Return the JSON that a file carries, or None where it carries none.

    Args:
        data: The whole file, or a window on it; only its headers are read.

    Raises:
        BadInput: The place that holds it is damaged.
    """
    found = _FORMATS.get(sniff.media_type(data))
    if found is None:
        return None
    try:
        return found[0](data)
    except BadInput:
        raise
    except _NO_ROOM:
        return None


def put(data: bytes, text: str | None) -> bytes:
    """Return a file that carries a JSON text in place of the one that it may carry.

    Args:
        data: The whole file.
        text: The JSON; None takes away the one that is there.

    Returns:
        The file unchanged where its format has no room, or where its structure can't be followed.
    """
    found = _FORMATS.get(sniff.media_type(data))
    if found is None:
        return data
    try:
        if text is None and not _carries(data):
            return data
        return found[1](data, None if text is None else text.encode())
    except _NO_ROOM:
        return data


def _carries(data: bytes) -> bool:
    try:
        return get(data) is not None
    except BadInput:
        return True

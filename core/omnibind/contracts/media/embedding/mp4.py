"""MP4 and M4A: a named item of the list in moov/udta/meta/ilst.

Source: ISO/IEC 14496-12; the item list as iTunes writes it and ffmpeg and mutagen read it.
"""

from __future__ import annotations

from struct import pack, unpack
from typing import TYPE_CHECKING

from omnibind.contracts.media import sniff
from omnibind.contracts.media.embedding.names import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omnibind.contracts.media.window import Sliceable

_ITEM = b"----"
_NAMED = bytes(4) + NAME
_AS_UTF8 = pack(">II", 1, 0)
_HANDLER = bytes(8) + b"mdirappl" + bytes(9)
# Boxes that say where in the file something lies, other than stco and co64, which are mended.
_PLACED = {b"moof", b"sidx", b"mfra", b"meta"}


def get_mp4(data: Sliceable) -> bytes | None:
    """Return the text in the item list of an MP4."""
    top = {name: (start, end) for name, start, end in sniff.boxes(data, 0, len(data))}
    start, end = top[b"moov"]
    content = data[start:end]
    for path in (b"udta", b"meta", b"ilst"):
        content = _child(content, path) or b""
        if path == b"meta":
            content = content[4:]
    for item in _children(content):
        text = _own(item)
        if text is not None:
            return text
    return None


def put_mp4(data: bytes, text: bytes | None) -> bytes:
    """Return an MP4 whose item list holds ``text``; what lies behind the list is found again."""
    top: dict[bytes, tuple[int, int, int]] = {}
    position = 0
    for name, start, end in sniff.boxes(data, 0, len(data)):
        if end > len(data):
            raise ValueError("a box isn't whole")
        top.setdefault(name, (position, start, end))
        position = end
    begin, start, end = top[b"moov"]
    old = data[start:end]
    udta = _with_item(_child(old, b"udta") or b"", text)
    kept = [whole for name, whole, _ in _children(old) if name != b"udta"]
    size = 8 + sum(map(len, kept)) + 8 + len(udta)
    shift = size - (end - begin)
    if end < len(data) and shift:
        if _PLACED & set(top):
            raise ValueError("this file says in several ways where its parts lie")
        kept = [bytes(_shifted(bytearray(whole), begin, shift)) for whole in kept]
    moov = _box(b"moov", b"".join((*kept, _box(b"udta", udta))))
    return b"".join((data[:begin], moov, data[end:]))


def _with_item(udta: bytes, text: bytes | None) -> bytes:
    meta = _child(udta, b"meta") or bytes(4) + _box(b"hdlr", _HANDLER)
    if (_child(meta[4:], b"hdlr") or b"")[8:12] != b"mdir":
        raise ValueError("the metadata is of another kind")
    items = [item[1] for item in _children(_child(meta[4:], b"ilst") or b"") if _own(item) is None]
    if text is not None:
        parts = ((b"mean", _NAMED), (b"name", _NAMED), (b"data", _AS_UTF8 + text))
        items.append(_box(_ITEM, b"".join(_box(name, content) for name, content in parts)))
    others = [whole for name, whole, _ in _children(meta[4:]) if name not in (b"ilst", b"free")]
    meta = b"".join((meta[:4], *others, _box(b"ilst", b"".join(items))))
    return b"".join(
        (*(whole for name, whole, _ in _children(udta) if name != b"meta"), _box(b"meta", meta))
    )


def _own(item: tuple[bytes, bytes, bytes]) -> bytes | None:
    name, _, content = item
    if name != _ITEM or _child(content, b"name") != _NAMED or _child(content, b"mean") != _NAMED:
        return None
    return (_child(content, b"data") or b"")[8:]


def _children(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield the boxes as (name, the whole box, its content)."""
    position = 0
    for name, start, end in sniff.boxes(content, 0, len(content)):
        if end > len(content):
            raise ValueError("a box isn't whole")
        yield name, content[position:end], content[start:end]
        position = end


def _child(content: bytes, wanted: bytes) -> bytes | None:
    return next((inner for name, _, inner in _children(content) if name == wanted), None)


def _box(name: bytes, content: bytes) -> bytes:
    return pack(">I", 8 + len(content)) + name + content


def _shifted(box: bytearray, begin: int, shift: int) -> bytearray:
    """Move what a track says about its chunks that lie behind ``begin``."""
    for name, start, end in _tables(box, 0, len(box)):
        count = int.from_bytes(box[start + 4 : start + 8], "big")
        form = f">{count}{'I' if name == b'stco' else 'Q'}"
        places = unpack(form, box[start + 8 : end])
        moved = (place + shift if place > begin else place for place in places)
        box[start + 8 : end] = pack(form, *moved)
    return box


def _tables(box: bytearray, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    for name, inner, end in sniff.boxes(bytes(box), start, stop):
        if name in (b"stco", b"co64"):
            yield name, inner, end
        elif name in (b"trak", b"mdia", b"minf", b"stbl"):
            yield from _tables(box, inner, end)

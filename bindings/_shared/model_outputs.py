"""What models give whose services pass their output on as it is: any JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from omnibind.contracts.media import Segment, Transcript, Word

from .openai_hearing import language_tag

if TYPE_CHECKING:
    from omnibind.contracts.media import Meta


def media_address(output: Any, family: str) -> str | None:
    """Return the address, or data URI, of what a model made; None where there is none.

    Args:
        output: Any JSON: an address, a list or an object of them.
        family: ``audio``, ``image`` or ``video``: of several, the first that is one goes first.
    """
    found = list(_addresses(output))
    fitting = [url for name, url in found if family in (_family_of(url), name.split("_")[0])]
    return next(iter((*fitting, *(url for _, url in found))), None)


def _addresses(output: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(output, str):
        if output.startswith(("http://", "https://", "data:")):
            yield name, output
    elif isinstance(output, Mapping):
        for inner, value in output.items():
            yield from _addresses(value, str(inner))
    elif isinstance(output, list):
        for value in output:
            yield from _addresses(value, name)


def _family_of(url: str) -> str:
    from mimetypes import guess_type

    media_type = url[5:] if url.startswith("data:") else guess_type(urlsplit(url).path)[0] or ""
    return media_type.partition("/")[0]


def transcript_of(output: Any, meta: Meta) -> Transcript | None:
    """Return what a model heard, however it tells it; None where there is no text in it.

    Args:
        output: Text, pieces of text, or an object with ``text``, ``transcription``, ``segments``, …
        meta: What is known of the transcript.
    """
    if isinstance(output, list) and all(isinstance(one, str) for one in output):
        output = "".join(output)
    if isinstance(output, list) and len(output) == 1:
        output = output[0]
    if isinstance(output, str):
        return Transcript(output.strip(), meta=meta)
    data = {"segments": output} if isinstance(output, list) else output
    if not isinstance(data, Mapping):
        return None
    pieces = data.get("segments") or data.get("chunks") or ()
    segments = [_segment(one) for one in pieces if isinstance(one, Mapping)]
    language = language_tag(data.get("detected_language") or data.get("language"))
    text = data.get("translation")
    if text and isinstance(text, str):
        # Its segments are those of what was said.
        return Transcript(text.strip(), language="en", meta=meta)
    told = (data.get(name) for name in ("text", "transcription", "transcript"))
    text = next((one for one in told if isinstance(one, str)), None)
    if text is None and not segments:
        return None
    joined = " ".join(segment.text for segment in segments)
    return Transcript(
        joined if text is None else text.strip(), segments, language=language, meta=meta
    )


def _segment(data: Mapping[str, Any]) -> Segment:
    start, end = _times(data)
    words = tuple(
        Word(*_times(one), str(one.get("word") or one.get("text") or "").strip())
        for one in data.get("words") or ()
    )
    return Segment(start, end, str(data.get("text", "")).strip(), words, data.get("speaker"))


def _times(data: Mapping[str, Any]) -> tuple[float, float]:
    start, end = data.get("timestamp") or (data.get("start"), data.get("end"))
    # The end of a sound that was cut isn't known.
    return float(start or 0), float((start if end is None else end) or 0)

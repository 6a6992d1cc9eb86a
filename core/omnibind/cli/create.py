"""Commands that make something from a text: speak, imagine, compose, film."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from omnibind.cli.parameters import Options

Text = Annotated[str, Parameter(name="TEXT")]
Prompt = Annotated[str, Parameter(name="PROMPT")]
Output = Annotated[Path, Parameter(["--output", "-o"])]


def speak(
    text: Text,
    /,
    *,
    output: Output,
    tts: str | None = None,
    voice: str | None = None,
    option: Options = None,
) -> None:
    """Speak a text into a sound file.

    Args:
        text: What to say; "-" reads it from standard input.
        output: The file; its ending is the format: wav, mp3, flac, ogg, opus, m4a.
        tts: The binding: NAME, NAME/VOICE or a folder; the default is in configs/default.yaml.
        voice: The voice; an unknown one is answered with the names there are.
        option: NAME=VALUE of an option that omnibind describe tts/NAME lists; may be repeated.
    """
    _make("tts", tts, text, output, option, voice)


def imagine(
    prompt: Prompt,
    /,
    *,
    output: Output,
    tti: str | None = None,
    option: Options = None,
) -> None:
    """Draw a picture of what a prompt describes.

    Args:
        prompt: The description; "-" reads it from standard input.
        output: The file; its ending is the format: png, jpg, webp.
        tti: The binding: NAME, NAME/MODEL or a folder; the default is in configs/default.yaml.
        option: NAME=VALUE of an option that omnibind describe tti/NAME lists; may be repeated.
    """
    _make("tti", tti, prompt, output, option)


def compose(
    prompt: Prompt,
    /,
    *,
    output: Output,
    ttm: str | None = None,
    option: Options = None,
) -> None:
    """Compose the music that a prompt describes.

    Args:
        prompt: The description; "-" reads it from standard input.
        output: The file; its ending is the format: wav, mp3, flac, ogg, opus, m4a.
        ttm: The binding: NAME, NAME/MODEL or a folder; the default is in configs/default.yaml.
        option: NAME=VALUE of an option that omnibind describe ttm/NAME lists; may be repeated.
    """
    _make("ttm", ttm, prompt, output, option)


def film(
    prompt: Prompt,
    /,
    *,
    output: Output,
    ttv: str | None = None,
    option: Options = None,
) -> None:
    """Film what a prompt describes.

    Args:
        prompt: The description; "-" reads it from standard input.
        output: The file; its ending is the format: mp4.
        ttv: The binding: NAME, NAME/MODEL or a folder; the default is in configs/default.yaml.
        option: NAME=VALUE of an option that omnibind describe ttv/NAME lists; may be repeated.
    """
    _make("ttv", ttv, prompt, output, option)


def _make(
    modality: str,
    spec: str | None,
    text: str,
    output: Path,
    pairs: list[str] | None,
    *subject: str | None,
) -> None:
    from omnibind.cli.choosing import client_for
    from omnibind.cli.naming import label_of
    from omnibind.cli.saving import Result, check_place, save_and_tell
    from omnibind.cli.values import read_pairs
    from omnibind.contracts.media import Audio, Image, Video

    kinds: dict[str, type[Result]] = {"tti": Image, "ttv": Video}
    check_place(output, kinds.get(modality, Audio))
    with client_for(modality, spec) as client:
        handle: Any = getattr(client, modality)
        verbs: dict[str, Callable[..., Any]] = {
            "tts": client.tts.generate_audio,
            "tti": client.tti.generate_image,
            "ttm": client.ttm.generate_music,
            "ttv": client.ttv.generate_video,
        }
        options = read_pairs(pairs or [], handle.schema, label_of(modality, handle.binding_name))
        result = verbs[modality](_read(text), *subject, **options)
        save_and_tell(result, output)


def _read(text: str) -> str:
    from omnibind.contracts.errors import BadInput

    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"standard input isn't UTF-8 text ({error}); convert it first") from None

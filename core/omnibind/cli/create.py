"""Commands that make something from a text: speak, imagine, compose, effect, film."""

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
    output: Annotated[str | None, Parameter(["--output", "-o"])] = None,
    play: Annotated[bool, Parameter(negative="")] = False,
    tts: str | None = None,
    voice: str | None = None,
    option: Options = None,
) -> None:
    """Speak a text: into a sound file, aloud, or both.

    Args:
        text: What to say; "-" reads it from standard input.
        output: The file; its ending is the format: wav, mp3, flac, ogg, opus, m4a. "-" writes a
            WAV to standard output while it is made.
        play: Play it while it is made (needs omnibind[play]).
        tts: The binding: NAME, NAME/VOICE or a folder; the default is in configs/default.yaml.
        voice: The voice; an unknown one is answered with the names there are.
        option: NAME=VALUE of an option that omnibind describe tts/NAME lists; may be repeated.
    """
    from omnibind.contracts.errors import BadInput

    if output is None and not play:
        raise BadInput("the sound has nowhere to go; give -o FILE, -o - or --play")
    if output == "-" or play:
        _speak_at_once(text, output, play, tts, voice, option)
    else:
        assert output is not None
        _make("tts", tts, text, Path(output), option, voice)


def imagine(
    prompt: Prompt,
    /,
    *,
    output: Output,
    image: Path | None = None,
    mask: Path | None = None,
    tti: str | None = None,
    option: Options = None,
) -> None:
    """Draw a picture of what a prompt describes.

    Args:
        prompt: The description; "-" reads it from standard input.
        output: The file; its ending is the format: png, jpg, webp.
        image: A picture to draw anew, where the binding can do that.
        mask: A picture that is white where the other one is to change.
        tti: The binding: NAME, NAME/MODEL or a folder; the default is in configs/default.yaml.
        option: NAME=VALUE of an option that omnibind describe tti/NAME lists; may be repeated.
    """
    from omnibind.contracts.errors import BadInput

    if image is not None:
        pairs = option if mask is None else [*(option or []), f"mask={mask}"]
        _make("tti", tti, prompt, output, pairs, image, verb="edit_image")
    elif mask is not None:
        raise BadInput("--mask says what of a picture may change; give that with --image")
    else:
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


def effect(
    prompt: Prompt,
    /,
    *,
    output: Output,
    sfx: str | None = None,
    option: Options = None,
) -> None:
    """Make the sound effect that a prompt describes.

    Args:
        prompt: The description; "-" reads it from standard input.
        output: The file; its ending is the format: wav, mp3, flac, ogg, opus, m4a.
        sfx: The binding: NAME, NAME/MODEL or a folder; the default is in configs/default.yaml.
        option: NAME=VALUE of an option that omnibind describe sfx/NAME lists; may be repeated.
    """
    _make("sfx", sfx, prompt, output, option)


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


def _speak_at_once(
    text: str,
    output: str | None,
    play: bool,
    tts: str | None,
    voice: str | None,
    pairs: list[str] | None,
) -> None:
    """Give the sound while it is made; a file is written at the end."""
    from omnibind.cli.choosing import client_for
    from omnibind.cli.naming import label_of
    from omnibind.cli.playing import play as played
    from omnibind.cli.playing import write_stream
    from omnibind.cli.saving import check_place, save_and_tell, tell_warnings
    from omnibind.cli.values import read_pairs
    from omnibind.contracts.errors import BadInput
    from omnibind.contracts.media import Audio

    if output == "-" and play:
        raise BadInput("the sound can't go to standard output and be played; give one of them")
    if output is not None and output != "-":
        check_place(Path(output), Audio)
    with client_for("tts", tts) as client:
        label = label_of("tts", str(client.tts.binding_name))
        options = read_pairs(pairs or [], client.tts.schema, label)
        with client.tts.stream_audio(read_text(text), voice, **options) as stream:
            if play:
                played(stream)
            else:
                write_stream(stream, sys.stdout.buffer, "audio/wav")
            if output is None or output == "-":
                tell_warnings(stream.result.meta)
            else:
                save_and_tell(stream.result, Path(output))


def _make(
    modality: str,
    spec: str | None,
    text: str,
    output: Path,
    pairs: list[str] | None,
    *subject: str | Path | None,
    verb: str | None = None,
) -> None:
    from omnibind.cli.choosing import client_for
    from omnibind.cli.naming import label_of
    from omnibind.cli.progress import at_work
    from omnibind.cli.saving import Result, check_place, save_and_tell
    from omnibind.cli.values import read_pairs
    from omnibind.contracts import CONTRACTS
    from omnibind.contracts.media import Audio, Image, Video

    kinds: dict[str, type[Result]] = {"tti": Image, "ttv": Video}
    check_place(output, kinds.get(modality, Audio))
    with client_for(modality, spec) as client:
        handle: Any = getattr(client, modality)
        verb = verb or CONTRACTS[modality].verb
        label = label_of(modality, handle.binding_name)
        options = read_pairs(pairs or [], handle._schema_of(verb), label)
        with at_work(label) as heard:
            make: Callable[..., Result] = getattr(handle, verb)
            result = make(read_text(text), *subject, on_progress=heard, **options)
        save_and_tell(result, output)


def read_text(text: str) -> str:
    """Return a text as it was given on the command line; "-" is standard input's.

    Raises:
        BadInput: Standard input isn't UTF-8.
    """
    from omnibind.contracts.errors import BadInput

    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"standard input isn't UTF-8 text ({error}); convert it first") from None

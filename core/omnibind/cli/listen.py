"""The command that writes speech down."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from omnibind.cli.parameters import Options

if TYPE_CHECKING:
    from omnibind.contracts.media import Transcript

Format = Literal["txt", "srt", "vtt", "json"]


def transcribe(
    files: Annotated[list[str], Parameter(name="FILE")],
    /,
    *,
    stt: str | None = None,
    model: str | None = None,
    format_: Annotated[Format | None, Parameter("--format")] = None,
    output: Annotated[Path | None, Parameter(["--output", "-o"])] = None,
    option: Options = None,
) -> int:
    """Write down the speech in sound or video files.

    With several files one that fails doesn't stop the others; the exit code is then 1.

    Args:
        files: Sound or video files.
        stt: The binding: NAME, NAME/MODEL or a folder; the default is in configs/default.yaml.
        model: The model; omnibind models stt/NAME lists them.
        format_: What to write; txt where neither this nor the ending of the output says.
        output: The file to write to, or a folder for one file each; else standard output.
        option: NAME=VALUE of an option that omnibind describe stt/NAME lists; may be repeated.
    """
    from omnibind.cli.choosing import client_for
    from omnibind.cli.naming import label_of
    from omnibind.cli.output import say
    from omnibind.cli.progress import at_work
    from omnibind.cli.values import read_pairs
    from omnibind.contracts.errors import BadInput, CallFailed

    format_, places = _plan(files, output, format_)
    is_single = len(files) == 1
    failed = 0
    with client_for("stt", stt, model) as client:
        handle = client.stt
        label = label_of("stt", str(handle.binding_name))
        options = read_pairs(option or [], handle.schema, label)
        if format_ in ("srt", "vtt") and "word_times" in handle.schema.names:
            options.setdefault("word_times", True)  # a subtitle is then a sentence, not 30 s
        for file, place in zip(files, places, strict=True):
            try:
                with at_work(label if is_single else f"{label}: {file}") as heard:
                    transcript = handle.transcribe_audio(Path(file), on_progress=heard, **options)
                _write(transcript, file, place, format_, is_single)
            except (BadInput, CallFailed) as error:
                if is_single:
                    raise
                failed += 1
                say(f"{file}: {error}")
    return 1 if failed else 0


def _plan(
    files: list[str], output: Path | None, format_: Format | None
) -> tuple[Format, list[Path | None]]:
    """Return the format and where each transcript goes; refuse before anything is done."""
    from omnibind.cli.saving import check_place
    from omnibind.contracts.errors import BadInput, SaveFailed
    from omnibind.contracts.media import Transcript

    if output is None:
        if len(files) > 1 and format_ in ("srt", "vtt"):
            raise BadInput(f"{len(files)} files as {format_} need a folder; give -o FOLDER")
        return format_ or "txt", [None] * len(files)
    if output.is_dir():
        format_ = format_ or "txt"
        places = [output / f"{Path(file).stem}.{format_}" for file in files]
        twice = sorted({place.name for place in places if places.count(place) > 1})
        if twice:
            raise BadInput(f"two files would be written to {twice[0]}; transcribe them one by one")
        return format_, list(places)
    if len(files) > 1:
        raise SaveFailed(f"{str(output)!r} isn't a folder; {len(files)} files need one")
    check_place(output, Transcript)
    ending: Any = output.suffix.lower().removeprefix(".")
    if format_ and ending and ending != format_:
        raise BadInput(f"{output} ends in .{ending} and --format says {format_}; give one of them")
    return ending or format_ or "txt", [output]


def _write(
    transcript: Transcript, file: str, place: Path | None, format_: Format, is_single: bool
) -> None:
    from omnibind.cli.saving import save_and_tell, tell_warnings
    from omnibind.contracts.media.save import encode

    if place is not None:
        save_and_tell(transcript, place)
        return
    tell_warnings(transcript.meta, "" if is_single else file)
    if is_single:
        text = encode(transcript, format_).decode()
    elif format_ == "json":  # one line each, so that a reader need not wait for the last
        text = json.dumps({"file": file, **transcript.to_dict()}, ensure_ascii=False) + "\n"
    else:
        text = f"==> {file} <==\n{transcript}\n"
    sys.stdout.write(text)
    sys.stdout.flush()

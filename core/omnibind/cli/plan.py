"""The command that tells what a call would do, before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from omnibind.cli.parameters import AsJson, Modality, Options

if TYPE_CHECKING:
    from omnibind.client import Client
    from omnibind.modalities.handle import Handle

Names = Annotated[list[str] | None, Parameter(consume_multiple=False, negative=())]
"""A binding; given several times, the order in which they are tried."""


def plan(
    modality: Modality,
    subject: Annotated[str, Parameter(name="SUBJECT")],
    /,
    *,
    tts: Names = None,
    tti: Names = None,
    stt: Names = None,
    ttm: Names = None,
    ttv: Names = None,
    sfx: Names = None,
    voice: str | None = None,
    model: str | None = None,
    option: Options = None,
    as_json: AsJson = False,
) -> int:
    """Tell which binding would serve a call, and what it takes; nothing is run or fetched.

    The arrow marks the one that would be tried first; the exit code is 1 where there is none.

    Args:
        modality: What is to be done.
        subject: The text, the prompt, or the sound file of stt; "-" reads a text from standard
            input.
        tts: The binding, as omnibind speak takes it; again for the next in a fallback order.
        tti: The binding, as omnibind imagine takes it.
        stt: The binding, as omnibind transcribe takes it.
        ttm: The binding, as omnibind compose takes it.
        ttv: The binding, as omnibind film takes it.
        sfx: The binding, as omnibind effect takes it.
        voice: The voice of tts.
        model: The model of stt.
        option: NAME=VALUE of an option, or of a call control such as budget_usd; n is the number
            of pictures. May be repeated.
        as_json: Print JSON.
    """
    from omnibind.cli.output import print_json, print_table, say
    from omnibind.modalities.plan import COLUMNS, plan_of

    named = {"tts": tts, "tti": tti, "stt": stt, "ttm": ttm, "ttv": ttv, "sfx": sfx}
    with _client(modality, named) as client:
        handle: Handle[Any, Any] = getattr(client, modality)
        options = _options(handle, option or [])
        options |= {
            name: value for name, value in (("voice", voice), ("model", model)) if value is not None
        }
        told = plan_of(handle, (_read(modality, subject),), options)
    if as_json:
        print_json(told.to_dict())
    else:
        print_table(COLUMNS, told.rows())
        for note in told.notes():
            print(note)
    if told.reason is None:
        return 0
    say(told.reason)
    return 1


def _client(modality: str, named: dict[str, list[str] | None]) -> Client:
    from omnibind.cli.choosing import client_for
    from omnibind.client import Client
    from omnibind.contracts.errors import BadInput

    for other, specs in named.items():
        if specs and other != modality:
            raise BadInput(f"--{other} goes with omnibind plan {other}; give --{modality} NAME")
    several: Any = named[modality]
    if not several:
        return client_for(modality, None)
    if len(several) == 1:
        return client_for(modality, several[0])
    chosen: Any = {modality: several}
    return Client(**chosen)


def _read(modality: str, subject: str) -> Any:
    from pathlib import Path

    from omnibind.cli.create import read_text

    return Path(subject) if modality == "stt" else read_text(subject)


def _options(handle: Handle[Any, Any], pairs: Sequence[str]) -> dict[str, Any]:
    """Read each pair by the first binding that declares the option, else as JSON or as text."""
    from omnibind.cli.values import read_pairs
    from omnibind.contracts.errors import BadOption
    from omnibind.contracts.options import Schema
    from omnibind.modalities.plan import schemas_of

    schemas, anything = schemas_of(handle), Schema((), (), open=True)
    values: dict[str, Any] = {}
    for pair in pairs:
        name = pair.partition("=")[0]
        value = None
        for schema in schemas:
            if schema.option(name) is not None:
                try:
                    value = read_pairs([pair], schema, name)
                except BadOption:  # its own check tells, when it is asked whether it would serve
                    continue
                break
        values |= read_pairs([pair], anything, name) if value is None else value
    return values

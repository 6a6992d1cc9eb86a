"""Parameters that several commands have."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

Modality = Literal["tts", "tti", "stt", "ttm", "ttv"]

Options = Annotated[list[str] | None, Parameter("--option", consume_multiple=False, negative=())]
"""``--option NAME=VALUE``, as often as wanted."""

AsJson = Annotated[bool, Parameter("--json", negative=())]
"""``--json``."""

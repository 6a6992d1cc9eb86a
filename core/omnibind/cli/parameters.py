"""Parameters that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from omnibind.choices import MODALITIES

if TYPE_CHECKING:
    Modality = str  # a checker takes no computed Literal
else:
    Modality = Literal[MODALITIES]

Options = Annotated[list[str] | None, Parameter("--option", consume_multiple=False, negative=())]
"""``--option NAME=VALUE``, as often as wanted."""

AsJson = Annotated[bool, Parameter("--json", negative=())]
"""``--json``."""

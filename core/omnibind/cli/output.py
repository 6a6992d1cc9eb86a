"""What commands print: rich on a terminal, plain and greppable when piped."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

_STYLES = {
    "ready": "green",
    "here": "green",
    "broken": "red",
    "ambiguous": "red",
    "wrong size": "red",
    "partial": "yellow",
}


def say(message: str) -> None:
    """Print one line to standard error."""
    print("omnibind:", one_line(message), file=sys.stderr)


def warn(message: str) -> None:
    """Print a warning as one line to standard error."""
    say(f"warning: {message}")


def one_line(text: str) -> str:
    """Return ``text`` with every run of white space as one blank."""
    return " ".join(text.split())


def print_json(value: Any) -> None:
    """Print plain data as JSON."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
    """Print rows: a table with a head on a terminal; else aligned lines, none of them wrapped.

    Args:
        columns: The head.
        rows: As many cells each.
        indent: Stands before every plain line.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, cells)
        return
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(indent + padded.rstrip())


def _print_rich(columns: Sequence[str], rows: list[list[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
    Console().print(table)


def print_title(text: str) -> None:
    """Print a line that stands above others."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        Console().print(Text(text, "bold"))
    else:
        print(text)

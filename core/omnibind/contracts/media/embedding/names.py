"""What the entry is called in every format that names its entries."""

from __future__ import annotations

NAME = b"omnibind"

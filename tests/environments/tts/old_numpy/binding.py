"""A voice whose engine is numpy 1.26.

Source: made for the tests.
"""

from __future__ import annotations

from ..._shared.tone import ToneTTS  # noqa: TID252 - how bindings share code


class OldNumpy(ToneTTS):
    """Speaks a tone, and tells the numpy that made it as its one voice."""

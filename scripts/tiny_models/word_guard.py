"""A guard against unsafe content that a Cosmos's folder can bring: it knows one word."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config


class WordGuard(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Objects to prompts with a word, and to no film.

    Args:
        word: The word.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, word: str = "unsafe") -> None:
        super().__init__()
        self.heard = torch.nn.Parameter(torch.zeros(1))

    def check_text_safety(self, prompt: str) -> bool:
        """Tell whether a prompt is without the word."""
        return self.config.word not in prompt

    def check_video_safety(self, frames: Any) -> Any:
        """Return the frames as they are."""
        return frames

"""The example of each modality's page runs as it stands, and prints what the page shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from jiwer import wer
from tests.tiny import tiny
from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

DOCS = Path(__file__).resolve().parents[2] / "docs"
NEEDS = {"music": "musicgen", "video": "wan"}


PAGES = ["speech", "hearing", "pictures", "music", "effects", "video", "remote"]


@pytest.mark.parametrize("page", PAGES)
def test_the_example_of_a_page_prints_what_the_page_shows(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```(\w+)\n(.*?)```", (DOCS / f"{page}.md").read_text("utf-8"), re.DOTALL)
    (kind, code), (_, shown) = blocks[:2]
    assert kind == "python"
    if page in NEEDS:
        (tmp_path / "tiny").mkdir()
        (tmp_path / "tiny" / NEEDS[page]).symlink_to(tiny(NEEDS[page]))
    (tmp_path / "example.py").write_text(code, "utf-8")
    ran = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    if page == "hearing":  # a voice that throws dice may be heard a word otherwise
        normal = EnglishTextNormalizer()
        assert wer(normal(shown), normal(ran.stdout)) <= 0.2
    else:
        assert ran.stdout == shown

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from jiwer import wer
from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_bindings_says_what_the_manifests_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "bindings_table.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0


def test_the_first_example_runs_as_it_stands_and_prints_what_it_shows(tmp_path: Path) -> None:
    blocks = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    code = next(text for kind, text in blocks if kind == "python")
    shown = next(text for kind, text in blocks if kind == "text")
    (tmp_path / "example.py").write_text(code)
    ran = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    normal = EnglishTextNormalizer()
    assert wer(normal(shown), normal(ran.stdout)) <= 0.2
    assert (tmp_path / "fox.wav").stat().st_size > 50_000


def test_every_manifest_key_is_in_the_walk_through() -> None:
    from omnibind.discovery.manifest import Capabilities, Manifest

    text = (ROOT / "CONTRIBUTING.md").read_text()
    for key in Manifest.__struct_fields__ + Capabilities.__struct_fields__:
        assert re.search(rf"\b{key}\b", text), key


def test_nothing_speaks_of_the_place_where_it_was_made() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    words = re.compile(r"(?<![\w.~-])/(root|home/\w+|Users/\w+)/")
    for name in listed:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".txt"} and path.is_file():
            found = words.search(path.read_text())
            assert not found, (name, found)

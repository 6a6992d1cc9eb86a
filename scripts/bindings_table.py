"""Write the README's table of bindings from the manifests; ``--check`` only compares.

Usage: ``python scripts/bindings_table.py [--check]``
"""

from __future__ import annotations

import sys
from pathlib import Path

from omnibind.choices import MODALITIES
from omnibind.discovery.manifest import read_manifest
from omnibind.weights.catalogue import read_models

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN = "<!-- bindings: made by scripts/bindings_table.py -->"
END = "<!-- bindings end -->"


def table() -> str:
    """Return the table as Markdown."""
    rows = [
        "| binding | what it is | default model | licence of code | licence of weights |",
        "|---|---|---|---|---|",
    ]
    for modality in MODALITIES:
        for folder in sorted((ROOT / "bindings" / modality).iterdir()):
            if not (folder / "binding.yaml").is_file():
                continue
            manifest = read_manifest(folder)
            model = read_models(folder).get(manifest.default_model)
            weights = (model.license if model else None) or manifest.license.weights or "–"
            cells = (
                f"[`{modality}/{folder.name}`](bindings/{modality}/{folder.name})",
                manifest.summary,
                f"`{manifest.default_model}`" if manifest.default_model else "–",
                manifest.license.code,
                weights,
            )
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> int:
    """Write or compare; 1 where the README is behind the manifests."""
    text = README.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    old, end, tail = rest.partition(END)
    if not begin or not end:
        print(f"{README} has no place for the table: {BEGIN} … {END}", file=sys.stderr)
        return 1
    new = f"\n{table()}\n"
    if "--check" in sys.argv[1:]:
        if old != new:
            print("README.md is behind the manifests: run python scripts/bindings_table.py")
        return int(old != new)
    README.write_text(head + begin + new + end + tail, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""uv, told what pip is told: from which places packages come, and CPU builds of PyTorch.

uv reads none of pip's files, and a machine's own folder of wheels or mirror is written down nowhere
else.
"""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Further indexes (extra-index-url) aren't handed over: pip pools the files of all its indexes, uv
# takes a package from one alone, so that an index with some of a release's wheels would hide the
# one that fits here.
PIP_TO_UV = {
    "find-links": ("UV_FIND_LINKS", ","),
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "no-index": ("UV_NO_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
}


def installation(
    python: Path, extras: str, environment: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return uv's command for this checkout, and the environment that hands pip's settings to it.

    Args:
        python: Of the virtual environment; it has uv and pip.
        extras: Of omnibind, separated by commas.
        environment: What else the command gets; what it sets for uv goes before pip's settings.
    """
    command = [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--quiet"]
    command += ["-c", "constraints.txt", "--override", "overrides.txt", "-e", f".[{extras}]"]
    settings = pip_settings(python, environment)
    handed = {
        variable: separator.join(settings[name].split())
        for name, (variable, separator) in PIP_TO_UV.items()
        if settings.get(name)
    }
    if sys.platform == "linux" and not _has_cpu_torch(settings.get("find-links", "")):
        handed["UV_TORCH_BACKEND"] = "cpu"
    return command, {**handed, **environment}


def pip_settings(python: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return pip's settings for an installation: its files, then its environment variables."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "config", "list"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    settings: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in listed.splitlines():
            key, _, text = line.partition("=")
            if key.startswith(section):
                settings[key.removeprefix(section)] = str(ast.literal_eval(text))
    return settings


def _has_cpu_torch(find_links: str) -> bool:
    return any(
        list(Path(link.removeprefix("file://")).glob("torch-*+cpu-*.whl"))
        for link in find_links.split()
        if "://" not in link or link.startswith("file://")
    )

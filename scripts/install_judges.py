"""Install the two servers that judge requests in the tests: ``python3 scripts/install_judges.py``.

Prism and Steady check a request against a service's specification. They come from npm, in the
versions that ``tests/remote/judges/package-lock.json`` pins, by npm's own settings, and land in
``.venv-test/judges``; a run that finds them there does nothing. Node.js with npm must be there.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WANTED = ROOT / "tests" / "remote" / "judges"
PLACE = ROOT / ".venv-test" / "judges"
FILES = ("package.json", "package-lock.json")
PROGRAMS = ("node", "npm")

# No package's own script runs: none of them is needed, and one reports to its makers.
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def main() -> int:
    """Install what isn't there; return 0 where the judges are there at the end."""
    try:
        look_for_programs()
        if not is_installed():
            install()
    except (Failed, OSError) as error:
        print(f"install_judges: {error}", file=sys.stderr)
        return 1
    print(PLACE)
    return 0


class Failed(Exception):
    """The installation failed; the message says why."""


def look_for_programs() -> None:
    """Make sure of Node.js and npm.

    Raises:
        Failed: One of them isn't there.
    """
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        raise Failed(
            f"there is no {' and no '.join(missing)} on PATH; install Node.js 20.19 or newer, "
            "which brings npm (apt install nodejs npm, brew install node)"
        )


def is_installed() -> bool:
    """Tell whether the judges are there, in the versions that are pinned."""
    stamp = _stamp()
    return stamp.is_file() and stamp.read_text() == _made_of()


def install() -> None:
    """Install the judges anew.

    Raises:
        Failed: npm failed; the message has its last words.
    """
    _stamp().unlink(missing_ok=True)
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(WANTED / name, PLACE / name)
    npm = shutil.which("npm") or "npm"
    done = subprocess.run(
        [npm, *INSTALL], cwd=PLACE, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise Failed(f"npm {INSTALL[0]} failed with exit code {done.returncode}:\n{said}")
    _stamp().write_text(_made_of())


def _stamp() -> Path:
    return PLACE / "installed.txt"


def _made_of() -> str:
    return "".join((WANTED / name).read_text() for name in FILES)


if __name__ == "__main__":
    sys.exit(main())

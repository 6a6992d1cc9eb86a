"""Speak a sentence with Piper, let Whisper read it back, and say how close it came.

``python3 scripts/demo.py`` needs Python 3.11 and pip, nothing else: it makes ``.venv`` at the root
of the checkout, installs omnibind with what this needs (no torch), fetches the weights once, and
leaves the sound in ``out/``. Later runs take seconds and use no network.

``python3 scripts/demo.py --pictures`` draws a picture instead, with the model that comes with the
checkout; only this installs PyTorch.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

# Stands before anything that an older Python can't read, so that it gets this far.
if sys.version_info < (3, 11):
    _given = ".".join(str(part) for part in sys.version_info[:3])
    sys.exit(
        f"demo: this is Python {_given}; 3.11 or newer is needed: run python3.11 scripts/demo.py"
    )

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "omnibind-demo.stamp"
STAMP_OF_PICTURES = VENV / "omnibind-demo-pictures.stamp"
SOUND = ROOT / "out" / "demo.wav"
PICTURE = ROOT / "out" / "demo.png"

WEIGHTS = ("tts/piper", "stt/faster_whisper/tiny.en")
TEXT = (
    "On the third of May, Doctor Green sold seven old bicycles to a music school, "
    "and nobody there could explain why."
)
THING = "a red apple"


class Failed(Exception):
    """Something that ends the demo with one line."""


def main() -> int:
    """Set up what is missing, then do the job inside the virtual environment."""
    parser = argparse.ArgumentParser(prog="demo.py", description=__doc__.splitlines()[0])
    parser.add_argument("text", nargs="?", help="an English sentence to speak, or a thing to draw")
    parser.add_argument(
        "--pictures", action="store_true", help="draw instead; installs PyTorch (1.2 GB on disk)"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    text = arguments.text or (THING if arguments.pictures else TEXT)
    try:
        if arguments.inside:
            draw(text) if arguments.pictures else speak_and_transcribe(text)
            return 0
        set_up_pictures() if arguments.pictures else set_up()
        # -P keeps the names of the scripts beside this one from hiding modules.
        command = [str(PYTHON), "-P", __file__, "--inside"]
        command += ["--pictures"] if arguments.pictures else []
        command += ["--", text]
        return subprocess.call(command, env=clean_environment(), cwd=ROOT)
    except (Failed, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def set_up() -> None:
    """Make the virtual environment and fetch the weights, as far as they aren't there."""
    if not is_installed(STAMP):
        make_environment()
        say(f"installing omnibind, Piper and faster-whisper into {VENV.name} (600 MB on disk)")
        run([str(PYTHON), "-m", "pip", "install", "--quiet", "--editable", f"{ROOT}[demo]"])
        STAMP.write_text(fingerprint())
    for name in WEIGHTS:
        run([str(PYTHON), "-P", "-m", "omnibind", "pull", name], quiet=False)


def set_up_pictures() -> None:
    """Put diffusers and a CPU build of PyTorch into the virtual environment, unless it has them."""
    if is_installed(STAMP_OF_PICTURES):
        return
    from uv_install import installation

    make_environment()
    say(f"installing omnibind, diffusers and PyTorch for CPUs into {VENV.name} (1.2 GB on disk)")
    run([str(PYTHON), "-m", "pip", "install", "--quiet", "uv"])
    command, environment = installation(PYTHON, "diffusers", clean_environment())
    run(command, environment=environment)
    STAMP_OF_PICTURES.write_text(fingerprint())


def make_environment() -> None:
    """Make ``.venv`` where there is none that can be used."""
    if not has_pip():
        say(f"making {VENV.name}")
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def is_installed(stamp: Path) -> bool:
    """Tell whether ``.venv`` has what the stamp stands for, as it is asked for now."""
    return PYTHON.exists() and stamp.is_file() and stamp.read_text() == fingerprint()


def fingerprint() -> str:
    """Return what an installation depends on: the requirements and the place they belong to."""
    digest = hashlib.sha256(bytes(ROOT))
    for name in ("pyproject.toml", "constraints.txt", "overrides.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def has_pip() -> bool:
    """Tell whether ``.venv`` can be used as it is; refuse one that was made for an older Python."""
    if not PYTHON.exists():
        if VENV.exists() and not (VENV / "pyvenv.cfg").is_file():
            raise Failed(f"{VENV} is there and isn't a virtual environment; move it away")
        return False
    check = "import sys, pip; print(sys.version_info >= (3, 11))"
    answer = subprocess.run(
        [str(PYTHON), "-P", "-c", check], env=clean_environment(), capture_output=True, text=True
    )
    if answer.stdout.strip() == "False":
        raise Failed(f"{VENV} has a Python older than 3.11; remove that folder and run this again")
    return answer.returncode == 0


def run(
    command: list[str], *, quiet: bool = True, environment: "dict[str, str] | None" = None
) -> None:
    """Run a step; what a quiet one prints is seen only where it fails, as one line."""
    kept = subprocess.PIPE if quiet else None
    step = subprocess.run(
        command,
        env=environment or clean_environment(),
        cwd=ROOT,
        stdout=kept,
        stderr=kept,
        text=True,
    )
    if step.returncode == 0:
        return
    if step.returncode < 0:
        raise Failed(f"{' '.join(command)} was ended by signal {-step.returncode}")
    if not quiet:
        sys.exit(step.returncode)  # it has said why
    lines = [line.strip() for line in (step.stderr + "\n" + step.stdout).splitlines()]
    lines = [line for line in lines if line]
    errors = [line for line in lines if line.startswith("ERROR")]
    told = (errors or lines or [f"exit code {step.returncode}"])[-1]
    if "ensurepip" in " ".join(lines):
        told = "this Python has no ensurepip; install it (Debian, Ubuntu: apt install python3-venv)"
    raise Failed(f"{command[2]} failed: {told}")


def clean_environment() -> dict[str, str]:
    """Return the environment without what would mix another Python's packages in."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
    return {name: text for name, text in os.environ.items() if name not in foreign}


def say(text: str) -> None:
    """Announce a step."""
    print(f"demo: {text} …", flush=True)


def speak_and_transcribe(text: str) -> None:
    """Do the main job and report it; runs inside the virtual environment."""
    import jiwer
    from whisper_normalizer.english import (  # type: ignore[import-untyped]
        EnglishTextNormalizer,
    )

    from omnibind import Client, OmnibindError

    started = time.perf_counter()
    try:
        with Client(tts="piper", stt="faster_whisper/tiny.en") as client:
            client.load()
            loaded = time.perf_counter()
            speech = client.tts.generate_audio(text)
            spoken = time.perf_counter()
            heard = client.stt.transcribe_audio(speech)
            ended = time.perf_counter()
        SOUND.parent.mkdir(exist_ok=True)
        speech.save(SOUND)
    except OmnibindError as error:
        raise Failed(str(error)) from error
    plain = EnglishTextNormalizer()
    errors = jiwer.wer(plain(text), plain(heard)) if plain(text) else float("nan")
    print(f"said   {text}")
    print(f"heard  {heard}")
    print(f"WER    {errors:.1%}, both texts through Whisper's English normaliser")
    print(f"sound  {speech.duration_s:.1f} s, in {SOUND.relative_to(ROOT)}")
    print(
        f"work   {spoken - loaded:.2f} s to speak, {ended - spoken:.2f} s to transcribe, "
        f"{loaded - started:.2f} s to load both before"
    )


def draw(prompt: str) -> None:
    """Draw a thing and report it; runs inside the virtual environment."""
    from omnibind import Client, OmnibindError

    started = time.perf_counter()
    try:
        with Client(tti="diffusers/starter-noto64") as client:
            client.load()
            loaded = time.perf_counter()
            picture = client.tti.generate_image(prompt, steps=10, guidance_scale=3.0, seed=0)
            ended = time.perf_counter()
        PICTURE.parent.mkdir(exist_ok=True)
        picture.save(PICTURE)
    except OmnibindError as error:
        raise Failed(str(error)) from error
    print(f"asked    {prompt}")
    print(f"picture  {picture.width} × {picture.height} pixels, in {PICTURE}")
    print(f"work     {ended - loaded:.2f} s to draw, {loaded - started:.2f} s to load before")


if __name__ == "__main__":
    sys.exit(main())

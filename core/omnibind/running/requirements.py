"""What an environment is made from: a manifest's requirements, and the lock beside it."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from omnibind.contracts.errors import BindingBroken, InstallFailed
from omnibind.discovery.environment import LOCK_NAME, specification_of
from omnibind.discovery.manifest import Manifest
from omnibind.discovery.places import Found

_HASH = re.compile(r"\s--hash=sha256:[0-9a-f]{64}")
# A build of torch depends on the machine: CPU or one of several CUDAs, from an index that publishes
# other files than the default one.
_NEVER_LOCKED = re.compile(
    r"(torch|torchaudio|torchvision|torchcodec|(pytorch-)?triton(-.*)?|nvidia-.*|cuda-.*)\Z"
)


def write(found: Found, manifest: Manifest, folder: Path) -> list[str]:
    """Write what the manifest and its lock ask for into ``folder``.

    Returns:
        The arguments that make ``uv pip install`` follow it. It checks the hashes of what is
        locked, and lets through what has none, which :func:`check_locked` looks at.

    Raises:
        BindingBroken: Something isn't a requirement, or a locked one has no hash.
    """
    specification = specification_of(manifest)
    arguments: list[str] = []
    for option, lines in (
        ("--requirement", specification.requires),
        ("--constraint", specification.constraints),
        ("--override", specification.overrides),
    ):
        for line in lines:
            _requirement(line, f"{found.folder / 'binding.yaml'}: environment")
        if lines:
            file = folder / f"{option.removeprefix('--')}s.txt"
            file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            arguments += [option, str(file)]
    lock = found.folder / LOCK_NAME
    if lock.is_file():
        locked(found, manifest)
        arguments += ["--requirement", str(lock)]
    return arguments


def locked(found: Found, manifest: Manifest) -> set[str] | None:
    """Return the names that a binding's lock pins; None without a lock.

    Raises:
        BindingBroken: A line pins no version, or has no hash though it isn't free of the lock.
    """
    path = found.folder / LOCK_NAME
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BindingBroken(f"{path} can't be read: {error}") from error
    pinned: set[str] = set()
    for line in text.replace("\\\n", " ").splitlines():
        entry = re.sub(r"(^|\s)#.*", "", line).strip()
        if not entry:
            continue
        requirement = _requirement(_HASH.sub("", entry), str(path))
        name = canonicalize_name(requirement.name)
        if re.fullmatch(r"==[^*,]+", str(requirement.specifier)) is None:
            raise BindingBroken(
                f"{path}: {requirement} pins no version; lock it with NAME==VERSION"
            )
        if not _HASH.search(entry) and not is_free(name, manifest):
            raise BindingBroken(f"{path}: {requirement} has no hash; add --hash=sha256:…")
        pinned.add(name)
    return pinned


def check_locked(pinned: set[str], packages: Collection[str], manifest: Manifest) -> None:
    """Refuse an environment that holds what the lock doesn't know.

    Raises:
        InstallFailed: A package isn't in the lock, and isn't free of it.
    """
    strange = [name for name in packages if name not in pinned and not is_free(name, manifest)]
    if strange:
        raise InstallFailed(
            f"{', '.join(strange)} was asked for and {LOCK_NAME} doesn't know it; make the lock "
            "anew, or name what may differ under environment: unlocked: in binding.yaml"
        )


def is_free(name: str, manifest: Manifest) -> bool:
    """Tell whether a package is left out of locks: torch's, NVIDIA's, what the manifest names."""
    unlocked = {canonicalize_name(free) for free in specification_of(manifest).unlocked}
    return _NEVER_LOCKED.match(name) is not None or name in unlocked


def _requirement(text: str, where: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        told = str(error).partition("\n")[0]
        raise BindingBroken(f"{where}: {text!r} isn't a requirement: {told}") from error

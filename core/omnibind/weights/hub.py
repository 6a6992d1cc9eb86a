"""``hf:REPO[@REV]#PATH`` and whole repositories, through ``huggingface_hub``.

The library finds, authorises and describes; the bytes come by our own download, because the library
throws a broken one away.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
import tempfile
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from omnibind.contracts.errors import FetchFailed
from omnibind.weights import formats, web
from omnibind.weights.lockfile import Entry, LockedFile
from omnibind.weights.sources import Source
from omnibind.weights.web import Report

_TIMEOUT_S = 30.0
_PIPELINE = "model_index.json"
# model.fp16.safetensors, model.fp16-00001-of-00002.safetensors, model.safetensors.index.fp16.json
_VARIANT = re.compile(
    r"(?P<stem>.*/?[^/.]+)(?:\.(?:fp16|fp32|bf16|non_ema|ema_only)(?:-\d{5}-of-\d{5})?)"
    r"(?P<ending>\.(?:safetensors|bin))"
)
# Other frameworks' copies of what lies beside them as safetensors; Mistral's own are consolidated.
_OTHER_FRAMEWORKS = ("*.h5", "*.msgpack", "*.ot", "flax_*", "tf_*", "rust_*", "consolidated*")


class _Described(NamedTuple):
    url: str
    tag: str
    headers: dict[str, str]
    cached: str | None


def fetch(source: Source, into: Path, report: Report, *, pinned: bool) -> None:
    """Copy one file of a repository to ``into``, from the library's own cache where it lies there.

    Raises:
        FetchFailed: The package is missing, or the file can't be had.
        OSError: It can't be written.
    """
    described = _describe(_library(), source)
    if described.cached:
        web.forget(into)
        shutil.copyfile(described.cached, into)
        size = into.stat().st_size
        report(size, size)
        return
    key = f"{source.text} {described.tag}"
    web.download(described.url, into, report, key=key, headers=described.headers, pinned=pinned)


def snapshot(source: Source, allow: Sequence[str]) -> Entry:
    """Resolve a repository's revision and list the files to take from it.

    Without ``allow``, hidden files, pages and pictures are left out, and where a folder has
    safetensors, so are the same weights as pickles, for other frameworks and in other number
    formats. Of a pipeline (``model_index.json``) its components alone are taken.

    Raises:
        FetchFailed: The package is missing, the repository can't be read or nothing in it fits.
    """
    library = _library()
    try:
        info = library.HfApi().model_info(
            source.name, revision=source.version or None, files_metadata=True, timeout=_TIMEOUT_S
        )
        license_ = (info.card_data or {}).get("license")
        files = {
            file.rfilename: LockedFile(file.size, file.lfs.sha256 if file.lfs else None)
            for file in info.siblings
        }
    except Exception as error:  # whatever the library raises, wrapped once
        raise FetchFailed(f"{source.text}: {_words(error)}") from error
    paths = [path for path in files if not any(part.startswith(".") for part in path.split("/"))]
    if allow:
        wanted = [path for path in paths if any(fnmatch.fnmatch(path, one) for one in allow)]
    else:
        wanted = _without_copies(_of_pipeline(paths, source, str(info.sha)))
    if not wanted:
        raise FetchFailed(f"{source.text} holds no file that fits {list(allow) or 'a model'}")
    return Entry(
        files={path: files[path] for path in wanted},
        repository=source.text,
        revision=str(info.sha),
        license=license_ if isinstance(license_, str) else None,
    )


def _describe(library: ModuleType, source: Source) -> _Described:
    revision = source.version or None
    try:
        url = library.hf_hub_url(source.name, source.path, revision=revision)
        found = library.get_hf_file_metadata(url, timeout=_TIMEOUT_S)
        cached = library.try_to_load_from_cache(
            source.name, source.path, revision=found.commit_hash
        )
        # A location on another host is signed by itself and must not be shown the token.
        own = found.location.startswith(library.constants.ENDPOINT + "/")
        headers = library.utils.build_hf_headers() if own else {}
        return _Described(
            found.location,
            found.etag or "",
            {str(name): str(value) for name, value in headers.items()},
            cached if isinstance(cached, str) else None,
        )
    except Exception as error:  # whatever the library raises, wrapped once
        raise FetchFailed(_words(error)) from error


def _library() -> ModuleType:
    try:
        import huggingface_hub
    except ImportError as error:
        raise FetchFailed(
            'the package huggingface_hub is missing; run: pip install "omnibind[huggingface]"'
        ) from error
    return huggingface_hub


def _of_pipeline(paths: list[str], source: Source, commit: str) -> list[str]:
    """Return the files of a pipeline's components, or all of what is none.

    Beside them such a repository often has the whole pipeline once more as one file, older parts
    and parts for other frameworks.
    """
    if _PIPELINE not in paths:
        return paths
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, _PIPELINE)
        wanted = source._replace(version=commit, path=_PIPELINE)
        fetch(wanted, index, lambda done, total: None, pinned=False)
        try:
            parts = msgspec.json.decode(index.read_bytes(), type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise FetchFailed(f"{source.text}: {_PIPELINE} can't be read: {error}") from error
    components = {name for name, made_by in parts.items() if isinstance(made_by, list)}
    if not components:
        return paths
    return [
        path
        for path in paths
        if (path.partition("/")[0] in components if "/" in path else path.endswith(".json"))
    ]


def _without_copies(paths: list[str]) -> list[str]:
    better = {
        path.rpartition("/")[0]
        for path in paths
        if path.endswith(".safetensors") and not _is_foreign(path)
    }
    whole = {path for path in paths if _variant_of(path) is None}
    return [
        path
        for path in paths
        if not _is_left_out(path, better) and _variant_of(path, whole) not in whole
    ]


def _variant_of(path: str, whole: AbstractSet[str] = frozenset()) -> str | None:
    """Return what ``model.fp16.safetensors`` is a copy of; None where it is no copy.

    Args:
        path: A file's path.
        whole: Files that are no copies: shards of a copy are counted on their own, and are told by
            the index of the whole.
    """
    found = _VARIANT.fullmatch(path)
    if found is None:
        return None
    plain = f"{found['stem']}{found['ending']}"
    index = f"{plain}.index.json"
    return index if index in whole else plain


def _is_left_out(path: str, better: set[str]) -> bool:
    folder, _, name = path.rpartition("/")
    if name.endswith((".md", ".png", ".jpg", ".jpeg", ".gif", ".webp")):
        return True
    ending = Path(name).suffix
    is_copy = ending in formats.PICKLE_ENDINGS or ending == ".bin"
    return folder in better and (is_copy or _is_foreign(path))


def _is_foreign(path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatch(name, pattern) for pattern in _OTHER_FRAMEWORKS)


def _words(error: Exception) -> str:
    # The library's messages run over several lines with addresses and hints for its own users.
    text = re.sub(r"\s+", " ", str(error)).strip()
    return text[:300] or type(error).__name__

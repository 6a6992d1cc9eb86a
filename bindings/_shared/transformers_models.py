"""What the bindings on Hugging Face transformers share: reading a folder, progress, silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from omnibind.contracts.errors import (
    BadConfig,
    NotSupported,
    OmnibindError,
    OutOfMemory,
    PackagesMissing,
    UnknownModel,
    WeightsDamaged,
)

from .failures import is_memory, package_missing
from .torchaudio_stand_in import make_importable

LACKING = re.compile(r"requires the ([a-z][a-z0-9_-]+) library")
"""The package in the library's message of a missing one."""

TrustRemoteCode = Annotated[
    bool, "run the Python code that lies beside the weights; True only for makers whom you trust"
]

TEKKEN = "tekken.json"
"""File of the words of Mistral's models."""


def config_of(name: str, folder: Path, *, trust_remote_code: bool = False) -> Any:
    """Return the configuration of the model in a folder.

    Raises:
        UnknownModel: There is no model of transformers.
        BadConfig: Its code isn't a part of transformers, and isn't trusted.
        WeightsDamaged: The configuration can't be read.
    """
    from transformers import AutoConfig

    make_importable()
    if not (folder / "config.json").is_file():
        raise UnknownModel(
            f"model {name!r}: there is no file {str(folder / 'config.json')!r}; expected a folder "
            "as transformers saves it (config.json, model.safetensors, a tokenizer or processor)"
        )
    with reading(name, folder):
        return AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )


@contextmanager
def reading(name: str, folder: Path) -> Iterator[None]:
    """Read files of a model within: quietly, and what goes wrong becomes our errors.

    Raises:
        BadConfig: It needs code that isn't a part of transformers.
        PackagesMissing: It needs a package that isn't installed.
        OutOfMemory: Memory ran out.
        WeightsDamaged: Anything else.
    """
    try:
        with quiet():
            yield
    except OmnibindError:
        raise
    except ImportError as error:
        told = " ".join(str(error).split())
        package = LACKING.search(told)
        raise PackagesMissing(
            f"{name!r} needs a package that isn't installed: {told}",
            command=f"pip install {package[1]}" if package else "",
        ) from error
    except Exception as error:
        if is_memory(error):
            raise OutOfMemory(f"there isn't enough memory to load {folder}: {error}") from error
        if "trust_remote_code" in str(error):
            raise BadConfig(
                f"{name!r} comes with Python code of its own, which is run only with the "
                "configuration trust_remote_code=True; read it first"
            ) from error
        told = f"{type(error).__name__}: {error}"
        raise WeightsDamaged(f"{folder} can't be loaded by transformers: {told}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings and the progress bars of transformers to themselves."""
    import warnings

    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def model_of(
    name: str, folder: Path, class_: Any, dtype: Any, *, trust_remote_code: bool = False
) -> Any:
    """Return the model in a folder, on the CPU, with every weight from its files.

    Args:
        name: The model's name, for messages.
        folder: Where it lies.
        class_: One of transformers' classes with ``from_pretrained``.
        dtype: Number format of the weights.
        trust_remote_code: Whether code beside the weights may run.

    Raises:
        PackagesMissing: An adapter lies beside the weights, which transformers would leave out.
        WeightsDamaged: Weights are missing or have another shape; transformers would make them up.
    """
    if (folder / "adapter_config.json").is_file():
        check_package(name, "peft")
    model, told = class_.from_pretrained(
        folder,
        local_files_only=True,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        output_loading_info=True,
    )
    wrong = sorted(
        str(one) for kind in ("missing_keys", "mismatched_keys") for one in told.get(kind, ())
    )
    if wrong:
        raise WeightsDamaged(
            f"{name!r}: {len(wrong)} of its weights are missing in {folder} or have another shape "
            f"({', '.join(wrong[:3])}); get the files again, or give a model of this kind"
        )
    return model.eval()


def check_kind(name: str, kind: str, known: Collection[str], does: str) -> None:
    """Refuse a model of an architecture that a binding doesn't run.

    Raises:
        NotSupported: ``kind`` isn't in ``known``.
    """
    if kind not in known:
        raise NotSupported(
            f"{name!r} is a model of the kind {kind!r}; {does} runs {', '.join(sorted(known))}; "
            "give such a model, or use the binding that runs this one"
        )


def check_tokenizer(tokenizer: Any, name: str, folder: Path) -> None:
    """Refuse a tokenizer whose files aren't there; transformers would make an empty one.

    Raises:
        WeightsDamaged: None of its files lies in the folder.
    """
    own = set(tokenizer.vocab_files_names.values()) or {"tokenizer_config.json"}
    check_words(name, folder, "tokenizer.json", TEKKEN, *own)


def check_words(name: str, folder: Path, *files: str) -> None:
    """Refuse a model without a file of its words.

    Raises:
        WeightsDamaged: None of ``files`` lies in the folder.
    """
    if not any((folder / file).is_file() for file in files):
        raise WeightsDamaged(
            f"{name!r} has no tokenizer: {folder} holds none of "
            f"{', '.join(sorted(set(files)))}; get the files again"
        )


def check_package(name: str, package: str) -> None:
    """Refuse a model that needs a package.

    Raises:
        PackagesMissing: It isn't installed.
    """
    if find_spec(package.replace("-", "_")) is None:
        raise package_missing(repr(name), package)


class Steps:
    """A logits processor that changes nothing, and tells how far a generation is."""

    def __init__(self, tell: Callable[[float | None, str], None], most: int | None = None) -> None:
        self._tell = tell
        self._most = most
        self._count = 0

    def __call__(self, ids: Any, scores: Any) -> Any:
        """Tell of one more token; raises where the call is over."""
        self.step()
        return scores

    def step(self, *given: Any) -> None:
        """Tell of one more step; fits as a hook that a module calls before it runs."""
        share = None if not self._most else min(1.0, self._count / self._most)
        self._tell(share, f"step {self._count}")
        self._count += 1

"""The voices of a text-to-speech model of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omnibind.contracts.errors import UnknownVoice, suggest

ONE = "default"
"""The name of a voice that is the only one."""


def names(config: Any, folder: Path | None) -> list[str]:
    """Return the voices' names, sorted: numbers of speakers, files in ``folder``, or one.

    Args:
        config: The model's configuration.
        folder: Where x-vectors lie, for models that take them.
    """
    if _takes_vectors(config):
        return sorted(file.stem for file in folder.glob("*.npy")) if folder is not None else []
    # FastSpeech2Conformer with its vocoder keeps them one step further in.
    count = getattr(getattr(config, "model_config", config), "num_speakers", None) or 1
    return sorted(map(str, range(count))) if count > 1 else [ONE]


def parameters(name: str, config: Any, folder: Path | None, voice: str | None) -> dict[str, Any]:
    """Return what makes a model speak with a voice.

    Args:
        name: The model's name, for messages.
        config: Its configuration.
        folder: Where x-vectors lie.
        voice: A name, a path where the model takes x-vectors, or None for the first one.

    Raises:
        UnknownVoice: There is no such voice.
    """
    if _takes_vectors(config):
        return {"speaker_embeddings": _vector(name, config, folder, voice)}
    known = names(config, folder)
    if voice is not None and voice not in known:
        raise UnknownVoice(f"voice {voice!r} is unknown to {name!r}; {suggest(voice, known)}")
    if known == [ONE]:
        return {}
    if config.model_type.startswith("fastspeech2"):
        import torch

        return {"speaker_ids": torch.tensor([[int(voice or 0)]])}
    return {"speaker_id": int(voice or 0)}


def _takes_vectors(config: Any) -> bool:
    return bool(config.model_type == "speecht5")


def _vector(name: str, config: Any, folder: Path | None, voice: str | None) -> Any:
    import numpy as np
    import torch

    expected = f"an x-vector, a .npy file with {config.speaker_embedding_dim} numbers"
    known = names(config, folder)
    if voice is None:
        raise UnknownVoice(
            f"{name!r} needs a voice; give the name of one in voices_dir"
            f"{' (' + ', '.join(known) + ')' if known else ''} or the path of {expected}"
        )
    path = Path(voice).expanduser()
    if voice in known and folder is not None:
        path = folder / f"{voice}.npy"
    if not path.is_file():
        raise UnknownVoice(
            f"voice {voice!r} is unknown to {name!r}: there is no file {str(path)!r}; give "
            f"{expected}, or a name in voices_dir: {suggest(voice, known)}"
        )
    try:
        numbers = np.asarray(np.load(path, allow_pickle=False), np.float32)
    except (OSError, ValueError) as error:
        raise UnknownVoice(f"{path} can't be read as {expected}: {error}") from error
    if numbers.size != config.speaker_embedding_dim or not np.isfinite(numbers).all():
        raise UnknownVoice(f"{path} holds {numbers.size} numbers of a voice; expected {expected}")
    return torch.from_numpy(numbers.reshape(1, -1))

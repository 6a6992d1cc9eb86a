"""One loaded text-to-speech model of transformers, of whichever kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import BadInput, PackagesMissing, WeightsDamaged

from ..._shared.transformers_models import Steps, check_kind, check_tokenizer, model_of, reading

if TYPE_CHECKING:
    import numpy as np
    import torch

MUSIC = ("musicgen", "musicgen_melody")
EXACT = ("vits", "speecht5", "fastspeech2_conformer", "fastspeech2_conformer_with_hifigan")
"""Small models whose splines and spectrograms suffer in 16 bits."""
IN_PARTS = ("bark", "seamless_m4t", "seamless_m4t_v2")
"""Models whose parts generate one after another, each with its own limits."""

SECONDS_A_LETTER = 1 / 8
SPARE_S = 4.0
FRAMES_A_SECOND = 100
"""More than the codecs need that don't say; models end by themselves, and this ends the others."""


def makes_spectrograms(config: Any) -> bool:
    """Tell whether a model's output needs a vocoder to become sound."""
    from transformers.models.auto import modeling_auto

    return config.model_type in modeling_auto.MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING_NAMES


def check_speaks(name: str, config: Any, *, trusts: bool) -> None:
    """Refuse a model that doesn't speak.

    Raises:
        NotSupported: It is of another kind.
    """
    from transformers.models.auto import modeling_auto

    known = {
        *modeling_auto.MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING_NAMES,
        "dia",
    }
    if not (trusts and getattr(config, "auto_map", None)):
        check_kind(name, config.model_type, known.difference(MUSIC), "tts/transformers")


class Speaker:
    """A pipeline with what can be asked of it.

    Args:
        name: The model's name, for messages.
        folder: Where it lies.
        config: Its configuration.
        vocoder: Where its vocoder lies, if it makes spectrograms.
        device: Where it computes.
        dtype: Number format of the weights.
        trusts: Whether code beside the weights may run.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        config: Any,
        vocoder: Path | None,
        device: torch.device,
        dtype: torch.dtype,
        *,
        trusts: bool,
    ) -> None:
        import transformers

        self.name = name
        self.config = config
        self.device = device
        given = {"local_files_only": True, "trust_remote_code": trusts}
        with reading(name, folder):
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **given)
            check_tokenizer(tokenizer, name, folder)
            processor = transformers.AutoProcessor.from_pretrained(folder, **given)
            is_whole = isinstance(processor, transformers.ProcessorMixin)
            self._pipeline = transformers.pipeline(
                "text-to-audio",
                model=model_of(name, folder, _class_of(config), dtype, trust_remote_code=trusts),
                tokenizer=tokenizer,
                processor=processor if is_whole else None,
                vocoder=None if vocoder is None else _vocoder_of(vocoder, device),
                device=device,
            )
        self._check_words(tokenizer)

    @property
    def has_speed(self) -> bool:
        """Whether its tempo can be chosen."""
        return bool(self.config.model_type == "vits")

    @property
    def draws_tokens(self) -> bool:
        """Whether it speaks token by token, by chance."""
        return bool(self._pipeline.model.can_generate()) and not makes_spectrograms(self.config)

    def speak(
        self,
        text: str,
        parameters: dict[str, Any],
        drawing: dict[str, Any],
        tell: Callable[[float | None, str], None],
    ) -> tuple[np.ndarray[Any, Any], int]:
        """Return samples, shape (frames,) or (frames, channels), and their rate.

        Args:
            text: What to say.
            parameters: Of the model itself.
            drawing: Of the drawing of tokens.
            tell: Hears how far it is, and may end it.

        Raises:
            BadInput: Nothing in the text can be spoken by this model, or it is too long.
        """
        letters = self._letters(text)
        if self.config.model_type == "speecht5":
            loop = self._pipeline.model.speecht5.decoder.wrapped_decoder
            hook = loop.register_forward_pre_hook(Steps(tell, 10 * letters).step)
            try:
                made = self._pipeline(text, forward_params=parameters)
            finally:
                hook.remove()
        else:
            tell(None, "speaking")
            if self.draws_tokens:
                drawing = {**self._limits(letters, tell), **_sampling(drawing)}
            made = self._pipeline(text, forward_params=parameters, generate_kwargs=drawing)
        return made["audio"].T, int(made["sampling_rate"])

    def _letters(self, text: str) -> int:
        """Return how long the text is for the model: in its letters where it has a limit."""
        kind = self.config.model_type
        tokenizer = self._pipeline.tokenizer
        if kind == "vits" and not tokenizer.prepare_for_tokenization(text)[0].strip():
            raise BadInput(
                f"{self.name!r} knows none of the signs in {text[:40]!r}; give a text in its "
                "language"
            )
        if kind != "speecht5":
            return len(text)
        count = len(tokenizer(text)["input_ids"])
        most = self.config.max_text_positions
        if count > most:
            raise BadInput(
                f"the text has {count} letters, and {self.name!r} speaks at most {most} at once; "
                "speak it sentence by sentence"
            )
        return count

    def _limits(self, letters: int, tell: Callable[[float | None, str], None]) -> dict[str, Any]:
        """Return how long a generation may be, where the model itself doesn't say."""
        if self.config.model_type in IN_PARTS:
            return {}
        limits: dict[str, Any] = {"logits_processor": [Steps(tell)]}
        own = self._pipeline.model.generation_config
        if own.max_new_tokens is None and own.max_length is None:
            codec = getattr(self.config, "codec_config", None)
            rate = getattr(codec, "frame_rate", None) or FRAMES_A_SECOND
            most = math.ceil((SPARE_S + letters * SECONDS_A_LETTER) * rate)
            room = getattr(self.config.get_text_config(), "max_position_embeddings", None)
            limits["max_new_tokens"] = min(most, room - letters) if room else most
        return limits

    def _check_words(self, tokenizer: Any) -> None:
        """Refuse to speak what a missing package would leave unspoken.

        Raises:
            PackagesMissing: The tokenizer needs one.
        """
        from transformers.utils import is_phonemizer_available, is_uroman_available

        missing = []
        if getattr(tokenizer, "is_uroman", False) and not is_uroman_available():
            missing.append("uroman")
        if getattr(tokenizer, "phonemize", False) and not is_phonemizer_available():
            missing.append("phonemizer")
        if missing:
            raise PackagesMissing(
                f"{self.name!r} reads its text with the package {' and '.join(missing)}, which "
                "isn't installed",
                command=f"pip install {' '.join(missing)}",
            )


def _class_of(config: Any) -> Any:
    import transformers
    from transformers.models.auto import modeling_auto

    if config.model_type in modeling_auto.MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING_NAMES:
        return transformers.AutoModelForTextToSpectrogram
    if config.model_type == "dia":
        return transformers.DiaForConditionalGeneration
    return transformers.AutoModelForTextToWaveform


def _vocoder_of(folder: Path, device: torch.device) -> Any:
    import json

    import transformers

    try:
        named = json.loads((folder / "config.json").read_text("utf-8"))["architectures"][0]
    except (OSError, ValueError, LookupError) as error:
        raise WeightsDamaged(f"{folder} holds no vocoder: {error}; give one's folder") from error
    class_ = getattr(transformers, named, None)
    if not str(named).endswith("HifiGan") or class_ is None:
        raise WeightsDamaged(f"{folder} holds a {named}, and no vocoder; give a HiFi-GAN's folder")
    return model_of(str(folder), folder, class_, None).to(device)


def _sampling(drawing: dict[str, Any]) -> dict[str, Any]:
    if not drawing:
        return {}
    if drawing.get("temperature") == 0:
        return {"do_sample": False}
    return {"do_sample": True, **drawing}

"""One loaded text-to-speech model of transformers, of whichever kind."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import BadInput, BadOption, PackagesMissing, WeightsDamaged

from ..._shared.transformers_models import Steps, check_kind, check_tokenizer, model_of, reading
from . import codec

if TYPE_CHECKING:
    import numpy as np
    import torch

MUSIC = ("musicgen", "musicgen_melody")
ANSWERING = ("qwen2_5_omni", "qwen3_omni_moe")
"""Models that answer in speech instead of speaking a text."""
EXACT = ("vits", "speecht5", "fastspeech2_conformer", "fastspeech2_conformer_with_hifigan")
"""Small models whose splines and spectrograms suffer in 16 bits."""
IN_PARTS = ("bark", "seamless_m4t", "seamless_m4t_v2")
"""Models whose parts generate one after another, each with its own limits."""

SECONDS_A_LETTER = 1 / 8
SPARE_S = 4.0
FRAMES_A_SECOND = 100
"""More than the codecs need that don't say; models end by themselves, and this ends the others."""
HIFIGAN_RATE = 22_050
"""What the documentation of FastSpeech2Conformer writes its sound with."""
SIGNS = 8
"""Tokens that a model sets around its text."""


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
        check_kind(name, config.model_type, known.difference(MUSIC, ANSWERING), "tts/transformers")


def has_limit(model: Any) -> bool:
    """Tell whether a model says itself how long it may generate."""
    own = model.generation_config
    return own.max_new_tokens is not None or own.max_length is not None


def frames_for(text: str, rate: float) -> int:
    """Return how many frames of sound a text may have, at so many a second."""
    return math.ceil((SPARE_S + len(text) * SECONDS_A_LETTER) * rate)


def limited(name: str, text: str, most: int, room: int) -> dict[str, int]:
    """Return how long a generation may be: so many frames, in what room the model has left.

    Raises:
        BadInput: The text leaves it none.
    """
    if room < 1:
        raise BadInput(
            f"the text has {len(text)} letters, which leave {name!r} no room to speak; "
            "speak it sentence by sentence"
        )
    return {"max_new_tokens": min(most, room)}


class Speaker:
    """A pipeline with what can be asked of it.

    Args:
        name: The model's name, for messages.
        folder: Where it lies.
        config: Its configuration.
        vocoder: Where its vocoder lies, if it makes spectrograms.
        device: Where it computes.
        dtype: Number format of the weights.
        find: Returns the folder of a model by its name, for the codec that a processor names.
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
        find: Callable[[str], Path],
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
            with codec.found(folder, find) as place:
                processor = transformers.AutoProcessor.from_pretrained(place, **given)
            is_whole = isinstance(processor, transformers.ProcessorMixin)
            sounds = getattr(processor, "audio_tokenizer", None)
            self._codec = None if sounds is None else sounds.to(device).config
            model = model_of(name, folder, class_of(config), dtype, trust_remote_code=trusts)
            sounding = None if vocoder is None else _vocoder_of(vocoder)
            if hasattr(model, "vocoder") and hasattr(model, "model"):
                # The pipeline would take the spectrogram for the sound.
                model, sounding = model.model, model.vocoder
            self._pipeline = transformers.pipeline(
                "text-to-audio",
                model=model,
                tokenizer=tokenizer,
                processor=processor if is_whole else None,
                vocoder=None if sounding is None else _with_rate(sounding).to(device),
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
            BadOption: The model draws at no such temperature.
        """
        letters = self._letters(text)
        self._check_heat(drawing)
        model = self._pipeline.model
        if self.config.model_type == "speecht5":
            loop, steps = model.speecht5.decoder.wrapped_decoder, Steps(tell, 10 * letters)
        else:
            loop, steps = model, Steps(tell)
        depth = getattr(model, "depth_decoder", None)
        if self.draws_tokens:
            drawing = sampling(drawing, inner=depth is not None) | self._limits(text)
        # Some models take no logits processor of others; each step of all goes through here.
        hook = loop.register_forward_pre_hook(steps.step)
        try:
            tell(None, "speaking")
            with _restored(depth):
                made = self._pipeline(text, forward_params=parameters, generate_kwargs=drawing)
        finally:
            hook.remove()
        return made["audio"].T, int(made["sampling_rate"])

    def _check_heat(self, drawing: dict[str, Any]) -> None:
        """Refuse a temperature for which transformers would take another."""
        heat = drawing.get("temperature", 1.0)
        if self.config.model_type == "dia" and 0 < heat < 1:
            raise BadOption(
                f"temperature is {heat:g}, and {self.name!r}, a Dia, draws at 1 and above; give 1 "
                "to 2, or 0 for the likeliest"
            )

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

    def _limits(self, text: str) -> dict[str, Any]:
        """Return how long a generation may be, where the model itself doesn't say.

        Raises:
            BadInput: The text leaves the model no room to speak.
        """
        if has_limit(self._pipeline.model) or self.config.model_type in IN_PARTS:
            return {}
        sounds = getattr(self.config, "codec_config", None) or self._codec
        rate = getattr(sounds, "frame_rate", None) or FRAMES_A_SECOND
        most = frames_for(text, rate)
        room = getattr(self.config.get_text_config(), "max_position_embeddings", None) or most
        if not self.config.is_encoder_decoder:
            room -= len(self._pipeline.tokenizer(text)["input_ids"]) + SIGNS
        return limited(self.name, text, most, room)

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


def class_of(config: Any) -> Any:
    """Return the class that loads a model."""
    import transformers
    from transformers.models.auto import modeling_auto

    if config.model_type in modeling_auto.MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING_NAMES:
        return transformers.AutoModelForTextToSpectrogram
    if config.model_type == "dia":
        return transformers.DiaForConditionalGeneration
    return transformers.AutoModelForTextToWaveform


def _with_rate(vocoder: Any) -> Any:
    """Return a vocoder that tells its rate, which that of FastSpeech2Conformer needn't."""
    if not hasattr(vocoder.config, "sampling_rate"):
        vocoder.config.sampling_rate = HIFIGAN_RATE
    return vocoder


def _vocoder_of(folder: Path) -> Any:
    import json

    import transformers

    try:
        named = json.loads((folder / "config.json").read_text("utf-8"))["architectures"][0]
    except (OSError, ValueError, LookupError) as error:
        raise WeightsDamaged(f"{folder} holds no vocoder: {error}; give one's folder") from error
    class_ = getattr(transformers, named, None)
    if not str(named).endswith("HifiGan") or class_ is None:
        raise WeightsDamaged(f"{folder} holds a {named}, and no vocoder; give a HiFi-GAN's folder")
    return model_of(str(folder), folder, class_, None)


def sampling(drawing: dict[str, Any], *, inner: bool) -> dict[str, Any]:
    """Return the options of drawing; ``inner``: also those of a decoder within the model."""
    if not drawing:
        return {}
    greedy = drawing.get("temperature") == 0
    wanted = {"do_sample": False} if greedy else {"do_sample": True, **drawing}
    return wanted | ({f"depth_decoder_{name}": wanted[name] for name in wanted} if inner else {})


@contextmanager
def _restored(part: Any) -> Iterator[None]:
    """Put back how a part generates; CSM keeps for later calls what one is given."""
    if part is None:
        yield
        return
    before = copy.deepcopy(part.generation_config)
    try:
        yield
    finally:
        part.generation_config = before

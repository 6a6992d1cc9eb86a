"""Speech models that want a conversation, and whose codec makes sound of what they generate.

Source: transformers 5.23, the documentation and docstrings of Pocket-TTS, Higgs Audio v2 and
VibeVoice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import BadOption, BadOutput, NotSupported
from omnibind.contracts.media import Source

from ..._shared.transformers_models import Steps, check_package, check_tokenizer, model_of, reading
from . import codec
from .speaker import class_of, frames_for, has_limit, limited, sampling

if TYPE_CHECKING:
    import numpy as np
    import torch

RECORDING = "recording"
"""The parameter of :meth:`Conversing.speak` that holds the sound of a voice."""


@dataclass(frozen=True)
class Kind:
    """How one kind of model is spoken to.

    Attributes:
        role: Whose words the text is.
        before: Roles and words that go before it.
        draws: What can be asked of how it draws.
        clones: Whether it takes the sound of a voice, without the words in it.
        ends: Whether the library itself sets how long a text may be spoken.
        needs: A package without which it can't be loaded or can't speak.
    """

    role: str = "user"
    before: tuple[tuple[str, str], ...] = ()
    draws: tuple[str, ...] = ()
    clones: bool = False
    ends: bool = False
    needs: str | None = None


KINDS = {
    "gradium_phonon_tts": Kind(draws=("temperature",), ends=True),
    "higgs_audio_v2": Kind(
        before=(
            ("system", "Generate audio following instruction."),
            ("scene", "Audio is recorded from a quiet room."),
        ),
        draws=("temperature", "top_k", "top_p"),
        needs="torchaudio",
    ),
    "pocket_tts": Kind(draws=("temperature",), clones=True, ends=True),
    "vibevoice": Kind(role="0", clones=True, needs="diffusers"),
}
"""By ``model_type``, what the documentation of each shows."""


def clones(config: Any) -> bool:
    """Tell whether a model can speak with the voice of a recording."""
    kind = KINDS.get(config.model_type)
    return kind is not None and kind.clones


class Conversing:
    """A model with its processor.

    Args:
        name: The model's name, for messages.
        folder: Where it lies.
        config: Its configuration, of one of ``KINDS``.
        device: Where it computes.
        dtype: Number format of the weights.
        find: Returns the folder of a model by its name, for the codec that the processor names.
    """

    has_speed = False

    def __init__(
        self,
        name: str,
        folder: Path,
        config: Any,
        device: torch.device,
        dtype: torch.dtype,
        *,
        find: Callable[[str], Path],
    ) -> None:
        self.name = name
        self.config = config
        self.device = device
        self._kind = KINDS[config.model_type]
        if self._kind.needs is not None:
            check_package(name, self._kind.needs)
        import transformers

        with reading(name, folder):
            with codec.found(folder, find) as place:
                self._processor = transformers.AutoProcessor.from_pretrained(
                    place, local_files_only=True
                )
            check_tokenizer(self._processor.tokenizer, name, folder)
            self._model = model_of(name, folder, class_of(config), dtype).to(device)
        self._codec = getattr(self._processor, "audio_tokenizer", None)
        if self._codec is not None:
            self._codec.to(device)
        self._rate = int(self._processor.feature_extractor.sampling_rate)

    @property
    def draws_tokens(self) -> bool:
        """Whether something can be asked of how it draws."""
        return bool(self._kind.draws)

    def speak(
        self,
        text: str,
        parameters: dict[str, Any],
        drawing: dict[str, Any],
        tell: Callable[[float | None, str], None],
    ) -> tuple[np.ndarray[Any, Any], int]:
        """Return samples, shape (frames,), and their rate.

        Args:
            text: What to say; spoken in pieces where the processor splits it.
            parameters: The sound of a voice, ``RECORDING``, or nothing.
            drawing: Of the drawing of tokens or noise.
            tell: Hears how far it is, and may end it.

        Raises:
            BadInput: The text leaves the model no room to speak, or the recording can't be read.
            BadOption: The model hasn't got an option of drawing.
            BadOutput: The model ended before it said anything.
            NotSupported: A recording is given, and the model's codec has no encoder.
        """
        import numpy as np

        if refused := [name for name in drawing if name not in self._kind.draws]:
            raise BadOption(
                f"{', '.join(refused)} is given, and {self.name!r} draws noise, no tokens; leave "
                f"it out, or give {', '.join(self._kind.draws)}"
            )
        given = sampling(drawing, inner=False)
        sound = self._heard(parameters.get(RECORDING))
        # Some of these models take no logits processor of others; each step goes through here.
        hook = self._model.register_forward_pre_hook(Steps(tell).step)
        try:
            tell(None, "speaking")
            parts = [self._said(piece, sound, given) for piece in self._pieces(text)]
        finally:
            hook.remove()
        return np.concatenate(parts), self._rate

    def _heard(self, recording: Any) -> np.ndarray[Any, Any] | None:
        if recording is None:
            return None
        if self._codec is not None and getattr(self._codec.config, "encoder_config", self) is None:
            raise NotSupported(
                f"{self.name!r} comes without an encoder and can't listen to a recording; leave "
                "the voice out, or use a model that has one"
            )
        with Source.of(recording, "audio") as source:
            return source.array(self._rate)

    def _pieces(self, text: str) -> list[str]:
        split = getattr(self._processor, "split_text", None)
        pieces = [text] if split is None else split(text)
        return pieces if len(pieces) > 1 else [text]

    def _said(
        self, text: str, sound: np.ndarray[Any, Any] | None, given: dict[str, Any]
    ) -> np.ndarray[Any, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if sound is not None:
            content.insert(0, {"type": "audio", "audio": sound})
        conversation = [
            *(
                {"role": role, "content": [{"type": "text", "text": words}]}
                for role, words in self._kind.before
            ),
            {"role": self._kind.role, "content": content},
        ]
        inputs = self._processor.apply_chat_template(
            conversation,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self._model.device, self._model.dtype)
        limits = self._limits(text, inputs["input_ids"].shape[1])
        made = self._model.generate(**inputs, **given, **limits, return_dict_in_generate=True)
        samples = self._decoded(made)
        if samples is None or not samples.numel():
            raise BadOutput(f"{self.name!r} ended before it said anything; try another seed")
        spoken: np.ndarray[Any, Any] = samples.float().cpu().numpy().reshape(-1)
        return spoken

    def _decoded(self, made: Any) -> Any:
        """Return the sound of what was generated: itself, of latents or of codes."""
        if "audio" in made:
            return made["audio"][0]
        if "audio_latents" in made:
            return self._processor.decode(made["audio_latents"], made["audio_latents_mask"])[0]
        return self._processor.batch_decode(made["audio_sequences"])[0]

    def _limits(self, text: str, used: int) -> dict[str, Any]:
        """Return how long a generation may be, where neither the library nor the model says."""
        if self._kind.ends or has_limit(self._model):
            return {}
        sounds = self.config.audio_config if self._codec is None else self._codec.config
        rate = getattr(sounds, "frame_rate", None) or self._rate / sounds.hop_length
        room = self.config.get_text_config().max_position_embeddings - used
        return limited(self.name, text, frames_for(text, rate), room)

"""The speech recognisers of transformers: Whisper, wav2vec 2.0, Parakeet, Moonshine, Qwen3-ASR, ….

Source: transformers 5.23, ``pipelines.automatic_speech_recognition`` and
``apply_transcription_request`` of the models' processors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from omnibind.contracts import STTBinding
from omnibind.contracts.errors import BadConfig
from omnibind.contracts.media import AudioInput, Meta, Source, Transcript
from omnibind.contracts.options import Range

from ..._shared.failures import failures
from ..._shared.pytorch import Device, Precision, device_of, dtype_of, let_go, seeded
from ..._shared.transformers_models import (
    TEKKEN,
    TrustRemoteCode,
    check_kind,
    check_package,
    check_tokenizer,
    check_words,
    config_of,
    model_of,
    quiet,
    reading,
)
from ..._shared.whisper import InitialPrompt, Language, Task, WordTimes
from . import granite
from .conversation import Conversation
from .languages import check_writes_what_it_hears
from .listening import Listener, Wish
from .recogniser import Recogniser
from .whisper import Whisper

if TYPE_CHECKING:
    import torch

SILENCE = 1e-4
"""Peak under which nothing is said: −80 dB; models make up words for silence."""
SPEAKERS = ("dia", "pop2piano", "vibevoice")
"""What transformers counts among its listeners although it doesn't write."""
MISTRALS = ("voxtral", "voxtral_realtime")
"""Those whose words a package of Mistral's reads."""

Temperature = Annotated[float | None, Range(0.0, 1.0), "0 and None take the likeliest words"]

BeamSize = Annotated[
    int | None,
    Range(1, 20),
    "texts followed at once; None is 5 for Whisper and the model's own for others",
]


class TransformersSTT(STTBinding):
    """A speech recogniser of transformers; one model is loaded at a time.

    Whisper goes through long sound in its own way, each window from where the last one ended; for
    the others it is cut in pauses into pieces of 20 to 30 s.
    """

    def __init__(
        self,
        *,
        model_name: Annotated[
            str | None, "a model of the catalogue, a repository on the hub or a folder"
        ] = None,
        device: Device = "auto",
        precision: Precision = "auto",
        trust_remote_code: TrustRemoteCode = False,
    ) -> None:
        self._model_name = model_name
        self._device = device
        self._precision = precision
        self._trusts = trust_remote_code
        self._loaded: tuple[str, Listener] | None = None

    def load(self) -> None:
        """Load the configured model.

        Raises:
            UnknownModel: There is no such model, or the folder holds none.
            WeightsMissing: It isn't on this machine.
            NotSupported: It is a model that doesn't write down speech.
            PackagesMissing: Its words need a package that isn't installed.
            WeightsDamaged: Its files can't be read.
            BadConfig: No model is configured, or there is no such device.
        """
        self._listener(self._named(None))

    def unload(self) -> None:
        """Let go of the model."""
        if self._loaded is not None:
            self._loaded = None
            let_go()

    def transcribe_audio(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Language = None,
        task: Task = "transcribe",
        initial_prompt: InitialPrompt = None,
        temperature: Temperature = None,
        word_times: WordTimes = False,
        beam_size: BeamSize = None,
    ) -> Transcript:
        """Write down the speech in ``audio_path``.

        Args:
            audio_path: Any sound; it is heard as mono at the model's rate.
            model: A name from :meth:`list_models`, a repository or a folder; another one than the
                last call's takes its place in memory.
            language: For Whisper, some language models and recognisers of several languages, of
                which Cohere's and SeamlessM4T don't find it out; others know but their own.
            task: ``translate``, into English, needs a Whisper that knows several languages, a
                Canary or a SeamlessM4T.
            initial_prompt: For Whisper, which heeds 223 tokens of it, and some language models.
            temperature: For models that write token by token.
            word_times: For Whisper, from its attention, for transducers and for most models that
                write frame by frame.
            beam_size: For models that write token by token; 1 is the fastest.

        Returns:
            Empty where nothing is said.

        Raises:
            BadInput: The sound can't be read.
            BadOption: The model hasn't got the option, doesn't know the language, or must be told
                one.
        """
        name = self._named(model)
        listener = self._listener(name)
        samples = Source.of(audio_path).array(listener.rate)
        duration_s = len(samples) / listener.rate
        meta = Meta(model=name)
        if not len(samples) or float(abs(samples).max()) < SILENCE:
            return Transcript("", language=language, duration_s=duration_s, meta=meta)
        wish = Wish(language, task, initial_prompt, temperature, word_times, beam_size)
        with failures(f"listening with {name!r}"), quiet(), seeded(0, device_of(self._device)):
            heard = listener.listen(samples, wish, self.report)
        return Transcript(
            " ".join(segment.text for segment in heard.segments),
            heard.segments,
            language=heard.language,
            duration_s=duration_s,
            meta=meta,
        )

    def list_models(self) -> list[str]:
        """Return the catalogue's models and the configured one."""
        named = [] if self._model_name is None else [self._model_name]
        return list(dict.fromkeys([*named, *self.catalogue()]))

    def _named(self, model: str | None) -> str:
        name = self._model_name if model is None else model
        if name is None:
            raise BadConfig(
                "stt/transformers has no model; configure model_name: a folder, or for example "
                "openai/whisper-tiny (39 million parameters, Apache-2.0), "
                "openai/whisper-large-v3-turbo (809 million, MIT) or "
                "nvidia/parakeet-tdt-0.6b-v3 (600 million, CC-BY-4.0)"
            )
        return name

    def _listener(self, name: str) -> Listener:
        if self._loaded is None or self._loaded[0] != name:
            device = device_of(self._device)
            folder = self.weights(name)
            config = config_of(name, folder, trust_remote_code=self._trusts)
            self.unload()
            dtype = dtype_of(self._precision, device, on_gpu="float16")
            with reading(name, folder):
                self._loaded = (name, self._read(name, folder, config, device, dtype))
        return self._loaded[1]

    def _read(
        self, name: str, folder: Path, config: Any, device: torch.device, dtype: torch.dtype
    ) -> Listener:
        import transformers
        from transformers.models.auto import modeling_auto as auto

        kind, trusts = config.model_type, self._trusts
        ways = {
            **dict.fromkeys(
                auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
                transformers.AutoModelForSpeechSeq2Seq,
            ),
            **dict.fromkeys(auto.MODEL_FOR_RNNT_MAPPING_NAMES, transformers.AutoModelForRNNT),
            **dict.fromkeys(auto.MODEL_FOR_TDT_MAPPING_NAMES, transformers.AutoModelForTDT),
            **dict.fromkeys(auto.MODEL_FOR_CTC_MAPPING_NAMES, transformers.AutoModelForCTC),
        }
        for other in SPEAKERS:
            ways.pop(other, None)
        if kind in MISTRALS:
            check_package(name, "mistral-common")
            check_words(name, folder, TEKKEN)
        processor = transformers.AutoProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trusts
        )
        if kind in granite.KINDS:
            processor = granite.GraniteSpeech(processor)
        talks = kind in MISTRALS or hasattr(processor, "apply_transcription_request")
        if not talks:
            check_kind(name, kind, ways, "stt/transformers")
        check_tokenizer(processor.tokenizer, name, folder)
        check_writes_what_it_hears(name, processor.tokenizer)
        named = getattr(transformers, (config.architectures or [""])[0], None)
        class_ = named if talks and named is not None else ways[kind]
        model = model_of(name, folder, class_, dtype, trust_remote_code=trusts).to(device)
        if kind == "whisper":
            return Whisper(name, model, processor)
        if talks:
            return Conversation(name, model, processor)
        return Recogniser(
            name,
            transformers.pipeline(
                "automatic-speech-recognition",
                model=model,
                tokenizer=processor.tokenizer,
                feature_extractor=processor.feature_extractor,
                device=device,
            ),
            processor,
        )

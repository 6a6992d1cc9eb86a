"""The one object that a program holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from omnibind.choices import MODALITIES, Choice, Spec, choice_of
from omnibind.contracts.errors import BadConfig, suggest
from omnibind.managers import (
    STTBindingManager,
    TTIBindingManager,
    TTMBindingManager,
    TTSBindingManager,
    TTVBindingManager,
)
from omnibind.modalities import (
    Handle,
    SpeechToText,
    TextToImage,
    TextToMusic,
    TextToSpeech,
    TextToVideo,
)

if TYPE_CHECKING:
    from typing import Self, Unpack


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of :class:`Client`: three spellings a modality."""

    tts: Spec | None
    tti: Spec | None
    stt: Spec | None
    ttm: Spec | None
    ttv: Spec | None
    tts_binding_name: str | None
    tti_binding_name: str | None
    stt_binding_name: str | None
    ttm_binding_name: str | None
    ttv_binding_name: str | None
    tts_binding_config: Mapping[str, Any] | None
    tti_binding_config: Mapping[str, Any] | None
    stt_binding_config: Mapping[str, Any] | None
    ttm_binding_config: Mapping[str, Any] | None
    ttv_binding_config: Mapping[str, Any] | None


class Client:
    """One handle a modality, each served by the binding that was named for it.

    ::

        Client(tts="piper")                                   # a name
        Client(tts="piper/en_US-joe-medium")                  # binding/model
        Client(tts={"binding": "piper", "default_voice": …})  # with configuration
        Client(tts_binding_name="bark", tts_binding_config={"model_name": …})
        Client.from_config("mock")                            # configs/mock.yaml

    Construction looks names up and checks configuration; it loads nothing. Any number of threads
    may use one client.

    Raises:
        UnknownBinding: Nothing has that name; the message names near ones.
        BadConfig: A spelling or a configuration value is wrong.
    """

    tts: TextToSpeech
    tti: TextToImage
    stt: SpeechToText
    ttm: TextToMusic
    ttv: TextToVideo

    def __init__(self, **named: Unpack[ClientOptions]) -> None:
        self._take(_choices_of(named))

    @classmethod
    def from_config(cls, name: str | os.PathLike[str] = "default") -> Self:
        """Make a client as a configuration file says.

        Args:
            name: A file in the user's or the shipped ``configs/``; with a separator or an ending
                ``.yaml`` it is a path.

        Raises:
            BadConfig: There is no such file, or its content is wrong.
            UnknownBinding: A binding that it names isn't there.
        """
        from omnibind.config import read_config

        client = cls.__new__(cls)
        client._take(read_config(name))
        return client

    def _take(self, choices: Mapping[str, Choice]) -> None:
        self.tts = TextToSpeech(TTSBindingManager(), choices.get("tts"))
        self.tti = TextToImage(TTIBindingManager(), choices.get("tti"))
        self.stt = SpeechToText(STTBindingManager(), choices.get("stt"))
        self.ttm = TextToMusic(TTMBindingManager(), choices.get("ttm"))
        self.ttv = TextToVideo(TTVBindingManager(), choices.get("ttv"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        named = [f"{h.modality}={h.binding_name!r}" for h in self._handles() if h.binding_name]
        return f"Client({', '.join(named)})"

    def load(self) -> None:
        """Load every named engine now, rather than at the first call."""
        for handle in self._handles():
            if handle.binding_name is not None:
                handle.load()

    def unload(self) -> None:
        """Let go of every engine once no call runs; later calls load them again."""
        for handle in self._handles():
            handle.unload()

    def close(self) -> None:
        """Let go of everything; the client may be used again, and then loads again."""
        self.unload()

    def _handles(self) -> Iterator[Handle[Any, Any]]:
        for modality in MODALITIES:
            yield getattr(self, modality)


def _choices_of(named: Mapping[str, Any]) -> dict[str, Choice]:
    known = ClientOptions.__annotations__
    for argument in named:
        if argument not in known:
            raise BadConfig(f"Client has no argument {argument!r}; {suggest(argument, known)}")
    choices: dict[str, Choice] = {}
    for modality in MODALITIES:
        spec = named.get(modality)
        name = named.get(f"{modality}_binding_name")
        config = named.get(f"{modality}_binding_config")
        if spec is not None and (name is not None or config is not None):
            raise BadConfig(f"give either {modality}= or {modality}_binding_name=, not both")
        if name is None and config is not None:
            raise BadConfig(f"{modality}_binding_config= goes with {modality}_binding_name=")
        if name is not None:
            spec = {"binding": name, **(config or {})}
        if spec is not None:
            choices[modality] = choice_of(spec, modality)
    return choices

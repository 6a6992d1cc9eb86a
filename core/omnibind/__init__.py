"""omnibind: one client for speech, pictures, music and video from models on your own machine.

::

    from omnibind import Client

    client = Client(tts="piper", stt="faster_whisper/tiny.en")
    speech = client.tts.generate_audio("The quick brown fox.")
    speech.save("fox.wav")
    print(client.stt.transcribe_audio("fox.wav"))
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # what checkers take for typing.TYPE_CHECKING, without its import

if TYPE_CHECKING:
    from omnibind.calls.call import Call as Call
    from omnibind.calls.callbacks import Callbacks as Callbacks
    from omnibind.calls.callbacks import Event as Event
    from omnibind.client import AsyncClient as AsyncClient
    from omnibind.client import Client as Client
    from omnibind.contracts.errors import OmnibindError as OmnibindError
    from omnibind.contracts.media import Audio as Audio
    from omnibind.contracts.media import AudioChunk as AudioChunk
    from omnibind.contracts.media import AudioInput as AudioInput
    from omnibind.contracts.media import Image as Image
    from omnibind.contracts.media import ImageInput as ImageInput
    from omnibind.contracts.media import Recipe as Recipe
    from omnibind.contracts.media import Segment as Segment
    from omnibind.contracts.media import Source as Source
    from omnibind.contracts.media import Transcript as Transcript
    from omnibind.contracts.media import Video as Video
    from omnibind.contracts.media import VideoInput as VideoInput
    from omnibind.contracts.media import Word as Word
    from omnibind.contracts.media import recipe_of as recipe_of
    from omnibind.contracts.options import Range as Range
    from omnibind.contracts.sfx import SFXBinding as SFXBinding
    from omnibind.contracts.stt import STTBinding as STTBinding
    from omnibind.contracts.tti import TTIBinding as TTIBinding
    from omnibind.contracts.ttm import TTMBinding as TTMBinding
    from omnibind.contracts.tts import TTSBinding as TTSBinding
    from omnibind.contracts.tts import Voice as Voice
    from omnibind.contracts.ttv import TTVBinding as TTVBinding
    from omnibind.managers.available import Available as Available
    from omnibind.managers.available import available as available
    from omnibind.managers.sfx import SFXBindingManager as SFXBindingManager
    from omnibind.managers.stt import STTBindingManager as STTBindingManager
    from omnibind.managers.tti import TTIBindingManager as TTIBindingManager
    from omnibind.managers.ttm import TTMBindingManager as TTMBindingManager
    from omnibind.managers.tts import TTSBindingManager as TTSBindingManager
    from omnibind.managers.ttv import TTVBindingManager as TTVBindingManager
else:
    _HOMES = {
        "AsyncClient": "client",
        "Call": "calls.call",
        "Callbacks": "calls.callbacks",
        "Client": "client",
        "Event": "calls.callbacks",
        "OmnibindError": "contracts.errors",
        **dict.fromkeys(
            (
                "Audio",
                "AudioChunk",
                "AudioInput",
                "Image",
                "ImageInput",
                "Recipe",
                "Segment",
                "Source",
                "Transcript",
                "Video",
                "VideoInput",
                "Word",
                "recipe_of",
            ),
            "contracts.media",
        ),
        "Range": "contracts.options",
        "Voice": "contracts.tts",
        **dict.fromkeys(("Available", "available"), "managers.available"),
    }
    for _modality in ("sfx", "stt", "tti", "ttm", "tts", "ttv"):
        _HOMES[f"{_modality.upper()}Binding"] = f"contracts.{_modality}"
        _HOMES[f"{_modality.upper()}BindingManager"] = f"managers.{_modality}"

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'omnibind' has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"omnibind.{home}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})

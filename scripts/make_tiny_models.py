"""Make tiny real models with random weights: ``python scripts/make_tiny_models.py OUT [NAME …]``.

Each is made from the engine's own configuration classes and saved as its makers save theirs, so
that it goes through the doors that a real one goes through. Without names all are made for which
the engine is installed; the same seed gives the same weights every time.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

MAKERS = {
    "bark": "bark:make",
    "vits": "vits:make",
    "speecht5": "speecht5:make",
    "csm": "csm:make",
    "dia": "dia:make",
    "higgs-audio": "higgs_audio:make",
    "phonon": "pocket_tts:make_phonon",
    "pocket-tts": "pocket_tts:make",
    "vibevoice": "vibevoice:make",
    "fastspeech2": "fastspeech2:make",
    "fastspeech2-hifigan": "fastspeech2:make_with_hifigan",
    "musicgen": "musicgen:make",
    "musicgen-stereo": "musicgen:make_stereo",
    "musicgen-melody": "musicgen:make_melody",
    "musicgen-audiocraft": "audiocraft:make",
    "musicgen-audiocraft-melody": "audiocraft:make_melody",
    "whisper": "whisper:make",
    "wav2vec2": "wav2vec2:make",
    "hubert": "wav2vec2:make_hubert",
    "wavlm": "wav2vec2:make_wavlm",
    "wav2vec2-conformer": "wav2vec2:make_conformer",
    "wav2vec2-bert": "wav2vec2:make_bert",
    "parakeet-ctc": "recognisers:make_parakeet_ctc",
    "parakeet-tdt": "recognisers:make_parakeet_tdt",
    "parakeet-rnnt": "recognisers:make_parakeet_rnnt",
    "moonshine": "recognisers:make_moonshine",
    "cohere-asr": "more_recognisers:make_cohere_asr",
    "nemotron-streaming": "more_recognisers:make_nemotron_streaming",
    "nemotron-3.5": "more_recognisers:make_nemotron35",
    "lasr": "more_recognisers:make_lasr",
    "seamless": "more_recognisers:make_seamless",
    "seamless-v2": "more_recognisers:make_seamless_v2",
    "speech2text": "more_recognisers:make_speech2text",
    "speech2text-translating": "more_recognisers:make_speech2text_translating",
    "moonshine-streaming": "more_recognisers:make_moonshine_streaming",
    "kyutai-stt": "more_recognisers:make_kyutai",
    "qwen3-asr": "conversations:make_qwen3_asr",
    "glm-asr": "conversations:make_glmasr",
    "audio-flamingo-3": "conversations:make_audio_flamingo3",
    "vibevoice-asr": "conversations:make_vibevoice_asr",
    "moss": "conversations:make_moss",
    "canary": "conversations:make_canary",
    "voxtral": "voxtral:make",
    "voxtral-realtime": "voxtral:make_realtime",
    "fun-asr-nano": "conversations:make_fun_asr_nano",
    "granite-speech": "conversations:make_granite_speech",
    "granite-speech-plus": "conversations:make_granite_speech_plus",
    "granite-speech-5": "more_recognisers:make_granite_speech5",
    "nemotron-transcribe": "conversations:make_nemotron_transcribe",
    "sd": "pictures:make_sd",
    "sdxl": "pictures:make_sdxl",
    "sd2": "pictures:make_sd2",
    "lcm": "pictures:make_lcm",
    "sdxl-turbo": "pictures:make_sdxl_turbo",
    "sdxl-lcm": "pictures:make_sdxl_lcm",
    "sd3": "pictures:make_sd3",
    "flux": "pictures:make_flux",
    "flux2-klein": "pictures:make_flux2_klein",
    "z-image": "pictures:make_z_image",
    "qwen-image": "pictures:make_qwen_image",
    "sana": "pictures:make_sana",
    "pixart-alpha": "more_pictures:make_pixart_alpha",
    "pixart-sigma": "more_pictures:make_pixart_sigma",
    "kolors": "kolors:make",
    "chroma": "more_pictures:make_chroma",
    "hidream": "more_pictures:make_hidream",
    "lumina2": "more_pictures:make_lumina2",
    "cogview4": "more_pictures:make_cogview4",
    "auraflow": "more_pictures:make_auraflow",
    "hunyuan-dit": "more_pictures:make_hunyuan_dit",
    "ovis-image": "more_pictures:make_ovis_image",
    "wan": "films:make_wan",
    "ltx": "films:make_ltx",
    "cogvideox": "films:make_cogvideox",
    "animatediff": "films:make_animatediff",
    "svd": "films:make_svd",
    "ltx2": "films:make_ltx2",
    "hunyuan-video": "more_films:make_hunyuan_video",
    "cosmos3": "more_films:make_cosmos3",
    "kandinsky": "more_films:make_kandinsky",
    "mochi": "more_films:make_mochi",
    "sana-video": "more_films:make_sana_video",
    "skyreels": "more_films:make_skyreels",
    "skyreels-forcing": "more_films:make_skyreels_forcing",
    "wan22": "later_films:make_wan22",
    "wan22-pictures": "later_films:make_wan22_pictures",
    "wan-vace": "later_films:make_wan_vace",
    "cogvideox-pictures": "later_films:make_cogvideox_pictures",
    "allegro": "later_films:make_allegro",
    "hunyuan-video15": "later_films:make_hunyuan_video15",
    "wan-pictures": "films_of_pictures:make_wan_pictures",
    "skyreels-pictures": "films_of_pictures:make_skyreels_pictures",
    "kandinsky-pictures": "films_of_pictures:make_kandinsky_pictures",
    "framepack": "films_of_pictures:make_framepack",
    "cosmos": "worlds:make_cosmos",
    "cosmos-video": "worlds:make_cosmos_video",
    "cosmos2": "worlds:make_cosmos2",
    "cosmos2-image": "worlds:make_cosmos2_image",
    "audioldm2": "sounds:make_audioldm2",
    "stable-audio": "sounds:make_stable_audio",
    "ace-step": "sounds:make_ace_step",
    "stable-audio-3": "sounds:make_stable_audio_3",
    "longcat-audio": "sounds:make_longcat_audio",
    "xtts": "xtts:make",
}
"""By name, the module in ``tiny_models`` and the function in it that fills a folder."""


def make(name: str, folder: Path) -> None:
    """Make one model in ``folder``, which is created."""
    module, _, function = MAKERS[name].partition(":")
    folder.mkdir(parents=True)
    getattr(importlib.import_module(f"tiny_models.{module}"), function)(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what the command line names; return 1 where a package was missing."""
    parser = argparse.ArgumentParser(description="Make tiny real models with random weights.")
    parser.add_argument("out", type=Path, help="folder that gets one folder a model")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MAKERS)}")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in MAKERS]:
        parser.error(f"{', '.join(unknown)}: there are {', '.join(MAKERS)}")
    missing = False
    for name in given.names or MAKERS:
        folder = given.out / name
        if folder.exists():
            print(f"{folder}: is there already")
            continue
        try:
            make(name, folder)
        except ModuleNotFoundError as error:
            folder.rmdir()
            print(f"{name}: needs the package {error.name}")
            missing = missing or name in given.names
            continue
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"{folder}: {size / 1e6:.2f} MB")
    return int(missing)


if __name__ == "__main__":
    sys.exit(main())

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE, MANIFEST, MODELS, BindingWriter

from omnibind import Audio, Client, Transcript
from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    BadOption,
    BadOutput,
    BindingBroken,
    CallFailed,
    NotReady,
    OutOfMemory,
    SettingMissing,
    UnknownBinding,
    UnknownModel,
    UnknownOption,
    UnknownVoice,
    UsageError,
    WeightsMissing,
)


@pytest.fixture
def user_binding(home: Path, write_binding: BindingWriter) -> Any:
    """Write a binding to the user's own place; gives a client that uses it."""

    def make(code: str = CODE, modality: str = "tts", **config: Any) -> Client:
        write_binding("probe", root=home / "bindings", modality=modality, code=code)
        named: Any = {modality: {"binding": "probe", **config}}
        return Client(**named)

    return make


@pytest.mark.parametrize(
    "named",
    [
        {"tts": "mock"},
        {"tts": "shipped:mock"},
        {"tts": {"binding": "mock"}},
        {"tts_binding_name": "mock"},
        {"tts_binding_name": "mock", "tts_binding_config": {}},
    ],
)
def test_every_spelling_names_the_same_binding(home: Path, named: dict[str, Any]) -> None:
    client = Client(**named)
    assert client.tts
    assert client.tts.state == "ready"
    assert client.tts.generate_audio("hello") == Client(tts="mock").tts.generate_audio("hello")


def test_a_path_names_a_binding(home: Path, write_binding: BindingWriter) -> None:
    folder = write_binding("probe")
    assert Client(tts=str(folder)).tts.generate_audio("hello").media_type == "audio/wav"


def test_all_handles_serve_from_a_configuration_file(home: Path) -> None:
    with Client.from_config("mock") as client:
        speech = client.tts.generate_audio("one two three")
        assert isinstance(speech, Audio)
        assert isinstance(client.stt.transcribe_audio(speech), Transcript)
        assert client.tti.generate_image("a cat", "", 96, 64).width == 96
        assert client.ttm.generate_music("a waltz").duration_s
        assert client.sfx.generate_sound("a dog barks", 2.0).duration_s == 2.0
        assert client.ttv.generate_video("a race").media_type == "video/mp4"


def test_a_configuration_file_is_found_by_name_or_path(home: Path, tmp_path: Path) -> None:
    (home / "configs").mkdir(parents=True)
    (home / "configs" / "mine.yaml").write_text("tts: {binding: mock}\n")
    assert Client.from_config("mine").tts.binding_name == "mock"
    (home / "configs" / "mock.yaml").write_text("tti: mock\n")
    assert not Client.from_config("mock").tts, "the shipped file went before the user's own"
    path = tmp_path / "here.yaml"
    path.write_text("client: {}\nstt: mock\n")
    client = Client.from_config(path)
    assert client.stt
    assert not client.tts
    with pytest.raises(BadConfig, match="did you mean 'mine'"):
        Client.from_config("mime")
    with pytest.raises(BadConfig, match="isn't a file"):
        Client.from_config(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tss: mock\n", "did you mean"),
        ("tts: {bindign: mock}\n", "'bindign'"),
        ("tts: [mock, 3]\n", "tts"),
        ("tts: 3\n", "tts"),
        ("- tts\n", "object"),
        ("tts: {binding: mock, config: {loudness: 3}}\n", "'loudness' is unknown to tts/mock"),
    ],
)
def test_a_wrong_configuration_file_is_refused(
    home: Path, tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(BadConfig, match=words):
        Client.from_config(path)


@pytest.mark.parametrize(
    ("named", "error", "words"),
    [
        ({"tts": "mocc"}, UnknownBinding, "did you mean 'mock'"),
        ({"tts": "user:mock"}, UnknownBinding, "unknown"),
        ({"tts": "mock", "tts_binding_name": "mock"}, BadConfig, "not both"),
        ({"tts_binding_config": {}}, BadConfig, "goes with"),
        ({"tts": []}, BadConfig, "empty list"),
        ({"tts": ["mock", "mock"]}, BadConfig, "twice"),
        ({"tts": 3}, BadConfig, "give 'NAME'"),
        ({"tts": ""}, BadConfig, "names nothing"),
        ({"tts": "mock/"}, BadConfig, "names nothing"),
        ({"tts": {"loudness": 1}}, BadConfig, "names no binding"),
        ({"tts": {"binding": "mock", "loudness": 1}}, BadConfig, "'loudness' is unknown"),
        ({"tts": {"binding": "mock", "model": 3}}, BadConfig, "'model' of tts is 3"),
        ({"tss": "mock"}, BadConfig, "did you mean 'tts'"),
        ({"tts": "/absent/tts/mock"}, UnknownBinding, "isn't the folder"),
    ],
)
def test_wrong_names_are_refused_at_construction(
    home: Path, named: dict[str, Any], error: type[UsageError], words: str
) -> None:
    with pytest.raises(error, match=words):
        Client(**named)


def test_an_unnamed_handle_is_falsy_and_raises_when_used(home: Path) -> None:
    client = Client()
    assert not client.tts
    assert client.tts.state == "needs-setting"
    with pytest.raises(SettingMissing, match=r"name one: Client\(tts=…\)"):
        client.tts.generate_audio("hello")


def test_an_unready_handle_is_falsy_and_raises_the_mending_command(
    home: Path, write_binding: BindingWriter
) -> None:
    manifest = MANIFEST + 'requires: ["no-such-dist"]\n'
    write_binding("probe", root=home / "bindings", manifest=manifest)
    client = Client(tts="probe")
    assert not client.tts
    assert client.tts.state == "needs-packages"
    with pytest.raises(NotReady, match=r'run: pip install "no-such-dist"$'):
        client.tts.generate_audio("hello")
    with pytest.raises(NotReady):
        client.load()


def test_a_model_fills_the_manifests_option(home: Path, write_binding: BindingWriter) -> None:
    manifest = MANIFEST + "model_option: model_name\n"
    code = CODE.replace("*, rate:", '*, model_name: str = "x", rate:').replace(
        "self.rate = rate", "self.rate, self.model_name = rate, model_name"
    )
    write_binding("probe", root=home / "bindings", manifest=manifest, code=code)
    client = Client(tts="probe/org/name")
    assert client.tts.generate_audio("hello").meta.model == "org/name"
    both = Client(tts={"binding": "probe", "model": "a", "model_name": "b"})
    with pytest.raises(BadConfig, match="is to use both"):
        both.tts.generate_audio("hello")


def test_a_model_that_the_catalogue_lacks_is_refused_with_the_near_one(
    home: Path, write_binding: BindingWriter
) -> None:
    manifest = MANIFEST + "model_option: model_name\n"
    for name, more in (("closed", ""), ("any_repository", "repositories: true\n")):
        root = home / "bindings"
        write_binding(name, root=root, manifest=manifest + more, models=MODELS)
    with pytest.raises(UnknownModel, match="'smal'; did you mean 'small'"):
        Client(tts="closed/smal").tts.generate_audio("hello")
    with pytest.raises(UnknownModel, match="'org/smal'"):
        Client(tts="closed/org/smal").tts.generate_audio("hello")
    assert not Client(tts="closed/smal").tts
    with pytest.raises(WeightsMissing, match="run: omnibind pull tts/any_repository/org/name"):
        Client(tts="any_repository/org/name").tts.generate_audio("hello")


def test_a_model_for_a_binding_without_models_is_refused(user_binding: Any) -> None:
    user_binding()
    with pytest.raises(BadConfig, match="no models to choose"):
        Client(tts="probe/large").tts.generate_audio("hello")


def test_the_result_tells_what_made_it(user_binding: Any) -> None:
    speech = user_binding().tts.generate_audio("hello", seed=3)
    assert speech.meta.binding == "tts/probe"
    assert speech.meta.seed == 3
    assert speech.meta.characters == 5
    assert speech.meta.seconds > 0
    assert (speech.meta.cost_usd, speech.meta.cost_basis) == (0.0, "free")


def test_options_reach_the_binding_only_when_given(user_binding: Any) -> None:
    code = CODE.replace("speed: Annotated", "extra: dict[str, int] | None = None, speed: Annotated")
    client = user_binding(code)
    natural = client.tts.generate_audio("hello there")
    assert client.tts.generate_audio("hello there", speed=1.0) == natural
    fast = client.tts.generate_audio("hello there", "high", speed=2.0)
    assert fast.duration_s == pytest.approx(natural.duration_s / 2, rel=0.01)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "give some words"),
        (" \n\t", "give some words"),
        ("\x00\x07", "give some words"),
        (b"hello", "is a bytes"),
        (None, "is a NoneType"),
        ("x" * 20_001, "at most 20000"),
    ],
)
def test_a_text_that_cannot_be_spoken_is_refused(user_binding: Any, text: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        user_binding().tts.generate_audio(text)


def test_control_characters_are_left_out_and_the_rest_is_served(user_binding: Any) -> None:
    client = user_binding()
    plain = client.tts.generate_audio("a b 😀 مرحبا")
    assert client.tts.generate_audio("a\x00 b\x1b 😀\x7f مرحبا\ud800") == plain


def test_the_longest_text_is_what_the_manifest_says(
    home: Path, write_binding: BindingWriter
) -> None:
    manifest = MANIFEST + "capabilities: {max_characters: 10}\n"
    write_binding("probe", root=home / "bindings", manifest=manifest)
    client = Client(tts="probe")
    assert client.tts.generate_audio("x" * 10)
    with pytest.raises(BadInput, match="has 11 characters; at most 10"):
        client.tts.generate_audio("x" * 11)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"speed": 3.0}, BadOption, "above 2"),
        ({"speed": float("nan")}, BadOption, "finite"),
        ({"sped": 1.0}, UnknownOption, "did you mean 'speed'"),
        ({"rate": 1.0}, UnknownOption, "the name here is 'speed'"),
        ({"save_to": "x.wav"}, BadOption, "doesn't have it yet"),
        ({"voice": "bob"}, UnknownVoice, "choose one of high, low"),
        ({"voice": 3}, BadOption, "the voice is 3"),
    ],
)
def test_wrong_options_are_refused(
    user_binding: Any, options: dict[str, Any], error: Any, words: str
) -> None:
    with pytest.raises(error, match=words):
        user_binding().tts.generate_audio("hello", **options)


RETURN = "return Audio.from_array((tone * 20000).astype(np.int16), self.rate)"


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("Audio(b'')", "empty"),
        ("b''", "empty"),
        ("b'RIFF'", "decodes"),
        ("b'<html>busy</html>'", "text"),
        ("Audio.from_array(np.zeros(8000, np.int16), 8000)", "silent"),
        ("Audio.from_array(np.zeros(8000, np.float32), 8000)", "silent"),
        ("Audio.from_array(np.full(8000, 3, np.int16), 8000)", "silent"),
        ("Audio.from_array(np.full(8000, -9e-5, np.float32), 8000)", "silent"),
        ("Audio.from_array(np.zeros(0, np.int16), 8000)", "empty"),
        ("Audio.from_array(np.array([0.5, np.nan]), 8000)", "nan"),
        ("Audio.from_array(np.array([0.5, -np.inf]), 8000)", "nan"),
        ("None", "type"),
        ("'words'", "type"),
        ("bytearray(b'x')", "type"),
        ("b'x' * 3000", "size"),
    ],
)
def test_a_bad_output_is_an_error_that_keeps_it(
    user_binding: Any, expression: str, rule: str
) -> None:
    client = user_binding(CODE.replace(RETURN, f"return {expression}"))
    with pytest.raises(BadOutput, match="tts/probe returned") as caught:
        client.tts.generate_audio("hello", max_result_bytes=2000 if rule == "size" else 10**6)
    assert caught.value.rule == rule
    if rule in ("silent", "decodes"):
        assert client.tts.generate_audio("hello", verify=False) == caught.value.result


def test_a_plain_result_is_upgraded(user_binding: Any) -> None:
    client = user_binding(CODE.replace(RETURN, RETURN.replace("return ", "return bytes(") + ")"))
    speech = client.tts.generate_audio("hello")
    assert type(speech) is Audio
    assert speech.sample_rate == 8000


@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        ("raise RuntimeError('device lost')", CallFailed, "tts/probe failed: RuntimeError: device"),
        ("raise MemoryError('8 GB')", OutOfMemory, "ran out of memory"),
        ("raise StopIteration", CallFailed, "StopIteration"),
    ],
)
def test_an_engines_own_error_is_wrapped_once(
    user_binding: Any, statement: str, error: Any, words: str
) -> None:
    client = user_binding(CODE.replace(RETURN, statement))
    with pytest.raises(error, match=words) as caught:
        client.tts.generate_audio("hello")
    assert caught.value.__cause__ is not None


LOADING = CODE.replace(
    "    def list_voices",
    "    loads = 0\n\n    def load(self) -> None:\n        type(self).loads += 1\n\n"
    "    def unload(self) -> None:\n        type(self).loads -= 1\n\n    def list_voices",
)


def test_nothing_loads_before_the_first_use_and_closing_unloads(user_binding: Any) -> None:
    client = user_binding(LOADING)
    with client:
        assert client.tts.state == "ready"
        assert client.tts.list_voices() == ["high", "low"]
        class_ = type(client.tts._first().binding)
        assert class_.loads == 0
        client.tts.generate_audio("hello")
        client.tts.generate_audio("hello")
        assert class_.loads == 1
        assert client.tts.diagnose().depth == "tried"
        client.unload()
        client.unload()
        assert class_.loads == 0
        client.load()
        assert class_.loads == 1
    assert class_.loads == 0


def test_a_load_that_fails_is_what_the_state_says(user_binding: Any) -> None:
    code = LOADING.replace("type(self).loads += 1", "raise OSError('no such device')")
    client = user_binding(code)
    with pytest.raises(BindingBroken, match="can't be loaded: OSError: no such device"):
        client.tts.generate_audio("hello")
    assert not client.tts
    assert client.tts.diagnose().depth == "tried"
    assert client.tts.state == "broken"


def test_one_client_serves_many_threads_and_loads_once(user_binding: Any) -> None:
    client = user_binding(LOADING)
    alone = {n: client.tts.generate_audio("word " * n) for n in range(1, 9)}
    client.unload()
    wrong: list[int] = []

    def speak(n: int) -> None:
        for _ in range(20):
            if client.tts.generate_audio("word " * n) != alone[n]:
                wrong.append(n)
            if n == 3:
                client.unload()

    threads = [threading.Thread(target=speak, args=(n,)) for n in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not wrong
    assert type(client.tts._first().binding).loads in (0, 1)


def test_many_threads_that_come_first_make_one_binding(user_binding: Any) -> None:
    client = user_binding(
        CODE.replace("self.rate = rate", "self.rate = rate; type(self).made += 1").replace(
            '"""Speaks a tone."""', '"""Speaks a tone."""\n\n    made = 0'
        )
    )
    at_once = threading.Barrier(8)

    def speak() -> None:
        at_once.wait(timeout=30)
        client.tts.generate_audio("hello")

    threads = [threading.Thread(target=speak) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert type(client.tts._first().binding).made == 1


def test_a_silent_recording_is_an_empty_transcript_with_a_warning(home: Path) -> None:
    import numpy as np

    client = Client(stt="mock")
    heard = client.stt.transcribe_audio((np.zeros(16000, np.float32), 16000))
    assert heard == ""
    assert heard.meta.warnings == ("stt/mock heard no speech",)


@pytest.mark.parametrize("sound", [None, 3, ["a.wav"], {}])
def test_what_is_no_sound_is_refused_by_type(home: Path, sound: Any) -> None:
    with pytest.raises(BadInput, match="can't be read"):
        Client(stt="mock").stt.transcribe_audio(sound)


def test_settings_of_a_picture_binding_change_through_the_handle(home: Path) -> None:
    client = Client(tti="mock")
    names = [setting["name"] for setting in client.tti.get_settings()]
    assert client.tti.set_settings({}) is False
    with pytest.raises(BadConfig):
        client.tti.set_settings({"no_such_setting": 1})
    assert [setting["name"] for setting in client.tti.get_settings()] == names
    assert client.tti.list_services()[0]["name"] == "mock"


def test_changed_settings_reach_the_next_picture_through_a_fresh_load(user_binding: Any) -> None:
    code = '''
    """Draws one colour."""

    import numpy as np

    from omnibind import Image, TTIBinding


    class Probe(TTIBinding):
        """Draws one colour."""

        events: list[str] = []

        def __init__(self, *, grey: int = 10) -> None:
            self.grey = grey

        def load(self) -> None:
            self.events.append(f"load {self.grey}")

        def unload(self) -> None:
            self.events.append(f"unload {self.grey}")

        def generate_image(self, prompt: str) -> Image:
            pixels = np.full((8, 8, 3), self.grey, np.uint8)
            pixels[4:] = 255
            return Image.from_array(pixels)
    '''
    tti = user_binding(code, modality="tti").tti
    assert tti.generate_image("x").array()[0, 0, 0] == 10
    assert tti.set_settings({"grey": 10}) is False
    assert tti.set_settings({"grey": 90}) is True
    assert [s["value"] for s in tti.get_settings()] == [90]
    assert tti.generate_image("x").array()[0, 0, 0] == 90
    with pytest.raises(BadConfig, match="isn't an int"):
        tti.set_settings({"grey": "dark"})
    assert tti.generate_image("x").array()[0, 0, 0] == 90
    assert type(tti._first().binding).events == ["load 10", "unload 10", "load 90"]


def test_an_engine_that_another_thread_unloads_is_loaded_again(user_binding: Any) -> None:
    client = user_binding(LOADING)
    client.tts.generate_audio("hello")
    thread = threading.Thread(target=client.unload)
    thread.start()
    thread.join(timeout=10)
    assert client.tts.generate_audio("hello")


def test_a_new_client_imports_nothing_heavy() -> None:
    code = (
        "import sys; from omnibind import Client; Client(tts='mock');"
        "heavy = 'numpy torch httpx2 yaml asyncio importlib.metadata msgspec'.split();"
        "print([name for name in heavy if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_file_that_cannot_be_heard_is_refused_before_anything_loads(
    home: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.wav"
    text.write_text("not a sound")
    client = Client(stt="mock")
    for path, words in (
        (tmp_path / "gone.wav", "there is no file"),
        (text, "text"),
        (tmp_path, "folder"),
    ):
        with pytest.raises(BadInput, match=words):
            client.stt.transcribe_audio(path)
    assert client.stt.diagnose().depth == "static"


def test_equal_bindings_of_two_clients_are_one_instance(user_binding: Any) -> None:
    first = user_binding(LOADING, rate=16000)
    named = {"binding": "probe", "rate": 16000}
    second, other = Client(tts=named), Client(tts={"binding": "probe", "rate": 8000})
    for client in (first, second, second, other):
        assert client.tts.generate_audio("hello")
    class_ = type(first.tts._first().binding)
    assert first.tts._first().binding is second.tts._first().binding
    assert first.tts._first().binding is not other.tts._first().binding
    assert class_.loads == 2
    first.close()
    assert class_.loads == 2, "another client still held it"
    assert second.tts.generate_audio("hello")
    second.close()
    assert class_.loads == 1
    assert first.tts.generate_audio("hello")
    assert class_.loads == 2
    del first, second, other


def test_a_setting_that_one_client_changes_is_not_anothers(home: Path) -> None:
    first, second = Client(tti="mock"), Client(tti="mock")
    before = second.tti.generate_image("a cat", seed=1)
    assert first.tti.generate_image("a cat", seed=1) == before
    assert first.tti._first().binding is second.tti._first().binding
    setting = next(one for one in first.tti.get_settings() if one["options"])
    changed = next(value for value in setting["options"] if value != setting["value"])
    assert first.tti.set_settings({setting["name"]: changed})
    assert first.tti._first().binding is not second.tti._first().binding
    kept = next(one for one in second.tti.get_settings() if one["name"] == setting["name"])
    assert kept["value"] == setting["value"]
    assert second.tti.generate_image("a cat", seed=1) == before
    assert not first.tti.set_settings({setting["name"]: changed})

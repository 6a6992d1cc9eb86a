from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE, MANIFEST, MODELS, BindingWriter

from omnibind import Audio, TTSBinding, TTSBindingManager
from omnibind.contracts.errors import (
    AmbiguousBinding,
    BadConfig,
    BindingBroken,
    EnvironmentMissing,
    NotOffered,
    PackagesMissing,
    ProgramMissing,
    Retired,
    UnknownBinding,
    WrongPlatform,
)
from omnibind.discovery import probe
from omnibind.discovery.places import Found


class Humming(TTSBinding):
    """Hums."""

    def __init__(self, *, pitch: int = 100) -> None:
        self.pitch = pitch

    def generate_audio(self, text: str, voice: str | None = None, *, loud: bool = False) -> Audio:
        import numpy as np

        return Audio.from_array(np.full(800, 1000, np.int16), 8000)

    def list_voices(self) -> list[str]:
        return ["hum"]


@pytest.fixture
def registered() -> Iterator[None]:
    TTSBindingManager.register_binding("humming", Humming)
    yield
    TTSBindingManager.unregister_binding("humming")


def test_shipped_folders_are_listed_without_importing_their_code(home: Path) -> None:
    assert "mock" in TTSBindingManager().get_available_bindings()


def test_every_place_to_look_is_looked_at(
    home: Path, tmp_path: Path, write_binding: BindingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_binding("from_user", root=home / "bindings")
    write_binding("from_variable", root=tmp_path / "a")
    write_binding("from_variable_too", root=tmp_path / "b")
    write_binding("given", root=tmp_path / "c")
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    manager = TTSBindingManager(tts_bindings_dir=tmp_path / "c")
    names = manager.get_available_bindings()
    assert {"mock", "from_user", "from_variable", "from_variable_too", "given"} <= set(names)
    assert names == sorted(names)
    for name in ("from_user", "from_variable", "given"):
        assert manager.is_registered(name)
        assert manager.create_binding(name).binding_name == name
    assert not manager.is_registered("absent")


def test_the_current_folder_is_no_place_to_look(
    home: Path, tmp_path: Path, write_binding: BindingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_binding("probe", root=tmp_path / "bindings")
    write_binding("probe", root=tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "probe" not in TTSBindingManager().get_available_bindings()


def test_an_installed_package_is_found_by_its_entry_point_without_import(
    home: Path, tmp_path: Path, write_binding: BindingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    assert "probe" not in TTSBindingManager().get_available_bindings()
    write_binding("probe", root=site / "my_voices")
    (site / "my_voices" / "__init__.py").write_text("raise RuntimeError('imported')")
    info = site / "my_voices-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-voices\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[omnibind.bindings]\nvoices = my_voices\n")
    manager = TTSBindingManager()
    assert "probe" in manager.get_available_bindings()
    assert manager.create_binding("my-voices:probe").binding_name == "probe"
    assert "my_voices" not in sys.modules


def test_a_folder_is_chosen_by_its_path(home: Path, write_binding: BindingWriter) -> None:
    folder = write_binding("probe")
    binding = TTSBindingManager().create_binding(str(folder), rate=16000)
    assert binding.generate_audio("hello").startswith(b"RIFF")


def test_two_of_one_name_are_an_error_only_when_asked_for(
    home: Path, tmp_path: Path, write_binding: BindingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_binding("probe", root=home / "bindings")
    second = write_binding("probe", root=tmp_path / "b")
    write_binding("other", root=tmp_path / "b")
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "b"))
    manager = TTSBindingManager()
    assert manager.get_available_bindings().count("probe") == 1
    assert manager.diagnose("probe").state == "ambiguous"
    with pytest.raises(AmbiguousBinding, match="'user:probe'") as caught:
        manager.create_binding("probe")
    assert str(second) in str(caught.value)
    assert manager.create_binding("user:probe")
    assert manager.create_binding(str(second))
    assert manager.create_binding("other")
    states = {d.name: d.state for d in manager.diagnose_all()}
    assert states["probe"] == "ambiguous"
    assert states["other"] == "ready"


def test_the_same_folder_reached_twice_is_one(
    home: Path, tmp_path: Path, write_binding: BindingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_binding("probe", root=tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "link"))
    assert TTSBindingManager(tmp_path / "a").create_binding("probe")


def test_an_unknown_name_is_answered_with_the_near_one(
    home: Path, write_binding: BindingWriter
) -> None:
    write_binding("sonorous", root=home / "bindings")
    with pytest.raises(UnknownBinding, match="did you mean 'sonorous'"):
        TTSBindingManager().create_binding("sonorus")


def test_a_name_that_people_may_type_is_answered_with_ours(
    home: Path, write_binding: BindingWriter
) -> None:
    write_binding("sonorous", root=home / "bindings", manifest=MANIFEST + "hints: [Kazoo]\n")
    with pytest.raises(UnknownBinding, match="'kazoo' is unknown; it is 'sonorous' here"):
        TTSBindingManager().create_binding("kazoo")


def test_a_folder_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="isn't a folder of bindings"):
        TTSBindingManager(tmp_path / "absent")


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no_manifest": ({"manifest": None}, "has no binding.yaml"),
    "bad_yaml": ({"manifest": "schema: [1"}, "isn't a YAML document"),
    "yaml_list": ({"manifest": "- schema: 1\n"}, "object"),
    "unknown_key": ({"manifest": MANIFEST + "licence: x\n"}, "did you mean 'license'"),
    "wrong_value": ({"manifest": MANIFEST + "concurrent: 0\n"}, "concurrent"),
    "too_large": ({"manifest": MANIFEST + "# " + "x" * 3000}, "at most 2048"),
    "no_entry": ({"manifest": MANIFEST.replace("entry: Probe\n", "")}, "names no entry"),
    "wrong_entry": ({"manifest": MANIFEST.replace("Probe", "Prob")}, "no class Prob"),
    "binary_manifest": ({"manifest": b"\x00\xff\x80"}, "binary"),
    "syntax_error": ({"code": "class Probe(:\n"}, r"binding\.py:1"),
    "binary_code": ({"code": b"\x7fELF\x00\x00\x80"}, r"binding\.py"),
    "name_only_used": ({"code": "x = Probe\n"}, "no class Probe"),
    "no_code": ({"code": None}, "has no binding.py"),
}
BROKEN_AT_IMPORT: dict[str, tuple[dict[str, Any], str]] = {
    "raises_at_import": ({"code": "class Probe: pass\n1 / 0\n"}, "ZeroDivisionError"),
    "exits_at_import": ({"code": "import sys\nclass Probe: pass\nsys.exit(3)\n"}, "SystemExit"),
    "dies_at_import": ({"code": "import os\nclass Probe: pass\nos._exit(9)\n"}, "with code 9"),
    "loops_at_import": ({"code": "class Probe: pass\nwhile True: pass\n"}, "didn't end within"),
    "missing_module": ({"code": "import no_such_module\nclass Probe: pass\n"}, "no_such_module"),
    "not_a_binding": ({"code": "class Probe: pass\n"}, "isn't a subclass of TTSBinding"),
    "abstract": (
        {"code": CODE.replace("def list_voices", "def voices")},
        "doesn't define list_voices",
    ),
    "raising_constructor": (
        {"code": CODE.replace("self.rate = rate", "raise OSError('no device')")},
        "constructor of tts/raising_constructor raises OSError: no device",
    ),
    "reserved_option": ({"code": CODE.replace("mood:", "label:")}, "reserved"),
    "reads_stdin": ({"code": "input()\nclass Probe: pass\n"}, "EOFError"),
}


@pytest.fixture
def wrecks(home: Path, write_binding: BindingWriter, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every broken folder there is, and one sound one, in the user's own place."""
    for name, (content, _) in (BROKEN | BROKEN_AT_IMPORT).items():
        write_binding(name, root=home / "bindings", **content)
    write_binding("sound", root=home / "bindings")
    (home / "bindings" / "tts" / "a file").write_text("not a folder")
    monkeypatch.setattr(probe, "LIMIT_S", 1.0)
    return home


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_folder_says_what_is_wrong_at_the_first_look(wrecks: Path, name: str) -> None:
    manager = TTSBindingManager()
    diagnosis = manager.diagnose(name)
    assert (diagnosis.state, diagnosis.depth) == ("broken", "static")
    with pytest.raises(BindingBroken, match=BROKEN[name][1]):
        manager.create_binding(name)


def test_no_broken_folder_hides_another_or_hangs_the_doctor(wrecks: Path) -> None:
    manager = TTSBindingManager()
    assert set(BROKEN) | set(BROKEN_AT_IMPORT) | {"sound"} <= set(manager.get_available_bindings())
    diagnoses = {d.name: d for d in manager.diagnose_all(probed=True)}
    assert diagnoses["sound"].state == "ready"
    assert diagnoses["sound"].depth == "probed"
    for name, (_, words) in (BROKEN | BROKEN_AT_IMPORT).items():
        problem = diagnoses[name].problems[0]
        assert problem.state == "broken", name
        import re

        assert re.search(words, problem.message), (name, problem.message)


@pytest.mark.parametrize("name", ["exits_at_import", "dies_at_import", "loops_at_import"])
def test_creating_a_deadly_binding_raises_and_the_program_lives(wrecks: Path, name: str) -> None:
    manager = TTSBindingManager()
    with pytest.raises(BindingBroken, match=BROKEN_AT_IMPORT[name][1]):
        manager.create_binding(name)
    assert manager.create_binding("sound")


@pytest.mark.parametrize(
    ("line", "state", "error", "words"),
    [
        ('requires: ["no-such-dist>=2"]', "needs-packages", PackagesMissing, "pip install"),
        ('requires: ["pytest<1"]', "needs-packages", PackagesMissing, '"pytest<1"'),
        ("programs: [no-such-program]", "needs-program", ProgramMissing, "no-such-program"),
        ("platforms: [windows]", "wrong-platform", WrongPlatform, "runs on windows"),
        ("state: retired\ninstead: mock\nreason: gone", "retired", Retired, "gone; use mock"),
        ("state: unavailable\nreason: never was", "unavailable", NotOffered, "never was"),
        ("runs: own-environment", "needs-environment", EnvironmentMissing, "omnibind install"),
    ],
)
def test_an_unready_binding_raises_with_what_mends_it(
    home: Path, write_binding: BindingWriter, line: str, state: str, error: Any, words: str
) -> None:
    write_binding("probe", root=home / "bindings", manifest=MANIFEST + line + "\n")
    manager = TTSBindingManager()
    assert manager.diagnose("probe").state == state
    with pytest.raises(error, match=words):
        manager.create_binding("probe")


def test_a_key_is_looked_for_in_the_environment(
    home: Path, write_binding: BindingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = MANIFEST.replace("local", "remote") + "keys: [[PROBE_KEY, PROBE_TOKEN]]\n"
    write_binding("probe", root=home / "bindings", manifest=manifest)
    monkeypatch.delenv("PROBE_TOKEN", raising=False)
    assert TTSBindingManager().diagnose("probe").state == "needs-key"
    monkeypatch.setenv("PROBE_TOKEN", "x")
    assert TTSBindingManager().diagnose("probe").state == "ready"


def test_absent_weights_are_told_with_the_exact_pull_command(
    home: Path, write_binding: BindingWriter
) -> None:
    manifest = MANIFEST + "model_option: model_name\ndefault_model: small\n"
    write_binding("probe", root=home / "bindings", manifest=manifest, models=MODELS)
    problem = TTSBindingManager().diagnose("probe").problems[0]
    assert problem.state == "needs-weights"
    assert problem.command == "omnibind pull tts/probe/small"
    weights = home / "models" / "tts" / "probe" / "small"
    weights.mkdir(parents=True)
    (weights / "a.bin").write_bytes(b"abc")
    assert TTSBindingManager().diagnose("probe").state == "ready"


def test_weights_of_the_users_own_are_not_looked_for_in_the_catalogue(
    home: Path, write_binding: BindingWriter
) -> None:
    manifest = MANIFEST + "model_option: m\ndefault_model: small\nlocal_weights: [model_path]\n"
    write_binding("probe", root=home / "bindings", manifest=manifest, models=MODELS)
    manager = TTSBindingManager()
    assert manager.diagnose("probe").state == "needs-weights"
    assert manager.diagnose("probe", model_path="/my/model.bin").state == "ready"
    own = home / "other.bin"
    assert manager.diagnose("probe", m=str(own)).state == "needs-weights"
    own.touch()
    assert manager.diagnose("probe", m=str(own)).state == "ready"


def test_a_requirement_for_another_platform_is_met(
    home: Path, write_binding: BindingWriter
) -> None:
    manifest = MANIFEST + "requires: [\"no-such-dist; python_version < '3'\"]\n"
    write_binding("probe", root=home / "bindings", manifest=manifest)
    assert TTSBindingManager().diagnose("probe").state == "ready"


def test_describe_gives_manifest_configuration_and_options(
    home: Path, write_binding: BindingWriter
) -> None:
    write_binding("probe", root=home / "bindings")
    description = TTSBindingManager().describe("probe")
    assert description.manifest is not None
    assert description.manifest.license.code == "Apache-2.0"
    assert description.configuration.names == ("rate",)
    assert description.options.names == ("speed", "mood", "seed")
    assert description.doc == "Speaks a tone."


def test_a_configuration_is_checked_before_the_constructor_runs(
    home: Path, write_binding: BindingWriter
) -> None:
    write_binding("probe", root=home / "bindings")
    manager = TTSBindingManager()
    with pytest.raises(BadConfig, match="below 8000"):
        manager.create_binding("probe", rate=1)
    with pytest.raises(BadConfig, match="did you mean 'rate'"):
        manager.create_binding("probe", rat=8000)


def test_two_roots_never_share_a_module(
    home: Path, tmp_path: Path, write_binding: BindingWriter
) -> None:
    for root, word in (("a", "alpha"), ("b", "beta")):
        folder = write_binding("probe", root=tmp_path / root, code=CODE + "\nfrom . import words\n")
        (folder / "words.py").write_text(f"WORD = {word!r}\n")
    manager = TTSBindingManager()
    words = []
    for root in ("a", "b"):
        binding = manager.create_binding(str(tmp_path / root / "tts" / "probe"))
        words.append(sys.modules[type(binding).__module__].words.WORD)
    assert words == ["alpha", "beta"]


def test_a_shipped_binding_is_imported_under_one_name(home: Path) -> None:
    binding = TTSBindingManager().create_binding("mock")
    assert type(binding).__module__ == "omnibind.bindings.tts.mock.binding"
    import importlib
    import pickle

    assert importlib.import_module(type(binding).__module__)
    assert pickle.loads(pickle.dumps(type(binding))) is type(binding)


def test_a_probe_is_remembered_until_the_code_changes(
    home: Path, write_binding: BindingWriter
) -> None:
    folder = write_binding("probe", root=home / "bindings")
    found = TTSBindingManager().find("probe")
    assert isinstance(found, Found)
    assert isinstance(probe.probe([(found, "Probe")])[found], probe.Facts)
    remembered = list((home / "probes").glob("*.json"))
    assert len(remembered) == 1
    (folder / "binding.py").write_text("raise RuntimeError('changed')")
    assert isinstance(probe.probe([(found, "Probe")])[found], BindingBroken)
    assert list((home / "probes").glob("*.json")) == remembered


def test_a_class_registered_in_code_is_a_binding(registered: None) -> None:
    manager = TTSBindingManager()
    assert "humming" in manager.get_available_bindings()
    assert manager.is_registered("humming")
    assert manager.diagnose("humming").state == "ready"
    binding = manager.create_binding("humming", pitch=3)
    assert binding.binding_name == "humming"
    assert manager.describe("humming").configuration.names == ("pitch",)
    assert TTSBindingManager.unregister_binding("humming")
    assert not TTSBindingManager.unregister_binding("humming")
    with pytest.raises(UnknownBinding):
        manager.create_binding("humming")


def test_a_factory_registered_in_code_is_a_binding() -> None:
    def deep(*, depth: int = 1) -> Humming:
        return Humming(pitch=100 // depth)

    TTSBindingManager.register_binding("deep", deep)
    try:
        manager = TTSBindingManager()
        binding = manager.create_binding("deep", depth=2)
        assert isinstance(binding, Humming)
        assert binding.pitch == 50
        assert manager.describe("deep").configuration.names == ("depth",)
        with pytest.raises(BadConfig, match="did you mean 'depth'"):
            manager.create_binding("deep", dept=2)
    finally:
        TTSBindingManager.unregister_binding("deep")


def test_a_registration_that_takes_a_folders_name_is_ambiguous() -> None:
    TTSBindingManager.register_binding("mock", Humming)
    try:
        manager = TTSBindingManager()
        with pytest.raises(AmbiguousBinding, match="'shipped:mock', 'registered:mock'"):
            manager.create_binding("mock")
        assert isinstance(manager.create_binding("registered:mock"), Humming)
    finally:
        TTSBindingManager.unregister_binding("mock")


def test_wrong_registrations_are_refused(registered: None) -> None:
    with pytest.raises(BadConfig, match="can't name a binding"):
        TTSBindingManager.register_binding("Not A Name", Humming)
    with pytest.raises(BadConfig, match="isn't a subclass of TTSBinding"):
        TTSBindingManager.register_binding("wrong", dict)  # type: ignore[arg-type]
    with pytest.raises(BadConfig, match="neither a class nor a factory"):
        TTSBindingManager.register_binding("wrong", "x")  # type: ignore[arg-type]
    with pytest.raises(BadConfig, match="registered already"):
        TTSBindingManager.register_binding("humming", lambda: Humming())


EITHER = """\
programs: [no-such-program]
program_option: program
requires: [no-such-dist]
either: true
"""


def test_the_program_or_the_package_is_enough_where_the_manifest_says_so(
    home: Path, write_binding: BindingWriter
) -> None:
    write_binding("probe", root=home / "bindings", manifest=MANIFEST + EITHER)
    manager = TTSBindingManager()
    states = [problem.state for problem in manager.diagnose("probe").problems]
    assert states == ["needs-program", "needs-packages"]
    assert manager.diagnose("probe", program="/my/own").state == "ready"
    built = home / "programs" / "no-such-program"
    built.parent.mkdir()
    built.write_text("#!/bin/sh\n")
    built.chmod(0o755)
    assert manager.diagnose("probe").state == "ready"
    built.unlink()
    with_package = EITHER.replace("no-such-dist", "numpy")
    write_binding("other", root=home / "bindings", manifest=MANIFEST + with_package)
    assert manager.diagnose("other").state == "ready"


def test_either_is_said_between_programs_and_packages(write_binding: BindingWriter) -> None:
    folder = write_binding(manifest=MANIFEST + "either: true\n")
    diagnosis = TTSBindingManager().diagnose(str(folder))
    assert diagnosis.state == "broken"
    assert "says either" in diagnosis.problems[0].message

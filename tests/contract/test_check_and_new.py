from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from omnibind import Client
from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import BadConfig, PackagesMissing, SaveFailed
from omnibind.contracts.roots import shipped_roots
from omnibind.testing import check, check_folder, new_binding

MOCKS = Path(shipped_roots()[-1])


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is remembered of the folders out of the user's own data folder."""
    monkeypatch.setenv("OMNIBIND_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.mark.parametrize("modality", CONTRACTS)
def test_a_new_folder_keeps_its_contract_as_it_is(
    modality: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = new_binding(modality, "my_own", tmp_path)
    assert folder == tmp_path / modality / "my_own"
    code = check_folder(folder)
    out = capfd.readouterr().out
    assert code == 0, out
    assert f"{modality}/my_own keeps its contract" in out
    assert "FAIL" not in out


def test_a_new_folder_speaks_from_a_client_at_once(tmp_path: Path) -> None:
    folder = new_binding("tts", "my_own", tmp_path)
    with Client(tts=str(folder)) as client:
        assert client.tts.generate_audio("Hello").duration_s == pytest.approx(0.35, abs=0.01)


def test_the_test_file_of_a_new_folder_runs_under_plain_pytest(tmp_path: Path) -> None:
    folder = new_binding("stt", "my_own", tmp_path)
    options = ["-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_an_existing_folder_is_refused_and_kept(tmp_path: Path) -> None:
    file = new_binding("tts", "mine", tmp_path) / "binding.py"
    file.write_text("kept")
    with pytest.raises(BadConfig, match="exists already"):
        new_binding("tts", "mine", tmp_path)
    assert file.read_text() == "kept"


@pytest.mark.parametrize("name", ["", "Mine", "my-own", "7up", "class", "my own", "../up", "_x"])
def test_a_name_that_cannot_name_a_binding_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="can't name a binding"):
        new_binding("tts", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_modality_is_refused_with_near_names(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="'tts'"):
        new_binding("ttss", "mine", tmp_path)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveFailed, match="can't be written"):
        new_binding("tts", "mine", tmp_path / "file")


def test_a_broken_promise_is_told_with_its_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = new_binding("tts", "mine", tmp_path)
    code = (folder / "binding.py").read_text()
    (folder / "binding.py").write_text(code.replace("0.3 * np.sin", "0.0 * np.sin"))
    assert check_folder(folder) == 1
    out = capfd.readouterr().out
    assert "FAIL the result is usable" in out
    assert "for the sample: the sound is silent" in out
    assert "tts/mine does not keep its contract" in out


def test_a_folder_without_a_test_file_is_checked_all_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = new_binding("tts", "mine", tmp_path)
    (folder / "test_binding.py").unlink()
    assert check_folder(folder) == 0
    assert "ok   speed is tempo" in capfd.readouterr().out


def test_the_configuration_reaches_the_binding(capfd: pytest.CaptureFixture[str]) -> None:
    assert check_folder(MOCKS / "tts" / "mock", {"default_voice": "nobody"}) == 1
    assert "voice 'nobody' is unknown" in capfd.readouterr().out


def test_a_binding_that_is_not_ready_does_not_pass(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = new_binding("tts", "mine", tmp_path)
    manifest = (folder / "binding.yaml").read_text()
    wanted = manifest.replace("requires: []", 'requires: ["no-such-engine>=1"]')
    (folder / "binding.yaml").write_text(wanted)
    assert check_folder(folder) == 1
    assert 'pip install "no-such-engine>=1"' in capfd.readouterr().out


def test_a_test_file_that_cannot_be_read_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = new_binding("tts", "mine", tmp_path)
    (folder / "test_binding.py").write_text("import no_such_package_7f3a\n")
    assert check_folder(folder) == 1
    assert "no_such_package_7f3a" in capfd.readouterr().out


def test_an_engine_that_ends_the_process_does_not_pass(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    folder = new_binding("tts", "mine", tmp_path)
    code = (folder / "binding.py").read_text()
    crash = code.replace("import numpy as np\n", "import os\n\n        os._exit(7)\n", 1)
    (folder / "binding.py").write_text(crash)
    assert check_folder(folder) == 1
    assert "ended with code 7" in capfd.readouterr().out
    assert not list(temporary.iterdir()), "something was left behind"


@pytest.mark.parametrize("place", ["nowhere", "elsewhere/mine"])
def test_what_is_not_a_bindings_folder_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "mine").mkdir(parents=True)
    with pytest.raises(BadConfig, match="folder"):
        check_folder(tmp_path / place)


def test_without_pytest_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "find_spec", lambda name: None)
    with pytest.raises(PackagesMissing, match=r'pip install "omnibind\[testing\]"'):
        check_folder(MOCKS / "tts" / "mock")

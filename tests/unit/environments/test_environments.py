"""Environments of bindings, made by the real uv; two of them from the package index."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.environments.conftest import CODE, Write, wheel

from omnibind.contracts.errors import (
    EnvironmentMissing,
    InstallFailed,
    NotOffered,
    Offline,
    PackagesMissing,
)
from omnibind.discovery.environment import (
    RECORD_NAME,
    environment_of,
    environment_problems,
    place_of,
)
from omnibind.discovery.manifest import Manifest, read_manifest
from omnibind.discovery.places import Found, Root
from omnibind.running import environments, uv
from omnibind.running.holding import hold

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="doesn't apply: environments need Linux or macOS"
)

CONFLICTING = Path(__file__).parents[2] / "environments"


def manifest_of(found: Found) -> Manifest:
    return read_manifest(found.folder)


def install(found: Found, **given: str) -> Path:
    return environments.install(found, manifest_of(found), **given)  # type: ignore[arg-type]


def state(found: Found) -> str:
    return environment_of(found, manifest_of(found)).state


def asked(python: Path, code: str) -> str:
    """Return what a line of code prints in an environment."""
    told = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    return told.stdout.strip()


def left(home: Path) -> list[str]:
    """Return everything below the home folder."""
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def folders(found: Found) -> list[Path]:
    return [path for path in place_of(found).iterdir() if path.is_dir()]


# ── what an install makes ────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def conflicting(
    tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> dict[str, tuple[Found, Path]]:
    """Two installed bindings whose requirements exclude each other, with their interpreters."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMNIBIND_HOME", str(tmp_path_factory.mktemp("home")))
        patched.setenv("UV_CACHE_DIR", str(cache))
        patched.delenv("OMNIBIND_OFFLINE", raising=False)
        installed = {}
        for name in ("old_numpy", "new_numpy"):
            found = Found(name, "tts", Root("", CONFLICTING))
            installed[name] = found, install(found)
        return installed


def test_the_resolver_finds_no_way_to_install_both_test_bindings_together(tmp_path: Path) -> None:
    both = tmp_path / "requirements.txt"
    requirements = []
    for name in ("old_numpy", "new_numpy"):
        environment = read_manifest(CONFLICTING / "tts" / name).environment
        assert environment is not None
        requirements += environment.requires
    both.write_text("\n".join(requirements))
    told = subprocess.run(
        [uv.find().program, "pip", "compile", "--no-config", str(both)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    words = " ".join(told.stderr.split())
    assert "numpy==1.26.4 and numpy>=2,<3" in words
    assert "unsatisfiable" in words


def test_bindings_that_exclude_each_other_each_have_the_numpy_they_ask_for(
    conflicting: dict[str, tuple[Found, Path]],
) -> None:
    versions = {
        name: asked(python, "import numpy; print(numpy.__version__)")
        for name, (_, python) in conflicting.items()
    }
    assert versions["old_numpy"] == "1.26.4"
    assert versions["new_numpy"].startswith("2.")


def test_files_are_shared_with_uvs_cache(conflicting: dict[str, tuple[Found, Path]]) -> None:
    _, python = conflicting["old_numpy"]
    size = environments.size_of(python.parent.parent)
    assert size.shared > 0.8 * size.bytes > 10e6


def test_an_environment_sees_nothing_of_this_process(
    conflicting: dict[str, tuple[Found, Path]],
) -> None:
    _, python = conflicting["new_numpy"]
    import msgspec as ours

    assert ours
    seen = asked(python, "import importlib.util as u; print(u.find_spec('msgspec'))")
    assert seen == "None"


def test_the_record_tells_what_was_made(write: Write) -> None:
    found = write()
    python = install(found)
    seen = environment_of(found, manifest_of(found))
    assert (seen.state, seen.python, seen.problem) == ("ready", python, "")
    assert seen.record is not None
    assert seen.record.packages == {"tiny-dep": "1.0", "tiny-engine": "1.0"}
    assert seen.record.python == ".".join(map(str, sys.version_info[:3]))
    assert seen.record.uv == uv.find().version()
    assert list(environment_problems(found, manifest_of(found))) == []


def test_an_environment_that_is_here_is_not_made_again(write: Write) -> None:
    found = write()
    assert install(found) == install(found)


def test_without_an_environment_in_the_manifest_the_bindings_own_requirements_are_taken(
    write: Write,
) -> None:
    found = write()
    path = found.folder / "binding.yaml"
    text = path.read_text().partition("environment:")[0]
    path.write_text(text + 'requires: ["tiny-engine==2.0"]\n')
    assert asked(install(found), "import tiny_engine; print(tiny_engine.VERSION)") == "2.0"


def test_constraints_and_overrides_of_the_manifest_hold(write: Write) -> None:
    environment = (
        'requires: ["tiny-engine"]\n  constraints: ["tiny-engine<2"]\n'
        """  overrides: ["tiny-dep; sys_platform == 'never'"]"""
    )
    found = write(environment=environment)
    install(found)
    record = environment_of(found, manifest_of(found)).record
    assert record is not None
    assert record.packages == {"tiny-engine": "1.0"}


def test_the_python_of_the_manifest_is_asked_for(write: Write) -> None:
    fits = write("fits", environment='python: ">=3.10"\n  requires: ["tiny-engine"]')
    assert asked(install(fits), "import sys; print(sys.version_info >= (3, 10))") == "True"
    gone = write("gone", environment='python: "2.6"\n  requires: ["tiny-engine"]')
    with pytest.raises(InstallFailed, match=r"2\.6 was requested"):
        install(gone)


def test_two_bindings_of_one_name_from_two_roots_have_two_environments(
    write: Write, tmp_path: Path
) -> None:
    found = write()
    shutil.copytree(tmp_path / "root", tmp_path / "other")
    twin = found._replace(root=Root("", tmp_path / "other"))
    assert install(found) != install(twin)
    assert len(environments.all_environments()) == 2


def test_steps_are_told(write: Write) -> None:
    lines: list[str] = []
    found = write()
    environments.install(found, manifest_of(found), progress=lines.append)
    assert lines[0].startswith("Resolved 2 packages")
    assert lines[-1] == "Trying it"


# ── what a handle learns from it ─────────────────────────────────────────────────────────────


def test_the_options_are_known_without_running_anything(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = write()
    install(found)
    monkeypatch.setattr(subprocess, "run", None)
    monkeypatch.setattr(subprocess, "Popen", None)
    facts = environments.facts_of(found, manifest_of(found))
    assert [option.name for option in facts.verb.options] == ["seed"]
    assert facts.doc == "Says nothing."


def test_changed_code_is_looked_at_again_in_its_environment(write: Write) -> None:
    found = write()
    install(found)
    changed = CODE.replace("seed: int = 0", "speed: float = 1.0").replace(
        "\n\nclass", "\n\nimport tiny_engine  # which is there alone\n\nclass"
    )
    (found.folder / "binding.py").write_text(changed)
    facts = environments.facts_of(found, manifest_of(found))
    assert [option.name for option in facts.verb.options] == ["speed"]
    assert state(found) == "ready"


def test_without_an_environment_the_facts_tell_how_to_get_one(write: Write) -> None:
    found = write()
    with pytest.raises(EnvironmentMissing) as raised:
        environments.facts_of(found, manifest_of(found))
    assert raised.value.command == "omnibind install tts/tiny"


# ── what fails leaves nothing ────────────────────────────────────────────────────────────────


def test_what_can_not_be_resolved_fails_in_uvs_own_words(write: Write, home: Path) -> None:
    found = write(environment='requires: ["tiny-engine==9"]')
    with pytest.raises(InstallFailed) as raised:
        install(found)
    words = str(raised.value)
    assert words.startswith("tts/tiny can't be installed, and nothing was changed: error: No solu")
    assert "there is no version of tiny-engine==9" in words
    assert left(home) == []
    assert state(found) == "absent"


def test_no_address_and_no_key_of_an_index_is_told(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = write()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret-key@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(InstallFailed) as raised:
        install(found)
    words = str(raised.value)
    assert "Failed to fetch" in words
    assert "<address>" in words
    assert "secret" not in words
    assert "127.0.0.1" not in words


def test_long_words_are_cut() -> None:
    words = handed({})._words(["Using Python\n", "error: no way\n", *["  because of x,\n"] * 1000])
    assert words.startswith("error: no way because of x, because")
    assert words.endswith("…")
    assert len(words) == 2001


def test_a_binding_that_can_not_be_imported_in_its_environment_is_no_success(
    write: Write, home: Path
) -> None:
    found = write(code="import msgspec\n" + CODE)
    with pytest.raises(InstallFailed, match="No module named 'msgspec'"):
        install(found)
    assert left(home) == []


def test_an_engine_that_can_not_be_imported_is_no_success(
    write: Write, wheels: Path, home: Path
) -> None:
    wheel(wheels, "tiny_engine", "3.0", code="raise OSError('libcuda.so is missing')")
    found = write(environment='requires: ["tiny-engine==3.0"]')
    with pytest.raises(InstallFailed, match=r"libcuda\.so is missing"):
        install(found)
    assert left(home) == []


def test_an_install_that_fails_leaves_the_environment_before_it(write: Write) -> None:
    found = write()
    python = install(found)
    path = found.folder / "binding.yaml"
    path.write_text(path.read_text().replace("==1.0", "==9"))
    with pytest.raises(InstallFailed):
        install(found)
    assert state(found) == "outdated"
    path.write_text(path.read_text().replace("==9", "==1.0"))
    assert environment_of(found, manifest_of(found)).python == python


@pytest.mark.parametrize("step", ["Resolved", "Installed", "Trying"])
def test_a_killed_install_leaves_nothing_that_looks_whole(write: Write, step: str) -> None:
    import fcntl  # which Windows hasn't

    found = write()
    killed = subprocess.run([sys.executable, "-c", _killed_at(found, step)], check=False)
    assert killed.returncode == -9
    assert state(found) == "absent"
    (folder,) = folders(found)
    with (folder / "use.lock").open() as use:  # uv may outlive its parent, and is let finish
        fcntl.flock(use, fcntl.LOCK_EX)
    python = install(found)
    assert state(found) == "ready"
    assert folders(found) == [python.parent.parent.parent]


def _killed_at(found: Found, step: str) -> str:
    return (
        "import os\nfrom pathlib import Path\nfrom omnibind.discovery.manifest import *\n"
        "from omnibind.discovery.places import Found, Root\n"
        "from omnibind.running import environments\n"
        f"found = Found({found.name!r}, 'tts', Root('', Path({str(found.root.folder)!r})))\n"
        "def heard(line):\n"
        f"    if line.startswith({step!r}): os.kill(os.getpid(), 9)\n"
        "environments.install(found, read_manifest(found.folder), progress=heard)\n"
    )


def test_two_installs_at_once_make_one_environment(write: Write) -> None:
    found = write()
    code = _killed_at(found, "never").replace(
        "environments.install(", "print(environments.install("
    )
    code = code.rstrip() + ")\n"
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert told[0] == told[1] == f"{environment_of(found, manifest_of(found)).python}\n"
    assert len(folders(found)) == 1


def test_who_waits_for_another_install_is_told(write: Write) -> None:
    found = write()
    manifest = manifest_of(found)
    lines: list[str] = []
    first: list[str] = []

    def heard(line: str) -> None:
        if not first:
            first.append(line)
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            code = _killed_at(found, "Waiting")
            ended = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
            lines.append(str(ended.returncode))

    environments.install(found, manifest, progress=heard)
    assert lines == ["-9"]


def test_a_folder_that_can_not_be_written_fails_with_its_name(write: Write, home: Path) -> None:
    found = write()
    home.mkdir()
    (home / "environments").write_text("in the way")
    with pytest.raises(InstallFailed, match=r"can't be written: .*environments"):
        install(found)


def test_offline_forbids_making_but_not_having(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, absent = write("here"), write("absent")
    python = install(here)
    monkeypatch.setenv("OMNIBIND_OFFLINE", "1")
    assert install(here) == python
    with pytest.raises(Offline):
        install(absent)
    with pytest.raises(Offline):
        environments.repair(here, manifest_of(here))
    assert state(here) == "ready"


def test_without_uv_the_extra_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    found = write()
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PackagesMissing) as raised:
        install(found)
    assert raised.value.command == "pip install 'omnibind[environments]'"


def test_a_binding_without_code_has_nothing_to_install(write: Write) -> None:
    found = write()
    manifest = manifest_of(found)
    manifest.entry, manifest.state, manifest.reason = "", "retired", "its maker is gone"
    with pytest.raises(NotOffered, match="its maker is gone"):
        environments.install(found, manifest)


@pytest.mark.parametrize("part", ["requires", "constraints", "overrides"])
def test_a_manifest_can_not_hand_options_to_uv(write: Write, part: str) -> None:
    environment = f'{part}: ["--index-url=http://127.0.0.1:9/simple"]'
    with pytest.raises(InstallFailed, match="isn't a requirement"):
        install(write(environment=environment))


# ── locks ────────────────────────────────────────────────────────────────────────────────────


def locked(found: Found, wheels: Path, *names: str, wrong: str = "") -> None:
    lines = []
    for name in names:
        path = next(wheels.glob(f"{name}-1.0-*"))
        digest = "0" * 64 if name == wrong else hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{name}==1.0 \\\n    --hash=sha256:{digest}\n    # via a test\n")
    (found.folder / "environment.lock").write_text("# made by hand\n" + "".join(lines))


def test_a_lock_is_followed(write: Write, wheels: Path) -> None:
    found = write(environment='requires: ["tiny-engine"]')
    locked(found, wheels, "tiny_engine", "tiny_dep")
    assert asked(install(found), "import tiny_engine; print(tiny_engine.VERSION)") == "1.0"


@pytest.mark.parametrize("wrong", ["tiny_engine", "tiny_dep"])
def test_a_wrong_hash_in_a_lock_is_refused(
    write: Write, wheels: Path, home: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    install(write("unlocked"))  # so that uv's cache has the wheels
    environments.uninstall(Found("unlocked", "tts", Root("", wheels.parent / "root")))
    monkeypatch.setenv("UV_NO_VERIFY_HASHES", "1")
    found = write(environment='requires: ["tiny-engine"]')
    locked(found, wheels, "tiny_engine", "tiny_dep", wrong=wrong)
    with pytest.raises(InstallFailed, match="Hash mismatch"):
        install(found)
    assert left(home) == []


def test_what_a_lock_does_not_know_is_refused_unless_the_manifest_leaves_it_free(
    write: Write, wheels: Path, home: Path
) -> None:
    found = write(environment='requires: ["tiny-engine"]')
    locked(found, wheels, "tiny_engine")
    with pytest.raises(InstallFailed, match=r"tiny-dep was asked for and environment\.lock"):
        install(found)
    assert left(home) == []
    free = write("free", environment='requires: ["tiny-engine"]\n  unlocked: [Tiny_Dep]')
    locked(free, wheels, "tiny_engine")
    install(free)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tiny-engine==1.0", "has no hash"),
        ("tiny-engine>=1.0 --hash=sha256:" + "0" * 64, "pins no version"),
        ("--index-url http://127.0.0.1:9/simple", "isn't a requirement"),
        ("tiny-engine==1.0 --hash=md5:00", "isn't a requirement"),
    ],
)
def test_a_lock_that_locks_nothing_is_refused(write: Write, line: str, told: str) -> None:
    found = write()
    (found.folder / "environment.lock").write_text(line + "\n")
    with pytest.raises(InstallFailed, match=told):
        install(found)


def test_torch_and_nvidias_packages_need_no_hash(write: Write, wheels: Path) -> None:
    for name in ("torch", "nvidia_tiny"):
        wheel(wheels, name, "1.0")
    found = write(environment='requires: ["tiny-engine", "torch", "nvidia-tiny"]')
    locked(found, wheels, "tiny_engine", "tiny_dep")
    with (found.folder / "environment.lock").open("a") as lock:
        lock.write("torch==1.0\n")
    install(found)
    assert state(found) == "ready"


# ── how it does ──────────────────────────────────────────────────────────────────────────────


def _without_a_package(folder: Path) -> None:
    (gone,) = folder.glob("venv/lib/python*/site-packages/tiny_dep")
    shutil.rmtree(gone)


def _without_its_metadata(folder: Path) -> None:
    (gone,) = folder.glob("venv/lib/python*/site-packages/tiny_dep-1.0.dist-info")
    shutil.rmtree(gone)


def _without_its_interpreter(folder: Path) -> None:
    python = folder / "venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")


def _without_everything(folder: Path) -> None:
    shutil.rmtree(folder)


def _with_half_a_record(folder: Path) -> None:
    record = folder.parent / RECORD_NAME
    record.write_text(record.read_text()[:100])


@pytest.mark.parametrize(
    "damage",
    [
        _without_a_package,
        _without_its_metadata,
        _without_its_interpreter,
        _without_everything,
        _with_half_a_record,
    ],
)
def test_a_damaged_environment_is_broken_and_repaired(
    write: Write, damage: Callable[[Path], None]
) -> None:
    found = write()
    install(found)
    damage(folders(found)[0])
    assert state(found) == "broken"
    (problem,) = environment_problems(found, manifest_of(found))
    assert problem.state == "needs-environment"
    assert problem.command == "omnibind repair tts/tiny"
    environments.repair(found, manifest_of(found))
    assert state(found) == "ready"
    assert len(folders(found)) == 1


def test_a_missing_environment_names_the_command_that_makes_it(write: Write) -> None:
    found = write()
    (problem,) = environment_problems(found, manifest_of(found))
    assert problem.state == "needs-environment"
    assert problem.command == "omnibind install tts/tiny"


def test_what_the_manifest_or_the_lock_asks_for_anew_makes_it_outdated(
    write: Write, wheels: Path
) -> None:
    found = write()
    first = install(found)
    path = found.folder / "binding.yaml"
    path.write_text(path.read_text().replace("A binding of", "Another binding of"))
    assert state(found) == "ready"
    path.write_text(path.read_text().replace("==1.0", "==2.0"))
    assert state(found) == "outdated"
    (problem,) = environment_problems(found, manifest_of(found))
    assert problem.command == "omnibind install tts/tiny"
    second = install(found)
    assert asked(second, "import tiny_engine; print(tiny_engine.VERSION)") == "2.0"
    assert not first.exists()
    path.write_text(path.read_text().replace("==2.0", "==1.0"))
    install(found)
    locked(found, wheels, "tiny_engine", "tiny_dep")
    assert state(found) == "outdated"


def test_every_environment_is_listed_even_of_bindings_that_are_gone(write: Write) -> None:
    kept, gone = write("kept"), write("gone")
    install(kept)
    install(gone)
    shutil.rmtree(gone.folder)
    seen = {one.name: one for one in environments.all_environments()}
    assert seen["kept"].environment.state == "ready"
    assert seen["gone"].environment.state == "outdated"
    assert seen["gone"].environment.problem == "its binding is gone"
    assert seen["kept"].size.bytes > 0


# ── use and removal ──────────────────────────────────────────────────────────────────────────


def test_uninstalling_leaves_nothing(write: Write, home: Path) -> None:
    found = write()
    install(found)
    assert environments.uninstall(found) > 0
    assert list(home.rglob("*")) == []
    assert environments.uninstall(found) == 0
    assert state(found) == "absent"


def test_what_a_process_uses_is_not_removed(write: Write) -> None:
    found = write()
    python = install(found)
    descriptor = hold(python)
    user = subprocess.Popen(
        [python, "-I", "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,)
    )
    os.close(descriptor)
    with pytest.raises(InstallFailed, match="is used by a program"):
        environments.uninstall(found)
    assert state(found) == "ready"
    user.communicate(b"\n")
    assert environments.uninstall(found) > 0


def test_a_repair_leaves_the_environment_in_use_until_its_user_ends(write: Write) -> None:
    found = write()
    before = install(found)
    descriptor = hold(before)
    after = environments.repair(found, manifest_of(found))
    assert before.exists()
    assert environment_of(found, manifest_of(found)).python == after
    os.close(descriptor)
    environments.repair(found, manifest_of(found))
    assert not before.exists()
    assert len(folders(found)) == 1


def test_what_is_gone_can_not_be_used(write: Write) -> None:
    found = write()
    python = install(found)
    environments.uninstall(found)
    with pytest.raises(EnvironmentMissing):
        hold(python)


# ── settings ─────────────────────────────────────────────────────────────────────────────────


def handed(pip: dict[str, str], **variables: str) -> uv.Uv:
    return uv._handed("uv", pip, variables)


def test_pips_settings_are_handed_to_uv() -> None:
    tool = handed(
        {
            "index-url": "https://main.example/simple",
            "extra-index-url": "https://a.example/simple\nhttps://b.example/simple",
            "find-links": "/one /two",
            "trusted-host": "main.example",
            "cert": "/authorities.pem",
            "proxy": "http://proxy.example",
            "timeout": "7",
        }
    )
    assert tool.environment == {
        "UV_DEFAULT_INDEX": "https://main.example/simple",
        "UV_INDEX": "https://main.example/simple https://a.example/simple https://b.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/one,/two",
        "UV_INSECURE_HOST": "main.example",
        "SSL_CERT_FILE": "/authorities.pem",
        "HTTP_PROXY": "http://proxy.example",
        "HTTPS_PROXY": "http://proxy.example",
        "UV_HTTP_TIMEOUT": "7",
    }
    assert tool.arguments == ()
    assert tool.has_own_places


def test_the_users_own_settings_of_uv_go_before_pips() -> None:
    pip = {
        "index-url": "https://pip.example",
        "no-index": "1",
        "find-links": "/pip",
        "cert": "/pip",
    }
    tool = handed(pip, UV_INDEX_URL="https://uv.example", SSL_CERT_FILE="/uv", UV_CACHE_DIR="/c")
    assert tool.environment == {
        "UV_INDEX_URL": "https://uv.example",
        "UV_FIND_LINKS": "/pip",
        "SSL_CERT_FILE": "/uv",
        "UV_CACHE_DIR": "/c",
    }
    assert tool.arguments == ()


def test_settings_that_lead_to_another_interpreter_are_left_out() -> None:
    tool = handed({}, UV_PYTHON="3.9", UV_SYSTEM_PYTHON="1", UV_NO_VERIFY_HASHES="1", HOME="/h")
    assert tool.environment == {"HOME": "/h"}
    assert not tool.has_own_places


def test_builds_of_torch_are_those_asked_for_now_or_the_last_time(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[list[str]] = []
    real = uv.Uv.run

    def run(self: uv.Uv, arguments: list[str], *rest: object) -> None:
        asked_for.append([one for one in arguments if one in ("--torch-backend", "cpu", "auto")])
        real(self, arguments, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(uv.Uv, "run", run)
    found = write()
    install(found)
    assert asked_for.pop() == []  # the folder of wheels is taken as it is
    install(found, torch_backend="cpu")
    assert asked_for.pop() == ["--torch-backend", "cpu"]
    environments.repair(found, manifest_of(found))
    assert asked_for.pop() == ["--torch-backend", "cpu"]
    assert json.loads((place_of(found) / RECORD_NAME).read_text())["torch_backend"] == "cpu"


def test_without_a_place_of_the_users_torch_is_what_fits_this_machine(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = write()
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("UV_OFFLINE", "1")
    asked_for: list[list[str]] = []
    real = uv.Uv.run

    def run(self: uv.Uv, arguments: list[str], *rest: object) -> None:
        asked_for.append(arguments)
        real(self, arguments, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(uv.Uv, "run", run)
    with pytest.raises(InstallFailed):
        install(found)
    assert "--torch-backend auto" in " ".join(asked_for[-1])


def test_pips_wish_for_no_index_is_handed_on() -> None:
    assert handed({"no-index": "true"}).arguments == ("--no-index",)
    assert handed({"no-index": "0"}).arguments == ()


def test_what_uv_runs_keeps_the_lock_that_its_parent_had(tmp_path: Path) -> None:
    tool = uv.Uv(sys.executable, dict(os.environ), (), has_own_places=False)
    with (tmp_path / "lock").open("w") as lock:
        code = "import os, sys; os.fstat(int(sys.argv[1]))"
        tool.run(["-c", code, str(lock.fileno())], tmp_path, lock.fileno(), print)

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter

from omnibind import Audio, Client, Image, Video, __version__
from omnibind.calls.candidate import hash_of
from omnibind.cli import main
from omnibind.cli.models import target_of
from omnibind.cli.naming import Named
from omnibind.contracts import CONTRACTS
from omnibind.contracts.media import Meta, Recipe, embedding, recipe_of
from omnibind.contracts.media.recipe import sha256

Capture = pytest.CaptureFixture[str]

TAKES_A_SOUND = CODE.replace(
    "seed: int | None = None,",
    'seed: int | None = None,\n        like: Annotated[AudioInput | None, "a sound"] = None,',
).replace("import Audio, Range", "import Audio, AudioInput, Range")


@pytest.fixture
def root(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bindings that is found by name, and a current folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def made(
    binding: str,
    subject: Mapping[str, Any],
    place: str = "a.wav",
    *,
    configuration: Mapping[str, Any] | None = None,
    calls: int = 1,
    **options: Any,
) -> Any:
    """Make something and save the last of so many with a recipe; the seed is one of the options."""
    modality, _, name = binding.partition("/")
    more: dict[str, Any] = {modality: {"binding": name, **(configuration or {})}}
    with Client(**more) as client:
        verb = CONTRACTS[modality].verb
        for _ in range(calls):
            result = getattr(getattr(client, modality), verb)(*subject.values(), **options)
    recipe = Recipe(
        omnibind=__version__,
        modality=modality,
        verb=verb,
        binding=binding,
        model=result.meta.model,
        subject=subject,
        options=options,
        configuration=configuration or {},
        seed=options.get("seed"),
    )
    result = result._with_meta(Meta(recipe=recipe))
    result.save(place)
    return result


def rewritten(place: str, **changes: Any) -> None:
    """Change the recipe that a file carries."""
    recipe = recipe_of(place)
    assert recipe is not None
    audio = Audio.from_file(place)
    Path(place).write_bytes(embedding.put(bytes(audio), recipe._replace(**changes).json()))


def told(capsys: Capture) -> str:
    seen = capsys.readouterr()
    assert seen.err == ""
    assert seen.out.count("\n") == 1
    return seen.out.strip()


# ── again ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_the_same_sound_is_made_again(ending: str, capsys: Capture) -> None:
    first = made("tts/mock", {"text": "The quick fox."}, f"a.{ending}", speed=1.5, seed=7)
    before = Path(f"a.{ending}").read_bytes()
    assert main(["again", f"a.{ending}"]) == 0
    assert told(capsys) == f"exact: a-again.{ending}"
    assert Path(f"a.{ending}").read_bytes() == before
    assert (
        Audio.from_file(f"a-again.{ending}").media_type == Audio.from_file(f"a.{ending}").media_type
    )
    if ending == "wav":
        assert bytes(Audio.from_file("a-again.wav").array()) == bytes(first.array())


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("binding", "subject", "place", "options"),
    [
        ("tti/mock", {"prompt": "a cat"}, "cat.png", {"width": 96, "seed": 3}),
        ("tti/mock", {"prompt": "a cat"}, "cat.jpg", {"negative_prompt": "dog", "seed": 3}),
        ("tti/mock", {"prompt": "a cat"}, "cat.webp", {"output_format": "webp"}),
        ("ttm/mock", {"prompt": "a tune"}, "tune.flac", {"duration_s": 1.0}),
        ("sfx/mock", {"prompt": "a dog barks"}, "bark.mp3", {"duration_s": 1.0}),
        ("ttv/mock", {"prompt": "a cat"}, "cat.mp4", {"width": 64}),
        ("tts/mock", {"text": "Grüße!", "voice": "bass"}, "fox.wav", {"language": "de"}),
    ],
)
def test_whatever_was_made_is_made_again(
    binding: str, subject: dict[str, str], place: str, options: dict[str, Any], capsys: Capture
) -> None:
    made(binding, subject, place, **options)
    assert main(["again", place, "-o", f"new{Path(place).suffix}"]) == 0
    verdict = told(capsys)
    assert verdict == f"exact: new{Path(place).suffix}"


@pytest.mark.usefixtures("root")
def test_the_configuration_counts(capsys: Capture) -> None:
    made("tts/mock", {"text": "hello"}, configuration={"default_voice": "bass"})
    assert main(["again", "a.wav"]) == 0
    assert told(capsys).startswith("exact")
    rewritten("a.wav", configuration={"default_voice": "alto"})
    assert main(["again", "a.wav"]) == 0
    assert told(capsys).startswith("same settings: a-again.wav (it has no seed)")


@pytest.mark.usefixtures("root")
def test_a_seed_that_the_engine_chose_is_given_to_it(capsys: Capture) -> None:
    made("tts/mock", {"text": "hello"}, seed=11)
    rewritten("a.wav", options={}, seed=11)
    assert main(["again", "a.wav"]) == 0
    assert told(capsys).startswith("exact")


@pytest.mark.usefixtures("root")
def test_why_the_bytes_differ_is_said(capsys: Capture) -> None:
    made("tts/mock", {"text": "hello"}, seed=1)
    for changes, why in (
        ({"sha256": "ab" * 32}, "this engine, or this machine, makes other bytes of the same seed"),
        ({"omnibind": "0.0.1"}, f"it was made by omnibind 0.0.1, this is {__version__}"),
        ({"seed": None}, f"it was made by omnibind 0.0.1, this is {__version__}; it has no seed"),
        ({"sha256": None}, "the recipe has no sha256 to compare with"),
    ):
        rewritten("a.wav", **changes)
        assert main(["again", "a.wav"]) == 0
        assert told(capsys) == f"same settings: a-again.wav ({why})"


def test_piper_is_made_again_with_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with Client(tts="piper") as client:
        if not client.tts:
            pytest.skip(f"doesn't apply: {client.tts.diagnose().problems[0].message}")
    monkeypatch.chdir(tmp_path)
    voice = "en_US-joe-medium"
    subject = {"text": "The quick brown fox.", "voice": voice}
    first = made("tts/piper", subject, speed=1.5, calls=2)  # the first of a voice repeats itself
    now = hash_of(target_of(Named("tts", "piper")).models.get(voice))
    assert now is not None
    rewritten("a.wav", model_sha256=now)
    assert main(["again", "a.wav"]) == 0
    assert told(capsys) == "same settings: a-again.wav (it has no seed)"
    assert Audio.from_file("a-again.wav").duration_s == pytest.approx(first.duration_s, rel=0.25)
    rewritten("a.wav", model_sha256="0" * 64)
    assert main(["again", "a.wav"]) == 1
    assert told(capsys) == (
        f"impossible: tts/piper/{voice} has other weights now: {now[:12]}…, and the file was made "
        f"with 000000000000…; run: omnibind pull tts/piper/{voice}"
    )
    rewritten("a.wav", omnibind="0.0.1")
    assert main(["again", "a.wav"]) == 1
    assert told(capsys).endswith("run: pip install omnibind==0.0.1")


def test_what_the_command_line_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    for words, place in (
        (["speak", "A fox.", "--tts", "mock/bass", "--option", "seed=5"], "fox.mp3"),
        (["imagine", "a fox", "--tti", "mock", "--option", "steps=9"], "fox.jpg"),
        (["film", "a fox", "--ttv", "mock", "--option", "width=64"], "fox.mp4"),
    ):
        assert main([*words, "-o", place]) == 0
        capsys.readouterr()
        assert main(["again", place]) == 0
        assert told(capsys).startswith("exact: fox-again.")
        assert recipe_of(place) == recipe_of(place.replace(".", "-again."))


def test_what_the_command_line_spoke_with_piper_knows_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with Client(tts="piper") as client:
        if not client.tts:
            pytest.skip(f"doesn't apply: {client.tts.diagnose().problems[0].message}")
    monkeypatch.chdir(tmp_path)
    assert main(["speak", "The quick brown fox.", "--tts", "piper", "-o", "a.flac"]) == 0
    recipe = recipe_of("a.flac")
    assert recipe is not None
    assert recipe.model == "en_US-joe-medium"
    assert recipe.model_sha256 == hash_of(
        target_of(Named("tts", "piper")).models.get(recipe.model or "")
    )
    capsys.readouterr()
    assert main(["again", "a.flac"]) == 0
    assert told(capsys).startswith(("exact", "same settings"))


def test_weights_that_are_not_here_are_said_with_what_fetches_them(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    made("tts/mock", {"text": "hello"})
    rewritten("a.wav", binding="tts/piper", model="en_US-joe-medium", configuration={})
    assert main(["again", "a.wav"]) == 1
    verdict = told(capsys)
    assert verdict.startswith("impossible: ")
    assert verdict.endswith("; run: omnibind pull tts/piper/en_US-joe-medium")
    assert not Path("a-again.wav").exists()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"binding": "tts/nobody"}, "nobody"),
        ({"model": "x", "model_sha256": "0" * 64}, "tts/mock/x isn't known here"),
        ({"subject": {"text": "hi", "voice": "nobody"}}, "voice 'nobody' is unknown"),
        ({"options": {"speed": 99}}, "option 'speed'"),
        ({"options": {"gone": 1}}, "gone"),
        ({"modality": "smell"}, "can't be called by this version"),
        ({"subject": {"text": "  "}}, "give some words"),
    ],
)
def test_what_cannot_be_made_here_is_impossible(
    changes: dict[str, Any], why: str, capsys: Capture
) -> None:
    made("tts/mock", {"text": "hello"})
    rewritten("a.wav", **changes)
    assert main(["again", "a.wav"]) == 1
    verdict = told(capsys)
    assert verdict.startswith("impossible: ")
    assert why in verdict
    assert not Path("a-again.wav").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"verb": "list_voices"},
        {"verb": "unload"},
        {"options": {"save_to": "stolen.wav"}},
        {"options": {"consent": True}},
        {"options": {"verify": False}},
        {"configuration": {"consent": True}},
        {"configuration": {"binding": "evil"}},
        {"subject": {"text": "hi", "timeout_s": 1}},
        {"binding": "tts/./evil"},
        {"binding": "tts/../root/tts/evil"},
        {"binding": "tts/user:evil"},
        {"binding": "tti/mock"},
    ],
)
def test_a_file_cannot_make_it_do_anything_else(
    changes: dict[str, Any], root: Path, write_binding: BindingWriter, capsys: Capture
) -> None:
    write_binding("evil", code="raise SystemExit('run')")
    made("tts/mock", {"text": "hello"})
    rewritten("a.wav", **changes)
    assert main(["again", "a.wav"]) == 1
    assert told(capsys).startswith("impossible: ")
    assert sorted(path.name for path in Path().iterdir()) == ["a.wav"]


def test_a_file_cannot_send_a_key_to_an_address_of_its_own(
    root: Path, write_binding: BindingWriter, capsys: Capture
) -> None:
    manifest = MANIFEST.replace("kind: local", "kind: remote")
    write_binding("far", root=root, manifest=manifest)
    made("tts/mock", {"text": "hello"})
    rewritten("a.wav", binding="tts/far", configuration={"base_url": "https://evil.example"})
    assert main(["again", "a.wav"]) == 1
    assert "a file may not configure base_url of tts/far" in told(capsys)


def test_a_sound_that_was_given_is_used_again_while_it_is_the_same(
    root: Path, write_binding: BindingWriter, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_binding("like", root=root, code=TAKES_A_SOUND)
    voice = Path("voice.wav")
    with Client(tts="mock") as client:
        client.tts.generate_audio("me").save(voice)
    made("tts/like", {"text": "hello"}, like=Path("voice.wav"))
    kept = recipe_of("a.wav")
    assert kept is not None
    assert kept.options["like"] == {
        "kind": "audio",
        "path": "voice.wav",
        "sha256": sha256(voice.read_bytes()),
        "bytes": voice.stat().st_size,
    }
    assert main(["again", "a.wav"]) == 0
    assert told(capsys) == "exact: a-again.wav"
    elsewhere = root.parent
    monkeypatch.chdir(elsewhere)  # it lies beside the file
    assert main(["again", "here/a.wav", "-o", "b.wav"]) == 0
    assert told(capsys) == "exact: b.wav"
    Path("here/voice.wav").write_bytes(b"other")
    assert main(["again", "here/a.wav", "-o", "b.wav"]) == 1
    assert "has another content now" in told(capsys)
    Path("here/voice.wav").unlink()
    assert main(["again", "here/a.wav", "-o", "b.wav"]) == 1
    assert "'like' was the file 'voice.wav', which isn't there" in told(capsys)


def test_a_sound_that_was_given_as_bytes_is_not_in_the_file(
    root: Path, write_binding: BindingWriter, capsys: Capture
) -> None:
    write_binding("like", root=root, code=TAKES_A_SOUND)
    with Client(tts="mock") as client:
        voice = client.tts.generate_audio("me")
    made("tts/like", {"text": "hello"}, like=bytes(voice))
    assert main(["again", "a.wav"]) == 1
    assert told(capsys) == "impossible: 'like' was audio content that no file holds"


@pytest.mark.usefixtures("root")
def test_a_file_without_a_recipe_is_impossible(capsys: Capture) -> None:
    made("tts/mock", {"text": "hello"}).save("a.wav", recipe=False)
    assert main(["again", "a.wav"]) == 1
    assert told(capsys) == "impossible: a.wav carries no recipe"


@pytest.mark.usefixtures("root")
def test_the_file_itself_is_never_written_to(capsys: Capture) -> None:
    made("tts/mock", {"text": "hello"})
    before = Path("a.wav").read_bytes()
    Path("link.wav").symlink_to("a.wav")
    for place in ("a.wav", "./a.wav", "link.wav"):
        assert main(["again", "a.wav", "-o", place]) == 2
        assert "is the file to make again; give another with -o" in capsys.readouterr().err
    assert Path("a.wav").read_bytes() == before


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("command", ["show", "again"])
def test_what_is_no_media_or_damaged_is_wrong_use(command: str, capsys: Capture) -> None:
    Path("text.wav").write_text("hello")
    made("tts/mock", {"text": "hello"})
    Path("damaged.wav").write_bytes(Path("a.wav").read_bytes().replace(b'"seed"', b'"s\x00ed"'))
    for name, why in (
        ("missing.wav", "missing.wav"),
        ("text.wav", "text"),
        ("damaged.wav", "this recipe is damaged"),
    ):
        assert main([command, name]) == 2
        seen = capsys.readouterr()
        assert why in seen.err
        assert seen.err.count("\n") == 1


# ── show ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("root")
def test_show_tells_the_facts_and_the_recipe(capsys: Capture) -> None:
    made("tts/mock", {"text": "The fox.", "voice": "bass"}, "a.mp3", speed=1.5, seed=7)
    assert main(["show", "a.mp3"]) == 0
    seen = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    lines = {name: value.strip() for name, value in seen.items()}
    assert lines["media_type"] == "audio/mpeg"
    assert lines["binding"] == "tts/mock"
    assert lines["made by omnibind"] == __version__
    assert (lines["text"], lines["voice"]) == ("The fox.", "bass")
    assert (lines["option speed"], lines["seed"]) == ("1.5", "7")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("binding", "place", "kind"),
    [("tti/mock", "a.png", Image), ("ttv/mock", "a.mp4", Video), ("ttm/mock", "a.wav", Audio)],
)
def test_show_as_json_holds_the_recipe_as_the_file_does(
    binding: str, place: str, kind: Any, capsys: Capture
) -> None:
    result = made(binding, {"prompt": "a cat"}, place)
    assert main(["show", place, "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert Recipe.from_json(json.dumps(seen["recipe"])) == recipe_of(place)
    assert seen["recipe"]["sha256"] == sha256(result)
    assert seen["bytes"] == Path(place).stat().st_size
    for fact in ("width", "duration_s", "fps", "sample_rate"):
        assert seen.get(fact) == getattr(kind.from_file(place), fact, None)


@pytest.mark.usefixtures("root")
def test_show_says_that_there_is_no_recipe(capsys: Capture) -> None:
    made("tts/mock", {"text": "hello"}).save("a.wav", recipe=False)
    assert main(["show", "a.wav"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["recipe", "none"]
    assert main(["show", "a.wav", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"] is None

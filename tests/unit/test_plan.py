"""``client.plan()``: what it tells, that it agrees with what serves, and that it does nothing."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter

from omnibind import AsyncClient, Audio, Client, Source, TTSBinding, TTSBindingManager
from omnibind.calls.costs import Budget, Cost
from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import BadInput, BadOption, OmnibindError, SettingMissing
from omnibind.modalities.plan import Plan
from omnibind.running import memory
from omnibind.weights import usage

FOX = Path(__file__).resolve().parents[1] / "fox.flac"
JOE, JOE_BYTES = "en_US-joe-medium", 63201294 + 4794
CHOOSABLE = MANIFEST + "model_option: rate\ndefault_model: small\n"
REMOTE = MANIFEST.replace("local", "remote") + "default_model: small\nkeys: [[PLAN_TEST_KEY]]\n"
CLONER = MANIFEST + "capabilities: {clone: true}\n"
SHORT = MANIFEST + "capabilities: {max_characters: 5}\n"
NOT_FREE = "small:\n  license: CC-BY-NC-4.0\n"
PRICED = "small:\n  license: MIT\n  price: {usd: 0.5, per: 1000 characters}\n"
FILES = """\
small:
  license: MIT
  files:
    - {path: a.bin, bytes: 3, sources: ['file:/x']}
    - {path: b.pt, bytes: 40, sources: ['file:/y']}
"""
VERBS = {modality: contract.verb for modality, contract in CONTRACTS.items()}


@pytest.fixture
def root(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_binding: BindingWriter
) -> Path:
    """Bindings of every kind, and a key for the remote ones; no weights are here."""
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "root"))
    monkeypatch.setenv("PLAN_TEST_KEY", "not-a-key")
    write_binding("probe")
    write_binding("absent", manifest=CHOOSABLE, models=FILES)
    write_binding("short", manifest=SHORT)
    write_binding("cloner", manifest=CLONER)
    write_binding("unfree", manifest=MANIFEST.replace("weights: none", "weights: CPML"))
    write_binding("priced", manifest=REMOTE, models=PRICED)
    write_binding("unpriced", manifest=REMOTE, models=NOT_FREE)
    write_binding("keyless", manifest=REMOTE.replace("PLAN_TEST", "NO_SUCH"), models=PRICED)
    write_binding("broken", manifest="- a list\n")
    return tmp_path / "root"


def server_of(client: Client, modality: str, *subject: Any, **options: Any) -> str | None:
    """Return who really serves a call; None for nobody."""
    try:
        result = getattr(getattr(client, modality), VERBS[modality])(*subject, **options)
    except OmnibindError:
        return None
    label: str = result.meta.binding
    return label


def label_of(plan: Plan) -> str | None:
    return plan.chosen.binding if plan.chosen else None


# ── it agrees with what serves ──


@pytest.mark.parametrize("modality", VERBS)
def test_the_mock_that_is_chosen_is_the_one_that_serves(modality: str) -> None:
    client = Client.from_config("mock")
    subject = FOX if modality == "stt" else "a red fox"
    plan = client.plan(modality, subject)
    assert plan.verb == VERBS[modality]
    assert label_of(plan) == server_of(client, modality, subject) == f"{modality}/mock"


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        (["piper", "mock"], {}, "tts/piper"),
        (["piper/de_DE-thorsten-medium", "mock"], {}, "tts/mock"),
        (["piper"], {"voice": "de_DE-thorsten-medium"}, None),
        (["piper", "mock"], {"voice": JOE}, "tts/piper"),
        (["mock", "piper"], {"noise_scale": 0.2}, "tts/piper"),
        (["piper"], {"speed": 9}, None),
    ],
)
def test_piper_is_chosen_where_it_serves(
    names: list[str], options: dict[str, Any], expected: str | None
) -> None:
    client = Client(tts=names)
    plan = client.plan("tts", "A red fox.", **options)
    assert label_of(plan) == server_of(client, "tts", "A red fox.", **options) == expected


@pytest.mark.parametrize(
    ("names", "given", "options", "expected"),
    [
        ("probe", {}, {}, "tts/probe"),
        (["probe", "mock"], {}, {"voice": "high"}, "tts/probe"),
        ("absent", {}, {}, None),
        (["absent", "probe", "mock"], {}, {}, "tts/probe"),
        (["absent", "mock"], {"strict": True}, {}, None),
        (["absent", "mock"], {}, {"strict": True}, None),
        (["mock", "probe"], {"strict": True}, {}, "tts/mock"),
        (["short", "mock"], {}, {}, "tts/mock"),
        ("short", {}, {}, None),
        (["broken", "mock"], {}, {}, "tts/mock"),
        (["mock"], {}, {"speed": 9}, None),
        (["mock"], {}, {"sped": 1}, None),
        # A folder that didn't ship was looked at where it was given configuration.
        ([{"binding": "probe", "rate": 8000}, "mock"], {}, {"language": "de"}, "tts/mock"),
        (["mock", "probe"], {}, {"mood": "wild"}, "tts/probe"),
        ("keyless", {}, {}, None),
        (["keyless", "priced"], {}, {}, "tts/priced"),
        (["unfree", "mock"], {"policy": {"commercial": True}}, {}, "tts/mock"),
        ("unfree", {"policy": {"commercial": True}}, {}, None),
        ("unfree", {}, {}, "tts/unfree"),
        (["unpriced", "priced"], {"policy": {"commercial": True}}, {}, "tts/priced"),
        ("priced", {"budget_usd": 0.006}, {}, "tts/priced"),
        (["priced", "mock"], {"budget_usd": 0.005}, {}, None),
        (["priced", "mock"], {}, {"budget_usd": 0.005}, None),
        ("unpriced", {"budget_usd": 5}, {}, None),
        ("unpriced", {"budget_usd": 5}, {"allow_unknown_cost": True}, "tts/unpriced"),
        ("mock", {"budget_usd": 0}, {}, "tts/mock"),
        (["cloner", "mock"], {}, {"voice": "her.wav"}, None),
        ("cloner", {}, {}, "tts/cloner"),
    ],
)
def test_what_is_chosen_is_what_serves(
    root: Path, names: Any, given: dict[str, Any], options: dict[str, Any], expected: str | None
) -> None:
    client = Client(tts=names, **given)
    plan = client.plan("tts", "Twelve chars", **options)
    assert (plan.reason is None) == (expected is not None)
    assert label_of(plan) == server_of(client, "tts", "Twelve chars", **options) == expected


@pytest.mark.parametrize("text", ["", " \n", 7, "word " * 5000])
def test_a_text_that_nobody_takes_is_told_as_the_call_does(root: Path, text: Any) -> None:
    client = Client(tts=["mock", "probe"])
    plan = client.plan("tts", text)
    assert plan.chosen is None
    with pytest.raises(OmnibindError) as failed:
        client.tts.generate_audio(text)
    assert str(failed.value) in str(plan.reason) or str(plan.candidates[0].skipped) in str(
        failed.value
    )


def test_one_that_is_prepared_is_planned_with_its_own_options(root: Path) -> None:
    client = Client(tts=["probe", "mock"])
    before = client.plan("tts", "hello", language="de")
    assert not before.candidates[0].options_known
    assert "options of tts/probe" in str(before)
    client.tts.generate_audio("hello")
    after = client.plan("tts", "hello", language="de")
    assert after.candidates[0].options_known
    assert label_of(after) == server_of(client, "tts", "hello", language="de") == "tts/mock"


def test_a_class_registered_in_code_is_planned_without_being_made() -> None:
    made = []

    class Loud(TTSBinding):
        def __init__(self) -> None:
            made.append(self)

        def generate_audio(
            self, text: str, voice: str | None = None, *, seed: int | None = None
        ) -> Audio:
            return Audio(FOX.read_bytes())

        def list_voices(self) -> list[str]:
            return []

    TTSBindingManager.register_binding("loud", Loud)
    try:
        client = Client(tts=["loud", "mock"])
        assert label_of(client.plan("tts", "hi", seed=1)) == "tts/loud"
        assert label_of(client.plan("tts", "hi", speed=1.5)) == "tts/mock"
        one = Client(tts="loud/model").plan("tts", "hi")
        assert not made
        assert "has no model to choose" in str(one.reason)
        assert (one.candidates[0].download_bytes, one.candidates[0].license) == (None, None)
    finally:
        TTSBindingManager.unregister_binding("loud")


# ── what it tells of each candidate ──


def test_what_is_missing_is_told_with_the_command_and_its_size(root: Path) -> None:
    one = Client(tts="piper").plan("tts", "hi").candidates[0]
    assert (one.binding, one.model, one.state) == ("tts/piper", JOE, "needs-weights")
    assert "omnibind pull tts/piper/en_US-joe-medium" in str(one.problem)
    assert one.skipped == one.problem
    assert one.download_bytes == JOE_BYTES
    assert one.memory_bytes == round(JOE_BYTES * 1.15) + 200_000_000 + JOE_BYTES
    assert one.memory_basis == "estimated: 63 MB of weights, with their engine and a call"
    assert (one.license, one.cost) == ("CC0-1.0", Cost(0.0, "free"))


def test_a_named_voice_is_what_would_be_fetched() -> None:
    one = Client(tts="piper").plan("tts", "hi", "en_GB-alba-medium").candidates[0]
    assert (one.model, one.state, one.license) == (
        "en_GB-alba-medium",
        "needs-weights",
        "CC-BY-4.0",
    )
    assert one.download_bytes == 63201294 + 4888


def test_only_what_is_not_here_yet_is_counted(root: Path, home: Path) -> None:
    client = Client(tts="absent")
    folder = home / "models" / "tts" / "absent" / "small"
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"abc")
    one = client.plan("tts", "hi").candidates[0]
    assert (one.state, one.download_bytes) == ("needs-weights", 40)
    assert one.memory_bytes == 43 + round(43 * 1.15) + 500_000_000
    (folder / "a.bin").write_bytes(b"abcd")
    assert client.plan("tts", "hi").candidates[0].download_bytes == 43
    (folder / "a.bin").write_bytes(b"abc")
    (folder / "b.pt").write_bytes(b"x" * 40)
    assert client.plan("tts", "hi").candidates[0].download_bytes == 0


def test_what_nobody_published_is_unknown_and_never_0() -> None:
    one = Client(tts="piper/de_DE-thorsten-medium").plan("tts", "hi").candidates[0]
    assert (one.download_bytes, one.memory_bytes) == (None, None)
    assert one.seconds is None
    assert "unknown" in str(Client(tts="piper/de_DE-thorsten-medium").plan("tts", "hi"))


@pytest.mark.parametrize(
    ("modality", "subject", "name"),
    [("tts", "hi", "piper/nobody"), ("stt", FOX, "faster_whisper/some/repository")],
)
def test_the_size_of_a_model_that_is_not_listed_is_unknown(
    root: Path, modality: str, subject: Any, name: str
) -> None:
    given: Any = {modality: name}
    plan = Client(**given).plan(modality, subject)
    one = plan.candidates[0]
    assert (one.state, one.download_bytes, one.memory_bytes) == ("needs-weights", None, None)
    assert plan.chosen is None
    assert server_of(Client(**given), modality, subject) is None


def test_an_unready_candidate_still_shows_what_it_would_take(root: Path) -> None:
    one, other = Client(tts=["keyless", "broken"]).plan("tts", "x" * 100).candidates
    assert (one.state, one.cost, one.license) == ("needs-key", Cost(0.05, "estimated"), "MIT")
    assert (one.download_bytes, one.memory_bytes) == (0, 0)
    assert "NO_SUCH_KEY" in str(one.problem)
    assert (other.state, other.model, other.memory_bytes) == ("broken", None, None)


def test_each_candidate_is_judged_with_the_whole_budget(
    root: Path, write_binding: BindingWriter
) -> None:
    write_binding("dear", manifest=REMOTE, models=PRICED)
    plan = Client(tts=["priced", "dear"], budget_usd=0.006).plan("tts", "Twelve chars")
    assert [one.skipped for one in plan.candidates] == [None, None]


def test_an_unknown_price_is_told_as_unknown(root: Path) -> None:
    plan = Client(tts="unpriced").plan("tts", "hi")
    assert plan.candidates[0].cost == Cost(None, "unknown")
    assert "unknown" in str(plan)


def test_seconds_are_of_this_machines_own_record(root: Path) -> None:
    client = Client(tts="mock", tti="mock", stt="mock", ttm="mock", sfx="mock")
    assert client.plan("tts", "x" * 50).candidates[0].seconds is None
    usage.note("tts/mock", "alto", 0.5, 10)  # 20 characters a second
    usage.note("tti/mock", None, 2.0, 1)
    usage.note("stt/mock", "base", 1.0, 10)
    usage.note("ttm/mock", "tune", 1.0, 2)
    usage.note("sfx/mock", "knock", 1.0, 10)
    assert client.plan("tts", "x" * 50).candidates[0].seconds == pytest.approx(2.5)
    assert client.plan("tts", "x" * 50, "bass").candidates[0].seconds is None  # another model
    assert client.plan("tti", "a fox").candidates[0].seconds == pytest.approx(2)
    assert client.plan("tti", "a fox", n=3).candidates[0].seconds == pytest.approx(6)
    heard_s = Source.of(FOX).duration_s
    assert client.plan("stt", FOX).candidates[0].seconds == pytest.approx(heard_s / 10)
    assert client.plan("ttm", "a tune", duration_s=8).candidates[0].seconds == pytest.approx(4)
    default = client.ttm.schema.option("duration_s")
    assert default is not None
    said = client.plan("ttm", "a tune").candidates[0].seconds
    assert said == pytest.approx(default.default / 2)
    assert client.plan("sfx", "a dog barks", 5).candidates[0].seconds == pytest.approx(0.5)
    assert client.plan("sfx", "a dog barks").candidates[0].seconds is None  # its length is open


def test_several_pictures_cost_their_number(root: Path, write_binding: BindingWriter) -> None:
    code = CODE.replace("TTSBinding", "TTIBinding").replace("generate_audio", "generate_image")
    price = "small:\n  price: {usd: 0.04, per: image}\n"
    write_binding("draws", modality="tti", manifest=REMOTE, code=code, models=price)
    client = Client(tti="draws", budget_usd=0.1)
    plan = client.plan("tti", "a fox", n=2)
    assert (plan.verb, plan.candidates[0].cost) == ("generate_images", Cost(0.08, "estimated"))
    assert client.plan("tti", "a fox", n=3).chosen is None
    assert plan.chosen is plan.candidates[0]
    with pytest.raises(BadOption, match="whole number above 0"):
        client.plan("tti", "a fox", n=0)


def test_a_loaded_engine_needs_no_more_memory() -> None:
    client = Client(tts="piper")
    before = client.plan("tts", "hi").candidates[0]
    assert before.download_bytes == 0
    assert before.memory_bytes is not None
    assert before.memory_bytes > 30_000_000
    assert before.memory_basis.startswith(("measured on", "estimated: 63 MB of weights"))
    with client:
        client.load()
        loaded = client.plan("tts", "hi").candidates[0]
    assert (loaded.memory_bytes, loaded.memory_basis) == (0, "its engine is loaded already")


def test_the_policy_and_the_licence_are_told(root: Path) -> None:
    client = Client(tts=["unpriced", "mock"], policy={"commercial": True})
    one, other = client.plan("tts", "hi").candidates
    assert (one.license, one.license_allows) == ("CC-BY-NC-4.0", False)
    assert "forbids commercial use" in str(one.skipped)
    assert other.license_allows
    assert Client(tts="unpriced").plan("tts", "hi").candidates[0].license_allows


def test_free_memory_is_what_the_system_tells() -> None:
    free = memory.free_bytes()
    assert Client(tts="mock").plan("tts", "hi").candidates[0].memory_free_bytes is not None
    if not Path("/proc/meminfo").exists():
        pytest.skip("doesn't apply: this system has no /proc/meminfo")
    assert free is not None
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    told = int(lines["MemAvailable"].split()[0]) * 1024
    assert free == pytest.approx(told, rel=0.015)


def test_a_plan_is_read_by_people_and_by_programs(root: Path) -> None:
    plan = Client(tts=["absent", "mock"]).plan("tts", "hi")
    head, absent, mock, *notes = str(plan).splitlines()
    assert head.split() == [
        *("binding", "state", "to", "fetch", "memory", "time", "price", "license")
    ]
    assert absent.split()[:4] == ["tts/absent/small", "needs-weights", "43", "B"]
    assert mock.startswith("→")
    assert notes[0] == f"tts/absent: {plan.candidates[0].skipped}"
    assert notes[1].startswith("memory free now: ")
    data = json.loads(json.dumps(plan.to_dict()))
    assert (data["chosen"], data["modality"]) == (1, "tts")
    assert data["candidates"][1]["cost"] == {"usd": 0.0, "basis": "free"}
    nobody = Client(tts="absent").plan("tts", "hi")
    assert str(nobody).splitlines()[-1] == nobody.reason
    assert nobody.to_dict()["chosen"] is None


# ── what can't be planned ──


def test_a_modality_that_is_not_there_is_told_with_near_ones() -> None:
    with pytest.raises(BadInput, match=r"modality 'tsx' is unknown; .*'tts'"):
        Client(tts="mock").plan("tsx", "hi")


def test_a_modality_without_a_binding_is_told_with_what_mends_it() -> None:
    with pytest.raises(SettingMissing, match=r"name one: Client\(tti=…\)"):
        Client(tts="mock").plan("tti", "hi")


@pytest.mark.parametrize("subject", [(), ("hi", None, "more")])
def test_arguments_that_the_verb_does_not_take_are_told(subject: tuple[Any, ...]) -> None:
    with pytest.raises(BadInput, match="generate_audio isn't called so"):
        Client(tts="mock").plan("tts", *subject)


def test_a_wrong_call_control_is_told_as_the_call_does() -> None:
    with pytest.raises(BadOption, match="budget_usd is -1"):
        Client(tts="mock").plan("tts", "hi", budget_usd=-1)


# ── it does nothing ──


def test_no_engine_is_imported_and_nothing_is_written(home: Path) -> None:
    code = (
        "import sys; from omnibind import Client\n"
        "client = Client(tts=['piper', 'mock'], stt=['faster_whisper', 'whisper', 'mock'])\n"
        f"plans = client.plan('tts', 'hi'), client.plan('stt', {str(FOX)!r})\n"
        "assert [plan.chosen.binding for plan in plans] == ['tts/mock', 'stt/mock']\n"
        "engines = {'piper', 'onnxruntime', 'torch', 'faster_whisper', 'whisper', 'ctranslate2'}\n"
        "assert not engines & set(sys.modules), engines & set(sys.modules)\n"
        "import threading; assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    assert not home.exists()


def test_the_code_of_a_folder_that_did_not_ship_is_not_run(
    root: Path, home: Path, tmp_path: Path, write_binding: BindingWriter
) -> None:
    seen = tmp_path / "seen"
    write_binding("spy", code=f"open({str(seen)!r}, 'w').close()\n" + CODE)
    client = Client(tts="spy")
    assert label_of(client.plan("tts", "hi", mood="wild")) == "tts/spy"
    assert not seen.exists()
    assert not (home / "probes").exists()
    assert not client.plan("tts", "hi", speed=1).candidates[0].options_known


def test_the_budget_is_left_as_it_is_and_nobody_is_told(root: Path) -> None:
    heard: list[Any] = []
    changed: list[Any] = []

    class Watched(Budget):
        def __setattr__(self, name: str, value: Any) -> None:
            changed.append(self)
            super().__setattr__(name, value)

    client = Client(tts=["absent", "priced"])
    client._settings.budget = budget = Watched(0.006)
    changed.clear()
    client.callbacks.on_request = client.callbacks.on_fallback = heard.append
    for _ in range(3):
        assert label_of(client.plan("tts", "Twelve chars")) == "tts/priced"
    assert changed
    assert not any(one is budget for one in changed)
    assert heard == client.costs() == []


def test_an_open_file_is_not_used_up_and_an_address_not_fetched() -> None:
    client = Client(stt="mock")
    file = io.BytesIO(FOX.read_bytes())
    assert label_of(client.plan("stt", file)) == "stt/mock"
    assert file.tell() == 0
    nowhere = Source.url("http://127.0.0.1:9/nothing.wav")
    assert label_of(client.plan("stt", nowhere)) == "stt/mock"
    missing = client.plan("stt", "no such file.wav")
    assert "there is no file" in str(missing.reason)


def test_the_asyncio_client_tells_the_same(root: Path) -> None:
    async def planned() -> list[Plan]:
        client = AsyncClient(tts=["absent", "mock"])
        return list(await asyncio.gather(*(client.plan("tts", "hi") for _ in range(50))))

    plan = Client(tts=["absent", "mock"]).plan("tts", "hi")
    for one in asyncio.run(planned()):
        assert label_of(one) == "tts/mock"
        assert one.candidates[0]._replace(memory_free_bytes=0) == plan.candidates[0]._replace(
            memory_free_bytes=0
        )

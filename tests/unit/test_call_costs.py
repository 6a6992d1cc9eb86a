from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import BindingWriter
from tests.service import CODE, MANIFEST, MODELS, Answer, Service

from omnibind import Client
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    BadOutput,
    BudgetExceeded,
    ConsentMissing,
    LicenceForbids,
    QuotaExceeded,
    UnknownVoice,
)
from omnibind.weights import usage

CLONES = '''
"""A voice that speaks like a recording."""

from pathlib import Path

import numpy as np

from omnibind import Audio, AudioInput, TTSBinding


class Clones(TTSBinding):
    """Speaks a tone, whoever it is given."""

    def __init__(
        self,
        *,
        default_speaker_wav: Path | None = None,
        reference: AudioInput | None = None,
        models_dir: Path | None = None,
    ) -> None:
        pass

    def generate_audio(
        self, text: str, voice: str | None = None, *, speaker: AudioInput | None = None
    ) -> Audio:
        return Audio.from_array((np.sin(np.arange(9000) * 0.1) * 9000).astype(np.int16), 8000)

    def list_voices(self) -> list[str]:
        return ["anna.wav", "ben"]
'''
CLONES_MANIFEST = """\
schema: 1
summary: A voice that speaks like a recording.
kind: local
entry: Clones
license: {code: MIT, weights: MIT}
capabilities: {clone: true}
"""


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def draws(home: Path, write_binding: BindingWriter, service: Service) -> dict[str, Any]:
    """The configuration of a remote binding."""
    write_binding(
        "draws",
        root=home / "bindings",
        modality="tti",
        manifest=MANIFEST,
        code=CODE,
        models=MODELS,
    )
    return {"binding": "draws", "url": service.url}


@pytest.fixture
def clones(home: Path, write_binding: BindingWriter) -> str:
    """The name of a binding that clones voices."""
    write_binding("clones", root=home / "bindings", manifest=CLONES_MANIFEST, code=CLONES)
    return "clones"


# ── what calls cost ──


def test_an_engine_here_is_free_and_counted_by_label(home: Path) -> None:
    client = Client(tts="mock", label="chat 1")
    speech = client.tts.generate_audio("hello")
    client.tts.generate_audio("hello", label="chat 2")
    assert (speech.meta.cost_usd, speech.meta.cost_basis) == (0.0, "free")
    assert [(row.binding, row.label, row.calls) for row in client.costs()] == [
        ("tts/mock", "chat 1", 1),
        ("tts/mock", "chat 2", 1),
    ]
    assert client.total_cost().calls == 2


def test_a_price_is_an_estimate_until_the_service_says(draws: Any, service: Service) -> None:
    client = Client(tti={**draws, "model": "small"})
    service.answers = [Answer(), Answer(headers={"x-cost": "0.02"})]
    first, second = (client.tti.generate_image("a cat") for _ in range(2))
    assert (first.meta.cost_usd, first.meta.cost_basis) == (0.01, "estimated")
    assert (second.meta.cost_usd, second.meta.cost_basis) == (0.02, "reported")
    (row,) = client.costs()
    assert (row.model, row.calls, row.usd, row.estimated) == ("small", 2, 0.03, 0.01)


def test_a_cost_that_nobody_tells_is_none(draws: Any) -> None:
    client = Client(tti={**draws, "model": "gift"})
    image = client.tti.generate_image("a cat")
    assert (image.meta.cost_usd, image.meta.cost_basis) == (None, "unknown")
    assert client.costs()[0].unknown == 1


# ── budgets ──


def test_the_call_that_would_pass_the_clients_budget_isnt_sent(
    draws: Any, service: Service
) -> None:
    client = Client(tti=draws, budget_usd=0.1)
    for _ in range(2):
        client.tti.generate_image("a cat")
    with pytest.raises(BudgetExceeded, match=r"\$0\.08 was spent.*budget is \$0\.10"):
        client.tti.generate_image("a cat")
    assert len(service.asked) == 2


def test_a_call_may_have_a_budget_of_its_own(draws: Any, service: Service) -> None:
    client = Client(tti=draws)
    with pytest.raises(BudgetExceeded):
        client.tti.generate_image("a cat", budget_usd=0.03)
    assert service.asked == []
    assert client.tti.generate_image("a cat", budget_usd=0.04).meta.cost_usd == 0.04


def test_a_budget_holds_all_pictures_of_a_call(draws: Any, service: Service) -> None:
    client = Client(tti=draws)
    with pytest.raises(BudgetExceeded):
        client.tti.generate_images("a cat", 3, budget_usd=0.1)
    assert len(service.asked) == 2
    with pytest.raises(BudgetExceeded):
        client.tti.generate_image_batch(["a cat"] * 3, budget_usd=0.1)
    assert len(service.asked) == 4


def test_an_unknown_price_is_refused_under_a_budget_unless_allowed(
    draws: Any, service: Service
) -> None:
    gift = {**draws, "model": "gift"}
    with pytest.raises(BudgetExceeded, match="price isn't known"):
        Client(tti=gift, budget_usd=1).tti.generate_image("a cat")
    assert service.asked == []
    Client(tti=gift, budget_usd=1).tti.generate_image("a cat", allow_unknown_cost=True)
    Client(tti=gift, budget_usd=1, allow_unknown_cost=True).tti.generate_image("a cat")
    Client(tti=gift, allow_unknown_cost=True).tti.generate_image("a cat", budget_usd=1)
    assert len(service.asked) == 3


def test_fifty_threads_at_once_cant_pass_the_budget(draws: Any, service: Service) -> None:
    client, refused = Client(tti=draws, budget_usd=0.4), []
    together = threading.Barrier(50)

    def work() -> None:
        together.wait()
        try:
            client.tti.generate_image("a cat")
        except BudgetExceeded as error:
            refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(service.asked) == 10
    assert len(refused) == 40
    assert client.total_cost().usd == pytest.approx(0.4)


def test_what_a_broken_connection_set_aside_is_given_back(draws: Any, service: Service) -> None:
    client = Client(tti=draws, budget_usd=0.04)
    service.answers = [Answer(402), Answer()]
    with pytest.raises(QuotaExceeded):
        client.tti.generate_image("a cat")
    assert client.tti.generate_image("a cat").meta.cost_usd == 0.04


def test_a_budget_isnt_passed_by_falling_back(draws: Any, service: Service) -> None:
    client = Client(tti=[draws, {**draws, "model": "small"}], budget_usd=0.04)
    service.answers = [Answer(402), Answer()]
    assert client.tti.generate_image("a cat").meta.model == "small"
    service.answers = [Answer(402), Answer()]
    with pytest.raises(BudgetExceeded):
        client.tti.generate_image("a cat")


def test_a_charged_failure_is_followed_by_a_free_binding_alone(
    draws: Any, service: Service
) -> None:
    client = Client(tti=[draws, {**draws, "model": "small"}, "mock"])
    service.answers = [Answer(headers={"x-cost": "0.04"}, body=b"half a pict"), Answer()]
    image = client.tti.generate_image("a cat", width=64)
    assert len(service.asked) == 1
    assert image.meta.binding == "tti/mock"
    assert image.meta.cost_usd == 0.04
    client = Client(tti=[draws, {**draws, "model": "small"}])
    service.answers = [Answer(headers={"x-cost": "0.04"}, body=b"half a pict"), Answer()]
    with pytest.raises(BadOutput):
        client.tti.generate_image("a cat")
    assert service.prompts == ["a cat"] * 2


# ── licences ──


def test_commercial_use_refuses_a_voice_by_its_own_licence() -> None:
    client = Client(tts="piper", policy={"commercial": True})
    assert client.tts.generate_audio("Hello there.").meta.license == "CC0-1.0"
    with pytest.raises(LicenceForbids, match=r"en_US-lessac-medium.*Blizzard") as caught:
        client.tts.generate_audio("Hello there.", "en_US-lessac-medium")
    assert "en_US-joe-medium" in str(caught.value)


def test_commercial_use_refuses_a_voice_that_isnt_in_the_catalogue(tmp_path: Path) -> None:
    client = Client(tts="piper", policy={"commercial": True})
    with pytest.raises(LicenceForbids, match="per voice"):
        client.tts.generate_audio("Hello there.", str(tmp_path / "own.onnx"))


def test_the_next_binding_serves_where_a_licence_forbids(draws: Any, service: Service) -> None:
    client = Client(tti=[draws, "mock"], policy={"commercial": True})
    image = client.tti.generate_image("a cat", width=64)
    assert image.meta.served_by == "tti/mock"
    assert service.asked == []
    assert "service terms" in image.meta.warnings[0]


# ── consent ──


@pytest.mark.parametrize("given", [{"voice": "her.wav"}, {"speaker": b"RIFF"}])
def test_cloning_needs_consent_in_the_call_or_the_configuration(clones: str, given: Any) -> None:
    client = Client(tts=clones)
    with pytest.raises(ConsentMissing, match="consent=True"):
        client.tts.generate_audio("Hello.", **given)
    assert client.tts.generate_audio("Hello.", consent=True, **given)
    consenting = Client(tts={"binding": clones, "consent": True})
    assert consenting.tts.generate_audio("Hello.", **given)
    with pytest.raises(ConsentMissing):
        consenting.tts.generate_audio("Hello.", consent=False, **given)


def test_the_bindings_own_voices_need_none(clones: str) -> None:
    client = Client(tts=clones)
    assert client.tts.generate_audio("Hello.")
    assert client.tts.generate_audio("Hello.", "anna.wav")
    assert client.tts.generate_audio("Hello.", "ben")


@pytest.mark.parametrize("name", ["default_speaker_wav", "reference"])
def test_a_recording_in_the_configuration_needs_consent_too(clones: str, name: str) -> None:
    client = Client(tts={"binding": clones, name: "her.wav"})
    with pytest.raises(ConsentMissing):
        client.tts.generate_audio("Hello.")
    assert client.tts.generate_audio("Hello.", consent=True)
    assert client.tts.generate_audio("Hello.", "ben"), "it isn't she who speaks"


def test_a_folder_in_the_configuration_is_no_recording(clones: str, tmp_path: Path) -> None:
    client = Client(tts={"binding": clones, "models_dir": tmp_path})
    assert client.tts.generate_audio("Hello.")


def test_a_configuration_file_may_give_consent(clones: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("tts: {binding: clones, config: {default_speaker_wav: her.wav}}\n")
    with pytest.raises(ConsentMissing):
        Client.from_config(path).tts.generate_audio("Hello.")
    path.write_text(
        "tts: {binding: clones, consent: true, config: {default_speaker_wav: her.wav}}\n"
    )
    assert Client.from_config(path).tts.generate_audio("Hello.")


def test_consent_is_a_bool_wherever_it_is_said(clones: str) -> None:
    with pytest.raises(BadConfig):
        Client(tts={"binding": clones, "consent": 1})
    with pytest.raises(BadOption, match="give True"):
        Client(tts=clones).tts.generate_audio("Hello.", consent="yes")


# ── the record of use, and recipes ──


def test_each_served_call_is_recorded_once_with_its_units(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[tuple[Any, ...]] = []
    monkeypatch.setattr(usage, "note", lambda *facts: noted.append(facts))
    client = Client.from_config("mock")
    speech = client.tts.generate_audio("one two three")
    heard = client.stt.transcribe_audio(speech)
    client.tti.generate_image("a cat")
    client.tti.generate_image_batch(["a cat", "a dog"])
    client.ttm.generate_music("a waltz", duration_s=2.0)
    client.sfx.generate_sound("a dog barks")
    list(client.tts.stream_audio("One two three. Four five six."))
    told = [(label, model, units) for label, model, seconds, units in noted]
    assert told == [
        ("tts/mock", "alto", 13),
        ("stt/mock", heard.meta.model, heard.duration_s),
        ("tti/mock", None, 1.0),
        ("tti/mock", None, 1.0),
        ("tti/mock", None, 1.0),
        ("ttm/mock", "tune", 2.0),
        ("sfx/mock", "knock", 1.5),
        ("tts/mock", "alto", 29),
    ]
    assert all(seconds > 0 for _, _, seconds, _ in noted)


def test_a_call_that_failed_isnt_recorded_as_use(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Any] = []
    monkeypatch.setattr(usage, "note", lambda *facts: noted.append(facts))
    with pytest.raises(UnknownVoice):
        Client(tts="mock").tts.generate_audio("hello", "nobody")
    assert noted == []


def test_the_recipe_tells_the_files_of_the_model_unless_it_isnt_wanted() -> None:
    client = Client(tts="piper")
    recipe = client.tts.generate_audio("Hello there.", speed=1.5).recipe
    assert recipe is not None
    assert (recipe.binding, recipe.model) == ("tts/piper", "en_US-joe-medium")
    assert recipe.model_sha256 is not None
    assert len(recipe.model_sha256) == 64
    assert recipe.subject == {"text": "Hello there."}
    assert recipe.options == {"speed": 1.5}
    assert client.tts.generate_audio("Hello there.", recipe=False).recipe is None
    assert Client(tts="piper", recipe=False).tts.generate_audio("Hello there.").recipe is None

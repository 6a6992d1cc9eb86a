from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibind.calls.policy import (
    LICENCES,
    UNLISTED,
    Policy,
    check_consent,
    consent_needed,
    consent_of,
    licence_of,
    recording_options,
)
from omnibind.contracts.errors import BadConfig, BadOption, ConsentMissing, LicenceForbids
from omnibind.contracts.media import Audio, AudioInput, ImageInput, Source
from omnibind.contracts.options import schema_of
from omnibind.discovery.manifest import read_manifest
from omnibind.weights.catalogue import read_models

ROOT = Path(__file__).resolve().parents[2]
WORDS = {"yes": True, "no": False, "can't be told": None}
COMMERCIAL = Policy(commercial=True)
TONE = Audio.from_array(np.sin(np.arange(800) * 0.1).astype(np.float32), 8000)


def shipped_licences() -> set[str]:
    """Every licence of weights in the shipped manifests and catalogues."""
    found = set()
    for path in (ROOT / "bindings").glob("*/*/binding.yaml"):
        found.add(read_manifest(path.parent).license.weights)
        found |= {model.license or "" for model in read_models(path.parent).values()}
    return found


# ── licences ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        *("CC0-1.0", "MIT", "mit", "MIT License", "Apache-2.0", "apache 2.0", "BSD-3-Clause"),
        *(
            "CC-BY-4.0",
            "CC-BY-SA-3.0-US",
            "CC BY 4.0",
            "GPL-3.0-or-later",
            "GPL-2.0+",
            "public domain",
        ),
        *("openrail", "OpenRAIL++", "CreativeML-OpenRAIL-M", "CreativeML Open RAIL++-M License"),
        *("bigscience-bloom-rail-1.0", "BSL-1.0", "none"),
        *(
            "CC-BY-4.0 AND Apache-2.0",
            "CC-BY-NC-4.0 OR MIT",
            "(MIT OR Foo-1.0) AND CC0-1.0",
            "(MIT)",
        ),
        *("GPL-3.0-or-later AND MIT", "Apache-2.0 WITH LLVM-exception", "mit and apache-2.0"),
    ],
)
def test_these_licences_allow_commercial_use(text: str) -> None:
    assert licence_of(text).commercial is True
    COMMERCIAL.check("tts/piper", "joe", text)


@pytest.mark.parametrize(
    "text",
    [
        *("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-3.0-IGO", "CPML", "BUSL-1.1"),
        *("Coqui Public Model License", "Blizzard Challenge 2013 (research only)"),
        *("FLUX.1 [dev] Non-Commercial License", "flux-1-dev-non-commercial-license"),
        *(
            "PolyForm-Noncommercial-1.0.0",
            "for research purposes only",
            "Fish Audio Research License",
        ),
        *("CC-BY-NC-4.0 AND MIT", "MIT AND (CC-BY-NC-4.0 OR CPML)", "( CC-BY-NC-4.0 )"),
        "non-commercial use only, or MIT with purchase",
    ],
)
def test_these_licences_forbid_commercial_use(text: str) -> None:
    assert licence_of(text).commercial is False
    with pytest.raises(LicenceForbids, match="forbids commercial use"):
        COMMERCIAL.check("tts/piper", "joe", text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            None,
            "",
            "  ",
            "per voice",
            "proprietary",
            "other",
            "unknown",
            "Foo-1.0",
            "MIT AND Foo-1.0",
        ),
        *("Stability AI Community License", "llama3.1", "free for everything", "BSL-1.1"),
        *(
            "Apache-2.0 WITH Commons-Clause",
            "CC-BY-4.0-NC",
            "not MIT or Apache-2.0",
            "Mirador MIT",
            "sandor MIT",
        ),
        *("MIT OR", "AND", "()", "((MIT", "MIT)", "MIT MIT", "MIT WITH", "(" * 5000),
    ],
)
def test_what_does_not_say_so_does_not_allow_commercial_use(text: str | None) -> None:
    assert licence_of(text).commercial is None
    with pytest.raises(LicenceForbids, match="isn't sure is refused"):
        COMMERCIAL.check("tts/piper", "joe", text)


@given(st.text(st.sampled_from("ab -()1."), max_size=20))
def test_words_that_are_not_in_the_table_never_allow(text: str) -> None:
    assert licence_of(text).commercial is not True


@given(
    st.recursive(
        st.sampled_from(["MIT", "CC0-1.0", "CC-BY-NC-4.0", "Foo-1.0"]),
        lambda part: st.tuples(part, st.sampled_from(["AND", "OR"]), part).map(
            lambda found: f"({found[0]} {found[1]} {found[2]})"
        ),
    )
)
def test_an_expression_is_judged_as_its_logic_says(text: str) -> None:
    # The same in Python's own grammar: the worst of AND's parts, the best of OR's.
    class Part(int):
        def __and__(self, other: int) -> Part:
            return Part(min(self, other))

        def __or__(self, other: int) -> Part:
            return Part(max(self, other))

    values = {"MIT": 2, "CC0_1_0": 2, "CC_BY_NC_4_0": 0, "Foo_1_0": 1}
    code = re.sub(r"[-.]", "_", text).replace("AND", "&").replace("OR", "|")
    expected = eval(code, {name: Part(value) for name, value in values.items()})
    assert licence_of(text).commercial is {2: True, 1: None, 0: False}[int(expected)]


def test_every_licence_that_ships_is_classified_and_documented() -> None:
    shipped = shipped_licences() - {""}  # of one model nobody tells it
    assert {"MIT", "none", "per voice", "CC-BY-NC-SA-4.0", "public domain"} <= shipped
    assert [text for text in shipped if licence_of(text).why == UNLISTED] == []
    text = (ROOT / "docs" / "policy.md").read_text()
    table = text.partition("shipped manifests and catalogues say")[2].partition("##")[0]
    rows = re.findall(r"^\| (.+?) \| (yes|no|can't be told) \|$", table, re.M)
    assert {name: WORDS[word] for name, word in rows} == {
        name: licence_of(name).commercial for name in shipped
    }


def test_the_documented_table_of_licences_is_the_one_that_is_used() -> None:
    text = (ROOT / "docs" / "policy.md").read_text()
    documented = {}
    for word, why, names in re.findall(
        r"^\| (yes|no|can't be told) \| (.+?) \| (`.+) \|$", text, re.M
    ):
        for name in re.findall(r"`(.+?)`", names):
            documented[name] = (WORDS[word], why)
    assert documented == dict(LICENCES)


# ── the policy ───────────────────────────────────────────────────────────────────────────────


def test_without_a_commercial_use_every_licence_will_do() -> None:
    for text in ("CPML", None, "MIT"):
        Policy().check("tts/piper", "joe", text)
        assert Policy.of({}).allows(text)


def test_a_refusal_names_binding_model_licence_and_what_to_choose_instead() -> None:
    with pytest.raises(LicenceForbids) as caught:
        COMMERCIAL.check("tts/piper", "semaine", "CC-BY-NC-SA-4.0", instead={"joe", "amy"})
    told = str(caught.value)
    for part in ("'semaine' of tts/piper", "'CC-BY-NC-SA-4.0' forbids", "another model (amy, joe)"):
        assert part in told
    with pytest.raises(LicenceForbids, match=r"^tti/far can't .* weights isn't told"):
        COMMERCIAL.check("tti/far", None, None)


def test_a_policy_is_configured_by_a_mapping() -> None:
    assert Policy.of({"commercial": True}) == COMMERCIAL
    assert Policy.of({"commercial": False}) == Policy.of(None) == Policy()
    assert Policy.of(COMMERCIAL) is COMMERCIAL


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"comercial": True}, "policy has no 'comercial'; did you mean 'commercial'"),
        ({"commercial": 1}, "'commercial' is 1; give True or False"),
        ({"commercial": "yes"}, "give True or False"),
        ({"commercial": None}, "give True or False"),
        ({7: True}, "policy has no 7"),
        ("commercial", "give a mapping"),
        (True, "give a mapping"),
    ],
)
def test_a_wrong_policy_is_refused(given_: Any, told: str) -> None:
    with pytest.raises(BadConfig, match=re.escape(told)):
        Policy.of(given_)


# ── consent ──────────────────────────────────────────────────────────────────────────────────


def test_a_recording_in_any_spelling_needs_consent(tmp_path: Path) -> None:
    path = tmp_path / "anna"
    path.write_bytes(TONE)
    recordings: list[object] = [
        *(path, str(path), "anna.wav", "ANNA.MP3 ", "https://far.example/anna", TONE.data_uri()),
        *(TONE.base64(), TONE, bytes(TONE), bytearray(TONE), memoryview(TONE)),
        *(Source.file(path), (TONE.array(), 8000), io.BytesIO(TONE), [path, path]),
    ]
    for voice in recordings:
        assert consent_needed(True, voice), voice
        assert not consent_needed(False, voice), voice


def test_a_name_of_a_voice_needs_no_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for voice in (None, "anna", "v2/en_speaker_6", "54a5170264694bfc8e9ad98df7bd89c3", "a\0b"):
        assert not consent_needed(True, voice)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "anna").write_bytes(TONE)
    assert consent_needed(True, "anna")
    assert not consent_needed(True, "anna", known_voices=["anna"])
    assert not consent_needed(True, "builtin.wav", known_voices={"builtin.wav"})


def test_a_recording_given_as_an_option_needs_consent() -> None:
    def clone(
        self: object,
        text: str,
        *,
        sample: AudioInput | None = None,
        samples: list[AudioInput] | None = None,
        face: ImageInput | None = None,
        speed: float = 1.0,
    ) -> None: ...

    names = recording_options(schema_of(clone, ("text",), "tts/clone"))
    assert names == ("sample", "samples")
    assert consent_needed(True, "anna", ["anna"], recordings=[None, "anna.wav"])
    assert not consent_needed(True, "anna", ["anna"], recordings=[None, None])
    assert not consent_needed(False, None, recordings=["melody.wav"])


def test_consent_is_given_by_the_call_or_the_configuration() -> None:
    check_consent("tts/clone", True)
    check_consent("tts/clone", None, True)
    check_consent("tts/clone", True, False)
    for call, configuration in [(None, None), (False, None), (None, False), (False, True)]:
        with pytest.raises(ConsentMissing, match=r"tts/clone .* consent=True .* consent: true"):
            check_consent("tts/clone", call, configuration)


@pytest.mark.parametrize("word", [1, 0, "yes", "true", [True], np.bool_(True)])
def test_only_a_bool_is_consent(word: object) -> None:
    with pytest.raises(BadOption, match="permission"):
        check_consent("tts/clone", word)
    with pytest.raises(BadConfig, match="permission"):
        check_consent("tts/clone", True, word)
    with pytest.raises(BadOption):
        consent_of(word)

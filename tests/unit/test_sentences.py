"""A text is cut between its sentences and never inside what only looks like their end."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibind.calls.sentences import sentences

ENGLISH = [
    ["Dr. Smith went home.", "He slept."],
    ["Pi is about 3.14.", "It costs $3.14.", "OK?"],
    ["Take a tool, e.g. this one.", "It works."],
    ["The U.S. Army came.", "They left the U.K. at 5 p.m. on Jan. 5th."],
    ["J. R. R. Tolkien wrote it.", "I read it."],
    ["See https://example.com/a.b?c=d.e for more.", "Write to a.b@example.com.", "Thanks."],
    ["Well... I don't know.", "Maybe… not.", "Yes!"],
    ['He said "Go away. Now!" and left.', "She stayed."],
    ["“Hello there.”", "“Hi.”"],
    ["Version 2.0.1 is out!", "What?", "No way?!", "Good."],
    ["See p. 55, vol. 2, and approx. 38 more.", "Done."],
]
OTHERS = [
    ("de-AT", ["Dr. Müller kam z. B. am 3. Mai.", "Der 1. FC Köln siegte.", "Gut."]),
    ("fr-FR", ["M. Dupont est là.", "Le Dr. House dort.", "Bien."]),
    ("es_MX", ["La Sra. López vino.", "¿Qué tal?", "¡Bien!"]),
    ("ru", ["А. С. Пушкин писал и т. д. много.", "Конец."]),
    ("nl", ["Zij, d.w.z. hij, slaapt.", "Einde."]),
    ("hi", ["नमस्ते।", "आप कैसे हैं?"]),
    ("el", ["Γεια σας.", "Τι κάνετε;"]),
    ("xx-unknown", ["One is here.", "Two is there."]),
    (None, ["Eins ist hier.", "Zwei ist da."]),
]


@pytest.mark.parametrize("expected", ENGLISH, ids=lambda expected: expected[0])
def test_english_is_cut_between_sentences(expected: list[str]) -> None:
    assert sentences(" ".join(expected), "en-US") == expected


@pytest.mark.parametrize(("language", "expected"), OTHERS)
def test_other_languages_are_cut_by_their_own_rules(
    language: str | None, expected: list[str]
) -> None:
    assert sentences(" ".join(expected), language) == expected


@pytest.mark.parametrize("language", ["ja", "zh-Hant-TW", None])
def test_scripts_without_spaces_are_cut_at_their_own_marks(language: str | None) -> None:
    assert sentences("今日は。元気ですか？はい！", language) == [
        "今日は。",
        "元気ですか？",
        "はい！",
    ]


def test_a_paragraph_ends_a_sentence_and_a_line_does_not() -> None:
    text = "A heading without an end\n\nThe first\nline goes on. Good.\n\n"
    assert sentences(text) == ["A heading without an end", "The first\nline goes on.", "Good."]
    assert sentences("A book by M.\n\nDupont read it.") == ["A book by M.", "Dupont read it."]


def test_a_list_is_not_one_piece() -> None:
    assert sentences("1. Apples.\n2. Pears.\n3. Figs.") == ["1. Apples.", "2. Pears.", "3. Figs."]


def test_a_name_with_a_dot_inside_stays_whole() -> None:
    assert sentences("We use Node.Js and Example.Com/Path.Html here. Fine.") == [
        "We use Node.Js and Example.Com/Path.Html here.",
        "Fine.",
    ]


def test_what_cannot_be_spoken_joins_its_neighbour() -> None:
    assert sentences("***\n\nHello there. Bye.\n\n***") == ["***\n\nHello there.", "Bye.\n\n***"]
    assert sentences("...\n\nHello there.") == ["...\n\nHello there."]
    assert sentences("?!\n\n...") == ["?!\n\n..."]
    assert sentences("Nice. 🙂 Good.") == ["Nice.", "🙂 Good."]
    assert sentences(" \n ") == sentences("") == []


def test_a_sentence_that_is_too_long_is_cut_at_a_clause_else_at_a_space() -> None:
    clauses = "one two three four, five six seven eight, nine ten"
    assert sentences(clauses, max_characters=30) == [
        "one two three four,",
        "five six seven eight, nine ten",
    ]
    words = "one two three four five six seven"
    assert sentences(words, max_characters=15) == ["one two three", "four five six", "seven"]
    assert sentences("1,000,000,000 is 1:2", max_characters=15) == ["1,000,000,000", "is 1:2"]
    assert sentences("a" * 25, max_characters=10) == ["a" * 10, "a" * 10, "a" * 5]


def test_a_letter_keeps_its_accent_and_a_picture_its_parts() -> None:
    assert sentences("e\u0301" * 8, max_characters=7) == [
        "e\u0301" * 3,
        "e\u0301" * 3,
        "e\u0301" * 2,
    ]
    family = "👩\u200d👧"
    assert sentences(family * 4, max_characters=7) == [family * 2] * 2


def without_space(text: str) -> str:
    return "".join(text.split())


MARKS = list(" .!?…\n\"“”'()«»1ADr,;\u200b🙂。？\r\t\u0301")
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(MARKS)).map("".join))
TONGUES = st.sampled_from(["en", "de", "ja", "ar", "my", "am", "xx", None])


@given(TEXTS, TONGUES, st.integers(1, 40))
def test_no_word_is_lost(text: str, language: str | None, most: int) -> None:
    found = sentences(text, language, most)
    assert without_space("".join(found)) == without_space(text)
    assert all(piece and piece == piece.strip() for piece in found)
    says = [any(sign.isalnum() for sign in piece) for piece in found]
    assert all(says) or not text.isascii() or len(found) == 1


@given(st.text("abc ,.", max_size=400), st.integers(20, 60))
def test_no_piece_is_too_long(text: str, most: int) -> None:
    words = text.replace(".", "a. ").replace(",", "a, ")
    assert max(map(len, sentences(words, "en", most)), default=0) <= most


def test_the_longest_text_is_cut_in_milliseconds() -> None:
    sentences("Import the library.")
    for text in ("Dr. Smith said so. " * 1053, "word " * 4000, ".\n" * 10_000, "“" * 20_000):
        started = perf_counter()
        sentences(text[:20_000])
        assert perf_counter() - started < 1


def test_the_library_is_imported_at_the_first_use_and_gives_no_warning() -> None:
    code = (
        "import sys; from omnibind.calls.sentences import sentences; "
        "assert 'sentencex' not in sys.modules; print(sentences('One. Two.'))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['One.', 'Two.']"
    assert done.stderr == ""

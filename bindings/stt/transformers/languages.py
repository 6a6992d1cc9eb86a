"""How recognisers that know several languages are told one.

Source: transformers 5.23, the processors of Cohere ASR and Nemotron 3.5 ASR and
``SeamlessM4TForSpeechToText.generate``.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from omnibind.contracts.errors import BadOption, NotSupported, suggest

AUTO = "auto"
"""What finds out the language, among the languages of a processor."""

SIGN = re.compile(r"<([A-Za-z]{2,3}-[A-Z]{2})>")
"""What some that find out the language write after the words."""

_PAIRS = """
af:afr am:amh ar:arb as:asm az:azj be:bel bg:bul bn:ben bs:bos ca:cat cs:ces cy:cym da:dan
de:deu el:ell en:eng es:spa et:est eu:eus fa:pes fi:fin fr:fra ga:gle gl:glg gu:guj he:heb
hi:hin hr:hrv hu:hun hy:hye id:ind ig:ibo is:isl it:ita ja:jpn jv:jav ka:kat kk:kaz km:khm
kn:kan ko:kor ky:kir lg:lug lo:lao lt:lit lv:lvs mk:mkd ml:mal mn:khk mr:mar ms:zsm mt:mlt
my:mya nb:nob ne:npi nl:nld nn:nno no:nob ny:nya om:gaz or:ory pa:pan pl:pol ps:pbt pt:por
ro:ron ru:rus sd:snd sk:slk sl:slv sn:sna so:som sr:srp sv:swe sw:swh ta:tam te:tel tg:tgk
th:tha tl:tgl tr:tur uk:ukr ur:urd uz:uzn vi:vie yo:yor zh:cmn zu:zul
"""
SEAMLESS = {pair[:2]: pair[3:] for pair in _PAIRS.split()}
"""SeamlessM4T's own spelling of languages that have a shorter one."""


class Languages(NamedTuple):
    """What a recogniser can be told of the language.

    Attributes:
        spellings: By BCP 47 tag in lower case, the model's own spelling; empty where it isn't told.
        place: The option of the processor or of ``generate`` that takes it.
        is_needed: Whether it must be told.
        translates: Whether it can be told to write another language than it hears.
    """

    spellings: Mapping[str, str] = {}
    place: str = "language"
    is_needed: bool = False
    translates: bool = False

    @property
    def is_processors(self) -> bool:
        """Whether the processor takes it, and not ``generate``."""
        return bool(self.spellings) and self.place == "language"

    def told(self, name: str, wanted: str | None, task: str) -> dict[str, str]:
        """Return the option that tells a language; empty where none is told.

        Raises:
            BadOption: The model doesn't know the language, or must be told one.
        """
        spelling = None if wanted is None else self._spelling(name, wanted)
        if task == "translate":
            spelling = self.spellings["en"]
        if spelling is not None:
            return {self.place: spelling}
        if self.is_needed:
            raise BadOption(
                f"language isn't given, and {name!r} doesn't find it out; "
                f"{suggest('', self.spellings)}"
            )
        return {}

    def heard(self, text: str) -> tuple[str, str | None]:
        """Return a text without signs of languages, such as ``<en-US>``, and the last of them."""
        found = [sign for sign in SIGN.findall(text) if sign in self.spellings.values()]
        for sign in found:
            text = re.sub(rf"\s*<{sign}>", "", text)
        return text.strip(), found[-1] if found else None

    def _spelling(self, name: str, wanted: str) -> str:
        tag = wanted.lower().replace("_", "-")
        for one in (tag, tag.partition("-")[0]):
            if one in self.spellings:
                return self.spellings[one]
        hint = suggest(tag, self.spellings)
        raise BadOption(f"language {wanted!r} is unknown to {name!r}; {hint}")


def languages_of(model: Any, processor: Any) -> Languages:
    """Return what a recogniser can be told of the language."""
    settings = getattr(model, "generation_config", None)
    codes = getattr(settings, "text_decoder_lang_to_code_id", None)
    if codes is not None:
        known = {tag: code for tag, code in SEAMLESS.items() if code in codes}
        own = {code.lower(): code for code in codes}
        return Languages(own | known, "tgt_lang", is_needed=True, translates="eng" in codes)
    asked = inspect.signature(type(processor).__call__).parameters.get("language")
    if asked is None:
        return Languages()
    named = getattr(processor, "prompt_dictionary", None)
    if named is None:
        named = sys.modules[type(processor).__module__].LANGUAGES
    spellings = {one.lower(): one for one in named if one != AUTO}
    return Languages(_with_bare(spellings), is_needed=asked.default is inspect.Parameter.empty)


def check_writes_what_it_hears(name: str, tokenizer: Any) -> None:
    """Refuse a model that is told in which language to write, whatever it hears.

    Raises:
        NotSupported: It translates from its one language into those.
    """
    others = getattr(tokenizer, "lang_code_to_id", None)
    if others:
        raise NotSupported(
            f"{name!r} translates speech into {', '.join(sorted(others))}; stt/transformers writes "
            "down what is said; give a recogniser, for example openai/whisper-tiny"
        )


def _with_bare(spellings: Mapping[str, str]) -> dict[str, str]:
    """Return the spellings with those of languages that are known by one country alone."""
    bare = dict[str, str]()
    for tag, spelling in spellings.items():
        bare.setdefault(tag.partition("-")[0], spelling)
    return bare | dict(spellings)

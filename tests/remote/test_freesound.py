"""Freesound's sounds; no specification of the service exists, so our own fake judges alone."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import soundfile  # type: ignore[import-untyped]
from tests.remote.asking import KEY, ask, named
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.contracts.errors import (
    BadOption,
    BadReply,
    CallFailed,
    KeyMissing,
    KeyRefused,
    RateLimited,
    ServiceError,
    Unavailable,
)
from omnibind.remote import pace

TOKEN = "oauth-of-the-tests-0123456789"
PROMPT = "a dog barks"
PREVIEWS = {"mp3": ("mp3", "audio/mpeg"), "ogg": ("opus", "audio/ogg")}


def freesound(recorder: Recorder, **config: Any) -> dict[str, Any]:
    return named(recorder, "freesound", "/apiv2", **config)


def hit(recorder: Recorder, number: int, **facts: Any) -> dict[str, Any]:
    return {
        "id": 1000 + number,
        "name": f"Bark {number}.wav",
        "url": f"https://freesound.org/people/ann/sounds/{1000 + number}/",
        "username": "ann",
        "license": "http://creativecommons.org/licenses/by/4.0/",
        "duration": 1.2,
        "previews": {
            f"preview-hq-{kind}": f"{recorder.url}/previews/{1000 + number}-hq.{kind}"
            for kind in PREVIEWS
        },
        **facts,
    }


def serving(recorder: Recorder, *found: dict[str, Any]) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        if request.path == "/apiv2/search/":
            size = int(dict(request.query)["page_size"])
            return as_json({"count": len(found), "results": list(found)[:size]})
        if request.path.endswith("/download/"):
            return as_media(media("flac"), "audio/x-flac")
        kind, content_type = PREVIEWS[request.path.rpartition(".")[2]]
        return as_media(media(kind), content_type)

    return answer


def test_own_fake_the_best_hits_preview_comes_with_its_author_and_licence(
    recorder: Recorder,
) -> None:
    recorder.script = serving(recorder, hit(recorder, 1), hit(recorder, 2))
    told = ask(recorder, freesound(recorder), "sfx.generate_sound", PROMPT, verify=False)
    searched, fetched = told.requests
    assert dict(searched.query) == {
        "query": PROMPT,
        "fields": "id,name,url,username,license,duration,type,tags,previews",
        "page_size": "1",
    }
    assert searched.header("authorization") == f"Token {KEY}"
    assert (fetched.method, fetched.target) == ("GET", "/previews/1001-hq.mp3")
    assert told.result.media_type == "audio/mpeg"
    meta = told.result.meta
    assert meta.license == "CC-BY-4.0"
    assert meta.source_url == "https://freesound.org/people/ann/sounds/1001/"
    assert meta.raw is not None
    assert (meta.raw["id"], meta.raw["username"]) == (1001, "ann")
    assert meta.cost_usd is None


def test_own_fake_every_option_is_sent_as_the_search_has_it(recorder: Recorder) -> None:
    recorder.script = serving(recorder, *(hit(recorder, number) for number in range(1, 5)))
    told = ask(
        *(recorder, freesound(recorder), "sfx.generate_sound", PROMPT),
        duration_s=2,
        license="CC-BY-NC",
        sort="rating_desc",
        pick=3,
        output_format="ogg",
        extra={"group_by_pack": 1},
        verify=False,
    )
    searched, fetched = told.requests
    assert dict(searched.query) == {
        "query": PROMPT,
        "filter": 'license:"Attribution NonCommercial" duration:[1.5 TO 2.5]',
        "sort": "rating_desc",
        "fields": "id,name,url,username,license,duration,type,tags,previews",
        "page_size": "3",
        "group_by_pack": "1",
    }
    assert fetched.target == "/previews/1003-hq.ogg"
    assert told.result.media_type == "audio/opus"


@pytest.mark.parametrize(
    ("said", "short"),
    [
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/licenses/by-nc/3.0/", "CC-BY-NC-3.0"),
        ("http://creativecommons.org/licenses/sampling+/1.0/", None),
        ("Attribution", None),
    ],
)
def test_own_fake_a_licence_has_its_short_name_or_what_the_service_calls_it(
    recorder: Recorder, said: str, short: str | None
) -> None:
    recorder.script = serving(recorder, hit(recorder, 1, license=said))
    with Client(sfx=freesound(recorder)) as client:
        sound = client.sfx.generate_sound(PROMPT, verify=False)
    assert sound.meta.license == (short or said)


def test_own_fake_an_original_is_fetched_as_the_user_who_signed_in(recorder: Recorder) -> None:
    recorder.script = serving(recorder, hit(recorder, 1))
    spec = freesound(recorder, oauth_token=TOKEN)
    told = ask(recorder, spec, "sfx.generate_sound", PROMPT, original=True, verify=False)
    searched, fetched = told.requests
    assert searched.header("authorization") == f"Token {KEY}"
    assert fetched.target == "/apiv2/sounds/1001/download/"
    assert fetched.header("authorization") == f"Bearer {TOKEN}"
    assert told.result.media_type == "audio/flac"
    assert told.result.meta.license == "CC-BY-4.0"


def test_own_fake_an_original_may_be_an_aiff(recorder: Recorder) -> None:
    buffer = BytesIO()
    samples, rate = soundfile.read(BytesIO(media("wav")))
    soundfile.write(buffer, samples, rate, format="AIFF")
    recorder.script = lambda request: (
        as_media(buffer.getvalue(), "audio/x-aiff")
        if request.path.endswith("/download/")
        else as_json({"results": [hit(recorder, 1)]})
    )
    with Client(sfx=freesound(recorder, oauth_token=TOKEN)) as client:
        sound = client.sfx.generate_sound(PROMPT, original=True)
    assert (sound.media_type, sound.duration_s) == ("audio/aiff", 1.0)


def test_an_original_without_a_user_is_refused_before_anything_is_sent(recorder: Recorder) -> None:
    with (
        Client(sfx=freesound(recorder)) as client,
        pytest.raises(KeyMissing, match="only for a user who signed in; give oauth_token"),
    ):
        client.sfx.generate_sound(PROMPT, original=True)
    assert recorder.requests == []


def test_an_original_has_no_other_encoding(recorder: Recorder) -> None:
    with (
        Client(sfx=freesound(recorder, oauth_token=TOKEN)) as client,
        pytest.raises(BadOption, match="leave output_format out"),
    ):
        client.sfx.generate_sound(PROMPT, original=True, output_format="ogg")
    assert recorder.requests == []


def test_own_fake_a_refused_users_token_is_told_without_showing_it(recorder: Recorder) -> None:
    def answer(request: Request) -> Answer:
        if request.path.endswith("/download/"):
            return as_json({"detail": f"Token {TOKEN} has expired."}, 401)
        return as_json({"results": [hit(recorder, 1)]})

    recorder.script = answer
    with (
        Client(sfx=freesound(recorder, oauth_token=TOKEN)) as client,
        pytest.raises(KeyRefused, match="has expired") as caught,
    ):
        client.sfx.generate_sound(PROMPT, original=True)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "finds no sound for 'a dog barks'; use fewer words$"),
        ({"license": "CC0"}, "use fewer words, or leave duration_s and license out"),
    ],
)
def test_own_fake_no_hit_says_what_to_change(
    recorder: Recorder, options: dict[str, Any], told: str
) -> None:
    recorder.script = serving(recorder)
    with Client(sfx=freesound(recorder)) as client, pytest.raises(CallFailed, match=told):
        client.sfx.generate_sound(PROMPT, **options)
    assert len(recorder.requests) == 1, "an answer is an answer: it isn't asked again"


def test_own_fake_a_pick_beyond_the_hits_says_how_many_there_are(recorder: Recorder) -> None:
    recorder.script = serving(recorder, hit(recorder, 1), hit(recorder, 2))
    with Client(sfx=freesound(recorder)) as client, pytest.raises(CallFailed, match="only 2 for"):
        client.sfx.generate_sound(PROMPT, pick=7)


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (401, "Invalid token", KeyRefused),
        (429, "Request was throttled. Expected available in 34 seconds", RateLimited),
        (400, "Invalid filter", ServiceError),
    ],
)
def test_own_fake_the_services_words_are_told(
    recorder: Recorder, status: int, said: str, error: type[Exception]
) -> None:
    recorder.script = [as_json({"detail": f"{said}."}, status)]
    with Client(sfx=freesound(recorder)) as client, pytest.raises(error, match=said):
        client.sfx.generate_sound(PROMPT, timeout_s=0.2)


@pytest.mark.parametrize(
    "found",
    [{"results": [{"id": 1}]}, {"results": [{"previews": {}, "id": 1}]}, {}],
    ids=["no previews", "empty previews", "no results"],
)
def test_own_fake_a_reply_without_what_is_needed_is_a_bad_reply(
    recorder: Recorder, found: dict[str, Any]
) -> None:
    recorder.script = [as_json(found)]
    with Client(sfx=freesound(recorder)) as client, pytest.raises(BadReply, match="reply has no"):
        client.sfx.generate_sound(PROMPT, timeout_s=0.2)


def test_a_preview_elsewhere_must_be_public(recorder: Recorder) -> None:
    inside = {"preview-hq-mp3": "http://10.0.0.1/1-hq.mp3"}
    recorder.script = serving(recorder, hit(recorder, 1, previews=inside))
    with Client(sfx=freesound(recorder)) as client, pytest.raises(BadReply):
        client.sfx.generate_sound(PROMPT)


def test_the_documented_rates_are_kept(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def counted(rates: Any, key: Any) -> float:
        asked.append(rates)
        return 0.0

    monkeypatch.setattr(pace, "wait_s", counted)
    recorder.script = serving(recorder, hit(recorder, 1))
    with Client(sfx=freesound(recorder, oauth_token=TOKEN)) as client:
        client.sfx.generate_sound(PROMPT, original=True, verify=False)
        assert client.sfx.list_models() == []
    assert asked == [(pace.Rate(60, 60.0), pace.Rate(2000, 86_400.0))] * 2


def test_an_address_without_a_server_says_what_to_do() -> None:
    spec = {"binding": "freesound", "api_key": KEY, "base_url": "http://127.0.0.1:9"}
    with (
        Client(sfx=spec) as client,
        pytest.raises(Unavailable, match=r"can't be reached.*check the address"),
    ):
        client.sfx.generate_sound(PROMPT, timeout_s=0.2)

"""What goes wrong between us and a service, and what a caller is told of it: all own_fake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.remote.asking import named
from tests.remote.real_media import media
from tests.remote.recorder import (
    Answer,
    HangUp,
    Recorder,
    Request,
    as_json,
    as_media,
    broken_chunks,
    dripping,
    endless,
    redirect,
    truncated,
)

from omnibind import AsyncClient, Client
from omnibind.calls import retry
from omnibind.contracts.errors import (
    BadOutput,
    BadReply,
    CallFailed,
    ContentRefused,
    DeadlineExceeded,
    OmnibindError,
    RateLimited,
    ServiceError,
    Unavailable,
)

TEXT = "Ruby is a programming language designed for developer happiness."
SOUND = media("mp3")
FINE = as_media(SOUND, "audio/mpeg")

Speak = Callable[..., Any]


def blocking(recorder: Recorder, modality: str, verb: str, *subject: Any, **options: Any) -> Any:
    served: dict[str, Any] = {modality: named(recorder, "openai", "/v1")}
    with Client(**served) as client:
        return getattr(getattr(client, modality), verb)(*subject, verify=False, **options)


def on_loop(recorder: Recorder, modality: str, verb: str, *subject: Any, **options: Any) -> Any:
    async def called() -> Any:
        served: dict[str, Any] = {modality: named(recorder, "openai", "/v1")}
        async with AsyncClient(**served) as client:
            return await getattr(getattr(client, modality), verb)(*subject, verify=False, **options)

    return asyncio.run(called())


both = pytest.mark.parametrize("ask", [blocking, on_loop])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once; what is waited for is told by the services' own headers."""
    pace = retry.Retry(base_s=0.001)
    monkeypatch.setattr(retry, "REMOTE", pace)


def script(recorder: Recorder, *answers: Answer | type[HangUp]) -> None:
    """Give these answers, one after another; the last one stays."""
    left: list[Answer | type[HangUp]] = list(answers)

    def answered(_: Request) -> Answer:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Answer):
            return answer
        raise answer

    recorder.script = answered


@both
@pytest.mark.parametrize(
    "answers",
    [
        [as_json({"error": {"message": "slow down"}}, 429)],
        [as_json({"error": {"message": "slow down"}}, 429, {"retry-after": "0.01"})],
        [as_json({}, 429, {"retry-after-ms": "10"}), Answer(503), FINE],
        [Answer(500, {}, b"<html><title>Oops</title></html>")],
        [Answer(502, {}, b"bad gateway")],
        [HangUp],
    ],
    ids=["429", "429 retry-after", "429 then 503", "500", "502", "hung up"],
)
def test_own_fake_what_passes_is_tried_again(
    recorder: Recorder, ask: Speak, answers: Sequence[Answer | type[HangUp]]
) -> None:
    script(recorder, *answers, FINE)
    assert ask(recorder, "tts", "generate_audio", TEXT) == SOUND
    assert len(recorder.requests) in (2, 3)


@both
def test_own_fake_who_asks_to_come_later_is_obeyed_or_told_of(
    recorder: Recorder, ask: Speak
) -> None:
    recorder.script = [as_json({"error": {"message": "slow down"}}, 429, {"retry-after": "3600"})]
    with pytest.raises(RateLimited, match="slow down") as caught:
        ask(recorder, "tts", "generate_audio", TEXT)
    assert caught.value.retry_after == 3600
    assert len(recorder.requests) == 1


@both
def test_own_fake_who_stays_away_is_given_up_after_three_tries(
    recorder: Recorder, ask: Speak
) -> None:
    recorder.script = [Answer(502, {"x-request-id": "r7"}, b"<html><title>Oops</title></html>")]
    with pytest.raises(Unavailable, match="502: Oops") as caught:
        ask(recorder, "tts", "generate_audio", TEXT)
    assert (caught.value.status, caught.value.request_id) == (502, "r7")
    assert len(recorder.requests) == 3


@both
@pytest.mark.parametrize(
    "answer",
    [truncated(SOUND, "audio/mpeg", after=500), broken_chunks([SOUND[:500]], "audio/mpeg")],
    ids=["content-length", "chunked"],
)
def test_own_fake_a_reply_that_breaks_off_was_charged_and_isnt_asked_for_again(
    recorder: Recorder, ask: Speak, answer: Answer
) -> None:
    recorder.script = [answer]
    with pytest.raises(Unavailable, match="broke off its reply"):
        ask(recorder, "tts", "generate_audio", TEXT)
    assert len(recorder.requests) == 1
    script(recorder, answer, FINE)
    assert ask(recorder, "tts", "generate_audio", TEXT, retry_paid=True) == SOUND


@both
def test_own_fake_a_reply_that_drips_ends_at_the_deadline(recorder: Recorder, ask: Speak) -> None:
    recorder.script = [dripping(SOUND, "audio/mpeg", size=1, pause_s=0.02)]
    with pytest.raises(DeadlineExceeded):
        ask(recorder, "tts", "generate_audio", TEXT, timeout_s=0.3)


@both
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(200, {"content-type": "text/html"}, b"<html>Sign in</html>"), "instead of a sound"),
        (as_media(media("png"), "audio/mpeg"), "instead of a sound"),
        (as_media(b"", "audio/mpeg"), "an empty sound"),
    ],
    ids=["a page", "a picture", "nothing"],
)
def test_own_fake_what_isnt_a_sound_is_never_a_success(
    recorder: Recorder, ask: Speak, answer: Answer, told: str
) -> None:
    recorder.script = [answer]
    with pytest.raises(BadReply, match=told):
        ask(recorder, "tts", "generate_audio", TEXT)
    assert len(recorder.requests) == 1  # it may have been charged


@both
def test_own_fake_json_in_the_place_of_a_sound_is_read_as_the_error_it_is(
    recorder: Recorder, ask: Speak
) -> None:
    recorder.script = [as_json({"error": {"code": "content_policy_violation", "message": "No."}})]
    with pytest.raises(ContentRefused, match=r"No\b"):
        ask(recorder, "tts", "generate_audio", TEXT)


@both
def test_own_fake_what_isnt_json_is_told_as_such(recorder: Recorder, ask: Speak) -> None:
    recorder.script = [Answer(200, {"content-type": "text/html"}, b"<html>Sign in</html>")]
    with pytest.raises(BadReply, match="text/html, which isn't JSON"):
        ask(recorder, "tti", "generate_image", "A cat.")


@both
@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"content-type": "audio/mpeg"}, SOUND, claimed=3_000_000_000),
        endless("audio/mpeg"),
    ],
    ids=["announced", "not announced"],
)
def test_own_fake_three_gigabytes_arent_received(
    recorder: Recorder, ask: Speak, answer: Answer
) -> None:
    recorder.script = [answer]
    with pytest.raises(BadOutput, match="at most") as caught:
        ask(recorder, "tts", "generate_audio", TEXT, max_result_bytes=1_000_000)
    assert caught.value.rule == "size"
    assert len(recorder.requests) == 1


@both
@pytest.mark.parametrize(
    ("status", "kind"), [(403, ServiceError), (404, ServiceError), (410, ServiceError)]
)
def test_own_fake_an_expired_link_is_an_error(
    recorder: Recorder, ask: Speak, status: int, kind: type[OmnibindError]
) -> None:
    def answered(request: Request) -> Answer:
        if request.method == "GET":
            return Answer(status, {"content-type": "application/xml"}, b"<Error>Expired</Error>")
        return as_json({"data": [{"url": f"{recorder.url}/v1/made/1.png"}]})

    recorder.script = answered
    with pytest.raises(kind, match="Expired"):
        ask(recorder, "tti", "generate_image", "A cat.")
    assert [request.method for request in recorder.requests] == ["POST", "GET"]


PRIVATE = [
    "https://127.0.0.1/x.png",
    "https://localhost/x.png",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.8/x.png",
    "https://[::1]/x.png",
    "https://[::ffff:10.0.0.8]/x.png",
    "http://example.com/x.png",
    "https://user@127.0.0.1:8443/x.png",
    "file:///etc/passwd",
    "ftp://example.com/x.png",
]


@both
@pytest.mark.parametrize("url", PRIVATE)
def test_own_fake_a_private_address_in_a_reply_isnt_followed(
    recorder: Recorder, ask: Speak, url: str
) -> None:
    recorder.script = [as_json({"data": [{"url": url}]})]
    with pytest.raises(BadReply, match="isn't a public https address"):
        ask(recorder, "tti", "generate_image", "A cat.")
    assert len(recorder.requests) == 1


@both
def test_own_fake_a_redirect_to_a_private_address_isnt_followed(
    recorder: Recorder, ask: Speak
) -> None:
    def answered(request: Request) -> Answer:
        if request.path == "/v1/made/1.png":
            return redirect("/v1/made/2.png")  # its own host: followed
        if request.path == "/v1/made/2.png":
            return redirect("http://10.0.0.8/x.png")
        return as_json({"data": [{"url": f"{recorder.url}/v1/made/1.png"}]})

    recorder.script = answered
    with pytest.raises(BadReply, match="isn't a public https address"):
        ask(recorder, "tti", "generate_image", "A cat.")
    assert len(recorder.requests) == 3


@both
def test_own_fake_a_name_that_leads_to_a_private_address_isnt_followed(
    recorder: Recorder, ask: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    real = socket.getaddrinfo

    def lied(host: Any, port: Any, *more: Any, **named_: Any) -> Any:
        if host == "pictures.example.com":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.168.1.1", 443))]
        return real(host, port, *more, **named_)

    monkeypatch.setattr(socket, "getaddrinfo", lied)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    recorder.script = [as_json({"data": [{"url": "https://pictures.example.com/1.png"}]})]
    with pytest.raises(BadReply, match=r"pictures\.example\.com/1\.png, which isn't a public"):
        ask(recorder, "tti", "generate_image", "A cat.")


@both
def test_own_fake_redirects_without_end_are_given_up(recorder: Recorder, ask: Speak) -> None:
    def answered(request: Request) -> Answer:
        if request.method == "GET":
            return redirect(f"{request.path}x")
        return as_json({"data": [{"url": f"{recorder.url}/v1/made"}]})

    recorder.script = answered
    with pytest.raises(BadReply, match="more than 5 redirects"):
        ask(recorder, "tti", "generate_image", "A cat.")


@both
def test_own_fake_a_redirected_request_isnt_followed_with_its_key(
    recorder: Recorder, ask: Speak
) -> None:
    with Recorder([FINE]) as other:
        recorder.script = [redirect(f"{other.url}/v1/audio/speech", 307)]
        with pytest.raises(CallFailed, match="307"):
            ask(recorder, "tts", "generate_audio", TEXT)
        assert other.requests == []


@both
def test_own_fake_a_server_without_tls_is_told_of(recorder: Recorder, ask: Speak) -> None:
    recorder.script = [FINE]
    secure = Recorder.__new__(Recorder)
    secure.url = recorder.url.replace("http://", "https://")
    with pytest.raises(Unavailable, match="can't be reached: ConnectError"):
        ask(secure, "tts", "generate_audio", TEXT)


def test_own_fake_long_bodies_are_cut(recorder: Recorder) -> None:
    recorder.script = [as_json({"error": {"message": "no " * 5000}}, 422)]
    with pytest.raises(ServiceError) as caught:
        blocking(recorder, "tts", "generate_audio", TEXT)
    assert len(str(caught.value)) < 700

"""How services are reached: proxies, certificates, clients of one's own, rates."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme
from tests.remote.asking import KEY, named
from tests.remote.real_media import media
from tests.remote.recorder import Recorder, as_json, as_media

from omnibind import AsyncClient, Client
from omnibind.contracts.errors import BadConfig, BadOption, Unavailable
from omnibind.remote import pace

TEXT = "Ruby is a programming language designed for developer happiness."
SOUND = media("mp3")


@pytest.fixture
def speaking(recorder: Recorder) -> Recorder:
    recorder.script = [as_media(SOUND, "audio/mpeg")]
    return recorder


def test_own_fake_a_proxy_is_asked_for_the_service(speaking: Recorder) -> None:
    spec = named(speaking, "openai", base_url="http://service.example/v1", proxy=f"{speaking.url}/")
    with Client(tts=spec) as client:
        assert client.tts.generate_audio(TEXT, verify=False) == SOUND
    assert speaking.only.target == "http://service.example/v1/audio/speech"


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A service behind TLS, and the certificate of who vouches for it."""
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "audio/mpeg")
            self.send_header("content-length", str(len(SOUND)))
            self.end_headers()
            self.wfile.write(SOUND)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, address: Any) -> None:
            """Say nothing: who doesn't trust it hangs up."""

        def get_request(self) -> Any:
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True), address

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/v1", bundle
    server.shutdown()
    server.server_close()
    thread.join()


def test_own_fake_a_certificate_is_trusted_where_its_authority_is_named(
    secure: tuple[str, Path],
) -> None:
    url, bundle = secure
    spec = {"binding": "openai", "api_key": KEY, "base_url": url}
    with Client(tts={**spec, "ca_bundle": bundle}) as client:
        assert client.tts.generate_audio(TEXT, verify=False) == SOUND
    with Client(tts=spec) as client, pytest.raises(Unavailable, match="ConnectError"):
        client.tts.generate_audio(TEXT, verify=False)


def test_certificates_that_cant_be_read_are_told_of(speaking: Recorder, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    for path, told in ((tmp_path / "no.pem", "certificates"), (tmp_path / "none", "No such file")):
        with (
            Client(tts=named(speaking, "openai", "/v1", ca_bundle=path)) as client,
            pytest.raises(BadConfig, match=told),
        ):
            client.tts.generate_audio(TEXT)


def test_own_fake_the_programs_own_client_is_used(speaking: Recorder) -> None:
    seen: list[str] = []
    with httpx2.Client(event_hooks={"request": [lambda r: seen.append(r.url.path)]}) as own:
        with Client(tts=named(speaking, "openai", "/v1"), http_client=own) as client:
            assert client.tts.generate_audio(TEXT, verify=False) == SOUND
        assert not own.is_closed  # it is the program's
    assert seen == ["/v1/audio/speech"]

    async def on_loop() -> None:
        async def heard(request: httpx2.Request) -> None:
            seen.append(request.url.path)

        async with (
            httpx2.AsyncClient(event_hooks={"request": [heard]}) as own,
            AsyncClient(tts=named(speaking, "openai", "/v1"), http_client=own) as client,
        ):
            assert await client.tts.generate_audio(TEXT, verify=False) == SOUND

    asyncio.run(on_loop())
    assert len(seen) == 2


def test_own_fake_lists_are_asked_by_the_programs_own_client(recorder: Recorder) -> None:
    recorder.script = [as_json([{"id": "anna"}])] * 2
    spec = {"binding": "lollms", "host_address": recorder.url}
    seen: list[str] = []
    with (
        httpx2.Client(event_hooks={"request": [lambda r: seen.append(r.url.path)]}) as own,
        Client(tts=spec, http_client=own) as client,
    ):
        assert client.tts.list_voices() == ["anna"]

    async def on_loop() -> None:
        async def heard(request: httpx2.Request) -> None:
            seen.append(request.url.path)

        async with (
            httpx2.AsyncClient(event_hooks={"request": [heard]}) as own,
            AsyncClient(tts=spec, http_client=own) as client,
        ):
            assert [voice.name for voice in await client.tts.voices()] == ["anna"]

    asyncio.run(on_loop())
    assert seen == ["/lollms/v1/audio/voices"] * 2


def test_a_client_of_the_other_kind_is_refused(speaking: Recorder) -> None:
    async def on_loop() -> None:
        with httpx2.Client() as own:
            async with AsyncClient(tts=named(speaking, "openai", "/v1"), http_client=own) as client:
                await client.tts.generate_audio(TEXT)

    with pytest.raises(BadConfig, match=r"http_client is a Client; .* httpx2\.AsyncClient"):
        asyncio.run(on_loop())


def test_own_fake_one_pool_serves_all_calls_of_a_loop(speaking: Recorder) -> None:
    async def on_loop() -> None:
        async with AsyncClient(tts=named(speaking, "openai", "/v1", max_connections=3)) as client:
            calls = [client.tts.generate_audio(TEXT, verify=False) for _ in range(20)]
            assert set(await asyncio.gather(*calls)) == {SOUND}

    asyncio.run(on_loop())
    assert len(speaking.requests) == 20
    assert speaking.connections <= 3


def test_a_key_for_an_engine_of_this_machine_is_refused() -> None:
    with Client(tts="mock") as client, pytest.raises(BadOption, match="needs no api_key"):
        client.tts.generate_audio("hello", api_key="sk-1")


def test_a_callers_key_is_for_the_first_binding_alone(speaking: Recorder) -> None:
    with Recorder([as_media(b"", "audio/mpeg")]) as failing:
        specs = [
            named(failing, "openai_compatible", "/v1", model_name="m"),
            named(speaking, "openai", "/v1"),
        ]
        with Client(tts=specs, allow_unknown_cost=True) as client:
            client.tts.generate_audio(TEXT, verify=False, api_key="sk-first")
        assert failing.only.header("authorization") == "Bearer sk-first"
    assert speaking.only.header("authorization") == f"Bearer {KEY}"


def test_rates_are_kept_by_all_calls_together() -> None:
    now = [100.0]
    rates = (pace.Rate(2, 1.0), pace.Rate(3, 60.0))
    waits = [pace.wait_s(rates, "a test's own", lambda: now[0]) for _ in range(5)]
    assert waits == [0.0, 0.0, 1.0, 60.0, 60.0]
    assert pace.wait_s(rates, "another's", lambda: now[0]) == 0.0
    now[0] += 1000
    assert pace.wait_s(rates, "a test's own", lambda: now[0]) == 0.0

"""What scripts/bench_work.py times of services: calls to a server on this machine.

The server is a process of its own and answers at once with 20 kB, so that nothing hides what a call
costs beside its waiting. Verification is off: it works on the sound, whoever sent it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from bench_calls import Pairs, check_same, in_turn

from omnibind import AsyncClient, Client

CALLS = 100
AT_ONCE = 500
KEY = "sk-bench"
TEXT = "The harbour was quiet when the first boats came in."

SERVER = r"""
import asyncio, sys

SOUND = (b"\xff\xfb\x90\x00" + bytes(413)) * 48
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: %d\r\n\r\n" % len(SOUND)


class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            head, _, body = self.rest.partition(b"\r\n\r\n")
            fields = head.lower().split(b"content-length:")
            length = int(fields[1].split(b"\r\n")[0]) if len(fields) > 1 else 0
            if len(body) < length:
                return
            self.rest = body[length:]
            self.transport.write(HEAD + SOUND)


async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
"""


@contextmanager
def server() -> Iterator[str]:
    """Give the address of a server that lives as long as the block."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def _spec(url: str) -> dict[str, Any]:
    return {"binding": "openai", "api_key": KEY, "base_url": url, "default_voice": "alloy"}


def _request(url: str) -> dict[str, Any]:
    body = {"model": "gpt-4o-mini-tts", "input": TEXT, "voice": "alloy"}
    headers = {"authorization": f"Bearer {KEY}", "user-agent": "bench"}
    return {"url": f"{url}/audio/speech", "json": body, "headers": headers, "timeout": 60}


def remote_call(pairs: str) -> Pairs:
    """Time blocking calls one after another, and those of a bare client."""
    import httpx2

    with server() as url, Client(tts=_spec(url)) as client, httpx2.Client() as bare:
        request = _request(url)

        def ours() -> bytes:
            for _ in range(CALLS):
                sound = client.tts.generate_audio(TEXT, verify=False)
            return sound

        def theirs() -> bytes:
            for _ in range(CALLS):
                sound = bare.post(**request).content
            return sound

        check_same(ours(), theirs())
        return in_turn(int(pairs), ours, theirs)


def remote_sdk(pairs: str) -> Pairs:
    """Time blocking calls one after another, and those of the service's own package."""
    from openai import OpenAI

    with server() as url, Client(tts=_spec(url)) as client:
        package = OpenAI(api_key=KEY, base_url=url)

        def ours() -> bytes:
            for _ in range(CALLS):
                sound = client.tts.generate_audio(TEXT, verify=False)
            return sound

        def theirs() -> bytes:
            for _ in range(CALLS):
                sound = package.audio.speech.create(
                    model="gpt-4o-mini-tts", voice="alloy", input=TEXT
                ).content
            return sound

        check_same(ours(), theirs())
        return in_turn(int(pairs), ours, theirs)


def remote_asyncio(pairs: str) -> Pairs:
    """Time awaited calls one after another, and those of a bare client."""

    async def one_by_one(call: Callable[[], Awaitable[bytes]]) -> None:
        for _ in range(CALLS):
            await call()

    return _on_loop(int(pairs), one_by_one)


def remote_at_once(pairs: str) -> Pairs:
    """Time many awaited calls at once, and as many of a bare client."""

    async def together(call: Callable[[], Awaitable[bytes]]) -> None:
        await asyncio.gather(*(call() for _ in range(AT_ONCE)))

    return _on_loop(int(pairs), together)


def _on_loop(
    pairs: int, order: Callable[[Callable[[], Awaitable[bytes]]], Awaitable[None]]
) -> Pairs:
    import httpx2

    async def timed() -> Pairs:
        with server() as url:
            async with AsyncClient(tts=_spec(url)) as client, httpx2.AsyncClient() as bare:
                request = _request(url)

                async def ours() -> bytes:
                    return await client.tts.generate_audio(TEXT, verify=False)

                async def theirs() -> bytes:
                    content: bytes = (await bare.post(**request)).content
                    return content

                async def seconds(call: Callable[[], Awaitable[bytes]]) -> float:
                    started = perf_counter()
                    await order(call)
                    return perf_counter() - started

                check_same(bytes(await ours()), await theirs())
                await seconds(ours)
                await seconds(theirs)
                return [(await seconds(ours), await seconds(theirs)) for _ in range(pairs)]

    return asyncio.run(timed())


def remote_import(pairs: str) -> Pairs:
    """Time the import of all remote bindings after omnibind's own, in new processes."""
    from omnibind.contracts.roots import shipped_roots
    from omnibind.discovery.manifest import read_manifest

    names = [
        f"omnibind.bindings.{file.parts[-3]}.{file.parts[-2]}.binding"
        for root in shipped_roots()
        for file in Path(root).glob("*/*/binding.yaml")
        if (manifest := read_manifest(file.parent)).kind == "remote" and not manifest.state
    ]
    code = (
        "import importlib, sys, time, omnibind.client\nstarted = time.perf_counter()\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(time.perf_counter() - started)"
    )

    def once() -> float:
        done = subprocess.run(
            [sys.executable, "-c", code, *names], capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    once()
    return [(once(), 1.0) for _ in range(int(pairs))]

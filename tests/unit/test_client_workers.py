"""A client whose bindings run in workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE as QUICK
from tests.conftest import MANIFEST, BindingWriter
from tests.worker_binding import write

from omnibind import AsyncClient, Client
from omnibind.contracts.errors import BadConfig, Cancelled, DeadlineExceeded, WorkerDied
from omnibind.managers import TTSBindingManager
from omnibind.running.worker import end_all, workers

# A WAV of a second, so that what the binding gives is a sound.
SOUND = (
    "import io, wave\n"
    "file = io.BytesIO(); w = wave.open(file, 'wb'); w.setparams((1, 2, 8000, 0, 'NONE', ''))\n"
    "w.writeframes(bytes(range(1, 201)) * 80); w.close(); result = file.getvalue()\n"
)


@pytest.fixture
def client(write_binding: BindingWriter) -> Iterator[Client]:
    with Client(tts={"binding": str(write(write_binding)), "runs": "worker"}) as made:
        yield made
    end_all()


def test_a_client_speaks_through_a_worker_and_closing_it_ends_that(client: Client) -> None:
    sound = client.tts.generate_audio(SOUND, verify=False)
    assert (sound.sample_rate, sound.meta.binding) == (8000, "tts/probe")
    assert len(workers()) == 1
    client.close()
    assert not workers()


@pytest.mark.parametrize("work", ["time.sleep(600)", "sum(range(10**13))"])
def test_the_deadline_is_firm_and_the_slot_is_free_again_soon(client: Client, work: str) -> None:
    client.tts.load()
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"after 0\.2 s"):
        client.tts.generate_audio(work, timeout_s=0.2)
    assert time.monotonic() - started < 1
    sound = client.tts.generate_audio(SOUND, verify=False, timeout_s=10)
    assert time.monotonic() - started < 4
    assert sound.sample_rate == 8000


def test_a_cancelled_call_ends_and_the_next_one_works(client: Client) -> None:
    call = client.submit(client.tts.generate_audio, "sum(range(10**13))")
    while not workers():
        time.sleep(0.01)
    call.cancel()
    with pytest.raises(Cancelled):
        call.result(5)
    assert client.tts.generate_audio(SOUND, verify=False).sample_rate == 8000


def test_progress_and_crashes_arrive(client: Client) -> None:
    heard: list[Any] = []
    client.tts.generate_audio("self.report(0.5)\n" + SOUND, verify=False, on_progress=heard.append)
    assert [event.progress.fraction for event in heard] == [0.5]
    with pytest.raises(WorkerDied, match="exit code 3"):
        client.tts.generate_audio("os._exit(3)")
    assert client.tts.generate_audio(SOUND, verify=False).sample_rate == 8000


def test_asyncio_is_served_too(write_binding: BindingWriter) -> None:
    folder = write(write_binding)

    async def speak() -> list[Any]:
        async with AsyncClient(tts={"binding": str(folder), "runs": "worker"}) as client:
            with pytest.raises(DeadlineExceeded):
                await client.tts.generate_audio("time.sleep(600)", timeout_s=0.2)
            calls = [client.tts.generate_audio(SOUND, verify=False) for _ in range(3)]
            return await asyncio.gather(*calls)

    assert [sound.sample_rate for sound in asyncio.run(speak())] == [8000] * 3


def test_a_registered_binding_cannot_run_in_a_worker() -> None:
    from tests.worker_binding import CODE

    names: dict[str, Any] = {"__name__": "made_up"}
    exec(CODE, names)
    TTSBindingManager.register_binding("made_up", names["Probe"])
    try:
        with pytest.raises(BadConfig, match="registered in code"):
            TTSBindingManager().create_binding("made_up", runs="worker")
    finally:
        TTSBindingManager.unregister_binding("made_up")


def test_piper_in_a_worker_speaks_as_here() -> None:
    options: Any = {"noise_scale": 0.0, "noise_w_scale": 0.0}
    with Client(tts="piper") as here, Client(tts={"binding": "piper", "runs": "worker"}) as there:
        one, other = (c.tts.generate_audio("Hello you.", **options) for c in (here, there))
        assert bytes(one) == bytes(other)
        stream = there.tts.stream_audio("One. Two. Three.", **options)
        assert len(list(stream)) == 3


def test_an_engine_that_is_slow_to_go_is_not_taken_for_a_busy_one(
    write_binding: BindingWriter, caplog: pytest.LogCaptureFixture
) -> None:
    slow = QUICK + "\n    def unload(self) -> None:\n        import time\n        time.sleep(2.3)\n"
    folder = str(write_binding(code=slow))
    with caplog.at_level("WARNING"), Client(tts={"binding": folder, "runs": "worker"}) as client:
        client.tts.generate_audio("hello there")
    assert caplog.text == ""


def test_a_recording_beside_the_program_is_found_wherever_the_engine_runs(
    write_binding: BindingWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = "        if voice not in"
    heard = f"        if voice and Path(voice).is_file():\n            voice = None\n{known}"
    clones = "from pathlib import Path\n" + QUICK.replace(known, heard)
    folder = write_binding(code=clones, manifest=MANIFEST + "capabilities: {clone: true}\n")
    client = Client(tts={"binding": str(folder), "runs": "worker"})
    (tmp_path / "me.wav").write_bytes(client.tts.generate_audio("my own voice"))
    monkeypatch.chdir(tmp_path)
    with client:
        assert client.tts.generate_audio("hello there", "me.wav", consent=True).duration_s > 0

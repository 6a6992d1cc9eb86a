"""Engines of a client in memory: let in, counted, let go of, and a call that runs out of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import CODE, BindingWriter

from omnibind import Client
from omnibind.contracts.errors import BadConfig, OutOfMemory
from omnibind.running import keeper as keeping
from omnibind.running.keeper import Keeper, keeper

# Takes 64 MiB when it loads; a call fails for memory as often as its folder's file says.
HUNGRY = CODE.replace(
    "    def generate_audio(",
    """    own = b""

    def load(self) -> None:
        self.own = b"x" * (64 << 20)

    def unload(self) -> None:
        self.own = b""

    def generate_audio(""",
).replace(
    "        if voice not in",
    """        from pathlib import Path

        failures = Path(__file__).with_name("failures")
        if failures.exists():
            left = int(failures.read_text())
            failures.write_text(str(left - 1))
            if left:
                raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        if voice not in""",
)


@pytest.fixture(autouse=True)
def kept(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    """A keeper of this test's own."""
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "root"))
    monkeypatch.setattr(keeping, "_keeper", None)
    yield keeper()
    keeper().free()


def labels(kept: Keeper) -> list[str]:
    return sorted(row.label for row in kept.resident())


def test_what_a_client_loads_is_counted_and_free_after_it_closed(
    write_binding: BindingWriter, kept: Keeper
) -> None:
    write_binding("hungry", code=HUNGRY)
    with Client(tts="hungry") as client:
        client.tts.generate_audio("hello")
        (row,) = kept.resident()
        assert row.label == "tts/hungry"
        assert row.bytes == pytest.approx(64 << 20, rel=0.2)
        assert [claim.label for claim in kept.ledger.claims()] == ["tts/hungry"]
    assert kept.resident() == []
    assert kept.ledger.claims() == []


def test_a_call_that_runs_out_of_memory_is_made_once_more_with_idle_engines_gone(
    write_binding: BindingWriter, kept: Keeper
) -> None:
    folder = write_binding("hungry", code=HUNGRY)
    write_binding("other", code=HUNGRY)
    client, idle = Client(tts="hungry"), Client(tts="other")
    client.load()
    idle.load()
    (folder / "failures").write_text("1")
    assert client.tts.generate_audio("hello").duration_s > 0
    assert labels(kept) == ["tts/hungry"]


def test_it_is_made_once_more_only_and_not_where_nothing_could_go(
    write_binding: BindingWriter, kept: Keeper
) -> None:
    folder = write_binding("hungry", code=HUNGRY)
    write_binding("other", code=HUNGRY)
    client, idle = Client(tts="hungry"), Client(tts="other")
    idle.load()
    for failures, left in ((5, 3), (3, 2)):  # two tries, then one: nobody is idle any more
        (folder / "failures").write_text(str(failures))
        with pytest.raises(OutOfMemory, match="CUDA out of memory"):
            client.tts.generate_audio("hello")
        assert (folder / "failures").read_text() == str(left)
    assert labels(kept) == ["tts/hungry"]


def test_what_doesnt_fit_is_refused_and_no_idle_engine_goes_for_it(
    write_binding: BindingWriter, kept: Keeper
) -> None:
    write_binding("hungry", code=HUNGRY)
    write_binding("other", code=HUNGRY)
    client, idle = Client(tts="hungry"), Client(tts="other")
    client.load()
    client.unload()
    idle.load()
    kept.limit("100MB")
    with pytest.raises(OutOfMemory, match="tts/hungry needs 1"):
        client.tts.generate_audio("hello")
    assert labels(kept) == ["tts/other"]
    assert client.tts.state == "ready"
    kept.limit("1GB")
    assert client.tts.generate_audio("hello")


def test_an_engine_that_isnt_used_goes_and_comes_back(
    write_binding: BindingWriter, kept: Keeper
) -> None:
    write_binding("hungry", code=HUNGRY)
    client = Client(tts="hungry")
    client.tts.generate_audio("hello")
    assert [one.label for one in kept.free()] == ["tts/hungry"]
    assert client.tts.generate_audio("hello")


def test_a_configuration_says_how_long_engines_stay_and_what_they_may_take(
    write_binding: BindingWriter, kept: Keeper, tmp_path: Path
) -> None:
    write_binding("hungry", code=HUNGRY)
    file = tmp_path / "c.yaml"
    file.write_text(
        "client: {memory: {host: 500MB}}\n"
        "tts: {binding: hungry, keep_alive_s: forever, pinned: true}\n"
    )
    client = Client.from_config(file)
    client.tts.generate_audio("hello")
    (row,) = client.resident()
    assert (row.expires_in_s, row.is_pinned) == (None, True)
    assert kept.limits.of("host").most_bytes == 500_000_000
    assert client.free() == []
    assert [one.label for one in client.free("tts/hungry")] == ["tts/hungry"]
    other = Client(tts={"binding": "hungry", "keep_alive_s": 0}, memory="50%")
    other.tts.generate_audio("hello")
    assert kept.limits.of("host").share == 0.5
    with pytest.raises(BadConfig, match="keep_alive_s"):
        Client(tts={"binding": "hungry", "keep_alive_s": -1})


def test_a_device_by_default_counts_like_one_that_was_configured() -> None:
    from omnibind.contracts.options import schema_of
    from omnibind.modalities.member import with_defaults

    def made(*, device: str = "auto", rate: int = 1) -> None: ...

    schema = schema_of(made, (), "tts/probe")
    assert with_defaults(schema, {"rate": 2}) == {"device": "auto"}
    assert with_defaults(schema, {"device": "cpu"}) == {"device": "cpu"}

"""What processes hold of the host's memory, and how much is free."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omnibind.contracts.errors import BadConfig
from omnibind.running import cuda, devices, memory

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="doesn't apply: only Linux has /proc"
)

MB = 1_000_000


def told_by(code: str) -> Any:
    """Run ``code`` in a process of its own, whose memory nobody else changes; return ``told``."""
    code = f"import json\nfrom omnibind.running import memory\n{code}print(json.dumps(told))"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, timeout=60
    )
    return json.loads(done.stdout)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds 200 MB, maps 100 MB of a file, and waits."""
    file = tmp_path / "weights"
    file.write_bytes(bytes(100 * MB))
    code = (
        "import mmap, sys\n"
        "own = bytearray(b'x') * (200 * 10**6)\n"
        f"file = open({str(file)!r}, 'rb')\n"
        "weights = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
        "sum(weights[place] for place in range(0, len(weights), 4096))\n"
        "spare = bytearray(b'x') * 10**8; del spare\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
        yield one
        one.kill()


def test_what_a_process_takes_and_gives_back_is_seen() -> None:
    told = told_by(
        "before = memory.held()\n"
        "own = bytearray(b'x') * (300 * 10**6)\n"
        "during = memory.held()\n"
        "del own\n"
        "memory.give_back()\n"
        "after = memory.held()\n"
        "told = [one.bytes - before.bytes for one in (during, after)] + [before.basis]\n"
    )
    assert told[0] == pytest.approx(300 * MB, rel=0.02)
    assert told[1] < 20 * MB
    assert told[2] == "private"


@linux
def test_what_lies_between_living_objects_is_given_back_too() -> None:
    told = told_by(
        "small = [b'x' * 100_000 for _ in range(2000)]\n"
        "kept = small[::100]\n"
        "before = memory.held().bytes\n"
        "del small\n"
        "memory.give_back()\n"
        "told = before - memory.held().bytes\n"
    )
    assert told > 150 * MB


@linux
def test_files_that_two_processes_map_count_for_neither(other: subprocess.Popen[str]) -> None:
    import mmap

    alone = memory.held(other.pid)
    assert alone is not None
    assert 295 * MB < alone.bytes < 330 * MB
    maps = Path(f"/proc/{other.pid}/maps").read_text().splitlines()
    file = next(line.split()[-1] for line in maps if line.endswith("/weights"))
    with Path(file).open("rb") as opened:
        weights = mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ)
        assert sum(weights[place] for place in range(0, len(weights), 4096)) == 0
        shared = memory.held(other.pid)
        weights.close()
    assert shared is not None
    assert 195 * MB < shared.bytes < 230 * MB


@linux
def test_a_process_that_ended_holds_nothing_also_before_it_was_waited_for(
    other: subprocess.Popen[str],
) -> None:
    assert other.stdin is not None
    other.stdin.write("\n")
    other.stdin.flush()
    assert other.stdout is not None
    assert other.stdout.read() == ""
    import os

    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert memory.held(other.pid) == memory.Held(0)
    other.wait(30)
    assert memory.held(other.pid) == memory.Held(0)


@linux
def test_the_highest_mark_is_kept_and_anothers_can_be_begun_anew(
    other: subprocess.Popen[str],
) -> None:
    told = told_by(
        "before = memory.marks_of()\n"
        "own = bytearray(b'x') * (100 * 10**6)\n"
        "del own\n"
        "after = memory.marks_of()\n"
        "told = [after.highest - before.highest, after.highest - after.now]\n"
    )
    assert told == pytest.approx([100 * MB, 100 * MB], rel=0.05)
    since_start = memory.marks_of(other.pid)
    assert since_start is not None
    assert since_start.highest - since_start.now > 90 * MB
    anew = memory.marks_of(other.pid, anew=True)
    assert anew is not None
    assert anew.highest - anew.now < MB


@linux
def test_free_memory_is_less_by_what_a_process_takes() -> None:
    free, total = memory.free_bytes(), memory.total_bytes()
    assert free is not None
    assert total is not None
    assert 0 < free < total


MEMINFO = "MemTotal: 16000000 kB\nMemFree: 1000 kB\nMemAvailable: 8000000 kB\n"


@pytest.mark.parametrize(
    ("groups", "files", "free", "total"),
    [
        pytest.param("0::/\n", {}, 8_192_000_000, 16_384_000_000, id="no limit"),
        pytest.param(
            "0::/app\n",
            {
                "cgroup.controllers": "memory",
                "app/memory.max": "2000000000",
                "app/memory.current": "1500000000",
                "app/memory.stat": "anon 1\ninactive_file 300000000\nactive_file 100000000\n",
                "memory.max": "max",
            },
            900_000_000,
            2_000_000_000,
            id="version 2",
        ),
        pytest.param(
            "0::/not/there/in/a/container\n",
            {
                "cgroup.controllers": "memory",
                "memory.max": "1000000000",
                "memory.current": "400000000",
            },
            600_000_000,
            1_000_000_000,
            id="the limit of a container",
        ),
        pytest.param(
            "0::/slice/app\n",
            {
                "cgroup.controllers": "memory",
                "slice/memory.max": "1000000000",
                "slice/memory.current": "950000000",
                "slice/app/memory.max": "900000000",
                "slice/app/memory.current": "100000000",
            },
            50_000_000,
            900_000_000,
            id="the tightest of several",
        ),
        pytest.param(
            "4:memory:/app\n0::/\n",
            {
                "memory/app/memory.limit_in_bytes": "3000000000",
                "memory/app/memory.usage_in_bytes": "2500000000",
                "memory/app/memory.stat": "inactive_file 1\ntotal_inactive_file 500000000\n",
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
            1_000_000_000,
            3_000_000_000,
            id="version 1",
        ),
    ],
)
def test_a_control_group_caps_what_is_free(
    tmp_path: Path, groups: str, files: dict[str, str], free: int, total: int
) -> None:
    contents = {"proc/meminfo": MEMINFO, "proc/self/cgroup": groups}
    contents |= {f"sys/fs/cgroup/{name}": content for name, content in files.items()}
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert (memory.free_bytes(tmp_path), memory.total_bytes(tmp_path)) == (free, total)


def test_devices_are_known_by_what_bindings_call_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "_gauge", lambda index: None)
    for name in (None, "cpu", "host", "mps", "auto"):
        assert devices.device(name).name == "host"
    assert devices.device("cuda").name == "cuda:0"
    assert devices.device("cuda:1") is devices.device("cuda:1")
    assert devices.device("cuda:1").free_bytes() is None
    for wrong in ("tpu", "cuda:x", ""):
        with pytest.raises(BadConfig, match="cuda:N"):
            devices.device(wrong)


def test_looking_at_the_host_imports_nothing_of_gpus() -> None:
    code = (
        "import sys\n"
        "from omnibind.running import devices\n"
        "device = devices.device('cpu')\n"
        "device.free_bytes(), device.taken(None), device.marks(None)\n"
        "heavy = {'torch', 'pynvml', 'psutil', 'numpy', 'ctypes', 'omnibind.running.cuda'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=60)


class Nvml:
    """NVIDIA's library as its documentation tells of it, with two GPUs."""

    NVMLError = RuntimeError
    uuids = ("GPU-aaaa-1", "GPU-bbbb-2")

    def __init__(self) -> None:
        self.free = [70, 80]

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index > 1:
            raise self.NVMLError("not found")
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return self.uuids[handle]

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> object:  # noqa: N802
        from types import SimpleNamespace

        return SimpleNamespace(free=self.free[handle], total=100)


@pytest.mark.parametrize(
    ("visible", "ids"),
    [
        (None, ["GPU-aaaa-1", "GPU-bbbb-2"]),
        ("1", ["GPU-bbbb-2"]),
        ("1,0", ["GPU-bbbb-2", "GPU-aaaa-1"]),
        ("GPU-bbbb", ["GPU-bbbb-2"]),
        ("", []),
        ("0,-1,1", ["GPU-aaaa-1"]),
    ],
)
def test_gpus_are_told_by_their_own_identity_as_this_program_sees_them(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, ids: list[str]
) -> None:
    nvml = Nvml()
    monkeypatch.setattr(cuda, "_nvml", lambda: nvml)
    monkeypatch.setattr(cuda, "_gauges", {})
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    seen = cuda.every()
    assert [one.id for one in seen] == ids
    assert [one.name for one in seen] == [f"cuda:{number}" for number in range(len(ids))]
    assert (cuda.first() is not None) == bool(ids)
    if seen:
        first = nvml.free[nvml.uuids.index(ids[0])]
        assert (seen[0].free_bytes(), seen[0].total_bytes()) == (first, 100)
        assert seen[0].taken(None) == 100 - first


def test_a_real_gpu_tells_its_memory() -> None:
    pytest.importorskip("torch", reason="doesn't apply: PyTorch isn't installed")
    import torch

    if not torch.cuda.is_available():
        pytest.skip("doesn't apply: this machine has no GPU")
    gpu = devices.device("cuda:0")
    before, free = gpu.taken(None), gpu.free_bytes()
    assert before is not None
    assert free is not None
    block = torch.empty(512 << 20, dtype=torch.uint8, device="cuda:0")
    taken = gpu.taken(None)
    assert taken is not None
    assert taken - before >= 512 << 20
    del block
    gpu.give_back()
    back = gpu.taken(None)
    assert back is not None
    assert taken - back >= 512 << 20
    marks = gpu.marks(None)
    assert marks is not None
    assert marks.highest - marks.now >= 512 << 20

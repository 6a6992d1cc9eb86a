"""Measure what omnibind costs: ``.venv-test/bin/python scripts/bench.py [NAME…] [--json FILE]``.

Most figures compare two things, run in turn (A B A B …) so that a machine that is busy for a while
is busy for both; told is the median of the pairs with the range that holds 80 % of them. Where
there is a limit, a miss is told as a miss. ``scripts/test.py`` makes the environment that this
needs and fetches the weights. Linux and macOS.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

WORK = Path(__file__).with_name("bench_work.py")

PAIRS, QUICK_PAIRS = 15, 3


class Sound(NamedTuple):
    """What is spoken, and about how long that is."""

    text: str
    about: str


SHORT = "On the third of May, Doctor Green sold forty two old bicycles to a music school."
LONG = """
The harbour was quiet when the first boats came in. Seven crates of apples stood on the pier, and a
boy counted them twice. His sister wrote the number on a yellow card. At half past nine the post
office opened, and the clerk asked for two stamps and a pencil. Nobody knew where the pencil had
gone. In the afternoon it began to rain, so the market moved under the old bridge. A man from the
north sold maps of the coast, and a woman repaired three clocks before dinner. When the lamps were
lit, the boats went out again, and the boy was still counting apples.
"""
SOUNDS = {"short": Sound(SHORT, "5 s"), "long": Sound(" ".join(LONG.split()), "35 s")}

BARE_SPEAK = """
import sys, wave
from piper import PiperVoice
voice = PiperVoice.load(sys.argv[1])
with wave.open(sys.argv[2], "wb") as file:
    voice.synthesize_wav(sys.argv[3], file)
"""
BARE_TRANSCRIBE = """
import sys
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", cpu_threads=int(sys.argv[3]))
segments, _ = model.transcribe(sys.argv[2], vad_filter=True)
print(" ".join(segment.text.strip() for segment in segments))
"""

# Without compiled files, every run would compile what it imports, which nobody's second run does.
_NOT_HANDED_ON = frozenset(
    ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "OMNIBIND_BINDINGS_PATH")
)

Pair = tuple[float, float]


class Failed(Exception):
    """A figure couldn't be measured; the message says why."""


class Figure(NamedTuple):
    """One thing to measure.

    Attributes:
        name: What selects it.
        what: What is compared, A first.
        value: What is made of a pair, ``A/B``, ``B/A``, ``A-B`` or ``A``, and its unit.
        limit: None where it is only told.
        pairs: Measures; gets the number of pairs.
    """

    name: str
    what: str
    value: str
    limit: float | None
    pairs: Callable[[int], list[Pair]]

    def of(self, pair: Pair) -> float:
        """Return the value of one pair, in its unit."""
        a, b = pair
        formula, _, unit = self.value.partition(" ")
        values = {"A/B": a / b if b else 0.0, "B/A": b / a if a else 0.0, "A-B": a - b, "A": a}
        value = values[formula]
        return value * {"": 1.0, "%": 1e2, "ms": 1e3, "µs": 1e6}[unit]

    @property
    def more_is_better(self) -> bool:
        """Whether the limit is the least that is wanted."""
        return self.value == "B/A"


class Result(NamedTuple):
    """What was measured for a figure: the median and the range of 80 % of the pairs."""

    figure: Figure
    pairs: list[Pair]
    median: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``ok`` or ``MISS``, by the median; empty where there is no limit."""
        limit = self.figure.limit
        if limit is None:
            return ""
        held = self.median >= limit if self.figure.more_is_better else self.median <= limit
        return "ok" if held else "MISS"

    def data(self) -> dict[str, Any]:
        """Return it for JSON."""
        figure = self.figure._asdict()
        del figure["pairs"]
        own = self._asdict()
        del own["figure"]
        return {**figure, **own, "verdict": self.verdict}


def result_of(figure: Figure, pairs: list[Pair]) -> Result:
    """Sum up the pairs of a figure."""
    values = [figure.of(pair) for pair in pairs]
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return Result(figure, pairs, statistics.median(values), tenths[0], tenths[-1])


class Bench:
    """Runs the measurements; ``folder`` is emptied at the end.

    This process imports nothing heavy: a child's peak of memory would otherwise begin with that of
    the process that it was forked from.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            name: text for name, text in os.environ.items() if name not in _NOT_HANDED_ON
        }
        self._sounds: dict[str, str] = {}
        self._weights: dict[str, str] = {}

    def figures(self) -> list[Figure]:
        """Return everything that can be measured."""
        client = "from omnibind import Client; Client(tts='piper')"
        listing, stt = "listing of {} folders as `new` makes them: {}", "stt/{} / {} alone, {}"
        default = "openai-whisper / default speech to text, {}"
        figures = [
            Figure("import", "CPU: import omnibind / pass", "A/B", 4, self._cpu("import omnibind")),
            Figure("client", "CPU: Client(tts='piper') / pass", "A/B", 8, self._cpu(client)),
        ]
        for kind, what, limits in (
            ("names", "names alone", (None, None)),
            ("states", "names and states", (15, 300)),
        ):
            for count, limit in zip((50, 1000), limits, strict=True):
                measure = self._listing(kind, count)
                told = listing.format(count, what)
                figures.append(Figure(f"{kind}-{count}", told, "A ms", limit, measure))
        figures += [
            Figure("handle", "call by handle - binding", "A-B µs", 25, self._work("handle")),
            Figure("handle-option", "with an option", "A-B µs", None, self._work("handle-option")),
            Figure("handle-all", "with listeners, …", "A-B µs", 25, self._work("handle-all")),
            Figure(
                "asyncio", "awaited call - binding", "A-B µs", 150, self._work("handle-asyncio")
            ),
            Figure("thousand", "1,000 calls / to_thread", "A/B", 3, self._work("thousand")),
            Figure("queue", "call beside a queue - alone", "A-B ms", 10, self._work("queue")),
            *(
                Figure(
                    f"first-sound-{name}",
                    f"first sound / whole call of {name}",
                    "A/B %",
                    limit,
                    self._work("first-sound", name),
                )
                for name, limit in (("piper", 15), ("kokoro", 20))
            ),
            Figure(
                "worker-start", "worker / bare python -I", "A-B ms", 60, self._work("worker-start")
            ),
            Figure(
                "worker-call",
                "small call by worker - in process",
                "A-B µs",
                150,
                self._work("worker-call", "small"),
            ),
            Figure(
                "worker-sound",
                "10 MB by worker - in process",
                "A-B ms",
                10,
                self._work("worker-call", "large"),
            ),
            Figure(
                "second-program",
                "environment ready - its import",
                "A-B ms",
                300,
                self._work("second-program"),
            ),
            *(
                Figure(
                    f"memory-back-{name}",
                    f"not back after unload of {binding}",
                    "A/B %",
                    2,
                    self._memory_back(binding),
                )
                for name, binding in (
                    ("piper", "tts/piper"),
                    ("whisper", "stt/whisper/tiny.en"),
                )
            ),
            Figure("verification", "share of a call", "A/B %", 2, self._work("verification")),
            Figure("piper", "tts/piper / piper alone", "A/B", 1.03, self._work("piper")),
            Figure("kokoro", "tts/kokoro / kokoro-onnx alone", "A/B", 1.03, self._work("kokoro")),
            *self._of_engines(),
            *self._of_services(),
        ]
        for name, library in (("faster_whisper", "faster-whisper"), ("whisper", "openai-whisper")):
            for sound, spoken in SOUNDS.items():
                what, measure = stt.format(name, library, spoken.about), self._hearing(name, sound)
                figures.append(Figure(f"{name}-{sound}", what, "A/B", 1.03, measure))
        for sound, spoken in SOUNDS.items():
            what, measure = default.format(spoken.about), self._hearing("default-stt", sound)
            figures.append(Figure(f"default-stt-{sound}", what, "B/A", 4, measure))
        what = "peak memory: omnibind {} / the library alone"
        for command, measure in (
            ("speak", self._speak_memory),
            ("transcribe", self._transcribe_memory),
        ):
            told = what.format(command)
            figures.append(Figure(f"{command}-memory", told, "A/B", 1.15, measure))
        return figures

    def _of_engines(self) -> list[Figure]:
        """Return the figures of engines that bench_engines.py times."""
        one = (
            ("whispercpp", "stt/whispercpp / whisper-cli alone, 5 s", 1.05),
            ("hearing", "stt/transformers / pipeline alone, 5 s", 1.03),
            ("bark", "tts/bark / BarkModel alone", 1.03),
            ("musicgen", "ttm/transformers / MusicGen alone", 1.03),
            ("pictures", "tti/diffusers / pipeline alone", 1.03),
            ("film", "ttv/diffusers / pipeline alone", 1.03),
        )
        measures: dict[str, Callable[[int], list[Pair]]] = {
            "whispercpp": lambda pairs: self._work(
                "whispercpp", self._sound("short"), self._weights_of("stt/whispercpp/tiny")
            )(pairs),
            "hearing": lambda pairs: self._work(
                "hearing", self._sound("short"), self._weights_of("stt/whisper/tiny.en")
            )(pairs),
            "bark": self._work("bark", "1"),
        }
        eight = "BarkModel one by one / tts/bark, eight sentences"
        four = "four {} one by one / at once"
        return [
            *(
                Figure(name, what, "A/B", limit, measures.get(name) or self._work(name))
                for name, what, limit in one
            ),
            Figure("bark-eight", eight, "B/A", 1.5, self._work("bark", "8")),
            Figure(
                "four-pictures", four.format("pictures"), "B/A", 1.3, self._work("four-pictures")
            ),
            Figure(
                "musicgen-together",
                four.format("MusicGen calls"),
                "B/A",
                1.5,
                self._work("musicgen-together"),
            ),
        ]

    def _of_services(self) -> list[Figure]:
        """Return the figures of remote bindings that bench_remote.py times."""
        return [
            Figure(name, what, value, limit, self._work(name))
            for name, what, value, limit in (
                ("remote-call", "service's call / bare httpx2", "A/B", 1.15),
                ("remote-asyncio", "awaited one / bare httpx2", "A/B", 1.15),
                ("remote-at-once", "500 at once: bare httpx2 / ours", "B/A", 0.8),
                ("remote-sdk", "service's call / its own package", "A/B", 1.0),
                ("remote-import", "import of all remote bindings", "A ms", 150),
            )
        ]

    # Each of these returns the function that measures a figure's pairs.

    def _cpu(self, statement: str) -> Callable[[int], list[Pair]]:
        def measure(pairs: int) -> list[Pair]:
            ours, bare = [sys.executable, "-c", statement], [sys.executable, "-c", "pass"]
            return self._in_turn(
                pairs, lambda: self._child(ours).cpu_s, lambda: self._child(bare).cpu_s
            )

        return measure

    def _work(self, name: str, *arguments: str) -> Callable[[int], list[Pair]]:
        def measure(pairs: int) -> list[Pair]:
            found: list[Pair] = self._ask(name, str(pairs), *arguments)
            return found

        return measure

    def _memory_back(self, binding: str) -> Callable[[int], list[Pair]]:
        return lambda pairs: self._work("memory-back", binding, self._sound("short"))(pairs)

    def _hearing(self, name: str, sound: str) -> Callable[[int], list[Pair]]:
        extra = (str(threads()),) if name == "faster_whisper" else ()
        return lambda pairs: self._work(name, self._sound(sound), *extra)(pairs)

    def _listing(self, kind: str, count: int) -> Callable[[int], list[Pair]]:
        def measure(pairs: int) -> list[Pair]:
            with tempfile.TemporaryDirectory() as folder:
                home = {"OMNIBIND_HOME": f"{folder}/home"}
                self._ask("folders", folder, str(count))
                order = ("listing", kind, folder)
                return [tuple(self._ask(*order, **home)) for _ in range(pairs)]

        return measure

    def _speak_memory(self, pairs: int) -> list[Pair]:
        out = str(self._folder / "spoken.wav")
        voice = f"{self._weights_of('tts/piper/en_US-joe-medium')}/en_US-joe-medium.onnx"
        ours = [sys.executable, "-m", "omnibind", "speak", SHORT, "-o", out]
        bare = [sys.executable, "-c", BARE_SPEAK, voice, out, SHORT]
        return self._peaks(pairs, ours, bare)

    def _transcribe_memory(self, pairs: int) -> list[Pair]:
        sound = self._sound("short")
        model = self._weights_of("stt/faster_whisper/tiny.en")
        ours = [sys.executable, "-m", "omnibind", "transcribe", sound]
        bare = [sys.executable, "-c", BARE_TRANSCRIBE, model, sound, str(threads())]
        return self._peaks(pairs, ours, bare)

    def _peaks(self, pairs: int, ours: list[str], bare: list[str]) -> list[Pair]:
        return self._in_turn(
            pairs, lambda: self._child(ours).peak_bytes, lambda: self._child(bare).peak_bytes
        )

    def _in_turn(
        self, pairs: int, ours: Callable[[], float], bare: Callable[[], float]
    ) -> list[Pair]:
        ours(), bare()  # the first of each also fills caches
        return [(ours(), bare()) for _ in range(pairs)]

    def _sound(self, name: str) -> str:
        if name not in self._sounds:
            path = str(self._folder / f"{name}.wav")
            self._ask("sound", SOUNDS[name].text, path)
            self._sounds[name] = path
        return self._sounds[name]

    def _weights_of(self, label: str) -> str:
        if label not in self._weights:
            self._weights[label] = self._ask("weights", label)
        return self._weights[label]

    def _ask(self, *arguments: str, **variables: str) -> Any:
        answer = self._folder / "answer.json"
        self._child([sys.executable, str(WORK), str(answer), *arguments], variables)
        return json.loads(answer.read_bytes())

    def _child(self, command: Sequence[str], variables: dict[str, str] | None = None) -> Spent:
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command,
                env={**self._environment, **(variables or {})},
                cwd=self._folder,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                errors.seek(0)
                lines = errors.read().decode("utf-8", "replace").strip().splitlines()
                raise Failed(lines[-1] if lines else f"exit code {process.returncode}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Spent(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


class Spent(NamedTuple):
    """What a child process used: CPU seconds, and the most memory at once."""

    cpu_s: float
    peak_bytes: float


def threads() -> int:
    """Return the threads that stt/faster_whisper takes where nothing is configured."""
    return min(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1, 8)


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0].partition(":")[2].strip() if models else cpu
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def row(result: Result) -> str:
    """Return one line of the table."""
    figure, unit = result.figure, result.figure.value.partition(" ")[2]
    digits = {"": 3, "%": 2}.get(unit, 1)
    median, low, high = (f"{x:.{digits}f}" for x in (result.median, result.low, result.high))
    limit = "-"
    if figure.limit is not None:
        limit = f"{'≥' if figure.more_is_better else '≤'} {figure.limit:g}"
    return (
        f"{figure.name:<20} {median + ' ' + (unit or '×'):>10}  {low:>8} … {high:<8} {limit:>7}  "
        f"{result.verdict:<4}  {figure.what}"
    )


def main() -> int:
    """Measure what was asked for; 1 where something couldn't be measured."""
    parser = argparse.ArgumentParser(description="Measure what omnibind costs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures, or how they begin")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every pair here")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="%(default)s where not given")
    parser.add_argument("--quick", action="store_true", help="few pairs; not for quoting")
    arguments = parser.parse_args()
    if importlib.util.find_spec("omnibind") is None:
        parser.error("omnibind isn't installed for this Python; run .venv-test/bin/python")
    pairs = QUICK_PAIRS if arguments.quick else arguments.pairs
    if pairs < 2:
        parser.error("--pairs: give at least 2")
    results: list[Result] = []
    failures: dict[str, str] = {}
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    if pairs < PAIRS:
        print(f"NOT FOR QUOTING: {pairs} pairs instead of {PAIRS}")
    with tempfile.TemporaryDirectory() as folder:
        known = Bench(Path(folder)).figures()
        chosen = [f for f in known if f.name.startswith(tuple(arguments.names) or "")]
        if not chosen:
            parser.error(f"there is no such figure; there are {', '.join(f.name for f in known)}")
        print(f"{'figure':<20} {'median':>10}  {'80 % of the pairs':<19} {'limit':>7}")
        for figure in chosen:
            try:
                results.append(result_of(figure, figure.pairs(pairs)))
            except Failed as error:
                failures[figure.name] = str(error)
                print(f"{figure.name:<20} not measured: {error}", flush=True)
            else:
                print(row(results[-1]), flush=True)
    if arguments.json:
        document = {
            "machine": about,
            "pairs": pairs,
            "for_quoting": pairs >= PAIRS,
            "figures": [result.data() for result in results],
            "not_measured": failures,
        }
        arguments.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

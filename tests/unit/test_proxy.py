"""Proxies: bindings in workers behave as those in this process do."""

from __future__ import annotations

import gc
import inspect
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import BindingWriter
from tests.worker_binding import Caller, made_of, pid_of, proxy, write

from omnibind import Audio, TTIBinding, TTSBinding
from omnibind.contracts.binding import Progress
from omnibind.contracts.errors import BadConfig, BindingBroken, Cancelled, UnknownVoice, WorkerDied
from omnibind.contracts.roots import shipped_roots
from omnibind.managers import MANAGERS
from omnibind.running.slot import instance_of
from omnibind.running.worker import end_all, workers

SHIPPED = Path(shipped_roots()[-1])


@pytest.fixture
def folder(write_binding: BindingWriter) -> Iterator[Path]:
    yield write(write_binding)
    end_all()


def shipped(modality: str, entry: str) -> Any:
    """Return a proxy of a shipped mock."""
    from omnibind.contracts.child import binding_class
    from omnibind.contracts.methods import methods_of
    from omnibind.running.engine import EngineKey
    from omnibind.running.instance import Made
    from omnibind.running.proxy import media_of, proxy_of

    class_ = binding_class(SHIPPED, modality, "mock", entry)
    made = Made(SHIPPED, modality, "mock", entry, {}, methods_of(class_), media_of())
    return proxy_of(made, EngineKey(f"{modality}/mock", SHIPPED))


# ── what it is ──


def test_a_proxy_has_what_the_class_has(folder: Path) -> None:
    binding = proxy(folder)
    assert TTSBinding in type(binding).__mro__
    assert binding.binding_name == "probe"
    for name in ("generate_audio", "generate_audio_batch", "list_voices", "stream_audio", "voices"):
        assert callable(getattr(binding, name))
    assert inspect.isgeneratorfunction(binding.stream_audio)
    instance = instance_of(binding)
    assert instance is not None
    assert instance.worker_pid is None
    assert instance_of(MANAGERS["tts"]().create_binding("mock")) is None
    assert getattr(shipped("tts", "MockTTS"), "stream_audio", None) is None
    assert not workers()


def test_a_proxy_gives_what_the_binding_in_this_process_gives() -> None:
    here: Any = MANAGERS["tti"]().create_binding("mock")
    there = shipped("tti", "MockTTI")
    assert TTIBinding in type(there).__mro__
    picture, same = (one.generate_image("a fox", width=64, height=64) for one in (here, there))
    assert (type(same), same, same.width) == (type(picture), picture, 64)
    assert there.list_services() == here.list_services()
    assert there.get_settings() == here.get_settings()
    assert there.generate_image_batch(["a", "b"]) == here.generate_image_batch(["a", "b"])
    end_all()


def test_errors_are_those_of_the_binding(folder: Path) -> None:
    there = shipped("tts", "MockTTS")
    with pytest.raises(UnknownVoice, match="voice 'bob' is unknown to mock; choose one of alto"):
        there.generate_audio("hi", "bob")
    with pytest.raises(ZeroDivisionError) as caught:
        proxy(folder).generate_audio("1 / 0")
    assert 'File "<string>", line 1' in caught.value.__notes__[0]
    with pytest.raises(Exception, match="3") as ended:
        proxy(folder).generate_audio("sys.exit(3)")
    assert type(ended.value).__name__ == "SystemExit"


def test_a_result_that_cannot_be_sent_is_told_by_its_type(folder: Path) -> None:
    with pytest.raises(Exception, match=r"a value of type _thread\.lock can't pass"):
        proxy(folder).generate_audio("result = threading.Lock()")


def test_a_constructor_that_fails_is_told(folder: Path) -> None:
    code = (folder / "binding.py").read_text()
    (folder / "binding.py").write_text(code.replace("self.engine: Any = None", "1 / 0"))
    with pytest.raises(BindingBroken, match="constructor of tts/probe raises ZeroDivisionError"):
        proxy(folder).load()


def test_a_relative_path_and_an_open_file_mean_the_same_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Audio.from_array(np.zeros(800, np.int16), 8000)
    sound.save(tmp_path / "fox.wav")
    monkeypatch.chdir(tmp_path)
    text = "result = Source.of({}).read()"
    binding = proxy(folder)
    assert binding.generate_audio(text.format("clone"), clone="fox.wav") == sound
    with Path("fox.wav").open("rb") as file:
        assert binding.generate_audio(text.format("clone"), clone=file) == sound
    with Path("fox.wav").open("rb") as file:
        sampled = proxy(folder, {"sample": file})
        assert sampled.generate_audio(text.format("self.sample")) == sound
    sampled.unload()
    assert sampled.generate_audio(text.format("self.sample")) == sound


def test_sixty_megabytes_go_there_and_back(folder: Path) -> None:
    content = os.urandom(1000) * 60_000
    binding = proxy(folder)
    assert binding.generate_audio("result = given['b']", given={"b": content}) == content


def test_who_shares_an_instance_unloads_it_for_nobody_else(folder: Path) -> None:
    one, other = proxy(folder), proxy(folder)
    one.load()
    other.load()
    pid = pid_of(one)
    one.unload()
    assert pid_of(other) == pid
    other.unload()
    assert not workers()


def sizes(binding: Any) -> Any:
    return {one["name"]: one["value"] for one in binding.get_settings()}["text_size"]


def test_settings_are_changed_for_nobody_else() -> None:
    one, other = shipped("tti", "MockTTI"), shipped("tti", "MockTTI")
    assert one.set_settings({"text_size": 30}) is True
    assert [sizes(binding) for binding in (one, other)] == [30, 20]
    end_all()


def test_settings_outlive_the_worker() -> None:
    there = shipped("tti", "MockTTI")
    assert there.set_settings({"text_size": 30}) is True
    assert there.set_settings({"text_size": 30}) is False
    with pytest.raises(BadConfig):
        there.set_settings({"text_size": 1})
    there.load()
    there.unload()
    assert sizes(there) == 30
    end_all()


# ── who shares what ──


def test_equal_bindings_are_one_and_equal_engines_share_a_worker_and_a_model(
    write_binding: BindingWriter,
) -> None:
    one, other = write(write_binding, "one"), write(write_binding, "other")
    first = proxy(one, engine="tts/bark")
    assert proxy(one, engine="tts/bark")._instance is first._instance
    other_model = proxy(one, {"model_name": "large"}, engine="tts/bark")
    assert other_model._instance is not first._instance
    second = proxy(other, engine="tts/bark")
    first.load()
    second.load()
    assert pid_of(first) == pid_of(second)
    model = "result = str(id(self.engine.value)).encode()"
    loaded = first.generate_audio(model)
    assert second.generate_audio(model) == loaded
    assert [first.list_voices().count("small"), second.list_voices().count("small")] == [2, 1]
    pid = pid_of(first)
    first.unload()
    assert second.generate_audio(model) == loaded
    assert pid_of(second) == pid
    second.unload()
    assert not workers()


def test_other_engines_have_workers_of_their_own(write_binding: BindingWriter) -> None:
    one, other = (proxy(write(write_binding, name)) for name in ("one", "other"))
    assert pid_of(one) != pid_of(other)
    end_all()


def test_a_binding_that_nobody_holds_is_forgotten_where_another_lives_on(
    write_binding: BindingWriter,
) -> None:
    names = ("one", "other")
    first, second = (proxy(write(write_binding, name), engine="x") for name in names)
    assert pid_of(first) == pid_of(second)
    count = (
        "import gc; gc.collect()\n"
        "found = [o for o in gc.get_objects() if isinstance(o, TTSBinding)]\n"
        "result = str(len(found)).encode()"
    )
    assert second.generate_audio(count) == b"2"
    del first
    gc.collect()
    until = time.monotonic() + 5
    while (left := second.generate_audio(count)) != b"1" and time.monotonic() < until:
        threading.Event().wait(0.01)
    assert left == b"1"
    end_all()


# ── how calls run ──


def test_progress_is_passed_on(folder: Path) -> None:
    with Caller() as call:
        proxy(folder).generate_audio("self.report(0.5, 'half', 'on'); self.report()")
    assert call.heard == [Progress(0.5, "half", "on"), Progress()]


OVERLAP = """
running = globals().setdefault("RUNNING", [])
running.append(1); LOADS.append(len(running)); time.sleep(0.05); running.pop()
result = str(max(n for n in LOADS if isinstance(n, int))).encode()
"""
OVERLAP = OVERLAP.replace("globals()", "vars(sys)").replace("LOADS", "vars(sys)['MOST']")
OVERLAP = "vars(sys).setdefault('MOST', [])\n" + OVERLAP


@pytest.mark.parametrize("concurrent", [1, 3])
def test_as_many_calls_run_at_once_as_are_allowed(folder: Path, concurrent: int) -> None:
    binding = proxy(folder, concurrent=concurrent)
    with ThreadPoolExecutor(8) as pool:
        most = max(int(one) for one in pool.map(binding.generate_audio, [OVERLAP] * 12))
    assert most == concurrent


def test_calls_of_many_threads_do_not_mix(folder: Path) -> None:
    binding = proxy(folder, concurrent=3)
    with ThreadPoolExecutor(8) as pool:
        wanted = [str(number).encode() for number in range(300)]
        results = pool.map(lambda one: binding.generate_audio(f"result = {one!r}"), wanted)
        assert list(results) == wanted


def test_a_cancel_reaches_the_right_one_of_several_calls(folder: Path) -> None:
    binding = proxy(folder, concurrent=2)
    binding.load()
    begun, done = threading.Event(), []

    def goes_on() -> None:
        with Caller() as call:
            call.on_report = begun.set
            text = "for _ in range(40): self.report(); time.sleep(0.01)\nresult = b'whole'"
            done.append(binding.generate_audio(text))

    thread = threading.Thread(target=goes_on)
    thread.start()
    begun.wait()
    with Caller() as call:
        call.on_report = lambda: setattr(call, "error", Cancelled("enough"))
        with pytest.raises(Cancelled):
            binding.generate_audio("while True: self.report(); time.sleep(0.01)")
    thread.join()
    assert done == [b"whole"]


def test_a_call_that_waits_for_another_can_be_cancelled(folder: Path) -> None:
    binding = proxy(folder)
    pid = pid_of(binding)
    begun = threading.Event()

    def goes_on() -> None:
        with Caller() as call:
            call.on_report = begun.set
            binding.generate_audio("self.report(); time.sleep(0.4)")

    thread = threading.Thread(target=goes_on)
    thread.start()
    begun.wait()
    with Caller() as call:
        call.error = Cancelled("enough")
        started = time.monotonic()
        with pytest.raises(Cancelled):
            binding.generate_audio("")
    assert time.monotonic() - started < 0.3
    thread.join()
    assert pid_of(binding) == pid


def test_the_next_item_is_made_when_it_is_asked_for(folder: Path) -> None:
    binding = proxy(folder)
    stream = binding.stream_audio("3")
    with Caller() as call:
        assert next(stream).index == 0
    assert call.heard == [Progress(0.0, "piece 0")]
    assert next(stream).index == 1
    stream.close()
    assert "stream closed after 1" in binding.list_voices()


def test_a_stream_gives_its_whole_at_the_end(folder: Path) -> None:
    stream = proxy(folder).stream_audio("2")
    assert [next(stream).index for _ in range(2)] == [0, 1]
    with pytest.raises(StopIteration) as end:
        next(stream)
    assert end.value.value == b"the whole"


def test_a_stream_whose_item_is_cancelled_ends_and_its_worker_goes_on(folder: Path) -> None:
    binding = proxy(folder)
    pid = pid_of(binding)
    stream = binding.stream_audio("3")
    next(stream)
    with Caller() as call:
        call.on_report = lambda: setattr(call, "error", Cancelled("enough"))
        with pytest.raises(Cancelled):
            next(stream)
    assert pid_of(binding) == pid
    assert not binding._instance.engine.present.link.streams


def test_a_stream_that_does_not_close_is_ended_with_its_worker(folder: Path) -> None:
    code = (folder / "binding.py").read_text()
    (folder / "binding.py").write_text(
        code.replace("finally:\n", "finally:\n            time.sleep(9)\n")
    )
    binding = proxy(folder)
    pid = pid_of(binding)
    stream = binding.stream_audio("3")
    next(stream)
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 2
    assert pid_of(binding) != pid


def test_a_stream_that_is_closed_while_another_call_runs_is_closed_after_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnibind.running.link.GRACE_S", 0.1)
    binding, begun = proxy(folder), threading.Event()
    pid = pid_of(binding)
    stream = binding.stream_audio("3")
    next(stream)

    def goes_on() -> None:
        with Caller() as call:
            call.on_report = begun.set
            binding.generate_audio("self.report(); time.sleep(0.5)")

    thread = threading.Thread(target=goes_on)
    thread.start()
    begun.wait()
    stream.close()
    thread.join()
    assert "stream closed after 0" in binding.list_voices()
    assert pid_of(binding) == pid


def test_an_engine_that_does_not_let_go_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omnibind.running.instance.UNLOAD_S", 0.1)
    code = (folder / "binding.py").read_text()
    loop = "def unload(self) -> None:\n        time.sleep(600)\n"
    (folder / "binding.py").write_text(code.replace("def unload(self) -> None:\n", loop))
    binding = proxy(folder)
    pid = pid_of(binding)
    binding.unload()
    assert pid_of(binding) != pid


# ── fork ──


def in_fork(work: Callable[[], object]) -> str:
    """Return what ``work`` gives in a forked process."""
    read, write_end = os.pipe()
    child = os.fork()
    if not child:
        try:
            told = str(work())
        except BaseException as error:
            told = repr(error)
        os.write(write_end, told.encode())
        end_all()
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_both_sides_of_a_fork_get_right_answers(folder: Path) -> None:
    binding = proxy(folder)
    pid = pid_of(binding)

    def answers() -> str:
        told = [binding.generate_audio(f"result = b'{n}'") for n in range(200)]
        assert told == [str(n).encode() for n in range(200)]
        return f"{pid_of(binding)}"

    there: list[str] = []
    forked = threading.Thread(target=lambda: there.append(in_fork(answers)))
    forked.start()
    here = answers()
    forked.join()
    assert here == str(pid)
    assert there[0].isdigit()
    assert there[0] != here
    assert pid_of(binding) == pid


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_stream_belongs_to_the_process_that_began_it(folder: Path) -> None:
    binding = proxy(folder)
    stream = binding.stream_audio("3")
    next(stream)
    told = in_fork(lambda: next(stream))
    assert told.startswith("WorkerDied(")
    assert "belongs to another process" in told
    assert next(stream).index == 1
    stream.close()
    with pytest.raises(WorkerDied):
        binding.generate_audio("os._exit(1)")


def test_what_made_says_is_data(folder: Path) -> None:
    made = made_of(folder)
    assert made.methods["stream_audio"] == {"yields": True, "positional": ["text"]}
    assert made.media["clone"] == "audio"
    assert "catalogue" not in made.methods

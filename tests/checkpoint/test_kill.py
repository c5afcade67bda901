"""kill -9 at any moment of a save: the older checkpoint stays the newest good one, and the run goes on from it exactly.

One process imports everything, then forks a child for each case, which trains and kills itself.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from megatron_qm.checkpoint import folder, saving, writer
from tests.checkpoint.tiny_run import job, tiny_run, tiny_runs
from tests.distributed import run_ranks


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def on_call(number: int, function: Callable[..., Any], then: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, but the `number`-th call is `then`."""
    calls = iter(range(1, 10**6))
    return lambda *args, **kwargs: (then if next(calls) == number else function)(*args, **kwargs)


def half_a_tensor(value: Any, stream: Any) -> None:
    stream.write(b"\0" * 100)
    stream.flush()
    die()


# What is replaced while the second checkpoint is saved, and the step of the newest good one afterwards.
MOMENTS: dict[str, tuple[Any, str, Callable[..., Any], int]] = {
    "before anything is written": (writer, "_write_bucket", die, 2),
    "in the middle of a tensor": (writer, "_save", on_call(3, writer._save, half_a_tensor), 2),
    "before the random state": (saving, "save_object", die, 2),
    "before the index": (saving.Saving, "_complete", die, 2),
    "before the manifest": (saving, "write_manifest", die, 2),
    "before the rename": (saving, "publish", die, 2),
    "after the rename": (folder, "retain", die, 3),
}


def in_one_process(directory: str) -> dict[str, Any]:
    report = {}
    for name, (place, attribute, replacement, _) in MOMENTS.items():
        path = Path(directory, name)
        status = in_child(lambda p=path, w=(place, attribute, replacement): train_and_die(p, *w))
        report[name] = {"status": status, **resume(path)}
    path = Path(directory, "asynchronous")
    status = in_child(lambda: die_while_child_writes(path))
    await_end(path)
    report["asynchronous"] = {"status": status, **resume(path)}
    return report


def await_end(directory: Path) -> None:
    """Of the writer: it holds the port of the rank that it belonged to until it is dead."""
    pid = int((directory / "writer.pid").read_text())
    deadline = time.monotonic() + 30  # it is dead at once, and gone when init has noticed
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def in_child(work: Callable[[], None]) -> int:
    """The signal that ended a forked child."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def train_and_die(directory: Path, place: Any, attribute: str, replacement: Callable[..., Any]) -> None:
    with job(), tiny_run() as run:
        store = run.store(directory)
        run.train(2)
        run.save(store)
        run.train(1)
        with mock.patch.object(place, attribute, replacement):
            run.save(store)


def die_while_child_writes(directory: Path) -> None:
    with job(), tiny_run() as run:
        run.train(2)
        run.save(run.store(directory))
        run.train(1)
        store = run.store(directory, asynchronous=True)
        with mock.patch.object(saving, "write_buckets", lambda buckets: time.sleep(600)):
            run.save(store)
        assert store.poll() is None
        Path(directory, "writer.pid").write_text(str(store._saving._work._process.pid))
        die()


def resume(directory: Path) -> dict[str, Any]:
    found = sorted(path.name for path in directory.iterdir())
    good, notes = folder.newest_good(directory)
    answer, question = os.pipe()
    child = os.fork()
    if not child:
        with job(), tiny_runs() as make:
            uninterrupted, resumed = make(1), make(7)
            resumed.load(resumed.store(directory))
            losses = resumed.train(2)
            same = uninterrupted.train(resumed.step)[-2:] == losses and uninterrupted.digest() == resumed.digest()
        os.write(question, b"same" if same else b"different")
        os._exit(0)
    os.waitpid(child, 0)
    os.close(question)
    exact = os.read(answer, 100).decode()
    os.close(answer)
    after = sorted(path.name for path in directory.iterdir())
    return {"found": found, "good": good and folder.step_of(good), "notes": notes, "exact": exact, "after": after}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kill")


@pytest.fixture(scope="module")
def report(directory: Path) -> dict[str, Any]:
    return run_ranks("tests.checkpoint.test_kill:in_one_process", 1, str(directory))[0]


@pytest.mark.parametrize("name", MOMENTS)
def test_killed_while_saving(report: dict[str, Any], name: str) -> None:
    found, newest = report[name], MOMENTS[name][3]
    assert found["status"] == signal.SIGKILL
    assert found["good"] == newest
    assert found["notes"] == []  # what was being written never had the name of a checkpoint
    assert len([entry for entry in found["found"] if entry.endswith(".saving")]) == (1 if newest == 2 else 0)
    assert found["exact"] == "same"
    assert [entry for entry in found["after"] if entry.startswith(".")] == []


def test_killed_while_a_child_is_writing(report: dict[str, Any], directory: Path) -> None:
    found = report["asynchronous"]
    assert found["status"] == signal.SIGKILL
    assert found["good"] == 2
    assert found["exact"] == "same"
    assert [entry for entry in found["after"] if entry.startswith(".")] == []
    pid = int((directory / "asynchronous" / "writer.pid").read_text())
    assert not Path(f"/proc/{pid}").exists(), "the writer outlived the rank that it belonged to"

"""A verifier that misbehaves costs its own sample and nothing else."""

import json
import math
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from megatron_qm.rewards.core_wait import CoreWait, Look
from megatron_qm.rewards.outcome import Scored, Unscored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.samples import Sample, judge
from tests.rewards.bad_verifiers import WAYS

_BAD = "tests.rewards.bad_verifiers:bad"
_PARENT = "tests.rewards.bad_verifiers:parent"
SCORED = {"numpy": 0.5, "late numpy": 1.0, "bool": 1.0, "long": 1.0, "half a pair": 1.0, "prints": 1.0}


def _samples(references):
    return [Sample(_BAD, "", "", reference, {}) for reference in references]


def test_each_way_to_fail_costs_one_unscored():
    with VerifierPool(workers=2, seconds=1.0) as pool:
        found = pool.score(_samples(["1.0", "hang", "0.5", "crash", "memory", "nan", "raise", "none", "0.25", "closes", "1"]))
    assert [one.value for one in found if isinstance(one, Scored)] == [1.0, 0.5, 0.25, 1.0]
    kinds = [one.reason.partition(":")[0] if isinstance(one, Unscored) else "scored" for one in found]
    assert kinds == ["scored", "deadline", "scored", "crash", "memory", "exception", "exception", "no outcome", "scored", "crash",
                     "scored"]
    assert pool.unscored == {"deadline": 1, "crash": 2, "memory": 1, "exception": 2, "no outcome": 1}


def test_whatever_a_verifier_returns_or_raises_an_outcome_of_plain_values_comes_back(capfd: pytest.CaptureFixture) -> None:
    with VerifierPool(workers=2, seconds=20.0) as pool:
        found = dict(zip(WAYS, pool.score(_samples(WAYS)), strict=True))
    assert {way: one.value for way, one in found.items() if isinstance(one, Scored)} == SCORED
    assert not any(one.reason.startswith(("crash", "deadline")) for one in found.values() if isinstance(one, Unscored))
    for one in found.values():
        assert pickle.loads(pickle.dumps(one)) == one and len(json.dumps(vars(one), allow_nan=False)) < 40_000
    told = found["numpy"]
    assert isinstance(told, Scored) and told.parts == {"right": 1.0, "count": 3.0} and told.explanation == "told"
    assert {type(told.value), type(told.explanation), *map(type, told.parts.values())} == {float, str}
    assert found["exit"].reason == "exception: SystemExit: 0" and "cannot say why" in found["mute"].reason
    assert "x" * 100 not in capfd.readouterr().out, "standard output is the run's"


@pytest.mark.parametrize("way", sorted(WAYS.keys() - {"prints"}))
def test_so_it_is_in_this_process_from_where_other_frameworks_call(way: str) -> None:
    found = judge(Sample(_BAD, "", "", way, {}))
    assert isinstance(found, Scored) == (way in SCORED)


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.001, 1.001, "1", b"1", None, [1.0], 1j, 10**400])
def test_a_score_is_a_number_from_0_to_1(value: object) -> None:
    with pytest.raises(ValueError, match="a score must be"):
        Scored(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", ["hang", "crash", "1.0"])
def test_what_a_verifier_has_started_ends_with_it(end: str, tmp_path: Path) -> None:
    """At its deadline, after its crash, and, where it gave a verdict, with the pool."""
    with VerifierPool(workers=1, seconds=3.0) as pool:
        pool.score([Sample(_PARENT, str(tmp_path / "pids"), "", end, {})])
        worker, *started = map(int, (tmp_path / "pids").read_text().split())
        assert end != "1.0" or all(map(_runs, [worker, *started]))
    # of a crash, what had left the session cannot be told from anybody's
    bound, away = started[:1], started[1:]
    _gone([worker, *bound, *([] if end == "crash" else away)])
    _kill(away)


def test_workers_and_what_they_have_started_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    """At once, in the middle of a verdict."""
    program = (f"from megatron_qm.rewards.pool import Sample, VerifierPool\nif __name__ == '__main__':\n"
               f"    VerifierPool(1, 600.0).score([Sample({_PARENT!r}, {str(tmp_path / 'pids')!r}, '', 'hang', {{}})])\n")
    (tmp_path / "killed.py").write_text(program)
    run = subprocess.Popen([sys.executable, str(tmp_path / "killed.py")], env=os.environ | {"PYTHONPATH": os.getcwd()})
    deadline = time.monotonic() + 60
    while not (tmp_path / "pids").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert all(map(_runs, pids))
    run.send_signal(signal.SIGKILL)
    run.wait()
    _gone(pids)


def _runs(pid: int) -> bool:
    """A zombie has ended: whoever must hear of it has not asked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 20
    while (left := [pid for pid in pids if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    _kill(left)
    assert not left


def _kill(pids: list[int]) -> None:
    for pid in pids:
        if _runs(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("way", "kind"), [("stops", "deadline"), ("half a word", "deadline"), ("no word", "crash")])
def test_nobody_is_waited_for_longer_than_the_deadline(way: str, kind: str) -> None:
    """One that is stopped, one in the middle of a message, one that sends what is none."""
    with VerifierPool(workers=2, seconds=1.0) as pool:
        found = pool.score(_samples(["1.0", way, "0.5", "0.25"]))
    assert [one.value for one in found if isinstance(one, Scored)] == [1.0, 0.5, 0.25] and pool.unscored == {kind: 1}


def test_a_sample_that_nobody_fetches_costs_itself_alone() -> None:
    """More than a pipe holds, for a process that is stopped."""
    with VerifierPool(workers=1, seconds=1.0) as pool:
        [who] = pool.score(_samples(["who"]))
        os.kill(int(who.parts["pid"]), signal.SIGSTOP)
        found = pool.score([Sample(_BAD, "", "x" * 4_000_000, "1.0", {}), *_samples(["0.5"])])
    assert [type(one) for one in found] == [Unscored, Scored] and pool.unscored == {"deadline": 1}


def test_tables_are_read_in_no_samples_time() -> None:
    """By every process, by one that takes the place of a lost one, and again for another system."""
    one, other = (Sample("tests.rewards.slow_tables:patient", "", "", "", {"system": system}) for system in ("one", "other"))
    with VerifierPool(workers=2, seconds=0.7) as pool:
        found = pool.score([one, *_samples(["hang", "crash"]), other, one, *_samples(["hang"]), one, other])
        assert [outcome.value for outcome in found if isinstance(outcome, Scored)] == [1.0] * 5
    assert pool.unscored == {"deadline": 2, "crash": 1}


def test_a_pool_whose_processes_never_come_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("megatron_qm.rewards.worker._START_SECONDS", 2.0)
    with VerifierPool(workers=1) as pool, pytest.raises(RuntimeError, match="3 verifier processes did not come up"):
        pool.score([Sample("tests.rewards.slow_tables:patient", "", "", "", {"system": "never"})])


def test_what_others_have_left_in_a_process_costs_nobody_else() -> None:
    """The fourth has no room for its 300 MiB in a process of 1.2 GiB, and room in a new one."""
    with VerifierPool(workers=1, seconds=20.0, memory_bytes=1200 << 20) as pool:
        found = pool.score(_samples(["leaks"] * 8))
    assert found == [Scored(0.5)] * 8


def test_one_percent_hangs_and_one_percent_crashes():
    references = ["hang" if at % 100 == 7 else "crash" if at % 100 == 57 else str(at / 2000) for at in range(2000)]
    with VerifierPool(workers=8, seconds=2.0) as pool:
        found = pool.score(_samples(references))
    assert pool.unscored == {"deadline": 20, "crash": 20}
    for at, (reference, outcome) in enumerate(zip(references, found, strict=True)):
        assert isinstance(outcome, Unscored) if reference in ("hang", "crash") else outcome.value == at / 2000


def test_what_a_process_waits_for_a_core_is_not_its_own_time() -> None:
    """0.6 s of work in a second's deadline, beside seven others on one core: some five seconds by the clock."""
    core = min(os.sched_getaffinity(0))
    spin = [sys.executable, "-c", f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile True: pass"]
    others = [subprocess.Popen(spin, start_new_session=True) for _ in range(7)]
    try:
        with VerifierPool(workers=1, seconds=1.0) as pool:
            sample = Sample("tests.rewards.bad_verifiers:works", "", str(core), "0.6", {})
            start = time.monotonic()
            assert [type(one) for one in pool.score([sample, *_samples(["hang"])])] == [Scored, Unscored]
            took = time.monotonic() - start
    finally:
        for one in others:
            one.kill()
            one.wait()
    assert took > 2.0 + 1.0, "nothing was waited for"
    assert pool.unscored == {"deadline": 1}


@pytest.mark.parametrize(("method", "says"), [("look", lambda _: Look(waited=time.monotonic())), ("runnable", lambda _: True)])
def test_a_process_that_never_gets_done_is_not_waited_for_without_end(
    method: str, says: Callable[[CoreWait], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it says that it waits for cores."""
    monkeypatch.setattr(CoreWait, method, says)
    with VerifierPool(workers=1, seconds=0.1) as pool:
        start = time.monotonic()
        assert pool.score(_samples(["hang"])) == [Unscored("deadline: no verdict in 0.1 s")]
    assert 2.0 <= time.monotonic() - start < 30


def test_a_process_that_spins_has_its_seconds_and_no_more() -> None:
    with VerifierPool(workers=1, seconds=0.5) as pool:
        core = str(min(os.sched_getaffinity(0)))
        start = time.monotonic()
        found = pool.score([Sample("tests.rewards.bad_verifiers:works", "", core, "3600", {})])
    assert found == [Unscored("deadline: no verdict in 0.5 s")] and time.monotonic() - start < 30

"""What strikes a run on a cluster: signals, hangs, bad numbers, lost nodes. It ends where the undisturbed run does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from megatron_qm.drills.compare import compare_runs, tensor_hashes
from megatron_qm.drills.job import steps_done
from megatron_qm.exits import BAD_NUMBERS, HUNG, STOPPED
from tests import warm
from tests.jobs import LAYOUTS, STEPS, finish, kill, rank_pids, records, start, wait_for

LAST = f"step-{STEPS:08d}"
WATCHDOG = ["watchdog.limit_seconds=5", "watchdog.beat_seconds=0.4"]


def megatron_qm(*arguments: str) -> subprocess.CompletedProcess:
    return warm.megatron_qm(*arguments)


@pytest.mark.parametrize(("number", "rank"), [(signal.SIGTERM, None), (signal.SIGUSR1, 1)])
def test_a_signal_saves_and_stops_all_ranks(
    recipe: Path, undisturbed: Path, tmp_path: Path, number: signal.Signals, rank: int | None
) -> None:
    output = tmp_path / "run"
    process = start(recipe, output, *LAYOUTS["TP2+SP"], "checkpoint.every=100")
    wait_for(lambda: steps_done(output) >= 4, process)
    os.kill(process.pid if rank is None else rank_pids(process)[rank], number)
    assert process.wait(60) == STOPPED
    at = steps_done(output)
    assert 4 <= at < STEPS
    assert [path.name for path in (output / "checkpoints").iterdir()] == [f"step-{at:08d}"]
    assert records(output, "event")[-1]["name"] == "stop"
    finish(recipe, output, *LAYOUTS["TP2+SP"])
    assert tensor_hashes(output / "checkpoints" / LAST) == tensor_hashes(undisturbed / "checkpoints" / LAST)
    assert compare_runs(undisturbed, output).difference is None


@pytest.mark.parametrize(("layout", "victim"), [("TP2+SP", 0), ("PP2", 1)])
def test_a_stopped_rank_is_named_in_one_line_and_the_job_ends(recipe: Path, tmp_path: Path, layout: str, victim: int) -> None:
    output = tmp_path / "run"
    process = start(recipe, output, *LAYOUTS[layout], *WATCHDOG, "train.steps=100000")
    wait_for(lambda: steps_done(output) >= 2, process)
    pids = rank_pids(process)
    os.kill(pids[victim], signal.SIGSTOP)
    assert process.wait(60) == HUNG
    text = (output / "terminal.log").read_text() + (output / "logs" / "rank-1.log").read_text()
    lines = {line.strip() for line in text.splitlines() if "error: hang:" in line}
    assert len(lines) == 1, text
    line = lines.pop()
    assert f"rank {victim} (" in line and f"pid {pids[victim]})" in line and "in phase '" in line and " since " in line
    assert f"rank {1 - victim} waits in " in line
    assert json.loads((output / "hang.json").read_text())["culprits"] == [victim]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values()), "a stopped rank outlived the job"


def test_a_rank_that_is_only_slow_is_left_alone(recipe: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    process = start(recipe, output, *LAYOUTS["TP2+SP"], *WATCHDOG)
    wait_for(lambda: steps_done(output) >= 2, process)
    victim = rank_pids(process)[1]
    for _ in range(2):
        os.kill(victim, signal.SIGSTOP)
        time.sleep(2)
        os.kill(victim, signal.SIGCONT)
        time.sleep(0.5)
    assert process.wait(120) == 0, (output / "terminal.log").read_text()[-3000:]


def test_steps_over_the_bound_are_skipped_and_their_documents_quarantined(
    recipe: Path, undisturbed: Path, tmp_path: Path
) -> None:
    norms = [record["grad_norm"] for record in records(undisturbed)]
    bound = (sorted(norms)[-1] + sorted(norms)[-2]) / 2  # one step of the undisturbed run is over it
    over = norms.index(max(norms)) + 1
    output = tmp_path / "run"
    finish(recipe, output, *LAYOUTS["TP2+SP"], f"guard.max_grad_norm={bound}")
    skipped = [event for event in records(output, "event") if event["name"] == "skipped"]
    assert skipped[0]["step"] == over and "guard.max_grad_norm" in skipped[0]["detail"]
    lines = [json.loads(line) for line in (output / "quarantine.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [event["step"] for event in skipped]
    assert lines[0]["grad_norm"] == max(norms)
    assert sum(span["tokens"] for span in lines[0]["documents"]) == 512, "the whole batch"
    assert records(output)[-1]["tokens"] == records(undisturbed)[-1]["tokens"], "a skipped batch is not read again"
    again = tmp_path / "again"
    process = start(recipe, again, *LAYOUTS["TP2+SP"], f"guard.max_grad_norm={bound}")
    wait_for(lambda: steps_done(again) >= over, process)
    kill(process)
    finish(recipe, again, *LAYOUTS["TP2+SP"], f"guard.max_grad_norm={bound}")
    assert compare_runs(output, again).difference is None
    assert [json.loads(line)["step"] for line in (again / "quarantine.jsonl").read_text().splitlines()] == [
        line["step"] for line in lines
    ]


def test_too_many_bad_steps_in_a_row_end_the_run_with_a_code_of_their_own(recipe: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    process = start(recipe, output, "guard.max_grad_norm=1e-6", "guard.max_in_a_row=3", "checkpoint.every=1", ranks=1)
    assert process.wait(120) == BAD_NUMBERS
    text = (output / "terminal.log").read_text()
    assert "Traceback" not in text and "step 3" in text and "quarantine.jsonl" in text and "megatron-qm replay" in text
    assert len((output / "quarantine.jsonl").read_text().splitlines()) == 3
    assert not list((output / "checkpoints").glob("*")), "what may be sick is not saved"


@pytest.fixture(scope="module")
def with_local_copies(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A run that was killed five steps or more after its last shared checkpoint, with a local copy of every step."""
    folder = tmp_path_factory.mktemp("local")
    output = folder / "run"
    options = [*LAYOUTS["TP2+SP"], "checkpoint.every=100", f"checkpoint.local={folder / 'disk'}", "checkpoint.local_every=1"]
    process = start(recipe, output, *options)
    wait_for(lambda: steps_done(output) >= 6, process)
    kill(process)
    return output, options


def resumed(recipe: Path, run: tuple[Path, list[str]], tmp_path: Path) -> Path:
    """A copy of the killed run, finished; the local copies are shared, so that each test alters its own."""
    output, options = run
    mine = tmp_path / "run"
    shutil.copytree(output, mine)
    disk = tmp_path / "disk"
    shutil.copytree(output.parent / "disk", disk)
    return mine, [option.replace(str(output.parent / "disk"), str(disk)) for option in options]


def test_after_a_kill_it_goes_on_from_the_newest_local_copies_and_says_so(
    recipe: Path, undisturbed: Path, with_local_copies: tuple[Path, list[str]], tmp_path: Path
) -> None:
    output, options = resumed(recipe, with_local_copies, tmp_path)
    finish(recipe, output, *options)
    event = next(event for event in records(output, "event") if event["name"] == "resume")
    assert event["step"] >= 5 and "local copies" in event["detail"]
    assert compare_runs(undisturbed, output).difference is None


def test_a_node_that_lost_its_copy_sends_all_ranks_to_an_older_set(
    recipe: Path, undisturbed: Path, with_local_copies: tuple[Path, list[str]], tmp_path: Path
) -> None:
    output, options = resumed(recipe, with_local_copies, tmp_path)
    newest = sorted((tmp_path / "disk").glob("*/step-*/rank-00001.pt"))[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    finish(recipe, output, *options)
    event = next(event for event in records(output, "event") if event["name"] == "resume")
    assert event["step"] < int(newest.parent.name.removeprefix("step-"))
    assert compare_runs(undisturbed, output).difference is None


def test_copies_of_another_run_are_left_alone(
    recipe: Path, with_local_copies: tuple[Path, list[str]], tmp_path: Path
) -> None:
    output, options = resumed(recipe, with_local_copies, tmp_path)
    shutil.rmtree(output)
    finish(recipe, output, *options)
    assert records(output, "event")[0]["name"] == "start"


def test_replay_runs_the_very_batch_again(undisturbed: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")}
    done = megatron_qm("replay", "--run", str(undisturbed), "--step", str(STEPS - 1))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the same to the last bit") == 2
    assert "the one that the ledger records" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")} == before, "replay must not touch the run"


def test_replay_of_a_step_that_is_not_there(undisturbed: Path) -> None:
    done = megatron_qm("replay", "--run", str(undisturbed), "--step", "99")
    assert done.returncode == 2 and "99" in done.stderr and "Traceback" not in done.stderr


def test_verify_resume_proves_it(recipe: Path) -> None:
    done = megatron_qm("verify-resume", "--config", str(recipe), "--nproc", "2", "--steps", "6", "--kills", "1", "parallel.tp=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed all ranks" in done.stdout and "the same to the last bit" in done.stdout


def test_a_comparison_names_the_first_difference(recipe: Path, undisturbed: Path, tmp_path: Path) -> None:
    finish(recipe, tmp_path / "other", *LAYOUTS["TP2+SP"], "train.seed=7")
    difference = compare_runs(undisturbed, tmp_path / "other").difference
    assert difference is not None and difference.startswith("tensor ")
    shutil.copytree(undisturbed, tmp_path / "copy")
    assert compare_runs(undisturbed, tmp_path / "copy").difference is None
    metrics = tmp_path / "copy" / "metrics.jsonl"
    metrics.write_text(metrics.read_text().replace('"grad_norm":0.', '"grad_norm":1.', 1))
    difference = compare_runs(undisturbed, tmp_path / "copy").difference
    assert difference is not None and difference.startswith("metrics train")


def test_a_second_job_in_the_same_folder_is_refused_by_name(tmp_path: Path) -> None:
    from megatron_qm.errors import UserError
    from megatron_qm.train.lock import locked

    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys, time; from pathlib import Path; from megatron_qm.train.lock import locked\n"
         f"with locked(Path({str(tmp_path)!r})): print('held', flush=True); time.sleep(60)"], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"another job writes there.*pid {holder.pid}"), locked(tmp_path, wait_seconds=0.6):
            pass
    finally:
        holder.kill()
        holder.wait()
    with locked(tmp_path, wait_seconds=0):
        pass  # a lock goes with its process, however it ended


def test_a_removed_source_needs_the_key_that_allows_it(recipe: Path, undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "run")
    only_a = f"data.sources=[{{name: a, prefix: {recipe.parent}/A}}]"
    command = ["pretrain", "--config", str(recipe), "--nproc", "1", f"output={tmp_path / 'run'}", only_a, "train.steps=13"]
    refused = megatron_qm(*command)
    assert refused.returncode == 2 and "data.allow_removed=['b']" in refused.stderr
    allowed = megatron_qm(*command, "data.allow_removed=[b]")
    assert allowed.returncode == 0, allowed.stderr
    assert records(tmp_path / "run")[-1]["step"] == 13

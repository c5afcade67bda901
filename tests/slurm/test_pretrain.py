"""`sbatch launch/slurm/pretrain.sh` on a real Slurm: whatever strikes the job, it ends as the undisturbed one, bit for bit."""

import os
import signal
from pathlib import Path

import pytest

from megatron_qm.drills.compare import compare_runs
from tests.slurm.runs import STEPS, Faults, Training

pytestmark = pytest.mark.slurm


def rank_killed(training: Training, job: int) -> None:
    os.kill(training.rank_pid(job, 3), signal.SIGKILL)


def rank_stopped(training: Training, job: int) -> None:
    os.kill(training.rank_pid(job, 2), signal.SIGSTOP)


def node_crashed(training: Training, job: int) -> None:
    training.cluster.crash_node(training.node_of(job, 2))


def batch_node_crashed(training: Training, job: int) -> None:
    training.cluster.crash_node(training.node_of(job, 0))


def time_limit_near(training: Training, job: int) -> None:
    training.cluster.run("scancel", "--signal=USR1", "--batch", str(job))


def requeued_by_an_admin(training: Training, job: int) -> None:
    training.cluster.run("scontrol", "requeue", str(job))


def preempted(training: Training, job: int) -> None:
    """A job of a partition of higher priority wants all nodes for a moment."""
    training.cluster.submit("--partition=urgent", "--nodes=3", "--exclusive", "--output=/dev/null", "--wrap", "sleep 1",
                            folder=training.recipe.parent)


FAULTS = {"a rank killed": rank_killed, "a rank stopped (hang)": rank_stopped, "a node crashed": node_crashed,
          "the first node crashed": batch_node_crashed, "the time limit (signal)": time_limit_near,
          "scontrol requeue": requeued_by_an_admin, "preempted": preempted}


@pytest.mark.parametrize("name", FAULTS)
def test_a_disturbed_job_comes_back_and_ends_as_the_undisturbed_one(
    training: Training, undisturbed_job: Path, faults: Faults, tmp_path: Path, name: str
) -> None:
    output, act = tmp_path / "run", FAULTS[name]
    job = training.submit(output)
    training.wait_for_step(job, output, 6)
    try:
        faults.rows.append(training.strike(name, job, output, lambda: act(training, job)))
        assert training.cluster.wait(job)["JobState"] == "COMPLETED", training.log(output)
    finally:
        training.cluster.run("scancel", str(job), check=False)  # where it hangs, only this test fails
        bring_nodes_back(training)
    found = compare_runs(undisturbed_job, output)
    assert found.difference is None, found.difference
    assert (output / "checkpoints" / f"step-{STEPS:08d}").is_dir()
    if name == "a rank stopped (hang)":
        assert "hang: " in (output / "slurm" / "restarts").read_text()
        assert "rank 2 (" in (output / "slurm" / "restarts").read_text()
    if name == "the time limit (signal)":
        assert faults.rows[-1].steps_lost == 0, "it saved before it stopped"


def bring_nodes_back(training: Training) -> None:
    cluster = training.cluster
    for node in cluster.nodes:
        if node not in cluster._daemons:
            cluster.start_node(node)
    cluster._wait_until_idle()


def test_a_job_runs_on_while_the_controller_is_restarted(training: Training, undisturbed_job: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    job = training.submit(output)
    training.wait_for_step(job, output, 4)
    training.cluster.kill_controller()
    training.cluster.start_controller()
    assert training.cluster.wait(job)["JobState"] == "COMPLETED", training.log(output)
    assert compare_runs(undisturbed_job, output).difference is None
    assert training.cluster.job(job)["Restarts"] == "0"


def test_what_a_user_must_mend_fails_in_seconds_without_a_restart(training: Training, tmp_path: Path) -> None:
    output = tmp_path / "run"
    job = training.submit(output, "parallel.tp=3")
    assert training.cluster.wait(job, 60)["JobState"] == "FAILED"
    log = (tmp_path / "job.log").read_text()
    assert "parallel.tp = 3 does not divide" in log and "Traceback" not in log
    assert training.cluster.job(job)["Restarts"] == "0"
    assert not (output / "slurm" / "exit").exists(), "no rank was started"


def test_restarts_without_progress_come_to_an_end(training: Training, tmp_path: Path) -> None:
    """A rank that cannot live: the first node's Python is killed again and again before any checkpoint."""
    output = tmp_path / "run"
    broken = tmp_path / "megatron-qm"
    command = Path(training_command())
    broken.write_text(f'#!/bin/bash\nif [ "$1" = pretrain ] && [ -n "${{SLURM_STEP_ID:-}}" ] && [ "${{SLURM_PROCID:-}}" = 1 ] '
                      f'&& [[ "$*" != *--dry-run* ]]; then exit 139; fi\nexec {command} "$@"\n')
    broken.chmod(0o755)
    job = training.cluster.submit(
        "--nodes=1", "--ntasks-per-node=2", "--gpus-per-node=0", f"--output={tmp_path}/job.log",
        str(Path(__file__).parents[2] / "launch/slurm/pretrain.sh"), "--config", str(training.recipe), f"output={output}",
        folder=tmp_path, environment={"MQM_COMMAND": str(broken), "MAX_RESTARTS_WITHOUT_PROGRESS": "2", "OMP_NUM_THREADS": "1"})
    assert training.cluster.wait(job, 120)["JobState"] == "FAILED"
    log = (tmp_path / "job.log").read_text()
    assert "3 restarts and no checkpoint after step 0" in log and "rank-00001 code 139" in log
    assert len((output / "slurm" / "restarts").read_text().splitlines()) == 3


def training_command() -> str:
    import sys

    return str(Path(sys.executable).parent / "megatron-qm")

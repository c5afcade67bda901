"""`sbatch launch/slurm/medical_rl.sh` on a real Slurm: struck in its rollouts or updates, it ends as on one machine."""

import os
import signal
from pathlib import Path

import pytest

from megatron_qm.drills.compare import compare_runs
from tests.align.stages import run
from tests.slurm.cluster import Cluster
from tests.slurm.runs import Training

pytestmark = pytest.mark.slurm
OVERRIDES = ["train.steps=24", "parallel.tp=2", "parallel.sp=true", "rl.prompts=2", "checkpoint.every=4"]


def test_a_job_whose_rank_is_killed_ends_as_the_run_of_one_machine(
    cluster: Cluster, tiny: Path, policy: Path, tmp_path: Path
) -> None:
    overrides = [f"train.start_from={policy}", *OVERRIDES]
    training = Training(cluster, tiny / "rl.yaml", "rl", "medical_rl.sh", overrides)
    output = tmp_path / "job" / "run"
    job = training.submit(output)
    training.wait_for_step(job, output, 6)
    try:
        fault = training.strike("a rank killed", job, output, lambda: os.kill(training.rank_pid(job, 3), signal.SIGKILL))
        assert training.cluster.wait(job)["JobState"] == "COMPLETED", training.log(output)
    finally:
        cluster.run("scancel", str(job), check=False)
    assert fault.steps_lost <= 4
    run("rl", tiny / "rl.yaml", tmp_path / "alone", *overrides, ranks=4)
    found = compare_runs(tmp_path / "alone", output)
    assert found.difference is None, found.difference

"""What the launchers decide, on a real Slurm, with a command that stands for megatron-qm and fails as told."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from megatron_qm.commands.dry_run import describe, ranks_of
from megatron_qm.config.run import load_run
from tests.slurm.cluster import Cluster

pytestmark = pytest.mark.slurm

LAUNCH = Path(__file__).parents[2] / "launch" / "slurm"
FAKE = """#!/bin/bash
case "$*" in
  --version) [ "${SLURMD_NODENAME:-}" != "${FAKE_UNFIT:-}" ] || exit 1 ;;
  report*) ;;
  *--dry-run*) touch "$FAKE_OUTPUT.dry"; sleep "${FAKE_DRY_SECONDS:-0}"; echo "output: $FAKE_OUTPUT" ;;
  pretrain*)
    if [ "$SLURM_PROCID" = 1 ] && [ -n "${FAKE_DIES:-}" ] && mkdir "$FAKE_OUTPUT.died" 2>/dev/null; then exit 9; fi
    sleep "${FAKE_SECONDS:-1}" ;;
esac
"""


def submit(cluster: Cluster, folder: Path, **variables: str) -> int:
    fake = folder / "megatron-qm"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    environment = {"MQM_COMMAND": str(fake), "FAKE_OUTPUT": str(folder / "run")} | variables
    return cluster.submit("--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=0", f"--output={folder}/job.log",
                          str(LAUNCH / "pretrain.sh"), folder=folder, environment=environment)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_unfit_node_is_left_out_and_a_spare_one_takes_over(cluster: Cluster, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, FAKE_UNFIT="vn2", EXCLUDE_UNFIT="1")
    ended = cluster.wait(job, 90)
    assert ended["JobState"] == "COMPLETED", (tmp_path / "job.log").read_text()
    assert (ended["Restarts"], ended["ExcNodeList"], ended["NodeList"]) == ("1", "vn2", "vn[1,3]")


def test_the_time_limit_between_two_attempts_requeues(cluster: Cluster, tmp_path: Path) -> None:
    restarts = tmp_path / "run" / "slurm" / "restarts"
    job = submit(cluster, tmp_path, FAKE_DIES="1")
    wait_for(restarts.exists)
    cluster.run("scancel", "--signal=USR1", "--batch", str(job))
    ended = cluster.wait(job, 90)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), (tmp_path / "job.log").read_text()


def test_the_time_limit_before_the_ranks_are_started_requeues(cluster: Cluster, tmp_path: Path) -> None:
    job = submit(cluster, tmp_path, FAKE_DRY_SECONDS="2")
    wait_for((tmp_path / "run.dry").exists)
    cluster.run("scancel", "--signal=USR1", "--batch", str(job))
    ended = cluster.wait(job, 90)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), (tmp_path / "job.log").read_text()


def library(folder: Path, commands: str) -> subprocess.CompletedProcess:
    (folder / "slurm" / "logs").mkdir(parents=True, exist_ok=True)
    start = f"set -euo pipefail; source {LAUNCH}/lib.sh; MQM_OUTPUT={folder} SLURM_JOB_ID=7 MQM_RESTART=0 MQM_ATTEMPT=0; "
    return subprocess.run(["bash", "-c", start + commands], capture_output=True, text=True)


@pytest.mark.parametrize("reason", ["srun ended with code 1", "hang: rank 1 in phase 'forward' of step 11 since 09:50"])
def test_the_limit_counts_restarts_at_one_checkpoint_whatever_the_reason_says(tmp_path: Path, reason: str) -> None:
    done = library(tmp_path, f'for i in 1 2 3 4 5; do mqm_note_restart "{reason}"; echo "$i"; done')
    assert (done.returncode, done.stdout.split()) == (1, ["1", "2", "3"])
    assert f"4 restarts and no checkpoint after step 0; the last reason: {reason}" in done.stderr


def test_restarts_of_an_earlier_job_do_not_count(tmp_path: Path) -> None:
    earlier = library(tmp_path, 'for i in 1 2 3; do mqm_note_restart "srun ended with code 1"; done')
    done = library(tmp_path, 'SLURM_JOB_ID=8; mqm_note_restart "srun ended with code 1"')
    assert (earlier.returncode, done.returncode) == (0, 0), done.stderr


def test_a_code_without_an_error_line_is_kept(tmp_path: Path) -> None:
    done = library(tmp_path, "MQM_CODES=$MQM_OUTPUT; echo 2 > $MQM_CODES/rank-00001; "
                             'mqm_rank_ended_with 2 && mqm_tell_and_exit 2 "there is something to mend"')
    assert done.returncode == 2 and "rank-00001 ended with code 2: there is something to mend" in done.stdout


@pytest.mark.parametrize(("work", "code", "starts"), [
    ("exit 0", 0, 1), ("exit 2", 2, 1), ("exit 1", 1, 1), ("kill -9 $$", 137, 4),
    ("[ $(wc -l <starts) = 3 ] || kill -9 $$", 0, 3), ("[ $(wc -l <starts) = 2 ] && exit 2; kill -9 $$", 2, 2),
])
def test_a_process_is_started_again_as_long_as_that_may_help(tmp_path: Path, work: str, code: int, starts: int) -> None:
    script = tmp_path / "work.sh"
    script.write_text(f"echo >>starts; {work}\n")
    done = library(tmp_path, f"cd {tmp_path}; code=0; mqm_run_process bash work.sh || code=$?; echo code $code")
    assert done.stdout.split()[-1] == str(code), done.stdout + done.stderr
    assert len((tmp_path / "starts").read_text()) == starts


@pytest.mark.parametrize("folder", [
    "runs/x", None, "null", "1e3", "it's: a # 'b'", "", "läufe/模型", "  two  spaces ", f"long {'word ' * 60}end",
    f"it's: {'word ' * 60}",
])
def test_folders_are_read_from_the_dry_run_whatever_their_names(tmp_path: Path, folder: str | None) -> None:
    config = load_run("tiny-cpu")
    config = replace(config, output=folder or "", checkpoint=replace(config.checkpoint, local=folder))
    (tmp_path / "plan").write_text(describe(config, ranks_of(config, None)))
    for key in ("output", "checkpoint.local"):
        done = library(tmp_path, f"mqm_planned {key} <{tmp_path}/plan")
        assert (done.returncode, done.stdout.removesuffix("\n")) == (0, folder or ""), done.stderr


def test_a_folder_that_no_shell_should_see_is_refused(tmp_path: Path) -> None:
    done = library(tmp_path, """mqm_planned output <<<'output: "a\\e[0mb"'""")
    assert done.returncode == 2 and "error: output = " in done.stderr

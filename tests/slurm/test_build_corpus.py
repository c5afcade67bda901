"""`sbatch launch/slurm/build_corpus.sh` on a real Slurm: whatever strikes a task, the corpus is byte for byte that of one run."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_tools.build_corpus import main
from tests.data_tools.corpus.built import outcome
from tests.data_tools.corpus.toy import rows
from tests.data_tools.raw_texts import write_tokenizer
from tests.jobs import environment_of
from tests.slurm.cluster import Cluster
from tests.slurm.test_launchers import COMMAND, LAUNCH, ROOT

pytestmark = pytest.mark.slurm
TASKS, COUNT = 3, 2500
CHAIN = ["clean", "deduplicate", "decontaminate", "publish"]


def write_corpus(folder: Path, count: int) -> Path:
    """Five files, so that three tasks get some each; near-duplicates, items of an exam, what identifies a person."""
    for number in range(5):
        lines = [{"id": f"{number}-{row['id']}", "text": f"{row['text']} {row['text']}. Phone 13800138000 {number}."}
                 for row in rows(count, number)]  # fmt: skip
        (folder / f"part-{number}.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    (folder / "exam.jsonl").write_text(json.dumps({"question": rows(40, 1)[33]["text"]}, ensure_ascii=False) + "\n")
    config = folder / "corpus.yaml"
    config.write_text(f"""\
output: {folder}/out
sources: [{{name: notes, paths: ['{folder}/part-*.jsonl'], licence: own, kind: record, type: inpatient}}]
stages:
  clean: {{}}
  deidentify: {{}}
  grade: {{}}
  deduplicate: {{memory_gib: 0.5}}
  decontaminate: {{against: {{exam: '{folder}/exam.jsonl'}}}}
preprocess: {{tokenizer: '{write_tokenizer(folder / "tokenizer")}'}}
commit_seconds: 0
shard_bytes: 300000
block_bytes: 16384
""")
    return config


class Chain:
    """Jobs of one submission. numbers: of each, by its name."""

    def __init__(self, cluster: Cluster, config: Path, *words: str, options: tuple[str, ...] = (), **variables: str) -> None:
        self.cluster, self.folder, self.output = cluster, config.parent, config.parent / "out"
        environment = {"MQM_COMMAND": COMMAND, "PYTHONPATH": str(ROOT)} | variables
        self.first = cluster.submit(f"--output={self.folder}/job.log", *options, str(LAUNCH / "build_corpus.sh"), "--config",
                                    str(config), *words, folder=self.folder, environment=environment)
        self.state = cluster.wait(self.first, 120)["JobState"]
        told = [line.split() for line in self.lines() if " submitted (job " in line]
        self.numbers = {words[2].rstrip(":"): words[-1].rstrip(")") for words in told}

    def lines(self) -> list[str]:
        path = self.output / "slurm/chain.log"
        return path.read_text().splitlines() if path.exists() else []

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-1500:]
                         for path in [self.folder / "job.log", *sorted((self.output / "slurm").rglob("*log"))])

    def tasks(self) -> list[str]:
        array, *others = self.numbers.values()
        return [*(f"{array}_{index}" for index in range(TASKS)), *others]

    def wait(self, seconds: float = 300) -> dict[str, str]:
        """States of all jobs, when the last has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            jobs = {task: self.cluster.job(task) for task in self.tasks()}
            for task, job in jobs.items():
                self.cluster.skip_requeue_delay(task, job)
            states = {task: job.get("JobState", "") for task, job in jobs.items()}
            if not set(states.values()) & {"PENDING", "RUNNING", "COMPLETING", "REQUEUED", "CONFIGURING", ""}:
                return states
            time.sleep(0.5)
        raise AssertionError(f"after {seconds:g} s {states}\n{self.log()}")

    def programs(self, index: int) -> list[int]:
        """build_corpus.py of a task of the array, and its workers."""
        found = []
        for node in self.cluster.nodes:
            for pid in self.cluster.processes_of(node):
                of = environment_of(pid)
                mine = (of.get("SLURM_ARRAY_JOB_ID"), of.get("SLURM_ARRAY_TASK_ID")) == (self.numbers["clean"], str(index))
                if mine and b"build_corpus.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def journal(self, index: int) -> Path:
        return next((self.output / "stages").glob("1-*.partial")) / f"slices/{index:05}-of-{TASKS:05}/journal"


def until(what: Callable[[], Any], chain: Chain) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            if what():
                return
        except (OSError, StopIteration):
            pass  # it is not there yet
        assert time.monotonic() < deadline, chain.log()
        time.sleep(0.02)


def made(output: Path) -> dict[str, Any]:
    return {name: content for name, content in outcome(output).items() if not name.startswith("slurm/")}


def test_tasks_that_are_killed_requeued_and_out_of_time_end_as_one_run(cluster: Cluster, tmp_path: Path) -> None:
    config = write_corpus(tmp_path, COUNT)
    assert main(["--config", str(config)]) == 0
    alone = made(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    chain = Chain(cluster, config, "--tasks", str(TASKS))
    assert chain.state == "COMPLETED" and list(chain.numbers) == CHAIN, chain.log()
    try:
        for index, strike in enumerate((
            lambda task: [os.kill(pid, signal.SIGKILL) for pid in chain.programs(0)],
            lambda task: cluster.run("scontrol", "requeue", task),
            lambda task: cluster.run("scancel", "--signal=USR1", "--batch", task),
        )):
            until(lambda index=index: chain.journal(index).stat().st_size > 2000, chain)
            strike(chain.tasks()[index])
        assert set(chain.wait().values()) == {"COMPLETED"}, chain.log()
    finally:
        cluster.run("scancel", *chain.numbers.values(), check=False)
    restarts = [cluster.job(task).get("Restarts") for task in chain.tasks()]
    assert restarts == ["0", "1", "1", "0", "0", "0"], "every strike met a task at work"
    assert "ended by signal 9: started again" in (tmp_path / "out/slurm/logs/clean-0.log").read_text()
    found = made(tmp_path / "out")
    assert found.keys() == alone.keys()
    assert not [name for name in alone if found[name] != alone[name]]


def test_a_stage_that_fails_stops_the_chain_with_one_line_and_the_same_again_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    config = write_corpus(tmp_path, 60)
    (tmp_path / "nothing.jsonl").write_text("{broken\n")
    config.write_text(config.read_text().replace("sources: [", f"sources: [{{name: nothing, paths: ['{tmp_path}/nothing.jsonl'], "
                                                 "licence: CC0, kind: material}, "))
    chain = Chain(cluster, config, "--tasks", str(TASKS))
    states = list(chain.wait().values())
    assert states == ["COMPLETED"] * TASKS + ["FAILED", "CANCELLED", "CANCELLED"], chain.log()
    said = [line for line in chain.lines() if "error: " in line]
    assert len(said) == 1 and "error: deduplicate (job " in said[0] and "source 'nothing': no document in " in said[0]
    (tmp_path / "nothing.jsonl").write_text(json.dumps({"text": "A text that says something, at last."}) + "\n")
    again = Chain(cluster, config, "--tasks", str(TASKS))
    assert list(again.wait().values())[0] == "FAILED", "a file is another: what was begun is not mixed with it"
    assert "was made otherwise" in again.lines()[-1]
    shutil.rmtree(next((tmp_path / "out/stages").glob("1-*.partial")))
    assert set(Chain(cluster, config, "--tasks", str(TASKS)).wait().values()) == {"COMPLETED"}
    assert (tmp_path / "out/dataset/corpus.idx").exists() and (tmp_path / "out/report.html").exists()


def test_a_stage_over_the_whole_does_not_come_back_for_ever(cluster: Cluster, tmp_path: Path) -> None:
    chain = Chain(cluster, write_corpus(tmp_path, 100), "--tasks", str(TASKS), MAX_RESTARTS_WITHOUT_PROGRESS="0")
    number = chain.numbers["deduplicate"]
    until(lambda: cluster.job(number).get("JobState") == "RUNNING", chain)
    cluster.run("scontrol", "requeue", number)
    assert list(chain.wait().values()) == ["COMPLETED"] * TASKS + ["FAILED", "CANCELLED", "CANCELLED"], chain.log()
    assert "error: deduplicate (job " in chain.lines()[-1] and "came back to the queue 1 times" in chain.lines()[-1]


def test_jobs_are_given_what_the_first_one_has(cluster: Cluster, tmp_path: Path) -> None:
    options = ("--cpus-per-task=3", "--time=33", "--mem=700", "--partition=urgent")
    chain = Chain(cluster, write_corpus(tmp_path, 5), "--tasks", "2", options=options, SBATCH_OPTIONS="--hold",
                  JOIN_OPTIONS="--cpus-per-task=5 --comment=joins", DEPENDENCY="afterok:1")  # fmt: skip
    jobs = [cluster.job(number) for number in chain.numbers.values()]
    cluster.run("scancel", *chain.numbers.values())
    assert [job["CPUs/Task"] for job in jobs] == ["3", "5", "5", "5"]
    assert [job.get("Comment") for job in jobs] == [None, "joins", "joins", "joins"]
    assert {(job["TimeLimit"], job["MinMemoryNode"], job["Partition"], job["Requeue"]) for job in jobs} == {
        ("00:33:00", "700M", "urgent", "1")}  # fmt: skip
    assert jobs[0]["ArrayTaskId"] == "0-1" and jobs[0]["Dependency"] == "(null)"
    assert [job["Dependency"].split("_")[0].split("(")[0] for job in jobs[1:]] == [
        f"afterok:{number}" for number in list(chain.numbers.values())[:-1]]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), [
    (["stages.grade.kep=[A]"], "kep"),
    (["--tasks", "6"], "--tasks 6: the sources have 5 files"),
    (["--redo", "clean"], "--redo is for one machine"),
    (["--task", "1"], "--task is said to each task"),
])
def test_what_cannot_be_is_refused_before_any_job(cluster: Cluster, tmp_path: Path, words: list[str], said: str) -> None:
    chain = Chain(cluster, write_corpus(tmp_path, 5), *words)
    assert chain.state == "FAILED" and not chain.numbers and said in (tmp_path / "job.log").read_text()

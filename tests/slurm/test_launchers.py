"""The launch scripts by themselves: sound bash, options that Slurm accepts, sentences that name the node."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from megatron_qm.config.run import find_recipe
from tests.data_tools.raw_texts import json_lines, texts, write_tokenizer
from tests.slurm.cluster import Cluster
from tests.slurm.runs import Training

pytestmark = pytest.mark.slurm

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "launch" / "slurm"
SCRIPTS = sorted(LAUNCH.glob("*.sh"))
STAGES = {  # script: its verb, its recipe where none is named
    "pretrain.sh": ("pretrain", "qwen3-1.7b-h100"), "sft.sh": ("sft", "sft-cold-start-h100"),
    "reward_model.sh": ("reward-model", "reward-model-h100"), "dpo.sh": ("dpo", "dpo-h100"),
    "medical_rl.sh": ("rl", "medical-rl-h100"), "preference_rl.sh": ("rl", "preference-rl-h100"),
}
JOBS = [*STAGES, "preprocess.sh", "export_hf.sh", "build_corpus.sh"]
COMMAND = str(Path(sys.executable).parent / "megatron-qm")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_sound_bash(cluster: Cluster, script: Path) -> None:
    for command in (["bash", "-n", str(script)], ["shellcheck", "-x", str(script)]):
        done = subprocess.run(command, capture_output=True, text=True, cwd=LAUNCH)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", JOBS)
def test_slurm_takes_its_options(cluster: Cluster, script: str) -> None:
    done = cluster.run("sbatch", "--test-only", "--nodes=1", "--gpus-per-node=2", str(LAUNCH / script), check=False)
    assert done.returncode == 0 and "to start at" in done.stderr, done.stderr


def test_run_with_bash_it_submits_itself_with_what_the_variables_name(cluster: Cluster, tmp_path: Path) -> None:
    variables = {"NODES": "2", "TASKS_PER_NODE": "3", "GPUS_PER_NODE": "1", "PARTITION": "debug", "JOB_NAME": "named",
                 "SBATCH_OPTIONS": "--hold --comment=x"}
    done = subprocess.run(["bash", str(LAUNCH / "pretrain.sh"), "--config", "tiny-cpu"], capture_output=True, text=True,
                          cwd=tmp_path, env=cluster.environment | variables)
    assert done.returncode == 0, done.stderr
    number = int(done.stdout.split()[-1])
    job = cluster.job(number)
    cluster.run("scancel", str(number))
    assert (job["NumNodes"].split("-")[0], job["NumTasks"], job["JobName"], job["Comment"]) == ("2", "6", "named", "x")
    assert "gres:gpu:1" in job["TresPerNode"] or "gpu:1" in job["TresPerNode"]
    assert job["Command"].endswith("pretrain.sh")


@pytest.mark.parametrize("script", STAGES)
@pytest.mark.parametrize(("variables", "arguments"), [
    ({}, []), ({"RECIPE": "named"}, ["a=1", "b=[{c: d}]"]), ({"RECIPE": "named"}, ["--config", "given", "a=1"]),
])
def test_a_stage_is_its_verb_on_every_rank(
    cluster: Cluster, tmp_path: Path, script: str, variables: dict[str, str], arguments: list[str]
) -> None:
    verb, recipe = STAGES[script]
    fake = tmp_path / "megatron-qm"
    fake.write_text(f"""#!/bin/bash
case "$*" in
  --version) ;;
  *--dry-run*) echo "$*" >>{tmp_path}/dry; echo "output: {tmp_path}/run" ;;
  *) echo "$*" >>{tmp_path}/calls ;;
esac
""")
    fake.chmod(0o755)
    job = cluster.submit("--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=0", f"--output={tmp_path}/job.log",
                         str(LAUNCH / script), *arguments, folder=tmp_path, environment={"MQM_COMMAND": str(fake)} | variables)
    assert cluster.wait(job, 90)["JobState"] == "COMPLETED", (tmp_path / "job.log").read_text()
    if "--config" not in arguments:
        arguments = ["--config", variables.get("RECIPE", recipe), *arguments]
    command = " ".join([verb, *arguments])
    assert (tmp_path / "dry").read_text().splitlines() == [f"{command} --dry-run --nproc 2"]
    assert (tmp_path / "calls").read_text().splitlines() == [command, command, f"report {tmp_path}/run"]


@pytest.mark.parametrize(("verb", "recipe"), STAGES.values())
def test_a_stage_knows_its_recipe(verb: str, recipe: str) -> None:
    assert find_recipe(recipe).is_file()


def fake_nvidia_smi(folder: Path, gpus: int, ecc: str = "0", slowdown: str = "Not Active") -> Path:
    """Answers the three questions of check_node.sh."""
    folder.mkdir()
    script = folder / "nvidia-smi"
    script.write_text(f"""#!/bin/bash
for ((i = 0; i < {gpus}; i++)); do
  case "$*" in
    *ecc.errors*) echo "$i, {ecc}" ;;
    *hw_slowdown*) echo "$i, {slowdown}" ;;
    *) echo "$i" ;;
  esac
done
""")
    script.chmod(0o755)
    return folder


@pytest.mark.parametrize(("gpus", "ecc", "slowdown", "words"), [
    (1, "0", "Not Active", "shows 1 GPUs, 2 are wanted"),
    (2, "3", "Not Active", "uncorrected ECC errors"),
    (2, "0", "Active", "slowed down by its hardware"),
    (2, "0", "Not Active", "torch sees 0 GPUs, 2 are wanted"),
])
def test_an_unfit_node_is_named_in_seconds(
    training: Training, tmp_path: Path, gpus: int, ecc: str, slowdown: str, words: str
) -> None:
    tools = fake_nvidia_smi(tmp_path / "bin", gpus, ecc, slowdown)
    cluster = training.cluster
    job = cluster.submit(
        "--nodes=2", "--ntasks-per-node=2", "--gpus-per-node=2", f"--output={tmp_path}/job.log", str(LAUNCH / "pretrain.sh"),
        "--config", str(training.recipe), f"output={tmp_path}/run", folder=tmp_path,
        environment={"MQM_COMMAND": COMMAND, "PATH": f"{tools}:{os.environ['PATH']}"})
    assert cluster.wait(job, 90)["JobState"] == "FAILED"
    log = (tmp_path / "job.log").read_text()
    line = next(line for line in log.splitlines() if line.startswith("error: unfit nodes:"))
    assert "vn1: " in line and "vn2: " in line and words in line
    assert "starting" not in log


def test_preprocessing_as_an_array_makes_what_one_run_makes(cluster: Cluster, tmp_path: Path) -> None:
    raw = tmp_path / "raw.jsonl"
    raw.write_bytes(json_lines(texts(300)))
    tokenizer = write_tokenizer(tmp_path / "tokenizer")
    arguments = ["--input", str(raw), "--tokenizer", str(tokenizer)]
    done = subprocess.run([COMMAND, "data", "preprocess", *arguments, "--output-prefix", str(tmp_path / "one")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    job = cluster.submit("--array=0-2", f"--output={tmp_path}/job-%a.log", str(LAUNCH / "preprocess.sh"), *arguments,
                         "--output-prefix", str(tmp_path / "many"), folder=tmp_path, environment={"MQM_COMMAND": COMMAND})
    deadline = time.monotonic() + 120
    while not (tmp_path / "many.json").exists():
        logs = "\n".join(path.read_text() for path in sorted(tmp_path.glob("job-*.log")))
        assert time.monotonic() < deadline and "error:" not in logs, logs
        time.sleep(0.2)
    for suffix in (".bin", ".idx"):
        assert (tmp_path / f"many{suffix}").read_bytes() == (tmp_path / f"one{suffix}").read_bytes()
    assert job


def test_the_newest_checkpoint_of_a_run_is_exported(cluster: Cluster, undisturbed_job: Path, tmp_path: Path) -> None:
    job = cluster.submit(
        f"--output={tmp_path}/job.log", str(LAUNCH / "export_hf.sh"), "--run", str(undisturbed_job), "--output",
        str(tmp_path / "hf"), "--no-tokenizer", "--dtype", "fp32", folder=tmp_path, environment={"MQM_COMMAND": COMMAND})
    assert cluster.wait(job, 120)["JobState"] == "COMPLETED", (tmp_path / "job.log").read_text()
    assert (tmp_path / "hf" / "model.safetensors").is_file() and (tmp_path / "hf" / "config.json").is_file()

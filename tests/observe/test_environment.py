"""What is recorded of a machine, and what must not be."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from megatron_qm.observe import environment
from megatron_qm.observe.environment import capture_environment


def test_versions_are_those_installed_and_all_of_it_is_json() -> None:
    found = json.loads(json.dumps(capture_environment(world_size=2)))
    assert found["packages"]["megatron-core"] == importlib.metadata.version("megatron-core")
    assert found["packages"]["torch"] == importlib.metadata.version("torch")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["world_size"] == 2 and found["cpu"]["cores"] >= 1


def test_torch_is_not_imported() -> None:
    program = """
import sys
from megatron_qm.observe.environment import capture_environment
capture_environment()
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "False"


def test_steering_variables_are_kept_and_passwords_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NCCL_DEBUG", "INFO")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_JWT", "secret")
    monkeypatch.setenv("CUDA_API_KEY", "secret")
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    variables = capture_environment()["variables"]
    assert variables["NCCL_DEBUG"] == "INFO" and variables["SLURM_JOB_ID"] == "17"
    assert "secret" not in variables.values()


def git(tree: Path, *words: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(tree), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_git_state_is_of_the_tree_that_the_code_lies_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_TREE", tmp_path)
    assert capture_environment()["git"] is None
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD").strip()
    assert capture_environment()["git"] == {"commit": commit, "dirty": False}
    (tmp_path / "file").write_text("2")
    assert capture_environment()["git"] == {"commit": commit, "dirty": True}
    # installed inside somebody's other repository: its commit says nothing about this code
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr(environment, "_TREE", tmp_path / "site-packages")
    assert capture_environment()["git"] is None


def test_gpus_are_what_nvidia_smi_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559 MiB, 550.54.15'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    expected = {"name": "NVIDIA H100 80GB HBM3", "memory": "81559 MiB", "driver": "550.54.15"}
    assert capture_environment()["gpus"] == [expected]
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert capture_environment()["gpus"] == []

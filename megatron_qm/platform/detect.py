"""What this machine is, found without importing torch, so that a wrong recipe fails in well under a second."""

import os
import shutil
import subprocess
from dataclasses import dataclass

_QUERY_SECONDS = 20


@dataclass(frozen=True)
class Hardware:
    """`kind` is "cuda" or "cpu"; `names` and `capabilities` have one entry per GPU (capability 9.0 is Hopper)."""

    kind: str
    names: tuple[str, ...] = ()
    capabilities: tuple[float, ...] = ()

    @property
    def gpus(self) -> int:
        return len(self.names)


def detect_hardware() -> Hardware:
    """The GPUs that nvidia-smi lists, else a CPU. CUDA_VISIBLE_DEVICES is left to torch."""
    if not shutil.which("nvidia-smi"):
        return Hardware("cpu")
    query = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=_QUERY_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return Hardware("cpu")
    rows = [line.rsplit(",", 1) for line in answer.splitlines() if "," in line]
    names = tuple(name.strip() for name, _ in rows)
    capabilities = tuple(float(capability) for _, capability in rows)
    return Hardware("cuda", names, capabilities) if names else Hardware("cpu")


def rank_variables() -> tuple[str, str, str] | None:
    """The environment variables that hold this process's rank, the number of ranks and the local rank: torchrun's and our
    launcher's, else those of an srun step; None for a process that is alone. The shell of an sbatch script has Slurm's as
    well, of rank 0 among all tasks, but no step: it is nobody's rank."""
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:
        return "RANK", "WORLD_SIZE", "LOCAL_RANK"
    if "SLURM_PROCID" in os.environ and "SLURM_STEP_ID" in os.environ:
        return "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"
    return None

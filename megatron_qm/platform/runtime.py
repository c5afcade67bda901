"""The one place that knows CPU/gloo from CUDA/NCCL/Transformer Engine; everybody else asks the `Platform` it returns."""

import importlib.util
import os
import platform as machine
import random
import resource
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch

from megatron_qm.errors import UserError
from megatron_qm.platform.detect import rank_variables
from megatron_qm.platform.whereabouts import record_collectives

_TIMEOUT = timedelta(minutes=30)  # of a collective; NCCL's own ten would strike before the watchdog says who hangs


@dataclass(frozen=True)
class Platform:
    """What differs between a laptop and an H100.

    device: where this process's tensors live. backend: of torch.distributed. layers: "local" or "te", the
    implementation of the transformer layer. dtype: default of parameters. transformer_options: keyword arguments of
    Megatron's TransformerConfig.
    """

    name: str
    device: torch.device
    device_name: str
    backend: str
    layers: str
    dtype: torch.dtype
    transformer_options: Mapping[str, object]

    def scope(self) -> AbstractContextManager[None]:
        """Everything that calls Megatron runs inside this block."""
        if self.name == "cuda":
            return nullcontext()
        from megatron_qm.platform.without_cuda import without_cuda

        return without_cuda()

    def memory_gib(self) -> float:
        """Peak memory of this process in GiB: allocated on the GPU, or resident on the CPU."""
        if self.name == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 2**30
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

    def synchronize(self) -> None:
        """Wait for queued work, so that a clock read afterwards means something."""
        if self.name == "cuda":
            torch.cuda.synchronize(self.device)

    def start_tp_overlap(self, tokens: int, hidden_size: int, tp: int, fp8: bool) -> None:
        """Transformer Engine's communication buffers for TP under the GEMMs; `tokens` of one micro-batch and CP rank."""
        if self.layers != "te":
            raise UserError("parallel.overlap_tp = true needs Transformer Engine (extra: gpu); set parallel.overlap_tp=false")
        from transformer_engine.pytorch.module.base import initialize_ub

        initialize_ub(shape=[tokens, hidden_size], tp_size=tp, use_fp8=fp8, bootstrap_backend=self.backend)

    def seed(self, seed: int) -> None:
        """Seed Python, numpy, torch and Megatron's trackers on this rank (needs Megatron's parallel groups)."""
        from megatron.core.tensor_parallel import model_parallel_cuda_manual_seed

        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        # Megatron's trackers hold CUDA generators. Our models have no dropout, so on a CPU none is ever drawn from.
        model_parallel_cuda_manual_seed(seed, inference_rng_tracker=self.name == "cpu", force_reset_rng=True)


def choose_platform(device: str = "auto", local_rank: int = 0) -> Platform:
    """The platform of this process. `device` is RunConfig.device; "cpu" forces the CPU even where there is a GPU."""
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return _cpu()
    if not torch.cuda.is_available():
        raise UserError(f"device = {device}, but torch sees no CUDA GPU here; set device=cpu or use --dry-run")
    return _cuda(local_rank)


def _cpu() -> Platform:
    options = {
        "use_cpu_initialization": True,
        # the p2p calls that need no CUDA synchronisation
        "batch_p2p_comm": False,
        "batch_p2p_sync": False,
        "gradient_accumulation_fusion": False,
        "masked_softmax_fusion": False,
        "bias_dropout_fusion": False,
        "bias_activation_fusion": False,
        "persist_layer_norm": False,
        "apply_rope_fusion": False,
    }
    name = machine.processor() or machine.machine()
    return Platform("cpu", torch.device("cpu"), name, "gloo", "local", torch.float32, options)


def _cuda(local_rank: int) -> Platform:
    device = torch.device("cuda", local_rank % torch.cuda.device_count())
    torch.cuda.set_device(device)
    engine = importlib.util.find_spec("transformer_engine") is not None
    options = {
        # Apex's fused weight gradient kernel; NVIDIA's own apex, not the unrelated package of that name on PyPI
        "gradient_accumulation_fusion": importlib.util.find_spec("fused_weight_gradient_mlp_cuda") is not None,
        "masked_softmax_fusion": False,
        "bias_dropout_fusion": True,
        "bias_activation_fusion": True,
        "persist_layer_norm": engine,
        "apply_rope_fusion": engine,
        "cross_entropy_loss_fusion": True,
    }
    layers = "te" if engine else "local"
    return Platform("cuda", device, torch.cuda.get_device_name(device), "nccl", layers, torch.bfloat16, options)


@dataclass(frozen=True)
class Ranks:
    """This process among all: as torchrun or Slurm says, or alone."""

    rank: int
    world_size: int
    local_rank: int


def ranks_from_environment() -> Ranks:
    """As torchrun, our launcher or srun say in the environment, else one process."""
    names = rank_variables()
    if names is None:
        return Ranks(0, 1, 0)
    rank, world, local = names
    return Ranks(int(os.environ[rank]), int(os.environ[world]), int(os.environ.get(local, 0)))


@contextmanager
def process_group(platform: Platform, ranks: Ranks) -> Iterator[None]:
    """torch.distributed over all ranks, closed at the end of the block."""
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    record_collectives()
    if ranks.world_size == 1 and "MASTER_PORT" not in os.environ:
        store = torch.distributed.HashStore()  # alone: no port to take
        torch.distributed.init_process_group(platform.backend, store=store, rank=0, world_size=1)
    else:
        os.environ.setdefault("MASTER_PORT", "29500")
        device_id = platform.device if platform.name == "cuda" else None
        torch.distributed.init_process_group(
            platform.backend, rank=ranks.rank, world_size=ranks.world_size, device_id=device_id, timeout=_TIMEOUT
        )
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()

"""Megatron's process groups for a layout, for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist
from megatron.core import parallel_state
from torch.distributed import distributed_c10d

from megatron_qm.config.parallel import ParallelConfig


@contextmanager
def parallel_groups(parallel: ParallelConfig) -> Iterator[None]:
    """Split torch.distributed's ranks into TP, CP, DP and PP groups (Megatron's order: TP fastest, then CP, DP, PP)."""
    before = set(_groups())
    parallel_state.initialize_model_parallel(
        tensor_model_parallel_size=parallel.tp,
        pipeline_model_parallel_size=parallel.pp,
        virtual_pipeline_model_parallel_size=parallel.vpp,
        context_parallel_size=parallel.cp,
    )
    try:
        yield
    finally:
        parallel_state.destroy_model_parallel()
        # That forgets the groups and leaves their threads, which poll; in the order of their making, the same on every rank.
        for group in _groups():
            if group not in before:
                dist.destroy_process_group(group)


def _groups() -> list[dist.ProcessGroup]:
    return list(distributed_c10d._world.pg_map)

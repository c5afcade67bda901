"""Megatron's process groups for a layout, for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from megatron.core import parallel_state

from megatron_qm.config.parallel import ParallelConfig


@contextmanager
def parallel_groups(parallel: ParallelConfig) -> Iterator[None]:
    """Split torch.distributed's ranks into TP, CP, DP and PP groups (Megatron's order: TP fastest, then CP, DP, PP)."""
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

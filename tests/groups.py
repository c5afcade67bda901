"""Layout after layout in one process, none of which leaves its threads to the next."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist
from megatron.core.distributed import DistributedDataParallel
from torch.distributed import distributed_c10d

from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.train.optimizer import dismantle


@contextmanager
def passing_groups(parallel: ParallelConfig) -> Iterator[None]:
    """`parallel_groups`, and afterwards what a process that ends need not do: Megatron forgets its groups, but gloo's keep some
    twenty threads each that wake a hundred times a second, and models that were wrapped hold on to them."""
    gc.collect()  # what the layout before has left
    with parallel_groups(parallel):
        yield
    dismantle([found for found in gc.get_objects() if isinstance(found, DistributedDataParallel)])
    dist.barrier()
    for group in list(distributed_c10d._world.pg_map):
        if group is not dist.group.WORLD:
            dist.destroy_process_group(group)

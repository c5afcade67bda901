"""The policy's weights under their Hugging Face names, a tensor at a time, from whatever layout they are trained at."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.dist_checkpointing.mapping import ShardedTensor, apply_factories
from megatron.core.distributed import DistributedDataParallel
from torch import Tensor, nn

from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.hf.families import packed_tensors
from megatron_qm.model.language_model import unwrap

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes of a number
Shards = dict[tuple[str, int | None], list[tuple[tuple[slice, ...], Tensor]]]


@torch.no_grad()
def hf_named_tensors(model: Sequence[nn.Module], config: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    """(name, whole tensor) in the order of an HF folder, on every rank; all ranks iterate together.

    model: this rank's chunks. Memory: one Megatron tensor of one layer, whole, and its HF parts. The mapping is that of
    export (hf/families.py), so an engine gets what a release would hold; LoRA's adapters are in the weights. Raises UserError for
    a reward model.
    """
    if config.head == "score":
        raise UserError("rollouts: the policy is a reward model, which scores text and cannot write any: take a language model")
    shards, lora = _shards(model), unwrap(model)[0].lora
    like = next(model[0].parameters())
    for packed in packed_tensors(config):
        whole = _whole(shards, packed.megatron, packed.layer, packed.shape, like)
        adapter = lora.adapter_of(packed.megatron) if lora else None
        if lora is not None and adapter is not None:
            rows, width = packed.shape
            a = _whole(shards, f"{adapter}.a", packed.layer, (lora.rank, width), like)
            b = _whole(shards, f"{adapter}.b", packed.layer, (rows, lora.rank), like)
            whole = (whole.float() + lora.scale * (b.float() @ a.float())).to(like.dtype)
        for part, name in enumerate(packed.hf):
            yield name, torch.cat([whole[span.at : span.at + span.rows] for span in packed.spans_of(part)])


@torch.no_grad()
def fingerprint(model: Sequence[nn.Module]) -> str:
    """Hex digits that change with the weights: the sum of their bits as integers, so that it is the same at every layout. All
    ranks call together. model: this rank's chunks."""
    total = next(model[0].parameters()).new_zeros((), dtype=torch.int64)
    for shards in _shards(model).values():
        for _, data in shards:
            total += data.contiguous().view(_INTEGERS[data.element_size()]).sum(dtype=torch.int64)
    dist.all_reduce(total, group=parallel_state.get_model_parallel_group())
    return f"{total.item() % (1 << 64):016x}"


def _whole(shards: Shards, name: str, layer: int | None, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """A tensor of one layer on every rank."""
    whole = like.new_zeros(shape, requires_grad=False)
    for rows, data in shards.get((name, layer), ()):
        whole[rows] = data
    group = parallel_state.get_model_parallel_group()
    if group.size() > 1:  # every row is one rank's, and zero on the others
        dist.all_reduce(whole, group=group)
    return whole


def _shards(model: Sequence[nn.Module]) -> Shards:
    """{(Megatron's name, layer): (where in the whole, numbers)} of what this rank is the first of its replica to hold."""
    found = defaultdict(list)
    for wrapped, chunk in zip(model, unwrap(model), strict=True):
        if isinstance(wrapped, DistributedDataParallel) and wrapped.ddp_config.overlap_param_gather:
            wrapped.start_param_sync(force_sync=True)  # until the next forward pass a rank has its own shard alone
        state = chunk.sharded_state_dict()
        apply_factories(state)
        for tensor in _tensors(state):
            if any(tensor.replica_id[:-1]):  # another TP or PP rank has it too; the last number counts the DP ranks
                continue
            stacked = tensor.prepend_axis_num
            layer = tensor.global_offset[0] if stacked else None
            where = zip(tensor.global_offset[stacked:], tensor.data.shape, strict=True)
            found[tensor.key, layer].append((tuple(slice(at, at + size) for at, size in where), tensor.data))
    return found


def _tensors(tree: object) -> Iterator[ShardedTensor]:
    if isinstance(tree, ShardedTensor):
        yield tree
    elif isinstance(tree, dict | list):
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from _tensors(value)

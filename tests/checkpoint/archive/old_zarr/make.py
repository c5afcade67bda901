"""Makes the fixture beside this file: a Megatron-Core 0.15 `zarr` checkpoint, written by Megatron itself. See README.md.

    torchrun --nproc-per-node 2 make.py OUTPUT

The weights are a formula of the tensor's name and the element's place, so a test can know them without this file's run.
"""

import os
import sys
import zlib
from pathlib import Path

import torch
from megatron.core import __version__, dist_checkpointing, parallel_state
from megatron.core.dist_checkpointing.dict_utils import nested_values
from megatron.core.dist_checkpointing.mapping import ShardedTensor, apply_factories
from megatron.core.models.gpt import GPTModel
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
from megatron.core.transformer import TransformerConfig

TENSOR_PARALLEL = 2


def formula(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Numbers that bfloat16 holds exactly."""
    places = torch.arange(torch.Size(shape).numel()).reshape(shape)
    return ((places * 7 + zlib.crc32(name.encode())) % 251 - 125) / 64


def model() -> GPTModel:
    config = TransformerConfig(
        num_layers=2, hidden_size=32, num_attention_heads=4, num_query_groups=2, ffn_hidden_size=48,
        normalization="RMSNorm", gated_linear_unit=True, add_bias_linear=False, qk_layernorm=True,
        tensor_model_parallel_size=TENSOR_PARALLEL, use_cpu_initialization=True, perform_initialization=False,
        params_dtype=torch.bfloat16, pipeline_dtype=torch.bfloat16, bf16=True,
    )  # fmt: skip
    spec = get_gpt_layer_local_spec(qk_layernorm=True, normalization="RMSNorm")
    return GPTModel(config, spec, vocab_size=104, max_sequence_length=64, position_embedding_type="rope")


def main(output: Path) -> None:
    torch.cuda.synchronize = torch.cuda.current_device = lambda *_: None  # this machine has no GPU
    torch.distributed.init_process_group("gloo")
    parallel_state.initialize_model_parallel(TENSOR_PARALLEL)
    state = model().bfloat16().sharded_state_dict()
    apply_factories(state)  # gate and up are stored one after the other
    for tensor in nested_values(state):
        if isinstance(tensor, ShardedTensor):
            whole = formula(tensor.key, tensor.global_shape)[tensor.global_slice()]
            tensor.data.detach().copy_(whole.reshape(tensor.data.shape))
    if torch.distributed.get_rank() == 0:
        output.mkdir()
        print("megatron-core", __version__)
    torch.distributed.barrier()
    dist_checkpointing.save(state | {"iteration": 7, "checkpoint_version": 3.0}, str(output), ("zarr", 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    os._exit(0)

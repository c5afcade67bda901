"""What Megatron allocates for a layout, on one rank of a world that does not exist: torch's fake process group."""

import gc
from contextlib import ExitStack
from functools import partial
from typing import Any
from unittest import mock

import torch


def allocated(cases: list[dict[str, Any]]) -> list[dict[str, int]]:
    """For each {world_size, rank, parallel, model}: bytes of weights, gradients and optimizer state that were allocated."""
    return [_build(case) for case in cases]


def _build(case: dict[str, Any]) -> dict[str, int]:
    from megatron_qm.config.parallel import ParallelConfig
    from megatron_qm.config.train import OptimizerConfig, PrecisionConfig
    from megatron_qm.train.optimizer import build_optimizer, data_parallel, dismantle
    from tests.costs.shapes import shape

    parallel = ParallelConfig(**case["parallel"])
    with a_rank(case["world_size"], case["rank"], parallel) as build:
        chunks = build(shape(**case["model"]))
        model = data_parallel(chunks, parallel, PrecisionConfig())
        optimizer = build_optimizer(model, OptimizerConfig(), parallel)
        parameters = [parameter for chunk in chunks for parameter in chunk.parameters()]
        found = {
            "weights": _bytes(parameters),
            "gradients": _bytes([parameter.main_grad for parameter in parameters]),
            "optimizer": _adam_bytes(optimizer),
        }
        dismantle(model)
        del chunks, model, optimizer, parameters
    gc.collect()
    return found


class a_rank:  # noqa: N801  (reads as `with a_rank(...)`)
    """Within the block this process is `rank` of `world_size`; gives a function that builds a model for it."""

    def __init__(self, world_size: int, rank: int, parallel: Any) -> None:
        self._world_size, self._rank, self._parallel = world_size, rank, parallel
        self._stack = ExitStack()

    def __enter__(self) -> Any:
        from megatron.core import parallel_state
        from torch.testing._internal.distributed.fake_pg import FakeStore

        from megatron_qm.model.build import build_model
        from megatron_qm.model.parallel_groups import parallel_groups
        from megatron_qm.platform.runtime import choose_platform

        torch.distributed.init_process_group("fake", rank=self._rank, world_size=self._world_size, store=FakeStore())
        self._stack.callback(torch.distributed.destroy_process_group)
        platform = choose_platform("cpu")
        no_gloo = partial(parallel_state.initialize_model_parallel, create_gloo_process_groups=False)
        names = ("get_data_parallel_group_gloo", "get_expert_data_parallel_group_gloo")
        patches = [mock.patch.object(parallel_state, name, lambda *_, **__: None) for name in names]
        patches.append(mock.patch.object(parallel_state, "initialize_model_parallel", no_gloo))
        for context in (platform.scope(), *patches, parallel_groups(self._parallel)):
            self._stack.enter_context(context)
        platform.seed(0)
        return lambda model: build_model(model, self._parallel, platform)

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def _bytes(tensors: list[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _adam_bytes(optimizer: Any) -> int:
    """The two moments, as torch's AdamW makes them at its first step, on the parameters that this rank updates."""
    from megatron_qm.checkpoint.adam import give_initial_states, parts_of

    total = 0
    for part in parts_of(optimizer):
        give_initial_states(part.optimizer)
        for state in part.optimizer.state.values():
            total += _bytes([state["exp_avg"], state["exp_avg_sq"]])
    return total


def shares_of_32b(ranks: list[int]) -> list[dict[str, int]]:
    """Parameters of the 32B recipe's model on each of `ranks` of 512: fake tensors, nothing is allocated."""
    from megatron.core import parallel_state
    from torch._subclasses.fake_tensor import FakeTensorMode

    from megatron_qm.config.run import load_run

    config = load_run("qwen3-32b-h100")
    found = []
    for rank in ranks:
        with (
            a_rank(512, rank, config.parallel) as build,
            FakeTensorMode(), mock.patch.object(torch.nn.Module, "to", lambda module, *_, **__: module),
        ):
            chunks = build(config.model)
            found.append({
                "tp": parallel_state.get_tensor_model_parallel_rank(), "pp": parallel_state.get_pipeline_model_parallel_rank(),
                "parameters": sum(parameter.numel() for chunk in chunks for parameter in chunk.parameters()),
                "whole": sum(_whole(parameter) for chunk in chunks for parameter in chunk.parameters()),
            })
    return found


def _whole(parameter: torch.Tensor) -> int:
    """Entries of which only the first TP rank's count: those that every TP rank holds."""
    return 0 if getattr(parameter, "tensor_model_parallel", False) else parameter.numel()

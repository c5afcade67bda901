"""Loading torch's AdamW inside Megatron's optimizers, where neither Transformer Engine nor Apex brings another Adam.

Megatron-Core (0.16 to 0.19) is made for those, and loads torch's wrongly or not at all. Each part below mends one
thing, lasts only while a checkpoint is loaded, and has a test (tests/checkpoint/test_adam.py) that leaves it out.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from unittest import mock

import torch
import torch.distributed as dist
from megatron.core.optimizer import MegatronOptimizer

PARTS = ("initial_states", "step_in_states", "separate_steps")


def parts_of(optimizer: MegatronOptimizer) -> list[MegatronOptimizer]:
    """The optimizers that a chained one is made of, leaving out those with nothing to optimize on this rank."""
    parts = getattr(optimizer, "chained_optimizers", [optimizer])
    return [part for part in parts if not getattr(part, "is_stub_optimizer", False)]


def adam_step(optimizer: MegatronOptimizer) -> int:
    """Updates made so far: torch's AdamW counts them per tensor, Transformer Engine's and Apex's per group."""
    steps = [0]
    for part in parts_of(optimizer):
        if isinstance(part.optimizer, torch.optim.AdamW):
            steps += [int(state["step"]) for state in part.optimizer.state.values() if "step" in state]
        else:
            steps += [int(group["step"]) for group in part.optimizer.param_groups if group.get("step") is not None]
    return max(steps)


@contextmanager
def loadable(optimizer: MegatronOptimizer, parts: Iterable[str] = PARTS) -> Iterator[None]:
    """Within this block `optimizer.sharded_state_dict` and `.load_state_dict` are right for torch's AdamW too."""
    chosen = frozenset(parts)
    adams = [part for part in parts_of(optimizer) if isinstance(part.optimizer, torch.optim.AdamW)]
    with ExitStack() as stack:
        for part in adams:
            if "initial_states" in chosen:
                give_initial_states(part.optimizer)
            if "step_in_states" in chosen and hasattr(part, "_set_main_param_and_optimizer_states"):
                stack.enter_context(_step_onto_itself(part))
        yield
        if "separate_steps" in chosen:
            for part in adams:
                _separate_steps(part.optimizer)


def give_initial_states(adam: torch.optim.AdamW) -> None:
    """What the first step would create, without a step. Megatron copies loaded values into states that must exist."""
    for group in adam.param_groups:
        for parameter in group["params"]:
            state = adam.state[parameter]
            on_device = group["fused"] or group["capturable"]
            # Also where Megatron's own initialiser has been: it leaves `step` out.
            state.setdefault("step", torch.zeros((), device=parameter.device if on_device else "cpu"))
            for name in ("exp_avg", "exp_avg_sq"):
                if name not in state:
                    state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format).detach()


def _step_onto_itself(part: MegatronOptimizer) -> AbstractContextManager[object]:
    """Megatron's distributed optimizer copies loaded values over every state of a parameter, and torch's AdamW keeps
    `step` among them, of which checkpoints have no tensor: copy it onto itself."""
    original = part._set_main_param_and_optimizer_states

    def copy(model_param: torch.Tensor, tensors: dict[str, torch.Tensor]) -> None:
        group, order = part.model_param_group_index_map[model_param]
        state = part.optimizer.state[part.optimizer.param_groups[group]["params"][order]]
        original(model_param, tensors | {"step": state["step"]})

    return mock.patch.object(part, "_set_main_param_and_optimizer_states", copy)


def _separate_steps(adam: torch.optim.AdamW) -> None:
    """Megatron gives all states one `step` tensor: each parameter would then count the updates of all of them."""
    for state in adam.state.values():
        state["step"] = state["step"].clone()


def agreed_step(optimizer: MegatronOptimizer, device: torch.device) -> int:
    """`adam_step` over all ranks: one whose shard is empty has counted nothing."""
    step = torch.tensor(adam_step(optimizer), device=device)
    dist.all_reduce(step, op=dist.ReduceOp.MAX)
    return int(step)

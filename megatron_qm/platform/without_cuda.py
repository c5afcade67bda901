"""Megatron-Core on a machine without CUDA: the few places where it takes a GPU for granted, answered with the CPU.

Nothing here computes. Each part stands for one kind of assumption in Megatron-Core, has a name, and has a test
(tests/platform/test_without_cuda.py) that leaves it out and sees Megatron fail; when a release of Megatron no longer
needs a part, that test says so and the part can go.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode

_CPU = torch.device("cpu")
_CUDA_TYPE_NAMES = {
    torch.float32: "torch.cuda.FloatTensor",
    torch.bfloat16: "torch.cuda.BFloat16Tensor",
    torch.float16: "torch.cuda.HalfTensor",
}

PARTS = ("device_literals", "type_names", "pin_memory", "current_device", "streams", "random_state")


@contextmanager
def without_cuda(parts: Iterable[str] = PARTS) -> Iterator[None]:
    """Within this block Megatron-Core runs on CPU tensors. `parts` is for tests; leave it alone elsewhere."""
    chosen = frozenset(parts)
    unknown = chosen - set(PARTS)
    if unknown:
        raise ValueError(f"unknown parts {sorted(unknown)}; there are {PARTS}")
    with ExitStack() as stack:
        for target, name, replacement in _patches(chosen):
            stack.enter_context(mock.patch.object(target, name, replacement))
        if "random_state" in chosen:
            _patch_random_state(stack)
        stack.enter_context(_CpuForCuda(chosen))
        yield


def _patches(chosen: frozenset[str]) -> Iterator[tuple[object, str, Callable[..., object]]]:
    if "current_device" in chosen:
        yield torch.cuda, "current_device", lambda: _CPU  # used as `device=torch.cuda.current_device()`
    if "streams" in chosen:  # work on a CPU is done when the call returns: waiting for a stream is nothing
        yield torch.cuda, "current_stream", lambda *_: _DoneStream()
        yield torch.cuda, "synchronize", lambda *_: None


def _patch_random_state(stack: ExitStack) -> None:
    """Activation recompute saves and restores the GPU's generator: here that is the CPU's own."""
    from megatron.core.tensor_parallel import random

    def get_state(device: object = None, clone: bool = False, graph_safe: bool = False) -> torch.Tensor:
        return torch.get_rng_state()

    def set_state(new_state: torch.Tensor, device: object = None, graph_safe: bool = False) -> None:
        torch.set_rng_state(new_state)

    stack.enter_context(mock.patch.object(random, "_get_cuda_rng_state", get_state))
    stack.enter_context(mock.patch.object(random, "_set_cuda_rng_state", set_state))


class _DoneStream:
    """A stream with nothing left to do."""

    def synchronize(self) -> None:
        return None

    def wait_stream(self, _stream: object) -> None:
        return None

    def wait_event(self, _event: object) -> None:
        return None


class _CpuForCuda(TorchFunctionMode):
    """`device="cuda"` means the CPU, `t.cuda()` is `t`, `t.type()` names the CUDA type that Megatron compares with."""

    def __init__(self, parts: frozenset[str]) -> None:
        super().__init__()
        self._literals = "device_literals" in parts
        self._types = "type_names" in parts
        self._pins = "pin_memory" in parts

    def __torch_function__(
        self, func: Callable[..., object], types: object, args: tuple[object, ...] = (), kwargs: dict[str, object] | None = None
    ) -> object:
        if func is torch.Tensor.cuda and self._literals:
            return args[0]
        if func is torch.Tensor.pin_memory and self._pins:
            return args[0]
        if func is torch.Tensor.type and self._types and len(args) == 1 and isinstance(args[0], torch.Tensor):
            return _CUDA_TYPE_NAMES.get(args[0].dtype) or args[0].type()
        if not kwargs:
            return func(*args)
        if self._literals and _is_cuda(kwargs.get("device")):
            kwargs = kwargs | {"device": _CPU}
        if self._pins and kwargs.get("pin_memory"):
            kwargs = kwargs | {"pin_memory": False}
        return func(*args, **kwargs)


def _is_cuda(device: object) -> bool:
    if isinstance(device, str):
        return device.startswith("cuda")
    return isinstance(device, torch.device) and device.type == "cuda"

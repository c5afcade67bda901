"""Every part of the shim is still needed: leave it out, and Megatron-Core fails. A part that fails its test can go."""

import importlib.metadata
from typing import Any

import pytest

from tests.distributed import run_ranks

MEGATRON = tuple(int(number) for number in importlib.metadata.version("megatron-core").split(".")[:2])

# part: the case of tests/train/layout_runs.py that needs it, and the first Megatron-Core that does
NEEDED_BY: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "device_literals": ({}, (0, 16)),
    "type_names": ({}, (0, 16)),
    "current_device": ({}, (0, 16)),
    "pin_memory": ({"cp": 2}, (0, 16)),
    "random_state": ({"tp": 2, "options": {"recompute": "full"}}, (0, 16)),
    "streams": ({}, (0, 19)),
}


def leave_each_out() -> dict[str, str]:
    """{part: what went wrong without it, or "" where nothing did}."""
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
    from megatron_qm.platform.without_cuda import PARTS, without_cuda
    from tests.train.layout_runs import train

    platform = choose_platform("cpu")
    found = {}
    with process_group(platform, ranks_from_environment()):
        for missing in ("nothing", *PARTS):
            case, _ = NEEDED_BY.get(missing, ({"cp": 2, "options": {"recompute": "full"}}, None))
            with without_cuda(part for part in PARTS if part != missing):
                try:
                    train(platform, dict(case), steps=2)
                    found[missing] = ""
                except Exception as error:
                    found[missing] = f"{type(error).__name__}: {error}"
    return found


@pytest.fixture(scope="module")
def outcome() -> dict[str, str]:
    return run_ranks("tests.platform.test_without_cuda:leave_each_out", 2, timeout=300)[0]


def test_the_whole_shim_is_enough(outcome: dict[str, str]) -> None:
    assert outcome["nothing"] == ""


@pytest.mark.parametrize("part", NEEDED_BY)
def test_each_part_is_needed(part: str, outcome: dict[str, str]) -> None:
    if MEGATRON < NEEDED_BY[part][1]:
        pytest.skip(f"Megatron-Core needs this from {NEEDED_BY[part][1]} on; this is {MEGATRON}")
    assert outcome[part], f"Megatron-Core {MEGATRON} runs without {part!r}: remove it from without_cuda.py"


def test_nothing_is_left_behind() -> None:
    import torch

    from megatron_qm.platform.without_cuda import without_cuda

    before = torch.cuda.current_device, torch.cuda.synchronize
    with without_cuda():
        assert torch.zeros(1, device="cuda").device.type == "cpu"
        assert torch.cuda.current_device() == torch.device("cpu")
    assert (torch.cuda.current_device, torch.cuda.synchronize) == before


def test_an_unknown_part_is_refused() -> None:
    from megatron_qm.platform.without_cuda import without_cuda

    with pytest.raises(ValueError, match="unknown parts"), without_cuda(["stream"]):
        pass

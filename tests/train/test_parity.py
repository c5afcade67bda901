"""Every layout against one process: ten steps in fp32 (four of variants) give the same losses and gradient norms to 1e-5."""

from typing import Any

import pytest

from tests.distributed import run_ranks

TWO_RANKS: dict[str, dict[str, Any]] = {
    "TP2": {"tp": 2},
    "TP2+SP": {"tp": 2, "sp": True},
    "PP2": {"pp": 2},
    "PP2 VPP2": {"pp": 2, "vpp": 2},
    "CP2": {"cp": 2},
    "DP2 distributed optimizer": {},
    "DP2 plain optimizer": {"distributed_optimizer": False},
    "DP2 overlapped": {"overlap_grad_reduce": True, "overlap_param_gather": True},
    "DP2 micro-batch 2": {"options": {"micro_batch": 2}},
    "TP2+SP full recompute": {"tp": 2, "sp": True, "options": {"recompute": "full"}},
    "PP2 selective recompute": {"pp": 2, "options": {"recompute": "selective"}},
}
FOUR_RANKS: dict[str, dict[str, Any]] = {
    "TP2xPP2+SP": {"tp": 2, "pp": 2, "sp": True},
    "TP2xCP2+SP": {"tp": 2, "cp": 2, "sp": True},
    "PP2xDP2 VPP2": {"pp": 2, "vpp": 2},
}
# Each of these changes the numbers, so each has a reference of its own.
VARIANTS: dict[str, dict[str, Any]] = {
    "z-loss": {"z_loss": 1e-2},
    "documents reset": {"packed": True},
    "untied, biased (Qwen2)": {"model": {"family": "qwen2", "tied_embeddings": False}},
    "YaRN": {"model": {"rope_theta": 100.0}, "yarn": {"original_max_positions": 8, "beta_fast": 1.0, "beta_slow": 0.25}},
}
VARIED = [(name, layout) for name in VARIANTS for layout in ("TP2+SP", "PP2", "DP2 distributed optimizer")]
VARIED.append(("YaRN", "CP2"))
VARIED_STEPS = 4
WORKER = "tests.train.layout_runs:train_layouts"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def reference() -> dict[str, list[list[float]]]:
    cases = {"plain": {}} | {name: {"options": options} for name, options in VARIANTS.items()}
    return run_ranks(WORKER, 1, cases, timeout=300)[0]


@pytest.fixture(scope="module")
def two_ranks() -> dict[str, list[list[float]]]:
    return run_ranks(WORKER, 2, TWO_RANKS, timeout=600)[0]


@pytest.fixture(scope="module")
def varied() -> dict[str, list[list[float]]]:
    variants = {f"{name} at {layout}": TWO_RANKS[layout] | {"options": VARIANTS[name]} for name, layout in VARIED}
    return run_ranks(WORKER, 2, variants, VARIED_STEPS, timeout=600)[0]


@pytest.fixture(scope="module")
def four_ranks() -> dict[str, list[list[float]]]:
    return run_ranks(WORKER, 4, FOUR_RANKS, timeout=600)[0]


def largest_difference(got: list[list[float]], want: list[list[float]]) -> float:
    assert len(got) == len(want) > 0
    return max(abs(a - b) / abs(b) for g, w in zip(got, want, strict=True) for a, b in zip(g, w, strict=True))


@pytest.mark.parametrize("layout", TWO_RANKS)
def test_two_ranks_equal_one(layout: str, two_ranks: dict, reference: dict) -> None:
    assert largest_difference(two_ranks[layout], reference["plain"]) <= TOLERANCE


@pytest.mark.parametrize("layout", FOUR_RANKS)
def test_four_ranks_equal_one(layout: str, four_ranks: dict, reference: dict) -> None:
    assert largest_difference(four_ranks[layout], reference["plain"]) <= TOLERANCE


@pytest.mark.parametrize(("variant", "layout"), VARIED)
def test_variants_equal_one(variant: str, layout: str, varied: dict, reference: dict) -> None:
    assert largest_difference(varied[f"{variant} at {layout}"], reference[variant][:VARIED_STEPS]) <= TOLERANCE
    assert largest_difference(reference[variant], reference["plain"]) > 1e-4, "the variant changes nothing"


def test_the_model_learns(reference: dict) -> None:
    """Random tokens have log(250) nats; the norm of the gradient is that of a network that trains."""
    losses = [row[0] for row in reference["plain"]]
    assert 5.4 < losses[0] < 5.7
    assert all(0.1 < row[1] < 10 for row in reference["plain"])

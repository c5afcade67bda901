"""Every policy loss under context parallelism against one process: real ranks, the real model, several updates of a batch, so
that the policy has left the one that its ratios are taken against."""

from typing import Any

import numpy as np
import pytest

from tests.align.policy_runs import ROW, UPDATES
from tests.align.stages import NEAR_ZERO
from tests.distributed import run_ranks

BOUND = 1e-5
KINDS, NORMALISE = ("ppo", "gspo", "cispo", "reinforce"), ("token", "sequence", "constant")
EXTRAS: dict[str, dict[str, Any]] = {
    "plain": {"kl": 0.0}, "kl and cap": {"kl": 0.1, "importance_cap": 1.1},
}
TIGHT = {"clip_low": 0.002, "clip_high": 0.004}  # a few small updates reach it
CASES = {
    f"{kind}, {normalise}, {name}": {"kind": kind, "normalise": normalise, **extra, **TIGHT}
    for kind in KINDS for normalise in NORMALISE for name, extra in EXTRAS.items()
} | {"gspo, exact entropy": {"kind": "gspo", "kl": 0.0, "entropy": True, **TIGHT}}


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    return run_ranks("tests.align.policy_runs:learn", 1, CASES, {})[0]


@pytest.fixture(scope="module")
def in_context() -> list[dict[str, Any]]:
    return run_ranks("tests.align.policy_runs:learn", 2, CASES, {"cp": 2})


@pytest.mark.parametrize("case", CASES)
def test_context_parallel_ranks_learn_what_one_process_does(case: str, alone: dict, in_context: list) -> None:
    want = alone[case]
    assert len(want["rows"]) == UPDATES
    for rank in in_context:
        np.testing.assert_allclose(rank[case]["rows"], want["rows"], rtol=BOUND, atol=NEAR_ZERO)
        np.testing.assert_allclose(rank[case]["gap"], want["gap"], rtol=BOUND)
        assert rank[case]["tokens"] == want["tokens"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_compared_is_not_all_the_same(kind: str, alone: dict) -> None:
    """The ratio has left 1 after the first update, clipping takes some tokens and leaves some, and each part counts."""
    cases = [np.array(alone[f"{kind}, {normalise}, {name}"]["rows"]) for normalise in NORMALISE for name in EXTRAS]
    ratio, clipped = ROW.index("ratio"), ROW.index("clipped")
    for rows in cases:
        assert rows[0, ratio] == pytest.approx(1, abs=1e-6) and abs(rows[-1, ratio] - 1) > 1e-4
        assert kind == "reinforce" or 0 < rows[-1, clipped] < 1
    norms = [rows[0, ROW.index("grad_norm")] for rows in cases]
    assert all(abs(a - b) > 1e-3 * a for at, a in enumerate(norms) for b in norms[:at])

"""Samples at a temperature, learnt from at that temperature: loss, gradient, KL and entropy against torch on plain logits, on one
process and with the vocabulary split over two; the engine's log-probabilities against the trainer's."""

from typing import Any

import numpy as np
import pytest

from tests.distributed import run_ranks

CASES: dict[str, dict[str, Any]] = {
    "cool": {"temperature": 0.7}, "plain": {}, "hot": {"temperature": 1.5},
    "hot, truncated": {"temperature": 1.5, "top_p": 0.8, "top_k": 20},
}


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    return run_ranks("tests.align.temperature_runs:learn", 1, CASES, {})[0]


@pytest.fixture(scope="module")
def split() -> list[dict[str, Any]]:
    return run_ranks("tests.align.temperature_runs:learn", 2, CASES, {"tp": 2})


@pytest.mark.parametrize("case", CASES)
def test_an_update_is_that_of_trl_at_its_temperature(case: str, alone: dict) -> None:
    loss, norm, _, kl, *_, entropy = alone[case]["row"]
    assert [loss, norm, kl, entropy] == pytest.approx(alone[case]["by torch"], rel=2e-5)


@pytest.mark.parametrize("case", CASES)
def test_a_split_vocabulary_learns_the_same(case: str, alone: dict, split: list) -> None:
    for rank in split:
        np.testing.assert_allclose(rank[case]["row"], alone[case]["row"], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_engine_and_trainer_speak_of_one_distribution(case: str, alone: dict, split: list) -> None:
    assert all(found[case]["gap"] < 5e-5 for found in (alone, *split))


def test_the_temperature_matters(alone: dict) -> None:
    norms, entropies = ([alone[case]["row"][at] for case in ("cool", "plain", "hot")] for at in (1, -1))
    assert entropies[0] < 0.9 * entropies[1] < 0.81 * entropies[2], "and the entropy is of the tempered policy"
    assert max(norms) > 1.1 * min(norms)

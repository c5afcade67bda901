"""Scores of continuations against log-softmax by hand, at several layouts."""

from typing import Any

import pytest

from tests.distributed import run_ranks

LAYOUTS: dict[str, dict[str, Any]] = {
    "TP2+SP": {"tp": 2, "sp": True}, "PP2": {"pp": 2}, "PP2 VPP2": {"pp": 2, "vpp": 2}, "CP2": {"cp": 2}, "DP2": {},
}
PAIRS = [([1, 2, 3], [4, 5]), ([7], [8]), ([9, 10, 11, 12, 13], [14, 15, 16, 17]), ([3] * 40, [5] * 10), ([6, 6], [6])]


def score(cases: dict[str, dict[str, Any]]) -> dict[str, list[float]]:
    import torch

    from megatron_qm.config.model import ModelConfig
    from megatron_qm.config.parallel import ParallelConfig
    from megatron_qm.model.build import build_model
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
    from megatron_qm.train.score import score_continuations
    from tests.groups import passing_groups
    from tests.train.layout_runs import MODEL

    platform, found = choose_platform("cpu"), {}
    with process_group(platform, ranks_from_environment()), platform.scope():
        for name, case in cases.items():
            parallel = ParallelConfig(**case)
            with passing_groups(parallel):
                platform.seed(1)
                model = build_model(ModelConfig(**MODEL).resolved(), parallel, platform)
                grads = []
                model[0].register_forward_hook(lambda *_, grads=grads: grads.append(torch.is_grad_enabled()))
                found[name] = score_continuations(model, PAIRS, batch_size=2)
                assert grads and not any(grads), "scoring keeps graphs of everything it scored"
                if name == "by hand":
                    found[name] = [by_hand(model[0], *pair) for pair in PAIRS]
    return found


def by_hand(model: Any, prompt: list[int], continuation: list[int]) -> float:
    import torch

    tokens = torch.tensor([prompt + continuation])
    with torch.no_grad():
        logits = model(tokens, None, None)[0, :, : model.real_vocab_size].double().log_softmax(-1)
    rows = range(len(prompt) - 1, len(prompt) + len(continuation) - 1)
    return sum(logits[row, token].item() for row, token in zip(rows, continuation, strict=True))


@pytest.fixture(scope="module")
def expected() -> list[float]:
    return run_ranks("tests.train.test_score:score", 1, {"by hand": {}})[0]["by hand"]


@pytest.fixture(scope="module")
def scores() -> list[dict[str, list[float]]]:
    return run_ranks("tests.train.test_score:score", 2, LAYOUTS, timeout=300)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_scores_equal_log_softmax_on_every_rank(layout: str, scores: list, expected: list[float]) -> None:
    for rank in scores:
        assert rank[layout] == pytest.approx(expected, rel=1e-5)

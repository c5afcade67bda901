"""Reward models and DPO learn the same at every layout, whether a prompt is read once or once for each response; and their losses
are the formulas of the papers, written out."""

import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from megatron_qm.align.dpo.losses import pair_cost as dpo_cost
from megatron_qm.align.preferences.samples import ComparedSample, ComparedWriter, together
from megatron_qm.align.reward_model.losses import pair_cost, tie_cost
from megatron_qm.align.reward_model.objective import RewardObjective
from megatron_qm.align.sft.rendering import Rendered
from megatron_qm.config.dpo import DpoLossConfig
from megatron_qm.config.reward_model import RewardLossConfig
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.reader import BatchReader, SourceSpec
from megatron_qm.data.responses import positions, segments
from megatron_qm.train.batches import Place, micro_batches
from tests.align.preference_runs import LENGTH, VOCAB
from tests.align.stages import NEAR_ZERO
from tests.distributed import run_ranks

WORKER = "tests.align.preference_runs:learn"
BOUND = 1e-5
CASES: dict[str, dict[str, Any]] = {
    "bradley-terry": {"what": "reward-model"},
    "margin, centred": {"what": "reward-model", "kind": "margin", "centre": 0.01},
    "scaled, close ties": {"what": "reward-model", "kind": "scaled", "ties": "closeness"},
    "rao-kupper": {"what": "reward-model", "ties": "rao-kupper", "tie_weight": 0.5},
    "bradley-terry beside length": {"what": "reward-model", "length": 0.7},
    "regression": {"what": "reward-model", "kind": "regression"},
    "dpo": {"what": "dpo"},
    "ipo": {"what": "dpo", "kind": "ipo"},
    "hinge per token, sft": {"what": "dpo", "kind": "hinge", "per_token": True, "sft": 0.2},
}
LAYOUTS = {"TP2": {"tp": 2}, "TP2+SP": {"tp": 2, "sp": True}, "PP2": {"pp": 2}, "DP2": {}}


def dataset(prefix: Path, *, share: bool, groups: int = 24) -> Path:
    """Prompts of 1 to 9 tokens with two to four responses, a fifth of them tied; one prompt a row. The reference is random."""
    draw = np.random.default_rng(3)
    with ExitStack() as files:
        writer = ComparedWriter(prefix, np.dtype("<u2"), files)
        for n in range(groups):
            prompt = draw.integers(0, VOCAB, draw.integers(1, 6))
            rendered = []
            for _ in range(draw.integers(2, 5)):
                answer = draw.integers(0, VOCAB, draw.integers(1, 6))
                learn = np.arange(len(prompt) + len(answer)) >= len(prompt)
                rendered.append(Rendered(np.concatenate([prompt, answer]).astype(np.int32), learn))
            whole, branch = together(rendered, share=share)
            values = draw.integers(0, 3, len(rendered)).astype(float)
            writer.row([ComparedSample(whole, f"x:{n}", "pair", branch, list(values))], LENGTH)
        writer.finish()
    responses = IndexedDataset.open(prefix).responses
    assert responses is not None
    np.random.default_rng(4).normal(-20, 3, len(responses.end_r)).astype("<f8").tofile(f"{prefix}.reference")
    return prefix


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("pairs") / "shared", share=True)


@pytest.fixture(scope="module")
def alone(shared: Path) -> dict[str, list[list[float]]]:
    """Of one process; also with every prompt read anew for each response."""
    apart = dataset(shared.parent / "apart", share=False)
    cases = CASES | {f"{name}, apart": case | {"prefix": str(apart)} for name, case in CASES.items()}
    return run_ranks(WORKER, 1, str(shared), cases, {}, timeout=300)[0]


@pytest.mark.parametrize("name", CASES)
def test_a_prompt_that_is_read_once_gives_what_it_gives_when_read_for_each_response(name: str, alone: dict) -> None:
    np.testing.assert_allclose(alone[name], alone[f"{name}, apart"], rtol=BOUND, atol=NEAR_ZERO)
    assert alone[name][0][0] != alone[name][-1][0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_teach_what_one_process_does(layout: str, shared: Path, alone: dict) -> None:
    found = run_ranks(WORKER, 2, str(shared), CASES, LAYOUTS[layout], timeout=300)[0]
    for name in CASES:
        np.testing.assert_allclose(found[name], alone[name], rtol=BOUND, atol=NEAR_ZERO, err_msg=name)


def test_of_longer_responses_the_score_need_not_say_that_they_are(shared: Path) -> None:
    """Costs of a micro-batch, by hand, from what the dataset says of each response's tokens."""
    reader = BatchReader([SourceSpec("pairs", str(shared))], LENGTH, LENGTH, 1, reset_at_document_ends=True,
                         mask_document_ends=True, vocab_size=VOCAB)
    read = reader.read(reader.plan_step(8), list(range(8)))
    [batch] = micro_batches(read, 8, Place(0, 1, 0, 1), torch.device("cpu"), packed=True)
    score_bs = torch.randn(batch.tokens_bs.shape, generator=torch.Generator().manual_seed(0))
    cost, prompts, _ = RewardObjective(RewardLossConfig(length=0.7))(1, batch, score_bs)
    wanted = 0.0
    for row in range(8):
        ends = np.flatnonzero(read.extra["end"][row])
        edges, of_row = [-1, *ends], []
        for before, end in zip(edges, ends, strict=False):
            tokens = read.loss_mask_bs[row, before + 1 : end + 1].sum()
            of_row.append((read.extra["value"][row, end], float(score_bs.view(8, LENGTH)[row, end]) + 0.7 * np.log2(tokens)))
        pairs = [max(one, two)[1] - min(one, two)[1] for at, one in enumerate(of_row) for two in of_row[at + 1:]
                 if one[0] != two[0]]
        wanted += np.mean([-np.log(sigmoid(d)) for d in pairs]) if pairs else 0.0
    assert float(cost) == pytest.approx(wanted, rel=1e-5) and int(prompts) > 4
    assert float(RewardObjective(RewardLossConfig())(1, batch, score_bs)[0]) != pytest.approx(wanted, rel=1e-3)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


REWARD_FORMULAS = {
    "bradley-terry": lambda d, m: -np.log(sigmoid(d)),
    "margin": lambda d, m: -np.log(sigmoid(d - m)),
    "scaled": lambda d, m: -m * np.log(sigmoid(d)),
}
DPO_FORMULAS = {
    "sigmoid": lambda h, beta: -np.log(sigmoid(beta * h)),
    "ipo": lambda h, beta: (h - 1 / (2 * beta)) ** 2,
    "hinge": lambda h, beta: np.maximum(0, 1 - beta * h),
}


def compare(cost: Any, formula: Any, x: np.ndarray) -> None:
    """Values and gradients, the latter by central differences."""
    x_c = torch.tensor(x, requires_grad=True)
    found = cost(x_c)
    found.sum().backward()
    np.testing.assert_allclose(found.detach().numpy(), formula(x), rtol=1e-9, atol=1e-12)
    step = 1e-6
    slope = (formula(x + step) - formula(x - step)) / (2 * step)
    np.testing.assert_allclose(x_c.grad.numpy(), slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", REWARD_FORMULAS)
def test_costs_of_pairs_are_the_formulas(kind: str) -> None:
    draw = np.random.default_rng(0)
    d, m = draw.normal(0, 3, 1000), draw.uniform(0.1, 3, 1000)
    compare(lambda d_c: pair_cost(d_c, torch.tensor(m), RewardLossConfig(kind=kind)), lambda x: REWARD_FORMULAS[kind](x, m), d)


@pytest.mark.parametrize("kind", DPO_FORMULAS)
def test_costs_of_dpo_are_the_formulas(kind: str) -> None:
    h = np.random.default_rng(1).normal(0, 12, 1000)
    h = h[np.abs(1 - 0.3 * h) > 1e-3]  # the hinge has no slope at its corner
    compare(lambda h_c: dpo_cost(h_c, DpoLossConfig(kind=kind, beta=0.3)), lambda x: DPO_FORMULAS[kind](x, 0.3), h)


def test_ties_are_drawn_together() -> None:
    """-log sigmoid(|d|), as it is sometimes printed, falls with |d| and would drive them apart."""
    d = np.random.default_rng(2).normal(0, 2, 1000)
    theta = 1.7
    compare(lambda d_c: tie_cost(d_c, RewardLossConfig(ties="closeness")), lambda x: -np.log(sigmoid(-np.abs(x))), d)
    lead = math.log(theta)
    compare(lambda d_c: tie_cost(d_c, RewardLossConfig(ties="rao-kupper", theta=theta)),
            lambda x: -np.log((theta**2 - 1) * sigmoid(x - lead) * sigmoid(-x - lead)), d)
    for ties in ("closeness", "rao-kupper"):
        d_c = torch.tensor(d, requires_grad=True)
        tie_cost(d_c, RewardLossConfig(ties=ties)).sum().backward()
        assert (np.sign(d_c.grad.numpy()) == np.sign(d)).all()  # a step against it makes |d| smaller


def test_wins_losses_and_ties_of_rao_and_kupper_are_one() -> None:
    d = torch.linspace(-5, 5, 101, dtype=torch.float64)
    config = RewardLossConfig(ties="rao-kupper", theta=2.5)
    wins, loses = (torch.exp(-pair_cost(x, torch.ones_like(x), config)) for x in (d, -d))
    torch.testing.assert_close(wins + loses + torch.exp(-tie_cost(d, config)), torch.ones_like(d))


def test_segments_see_the_prompt_and_themselves_and_count_on_from_it() -> None:
    #                  p  p  p' a  a  p' b  p' c  c | p' a  p' b | padding
    branch = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 1, 1, 2, 2, 0, 0], np.uint8)
    starts = np.zeros(16, bool)
    starts[[0, 10, 14]] = True
    edges, prefixes = segments(starts, branch)
    assert edges.tolist() == [0, 5, 7, 10, 12, 14]
    assert prefixes == [(0, 0), (0, 2), (0, 2), (10, 10), (10, 10), (14, 14)]
    assert positions(edges, prefixes, 16).tolist() == [0, 1, 2, 3, 4, 2, 3, 2, 3, 4, 0, 1, 0, 1, 0, 1]

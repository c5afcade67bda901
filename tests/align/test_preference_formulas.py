"""The objectives of reward models and DPO, whole, on a thousand random pairs: loss and gradient are formulas written out in
NumPy, and stand at the tokens of each response that they speak of. And a row may hold one prompt or several."""

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from megatron_qm.align.dpo.objective import DpoObjective
from megatron_qm.align.preferences.samples import ComparedSample, ComparedWriter, together
from megatron_qm.align.reward_model.objective import RewardObjective
from megatron_qm.align.sft.rendering import Rendered
from megatron_qm.config.dpo import DpoLossConfig
from megatron_qm.config.reward_model import RewardLossConfig
from megatron_qm.data.batch import Batch
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.reader import BatchReader, SourceSpec
from megatron_qm.train.batches import MicroBatch, Place, micro_batches
from tests.align.preference_runs import LENGTH, VOCAB
from tests.align.stages import NEAR_ZERO
from tests.distributed import run_ranks

PROMPTS, BOUND = 1000, 1e-6


@dataclass(frozen=True)
class Answer:
    tokens: list[int]
    value: float
    reference: float


@dataclass(frozen=True)
class World:
    """answers: of each prompt. number: of the prompt, by its first two tokens, which no other has."""

    prefix: Path
    answers: list[list[Answer]]
    number: dict[tuple[int, ...], int]


def world(prefix: Path, prompts: int, per_row: int) -> World:
    draw = np.random.default_rng(9)
    samples, answers, number = [], [], {}
    for n in range(prompts):
        prompt = np.array([n // VOCAB, n % VOCAB, *draw.integers(0, VOCAB, draw.integers(1, 4))], np.int32)
        some = [Answer(draw.integers(0, VOCAB, draw.integers(1, 5)).tolist(), float(draw.integers(0, 3)),
                       float(draw.normal(-20, 3))) for _ in range(draw.integers(2, 4))]
        rendered = [Rendered(np.array([*prompt, *one.tokens], np.int32), np.arange(len(prompt) + len(one.tokens)) >= len(prompt))
                    for one in some]
        whole, branch = together(rendered, share=True)
        samples.append(ComparedSample(whole, f"x:{n}", "pair", branch, [one.value for one in some]))
        answers.append(some)
        number[n // VOCAB, n % VOCAB] = n
    with ExitStack() as files:
        writer = ComparedWriter(prefix, np.dtype("<u2"), files)
        for at in range(0, prompts, per_row):
            writer.row(samples[at : at + per_row], LENGTH)
        writer.finish()
    assert IndexedDataset.open(prefix).responses is not None
    np.array([one.reference for some in answers for one in some], "<f8").tofile(f"{prefix}.reference")
    return World(prefix, answers, number)


@dataclass(frozen=True)
class Stands:
    """Of an answer in the flattened rows: its learnt places, and the place of its last token."""

    learnt: np.ndarray
    end: int


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Batch, MicroBatch, list[list[Stands]]]:
    made = world(tmp_path_factory.mktemp("formulas") / "pairs", PROMPTS, 1)
    reader = BatchReader([SourceSpec("pairs", str(made.prefix))], LENGTH, LENGTH, 1, reset_at_document_ends=True,
                         mask_document_ends=True, vocab_size=VOCAB)
    read = reader.read(reader.plan_step(PROMPTS), list(range(PROMPTS)))
    [found] = micro_batches(read, PROMPTS, Place(0, 1, 0, 1), torch.device("cpu"), packed=True)
    return made, read, found, _places(made, read)


def _places(made: World, read: Batch) -> list[list[Stands]]:
    """By prompt. What is learnt of an answer are its tokens as labels; its score is read where its last token is fed in."""
    found: list[list[Stands]] = [[] for _ in made.answers]
    for row in range(PROMPTS):
        n = made.number[tuple(read.tokens_bs[row, :2].tolist())]
        learnt = np.flatnonzero(read.loss_mask_bs[row])
        for one in made.answers[n]:
            mine, learnt = learnt[: len(one.tokens)], learnt[len(one.tokens) :]
            assert read.labels_bs[row, mine].tolist() == one.tokens
            end = int(mine[-1]) + 1
            assert read.tokens_bs[row, end] == one.tokens[-1] and read.extra["end"][row, end] == 1
            found[n].append(Stands(row * LENGTH + mine, row * LENGTH + end))
        assert len(learnt) == 0 and read.extra["end"][row].sum() == len(made.answers[n])
    return found


def sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


def reward_pair(c: RewardLossConfig, d: float, m: float) -> tuple[float, float]:
    """(cost, slope in d) of a pair."""
    if c.kind == "margin":
        return -np.log(sigmoid(d - m)), -sigmoid(m - d)
    if c.kind == "scaled":
        return -m * np.log(sigmoid(d)), -m * sigmoid(-d)
    lead = np.log(c.theta) if c.ties == "rao-kupper" else 0.0
    return -np.log(1 / (1 + np.exp(lead) * np.exp(-d))), -sigmoid(lead - d)


def reward_tie(c: RewardLossConfig, d: float) -> tuple[float, float]:
    if c.ties == "closeness":
        return -np.log(sigmoid(-abs(d))), np.sign(d) * sigmoid(abs(d))
    # Rao and Kupper: 1 - P(win) - P(loss)
    lead = np.log(c.theta)
    win, loss = sigmoid(d - lead), sigmoid(-d - lead)
    return -np.log(1 - win - loss), (win * (1 - win) - loss * (1 - loss)) / (1 - win - loss)


REWARDS: dict[str, dict[str, Any]] = {
    "bradley-terry": {}, "margin": {"kind": "margin"}, "scaled": {"kind": "scaled"}, "regression": {"kind": "regression"},
    "closeness": {"ties": "closeness", "tie_weight": 4.0}, "rao-kupper": {"ties": "rao-kupper", "theta": 2.5, "tie_weight": 0.5},
    "scaled, closeness": {"kind": "scaled", "ties": "closeness"}, "centred": {"centre": 0.03}, "length": {"length": 0.7},
    "all": {"kind": "margin", "ties": "closeness", "tie_weight": 2.0, "centre": 0.01, "length": -0.4},
}


@pytest.mark.parametrize("name", REWARDS)
def test_a_reward_models_loss_and_gradient_are_the_formulas(name: str, batch: tuple) -> None:
    made, _, micro, places = batch
    config = RewardLossConfig(**REWARDS[name])
    score = np.random.default_rng(1).normal(0, 2, micro.tokens_bs.numel())
    wanted, slope, pairs, prompts = 0.0, np.zeros_like(score), 0, 0
    for some, at in zip(made.answers, places, strict=True):
        terms = []  # (cost, {place: slope})
        if config.kind == "regression":
            terms = [((score[p.end] - one.value) ** 2, {p.end: 2 * (score[p.end] - one.value)})
                     for one, p in zip(some, at, strict=True)]
        for i, j in combinations(range(len(some)), 2) if config.kind != "regression" else ():
            i, j = (i, j) if some[i].value >= some[j].value else (j, i)
            x, y, m = score[at[i].end], score[at[j].end], some[i].value - some[j].value
            if m == 0 and config.ties == "ignore":
                continue
            longer = config.length * (np.log2(len(some[i].tokens)) - np.log2(len(some[j].tokens)))
            cost, of_d = reward_pair(config, x - y + longer, m) if m else reward_tie(config, x - y)
            weight = 1.0 if m else config.tie_weight
            both = 2 * config.centre * (x + y)
            terms.append((weight * cost + config.centre * (x + y) ** 2,
                          {at[i].end: weight * of_d + both, at[j].end: -weight * of_d + both}))
        pairs, prompts = pairs + len(terms), prompts + bool(terms)
        for cost, of_place in terms:
            wanted += cost / len(terms)
            for place, value in of_place.items():
                slope[place] += value / len(terms)
    compare(RewardObjective(config), micro, score, wanted, slope, prompts)
    assert pairs >= 1000


def dpo_pair(c: DpoLossConfig, h: float) -> tuple[float, float]:
    if c.kind == "ipo":
        return (h - 1 / (2 * c.beta)) ** 2, 2 * (h - 1 / (2 * c.beta))
    if c.kind == "hinge":
        return max(0.0, 1 - c.beta * h), -c.beta * (c.beta * h < 1)
    return -np.log(sigmoid(c.beta * h)), -c.beta * sigmoid(-c.beta * h)


DPO: dict[str, dict[str, Any]] = {
    "sigmoid": {}, "ipo": {"kind": "ipo"}, "hinge": {"kind": "hinge"}, "sigmoid per token": {"per_token": True, "beta": 2.0},
    "hinge per token": {"kind": "hinge", "per_token": True, "beta": 2.0}, "sigmoid, sft": {"sft": 0.3},
    "ipo, sft": {"kind": "ipo", "sft": 0.1, "beta": 0.5},
}


@pytest.mark.parametrize("name", DPO)
def test_dpos_loss_and_gradient_are_the_formulas(name: str, batch: tuple) -> None:
    made, _, micro, places = batch
    config = DpoLossConfig(**DPO[name])
    nats = np.random.default_rng(2).gamma(2.0, 3.0, micro.tokens_bs.numel())
    wanted, slope, pairs, prompts = 0.0, np.zeros_like(nats), 0, 0
    for some, at in zip(made.answers, places, strict=True):
        terms = []
        for i, j in combinations(range(len(some)), 2):
            if some[i].value == some[j].value:
                continue
            i, j = (i, j) if some[i].value > some[j].value else (j, i)
            share = [1 / len(some[n].tokens) if config.kind == "ipo" or config.per_token else 1.0 for n in (i, j)]
            one, other = (-nats[at[n].learnt].sum() - some[n].reference for n in (i, j))
            cost, of_h = dpo_pair(config, share[0] * one - share[1] * other)
            terms.append((cost + config.sft * nats[at[i].learnt].mean(), i, j, of_h, share))
        pairs, prompts = pairs + len(terms), prompts + bool(terms)
        for cost, i, j, of_h, share in terms:
            wanted += cost / len(terms)
            slope[at[i].learnt] += (-of_h * share[0] + config.sft / len(some[i].tokens)) / len(terms)
            slope[at[j].learnt] += of_h * share[1] / len(terms)
    compare(DpoObjective(config), micro, nats, wanted, slope, prompts)
    assert pairs >= 1000


def compare(objective: Any, micro: MicroBatch, output: np.ndarray, wanted: float, slope: np.ndarray, prompts: int) -> None:
    output_bs = torch.tensor(output, requires_grad=True).view(micro.tokens_bs.shape)
    output_bs.retain_grad()
    cost, count, _ = objective(1, micro, output_bs)
    cost.backward()
    assert int(count) == prompts
    assert cost.item() == pytest.approx(wanted, rel=BOUND)
    np.testing.assert_allclose(output_bs.grad.reshape(-1).numpy(), slope, rtol=BOUND, atol=BOUND)


def test_rows_of_one_prompt_and_of_several_teach_the_same(tmp_path: Path) -> None:
    """All prompts in one step, whichever rows they stand in."""
    prompts, cases = 12, {"bt": {"what": "reward-model", "ties": "rao-kupper"}, "dpo": {"what": "dpo", "sft": 0.1}}
    prefixes = {per_row: world(tmp_path / f"{per_row} a row", prompts, per_row).prefix for per_row in (1, 2)}
    every = {f"{name} {per_row}": case | {"rows": prompts // per_row, "prefix": str(prefix)}
             for name, case in cases.items() for per_row, prefix in prefixes.items()}
    found = run_ranks("tests.align.preference_runs:learn", 1, str(tmp_path), every, {}, timeout=300)[0]
    for name in cases:
        np.testing.assert_allclose(found[f"{name} 1"], found[f"{name} 2"], rtol=1e-5, atol=NEAR_ZERO)

"""Text that is learnt beside the responses: what it adds to the loss, alike at every layout, and where a run goes on from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from megatron_qm.align.rl.objective import NAMES, PolicyObjective
from megatron_qm.align.rl.rehearsal import Replay
from megatron_qm.cli import main
from megatron_qm.config.data import DataConfig, SourceConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.rl import PolicyLossConfig, ReplayConfig, RlConfig, RlRun
from megatron_qm.data.batch import Batch
from megatron_qm.data.reader import BatchReader
from megatron_qm.drills.compare import compare_runs
from megatron_qm.train.batches import MicroBatch
from megatron_qm.train.objective import OTHERS
from tests.align.stages import LAYOUTS, NEAR_ZERO, numbers, run, words
from tests.align.test_rl_command import QUICK
from tests.align.test_rl_resume import went_on_from

LENGTH = 32
COLUMNS = ("policy_loss", "replay")


@pytest.fixture(scope="module")
def learnt(policy: Path) -> str:
    """What the fine-tuning of the policy has read: the prefix of a dataset."""
    return str(next(policy.parents[1].rglob("*.idx")).with_suffix(""))


def rehearsed(prefix: str, **settings: object) -> str:
    return "rl.replay=" + json.dumps({"sources": [{"name": "chat", "prefix": prefix}], **settings})


def config_of(prefix: str, weight: float) -> RlRun:
    replay = ReplayConfig([SourceConfig("chat", prefix)], weight, sequences=2)
    return RlRun(rl=RlConfig(replay=replay), data=DataConfig(sequence_length=LENGTH), model=ModelConfig(vocab_size=320))


def update(rows: int, counting: int) -> Batch:
    """A batch of `rows`, of which the first two hold `counting` tokens of responses each."""
    shape = (rows, LENGTH)
    mask_bs = np.zeros(shape, np.float32)
    mask_bs[:2, :counting] = 1
    return Batch(tokens_bs=np.full(shape, 7), labels_bs=np.full(shape, 8), loss_mask_bs=mask_bs,
                 source_b=np.zeros(rows, np.int64), position_ids_bs=np.tile(np.arange(LENGTH), (rows, 1)),
                 real_bs=mask_bs > 0, document_starts_bs=np.zeros(shape, bool),
                 extra={"advantage": np.ones(shape, np.float32), "weight": mask_bs.copy()})


def test_the_loss_is_the_policys_and_the_mean_cross_entropy_beside_it(learnt: str) -> None:
    config = config_of(learnt, weight=0.25)
    batch = Replay(config, config.rl.replay, LENGTH).into(update(5, 9), 2)
    reader = BatchReader([SourceConfig("chat", learnt)], LENGTH, config.data.block_size, config.data.seed,
                         reset_at_document_ends=True)
    read = reader.read(reader.plan_step(2))
    np.testing.assert_array_equal(batch.tokens_bs[2:4], read.tokens_bs)
    np.testing.assert_array_equal(batch.labels_bs[2:4], read.labels_bs)
    np.testing.assert_array_equal(batch.position_ids_bs[2:4], read.position_ids_bs)
    assert (batch.tokens_bs[[0, 1, 4]] == 7).all() and batch.loss_mask_bs.sum() == 18
    assert 0 < read.loss_mask_bs.sum() < read.loss_mask_bs.size, "questions are not learnt"

    nats_bs = torch.rand(5, LENGTH)
    taken = {name: torch.tensor(column) for name, column in batch.extra.items()}
    parts = {"tokens_bs": batch.tokens_bs, "labels_bs": batch.labels_bs, "loss_mask_bs": batch.loss_mask_bs,
             "position_ids_bs": batch.position_ids_bs, "source_bs": np.zeros((5, LENGTH), np.int64), "real_bs": batch.real_bs}
    whole = MicroBatch(**{name: torch.tensor(column) for name, column in parts.items()}, extra=taken)
    alone = MicroBatch(**vars(whole) | {"extra": {name: column for name, column in taken.items() if name != "replay"}})
    loss = PolicyLossConfig("reinforce", kl=0.0)
    both, count, told = PolicyObjective(loss, replay=True)(1, whole, nats_bs)
    policy, others, _ = PolicyObjective(loss)(1, alone, nats_bs)
    mean = (nats_bs[2:4] * torch.tensor(read.loss_mask_bs)).sum() / read.loss_mask_bs.sum()
    assert count == others == 18
    assert float(both / count) == pytest.approx(float(policy / others + 0.25 * mean), rel=1e-5)
    assert float(told[OTHERS + len(NAMES)] / count) == pytest.approx(0.25 * float(mean), rel=1e-5)


@pytest.mark.slow
def test_alike_at_every_layout_and_after_a_restart(tiny: Path, policy: Path, learnt: str, tmp_path: Path) -> None:
    overrides = [f"train.start_from={policy}", *QUICK, "train.global_batch_size=4", "train.steps=6", "checkpoint.every=4",
                 rehearsed(learnt, weight=1.0, sequences=3)]
    run("rl", tiny / "rl.yaml", tmp_path / "one", *overrides)
    alone = np.array(numbers(tmp_path / "one", *COLUMNS))
    assert (alone[:, 3] > 0).all() and alone[-1, 3] < alone[0, 3], "what is rehearsed is learnt"
    saved = json.dumps(sorted(map(str, (tmp_path / "one" / "rollouts").glob("[0-9]?????.jsonl"))))
    for layout in ("TP2+SP", "DP2"):
        output = tmp_path / layout
        run("rl", tiny / "rl.yaml", output, *overrides, f"rl.saved_rollouts={saved}", *LAYOUTS[layout], ranks=2)
        np.testing.assert_allclose(np.array(numbers(output, *COLUMNS))[:2], alone[:2], rtol=1e-5, atol=NEAR_ZERO)
    copy = went_on_from(tmp_path / "one", tmp_path / "copy")
    run("rl", tiny / "rl.yaml", copy, *overrides)
    assert compare_runs(tmp_path / "one", copy).difference is None


@pytest.mark.parametrize(("settings", "why"), [
    ([rehearsed("nowhere")], "nowhere"), (["rl.replay={weight: 0.1}"], "rl.replay.sources is empty"),
    (["rl.pack=false", None], "needs rl.pack"), (["rl.sampling.temperature=0.8", None], "at temperature 1"),
])
def test_what_cannot_be_rehearsed_is_said(
    settings: list, why: str, tiny: Path, policy: Path, learnt: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    overrides = [rehearsed(learnt) if one is None else one for one in settings]
    asked = words("rl", tiny / "rl.yaml", tmp_path / "run", f"train.start_from={policy}", *overrides)
    assert main(asked) == 2 and why in capsys.readouterr().err

"""What a step reads: tokens without padding, and pairs of attention within what sees itself, counted by hand for a row of 16 with
documents of 3, 5 and 4 tokens and 4 that fill it up; for each stage, and cut over context parallel ranks."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from megatron_qm.align.rl.experience import judged
from megatron_qm.align.rl.rows import rows
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.align.sft.samples import Sample
from megatron_qm.align.sft.writing import RowWriter
from megatron_qm.config.rl import RlConfig
from megatron_qm.data.batch import Assembly, Batch
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.stream import Span
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Scored
from megatron_qm.train.batches import Place, micro_batches
from megatron_qm.train.objective import CrossEntropy
from megatron_qm.train.step import Losses
from tests.data.written import write_dataset

LENGTH, LENGTHS = 16, (3, 5, 4)
APART = 6 + 15 + 10  # n (n + 1) / 2 of each
CPU = torch.device("cpu")


def work(batch: Batch, *, packed: bool, context: int = 1) -> list[float]:
    """[tokens, pairs], summed over the ranks that share the rows."""
    reports = [
        CrossEntropy()(1, one, torch.ones(one.labels_bs.shape))[2]
        for rank in range(context) for one in micro_batches(batch, 1, Place(0, 1, rank, context), CPU, packed=packed)
    ]
    found = Losses(*torch.stack(reports).sum(0).tolist()).work
    return [found.tokens, found.pairs]


def of_dataset(prefix: Path | str, *, reset: bool) -> Batch:
    """Its first row of 16 tokens."""
    assembly = Assembly(LENGTH, reset_at_document_ends=reset)
    return assembly.batch([(0, IndexedDataset.open(str(prefix)), [Span(0, 0, LENGTH)])])


@pytest.mark.parametrize("context", [1, 2])
def test_documents_of_pretraining_see_each_other_unless_asked(context: int, tmp_path: Path) -> None:
    """Three and the first 4 tokens of a fourth: nothing fills a row up."""
    prefix = write_dataset(tmp_path / "d", [[range(1, n + 1)] for n in (*LENGTHS, 9)])
    assert work(of_dataset(prefix, reset=False), packed=False, context=context) == [16, 16 * 17 / 2]
    if context == 1:
        assert work(of_dataset(prefix, reset=True), packed=True) == [16, APART + 10]


def test_a_row_without_a_dataset_is_no_work() -> None:
    assert work(Assembly(LENGTH).batch([(0, None, [])]), packed=False) == [0, 0]


def sft_rows(prefix: Path, *filled: Sequence[int]) -> Path:
    """Samples of these lengths, of which the last token alone is an answer."""
    with ExitStack() as stack:
        writer = RowWriter(prefix, np.dtype("int32"), stack)
        for lengths in filled:
            learn = [np.arange(n) == n - 1 for n in lengths]
            writer.row([Sample(_Rendered(ids=np.ones(len(own), np.int32), learn=own), "f:1", "chat") for own in learn], LENGTH)
        writer.finish()
    return prefix


class _Rendered(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.ids)


def test_padding_of_conversations_is_no_work(tmp_path: Path) -> None:
    packed = sft_rows(tmp_path / "packed", LENGTHS, (9, 7))
    assert work(of_dataset(packed, reset=True), packed=True) == [12, APART]
    alone = sft_rows(tmp_path / "alone", (5,))
    for context in (1, 2):
        assert work(of_dataset(alone, reset=False), packed=False, context=context) == [5, 15]


def experience_of(lengths: Sequence[int]) -> object:
    """Prompts of two tokens; the last token of a response is only predicted, so that n tokens of work have n + 1 on record."""
    items = [Item(f"p{n}", "exam", ({"role": "user", "content": "?"},), "A") for n in range(len(lengths))]
    rollouts = [Rollout(item.key, (1, 2), (3,) * (n - 1), (-1.0,) * (n - 1), None, "stop", 0, 0, "x")
                for item, n in zip(items, lengths, strict=True)]
    return judged(items, rollouts, [Scored(1.0) for _ in items], None, RlConfig())


def test_padding_of_rollouts_is_no_work() -> None:
    experience, config = experience_of(LENGTHS), RlConfig()
    assert work(rows(experience, [[0, 1, 2], []], LENGTH, config), packed=True) == [12, APART]
    for context in (1, 2):
        unpacked = rows(experience, [[0], [1], [2], []], LENGTH, config)
        assert work(unpacked, packed=False, context=context) == [12, APART]

"""What was learnt before, read again beside each update's responses: a policy forgets what it is no longer asked.

Axes: b rows, s tokens of a row.
"""

from dataclasses import replace

import numpy as np

from megatron_qm.config.rl import ReplayConfig, RlRun
from megatron_qm.data.batch import Batch
from megatron_qm.data.reader import BatchReader
from megatron_qm.json_types import JsonObject


class Replay:
    """Sequences of `rl.replay`'s datasets, the same for every rank; `state` and `restore` as the reader's."""

    def __init__(self, config: RlRun, settings: ReplayConfig, length: int) -> None:
        """length: tokens of a row. Raises UserError for a dataset that cannot be read."""
        data = replace(config.data, sources=settings.sources, sequence_length=length, reset_at_document_ends=True)
        self._reader = BatchReader.from_config(data, config.model.vocab_size)
        self._settings = settings

    @property
    def rows(self) -> int:
        """Of an update."""
        return self._settings.sequences

    def into(self, batch: Batch, first: int) -> Batch:
        """The update `batch` with the next sequences in its rows from `first` on, which hold no response. They bear no loss of
        the policy's, whose sum the step divides by the tokens that do: `extra["replay"]` is what theirs count beside it, so
        that the whole is the policy's loss + weight x the mean cross entropy of the replayed tokens."""
        plan = self._reader.plan_step(self.rows)
        read, here = self._reader.read(plan), slice(first, first + self.rows)
        self._reader.advance(plan)
        columns = {name: getattr(batch, name).copy()
                   for name in ("tokens_bs", "labels_bs", "position_ids_bs", "real_bs", "document_starts_bs")}
        for name, column_bs in columns.items():
            column_bs[here] = getattr(read, name)
        counts_bs = np.zeros_like(batch.loss_mask_bs)
        share = float(batch.loss_mask_bs.sum()) / max(float(read.loss_mask_bs.sum()), 1.0)
        counts_bs[here] = read.loss_mask_bs * self._settings.weight * share
        return replace(batch, **columns, extra={**batch.extra, "replay": counts_bs})

    def state(self) -> JsonObject:
        return self._reader.state()

    def restore(self, state: JsonObject) -> None:
        """Raises UserError where the datasets are others than those of the state."""
        self._reader.restore(state)

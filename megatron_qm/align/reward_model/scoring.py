"""Scores of conversations by a reward model, at any layout: what pairs are evaluated by, and policies are rewarded with.

Axes: b rows, s tokens of a row, n conversations.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.distributed as dist
from megatron.core import parallel_state
from torch import nn

from megatron_qm.align.sft.packing import pack
from megatron_qm.chat import Messages, TemplateError
from megatron_qm.data.batch import Batch
from megatron_qm.errors import UserError
from megatron_qm.model.language_model import unwrap
from megatron_qm.rewards.outcome import Unscored
from megatron_qm.tokenizer import TextTokenizer
from megatron_qm.train.batches import MicroBatch, micro_batches
from megatron_qm.train.logprobs import label_logprobs
from megatron_qm.train.step import this_place

_AT_ONCE = 4096  # conversations that are in memory together


@dataclass(frozen=True)
class Ids:
    """Of one conversation, and its place among all."""

    place: int
    ids: Sequence[int]

    def __len__(self) -> int:
        return len(self.ids)


class RewardScorer:
    """`chunks`: this rank's of a reward model. All ranks call together, with the same conversations."""

    def __init__(self, chunks: Sequence[nn.Module], tokenizer: TextTokenizer, longest: int, rows: int = 4,
                 move: Callable[[], None] = lambda: None) -> None:
        """longest: tokens of a conversation at most, and of a row; rows: of a micro-batch. move: told of each, for many are no
        hang."""
        self._chunks, self._tokenizer, self._longest, self._rows, self._move = chunks, tokenizer, longest, rows, move
        self._vocabulary: int = unwrap(chunks)[0].real_vocab_size

    def __call__(self, asked: Sequence[Messages]) -> list[float | Unscored]:
        """Unscored is what the chat template refuses or leaves a text out of, whose text ends its own turn, and what is too long:
        nothing is cut."""
        return list(self.scores(asked))

    def scores(self, asked: Iterable[Messages]) -> Iterator[float | Unscored]:
        """In order; memory does not grow with their number."""
        remaining = iter(asked)
        while some := list(islice(remaining, _AT_ONCE)):
            yield from self._some([self._encoded(messages) for messages in some])

    def _encoded(self, messages: Messages) -> Sequence[int] | Unscored:
        try:
            ids = self._tokenizer.conversation(messages)
        except TemplateError as error:
            return Unscored(f"the chat template refuses it: {error}")
        if ids and max(ids) >= self._vocabulary:
            raise UserError(f"token {max(ids)} of the tokenizer is outside of the reward model's vocabulary of "
                            f"{self._vocabulary}: give the model's own tokenizer")
        if not ids:
            return Unscored("no tokens: the chat template makes nothing of it")
        if len(ids) > self._longest:
            return Unscored(f"too long: {len(ids):,} tokens, more than {self._longest:,}")
        return ids

    def _some(self, encoded: Sequence[Sequence[int] | Unscored]) -> list[float | Unscored]:
        texts = sorted((Ids(place, ids) for place, ids in enumerate(encoded) if not isinstance(ids, Unscored)), key=len,
                       reverse=True)
        score_n = torch.zeros(len(encoded), dtype=torch.float64)
        if texts:
            device = next(self._chunks[0].parameters()).device
            for rows in self.together(texts):
                self._fill(score_n, rows, device)
            score_n = score_n.to(device)
            dist.all_reduce(score_n)  # zeros where another rank, or another stage, has read the text
            score_n = score_n.cpu() / parallel_state.get_tensor_model_parallel_world_size()
        return [ids if isinstance(ids, Unscored) else float(score) for ids, score in zip(encoded, score_n, strict=True)]

    def together(self, texts: Sequence[Ids]) -> Iterator[list[list[Ids]]]:
        """Rows that are read in one go. Under context parallelism a row is one text, for documents would need padding, and rows
        of a go are about equally long."""
        if this_place().cp_size == 1:
            yield list(pack(texts, self._capacity(texts)))
            return
        for first in range(0, len(texts), self._share):
            yield [[text] for text in texts[first : first + self._share]]

    @property
    def _share(self) -> int:
        """Rows that all ranks together read at least."""
        stages: int = parallel_state.get_pipeline_model_parallel_world_size()
        return this_place().dp_size * self._rows * stages

    def _capacity(self, texts: Sequence[Ids]) -> int:
        """Tokens of a row: few texts are spread over the rows that are read anyway; a row of many is as long as need be."""
        spread = min(_ROW, -(-sum(map(len, texts)) // self._share))
        return min(self._longest, max(len(texts[0]), spread))

    def _fill(self, score_n: torch.Tensor, rows: list[list[Ids]], device: torch.device) -> None:
        """Of the texts that this rank reads."""
        batches = self.batches(rows, device)
        for batch, found_bs in zip(batches, label_logprobs(self._chunks, batches, self._move), strict=True):
            ends = batch.extra[_END].reshape(-1)
            at = ends.nonzero()[:, 0]
            score_n[ends[at].cpu() - 1] = -found_bs.reshape(-1)[at].double().cpu()  # minus what the model says comes back

    def batches(self, rows: list[list[Ids]], device: torch.device) -> list[MicroBatch]:
        """Of this rank: longest rows first, so that few are filled up far."""
        place = this_place()
        padded = [*rows, *([] for _ in range(-len(rows) % self._share))]
        mine = [padded[at] for at in sum(place.sequences(len(padded), self._rows), [])]
        multiple = math.lcm(_MULTIPLE, 2 * place.cp_size * parallel_state.get_tensor_model_parallel_world_size())
        length = -(-max(sum(map(len, row)) for row in rows) // multiple) * multiple
        return list(micro_batches(_batch(mine, length), self._rows, place, device, packed=place.cp_size == 1))


_MULTIPLE, _ROW = 64, 2048  # of tokens of a row: SP and CP cut it; what is enough of them
_END = "end"  # at the last token of each text its place among all, counted from 1; 0 elsewhere


def _batch(rows: Sequence[Sequence[Ids]], length: int) -> Batch:
    """Texts one after another, each with attention and positions of its own; what fills a row up is one more."""
    shape = (len(rows), length)
    tokens_bs, starts_bs, real_bs = np.zeros(shape, np.int64), np.zeros(shape, bool), np.zeros(shape, bool)
    end_bs = np.zeros(shape, np.int64)
    position_bs = np.tile(np.arange(length), (len(rows), 1))
    starts_bs[:, 0] = True
    for row, texts in enumerate(rows):
        at = 0
        for text in texts:
            stop = at + len(text)
            tokens_bs[row, at:stop], real_bs[row, at:stop], starts_bs[row, at] = text.ids, True, True
            position_bs[row, at:] = np.arange(length - at)
            end_bs[row, stop - 1] = text.place + 1
            at = stop
        if at < length:
            starts_bs[row, at], position_bs[row, at:] = True, np.arange(length - at)
    return Batch(tokens_bs, np.zeros_like(tokens_bs), np.zeros(shape, np.float32), np.zeros(len(rows), np.int64), position_bs,
                 real_bs, starts_bs, extra={_END: end_bs})

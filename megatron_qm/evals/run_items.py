"""Items put to a model in training, at any layout: how far its answers are, as the run's own examination."""

from collections.abc import Sequence

from torch import nn

from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.evals.answers import judged, megatron_answers, texts_of
from megatron_qm.evals.examination import AskedItems
from megatron_qm.evals.exams import ExamScore, summarise


class ItemRun:
    """`__call__` scores a model by task, the same on every rank."""

    def __init__(self, asked: AskedItems, max_new_tokens: int) -> None:
        self._asked, self._most = asked, max_new_tokens

    def __call__(self, model: Sequence[nn.Module]) -> list[ExamScore]:
        items, tokenizer = self._asked.items, self._asked.tokenizer
        answer = megatron_answers(model, tokenizer.stops, self._most)
        texts = texts_of(items, answer(self._asked.prompts), tokenizer)
        return summarise(items, on_first_rank(lambda: judged(items, texts)), strata=False)

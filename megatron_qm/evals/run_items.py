"""Items put to a model in training, at any layout: how far its answers are, as the run's own examination."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.evals.answers import judged, megatron_answers, prompts_of, texts_of
from megatron_qm.evals.exams import ExamScore, summarise
from megatron_qm.evals.limits import Limits
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.rewards.items import read_items
from megatron_qm.rewards.references import check_references
from megatron_qm.rewards.registry import Verifiers
from megatron_qm.tokenizer import TextTokenizer


class ItemRun:
    """Reads the items once; `__call__` scores a model by task, the same on every rank."""

    def __init__(self, items: str, tokenizer: TextTokenizer, max_new_tokens: int, verifiers: Sequence[str] = ()) -> None:
        self._items = read_items(Path(items), Verifiers.named(verifiers, "observe.verifiers"))
        check_references(self._items, f"observe.items: {items}")
        self._tokenizer = tokenizer
        self._prompts, self._most = prompts_of(self._items, tokenizer, f"observe.items = {items}"), max_new_tokens

    def __call__(self, model: Sequence[nn.Module]) -> list[ExamScore]:
        chunk = model[0]
        assert isinstance(chunk, LanguageModel)
        Limits(chunk.max_sequence_length, chunk.real_vocab_size).check_items(self._items, self._prompts, self._most)
        answer = megatron_answers(model, self._tokenizer.stops, self._most)
        texts = texts_of(self._items, answer(self._prompts), self._tokenizer)
        return summarise(self._items, on_first_rank(lambda: judged(self._items, texts)), strata=False)

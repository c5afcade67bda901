"""Batches judged: in a thread of the first rank, by reward models on all ranks together, or not at all where the disk has the
verdicts already.

What is learnt from is what NUMBER.outcomes.jsonl says, the first time as after a kill.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from megatron_qm.align.rl.fusion.components import Said
from megatron_qm.align.rl.fusion.in_ranks import RewardModels
from megatron_qm.align.rl.judges import Judges, judge_digest
from megatron_qm.align.rl.verdicts import Response, Verdicts, kept_verdicts, read_lines, verdict_lines
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.config.rl import RlConfig
from megatron_qm.evals.answers import texts_of
from megatron_qm.files import atomic_write
from megatron_qm.rewards.items import Item
from megatron_qm.tokenizer import TextTokenizer

_PATIENCE_SECONDS = 15.0


class Judging:
    """All ranks call together. `judges` is there on the first alone; models: the reward models in the ranks, where there are any.
    move: told while a long wait is no hang."""

    def __init__(self, config: RlConfig, tokenizer: TextTokenizer, judges: Judges | None, models: RewardModels | None,
                 move: Callable[[], None]) -> None:
        self._config, self._tokenizer, self._judges, self._models, self._move = config, tokenizer, judges, models, move
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._verdicts: dict[int, Future[Verdicts]] = {}  # of the first rank, by number of the batch
        self._scored: dict[int, Future[Said]] = {}  # likewise: what its thread waits to hear from the models
        self._wanted: set[int] = set()  # batches that the models are to score

    def begin(self, number: int, path: Path, items: Sequence[Item], rollouts: Sequence[Rollout]) -> None:
        """In a thread, for what is generated ahead is judged while another batch is learnt from. path: of the verdicts."""
        if on_first_rank(lambda: self._begun(number, path, items, rollouts)) and self._models is not None:
            self._wanted.add(number)

    def _begun(self, number: int, path: Path, items: Sequence[Item], rollouts: Sequence[Rollout]) -> bool:
        """Whether it has to be judged at all."""
        if self._judges is None:
            return False
        responses = self._responses(items, rollouts)
        by = judge_digest(self._config, (item.judged_by for item in items))
        kept = kept_verdicts(path, responses, by)
        self._verdicts[number] = found = Future[Verdicts]()
        if kept is not None:
            found.set_result(kept)
            return False
        self._scored[number] = scored = Future[Said]()
        self._verdicts[number] = self._thread.submit(self._judge, self._judges, path, responses, by, scored)
        return True

    def verdicts(self, number: int, items: Sequence[Item], rollouts: Sequence[Rollout]) -> Verdicts:
        """Of a batch that was begun. The other ranks are told now and then that the first still waits."""
        if self._models is not None and number in self._wanted:
            self._score(number, self._models, items, rollouts)
        while (found := on_first_rank(lambda: self._waited(number))) is None:
            self._move()
        self._move()
        self._verdicts.pop(number, None)
        return found

    def _score(self, number: int, models: RewardModels, items: Sequence[Item], rollouts: Sequence[Rollout]) -> None:
        """While the pool still judges."""
        said = models.said(items, [one.text for one in self._responses(items, rollouts)])
        self._wanted.remove(number)
        if number in self._scored:
            self._scored.pop(number).set_result(said)

    def _waited(self, number: int) -> Verdicts | None:
        try:
            return self._verdicts[number].result(_PATIENCE_SECONDS)
        except TimeoutError:
            if self._verdicts[number].done():
                raise  # the verdicts' own
            return None

    def _responses(self, items: Sequence[Item], rollouts: Sequence[Rollout]) -> list[Response]:
        texts = texts_of(items, [rollout.tokens for rollout in rollouts], self._tokenizer)
        return [Response(rollout.key, item, text) for rollout, item, text in zip(rollouts, items, texts, strict=True)]

    def _judge(self, judges: Judges, path: Path, responses: Sequence[Response], by: str, scored: Future[Said]) -> Verdicts:
        found = judges.verdicts([response.item for response in responses], [response.text for response in responses])
        if self._models is not None and found.said is not None:
            found = replace(found, said={**found.said, **scored.result()})
        lines = verdict_lines(found, responses, by)
        with atomic_write(path) as stream:
            stream.writelines(lines)
        return read_lines(lines, responses, by)

    def close(self) -> None:
        for scored in self._scored.values():
            scored.cancel()  # nobody will score it: its thread is not to wait
        self._thread.shutdown(wait=True, cancel_futures=True)

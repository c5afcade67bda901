"""One batch of experience: prompts asked, responses generated and kept on the disk, judged.

OUTPUT/rollouts/NUMBER.jsonl holds the rollouts of a batch, NUMBER.outcomes.jsonl what verifiers said of each. A batch that
was generated before a kill is not generated again: the same weights ask the same questions.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from megatron_qm.align.rl.experience import Experience, informative, judged, outcome_json, pass_rates
from megatron_qm.align.rl.judges import Judges
from megatron_qm.align.rl.sampler import PromptSampler
from megatron_qm.align.rollouts.dispatch import dispatch
from megatron_qm.align.rollouts.engine import RolloutEngine
from megatron_qm.align.rollouts.replay import SavedRollouts
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.config.rl import RlConfig
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.rewards.items import Item
from megatron_qm.tokenizer import TextTokenizer

FOLDER = "rollouts"
_PATIENCE_SECONDS = 15.0
_KEPT_TOGETHER = 4096  # rollouts that are saved, and by a kill lost, together


@dataclass(frozen=True)
class Generated:
    """A batch before it is judged: `samples` responses for each item, side by side."""

    number: int
    version: int  # the step whose weights answered
    items: Sequence[Item]  # [n]
    rollouts: Sequence[Rollout]  # [n]
    epoch: int
    seconds: float


class Collector:
    """Asks, generates, judges. All ranks call together; `judges` is there on the first alone."""

    def __init__(
        self, config: RlConfig, output: Path, sampler: PromptSampler, tokenizer: TextTokenizer, longest: int, seed: int,
        judges: Judges | None, on_first: Callable[[Callable[[], Any]], Any], move: Callable[[], None],
    ) -> None:
        """longest: tokens of prompt and response together that the model is run on. on_first: runs a function on the first
        rank and gives its value to all. move: told while a long wait is no hang."""
        self.folder = output / FOLDER
        self.sampler = sampler
        self._config, self._tokenizer, self._seed = config, tokenizer, seed
        self._judges, self._on_first, self._move = judges, on_first, move
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._verdicts: dict[int, Future] = {}  # of the first rank, by number of the batch
        drawn = config.sampling
        self._sampling = Sampling(
            temperature=drawn.temperature, top_p=drawn.top_p, top_k=drawn.top_k, max_new_tokens=drawn.max_new_tokens,
            stop_tokens=tokenizer.stops,
        )
        self._prompts = {item.key: self._encoded(item, longest) for item in sampler.items}

    def _encoded(self, item: Item, longest: int) -> tuple[int, ...]:
        tokens = tuple(self._tokenizer.encode([dict(message) for message in item.messages]))
        if len(tokens) + self._sampling.max_new_tokens > longest:
            raise UserError(
                f"rl.items: {item.key!r}: its prompt has {len(tokens)} tokens; with rl.sampling.max_new_tokens = "
                f"{self._sampling.max_new_tokens} that is over data.sequence_length = {longest}"
            )
        return tokens

    def generate(self, engine: RolloutEngine, number: int, version: int) -> Generated:
        began = time.perf_counter()
        items = [item for item in self.sampler.take(self._config.prompts) for _ in range(self._config.samples)]
        requests = [self._request(number, place, item) for place, item in enumerate(items)]
        rollouts = dispatch(engine, requests, self.path(number), version, batch=_KEPT_TOGETHER)
        generated = Generated(number, version, items, rollouts, self.sampler.epoch, time.perf_counter() - began)
        self._begin_to_judge(generated)
        return generated

    def again(self, number: int, version: int, epoch: int, keys: Sequence[str]) -> Generated:
        """A batch that was generated before this start, from the disk. Raises UserError where it is gone."""
        known = {item.key: item for item in self.sampler.items}
        items = [known[key] for key in keys for _ in range(self._config.samples)]
        requests = [self._request(number, place, item) for place, item in enumerate(items)]
        rollouts = self._on_first(lambda: SavedRollouts(self.path(number)).generate(requests))
        generated = Generated(number, version, items, rollouts, epoch, 0.0)
        self._begin_to_judge(generated)
        return generated

    def _begin_to_judge(self, generated: Generated) -> None:
        """In a thread, for what is generated ahead is judged while another batch is learnt from."""
        if self._judges is not None:
            self._verdicts[generated.number] = self._thread.submit(self._judge, generated)

    def _request(self, number: int, place: int, item: Item) -> Request:
        """A name of its own for every response of a run: it fixes the random numbers. A small set of items may stand in
        a batch twice."""
        key = f"{number}/{place // self._config.samples}/{item.key}#{place % self._config.samples}"
        return Request(key, self._prompts[item.key], self._sampling, self._seed)

    def path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.jsonl"

    def judge(self, generated: Generated) -> Experience:
        """On every rank the same; also writes the outcomes. The others are told now and then that the first still waits."""
        while (found := self._on_first(lambda: self._waited(generated.number))) is None:
            self._move()
        self._verdicts.pop(generated.number, None)
        return judged(generated.items, generated.rollouts, *found, self._config)

    def _waited(self, number: int) -> tuple[list, list | None] | None:
        try:
            return self._verdicts[number].result(_PATIENCE_SECONDS)
        except TimeoutError:
            if self._verdicts[number].done():
                raise  # the verdicts' own
            return None

    def _judge(self, generated: Generated) -> tuple[list, list | None]:
        texts = [self._tokenizer.decode(rollout.tokens, special=False) for rollout in generated.rollouts]
        outcomes, formats = self._judges.judge(generated.items, texts)
        with atomic_write(self.folder / f"{generated.number:06d}.outcomes.jsonl") as stream:
            for rollout, text, outcome in zip(generated.rollouts, texts, outcomes, strict=True):
                line = {**outcome_json(rollout.key, outcome), "response": text}
                stream.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        return outcomes, formats

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def note(self, experience: Experience) -> None:
        for key, rate in pass_rates(experience).items():
            self.sampler.note(key, rate)

    def forget(self, before: int) -> None:
        """Remove the rollouts of batches with a lower number."""
        for path in self.folder.glob("[0-9]*.jsonl"):
            if int(path.name.split(".")[0]) < before:
                path.unlink(missing_ok=True)


def merged(parts: Sequence[Experience], config: RlConfig) -> Experience:
    """The informative groups of several batches as one, whole groups in order, at most `prompts` of them; where there are
    too few, the rest of the first batch fills up."""
    chosen: list[tuple[Experience, list[int]]] = []
    wanted = config.prompts * config.samples
    for experience in parts:
        kept = informative(experience)[: wanted - sum(len(some) for _, some in chosen)]
        chosen.append((experience, kept))
    missing = wanted - sum(len(some) for _, some in chosen)
    spare = sorted(set(range(len(parts[0]))) - set(chosen[0][1]))[:missing]
    chosen.append((parts[0], spare))
    return _joined(chosen)


def _joined(chosen: Sequence[tuple[Experience, list[int]]]) -> Experience:
    def every(name: str) -> list:
        return [getattr(experience, name)[n] for experience, some in chosen for n in some]

    groups: dict[tuple[int, int], int] = {}
    numbers = [(at, experience.group_n[n]) for at, (experience, some) in enumerate(chosen) for n in some]
    for name in numbers:
        groups.setdefault(name, len(groups))
    return Experience(every("items"), every("rollouts"), every("outcomes"), [groups[name] for name in numbers],
                      every("reward_n"), np.array(every("advantage_n")))


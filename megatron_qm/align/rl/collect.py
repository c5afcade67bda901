"""One batch of experience: prompts asked, responses generated and kept on the disk, judged.

OUTPUT/rollouts/NUMBER.jsonl holds the rollouts of a batch, NUMBER.origin.json where they come from (origin.py),
NUMBER.outcomes.jsonl what verifiers said of each (verdicts.py). A batch that was generated before a kill is neither generated
nor judged again: the same weights ask the same questions.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from megatron_qm.align.digest import digest
from megatron_qm.align.rl.experience import Experience, informative, judged, pass_rates
from megatron_qm.align.rl.fusion.fusion import Fusion
from megatron_qm.align.rl.fusion.reference import FILE as REFERENCE_FILE
from megatron_qm.align.rl.judging import Judging
from megatron_qm.align.rl.origin import Origin, forget_verdicts, outcomes_of, settle
from megatron_qm.align.rl.sampler import PromptSampler
from megatron_qm.align.rl.verdicts import Verdicts
from megatron_qm.align.rollouts.dispatch import dispatch
from megatron_qm.align.rollouts.engine import RolloutEngine
from megatron_qm.align.rollouts.replay import SavedRollouts
from megatron_qm.align.rollouts.rollout import Rollout, write_rollouts
from megatron_qm.chat import TemplateError
from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.config.rl import RlConfig
from megatron_qm.errors import UserError
from megatron_qm.files import write_json
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.rewards.items import Item
from megatron_qm.tokenizer import TextTokenizer

FOLDER = "rollouts"
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

    @cached_property
    def digest(self) -> str:
        """Of the rollouts: tokens, log-probabilities and all."""
        return digest([list(vars(rollout).values()) for rollout in self.rollouts])


class Collector:
    """Asks, generates, has judged. All ranks call together."""

    def __init__(
        self, config: RlConfig, output: Path, sampler: PromptSampler, tokenizer: TextTokenizer, longest: int, seed: int,
        judging: Judging, move: Callable[[], None], fusion: Fusion | None = None,
    ) -> None:
        """longest: tokens of prompt and response together that the model is run on. move: told while a long wait is no hang.
        fusion: of rl.rewards, where there are any."""
        self.folder = output / FOLDER
        self.sampler, self.fusion = sampler, fusion
        self._config, self._tokenizer, self._seed = config, tokenizer, seed
        self._judging, self._move = judging, move
        drawn = config.sampling
        self._sampling = Sampling(
            temperature=drawn.temperature, top_p=drawn.top_p, top_k=drawn.top_k, max_new_tokens=drawn.max_new_tokens,
            stop_tokens=tokenizer.stops,
        )
        self._prompts = {item.key: self._encoded(item, longest) for item in sampler.items}

    def _encoded(self, item: Item, longest: int) -> tuple[int, ...]:
        try:
            tokens = tuple(self._tokenizer.encode([dict(message) for message in item.messages]))
        except TemplateError as error:
            raise UserError(f"rl.items = {self._config.items}: the item {item.key!r}: {error}") from None
        if len(tokens) + self._sampling.max_new_tokens > longest:
            raise UserError(
                f"rl.items: {item.key!r}: its prompt has {len(tokens)} tokens; with rl.sampling.max_new_tokens = "
                f"{self._sampling.max_new_tokens} that is over data.sequence_length = {longest}"
            )
        return tokens

    def generate(self, engine: RolloutEngine, number: int, version: int, weights: str) -> Generated:
        """version: the step of the engine's weights. weights: their fingerprint."""
        began = time.perf_counter()
        items = [item for item in self.sampler.take(self._config.prompts) for _ in range(self._config.samples)]
        requests = [self._request(number, place, item) for place, item in enumerate(items)]
        rollouts = self._answers(engine, requests, self.path(number), Origin.of(requests, version, weights))
        generated = Generated(number, version, items, rollouts, self.sampler.epoch, time.perf_counter() - began)
        self._begin_to_judge(generated)
        self._move()
        return generated

    def _answers(self, engine: RolloutEngine, requests: Sequence[Request], path: Path, origin: Origin) -> Sequence[Rollout]:
        if self._config.saved_rollouts:  # they are read anew at every start, and are of whatever weights they are
            rollouts = engine.generate(requests)
            on_first_rank(lambda: write_rollouts(path, rollouts))
            return rollouts
        on_first_rank(lambda: settle(path, origin))
        return dispatch(engine, requests, path, origin.version, batch=_KEPT_TOGETHER)

    def again(self, number: int, version: int, epoch: int, keys: Sequence[str], digest: str | None = None) -> Generated:
        """A batch that was generated before this start, from the disk. digest: of its rollouts; checkpoints of earlier versions
        have none. Raises UserError where they are gone, or others."""
        known, path = {item.key: item for item in self.sampler.items}, self.path(number)
        items = [known[key] for key in keys for _ in range(self._config.samples)]
        requests = [self._request(number, place, item) for place, item in enumerate(items)]
        rollouts = on_first_rank(lambda: SavedRollouts(path).generate(requests))
        generated = Generated(number, version, items, rollouts, epoch, 0.0)
        if digest not in (None, generated.digest):
            raise UserError(f"{path}: these are not the rollouts that the run had in flight at its checkpoint; bring the old "
                            "file back, or go on from an earlier checkpoint")
        self._begin_to_judge(generated)
        return generated

    def _begin_to_judge(self, generated: Generated) -> None:
        self._judging.begin(generated.number, outcomes_of(self.path(generated.number)), generated.items, generated.rollouts)

    def _request(self, number: int, place: int, item: Item) -> Request:
        """A name of its own for every response of a run: it fixes the random numbers. A small set of items may stand in
        a batch twice."""
        key = f"{number}/{place // self._config.samples}/{item.key}#{place % self._config.samples}"
        return Request(key, self._prompts[item.key], self._sampling, self._seed)

    def path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.jsonl"

    def judge(self, generated: Generated, beside: Sequence[Generated] = ()) -> Experience:
        """On every rank the same; also writes the outcomes. beside: batches that the reference is measured on as well."""
        found = self._said(generated)
        if self.fusion is None or found.said is None:
            return judged(generated.items, generated.rollouts, found.outcomes, found.formats, self._config)
        components = self.fusion.components(generated.items, found.said)
        if self.fusion.to_measure:
            others = [self.fusion.components(other.items, self._said(other).said or {}) for other in beside]
            self.fusion.measure([components, *others])
            on_first_rank(self._keep_reference)
        return self.fusion.judged(generated.items, generated.rollouts, components)

    def _keep_reference(self) -> None:
        """For other runs: this one has its own in its checkpoints."""
        if self.fusion is not None and self.fusion.reference is not None:
            write_json(self.folder.parent / REFERENCE_FILE, self.fusion.reference.to_json())

    def _said(self, generated: Generated) -> Verdicts:
        return self._judging.verdicts(generated.number, generated.items, generated.rollouts)

    def judge_again(self, numbers: Sequence[int]) -> Path:
        """A start after this one asks for the verdicts on these batches anew; where those that there were are now."""
        return on_first_rank(lambda: [forget_verdicts(self.path(number)) for number in numbers][-1])

    def close(self) -> None:
        self._judging.close()

    def note(self, experience: Experience) -> None:
        for key, rate in pass_rates(experience).items():
            self.sampler.note(key, rate)

    def forget(self, before: int) -> None:
        """Remove the rollouts of batches with a lower number."""
        for path in self.folder.glob("[0-9]*"):
            if path.is_file() and int(path.name.split(".")[0]) < before:
                path.unlink(missing_ok=True)


def merged(parts: Sequence[Experience], config: RlConfig, fusion: Fusion | None = None) -> Experience:
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
    return fusion.merged(chosen, _joined(chosen)) if fusion else _joined(chosen)


def _joined(chosen: Sequence[tuple[Experience, list[int]]]) -> Experience:
    responses = [(experience, n) for experience, some in chosen for n in some]
    groups: dict[tuple[int, int], int] = {}
    numbers = [(at, experience.group_n[n]) for at, (experience, some) in enumerate(chosen) for n in some]
    for name in numbers:
        groups.setdefault(name, len(groups))
    return Experience(
        items=[experience.items[n] for experience, n in responses],
        rollouts=[experience.rollouts[n] for experience, n in responses],
        outcomes=[experience.outcomes[n] for experience, n in responses],
        group_n=[groups[name] for name in numbers],
        reward_n=[experience.reward_n[n] for experience, n in responses],
        advantage_n=np.array([experience.advantage_n[n] for experience, n in responses]),
    )


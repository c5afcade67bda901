"""Rollouts as the trainer's feed: each batch is asked for with the present weights, judged, and learnt from in one or more
updates. Checkpoints wait for the end of a batch, so that all there is to save are a few numbers and the sampler's."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from megatron_qm.align.rl.collect import Collector, Generated, merged
from megatron_qm.align.rl.experience import Experience, informative, reasons, summary
from megatron_qm.align.rl.health import Health
from megatron_qm.align.rl.policy import Policy
from megatron_qm.align.rl.rehearsal import Replay
from megatron_qm.align.rl.updates import Update, engine_gap, responses_of_rows, taught, updates_of
from megatron_qm.align.rollouts.compare import LogprobGap, check_logprobs
from megatron_qm.config.rl import RlRun
from megatron_qm.data.reader import SourceProgress
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, object_of, text_of, texts_of, whole_of
from megatron_qm.observe.records import RlRecord
from megatron_qm.platform.runtime import Platform
from megatron_qm.rewards.outcome import Outcome
from megatron_qm.train.batches import MicroBatch
from megatron_qm.train.feed import Units
from megatron_qm.train.step import this_place

logger = logging.getLogger(__name__)
_STAGE = "rl"


@dataclass(frozen=True)
class Lesson:
    """The batch that is being learnt from. record: without what is known only afterwards. path: of its rollouts. began: on
    time.perf_counter."""

    record: RlRecord
    experience: Experience
    path: Path
    began: float


class RolloutFeed:
    """A train.feed.Feed."""

    names: Sequence[str] = ("policy",)

    def __init__(self, config: RlRun, platform: Platform, policy: Policy, collector: Collector, health: Health,
                 replay: Replay | None) -> None:
        self._config, self._platform, self._policy, self._collector, self._health = config, platform, policy, collector, health
        self._replay = replay
        self._updates: Sequence[Update] = ()  # of the lesson, those that are left
        self._lesson: Lesson | None = None
        self._number, self._tokens = 0, 0  # batches asked for, and tokens of those learnt from
        self._ahead: Generated | None = None  # rl.overlap: what will be learnt from after the present batch
        self._needed = (0, 0)  # the batches that the last two checkpoints go on with: a kill may leave the older one
        self._asked: list[int] = []  # the batches that the lesson is made of
        self._compared = False
        self._told_epoch = 0
        self.seconds = 0.0

    @property
    def settled(self) -> bool:
        return not self._updates

    def begin(self, step: int) -> None:
        """What a killed run had asked ahead of its checkpoint stays: the same weights will ask it again."""
        self._health.begin()

    def next(self, step: int) -> tuple[Iterator[MicroBatch], int]:
        if not self._updates:
            self._fill(step)
        return iter(self._updates[0]), len(self._updates[0])

    def units(self, step: int) -> Units:
        """Its responses."""
        lesson = self._lesson
        assert lesson is not None, "a step is looked at after `next`"
        experience = lesson.experience
        number = taught(experience, self._config)[-len(self._updates)]
        filled = responses_of_rows(experience, self._config, number, this_place().dp_size)
        rows = [_told(experience, n) for row in filled for n in row]
        batches = [replace(batch, source_bs=batch.extra["response"]) for batch in self._updates[0]]
        return Units(iter(batches), len(batches), ("response", "reward", "advantage", "tokens"), rows,
                     f"update {number + 1} of its rollouts, as the run has kept them")

    def advance(self) -> None:
        self._updates = self._updates[1:]

    def recorded(self, step: int) -> None:
        """A batch is told of once it is learnt from, with what that took: its alarms look at its own updates."""
        lesson = self._lesson
        if lesson is not None and self.settled:
            seconds = {**lesson.record.seconds, "train": time.perf_counter() - lesson.began}
            self._health.batch(replace(lesson.record, step=step, seconds=seconds), lesson.experience, lesson.path)
            self._lesson = None

    # --- a batch of rollouts

    def _fill(self, step: int) -> None:
        """The next batch, judged, as updates; with overlap the one after it is generated before this one is learnt from."""
        rl = self._config.rl
        seconds: dict[str, float] = {}
        generated, experience = self._next_scored(step, seconds)
        self._ahead = self._generate(step - 1) if rl.overlap and step < self._config.total_steps else None
        began = time.perf_counter()
        updates = updates_of(experience, self._config, self._platform, self._replay)
        if len(updates) > 1 or generated.version != step - 1 or rl.saved_rollouts:
            updates = self._policy.with_own(updates)
        gap = self._gap(updates[0])
        self._updates = self._policy.with_reference(updates)
        seconds["logprobs"] = time.perf_counter() - began
        self._collector.note(experience)
        if self._collector.fusion is not None:
            self._collector.fusion.note(experience)
        self._tokens += sum(len(rollout.prompt) + len(rollout.tokens) for rollout in experience.rollouts)
        record = self._record(step, generated, experience, seconds, gap)
        self._lesson = Lesson(record, experience, self._collector.path(generated.number), time.perf_counter())
        if rl.keep_rollouts is not None:
            self._collector.forget(min(generated.number - rl.keep_rollouts + 1, self._needed[0]))

    def _record(
        self, step: int, generated: Generated, experience: Experience, seconds: Mapping[str, float], gap: LogprobGap | None = None
    ) -> RlRecord:
        return RlRecord(
            step=step, epoch=generated.epoch, **summary(experience), **experience.told, engine_gap=gap.to_json() if gap else None,
            resampled=self._resampled(), seconds=seconds, batches=list(self._asked),
        )

    def _next_scored(self, step: int, seconds: dict[str, float]) -> tuple[Generated, Experience]:
        """The next batch that has a score: one without makes no update, and is told of. Raises UserError after
        rl.max_unscored_in_a_row of them, on every rank, for all know the same verdicts."""
        most, outcomes, asked = self._config.rl.max_unscored_in_a_row, list[Outcome](), list[int]()
        for _ in range(most):
            generated, experience = self._next_experience(step, seconds)
            if any(reward is not None for reward in experience.reward_n):
                return generated, experience
            outcomes += experience.outcomes
            asked += self._asked
            path, self._ahead = self._collector.path(generated.number), None
            logger.warning("%s: none of its %d responses could be scored: no update is made of them", path, len(experience))
            self._health.batch(self._record(step, generated, experience, seconds), experience, path)
        said = self._collector.judge_again(asked)
        raise UserError(
            f"step {step}: no response could be scored, {most} batches in a row (rl.max_unscored_in_a_row): {reasons(outcomes)}; "
            "mend what judges them, or the references, and start again, which asks for them anew; every reason is in "
            f"{said}"
        )

    def _next_experience(self, step: int, seconds: dict[str, float]) -> tuple[Generated, Experience]:
        fusion = self._collector.fusion
        generated = self._ahead or self._generate(step - 1)
        beside = [self._generate(step - 1) for _ in range(1, fusion.to_measure if fusion else 1)]
        began = time.perf_counter()
        parts, self._asked = [self._collector.judge(generated, beside)], [generated.number]
        if fusion and fusion.to_measure:  # in vain: these are asked for again, too
            self._asked += [other.number for other in beside]
        seconds |= {"generate": generated.seconds + sum(other.seconds for other in beside), "score": time.perf_counter() - began}
        refills = 0 if fusion and fusion.to_measure else self._config.rl.curriculum.refills  # not before there is a measure
        while len(parts) <= refills and _informative(parts) < len(parts[0]):
            self._collector.note(parts[-1])
            generated = self._generate(step - 1)
            seconds["generate"] += generated.seconds
            parts.append(self._collector.judge(generated))
            self._asked.append(generated.number)
        return generated, parts[0] if len(parts) == 1 else merged(parts, self._config.rl, fusion)

    def _generate(self, version: int) -> Generated:
        weights = self._policy.publish(version)
        generated = self._collector.generate(self._policy.engine, self._number, version, weights)
        self._number += 1
        return generated

    def _gap(self, update: Update) -> LogprobGap | None:
        """Engine against trainer: of the first batch of a start, which is held to rl.gate, and wherever it costs nothing."""
        known = "old_logp" in update[0].extra
        if self._compared and not known:
            return None
        trainer = [b.extra["old_logp"] for b in update] if known else self._policy.logprobs(update)
        gap = engine_gap(update, trainer)
        if gap is not None and not self._compared and not self._config.rl.saved_rollouts and not self._config.rl.overlap:
            check_logprobs(gap, self._config.rl.gate.mean, self._config.rl.gate.largest)
        self._compared = self._compared or gap is not None
        return gap

    def _resampled(self) -> JsonObject | None:
        """Once an epoch: which prompts left, in the log and in the record."""
        sampler = self._collector.sampler
        if sampler.epoch == self._told_epoch:
            return None
        self._told_epoch = sampler.epoch
        left, kept = sampler.left, len(sampler.items) - len(sampler.left)
        some = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
        gone = f" (gone: {some})" if some else ""
        logger.info("epoch %d: %d prompts leave, %d are asked%s", sampler.epoch, len(left), kept, gone)
        return {"mastered": len(left), "kept": kept, "keys": list(left)}

    # --- what the trainer keeps

    def quarantine(self, step: int, reason: str, measured: Mapping[str, object]) -> str:
        return f"its rollouts are in {self._collector.folder}"

    @property
    def tokens(self) -> int:
        return self._tokens

    def progress(self) -> Mapping[str, SourceProgress]:
        sampler = self._collector.sampler
        return {"policy": SourceProgress(self._tokens, sampler.epoch + sampler.position / len(sampler.items))}

    def state(self) -> JsonObject:
        ahead, rl, fusion = self._ahead, self._config.rl, self._collector.fusion
        self._needed = (self._needed[1], ahead.number if ahead else self._number)
        return {
            "stage": _STAGE, "sampler": self._collector.sampler.state(), "number": self._number, "tokens": self._tokens,
            "told_epoch": self._told_epoch, "replay": self._replay and self._replay.state(),
            "ahead": ahead and {"number": ahead.number, "version": ahead.version, "epoch": ahead.epoch,
                                "keys": [item.key for item in ahead.items[:: rl.samples]], "digest": ahead.digest},
            **({"fusion": fusion.state()} if fusion else {}),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Raises UserError for the state of another stage, and where rollouts in flight are gone from the disk."""
        if state.get("stage") != _STAGE:
            raise UserError("this checkpoint is of a run without rollouts: name it as train.start_from of a new run, in "
                            "an output folder of its own")
        self._collector.sampler.restore(object_of(state, "sampler"))
        self._number, self._tokens = whole_of(state, "number"), whole_of(state, "tokens")
        self._told_epoch = whole_of(state, "told_epoch")
        if self._replay is not None and state.get("replay"):
            self._replay.restore(object_of(state, "replay"))
        if self._collector.fusion is not None:
            self._collector.fusion.restore(object_of(state, "fusion") if "fusion" in state else None)
        self._ahead = self._again(object_of(state, "ahead")) if state["ahead"] else None
        self._needed = (self._ahead.number if self._ahead else self._number,) * 2

    def _again(self, ahead: Mapping[str, object]) -> Generated:
        return self._collector.again(
            whole_of(ahead, "number"), whole_of(ahead, "version"), whole_of(ahead, "epoch"), texts_of(ahead, "keys"),
            text_of(ahead, "digest") if "digest" in ahead else None,
        )

    def sync(self) -> None:
        """Rollouts are on the disk before they are judged."""

    def close(self) -> None:
        self._collector.close()


def _told(experience: Experience, n: int) -> tuple[str, ...]:
    reward, rollout = experience.reward_n[n], experience.rollouts[n]
    worth = "unscored" if reward is None else f"{reward:.3f}"
    return rollout.key, worth, f"{experience.advantage_n[n]:+.3f}", str(len(rollout.tokens))


def _informative(parts: Sequence[Experience]) -> int:
    return sum(len(informative(part)) for part in parts)

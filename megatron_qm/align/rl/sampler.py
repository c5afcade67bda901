"""Which prompts are asked, and in which order: every stratum of the items evenly spread over an epoch, and what is mastered
(or too easy or too hard to learn from) left out of the next. The whole state is a few numbers and prompts' last pass rates."""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from megatron_qm.align.digest import digest
from megatron_qm.config.rl import CurriculumConfig
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, number_of, object_of, texts_of, whole_of
from megatron_qm.rewards.items import Item

logger = logging.getLogger(__name__)
_ADVICE = ("bring the old file back, or start a new run from the weights: train.start_from=CHECKPOINT and an output folder of "
           "its own")


@dataclass
class PromptSampler:
    """`take` gives the next items; `note` what became of them. The same calls give the same items."""

    items: Sequence[Item]
    config: CurriculumConfig
    seed: int
    epoch: int = 0
    position: int = 0  # in the order of the epoch
    pass_rates: dict[str, float] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)  # keys of the items that this epoch does without
    _order: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._order = self._ordered()

    def take(self, count: int) -> list[Item]:
        """The next `count` items, over the end of an epoch where need be."""
        taken: list[Item] = []
        while len(taken) < count:
            if self.position == len(self._order):
                self._next_epoch()
            some = self._order[self.position : self.position + count - len(taken)]
            self.position += len(some)
            taken += some
        return taken

    def note(self, key: str, pass_rate: float) -> None:
        self.pass_rates[key] = pass_rate

    def _next_epoch(self) -> None:
        self.epoch, self.position = self.epoch + 1, 0
        if self.config.resample:
            left = self._leaving()
            # Where all are mastered (or hopeless) there is nothing to choose from: everything is asked again.
            self.left = left if len(left) < len(self.items) else []
        self._order = self._ordered()

    def _leaving(self) -> list[str]:
        """Hopeless prompts, and those that the curriculum does without but for a rehearsed share: of the same pass rates and
        epoch the same."""
        rates = {item.key: self.pass_rates[item.key] for item in self.items if item.key in self.pass_rates}
        spared = [key for key, rate in rates.items() if self._spared(key, rate)]
        draw = random.Random(f"{self.seed} {self.epoch} rehearse")
        rehearsed = draw.sample(spared, round(self.config.rehearse * len(spared)))
        hopeless = self.config.hopeless_at
        gone = set(spared) - set(rehearsed) | {key for key, rate in rates.items() if hopeless is not None and rate <= hopeless}
        return [key for key in rates if key in gone]

    def _spared(self, key: str, rate: float) -> bool:
        """What an epoch can do without: what is mastered, or by chance the more likely the less its answers differ."""
        if self.config.by == "mastery":
            return rate >= self.config.mastered_at
        return random.Random(f"{self.seed} {self.epoch} {key}").random() >= 4 * rate * (1 - rate)

    def _ordered(self) -> list[Item]:
        """Item j of a shuffled stratum of n stands at (j + u) / n of the epoch, u drawn per stratum: any stretch of the
        order holds each stratum in proportion."""
        gone = set(self.left)
        strata: dict[tuple[str, str], list[Item]] = {}
        for item in self.items:
            if item.key not in gone:
                strata.setdefault((item.task, item.label), []).append(item)
        placed = []
        for name, members in sorted(strata.items()):
            draw = random.Random(f"{self.seed} {self.epoch} {name}")
            draw.shuffle(members)
            offset = draw.random()
            placed += [((at + offset) / len(members), name, item) for at, item in enumerate(members)]
        return [item for *_, item in sorted(placed, key=lambda entry: entry[:2])]

    def state(self) -> JsonObject:
        return {"epoch": self.epoch, "position": self.position, "pass_rates": dict(self.pass_rates), "left": list(self.left),
                "seed": self.seed, "items": len(self.items), "digests": dict(self._digests)}

    def restore(self, state: Mapping[str, object]) -> None:
        """Raises UserError where the items or the seed are others than those of the state."""
        if "digests" in state:
            _check_same(object_of(state, "digests"), self._digests)
        else:
            self._check_keys(state)
        if state["seed"] != self.seed:
            raise UserError(f"data.seed = {self.seed}, but the run was started with {state['seed']}: set that again")
        rates = object_of(state, "pass_rates")
        self.epoch, self.position = whole_of(state, "epoch"), whole_of(state, "position")
        self.pass_rates, self.left = {key: number_of(rates, key) for key in rates}, texts_of(state, "left")
        self._order = self._ordered()

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {item.key: item_digest(item) for item in self.items}

    def _check_keys(self, state: Mapping[str, object]) -> None:
        """All that can be compared with a checkpoint of an earlier version."""
        keys = {item.key for item in self.items}
        strange = next((key for key in (*object_of(state, "pass_rates"), *texts_of(state, "left")) if key not in keys), None)
        if strange is not None or state["items"] != len(self.items):
            raise UserError(f"rl.items: the run was started with {state['items']} items, these are {len(self.items)}"
                            + (f" without {strange!r}" if strange else "") + f"; {_ADVICE}")
        logger.warning("rl.items: the checkpoint is of an earlier version and does not say what its items held: these are taken "
                       "for the same")


def item_digest(item: Item) -> str:
    """Of all that decides what is asked, how it is judged and when: not of `strata`, which reports alone know."""
    return digest([item.task, [dict(message) for message in item.messages], item.reference, dict(item.metadata), item.label])


def _check_same(saved: Mapping[str, object], mine: Mapping[str, str]) -> None:
    """{key: digest} in the order of their files. Raises UserError for the first difference, which says how many there are."""
    differing = {key: "was changed" for key in saved if mine.get(key, saved[key]) != saved[key]}
    differing |= {key: "is missing" for key in saved if key not in mine}
    differing |= {key: "is new" for key in mine if key not in saved}
    if not differing and list(saved) != list(mine):
        differing = {key: "stands elsewhere" for key, other in zip(mine, saved, strict=True) if key != other}
    if differing:
        key, how = next(iter(differing.items()))
        raise UserError(f"rl.items: these are not the {len(saved)} items that the run was started with: {len(differing)} differ, "
                        f"the first is {key!r}, which {how}; {_ADVICE}")

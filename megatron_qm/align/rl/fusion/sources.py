"""Who is asked for the rewards of rl.rewards: the item's own verifier, a further one, one behind an endpoint, or a reward model
in the ranks."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from megatron_qm.config.fusion import RewardConfig
from megatron_qm.config.fusion_rules import nearest
from megatron_qm.config.rl import RlConfig
from megatron_qm.errors import UserError
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.models import Models
from megatron_qm.rewards.registry import GENERAL, GRADED, HYBRID, Verifiers
from megatron_qm.rewards.two_readings import Readings

TOKEN = "MEGATRON_QM_REWARD_TOKEN"  # environment variable of the endpoints' token
_DIGITS = 16  # of a digest, in names


@dataclass(frozen=True)
class Source:
    """One verdict a response; several rewards may be parts of it. Neither verifier, endpoint nor checkpoint: the item's own
    verifier."""

    verifier: str | None = None
    endpoint: str | None = None
    checkpoint: str | None = None
    dtype: str | None = None
    digest: str | None = None

    @property
    def label(self) -> str:
        """A reward model is called by what it holds: wherever it lies it says the same."""
        if self.checkpoint is not None:
            return f"reward model {(self.digest or self.checkpoint)[:_DIGITS]}" + (f" in {self.dtype}" if self.dtype else "")
        if self.endpoint is not None:
            return f"{self.verifier or 'task'} at {self.endpoint}"
        return "item" if self.verifier is None else f"verifier {self.verifier}"

    @property
    def in_pool(self) -> bool:
        """Whether the processes of verifiers are asked."""
        return self.endpoint is None and self.checkpoint is None


def source_of(reward: RewardConfig) -> Source:
    return Source(reward.verifier, reward.endpoint, reward.checkpoint, reward.dtype, reward.digest)


def sources_of(rewards: Sequence[RewardConfig]) -> list[Source]:
    """Each once, in the order of the recipe."""
    return list(dict.fromkeys(map(source_of, rewards)))


def applies(reward: RewardConfig, item: Item) -> bool:
    return not reward.tasks or item.task in reward.tasks


def asks(rewards: Sequence[RewardConfig], source: Source, item: Item) -> bool:
    """Whether any reward wants to know of `source` about a response to `item`."""
    return any(applies(reward, item) for reward in rewards if source_of(reward) == source)


def further_verifiers(config: RlConfig, models: Models, readings: Readings) -> Verifiers:
    """What rl.rewards may name: all that ships, rl.verifiers, and functions that it names itself. Raises UserError."""
    named = {spec.partition("=")[0] for spec in config.verifiers}
    own = {reward.verifier for reward in config.rewards if reward.verifier and reward.endpoint is None}
    functions = sorted(name for name in own - named if ":" in name)
    return Verifiers.named([*config.verifiers, *functions], "rl.rewards", models, readings)


def asked_by(source: Source, item: Item, verifiers: Verifiers) -> Item:
    """`item` as `source` judges it in the pool. Raises ValueError."""
    if source.verifier is None:
        return item
    if source.verifier not in verifiers.names:
        raise ValueError(f"the verifier {source.verifier!r} is not known{nearest(source.verifier, verifiers.names)}; a function "
                         "is named as module:function")
    verifier, metadata = verifiers.admit(source.verifier, item.metadata)
    return replace(item, verifier=verifier, metadata=metadata)


def judged_here(config: RlConfig, items: Sequence[Item], verifiers: Verifiers) -> list[Item]:
    """Every item for every source that the pool asks about it. Raises UserError for a source that cannot be asked so."""
    found = []
    for source in sources_of(config.rewards):
        for item in items if source.in_pool else ():
            if asks(config.rewards, source, item):
                try:
                    found.append(asked_by(source, item, verifiers))
                except ValueError as error:
                    raise UserError(f"rl.rewards: the item {item.key!r}: {error}") from None
    return found


def check_applies(config: RlConfig, items: Sequence[Item]) -> None:
    """Raises UserError for a task that no item has, and for an item that no reward speaks of."""
    tasks = list(dict.fromkeys(item.task for item in items))
    for number, reward in enumerate(config.rewards):
        for task in reward.tasks:
            if task not in tasks:
                raise UserError(f"rl.rewards.{number}.tasks: {task!r} is the task of no item{nearest(task, tasks)}")
    for item in items if config.rewards else ():
        if not any(reward.weight and applies(reward, item) for reward in config.rewards):
            raise UserError(f"{config.items}:{item.line}: the item {item.key!r} has the task {item.task!r}, of which no reward "
                            "with a weight speaks: name it in rl.rewards.*.tasks, or leave such items out")


def check_endpoints(config: RlConfig, items: Sequence[Item]) -> None:
    """Raises UserError for an item that an endpoint would refuse in the middle of the run: what `hybrid` and `general` are told
    of rule, judge and principles is read as items are, and is not sent on."""
    for number, reward in enumerate(config.rewards):
        for item in items if reward.endpoint is not None else ():
            where = f"{config.items}:{item.line}: the item {item.key!r}"
            if applies(reward, item) and reward.verifier is None and item.task in (HYBRID, GENERAL, GRADED):
                raise UserError(f"rl.rewards.{number} names an endpoint without `verifier`, and {where} asks for {item.task}, "
                                f"whose model is this run's: name the verifier, or leave such items out of its `tasks`")
            if applies(reward, item) and reward.verifier == HYBRID and "rule" not in item.metadata:
                raise UserError(f"rl.rewards.{number}.verifier = {HYBRID} wants a rule, and {where} has none to send in "
                                "metadata.rule: name another verifier")


def token_for(sources: Iterable[Source]) -> str:
    """What the endpoints want to see; empty where there are none. Raises UserError where it is not set."""
    token = os.environ.get(TOKEN, "")
    endpoint = next((source.endpoint for source in sources if source.endpoint is not None), None)
    if endpoint is not None and not (token and token.isascii() and token.isprintable()):
        raise UserError(f"rl.rewards: {endpoint} wants a token: set {TOKEN} to the one that serve-rewards was given")
    return token

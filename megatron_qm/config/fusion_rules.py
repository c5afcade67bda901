"""What rl.rewards and rl.fusion must satisfy together."""

import dataclasses
import difflib
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from megatron_qm.config.fusion import FusionConfig, RewardConfig
from megatron_qm.config.require import require
from megatron_qm.config.rl import RlConfig

SCORE = "score"  # part of a reward model's verdict: what the value is the sigmoid of
_NAME = re.compile(r"[\w.-]{1,60}")
_FROZEN = ("statistics", "batches", "clip", "least_deviation")
_ADAPTIVE = ("over", "weakness", "redundancy", "momentum", "cap")


def check_fusion(rl: RlConfig, start: str | None) -> None:
    """Raises BrokenRuleError. start: the checkpoint that the policy starts from."""
    if not rl.rewards:
        require(rl.fusion == FusionConfig(), "rl.fusion joins the rewards that rl.rewards names, and there are none: name them, "
                "such as rl.rewards=[{name: right}, {name: honesty, part: honesty}]", "rl.fusion", "rl.rewards")
        return
    _names(rl.rewards)
    for number, reward in enumerate(rl.rewards):
        _reward(reward, f"rl.rewards.{number}", rl.fusion)
    require(any(reward.weight for reward in rl.rewards), "rl.rewards: the weights add up to 0: there is nothing to learn from",
            "rl.rewards")
    require(not rl.shaping.format_weight, f"rl.shaping.format_weight = {rl.shaping.format_weight:g} is a share of one verdict, "
            "and there are rl.rewards: make it one of them, {name: format, verifier: format, weight: ...}",
            "rl.shaping.format_weight", "rl.rewards")
    _kind(rl.fusion)
    _cap(rl)
    _gdpo(rl)
    _measured(rl, start)


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean ...?`, or what there is."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


def uses_reference(fusion: FusionConfig) -> bool:
    """Whether values are held against the reference policy's."""
    return fusion.kind == "frozen" or (fusion.kind == "adaptive" and fusion.over == "frozen")


def _names(rewards: Sequence[RewardConfig]) -> None:
    seen: dict[str, int] = {}
    for number, reward in enumerate(rewards):
        key = f"rl.rewards.{number}.name"
        require(_NAME.fullmatch(reward.name) is not None,
                f"{key} = {reward.name!r}: must be 1 to 60 letters, digits, dots, dashes and underscores", key)
        require(reward.name not in seen, f"{key} = {reward.name!r}: rl.rewards.{seen.get(reward.name)} has this name, too; names "
                "tell rewards apart", key)
        seen[reward.name] = number


def _reward(reward: RewardConfig, key: str, fusion: FusionConfig) -> None:
    require(len(set(reward.tasks)) == len(reward.tasks), f"{key}.tasks names a task twice", f"{key}.tasks")
    require(reward.endpoint is None or _is_url(reward.endpoint), f"{key}.endpoint = {reward.endpoint!r}: must be a URL such as "
            "http://127.0.0.1:8077, of http or https", f"{key}.endpoint")
    _of_one_source(reward, key)
    require(reward.target is None or fusion.kind == "adaptive",
            f"{key}.target is for rl.fusion.kind = adaptive, not {fusion.kind}", f"{key}.target", "rl.fusion.kind")


def _of_one_source(reward: RewardConfig, key: str) -> None:
    """A reward model in the ranks is asked by nothing but its checkpoint, and what is said of it needs one."""
    for name in ("verifier", "endpoint"):
        require(reward.checkpoint is None or getattr(reward, name) is None, f"{key} names both checkpoint = {reward.checkpoint} "
                f"and {name} = {getattr(reward, name)}: a reward has one source; leave one of them out",
                f"{key}.checkpoint", f"{key}.{name}")
    for name in ("dtype", "digest", "model"):
        require(reward.checkpoint is not None or getattr(reward, name) is None,
                f"{key}.{name} is of a reward model in the ranks, and {key}.checkpoint names none", f"{key}.{name}")
    require(reward.checkpoint is None or reward.part in (None, SCORE), f"{key}.part = {reward.part!r}: the verdict of a reward "
            f"model has one part, {SCORE}", f"{key}.part", f"{key}.checkpoint")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _kind(fusion: FusionConfig) -> None:
    """A key of another kind would do nothing without a word."""
    used = (*(_FROZEN if uses_reference(fusion) else ()), *(_ADAPTIVE if fusion.kind == "adaptive" else ()))
    over = ", over frozen" if fusion.kind == "adaptive" else " or adaptive over frozen"
    for field in dataclasses.fields(fusion):
        name, value = field.name, getattr(fusion, field.name)
        wanted = f"frozen{over}" if name in _FROZEN else "adaptive"
        require(name == "kind" or name in used or value == field.default,
                f"rl.fusion.{name} is for rl.fusion.kind = {wanted}, and the kind is {fusion.kind}"
                + (f"; its keys are {', '.join(used)}" if used else ", which has no keys of its own"),
                f"rl.fusion.{name}", "rl.fusion.kind")


def _cap(rl: RlConfig) -> None:
    names = [reward.name for reward in rl.rewards]
    if rl.fusion.cap is not None:
        name = rl.fusion.cap.reward
        require(name in names, f"rl.fusion.cap.reward = {name!r} is none of rl.rewards{nearest(name, names)}",
                "rl.fusion.cap.reward", "rl.rewards")


def _gdpo(rl: RlConfig) -> None:
    require(rl.fusion.kind != "gdpo" or rl.advantage.kind == "grpo", f"rl.fusion.kind = gdpo divides each reward by its group's "
            f"deviation, and the sum by the batch's; rl.advantage.kind = {rl.advantage.kind} has no part in that: leave it at "
            "grpo",
            "rl.advantage.kind", "rl.fusion.kind")


def _measured(rl: RlConfig, start: str | None) -> None:
    """What is measured on the first batch is the starting weights' own."""
    if not uses_reference(rl.fusion):
        return
    given = rl.fusion.statistics is not None
    require(not (given and rl.fusion.batches > 1),
            "rl.fusion.batches says what to measure on, and rl.fusion.statistics is measured",
            "rl.fusion.batches", "rl.fusion.statistics")
    require(given or rl.reference in (None, start), f"rl.fusion measures the reference on the first batch, whose responses are "
            f"those of train.start_from = {start}; rl.reference = {rl.reference} is another: name its statistics in "
            "rl.fusion.statistics", "rl.fusion.statistics", "rl.reference")
    require(given or not rl.saved_rollouts, "rl.fusion measures the reference on the first batch, and rl.saved_rollouts are of "
            "whatever weights: name the reference's statistics in rl.fusion.statistics",
            "rl.fusion.statistics", "rl.saved_rollouts")

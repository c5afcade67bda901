"""The stages of a model's life, one entry each, in their order. Every verb that takes a recipe or a run asks this table."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from megatron_qm.config.rl import RlRun
from megatron_qm.config.run import RunConfig
from megatron_qm.config.sft import SftRun
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class Stage:
    """name: its verb, and the key `stage` of its recipes. help: of the verb. title: in reports. kind: its config. work: module
    and class of what it does (megatron_qm/work.py). section: the key that its recipes alone have. panel: module and function
    of its part of the report, from a run's history to HTML."""

    name: str
    help: str
    title: str
    kind: type[RunConfig]
    work: str
    section: str | None = None
    panel: str | None = None


STAGES: Mapping[str, Stage] = {stage.name: stage for stage in (
    Stage("pretrain", "train from scratch, or continue from a checkpoint", "pretraining", RunConfig,
          "megatron_qm.pretrain:Pretraining"),
    Stage("sft", "supervised fine-tuning on conversations, loss on answers only", "fine-tuning", SftRun,
          "megatron_qm.align.sft.work:FineTuning", section="sft"),
    Stage("rl", "reinforcement learning from verifiable medical rewards", "reinforcement learning", RlRun,
          "megatron_qm.align.rl.work:Reinforcement", section="rl", panel="megatron_qm.observe.page.rl:rl_section"),
)}


def stage_named(name: object, place: str) -> Stage:
    """Raises UserError, which begins with `place`, for one that there is not."""
    if isinstance(name, str) and name in STAGES:
        return STAGES[name]
    near = difflib.get_close_matches(str(name), STAGES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"stages are {', '.join(STAGES)}"
    raise UserError(f"{place}: stage = {name!r} is not known; {hint}")


def stage_of(keys: Mapping[str, object], place: str) -> Stage:
    """Of a recipe or a resolved config with these keys: what its `stage` says, else the stage whose section it has, else
    pretraining."""
    if keys.get("stage") is not None:
        return stage_named(keys["stage"], place)
    return next((stage for stage in STAGES.values() if stage.section in keys), STAGES["pretrain"])

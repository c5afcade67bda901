"""The stages of a model's life, one entry each, in their order. Every verb that takes a recipe or a run asks this table."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from megatron_qm.config.dpo import DpoRun
from megatron_qm.config.reward_model import RewardModelRun
from megatron_qm.config.rl import RlRun
from megatron_qm.config.run_config import RunConfig
from megatron_qm.config.sft import SftRun
from megatron_qm.config.tree import Tree
from megatron_qm.errors import UserError

Kept = Literal["table", "list", "both"]  # numbers as columns over steps, records as they are


@dataclass(frozen=True, eq=False)
class Stage:
    """name: its verb, and the key `stage` of its recipes. help: of the verb. title: in reports. kind: its config. work: module
    and class of what it does (megatron_qm/work.py). section: the key that its recipes alone have. records: the kinds
    that it writes beside those of every stage, and what a report keeps of each. panel: module and function of its part of the
    report, from a run's history to HTML."""

    name: str
    help: str
    title: str
    kind: type[RunConfig]
    work: str
    section: str | None = None
    records: Mapping[str, Kept] = field(default_factory=dict)
    panel: str | None = None


STAGES: Mapping[str, Stage] = {stage.name: stage for stage in (
    Stage("pretrain", "train from scratch, or continue from a checkpoint", "pretraining", RunConfig,
          "megatron_qm.pretrain:Pretraining"),
    Stage("sft", "supervised fine-tuning on conversations, loss on answers only", "fine-tuning", SftRun,
          "megatron_qm.align.sft.work:FineTuning", section="sft"),
    Stage("reward-model", "train a model that scores answers, from comparisons of them", "reward modelling", RewardModelRun,
          "megatron_qm.align.reward_model.work:RewardModelling", section="reward_model",
          panel="megatron_qm.observe.page.preferences:reward_model_section"),
    Stage("dpo", "direct preference optimisation, from comparisons of answers", "preference optimisation", DpoRun,
          "megatron_qm.align.dpo.work:PreferenceOptimisation", section="dpo",
          panel="megatron_qm.observe.page.preferences:dpo_section"),
    Stage("rl", "reinforcement learning from verifiable medical rewards", "reinforcement learning", RlRun,
          "megatron_qm.align.rl.work:Reinforcement", section="rl", records={"rl": "both", "alarm": "list"},
          panel="megatron_qm.observe.page.rl:rl_section"),
)}


def stage_of(tree: Tree) -> Stage:
    """Of a recipe or a resolved config: what its `stage` says, else the stage whose section it has, else pretraining. Raises
    UserError for a stage that there is not, and for the section of another one."""
    sections = [stage for stage in STAGES.values() if stage.section is not None and stage.section in tree]
    stage = _named(tree) if tree.value("stage") is not None else (*sections, STAGES["pretrain"])[0]
    for other in sections:
        if other is not stage:
            raise UserError(f"{tree.place([str(other.section)])}: the section {other.section} is of stage {other.name}, this is "
                            f"stage {stage.name}: leave it out, or set stage={other.name}")
    return stage


def stage_from(config: Mapping[str, object]) -> Stage:
    """Of a resolved config as plain data, which may be of an earlier version, or damaged: pretraining where it does not say."""
    named = STAGES.get(str(config.get("stage")))
    return named or next((stage for stage in STAGES.values() if stage.section in config), STAGES["pretrain"])


def _named(tree: Tree) -> Stage:
    name = str(tree.value("stage"))
    if name in STAGES:
        return STAGES[name]
    near = difflib.get_close_matches(name, STAGES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"stages are {', '.join(STAGES)}"
    raise UserError(f"{tree.place(['stage'])}: stage = {name!r} is not known; {hint}")

"""From a recipe, or the folder of a run, to its stage and its resolved config: for every verb that takes one."""

import argparse
from dataclasses import dataclass, fields, replace
from pathlib import Path

from megatron_qm.checkpoint.manifest import MANIFEST, TOKENIZER, model_of, read_manifest
from megatron_qm.config.model import ModelConfig, other_shape
from megatron_qm.config.require import BrokenRuleError
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.config.stages import STAGES, Stage, stage_of
from megatron_qm.config.tree import read
from megatron_qm.errors import UserError
from megatron_qm.work import Work, work_of

RESOLVED = "config.resolved.yaml"


@dataclass(frozen=True)
class Resolved:
    stage: Stage
    work: Work[RunConfig]
    config: RunConfig

    def counted(self) -> "Resolved":
        """With its length, where that follows from data that are there to be counted."""
        return replace(self, config=self.work.counted(self.config))


def resolve(args: argparse.Namespace, verb: str | None = None, *, to_run: bool = False) -> Resolved:
    """Of `--config` and overrides, checked. verb: the stage that is asked for; by default what the recipe says. Then
    the checkpoint to start from must be there. to_run: all that a run needs must be named."""
    tree = read(args.config, args.overrides)
    stage = stage_of(tree) if verb is None or "stage" in tree else STAGES[verb]
    if verb is not None and stage.name != verb:
        raise UserError(f"{tree.place(['stage'])}: stage = {stage.name}: use `megatron-qm {stage.name}`, or another recipe")
    work = work_of(stage)

    def rules(config: RunConfig) -> None:
        work.check(config)
        if to_run:
            work.need(config)

    def complete(config: RunConfig) -> RunConfig:
        return work.completed(_from_checkpoint(config, verb is not None))

    config = load_run(args.config, args.overrides, stage.kind, complete, rules)
    return Resolved(stage, work, config)


def resolve_run(run: Path) -> Resolved:
    """Of a run's folder: what it was started with, its data as they were made."""
    path = run / RESOLVED
    if not path.is_file():
        raise UserError(f"{path}: no such file; is {run} the folder of a run?")
    stage = stage_of(read([path]))
    return Resolved(stage, work_of(stage), load_run(path, [f"output={run}"], stage.kind))


def _from_checkpoint(config: RunConfig, must_be_there: bool) -> RunConfig:
    """What the recipe does not say of model and tokenizer, train.start_from does."""
    start = config.train.start_from
    if start is None:
        if config.model == ModelConfig():
            raise UserError("the model is not set: name the checkpoint to start from (train.start_from=CKPT), or model.shape")
        return config
    if must_be_there or config.model == ModelConfig() or (Path(start) / MANIFEST).exists():
        try:
            model = model_of(read_manifest(Path(start)))
        except UserError as error:
            raise BrokenRuleError(f"train.start_from: {error}", "train.start_from") from None
        if config.head != "score" == model.head:
            raise BrokenRuleError(f"train.start_from = {start} holds a reward model, which scores text and cannot write any: "
                                  f"stage {config.stage} wants a language model", "train.start_from")
        config = _as_it_is(config, model, start)
    carried = Path(start) / TOKENIZER
    if config.data.tokenizer is None and carried.is_dir():
        config = replace(config, data=replace(config.data, tokenizer=str(carried)))
    return config


def _as_it_is(config: RunConfig, model: ModelConfig, start: str) -> RunConfig:
    """With the checkpoint's own model, where the recipe says nothing else; a recipe that names another one is refused."""
    asked = (config.model if config.model.shape else _filled(config.model, model)).resolved()
    key = other_shape(asked, model)
    if key is not None:
        raise BrokenRuleError(
            f"model.{key} = {getattr(asked, key)}, but train.start_from = {start} holds a model with {key} = "
            f"{getattr(model, key)}; to take the checkpoint's own, leave the model out of the recipe (model=null)",
            f"model.{key}", "model.shape", "train.start_from",
        )
    return replace(config, model=asked)


def _filled(stated: ModelConfig, model: ModelConfig) -> ModelConfig:
    """What is not stated as it is in `model`; the head is the stage's."""
    unsaid = [field.name for field in fields(ModelConfig) if getattr(stated, field.name) in (None, field.default)]
    return replace(stated, **{name: getattr(model, name) for name in unsaid if name not in ("shape", "head")})

"""`megatron-qm reward-loop`: a reward model and annotators, round after round."""

import argparse
from pathlib import Path

from megatron_qm import children, outputs
from megatron_qm.align.reward_loop.annotating import judge_of
from megatron_qm.align.reward_loop.loop import RewardLoop
from megatron_qm.align.reward_loop.progress import in_words, progress
from megatron_qm.align.reward_loop.training import check_recipe
from megatron_qm.config.load import load, to_yaml
from megatron_qm.config.reward_loop import RewardLoopConfig
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError
from megatron_qm.exits import DONE
from megatron_qm.files import write_json
from megatron_qm.observe.reward_loop_page import render_reward_loop
from megatron_qm.steps import heading
from megatron_qm.train.lock import locked

_EPILOG = """\
  megatron-qm reward-loop --config loop.yaml --dry-run
  megatron-qm reward-loop --config loop.yaml
  megatron-qm reward-loop --config loop.yaml --until select labels=50

  loop.yaml         output: runs/reward-loop
                    start_from: runs/sft/checkpoints/step-00000300
                    first_pairs: pairs.jsonl
                    candidates: candidates.jsonl
                    annotators: {names: [ann, ben]}
  candidates.jsonl  {"key": "dose-7", "prompt": "...", "responses": ["...", "..."]}

Stages, each in a folder of its own in the output: start/grade (with genrm), start/pairs, start/bt; then in every round second
(without genrm), score, select, annotate, retrain, measure. The same command goes on where it was, however it ended: a stage that
is done is not done again, trainings go on from their last checkpoint, annotators where they were. A stage whose inputs or
settings have changed since is refused. After every round loop.html and loop.json in the output tell what it has brought
(docs/reward-models.md).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="YAML; its keys are in docs/config.md")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved config and how every stage stands, and stop")
    parser.add_argument("--until", metavar="STAGE",
                        help="stop after this stage: such as round-2/select, or select, the next of that name that is not done")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="dotted overrides, such as rounds=4")


def run(args: argparse.Namespace) -> int:
    config = load(RewardLoopConfig, args.config, args.overrides)
    loop = RewardLoop(config, check_recipe(config))
    _check(config)
    names = [stage.name for stage in loop.stages()]
    if args.until is not None and args.until not in {*names, *(name.partition("/")[2] for name in names)}:
        raise UserError(f"--until {args.until}: is none of the stages {', '.join(names)}")
    if args.dry_run:
        print(to_yaml(config))
        print(text_table(("stage", "state"), _states(loop)))
        return DONE
    outputs.folder(config.output)
    with locked(Path(config.output)), children.ended_by_signals():
        _run(loop, args.until)
    return DONE


def _check(config: RewardLoopConfig) -> None:
    """Raises UserError for what would else be found out hours later."""
    who = config.annotators
    if not who.names or len(set(who.names)) < len(who.names):
        raise UserError(f"annotators.names = {who.names}: names tell annotators apart; give one or more, none of them twice")
    if who.function is not None and who.verdicts is not None:
        raise UserError("annotators: function and verdicts are two ways to judge in people's place; leave one out")
    if config.first_pairs is None and config.genrm is None:
        raise UserError("nothing to begin with: name pairs to train on first (first_pairs), or a model that grades (genrm)")
    named = {key: getattr(config, key) for key in ("start_from", "candidates", "first_pairs", "held_out")}
    for key, path in {**named, "genrm.checkpoint": config.genrm and config.genrm.checkpoint}.items():
        if path is not None and not Path(path).exists():
            raise UserError(f"{key} = {path}: is not there")
    judge_of(who)


def _states(loop: RewardLoop) -> list[tuple[str, str]]:
    """Whatever follows a stage that is not done is to do, or was begun."""
    found: list[tuple[str, str]] = []
    open_ = False
    for stage in loop.stages():
        state = "to do" if open_ else stage.state()
        open_ = open_ or state != "done"
        found.append((stage.name, state))
    return found


def _run(loop: RewardLoop, until: str | None) -> None:
    told: int | None = None  # the last round that was told of
    for stage in loop.stages():
        done = stage.state() == "done"
        if not done:
            stage.run()
            if stage.ends_round:
                _tell(loop, told := stage.round)
        if stage.name == until or (not done and stage.name.partition("/")[2] == until):
            print(f"\nstopped after {stage.name}, as asked; the same command without --until goes on")
            return
    if told is None:
        _tell(loop, loop.config.rounds)


def _tell(loop: RewardLoop, rounds: int) -> None:
    output = Path(loop.config.output)
    found = {"output": str(output), **progress(loop.places, rounds, loop.config.genrm is not None)}
    write_json(output / "loop.json", found)
    page = render_reward_loop(found, loop.config.rounds, output / "loop.html")
    heading("what came of it" if rounds == loop.config.rounds else f"after {rounds} of {loop.config.rounds} rounds")
    print(in_words(found))
    print(f"reward model: {found['reward_model']}\nlabels: {found['labels'] or 'none yet'}\npage: {page}", flush=True)

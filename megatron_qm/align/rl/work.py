"""The stage that learns from rewards: prompts are asked, answers judged, and learnt from."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm.align.rl.fusion.fusion import fusion_of
from megatron_qm.align.rl.fusion.reward_models import check_reward_models, with_reward_models
from megatron_qm.align.rl.fusion.sources import check_applies, check_endpoints, sources_of, token_for
from megatron_qm.align.rl.judges import judge_of, judged_items, read_asked, reference_identity
from megatron_qm.align.rl.lengths import packed_length
from megatron_qm.align.rl.rehearsal import Replay
from megatron_qm.config.rl import RlRun
from megatron_qm.config.rl_rules import check_rl
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError, in_key
from megatron_qm.identities import check_named
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.judge import AT_ONCE
from megatron_qm.rewards.references import check_references
from megatron_qm.rewards.registry import longest_wait
from megatron_qm.work import Work

if TYPE_CHECKING:
    from megatron_qm.training import Learning


class Reinforcement(Work[RlRun]):
    epilog = """\
  megatron-qm rl --config rl-tiny-cpu train.start_from=runs/sft/checkpoints/step-00000072 rl.items=data/rl.jsonl
  megatron-qm rl --config medical-rl-h100 train.start_from=... rl.items=...      (32 responses to a prompt, as the report)
Model and tokenizer are those of train.start_from where the recipe names none. An item is a JSON line with task (exam,
diagnosis, drugs, ordering, or what rl.verifiers names), prompt or messages, reference, metadata, label (docs/rewards.md).
"""

    def completed(self, config: RlRun) -> RlRun:
        return with_reward_models(config)

    def need(self, config: RlRun) -> None:
        if config.train.start_from is None:
            raise UserError("train.start_from is not set: the policy starts from a checkpoint, such as sft's last")
        if config.data.tokenizer is None:
            raise UserError("data.tokenizer is not set, and train.start_from carries none")
        items = _items(config)
        check_applies(config.rl, items)
        check_endpoints(config.rl, items)
        judged = judged_items(config.rl, items)
        check_references(judged, f"rl.items: {config.rl.items}")
        _check_patience(config, judged)
        if config.rl.rewards:
            token_for(sources_of(config.rl.rewards))
            check_reward_models(config.rl)
            fusion_of(config.rl, reference_identity(config, items))

    def check(self, config: RlRun) -> None:
        check_rl(config)

    def counted(self, config: RlRun) -> RlRun:
        return _with_length(config, len(_items(config))) if config.rl.items else config

    def prepare(self, config: RlRun, rank: int, check: Callable[[RlRun], None]) -> RlRun:
        ready = self.counted(config)
        check(ready)
        return ready

    def ready(self, config: RlRun) -> None:
        super().ready(config)
        rl = config.rl
        if rl.replay is not None:
            with in_key("rl.replay.sources"):
                Replay(config, rl.replay, packed_length(config))
        if rl.reference is not None:
            check_named("rl.reference", rl.reference)
        if rl.vllm is not None and not (Path(rl.vllm.folder) / "config.json").is_file():
            raise UserError(f"rl.vllm.folder: {rl.vllm.folder}: no Hugging Face folder, for it has no config.json; export the "
                            "policy with export-hf")
        if rl.saved_rollouts:
            from megatron_qm.align.rollouts.replay import SavedRollouts

            with in_key("rl.saved_rollouts"):
                SavedRollouts(*map(Path, rl.saved_rollouts), vocabulary=config.model.vocab_size)

    def data_plan(self, config: RlRun) -> str:
        items = _items(config)
        rl, steps = config.rl, _with_length(config, len(items)).total_steps
        batches = steps * config.train.global_batch_size / (rl.prompts * rl.samples)
        tasks = Counter(item.task for item in items)
        labels = {task: len({item.label for item in items if item.task == task}) for task in tasks}
        share = batches * rl.prompts / len(items)
        rows = [(task, f"{count:,}", f"{labels[task]:,}", f"{count * share:,.0f}", f"{count * share * rl.samples:,.0f}")
                for task, count in tasks.items()]
        return "\n".join([
            f"{batches:,.0f} batches of {rl.prompts} prompts x {rl.samples} responses in {steps:,} updates: "
            f"{share:.2f} passes over {len(items):,} items, mastered ones counted",
            text_table(("task", "items", "labels", "prompts asked", "responses"), rows),
        ])

    def read_in(self, run: Path, step: int) -> str:
        from megatron_qm.align.rl.looking import items_of_step

        return items_of_step(run, step)

    def learning(self, config: RlRun) -> Learning:
        from megatron_qm.align.rl.run import on_rollouts

        return on_rollouts(config)

    def looking(self, config: RlRun, aside: Path) -> Learning:
        from megatron_qm.align.rl.looking import on_kept_rollouts

        return on_kept_rollouts(config, aside)

    def drill(self, config: RlRun, folder: Path) -> list[str]:
        return ["rl.epochs=null"]

    def heard(self, undisturbed: Path, killed: Path) -> None:
        """Verdicts: those on the very same responses are not asked for again."""
        (killed / "rollouts").mkdir(parents=True, exist_ok=True)
        for verdicts in (undisturbed / "rollouts").glob("*.outcomes.jsonl"):
            shutil.copy(verdicts, killed / "rollouts" / verdicts.name)


def _items(config: RlRun) -> list[Item]:
    if not config.rl.items:
        raise UserError("rl.items is not set: name a file of items, for example rl.items=data/rl.jsonl")
    return read_asked(config.rl)


def _with_length(config: RlRun, items: int) -> RlRun:
    rl, updates = config.rl, config.rl.prompts * config.rl.samples / config.train.global_batch_size
    return config if config.epochs is None else config.with_steps_of(items / rl.prompts * updates)


def _check_patience(config: RlRun, items: list[Item]) -> None:
    """The pool must wait for all that a model may be asked about an answer."""
    verifier, judge = config.rl.verifier, judge_of(config.rl)
    if judge is None:
        return
    needed = max(judge.longest_wait, *(longest_wait(item.judged_by) for item in items), 0.0)
    if verifier.seconds <= needed:
        raise UserError(f"rl.verifier.seconds = {verifier.seconds:g} must be over {needed:g}, what the judge may take: its "
                        f"seconds for each principle and for every {AT_ONCE} of its votes, or a slow endpoint costs every answer")

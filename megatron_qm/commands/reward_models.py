"""Reward models that verbs ask: on the ranks of a layout, and behind a door (`--reward-model NAME=CKPT` of serve-rewards)."""

import argparse
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from megatron_qm.align.reward_model.asked import longest_of, outcome_of_score, tokenizer_of
from megatron_qm.checkpoint.manifest import MANIFEST, read_manifest, reward_model_of
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.errors import UserError
from megatron_qm.rewards.doors.http import PairScorer
from megatron_qm.rewards.outcome import Outcome

if TYPE_CHECKING:
    from megatron_qm.align.reward_model.scoring import RewardScorer


def add_reward_model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reward-model", action="append", default=[], metavar="NAME=CKPT",
                        help="a checkpoint of a reward model that callers may ask for as a verifier: the value is the sigmoid of "
                        "its score, the part `score` the score itself")
    parser.add_argument("--device", default="auto", help="of the reward model: auto, cpu or cuda")


@contextmanager
def reward_models(args: argparse.Namespace, taken: Collection[str]) -> Iterator[Mapping[str, PairScorer]]:
    """By name; loaded while it lasts. taken: names of other verifiers. Raises UserError for what is no checkpoint of a reward
    model, and for a second one."""
    if not args.reward_model:
        yield {}
        return
    if len(args.reward_model) > 1:
        raise UserError(f"--reward-model is given {len(args.reward_model)} times: a server holds one; start another for the next")
    said = f"--reward-model {args.reward_model[0]}"
    name, _, path = args.reward_model[0].partition("=")
    checkpoint = Path(path)
    if not name or not path:
        raise UserError(f"{said}: write NAME=CKPT")
    if name in taken:
        raise UserError(f"{said}: {name!r} is a verifier already; choose another name")
    if not (checkpoint / MANIFEST).is_file():
        raise UserError(f"{said}: {checkpoint} is no checkpoint ({MANIFEST})")
    # Callers come in threads of their own, and what a platform is told holds in the thread that was told (platform/runtime.py).
    with ThreadPoolExecutor(1, thread_name_prefix="reward model") as own:
        held = ExitStack()
        scorer, _ = own.submit(held.enter_context, loaded(checkpoint, Asked(device=args.device), said)).result()

        def scores(asked: Sequence[tuple[str, str]]) -> list[Outcome]:
            found = own.submit(scorer, [({"role": "user", "content": prompt}, {"role": "assistant", "content": response})
                                        for prompt, response in asked]).result()
            return [outcome_of_score(score) for score in found]

        try:
            yield {name: scores}
        finally:
            own.submit(held.close).result()


@dataclass(frozen=True)
class Asked:
    """How a reward model is to be run. arguments: of the chat template, over those that it was trained with."""

    parallel: ParallelConfig = field(default_factory=ParallelConfig)
    dtype: Literal["fp32", "bf16"] | None = None
    device: str = "auto"
    tokenizer: Path | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)


@contextmanager
def loaded(checkpoint: Path, asked: Asked, said: object) -> "Iterator[tuple[RewardScorer, int]]":
    """(what scores, this rank) on all ranks of the layout. said: what named the checkpoint, for messages."""
    from megatron_qm.align.reward_model.scoring import RewardScorer
    from megatron_qm.commands.checkpoint_model import checkpoint_model

    model = reward_model_of(read_manifest(checkpoint), said)
    tokenizer = tokenizer_of(checkpoint, asked.tokenizer, asked.arguments)
    with checkpoint_model(checkpoint, asked.parallel, asked.dtype, asked.device) as (chunks, rank):
        yield RewardScorer(chunks, tokenizer, longest_of(model)), rank

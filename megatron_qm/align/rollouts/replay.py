"""Saved rollouts in the place of an engine: training without generating."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from megatron_qm.align.rollouts.rollout import Rollout, asked, read_rollouts
from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Request


class SavedRollouts:
    """A RolloutEngine that answers from files: of a run of RL, by key, or of `megatron-qm generate` on the run's items, by item
    and sample, as often as the item is asked. The weights they are of stay in them.

    vocabulary: of the model that learns from them, where they may be of another. Raises UserError naming the file and line of
    what is no rollout, and a key that is in two files.
    """

    def __init__(self, *paths: Path, vocabulary: int | None = None) -> None:
        self._paths = paths
        self._by_key: dict[str, Rollout] = {}
        for path in paths:
            for rollout in read_rollouts(path):
                if rollout.key in self._by_key:
                    raise UserError(f"{path}: a second rollout of {rollout.key!r}")
                if vocabulary is not None and max(rollout.tokens) >= vocabulary:
                    raise UserError(f"{path}: the rollout of {rollout.key!r} has the token {max(rollout.tokens)}, and the model "
                                    f"a vocabulary of {vocabulary}: it is of another tokenizer")
                self._by_key[rollout.key] = rollout

    def generate(self, requests: Sequence[Request]) -> list[Rollout]:
        return [self._answer(request) for request in requests]

    def update_weights(self, model: Sequence[nn.Module], version: int) -> None:
        """Nothing to do: what is saved stays what it is."""

    def _answer(self, request: Request) -> Rollout:
        where, rollout = ", ".join(str(path) for path in self._paths), self._found(request)
        if rollout is None:
            raise UserError(f"{where}: no rollout of {request.key!r}, nor of {_of_item(request.key)!r}; generate it first, with "
                            "the same items and as many samples")
        if not rollout.answers(request) or len(rollout.tokens) > request.sampling.max_new_tokens:
            raise UserError(f"{where}: the rollout of {request.key!r} answers another prompt, seed or sampling than is asked "
                            "for; set rl.sampling, train.seed and the tokenizer to what it was generated with")
        return rollout

    def _found(self, request: Request) -> Rollout | None:
        """Whoever has generated for an item had a seed of his own, and no batch to name it by."""
        if request.key in self._by_key:
            return self._by_key[request.key]
        rollout = self._by_key.get(_of_item(request.key))
        if rollout is None:
            return None
        same = rollout.asked == asked(replace(request, seed=rollout.seed))
        return replace(rollout, key=request.key, seed=request.seed, asked=asked(request) if same else rollout.asked)


def _of_item(key: str) -> str:
    """`ITEM#SAMPLE`, which `megatron-qm generate` writes, of a run's `BATCH/PLACE/ITEM#SAMPLE`."""
    return key.split("/", 2)[-1]

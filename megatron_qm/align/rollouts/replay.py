"""Saved rollouts in the place of an engine: training without generating."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from megatron_qm.align.rollouts.rollout import Rollout, read_rollouts
from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Request


class SavedRollouts:
    """A RolloutEngine that answers from files which `dispatch` wrote, by key. The weights they are of stay in them.

    Raises UserError naming the file and line of what is no rollout, and a key that is in two files.
    """

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._by_key: dict[str, Rollout] = {}
        for path in paths:
            for rollout in read_rollouts(path):
                if rollout.key in self._by_key:
                    raise UserError(f"{path}: a second rollout of {rollout.key!r}")
                self._by_key[rollout.key] = rollout

    def generate(self, requests: Sequence[Request]) -> list[Rollout]:
        return [self._answer(request) for request in requests]

    def update_weights(self, model: Sequence[nn.Module], version: int) -> None:
        """Nothing to do: what is saved stays what it is."""

    def _answer(self, request: Request) -> Rollout:
        where, rollout = ", ".join(str(path) for path in self._paths), self._by_key.get(request.key)
        if rollout is None:
            raise UserError(f"{where}: no rollout of {request.key!r}; generate it first, with the same requests")
        if not rollout.answers(request):
            raise UserError(f"{where}: the rollout of {request.key!r} answers another prompt, seed or sampling than is asked "
                            "for; set rl.sampling, train.seed and the tokenizer to what it was generated with")
        return rollout

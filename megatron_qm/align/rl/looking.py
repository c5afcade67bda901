"""A run of RL looked at again: what a step has asked and was answered, and its updates repeated from the rollouts that were
kept. Nothing in the run's folder is touched."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from megatron_qm.align.rl.collect import FOLDER
from megatron_qm.align.rl.origin import outcomes_of
from megatron_qm.align.rl.run import learning
from megatron_qm.align.rollouts.replay import SavedRollouts
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.config.rl import RlRun
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError
from megatron_qm.json_types import list_of, whole_of
from megatron_qm.model.generation.request import Request
from megatron_qm.observe.history import read_records
from megatron_qm.observe.metrics import METRICS_FILE
from megatron_qm.training import Learning


class KeptRollouts:
    """A RolloutEngine that answers each batch from the file that the run has kept of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def generate(self, requests: Sequence[Request]) -> list[Rollout]:
        path = self._folder / f"{int(requests[0].key.partition('/')[0]):06d}.jsonl"
        if not path.is_file():
            raise UserError(f"{path}: the rollouts of this batch were not kept (rl.keep_rollouts); look at a later step")
        return SavedRollouts(path).generate(requests)

    def update_weights(self, model: Sequence[nn.Module], version: int) -> None:
        """What is kept stays what it is."""


def on_kept_rollouts(config: RlRun, aside: Path) -> Learning:
    """As `on_rollouts`, with links to the run's rollouts in `aside`: what would be written or removed is so there."""
    kept = Path(config.output) / FOLDER
    (aside / FOLDER).mkdir(parents=True)
    for path in kept.glob("*.json*"):
        (aside / FOLDER / path.name).symlink_to(path.resolve())
    return learning(config, aside, lambda parts, tokenizer: KeptRollouts(kept))


def items_of_step(run: Path, step: int) -> str:
    """The items that `step` has learnt from, with the values of their responses, as a text table. Raises UserError where the
    step is not recorded, or its rollouts are gone."""
    batches = _batches(run, step)
    values: dict[str, list[float | None]] = {}
    for number in batches:
        for line in _outcomes(outcomes_of(run / FOLDER / f"{number:06d}.jsonl")):
            values.setdefault(line["key"].split("/", 2)[2].rpartition("#")[0], []).append(_value(line))
    rows = []
    for key, found in values.items():
        scored = [value for value in found if value is not None]
        mean = f"{sum(scored) / len(scored):.3f}" if scored else ""
        rows.append((key, str(len(found)), str(len(found) - len(scored)), mean))
    return "\n".join([f"step {step}: {len(rows)} items, {sum(map(len, values.values()))} responses, of batch "
                      f"{', '.join(map(str, batches))} in {run / FOLDER}",
                      text_table(("item", "responses", "unscored", "mean value"), rows)])


def _value(line: dict[str, Any]) -> float | None:
    """Of named rewards the mean of the verdicts."""
    said = [one["value"] for one in line.get("said", {"": line}).values() if "value" in one]
    return sum(said) / len(said) if said else None


def _batches(run: Path, step: int) -> Sequence[int]:
    """A batch is recorded with the last of its updates; one without a score has none, and no step has learnt from it."""
    path = run / METRICS_FILE
    if not path.is_file():
        raise UserError(f"{path}: no such file; is {run} the folder of a run?")
    last = 0
    for _, record in read_records(path):
        if record is not None and record["kind"] == "rl" and record.get("unscored") != 1:
            if last < step <= whole_of(record, "step") and (batches := record.get("batches")):
                return [int(str(number)) for number in list_of({"batches": batches}, "batches")]
            last = whole_of(record, "step")
    raise UserError(f"{path}: no batch of rollouts is recorded for step {step}; the last one is of step {last}")


def _outcomes(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise UserError(f"{path}: the verdicts of this batch were not kept (rl.keep_rollouts); look at a later step")
    with open(path, encoding="utf-8") as lines:
        yield from (line for line in map(json.loads, lines) if "key" in line)

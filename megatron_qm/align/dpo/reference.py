"""The reference policy's log-probabilities of the responses: computed once, before the first step, and stored by the datasets.

    PREFIX.reference        float64, of each response (data/responses.py)
    PREFIX.reference.json   of which weights and of which dataset they are; written last
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from megatron.core import parallel_state
from torch import nn

from megatron_qm.align.frozen import frozen_model
from megatron_qm.align.preferences.compared import sums_by_response
from megatron_qm.checkpoint.folder import published
from megatron_qm.checkpoint.manifest import MANIFEST, read_manifest
from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.config.dpo import DpoRun
from megatron_qm.config.sources import SourceConfig
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.responses import REFERENCE
from megatron_qm.data.validation import ValidationReader
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write, sha256, write_json
from megatron_qm.json_types import JsonObject, parse_json
from megatron_qm.train.batches import micro_batches
from megatron_qm.train.logprobs import label_logprobs
from megatron_qm.train.step import this_place
from megatron_qm.training import Parts

logger = logging.getLogger(__name__)
_AT_ONCE = 16  # micro-batches of a rank between two words to the watchdog


@dataclass(frozen=True)
class Scored:
    """One dataset of the run, and what its numbers must be of."""

    source: SourceConfig
    made_of: JsonObject

    @property
    def path(self) -> Path:
        return Path(f"{self.source.prefix}{REFERENCE}")

    @property
    def label(self) -> Path:
        return Path(f"{self.path}.json")

    def found(self) -> object:
        """What the numbers that are there are of; None where there are none."""
        try:
            return parse_json(self.label.read_text(encoding="utf-8")) if self.path.is_file() else None
        except (OSError, ValueError):
            return None


def ensure_reference(config: DpoRun, parts: Parts) -> None:
    """On all ranks together. Raises UserError where a run that goes on was held to another reference."""
    checkpoint = reference_of(config)
    due = on_first_rank(lambda: _due(config, checkpoint, parts))
    if not due:
        return
    chunks = frozen_model(config, parts, checkpoint)
    _check_start(config, parts)  # last: the checkpoint that was verified last is loaded next without being hashed again
    for scored in due:
        _write(scored, _scores(config, scored.source, chunks, parts))


def _check_start(config: DpoRun, parts: Parts) -> None:
    """What the run will be refused for is said before anything is written."""
    start = config.train.start_from
    begins = on_first_rank(lambda: not published(Path(config.output) / "checkpoints"))
    if begins and start is not None:
        parts.store.check(Path(start), parts.stepper.model, training=not config.train.init_model_only)


def reference_of(config: DpoRun) -> Path:
    path = config.dpo.reference or config.train.start_from
    if path is None:
        raise UserError("train.start_from is not set: the policy starts from a checkpoint, such as sft's last, and is held to it")
    return Path(path)


def _due(config: DpoRun, checkpoint: Path, parts: Parts) -> list[Scored]:
    """The datasets whose numbers are to be made. parts: of the first rank."""
    try:
        read_manifest(checkpoint)
    except UserError as error:
        raise UserError(f"{'dpo.reference' if config.dpo.reference else 'train.start_from'} = {checkpoint}: {error}") from None
    weights = sha256(checkpoint / MANIFEST)  # which has the checksum of every file of the weights
    every = [Scored(source, {"weights": weights, "dataset": IndexedDataset.open(source.prefix).fingerprint()})
             for source in (*config.data.sources, *config.data.validation)]
    due = [scored for scored in every if scored.found() != scored.made_of]
    if due and not parts.writes:
        raise UserError(f"{due[0].label}: does not speak of these data and {checkpoint}, and a run that is looked at is not "
                        "written to; bring back what was there")
    there = published(Path(config.output) / "checkpoints")
    for scored in due:
        if there and scored.found() is not None:
            raise UserError(f"{scored.label}: the run in {config.output} ({there[0].name}) was held to another reference than "
                            f"{checkpoint}, or learnt from other data; bring back what was there, or choose another output, with "
                            f"train.start_from={there[0]} to go on from its weights")
    return due


def _scores(config: DpoRun, source: SourceConfig, chunks: Sequence[nn.Module], parts: Parts) -> np.ndarray:
    """float64 [r]: of each response of the dataset, the same on every rank."""
    reader = ValidationReader([source], config.data.sequence_length, 1 << 62, reset_at_document_ends=True,
                              mask_document_ends=True, vocab_size=config.model.vocab_size)
    responses = reader.datasets[0].responses
    assert responses is not None, "these datasets were made of comparisons"
    found = torch.zeros(len(responses.end_r), dtype=torch.float64)
    for rows in _shares(len(reader), config):
        batch = reader.read(rows)
        batches = list(micro_batches(batch, config.train.micro_batch_size, this_place(), parts.platform.device, packed=True))
        first = np.cumsum([0, *(int((one.extra["end"] > 0).sum()) for one in batches)])
        index = np.searchsorted(responses.end_r, _ends(rows, batch.extra["end"], config.data.sequence_length))
        for at, (one, logp_bs) in enumerate(zip(batches, label_logprobs(chunks, batches, parts.watchdog.move), strict=True)):
            found[index[first[at] : first[at + 1]]] = sums_by_response(one, logp_bs)[0].cpu()
    found = found.to(parts.platform.device)
    dist.all_reduce(found)  # zeros where another rank, or another stage, has read the response
    values: np.ndarray = (found / parallel_state.get_tensor_model_parallel_world_size()).cpu().numpy()
    return values


def _shares(rows: int, config: DpoRun) -> Iterator[list[int]]:
    """This rank's rows, some at a time; indices past the end fill up, so that all ranks and stages run equally many."""
    place, size = this_place(), config.train.micro_batch_size
    step = place.dp_size * size * config.parallel.pp
    mine = list(chain.from_iterable(place.sequences(-(-rows // step) * step, size)))
    for first in range(0, len(mine), _AT_ONCE * size * config.parallel.pp):
        yield mine[first : first + _AT_ONCE * size * config.parallel.pp]


def _ends(rows: Sequence[int], end_bs: np.ndarray, length: int) -> np.ndarray:
    """The places in the dataset of the responses' last tokens, in the order of the rows."""
    row, column = np.nonzero(end_bs > 0)
    places: np.ndarray = np.array(rows)[row] * length + column
    return places


def _write(scored: Scored, values_r: np.ndarray) -> None:
    def written() -> None:
        scored.label.unlink(missing_ok=True)
        with atomic_write(scored.path) as stream:
            stream.write(values_r.astype("<f8").tobytes())
        write_json(scored.label, scored.made_of)
        logger.info("%s: %d responses under the reference", scored.path, len(values_r))

    on_first_rank(written)

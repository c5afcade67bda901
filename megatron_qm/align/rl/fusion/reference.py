"""What the reference policy earns: mean and deviation of each reward on its responses, measured once, and kept as JSON.

    {"hash": "...", "of": {"weights": "...", "items": "...", "rewards": "...", "sampling": "..."},
     "rewards": {"honesty": {"mean": 0.41, "deviation": 0.2, "responses": 256}}}

`of` holds digests of all that the numbers depend on. A file of others is refused.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from megatron_qm.align.digest import digest
from megatron_qm.align.rl.fusion.components import Components
from megatron_qm.align.rl.fusion.sources import source_of
from megatron_qm.align.rl.sampler import item_digest
from megatron_qm.checkpoint.manifest import WEIGHTS, read_manifest
from megatron_qm.config.rl import RlConfig
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, number_of, object_of, parse_json, text_of, whole_of
from megatron_qm.rewards.items import Item

logger = logging.getLogger(__name__)
FILE = "reference-rewards.json"  # in the folder of a run that has measured them
Identity = Mapping[str, str]  # digests, by what they are of


@dataclass(frozen=True)
class Reference:
    """of: what was measured, by digests. deviation_k: what values are divided by, that of the responses or the least allowed."""

    of: Identity
    names: tuple[str, ...]
    mean_k: np.ndarray
    deviation_k: np.ndarray
    count_k: np.ndarray

    @property
    def hash(self) -> str:
        return digest(dict(self.of))

    def to_json(self) -> JsonObject:
        rows = zip(self.names, self.mean_k.tolist(), self.deviation_k.tolist(), self.count_k.tolist(), strict=True)
        rewards = {name: {"mean": mean, "deviation": deviation, "responses": count} for name, mean, deviation, count in rows}
        return {"hash": self.hash, "of": dict(self.of), "rewards": rewards}


def identity(config: RlConfig, start: str | None, items: Sequence[Item], judged_by: str) -> Identity:
    """Of a run. judged_by: digest of who judges. An endpoint's URL is no part of it, for a server may move; nor is what stands
    behind it, for nobody here knows."""
    path = Path(config.reference or start or "")
    files = {name: record.sha256 for name, record in read_manifest(path).files.items() if name.startswith(f"{WEIGHTS}/")}
    drawn, rewards = config.sampling, config.rewards
    return {
        "weights": digest(files), "items": digest([[item.key, item_digest(item)] for item in items]),
        "rewards": digest([judged_by, [[one.name, one.verifier, one.endpoint is not None, one.part, sorted(one.tasks),
                                         *([source_of(one).label] if one.checkpoint else [])] for one in rewards]]),
        "sampling": digest([drawn.temperature, drawn.top_p, drawn.top_k, drawn.max_new_tokens]),
    }


def measured(found: Sequence[Components], of: Identity, least_deviation: float) -> Reference | None:
    """On all these batches together; None where some are `lacking`."""
    if lacking(found):
        return None
    names = found[0].names
    known_nk, value_nk = (np.concatenate([getattr(one, field) for one in found]) for field in ("known_nk", "value_nk"))
    columns = [value_nk[known_nk[:, k], k] for k in range(len(names))]
    deviation_k = np.array([column.std(ddof=1) for column in columns])
    for name, deviation in zip(names, deviation_k.tolist(), strict=True):
        if deviation < least_deviation:
            logger.warning("the reference's responses differ by %.3g in the reward %r, which is divided by "
                           "rl.fusion.least_deviation = %g", deviation, name, least_deviation)
    return Reference(of, names, np.array([column.mean() for column in columns]), np.maximum(deviation_k, least_deviation),
                     np.array([len(column) for column in columns]))


def lacking(found: Sequence[Components]) -> dict[str, int]:
    """{reward: its scores} of those with fewer than two in all batches together, from which no deviation follows."""
    names = found[0].names if found else ()
    counts = {name: int(sum(one.known_nk[:, k].sum() for one in found)) for k, name in enumerate(names)}
    return {name: count for name, count in counts.items() if count < 2}


def read_reference(path: Path, names: Sequence[str], of: Identity) -> Reference:
    """Those in `path`. Raises UserError for what is no whole file of statistics, and for those of something else."""
    try:
        return reference_from(parse_json(path.read_bytes()), names, of, "measure them anew without this file, or ")
    except OSError as error:
        raise UserError(f"rl.fusion.statistics = {path}: cannot be read: {error.strerror}") from None
    except (ValueError, UserError) as error:
        raise UserError(f"rl.fusion.statistics = {path}: {error}") from None


def reference_of_checkpoint(value: object, names: Sequence[str], of: Identity) -> Reference:
    """Those that a run goes on with. Raises UserError likewise."""
    try:
        return reference_from(value, names, of, "they are in the checkpoint, and no file can replace them: start a new run, or ")
    except (ValueError, UserError) as error:
        raise UserError(f"rl.fusion: the checkpoint holds what this run cannot go on with: {error}") from None


def reference_from(value: object, names: Sequence[str], of: Identity, mend: str) -> Reference:
    """Raises ValueError for what is none, UserError for those of other weights, items, rewards or sampling, with both hashes.
    mend: what else can be done than bring the old ones back."""
    if not isinstance(value, dict):
        raise ValueError("is no JSON object of statistics")
    saved = {name: text_of(object_of(value, "of"), name) for name in object_of(value, "of")}
    _check_same(saved, of, mend)
    if text_of(value, "hash") != digest(saved):
        raise ValueError(f"hash = {value['hash']!r} is not that of what it says to be of, {digest(saved)}: it was changed")
    rows = [object_of(object_of(value, "rewards"), name) for name in names]
    mean_k, deviation_k = (np.array([_float_of(row, field) for row in rows], np.float64) for field in ("mean", "deviation"))
    for name, mean, deviation in zip(names, mean_k.tolist(), deviation_k.tolist(), strict=True):
        if not (math.isfinite(mean) and math.isfinite(deviation) and deviation > 0):
            raise ValueError(f"rewards.{name}: mean {mean} and deviation {deviation} must be finite, and the second above 0")
    return Reference(of, tuple(names), mean_k, deviation_k, np.array([whole_of(row, "responses") for row in rows]))


def _float_of(row: JsonObject, field: str) -> float:
    try:
        return float(number_of(row, field))
    except OverflowError:
        raise ValueError(f"{field} is a whole number of more than 308 digits") from None


def _check_same(saved: Identity, of: Identity, mend: str) -> None:
    if saved != of:
        other = next(name for name in (*of, *saved) if saved.get(name) != of.get(name))
        raise UserError(f"statistics of another reference: their hash is {digest(dict(saved))}, this run's {digest(dict(of))}; "
                        f"the {other} differ: {saved.get(other)} there, {of.get(other)} here; {mend}bring the old {other} "
                        "back")

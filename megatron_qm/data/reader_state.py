"""The saved state of a reader: what must be the same on resume, and what may change."""

from collections.abc import Collection, Mapping
from typing import Any

from megatron_qm.data.blend import Weight
from megatron_qm.errors import UserError

VERSION = 1


def plain_weight(weight: Weight) -> float | list[list[float]]:
    """A weight as JSON gives it back, so that a saved one can be compared."""
    return weight if isinstance(weight, int | float) else [list(point) for point in weight]


def check_compatible(saved: dict[str, Any], mine: dict[str, Any], prefixes: Mapping[str, str]) -> None:
    """Raise UserError if tokens would come in another order than they did: each such change, and the way back."""
    if saved.get("version") != VERSION:
        raise UserError(
            f"the checkpoint's data state has version {saved.get('version')!r}, this program reads {VERSION}: resume "
            "with the version of megatron-qm that wrote it"
        )
    for key in ("seed", "block_size"):
        if saved[key] != mine[key]:
            raise UserError(
                f"data.{key} = {mine[key]}, but the run was started with {saved[key]} and its cursors count tokens in "
                f"that order: set data.{key}={saved[key]}, or start a new run from the checkpoint's weights"
            )
    known = {**saved["retired"], **saved["sources"]}
    for name, source in mine["sources"].items():
        if name in known:
            _check_dataset(name, prefixes[name], known[name], source)


def _check_dataset(name: str, prefix: str, saved: dict[str, Any], mine: dict[str, Any]) -> None:
    both_checksums = saved["checksum"] and mine["checksum"]
    if saved["tokens"] != mine["tokens"]:
        difference = f"it held {saved['tokens']} tokens and holds {mine['tokens']}"
    elif saved["fingerprint"] != mine["fingerprint"] or (both_checksums and saved["checksum"] != mine["checksum"]):
        difference = "its contents differ"
    else:
        return
    raise UserError(
        f"source {name!r}: the dataset {prefix} is not the one that the run has read {saved['position']} tokens of: "
        f"{difference}. Bring the old files back, or give the new dataset a name of its own and the old one weight 0"
    )


def check_removed(saved: dict[str, Any], mine: dict[str, Any], allowed: Collection[str]) -> None:
    """Raise UserError for a source that was read before and is gone, unless it may be."""
    gone = [name for name in saved["sources"] if name not in mine["sources"] and name not in allowed]
    if gone:
        raise UserError(
            f"data.sources: {', '.join(map(repr, gone))} was part of the run and is missing; a source under a new "
            "name starts at its first token. Keep the name (with weight 0 to read no more of it), or allow its "
            f"removal with data.allow_removed={gone}"
        )


def same_blend(saved: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Whether the same sources are blended by the same weights."""

    def weights(state: dict[str, Any]) -> dict[str, Any]:
        return {name: source["weight"] for name, source in state["sources"].items()}

    return weights(saved) == weights(mine)

"""The saved state of a reader: what must be the same on resume, and what may change."""

from collections.abc import Collection, Mapping
from typing import TypedDict

from megatron_qm.data.blend import Weight
from megatron_qm.errors import UserError
from megatron_qm.json_types import object_of, text_of, whole_of

VERSION = 1


class SourceState(TypedDict):
    """What was read of a source: its cursor, the cursor at which the weights last changed, and which dataset it was."""

    position: int
    anchor: int
    weight: object  # as `plain_weight` gives it
    tokens: int
    fingerprint: str
    checksum: str | None


class ReaderState(TypedDict):
    """retired: sources that were read earlier and are no longer in the run."""

    version: int
    seed: int
    block_size: int
    consumed_tokens: int
    anchor_tokens: int
    sources: dict[str, SourceState]
    retired: dict[str, SourceState]


def from_json(state: Mapping[str, object]) -> ReaderState:
    """What a checkpoint has kept. Raises UserError for the state of another version, or a damaged one."""
    if state.get("version") != VERSION:
        raise UserError(
            f"the checkpoint's data state has version {state.get('version')!r}, this program reads {VERSION}: resume "
            "with the version of megatron-qm that wrote it"
        )
    try:
        return ReaderState(
            version=VERSION, seed=whole_of(state, "seed"), block_size=whole_of(state, "block_size"),
            consumed_tokens=whole_of(state, "consumed_tokens"), anchor_tokens=whole_of(state, "anchor_tokens"),
            sources=_sources(object_of(state, "sources")), retired=_sources(object_of(state, "retired")),
        )
    except ValueError as error:
        raise UserError(f"the checkpoint's data state is damaged: {error}") from None


def _sources(states: Mapping[str, object]) -> dict[str, SourceState]:
    return {name: _source(object_of(states, name)) for name in states}


def _source(state: Mapping[str, object]) -> SourceState:
    return SourceState(
        position=whole_of(state, "position"), anchor=whole_of(state, "anchor"), weight=state.get("weight"),
        tokens=whole_of(state, "tokens"), fingerprint=text_of(state, "fingerprint"),
        checksum=text_of(state, "checksum") if state.get("checksum") else None,
    )


def plain_weight(weight: Weight) -> float | list[list[float]]:
    """A weight as JSON gives it back, so that a saved one can be compared."""
    return weight if isinstance(weight, int | float) else [list(point) for point in weight]


def check_compatible(saved: ReaderState, mine: ReaderState, prefixes: Mapping[str, str]) -> None:
    """Raise UserError if tokens would come in another order than they did: each such change, and the way back."""
    for key, before, now in (("seed", saved["seed"], mine["seed"]), ("block_size", saved["block_size"], mine["block_size"])):
        if before != now:
            raise UserError(
                f"data.{key} = {now}, but the run was started with {before} and its cursors count tokens in "
                f"that order: set data.{key}={before}, or start a new run from the checkpoint's weights"
            )
    known = {**saved["retired"], **saved["sources"]}
    for name, source in mine["sources"].items():
        if name in known:
            _check_dataset(name, prefixes[name], known[name], source)


def _check_dataset(name: str, prefix: str, saved: SourceState, mine: SourceState) -> None:
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


def check_removed(saved: ReaderState, mine: ReaderState, allowed: Collection[str]) -> None:
    """Raise UserError for a source that was read before and is gone, unless it may be."""
    gone = [name for name in saved["sources"] if name not in mine["sources"] and name not in allowed]
    if gone:
        raise UserError(
            f"data.sources: {', '.join(map(repr, gone))} was part of the run and is missing; a source under a new "
            "name starts at its first token. Keep the name (with weight 0 to read no more of it), or allow its "
            f"removal with data.allow_removed={gone}"
        )


def same_blend(saved: ReaderState, mine: ReaderState) -> bool:
    """Whether the same sources are blended by the same weights."""

    def weights(state: ReaderState) -> dict[str, object]:
        return {name: source["weight"] for name, source in state["sources"].items()}

    return weights(saved) == weights(mine)

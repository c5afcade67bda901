"""What is kept as JSON beside a dataset and its unfinished files, and what each key of it holds."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict, final


class TokenizerIdentity(TypedDict):
    """What must be equal for two sets of ids to mean the same."""

    file: str
    sha256: str
    ids: str | None  # of what decides ids (megatron_qm/data/tokenizer_identity.py)
    vocab_size: int
    eod_token: str | None
    eod_id: int | None


class InputIdentity(TypedDict):
    """What must not change of an input between a run and its --resume."""

    name: str
    kind: str
    compression: str | None
    size: int
    mtime_ns: int
    fingerprint: str


class DamageRecord(TypedDict):
    """data_tools/sources/blocks.py: Damage."""

    offset: int
    unread: int
    reason: str
    harmless: bool
    unit: str


class Counts(TypedDict):
    """Of one input (data_tools/counts.py); rejects by reason; damage where the file has some."""

    lines: int
    documents: int
    tokens: int
    bytes: int
    rejects: dict[str, int]
    damage: NotRequired[list[DamageRecord]]


class ReadInput(Counts):
    """An input in a manifest."""

    path: str
    size: int
    fingerprint: str


class ShardOf(TypedDict):
    index: int
    count: int
    whole: str  # what all shards of one dataset share


class Summary(TypedDict):
    """The part of a manifest that readers compare with the files; sizes and checksums by "bin" and "idx"."""

    documents: int
    tokens: int
    rejects: int
    dtype: str
    sizes: dict[str, int]
    checksums: dict[str, str]


class Manifest(Summary):
    """PREFIX.json. Of merged datasets that differ, engine, options and versions are {"of parts": [...]}."""

    format: str
    tokenizer: TokenizerIdentity
    engine: object
    options: Mapping[str, object]
    shard: ShardOf | None
    inputs: list[ReadInput]
    versions: Mapping[str, object]


class Work(TypedDict):
    """What decides the bytes of a dataset. shard: its index and how many there are."""

    options: Mapping[str, object]
    shard: list[int]
    tokenizer: TokenizerIdentity


@final
class Plan(Work):
    """What a run was asked to do; replace: whether a dataset that is there already may end."""

    engine: str
    inputs: list[InputIdentity]
    replace: bool


@final
class MergePlan(TypedDict):
    """What a merge was asked to do: the checksums of its parts, in order."""

    merge: list[dict[str, str]]
    replace: bool


class Committed(TypedDict):
    """A line of a run's journal: how long the files are, and the counts that changed, by the number of the input."""

    position: list[int]
    bin: int
    sequences: int
    rejects: int
    finished: bool
    counts: dict[str, Counts]


class Copied(TypedDict):
    """A line of a merge's journal: `document` documents of part number `part` are safe, and all before."""

    part: int
    document: int
    bin: int
    sequences: int

"""corpus.yaml: where documents come from, the stages in their order, and the dataset that is made of what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from data_tools.corpus.stage import Stage
from megatron_qm.config.build import build
from megatron_qm.config.hints import Scalar
from megatron_qm.config.load import to_plain
from megatron_qm.config.tree import read
from megatron_qm.errors import UserError

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(frozen=True)
class SourceConfig:
    """Files that one provider gave under one licence. What is said of them is put into each document that does not say it."""

    name: str  # letters, digits, - _ and .; each document gets it as `source`
    paths: list[str]  # JSON lines (also .gz, .bz2, .xz, .zst), Parquet, or text, a document per file; globs
    licence: str
    kind: Literal["material", "knowledge", "record"]
    type: str | None = None  # guideline, textbook, insert, article, ...
    language: str | None = None  # zh, en, ...
    year: Annotated[int, Ge(1000), Le(9999)] | None = None
    impact_factor: Annotated[float, Ge(0), Le(10_000)] | None = None
    text_key: str = "text"  # field or column with the text
    fields: dict[str, Scalar] = field(default_factory=dict)  # further ones
    deidentified: bool = False  # by who gave them; records of which that is not said need the stage deidentify

    def __post_init__(self) -> None:
        if not self.name or set(self.name) - _NAME:
            raise UserError(f"sources: name = {self.name!r}: letters, digits, -, _ and . make a name")
        if not self.paths:
            raise UserError(f"sources: {self.name}: paths is empty: name its files")

    def known(self) -> dict[str, object]:
        """Fields for its documents."""
        said = {"licence": self.licence, "kind": self.kind, "type": self.type, "language": self.language, "year": self.year,
                "impact_factor": self.impact_factor, **self.fields}  # fmt: skip
        return {"id": None, "source": None} | {key: value for key, value in said.items() if value is not None}


@dataclass(frozen=True)
class TokensConfig:
    """The indexed dataset that data_tools/preprocess.py makes of the corpus."""

    tokenizer: str  # a folder with tokenizer.json, or that file
    append_eod: bool = True  # end every document with the end-of-document token
    eod_token: str | None = None  # that token, where it is not the tokenizer's eos_token
    split_special_tokens: bool = True  # read '<|endoftext|>' and the like in the text as plain text
    # A training stage of the rules of grades: each grade that it reads becomes a dataset of its own, and dataset/recipe.yaml
    # weighs them; null: one dataset of all.
    training: str | None = None
    rules: str | None = None  # of grades, for their weights: a YAML file; null: those that ship


@dataclass(frozen=True)
class CoverageConfig:
    """What of a field the corpus covers, told in its report; OUTPUT/missing.jsonl lists what it does not."""

    points: str  # JSON lines of points of knowledge, as data_tools/coverage.py reads them
    within: Annotated[int, Ge(1), Le(1_000_000)] = 300  # characters in which the terms of a point stand


@dataclass(frozen=True)
class CorpusConfig:
    """A corpus from its sources to tokens."""

    output: str  # folder of everything that is made
    sources: list[SourceConfig]
    preprocess: TokensConfig | None = None  # null: no dataset is made
    coverage: CoverageConfig | None = None  # null: nothing is looked for
    compression: Literal["zst", "none"] = "zst"  # of the shards
    shard_bytes: Annotated[int, Ge(1), Le(1 << 40)] = 1 << 30  # of JSON lines in a shard, before they are compressed
    # Read at once, unpacked; what is kept of them is a frame of a shard, which the next stage can begin at.
    block_bytes: Annotated[int, Ge(1 << 10), Le(1 << 28)] = 1 << 20
    max_document_bytes: Annotated[int, Ge(1), Le(1 << 30)] = 32 << 20  # longer lines of the sources are rejected
    commit_seconds: Annotated[float, Ge(0), Le(86_400)] = 10.0  # how much work a kill may cost
    seed: Annotated[int, Ge(0), Le(2**62)] = 0  # of the samples of what is dropped

    @property
    def suffix(self) -> str:
        """Of a shard."""
        return ".jsonl.zst" if self.compression == "zst" else ".jsonl"

    def __post_init__(self) -> None:
        names = [source.name for source in self.sources]
        if not names:
            raise UserError("sources is empty: name at least one")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise UserError(f"sources: the name {twice[0]!r} is given twice")


@dataclass(frozen=True)
class Asked:
    """A corpus.yaml, read: `stages` in their order, each with its config."""

    config: CorpusConfig
    stages: Sequence[tuple[Stage, Any]]

    def plain(self) -> dict[str, object]:
        """As it would be written, every default said."""
        values = {key: value for key, value in vars(self.config).items() if key != "stages"}
        return {**{key: to_plain(value) for key, value in values.items()},
                "stages": {stage.name: to_plain(config) for stage, config in self.stages}}  # fmt: skip


def read_config(path: Path, overrides: Sequence[str], known: Sequence[Stage]) -> Asked:
    """known: stages that it may name. Raises UserError naming file, line and key, and the nearest of the known ones."""
    tree = read([path], overrides)
    built = build(config_class(known), tree)
    stated = tree.value("stages")
    by_name = {stage.name: stage for stage in known}
    order = list(stated) if isinstance(stated, dict) else []
    return Asked(built, [(by_name[name], getattr(built.stages, name)) for name in order])


def config_class(known: Sequence[Stage]) -> Any:
    """CorpusConfig with a section for each stage; which of them are stated, and their order, the YAML knows."""
    sections: Any = [(stage.name, stage.config, field(default=None)) for stage in known]
    stages = make_dataclass("StagesConfig", sections, frozen=True)
    more: Any = [("stages", stages, field(default_factory=stages))]
    return make_dataclass("CorpusConfig", more, bases=(CorpusConfig,), frozen=True)

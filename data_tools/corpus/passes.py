"""What a corpus.yaml asks for, as passes over the corpus: steps over single documents that follow one another are one pass."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.corpus.config import Asked, SourceConfig
from data_tools.corpus.manifest import code_version
from data_tools.corpus.reading import ReadAs
from data_tools.corpus.stage import Stage
from data_tools.corpus.steps import READ, StepOf
from data_tools.sources.inputs import Input, find_inputs
from data_tools.sources.parquet import check_parquet
from megatron_qm.config.load import to_plain
from megatron_qm.errors import UserError
from megatron_qm.files import sha256

TOKENS = "preprocess"


@dataclass(frozen=True)
class CorpusPass:
    """Either `steps` over single documents, or one stage over the `whole`."""

    folder: Path
    stages: Sequence[tuple[Stage, Any]]

    @property
    def name(self) -> str:
        """Of its first stage, by which it is redone."""
        return self.stages[0][0].name if self.stages else READ

    @property
    def whole(self) -> tuple[Stage, Any] | None:
        return self.stages[0] if self.stages and self.stages[0][0].whole else None

    def steps(self) -> list[StepOf]:
        return [StepOf(stage.name, stage.maker, config) for stage, config in self.stages if stage.maker]

    def identity(self, asked: Asked, inputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """All that decides what it writes."""
        config = asked.config
        settings = {"compression": config.compression, "shard_bytes": config.shard_bytes, "block_bytes": config.block_bytes,
                    "seed": config.seed, "max_document_bytes": config.max_document_bytes}  # fmt: skip
        stages = {stage.name: {"config": to_plain(config), **_files_in(to_plain(config))} for stage, config in self.stages}
        made_by = {"stages": stages, "order": list(stages), **settings, "inputs": list(inputs), "code": code_version()}
        plain: dict[str, Any] = json.loads(json.dumps(made_by))
        return plain


def passes_of(asked: Asked, until: str | None) -> list[CorpusPass]:
    """In their order; the last one of the whole corpus.yaml writes OUTPUT/corpus. Raises UserError for an unknown `until`."""
    names = [stage.name for stage, _ in asked.stages]
    check_stage(until, [*names, *([TOKENS] if asked.config.preprocess else [])], "--until")
    count = names.index(until) + 1 if until in names else 0 if until == READ else len(names)
    stages = asked.stages[:count]
    groups = list(_grouped(stages))
    output = Path(asked.config.output)
    made = []
    for number, group in enumerate(groups, 1):
        last = number == len(groups) and len(stages) == len(asked.stages)
        name = "-".join([str(number), *(stage.name for stage, _ in group)]) if group else f"{number}-{READ}"
        made.append(CorpusPass(output / "corpus" if last else output / "stages" / name, group))
    return made


def check_stage(name: str | None, known: Sequence[str], option: str) -> None:
    """Raise UserError for a name that is none of the stages."""
    if name is not None and name not in (READ, *known):
        raise UserError(f"{option} {name}: is none of the stages: {', '.join((READ, *known))}")


def _grouped(stages: Sequence[tuple[Stage, Any]]) -> Iterator[list[tuple[Stage, Any]]]:
    """The first may be empty: sources are read and told apart before anything works on the whole."""
    group: list[tuple[Stage, Any]] = []
    first = True
    for stage, config in stages:
        if stage.whole:
            if group or first:
                yield group
            yield [(stage, config)]
            group = []
        else:
            group.append((stage, config))
        first = False
    if group or first:
        yield group


def source_inputs(sources: Sequence[SourceConfig]) -> list[ReadAs]:
    """The files of all sources in their order. Raises UserError naming the source for one that cannot be read."""
    found: list[ReadAs] = []
    taken: dict[str, str] = {}
    for source in sources:
        for item in find_inputs(source.paths, None, "file", f"source {source.name!r}:"):
            place = str(item.path.resolve())
            if place in taken:
                raise UserError(f"{item.path}: is a file of the sources {taken[place]!r} and {source.name!r}: name it once")
            taken[place] = source.name
            if item.kind == "parquet":
                check_parquet(item, source.text_key)
            found.append(ReadAs(item, source.text_key, known=source.known(), trace=True, name=source.name))
    return found


def identity_of(read_as: ReadAs) -> dict[str, Any]:
    """What decides the documents of a file of a source."""
    return {"source": read_as.name, "path": str(read_as.input.path), **read_as.input.identity(), "text_key": read_as.text_key,
            "fields": {key: value for key, value in read_as.known.items() if value is not None}}  # fmt: skip


def shard_inputs(paths: Sequence[Path]) -> list[ReadAs]:
    found: list[Input] = find_inputs([str(path) for path in paths], None, "file", "shard")
    return [ReadAs(item) for item in found]


def _files_in(config: object) -> dict[str, Any]:
    """Digests of the files that a stage's config names."""
    values = [config]
    named = {}
    while values:
        value = values.pop()
        if isinstance(value, dict | list):
            values += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str) and "\0" not in value and len(value) < 4096 and Path(value).is_file():
            named[value] = sha256(Path(value))
    return {"contents": dict(sorted(named.items()))} if named else {}

"""RUN/ledger.jsonl: what every step read, and the answer to "which documents were in step N".

Two kinds of lines. `{"reader": ...}`, once per start of the program: the sources and all that their order depends on.
`{"step": N, ...}`: the cursors before the step and the sequences drawn, a few integers per source however long the run.
The rest is computed: the order of tokens is a function of these.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from megatron_qm.data.blend import Anchor, Mixture, Weight, draw
from megatron_qm.data.documents_table import Origin, origins, render_shares
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.reader import BatchReader, StepPlan
from megatron_qm.data.reader_state import plain_weight
from megatron_qm.data.stream import SourceStream
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_directory
from megatron_qm.json_types import parse_json

FILE_NAME = "ledger.jsonl"
_READER_LINE = b'{"reader":'
_STEP_LINE = b'{"step":'
_SHOWN = 6  # documents of a sequence


class SourceLine(TypedDict):
    name: str
    prefix: str
    weight: Weight
    tokens: int
    fingerprint: str
    anchor: int


class ReaderLine(TypedDict):
    """What the steps that follow were read from."""

    seed: int
    block_size: int
    retired_tokens: int
    anchor_tokens: int
    sources: list[SourceLine]


class StepLine(TypedDict):
    """Cursors before a step, and sequences drawn, of each source; length: tokens of a sequence."""

    step: int
    length: int
    cursors: list[int]
    sequences: list[int]


@dataclass(frozen=True)
class DocumentSpan:
    """Tokens [first_token, first_token + tokens) of a document, read by one sequence of a step."""

    sequence: int  # index in the global batch
    source: str
    epoch: int  # of the source, from 0
    document: int  # index in the dataset, from 0
    first_token: int  # from the start of the document
    tokens: int


def reader_record(reader: BatchReader) -> dict[str, ReaderLine]:
    """The line that says what the steps after it were read from."""
    sources: list[SourceLine] = []
    for number, (source, dataset) in enumerate(zip(reader.sources, reader.datasets, strict=True)):
        sources.append({
            "name": source.name,
            "prefix": os.path.abspath(source.prefix),
            "weight": plain_weight(source.weight),
            "tokens": dataset.tokens,
            "fingerprint": reader.fingerprints[number],
            "anchor": reader.anchor.positions[number],
        })
    retired = sum(source["position"] for source in reader.retired.values())
    return {"reader": {"seed": reader.seed, "block_size": reader.block_size, "retired_tokens": retired,
                       "anchor_tokens": reader.anchor.total, "sources": sources}}


def step_record(step: int, plan: StepPlan) -> StepLine:
    """The line of one step: cursors before it, and sequences of each source."""
    sequences = [(b - a) // plan.sequence_length for a, b in zip(plan.before, plan.after, strict=True)]
    return {"step": step, "length": plan.sequence_length, "cursors": list(plan.before), "sequences": sequences}


class LedgerWriter:
    """Appends to RUN/ledger.jsonl, on one rank. Lines of `next_step` and later are cut off first: a resumed run does
    those steps again. What `append` wrote survives a kill at any moment, what was there at `sync` a power cut too."""

    def __init__(self, run: Path, reader: BatchReader, next_step: int) -> None:
        self.path = Path(run) / FILE_NAME
        self.path.parent.mkdir(parents=True, exist_ok=True)
        truncate(run, next_step)
        self._stream = open(self.path, "ab", buffering=0)
        fsync_directory(self.path.parent)
        self._write(reader_record(reader))

    def append(self, step: int, plan: StepPlan) -> None:
        """Record that `step` reads `plan`. Call it before the step's checkpoint is written."""
        self._write(step_record(step, plan))

    def sync(self) -> None:
        """Put the lines on the disk for good; call it with every checkpoint."""
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        self.sync()
        self._stream.close()

    def _write(self, record: dict[str, ReaderLine] | StepLine) -> None:
        line = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        try:
            if self._stream.write(line) != len(line):
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written: {error.strerror}; make room and resume the run") from None


def truncate(run: Path, next_step: int) -> None:
    """Cut the ledger of `run` after the last whole line of a step before `next_step`. No ledger: nothing to do."""
    path = Path(run) / FILE_NAME
    if not path.exists():
        return
    keep = offset = 0
    with open(path, "rb") as stream:
        for line in stream:
            offset += len(line)
            step = _step_of(line)
            if not line.endswith(b"\n") or (step is None and not line.startswith(_READER_LINE)):
                break  # torn by a kill or a power cut
            if step is not None and step >= next_step:
                break
            if step is not None:
                keep = offset  # and with it the reader line before; one without steps will be written anew
    os.truncate(path, keep)


def documents_of_step(run: Path, step: int) -> list[DocumentSpan]:
    """What each sequence of `step` read, in order. Raises UserError if the ledger lacks it or a dataset has changed."""
    path = Path(run) / FILE_NAME
    reader, record = _find(path, step)
    length, cursors = record["length"], record["cursors"]
    datasets = [_open_unchanged(source) for source in reader["sources"]]
    block_size, seed = reader["block_size"], reader["seed"]
    streams = [SourceStream(source["name"], source["tokens"], block_size, seed) for source in reader["sources"]]
    chosen = _redraw(reader, record)
    if [chosen.count(number) for number in range(len(cursors))] != record["sequences"]:
        raise UserError(
            f"{path}: step {step} was drawn by another rule than this version's; use the version that wrote it"
        )
    positions = list(cursors)
    spans: list[DocumentSpan] = []
    for sequence, source in enumerate(chosen):
        spans.extend(_documents(sequence, streams[source], datasets[source], positions[source], length))
        positions[source] += length
    return spans


def recorded_step(run: Path, step: int) -> tuple[ReaderLine, StepLine]:
    """(the reader line that holds for `step`, the line of `step`) of the ledger. Raises UserError if it lacks them."""
    return _find(Path(run) / FILE_NAME, step)


def sequences_of_step(run: Path, step: int) -> list[tuple[str, str]]:
    """(source, the documents in it) of each sequence of `step`. Raises as `documents_of_step`."""
    by_sequence: dict[int, list[DocumentSpan]] = {}
    for span in documents_of_step(run, step):
        by_sequence.setdefault(span.sequence, []).append(span)
    return [(spans[0].source, _some(spans)) for _, spans in sorted(by_sequence.items())]


def _some(spans: list[DocumentSpan]) -> str:
    return ", ".join(str(span.document) for span in spans[:_SHOWN]) + (", ..." if len(spans) > _SHOWN else "")


def render_step(run: Path, step: int) -> str:
    """What a step read, document by document; then shares by source, licence and grade, where a dataset has a table of its
    documents. Raises as `documents_of_step`, and for a table of another dataset."""
    spans = documents_of_step(run, step)
    prefixes = {source["name"]: source["prefix"] for source in recorded_step(run, step)[0]["sources"]}
    read = {name: [span.document for span in spans if span.source == name] for name in prefixes}
    tables = {name: origins(prefix, read[name]) for name, prefix in prefixes.items()}
    known = {name: table for name, table in tables.items() if table is not None}
    if not known:
        return render_documents(step, spans)
    found = [known.get(span.source, {}).get(span.document) for span in spans]
    tokens = [(origin, span.tokens) for origin, span in zip(found, spans, strict=True)]
    return f"{render_documents(step, spans, found)}\n\n{render_shares(tokens)}"


def render_documents(step: int, spans: list[DocumentSpan], found: Sequence[Origin | None] = ()) -> str:
    """The rows of `documents_of_step` as a text table. found: where each document comes from, as far as that is known."""
    documents = {(span.source, span.document) for span in spans}
    tokens = sum(span.tokens for span in spans)
    sequences = len({span.sequence for span in spans})
    header: tuple[str, ...] = ("sequence", "source", "epoch", "document", "first token", "tokens")
    rows: list[tuple[object, ...]] = [(s.sequence, s.source, s.epoch, s.document, s.first_token, s.tokens) for s in spans]
    if found:
        header += ("grade", "id", "from")
        rows = [(*row, *(("-", "-", "-") if of is None else (of.grade, of.id, of.place)))
                for row, of in zip(rows, found, strict=True)]
    title = f"step {step}: {sequences} sequences, {tokens} tokens from {len(documents)} documents"
    return f"{title}\n{text_table(header, rows)}"


def _redraw(reader: ReaderLine, record: StepLine) -> list[int]:
    mixture = Mixture({source["name"]: source["weight"] for source in reader["sources"]})
    anchor = Anchor(reader["anchor_tokens"], tuple(source["anchor"] for source in reader["sources"]))
    total = sum(record["cursors"]) + reader["retired_tokens"]
    return draw(mixture, anchor, record["cursors"], total, record["length"], sum(record["sequences"]))


def _documents(
    sequence: int, stream: SourceStream, dataset: IndexedDataset, position: int, length: int
) -> Iterator[DocumentSpan]:
    for span in stream.spans(position, length):
        token = span.start
        while token < span.stop:
            document = dataset.document_at(token)
            first, stop = dataset.document_range(document)
            stop = min(stop, span.stop)
            yield DocumentSpan(sequence, stream.name, span.epoch, document, token - first, stop - token)
            token = stop


def _step_of(line: bytes) -> int | None:
    """The step of a ledger line without parsing it whole; None for any other line."""
    number = line[len(_STEP_LINE) :].split(b",", 1)[0]
    return int(number) if line.startswith(_STEP_LINE) and number.isdigit() else None


def _find(path: Path, step: int) -> tuple[ReaderLine, StepLine]:
    """(the reader line that holds for `step`, the line of `step`)."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; is {path.parent} the folder of a run?")
    reader, first, last = b"", None, None
    number = 0
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            found = _step_of(line)
            if found is None:
                reader = line if line.startswith(_READER_LINE) else reader
                continue
            first, last = found if first is None else first, found
            if found == step:
                return _parse(path, number, reader, line)
    recorded = "no step" if last is None else f"steps {first} to {last}"
    raise UserError(f"{path}: no line for step {step}; it records {recorded}")


def _parse(path: Path, number: int, reader: bytes, line: bytes) -> tuple[ReaderLine, StepLine]:
    try:
        started: dict[str, ReaderLine] = parse_json(reader)
        record: StepLine = parse_json(line)
    except ValueError as error:
        raise UserError(f"{path}, line {number}: damaged ({error})") from None
    return started["reader"], record


def _open_unchanged(source: SourceLine) -> IndexedDataset:
    dataset = IndexedDataset.open(source["prefix"])
    if dataset.fingerprint() != source["fingerprint"]:
        raise UserError(
            f"source {source['name']!r}: the dataset {source['prefix']} has changed since the step; bring the old "
            "files back"
        )
    return dataset

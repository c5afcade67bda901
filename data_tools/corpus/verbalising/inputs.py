"""Triples of files: JSON lines, tables, RDF. What is none is told with file, line and reason, and the rest goes on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from data_tools.corpus.verbalising.rdf import read_rdf
from data_tools.corpus.verbalising.tables import read_table
from data_tools.corpus.verbalising.triples import BadTriple, Triple, triple_of
from data_tools.sources.blocks import Position
from data_tools.sources.inputs import Input, Share, find_inputs
from data_tools.sources.lines import read_line_blocks
from data_tools.sources.parse import BadLine, json_object
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject

Found: TypeAlias = Triple | BadTriple
TABLES = {".csv": ",", ".tsv": "\t"}
RDF = {".ttl": "turtle", ".nt": "nt", ".rdf": "xml", ".owl": "xml", ".xml": "xml"}
_LINES = (".jsonl", ".ndjson", ".json")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zstd")
_LONGEST_LINE = 4 << 20  # bytes
_BLOCK = 1 << 20
_PARTS_OF_SPO = 3


@dataclass(frozen=True)
class ReadAs:
    """columns: of tables, their own names by ours. source, licence: of rows that do not say it. known: whether there is a
    template for a relation's name, by which RDF's names are chosen."""

    known: Callable[[str], bool]
    columns: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    licence: str = ""


def find_triples(patterns: Sequence[str]) -> list[Input]:
    """Raises UserError for a file that is not there, and one whose name tells no form."""
    files = [file for pattern in patterns for file in find_inputs([pattern], "text", "line")]
    for file in files:
        suffix = _suffix(file.path)
        if suffix not in (*_LINES, *TABLES, *RDF):
            raise UserError(
                f"{file.path}: its name tells no form of triples (known: {', '.join((*_LINES, *TABLES, *RDF))}; "
                f"the first five also with {', '.join(_PACKED)})"
            )
        if suffix in RDF and file.compression:
            raise UserError(f"{file.path}: RDF is read unpacked: unpack it first")
    return files


def read_triples(file: Input, read_as: ReadAs) -> Iterator[Found]:
    """Raises UserError where a file is damaged, or a table has no column for a part."""
    suffix, name = _suffix(file.path), str(file.path)
    if suffix in RDF:
        rows: Iterator[tuple[int, JsonObject | str]] = read_rdf(file.path, RDF[suffix], read_as.known)
    elif suffix in TABLES:
        rows = read_table(numbered_lines(file), name, TABLES[suffix], read_as.columns)
    else:
        rows = _json_rows(file)
    for line, row in rows:
        yield _found(row, name, line, read_as)


def numbered_lines(file: Input) -> Iterator[tuple[int, bytes | str]]:
    """(number from 1, line), or a reason in its place. Raises UserError where the file is damaged."""
    number = 1
    for block in read_line_blocks(file, Share(0, 0, file.size), Position(0, 0, 0), _BLOCK, _LONGEST_LINE):
        assert isinstance(block.data, bytes)  # no Parquet
        if block.fault:
            yield number, f"{block.fault.reason}: {block.fault.detail}"
        for offset, line in enumerate(block.data.split(b"\n") if block.data and not block.fault else []):
            if line.strip():
                yield number + offset, line
        if block.damage and not block.damage.harmless:
            raise UserError(f"{file.path}: {block.damage}; fetch it anew, or keep what can be read of it in a file of its own")
        number += block.lines


def _found(row: JsonObject | str, file: str, line: int, read_as: ReadAs) -> Found:
    if isinstance(row, str):
        return BadTriple(file, line, row)
    for key, value in (("source", read_as.source), ("licence", read_as.licence)):
        if value:
            row.setdefault(key, value)
    try:
        return triple_of(row, file, line)
    except (ValueError, RecursionError) as error:
        return BadTriple(file, line, str(error)[:300])


def _json_rows(file: Input) -> Iterator[tuple[int, JsonObject | str]]:
    """Objects of triples, and of {text, spo_list: [[subject, predicate, object], ...]}."""
    for number, line in numbered_lines(file):
        if isinstance(line, str):
            yield number, line
            continue
        try:
            row = json_object(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
        except BadLine as error:
            yield number, ": ".join(filter(None, error.args))
            continue
        if "spo_list" in row:
            yield from ((number, one) for one in _of_spo(row["spo_list"]))
        else:
            yield number, row


def _of_spo(listed: object) -> Iterator[JsonObject | str]:
    if not isinstance(listed, list) or not listed:
        yield "spo_list is no list of triples, or an empty one"
        return
    for number, parts in enumerate(listed, 1):
        if isinstance(parts, list) and len(parts) == _PARTS_OF_SPO:
            yield dict(zip(("subject", "predicate", "object"), parts, strict=True))
        else:
            yield f"spo_list: its entry {number} is no [subject, predicate, object]"


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    plain = suffixes[:-1] if suffixes and suffixes[-1] in _PACKED else suffixes
    return plain[-1] if plain else ""

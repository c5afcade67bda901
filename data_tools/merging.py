"""The joining of finished datasets: which belong together, in which order, and their bytes one after another."""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from data_tools.counts import InputCounts
from data_tools.indexed_writer import Finished, IndexedWriter
from data_tools.journal import Journal
from data_tools.manifest import summary
from data_tools.options import check_prefix
from data_tools.records import Copied, Manifest, MergePlan, ReadInput
from data_tools.stopping import StopRequest
from data_tools.workspace import MANIFEST_FORMAT, Workspace, locked_workspace, read_manifest
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.errors import UserError

T = TypeVar("T")

log = logging.getLogger(__name__)

_PIECE_DOCUMENTS = 1 << 18
_PIECE_TOKENS = 1 << 23
_COMMIT_BYTES = 1 << 30
_ENDINGS = (".bin", ".idx", ".json", ".rejects")


@dataclass(frozen=True)
class Part:
    """One dataset that goes into the merged one, one sequence per document."""

    prefix: str
    dataset: IndexedDataset
    manifest: Manifest


def merge(
    output_prefix: str, parts: Sequence[str], stop: StopRequest, resume: bool = False, overwrite: bool = False
) -> None:
    """Write the dataset that holds the documents of `parts`, shards in their order, other datasets in the order given.

    Raises UserError if a part is missing, damaged, named twice or of another kind than the rest, and Interrupted.
    """
    check_prefix(output_prefix)
    opened = [_open_part(prefix) for prefix in _prefixes(output_prefix, parts)]
    _check_alike(opened)
    opened = _in_order(opened)
    with locked_workspace(output_prefix) as workspace:
        if workspace.published():
            workspace.remove()
        workspace.check_targets(None)
        workspace.refuse_foreign_manifest()
        plan = MergePlan(merge=[part.manifest["checksums"] for part in opened], replace=overwrite)
        there = read_manifest(workspace.final("json"))
        if resume and there is not None and not workspace.begun():
            if there["documents"] != sum(part.dataset.documents for part in opened):
                raise UserError(f"--resume: {output_prefix}.bin is finished, but not a merge of these; say --overwrite")
            log.info("%s is complete: %s documents", output_prefix, f"{there['documents']:,}")
            return
        replace = _begin(workspace, plan, resume, overwrite)
        if not workspace.ready():
            files = _Copy(workspace, opened, stop).run()
            _join_rejects(workspace.rejects_path, opened)
            manifest = _merged_manifest(opened, opened[0].dataset.dtype, files)
            workspace.write_manifest(manifest)
            log.info(
                "%s: %s documents, %s tokens of %s datasets", output_prefix, f"{manifest['documents']:,}",
                f"{manifest['tokens']:,}", len(opened),
            )  # fmt: skip
        workspace.publish(None, replace)
        workspace.remove()


def _begin(workspace: Workspace, plan: MergePlan, resume: bool, overwrite: bool) -> bool:
    """Start or continue; whether a dataset that is there already may be replaced."""
    if workspace.begun() and resume:
        before = workspace.read_plan()
        if before.get("merge") != plan["merge"]:
            raise UserError(f"--resume: {workspace.folder} was begun with other datasets; start with --overwrite")
        return before["replace"]
    if not overwrite:
        if workspace.begun():
            raise UserError(
                f"{workspace.folder}: an unfinished run lies here; --resume continues it, --overwrite throws it away"
            )
        workspace.refuse_existing()
    workspace.begin(plan)
    return overwrite


def _prefixes(output_prefix: str, parts: Sequence[str]) -> list[str]:
    """Prefixes without repeats: a glob such as `shard-*` names several files of each."""
    without_ending = [next((part[: -len(end)] for end in _ENDINGS if part.endswith(end)), part) for part in parts]
    prefixes = dict.fromkeys(without_ending)
    if any(os.path.abspath(prefix) == os.path.abspath(output_prefix) for prefix in prefixes):
        raise UserError(f"--output-prefix {output_prefix}: is one of the datasets to be merged; choose another name")
    return list(prefixes)


def _open_part(prefix: str) -> Part:
    if prefix.endswith(".partial"):
        raise UserError(f"{prefix}: an unfinished run; finish it with --resume before merging")
    dataset = IndexedDataset.open(prefix)
    manifest = read_manifest(Path(f"{prefix}.json"))
    if manifest is None or dataset.index.sequences != dataset.documents:
        raise UserError(
            f"{prefix}.json: no manifest, so nobody knows which tokenizer made {prefix}.bin; make it with preprocess.py"
        )
    return Part(prefix, dataset, manifest)


def _check_alike(parts: Sequence[Part]) -> None:
    """Raise UserError unless equal ids mean the same in all parts."""
    first = parts[0]
    for part in parts[1:]:
        for what, value in _kinds(part.manifest).items():
            if value != _kinds(first.manifest)[what]:
                raise UserError(f"{part.prefix}: its {what} is not that of {first.prefix}; such datasets do not merge")
        if (part.manifest["shard"] is None) != (first.manifest["shard"] is None):
            whole, shard = (first, part) if part.manifest["shard"] else (part, first)
            raise UserError(f"{shard.prefix} is a shard and {whole.prefix} is not; merge the shards first")


def _kinds(manifest: Manifest) -> dict[str, object]:
    return {"tokenizer or end-of-document token": manifest["tokenizer"], "type of tokens": manifest["dtype"]}


def _in_order(parts: list[Part]) -> list[Part]:
    """Shards by index. Raises UserError unless they are all of one set, each once."""
    shards = [(part, shard) for part in parts if (shard := part.manifest["shard"]) is not None]
    if not shards:  # all or none: _check_alike
        return parts
    first = shards[0][1]
    found: dict[int, Part] = {}
    for part, shard in shards:
        if (shard["count"], shard["whole"]) != (first["count"], first["whole"]):
            raise UserError(
                f"{part.prefix} and {parts[0].prefix} are shards of different runs: their inputs, options or shard "
                "counts differ"
            )
        if shard["index"] in found:
            raise UserError(f"{part.prefix} and {found[shard['index']].prefix} are both shard {shard['index']}")
        found[shard["index"]] = part
    missing = [str(index) for index in range(first["count"]) if index not in found]
    if missing:
        raise UserError(f"shards {', '.join(missing[:20])} of {first['count']} are missing; name all of them")
    return [found[index] for index in sorted(found)]


class _Copy:
    """Appends parts to a writer; the journal tells how many documents of which part are safe."""

    def __init__(self, workspace: Workspace, parts: Sequence[Part], stop: StopRequest) -> None:
        self._parts, self._stop = parts, stop
        self._journal: Journal[Copied] = Journal(workspace.journal_path)
        records = self._journal.records
        self._done = records[-1] if records else Copied(part=0, document=0, bin=0, sequences=0)
        dtype = parts[0].dataset.dtype
        sizes = self._done["bin"], self._done["sequences"]
        self._writer = IndexedWriter(workspace.bin_path, workspace.idx_path, dtype, *sizes)
        self._committed = self._writer.bin_bytes

    def run(self) -> Finished:
        """Copy what is left. Raises UserError for a part whose bytes are not those of its manifest, and Interrupted."""
        try:
            for number in range(self._done["part"], len(self._parts)):
                self._copy_part(number, self._done["document"] if number == self._done["part"] else 0)
            return self._writer.finish()
        finally:
            self._writer.close()
            self._journal.close()

    def _copy_part(self, number: int, document: int) -> None:
        part = self._parts[number]
        digest = hashlib.sha256()
        for first, last in _pieces(part.dataset, 0, document):  # copied before the resume: only read again
            digest.update(_tokens(part.dataset, first, last).data.cast("B"))
        for first, last in _pieces(part.dataset, document, part.dataset.documents):
            tokens = _tokens(part.dataset, first, last)
            digest.update(tokens.data.cast("B"))
            self._writer.append(tokens, np.array(part.dataset.index.lengths[first:last]))
            if self._stop.number is not None or self._writer.bin_bytes - self._committed >= _COMMIT_BYTES:
                self._commit(number, last)
                self._stop.check(f"stopped after {self._writer.sequences:,} documents; --resume goes on")
        if digest.hexdigest() != part.manifest["checksums"]["bin"]:
            raise UserError(f"{part.prefix}.bin: its bytes differ from the checksum in its manifest; make it again")

    def _commit(self, number: int, document: int) -> None:
        self._writer.sync()
        self._journal.append(
            Copied(part=number, document=document, bin=self._writer.bin_bytes, sequences=self._writer.sequences)
        )
        self._committed = self._writer.bin_bytes


def _pieces(dataset: IndexedDataset, first: int, stop: int) -> Iterator[tuple[int, int]]:
    """Ranges [first, last) of documents, bounded in documents and (but for one long document) in tokens."""
    while first < stop:
        lengths = dataset.index.lengths[first : min(first + _PIECE_DOCUMENTS, stop)]
        fitting = np.searchsorted(np.cumsum(lengths, dtype=np.int64), _PIECE_TOKENS, side="right")
        last = first + max(int(fitting), 1)
        yield first, last
        first = last


def _tokens(dataset: IndexedDataset, first: int, last: int) -> np.ndarray:
    start, end = dataset.document_range(first)[0], dataset.document_range(last - 1)[1]
    return dataset.read(start, end - start)


def _join_rejects(destination: Path, parts: Sequence[Part]) -> None:
    with open(destination, "wb") as joined:
        for part in parts:
            path = Path(f"{part.prefix}.rejects")
            if path.exists():
                with open(path, "rb") as stream:
                    shutil.copyfileobj(stream, joined)
            elif part.manifest["rejects"]:
                log.warning("%s: not there; the rejects of this part are not in the merged list", path)
        joined.flush()
        os.fsync(joined.fileno())


def _merged_manifest(parts: Sequence[Part], dtype: np.dtype, files: Finished) -> Manifest:
    """That of the whole: of shards exactly what one run would have written, else the parts' statements where equal."""
    manifests = [part.manifest for part in parts]
    are_shards = manifests[0]["shard"] is not None
    inputs: dict[str | tuple[int, str], ReadInput] = {}
    for number, manifest in enumerate(manifests):
        for item in manifest["inputs"]:
            key = item["path"] if are_shards else (number, item["path"])
            if key in inputs:  # a file that several shards have read
                counts = InputCounts.from_json(inputs[key])
                counts.add(InputCounts.from_json(item))
                item = {**item, **counts.to_json()}
            inputs[key] = item
    counts = InputCounts()
    for item in inputs.values():
        counts.add(InputCounts.from_json(item))
    return {
        "format": MANIFEST_FORMAT,
        **summary(counts, dtype, files),
        "tokenizer": manifests[0]["tokenizer"],
        "engine": _common([manifest["engine"] for manifest in manifests]),
        "options": _common([manifest["options"] for manifest in manifests]),
        "shard": None,
        "inputs": list(inputs.values()),
        "versions": _common([manifest["versions"] for manifest in manifests]),
    }


def _common(values: list[T]) -> T | dict[str, list[T]]:
    """The value, where all parts agree, else all of them in the order of the parts."""
    return values[0] if all(value == values[0] for value in values) else {"of parts": values}

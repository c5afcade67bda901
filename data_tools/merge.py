"""One dataset of many, without tokenising again: shards of an array job, or finished datasets one after another.

    python data_tools/preprocess.py merge --output-prefix data/medical data/medical-shard-*

The shards may be named by prefix or by any of their files, in any order; merged they are, byte for byte, what one run
without shards would have written.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from data_tools.counts import InputCounts, total
from data_tools.disk import disk_errors_explained
from data_tools.indexed_writer import IndexedWriter
from data_tools.journal import Journal
from data_tools.manifest import summary
from data_tools.options import check_prefix
from data_tools.stopping import Interrupted, StopRequest, stop_requests
from data_tools.workspace import MANIFEST_FORMAT, Workspace, locked_workspace, read_manifest
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.errors import UserError

log = logging.getLogger(__name__)

_PIECE_DOCUMENTS = 1 << 18
_PIECE_TOKENS = 1 << 23
_COMMIT_BYTES = 1 << 30
_ENDINGS = (".bin", ".idx", ".json", ".rejects")


@dataclass(frozen=True)
class Part:
    """One dataset that goes into the merged one."""

    prefix: str
    dataset: IndexedDataset
    manifest: dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output-prefix", required=True, metavar="PREFIX", help="of the merged dataset")
    parser.add_argument("parts", nargs="+", metavar="PART", help="prefixes of finished datasets, or any of their files")
    parser.add_argument("--resume", action="store_true", help="continue an unfinished merge; start one if there is none")
    parser.add_argument("--overwrite", action="store_true", help="replace PREFIX.* and throw an unfinished merge away")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 2 for what the user can mend, 128 + signal after a clean stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(
        prog="preprocess.py merge", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    try:
        return run(parser.parse_args(None if argv is None else list(argv)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(args: argparse.Namespace) -> int:
    """What parsed arguments ask for. Raises UserError."""
    if args.resume and args.overwrite:
        raise UserError("--resume continues an unfinished merge and --overwrite throws it away: choose one")
    try:
        with stop_requests() as stop, disk_errors_explained():
            merge(args.output_prefix, args.parts, stop, resume=args.resume, overwrite=args.overwrite)
    except Interrupted as interruption:
        log.warning("%s", interruption)
        return interruption.exit_code
    return 0


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
        workspace.refuse_foreign_manifest()
        plan = {"merge": [part.manifest["checksums"] for part in opened], "replace": overwrite}
        there = read_manifest(workspace.final("json"))
        if resume and there is not None and not workspace.begun():
            _check_finished(output_prefix, there, opened)
            return
        replace = _begin(workspace, plan, resume, overwrite)
        if not workspace.ready():
            _copy_all(workspace, opened, stop)
        workspace.publish(None, replace)
        workspace.remove()


def _begin(workspace: Workspace, plan: dict[str, Any], resume: bool, overwrite: bool) -> bool:
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
    prefixes = dict.fromkeys(next((part[: -len(end)] for end in _ENDINGS if part.endswith(end)), part) for part in parts)
    if any(os.path.abspath(prefix) == os.path.abspath(output_prefix) for prefix in prefixes):
        raise UserError(f"--output-prefix {output_prefix}: is one of the datasets to be merged; choose another name")
    return list(prefixes)


def _open_part(prefix: str) -> Part:
    if prefix.endswith(".partial"):
        raise UserError(f"{prefix}: an unfinished run; finish it with --resume before merging")
    dataset = IndexedDataset.open(prefix)
    manifest = read_manifest(Path(f"{prefix}.json"))
    if manifest is None:
        raise UserError(
            f"{prefix}.json: no manifest, so nobody knows which tokenizer made {prefix}.bin; make it with preprocess.py"
        )
    return Part(prefix, dataset, manifest)


def _check_alike(parts: Sequence[Part]) -> None:
    """Raise UserError unless equal ids mean the same in all parts."""
    first = parts[0]
    for part in parts[1:]:
        for key, what in (("tokenizer", "tokenizer or end-of-document token"), ("dtype", "type of tokens")):
            if part.manifest[key] != first.manifest[key]:
                raise UserError(f"{part.prefix}: its {what} is not that of {first.prefix}; such datasets do not merge")
        if (part.manifest["shard"] is None) != (first.manifest["shard"] is None):
            whole, shard = (first, part) if part.manifest["shard"] else (part, first)
            raise UserError(f"{shard.prefix} is a shard and {whole.prefix} is not; merge the shards first")


def _in_order(parts: list[Part]) -> list[Part]:
    """Shards by index. Raises UserError unless they are all of one set, each once."""
    if parts[0].manifest["shard"] is None:
        return parts
    first = parts[0].manifest["shard"]
    found: dict[int, Part] = {}
    for part in parts:
        shard = part.manifest["shard"]
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


def _copy_all(workspace: Workspace, parts: Sequence[Part], stop: StopRequest) -> None:
    """Append every part, committing on the way, and complete the files."""
    journal = Journal(workspace.journal_path)
    done = journal.records[-1] if journal.records else {"part": 0, "document": 0, "bin": 0, "sequences": 0}
    writer = IndexedWriter(
        workspace.bin_path, workspace.idx_path, parts[0].dataset.dtype.newbyteorder("<"), done["bin"], done["sequences"]
    )
    try:
        committed = writer.bin_bytes
        for number, part in enumerate(parts[done["part"] :], start=done["part"]):
            document = done["document"] if number == done["part"] else 0
            while document < part.dataset.documents:
                document = _copy_piece(writer, part, document)
                if stop.number is not None or writer.bin_bytes - committed >= _COMMIT_BYTES:
                    writer.sync()
                    sizes = {"bin": writer.bin_bytes, "sequences": writer.sequences}
                    journal.append({"part": number, "document": document, **sizes})
                    committed = writer.bin_bytes
                    stop.check(f"stopped after {writer.sequences:,} documents; --resume goes on")
        files = writer.finish()
    finally:
        writer.close()
        journal.close()
    _join_rejects(workspace.rejects_path, parts)
    manifest = _merged_manifest(parts, writer, files)
    workspace.write_manifest(manifest)
    log.info("%s: %s documents, %s tokens of %s datasets", workspace.prefix, f"{manifest['documents']:,}",
             f"{manifest['tokens']:,}", len(parts))  # fmt: skip


def _copy_piece(writer: IndexedWriter, part: Part, document: int) -> int:
    """Append some documents from number `document` on; returns the next. A piece is bounded in documents and tokens."""
    dataset = part.dataset
    last = min(document + _PIECE_DOCUMENTS, dataset.documents)
    lengths = np.array(dataset.index.lengths[document:last])
    fits = int(np.searchsorted(np.cumsum(lengths, dtype=np.int64), _PIECE_TOKENS, side="right"))
    lengths = lengths[: max(fits, 1)]
    start, _ = dataset.document_range(document)
    writer.append(dataset.read(start, int(lengths.sum(dtype=np.int64))), lengths)
    return document + len(lengths)

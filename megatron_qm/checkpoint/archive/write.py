"""A checkpoint into a zarr v3 archive, at a path or in any key-value store of TensorStore."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

import tensorstore as ts

from megatron_qm.checkpoint.archive.commit import unfinished
from megatron_qm.checkpoint.archive.nodes import Node, nodes_of
from megatron_qm.checkpoint.archive.storage import Storage
from megatron_qm.checkpoint.archive.transfer import Crew, write_node
from megatron_qm.checkpoint.archive.zarr_v3 import (
    CHUNK_BYTES,
    FILES,
    OBJECTS,
    TENSORS,
    VERSION,
    Document,
    group_document,
    groups_above,
    root_document,
)
from megatron_qm.checkpoint.folder import refuse_a_run
from megatron_qm.checkpoint.manifest import MANIFEST, Manifest, verify
from megatron_qm.checkpoint.programs import refuse_programs
from megatron_qm.files import sha256
from megatron_qm.json_types import JsonObject

logger = logging.getLogger(__name__)

WORKERS = 2


@dataclass(frozen=True)
class Archived:
    """tensors: how many. bytes: of their numbers. kept: arrays that an earlier attempt had finished."""

    tensors: int
    bytes: int
    kept: int


def archive(
    checkpoint: Path,
    output: str,
    *,
    workers: int = WORKERS,
    overwrite: bool = False,
    chunk_bytes: int = CHUNK_BYTES,
    context: ts.Context | None = None,
) -> Archived:
    """Write every tensor, object and file of `checkpoint` to `output`: a path, a URL or a JSON kvstore spec.

    The checkpoint is verified first. Memory stays at a few chunks for each of `workers`. Killed, it is called again
    with the same arguments and goes on. Raises UserError naming what is wrong with the checkpoint or the output.
    context: TensorStore's, for stores that live in it (memory://).
    """
    checkpoint = Path(checkpoint)
    refuse_a_run(checkpoint)
    manifest = verify(checkpoint)
    refuse_programs(checkpoint)
    nodes = nodes_of(checkpoint, manifest.files)
    digest = sha256(checkpoint / MANIFEST)
    source: JsonObject = {"checkpoint": digest, "chunk_bytes": chunk_bytes, "version": VERSION}
    with unfinished(str(output), source, overwrite, workers, context) as storage:
        documents, kept = _write_arrays(nodes, storage, workers, chunk_bytes)
        for group in groups_above(list(documents)):
            documents[group] = group_document()
            storage.write_document(group, documents[group])
        root = root_document(_summary(manifest, nodes, digest), dict(sorted(documents.items())))
        storage.write_document("", root)
    tensors = [node for node in nodes if node.path.startswith(f"{TENSORS}/")]
    return Archived(len(tensors), sum(node.bytes for node in tensors), kept)


def _write_arrays(
    nodes: list[Node], storage: Storage, workers: int, chunk_bytes: int
) -> tuple[dict[str, Document], int]:
    """The documents by path, and how many arrays were there already. The largest go first: they take longest."""
    documents: dict[str, Document] = {}
    kept, lock = 0, threading.Lock()

    crew = Crew(workers, f"{storage.place}: archived", sum(node.bytes for node in nodes))

    def write(node: Node) -> None:
        nonlocal kept
        document, written = write_node(node, storage, chunk_bytes, crew)
        with lock:
            documents[node.path] = document
            kept += not written

    crew.each(write, sorted(nodes, key=lambda node: -node.bytes))
    return documents, kept


def _summary(manifest: Manifest, nodes: list[Node], source: str) -> dict[str, object]:
    """What people look for in the root's attributes; the manifest itself is among the files."""
    counts = {group: sum(node.path.startswith(f"{group}/") for node in nodes) for group in (TENSORS, OBJECTS, FILES)}
    return {
        "step": manifest.step,
        "tokens": manifest.tokens,
        "dtype": manifest.dtype,
        "model": manifest.model,
        "contains": manifest.contains,
        "arrays": counts,
        "source_manifest_sha256": source,
    }

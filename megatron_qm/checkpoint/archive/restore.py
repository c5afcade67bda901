"""An archive back into a checkpoint: every tensor, object and file of it, bit for bit."""

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import tensorstore as ts
import torch

from megatron_qm.checkpoint.archive.storage import Storage, parse
from megatron_qm.checkpoint.archive.transfer import Crew, read_node
from megatron_qm.checkpoint.archive.write import WORKERS
from megatron_qm.checkpoint.archive.zarr_v3 import (
    DOCUMENT,
    FILES,
    OBJECTS,
    TENSORS,
    Document,
    bytes_of,
    is_sound,
    node_of,
    read_root,
    storage_dtype,
)
from megatron_qm.checkpoint.manifest import MANIFEST, WEIGHTS, Manifest, read_manifest, write_manifest
from megatron_qm.checkpoint.programs import refuse_programs
from megatron_qm.checkpoint.staging import CHECKPOINT, check_free, check_room, staged
from megatron_qm.checkpoint.torch_dist_writer import TorchDistWriter
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class Archive:
    """A whole archive, open for reading. documents: of every array, by its path below the archive."""

    storage: Storage
    documents: dict[str, Document]

    @property
    def place(self) -> str:
        return self.storage.place

    def members(self, group: str) -> dict[str, Document]:
        return {path: document for path, document in self.documents.items() if path.startswith(f"{group}/")}


def open_archive(place: str, *, workers: int = WORKERS, context: ts.Context | None = None) -> Archive:
    """Read what the archive says it holds. Raises UserError where there is none, or one that is not whole."""
    storage = Storage(parse(str(place)), str(place), workers, context)
    data = storage.read(DOCUMENT)
    if data is None:
        raise UserError(
            f"{place}: not an archive, or one whose writing was cut short: it has no {DOCUMENT}; "
            "run the same `megatron-qm archive` again to complete it"
        )
    _, documents = read_root(data, str(place))
    for path, document in documents.items():
        _check_node(path, document, str(place))
    return Archive(storage, documents)


def restore(
    place: str, output: Path, *, workers: int = WORKERS, overwrite: bool = False, context: ts.Context | None = None
) -> Manifest:
    """Write the checkpoint that `place` holds to the folder `output`, and return its manifest.

    Memory stays at a few chunks for each of `workers`. Raises UserError naming the tensor or file that is torn or
    altered; then nothing is at `output` that was not there before.
    """
    output = Path(output)
    check_free(output, CHECKPOINT, overwrite)
    archive = open_archive(place, workers=workers, context=context)
    total = sum(map(bytes_of, archive.documents.values()))
    crew = Crew(workers, f"{output}: restored", total)
    check_room(output, total)
    with staged(output, CHECKPOINT, overwrite) as folder:
        files = archive.members(FILES)
        path = node_of(FILES, MANIFEST)
        if path not in files:
            raise UserError(f"{place}: altered: it holds no {MANIFEST}")
        _write_file(archive, path, folder, crew)
        manifest = read_manifest(folder)
        with TorchDistWriter(folder / WEIGHTS) as writer:
            everything = archive.members(TENSORS) | archive.members(OBJECTS)
            largest_first = sorted(everything, key=lambda path: -bytes_of(everything[path]))
            crew.each(lambda path: _write_weights(archive, path, writer, crew), largest_first)
        for path in files:
            _write_file(archive, path, folder, crew)
        _check_files(files, manifest, str(place))
        refuse_programs(folder)
        return write_manifest(folder, replace(manifest, files={}))


def check_documents(archive: Archive, path: str) -> None:
    """The document beside an array, which other readers trust, against the root's."""
    if archive.storage.read_document(path) != archive.documents[path]:
        place = f"{archive.place}/{path}/{DOCUMENT}"
        raise UserError(f"{place}: missing or altered: not what the archive's own {DOCUMENT} says")


def _write_weights(archive: Archive, path: str, writer: TorchDistWriter, crew: Crew) -> None:
    check_documents(archive, path)
    document = archive.documents[path]
    name = document["attributes"]["name"]
    if path.startswith(f"{OBJECTS}/"):
        pieces = read_node(path, document, archive.storage, crew)
        writer.write_object(name, b"".join(block.tobytes() for _, block in pieces))
        return
    dtype, shape = _torch_dtype(archive, document), tuple(document["shape"])
    writer.declare(name, shape, dtype)
    for offsets, block in read_node(path, document, archive.storage, crew):
        writer.write(name, offsets, torch.from_numpy(block.reshape(-1).view("uint8")).view(dtype).reshape(block.shape))
        del block  # before the next one is read
    if 0 in shape:  # nothing to read, but something that Megatron asks for
        writer.write(name, (0,) * len(shape), torch.empty(shape, dtype=dtype))


def _write_file(archive: Archive, path: str, folder: Path, crew: Crew) -> None:
    check_documents(archive, path)
    document = archive.documents[path]
    target = folder / document["attributes"]["name"]
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as stream:
        for _, block in read_node(path, document, archive.storage, crew):
            stream.write(block.data)


def _check_files(files: dict[str, Document], manifest: Manifest, place: str) -> None:
    """What came back is what the checkpoint's own manifest had recorded."""
    hashes = {document["attributes"]["name"]: document["attributes"]["sha256"] for document in files.values()}
    for name, found in hashes.items():
        if name != MANIFEST and (name not in manifest.files or manifest.files[name].sha256 != found):
            raise UserError(f"{place}: {name}: altered: not the file that the checkpoint's {MANIFEST} records")


def _torch_dtype(archive: Archive, document: Document) -> torch.dtype:
    name, dtype = document["attributes"]["name"], document["attributes"]["dtype"]
    found = getattr(torch, str(dtype), None)
    if not isinstance(found, torch.dtype) or storage_dtype(dtype, name).name != document["data_type"]:
        raise UserError(f"{archive.place}: {name}: altered: {dtype} numbers cannot lie in {document['data_type']}")
    return found


def _check_node(path: str, document: Document, place: str) -> None:
    """An archive from anywhere must not write outside the checkpoint that it becomes, nor ask for all memory."""
    if not is_sound(document):
        raise UserError(f"{place}: altered: what it says of {path} is no array of ours; do not use it")
    group = path.split("/", 1)[0]
    name = document["attributes"].get("name")
    known = group in (TENSORS, OBJECTS, FILES) and bool(name) and node_of(group, name) == path
    inside = group != FILES or (known and not PurePosixPath(name).is_absolute() and ".." not in name.split("/"))
    if not (known and inside):
        raise UserError(f"{place}: altered: it lists {path!r} for {name!r}; do not use it")

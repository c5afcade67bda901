"""What an archive looks like: names, data types, chunks and the JSON documents of zarr v3. Needs only numpy.

    ARCHIVE/zarr.json                  the mark that it is whole: written last, lists every array with its hash
    ARCHIVE/tensors/NAME/              a whole tensor: zarr.json, and its chunks below c/
    ARCHIVE/objects/NAME/              bytes that Megatron stored among the tensors, such as FP8 scaling factors
    ARCHIVE/files/PATH/                the checkpoint's other files, manifest.json among them, as bytes
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any
from urllib.parse import quote

import numpy as np

from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, parse_json

FORMAT = "megatron-qm archive"
VERSION = 1
DOCUMENT = "zarr.json"
TENSORS, OBJECTS, FILES = GROUPS = "tensors", "objects", "files"
CHUNK_BYTES = 1 << 25  # before compression; what a reader of one element has to fetch
MOST_CHUNK_BYTES = 1 << 31  # Blosc's limit

# Types that zarr has no name for lie in the archive as the integers of their bits.
_AS_BITS = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}
_AS_THEY_ARE = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip
_PLAIN = "+=@,()[]"  # beside letters, digits and _.-~

Document = dict[str, Any]


def node_of(group: str, name: str) -> str:
    """Where the tensor, object or file `name` lies below the archive: its name, but for what zarr gives a meaning to.

    Files keep their folders; in the other groups a slash is no folder, and is written %2F.
    """
    parts = name.split("/") if group == FILES else [name]
    return "/".join([group, *map(_component, parts)])


def _component(part: str) -> str:
    text = quote(part, safe=_PLAIN)
    reserved = text.startswith("__") or text.strip(".") == "" or text in (DOCUMENT, "c")
    return f"%{ord(text[0]):02X}{text[1:]}" if reserved and text else text


def groups_above(nodes: Sequence[str]) -> list[str]:
    """Every group that `nodes` lie in but the root, and the three that always exist."""
    found = {TENSORS, OBJECTS, FILES}
    for node in nodes:
        parts = node.split("/")
        found |= {"/".join(parts[:end]) for end in range(1, len(parts))}
    return sorted(found)


def storage_dtype(dtype: str, name: str) -> np.dtype:
    """How numbers of torch's `dtype` ("bfloat16") lie in the archive. Raises UserError naming the tensor."""
    if dtype not in _AS_BITS and dtype not in _AS_THEY_ARE:
        raise UserError(f"{name}: is of {dtype}, which has no place in a zarr archive")
    return np.dtype(_AS_BITS.get(dtype, dtype))


def chunk_shape(shape: Sequence[int], itemsize: int, limit: int = CHUNK_BYTES) -> tuple[int, ...]:
    """The largest chunk of at most `limit` bytes that is one run of the tensor's elements, so that chunks one after
    another are the tensor's bytes in order."""
    left = max(1, limit // itemsize)
    chunk: list[int] = []
    for size in reversed(shape):
        take = max(1, min(size, left))
        left = left // take if take == size else 1
        chunk.insert(0, take)
    return tuple(chunk)


def boxes(shape: Sequence[int], chunk: Sequence[int]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(offsets, sizes) of every chunk, in the order of the tensor's elements. None for an empty tensor."""
    for offsets in product(*(range(0, size, step) for size, step in zip(shape, chunk, strict=True))):
        ends = zip(shape, chunk, offsets, strict=True)
        yield offsets, tuple(min(step, size - at) for size, step, at in ends)


def array_document(shape: Sequence[int], dtype: np.dtype, limit: int, attributes: Mapping[str, object]) -> Document:
    """zarr.json of an array: byte-shuffled zstd, and a CRC-32C on each chunk that every zarr reader checks."""
    fill: object = False if dtype.kind == "b" else [0.0, 0.0] if dtype.kind == "c" else 0.0 if dtype.kind == "f" else 0
    blosc = {"cname": "zstd", "clevel": 1, "shuffle": "shuffle" if dtype.itemsize > 1 else "noshuffle",
             "typesize": dtype.itemsize, "blocksize": 0}  # fmt: skip
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": list(chunk_shape(shape, dtype.itemsize, limit))},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "blosc", "configuration": blosc},
            {"name": "crc32c"},
        ],
        "attributes": dict(attributes),
    }


def group_document(attributes: Mapping[str, object] | None = None) -> Document:
    return {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes or {})}


def root_document(attributes: Mapping[str, object], nodes: Mapping[str, Document]) -> Document:
    """zarr.json of the archive: all other documents inline (zarr's consolidated metadata), and a hash of itself."""
    document = group_document({"format": FORMAT, "version": VERSION, **attributes})
    document["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": dict(nodes)}
    document["attributes"]["sha256"] = digest(document)
    return document


def read_root(data: bytes, place: str) -> tuple[JsonObject, dict[str, Document]]:
    """(attributes, documents of the arrays by node) of a root's zarr.json. Raises UserError naming `place`."""
    try:
        document = parse_json(data)
        attributes = document["attributes"]
        known = attributes.get("format") == FORMAT
        nodes = document["consolidated_metadata"]["metadata"] if known else {}
        arrays = {path: node for path, node in nodes.items() if node["node_type"] == "array"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{place}/{DOCUMENT}: torn or altered: {error!r}") from None
    if not known:
        raise UserError(f"{place}: a zarr group, but none that `megatron-qm archive` wrote")
    if attributes.get("version") != VERSION:
        raise UserError(f"{place}: version {attributes.get('version')} of the archive format; "
                        f"this megatron-qm reads {VERSION}; use the one that wrote it")  # fmt: skip
    said = attributes.pop("sha256", None)
    if said != digest(document):
        raise UserError(f"{place}/{DOCUMENT}: altered since it was written (its own sha256 differs)")
    return attributes, arrays


def digest(document: Document) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def encode(document: Document) -> bytes:
    return json.dumps(document, indent=1).encode()


def is_sound(document: Document) -> bool:
    """Whether it is a document that `array_document` could have made: others are not even asked for their numbers."""
    try:
        attributes = {key: value for key, value in document["attributes"].items() if isinstance(value, str)}
        shape, chunk = document["shape"], document["chunk_grid"]["configuration"]["chunk_shape"]
        dtype = np.dtype(document["data_type"])
        whole = all(isinstance(size, int) and size >= 0 for size in shape)
        limit = math.prod(chunk) * dtype.itemsize
        return whole and limit <= MOST_CHUNK_BYTES and document == array_document(shape, dtype, limit, attributes)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def bytes_of(document: Document) -> int:
    """Of an array's elements, uncompressed."""
    return math.prod(document["shape"]) * np.dtype(document["data_type"]).itemsize

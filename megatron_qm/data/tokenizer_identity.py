"""Which tokenizer made some ids: told by its tokenizer.json, whatever the file is called and however it was saved."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from megatron_qm.errors import UserError

FILES = ("tokenizer.json", "tokenizer.json.gz")
# What decides ids and nothing else: not truncation and padding, nor what is put around a text, nor the way back to text.
_PARTS = ("normalizer", "pre_tokenizer", "model", "added_tokens")


@dataclass(frozen=True, eq=False)
class TokenizerIdentity:
    """sha256: of the unpacked tokenizer.json. digest: of what in it decides ids, or None where an older dataset does not say;
    asked only where the files differ, for it costs a second at 150,000 entries."""

    sha256: str
    digest: Callable[[], str | None]

    @cached_property
    def ids(self) -> str | None:
        return self.digest()

    def same(self, other: "TokenizerIdentity") -> bool:
        return self.sha256 == other.sha256 or (self.ids is not None and self.ids == other.ids)

    def __str__(self) -> str:
        return f"SHA-256 {self.sha256[:12]}..."


def identity_of(data: bytes) -> TokenizerIdentity:
    """Of an unpacked tokenizer.json. Raises ValueError for what is none."""
    tree = orjson.loads(data)
    if not isinstance(tree, dict) or not isinstance(tree.get("model"), dict):
        raise ValueError("no tokenizer.json: it has no `model`")
    return TokenizerIdentity(hashlib.sha256(data).hexdigest(), lambda: _digest(tree))


def read_identity(folder: Path) -> TokenizerIdentity:
    """Of a tokenizer's folder, or its tokenizer.json. Raises UserError where it is none."""
    file = next((folder / name for name in FILES if (folder / name).is_file()), folder)
    if not file.is_file():
        raise UserError(f"{folder}: no tokenizer: neither a folder with {' or '.join(FILES)} nor that file")
    try:
        data = file.read_bytes()
        return identity_of(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(f"{file}: cannot be read as a tokenizer: {error}") from None


def _digest(tree: dict[str, Any]) -> str:
    parts = {key: tree.get(key) for key in _PARTS}
    model = dict(tree["model"])
    if isinstance(model.get("merges"), list):  # "a b" in older files, ["a", "b"] in newer ones
        model["merges"] = [merge.split(" ", 1) if isinstance(merge, str) else merge for merge in model["merges"]]
    parts["model"] = {key: value for key, value in model.items() if value is not None}
    added = parts["added_tokens"] or []
    parts["added_tokens"] = sorted(added, key=lambda token: token["id"])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

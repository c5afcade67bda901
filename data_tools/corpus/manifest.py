"""What a stage was made of and what it holds: manifest.json, written last."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import data_tools
from data_tools.corpus.shards import Shard
from megatron_qm.errors import UserError
from megatron_qm.files import sha256

FORMAT = "megatron-qm corpus stage 1"
MANIFEST = "manifest.json"
_CODE = ("corpus", "sources")  # folders that decide what a stage writes
_SHOWN = 4


def code_version() -> str:
    """A digest of the code and the tables that decide what stages write."""
    root = Path(data_tools.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for folder in _CODE for path in (root / folder).rglob("*")):
        if path.suffix in (".py", ".yaml", ".txt"):
            digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def manifest_of(
    made_by: dict[str, Any], shards: Sequence[Shard], steps: Sequence[dict[str, Any]], seconds: float
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "documents": sum(shard.documents for shard in shards),
        "shards": [asdict(shard) for shard in shards],
        "steps": list(steps),
        "seconds": round(seconds, 3),
        "made_by": made_by,
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises UserError for one that is damaged."""
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_bytes())
        if isinstance(values, dict) and values["format"] == FORMAT:
            return values
    except (OSError, ValueError, KeyError):
        pass
    raise UserError(f"{path}: is not the manifest of a stage, or damaged: take the folder away, and it is made again")


def shards_of(folder: Path, manifest: dict[str, Any], whole: bool, stage: str) -> list[Path]:
    """The files of a finished stage. whole: every byte is read and compared. Raises UserError naming one that is not as it
    was."""
    paths = []
    for shard in manifest["shards"]:
        path = folder / shard["name"]
        size = path.stat().st_size if path.exists() else 0
        if size != shard["size"] or whole and sha256(path) != shard["sha256"]:
            what = f"{size} bytes where {shard['size']} were written" if size != shard["size"] else "its SHA-256 is another"
            raise UserError(f"{path}: is not what the stage wrote ({what}): bring it back, or make it again with --redo {stage}")
        paths.append(path)
    return paths


def differences(before: Any, now: Any, place: str = "") -> list[str]:
    """What differs between two JSON values, in words, by its place; empty where they are equal."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        return [said for key in keys for said in differences(before.get(key), now.get(key), _inside(place, key))]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [said for at, (one, other) in pairs for said in differences(one, other, _inside(place, str(at)))]
    return [] if before == now else [f"{place} was {_shown(before)}, is {_shown(now)}"]


def refuse_differences(folder: Path, before: Any, now: Any, stage: str) -> None:
    """Raise UserError for work that was begun or done otherwise."""
    found = differences(before, now)
    if found:
        more = f" (and {len(found) - _SHOWN} more changes)" if len(found) > _SHOWN else ""
        raise UserError(f"{folder}: was made otherwise: {'; '.join(found[:_SHOWN])}{more}. Say what was said then, make it and "
                        f"all that follows again with --redo {stage}, or name another output")


def _inside(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _shown(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"{len(value)} of them"
    return json.dumps(value, ensure_ascii=False)[:80]

"""A small corpus.yaml with sources on the disk, and what is built of it."""

import json
from pathlib import Path
from typing import Any

from data_tools.build_corpus import main
from tests.data_tools.corpus.toy import TOYS, lines_of, rows
from tests.data_tools.raw_texts import write_file

STAGES = "{toy: {least: 40}, once: {}, loud: {mode: loud}, grade: {}}"


def write_sources(folder: Path, count: int = 400) -> Path:
    """corpus.yaml, which writes to `folder`/out."""
    for name, seed in (("a.jsonl", 0), ("b.jsonl.gz", 1)):
        lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows(count, seed)]
        write_file(folder / name, b"".join([*lines[:9], b"{broken\n", *lines[9:]]))
    for row in (notes := rows(count // 2, 2)):
        del row["id"]
    write_file(folder / "notes.jsonl.zst", b"".join(json.dumps({**row, "source": "ward"}).encode() + b"\n" for row in notes))
    config = folder / "corpus.yaml"
    config.write_text(f"""\
output: {folder}/out
sources:
  - {{name: papers, paths: ['{folder}/a.jsonl', '{folder}/b.*'], licence: CC0, kind: material, type: guideline, year: 2020}}
  - name: notes
    paths: ['{folder}/notes.jsonl.zst']
    licence: own
    kind: record
    type: case
    deidentified: true
stages: {STAGES}
commit_seconds: 0
shard_bytes: 30000
block_bytes: 16384
""")
    return config


def build(config: Path, *words: str) -> int:
    return main(["--config", str(config), *words], TOYS)


def manifest(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return values


def documents(folder: Path) -> list[dict[str, Any]]:
    """Of a finished stage, in order."""
    return [json.loads(line) for shard in manifest(folder)["shards"] for line in lines_of(folder / shard["name"])]


def outcome(folder: Path) -> dict[str, Any]:
    """All that must be the same however often a build was killed: every file, but for times."""
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".html"):
        name = str(path.relative_to(folder))
        found[name] = _timeless(json.loads(path.read_bytes())) if path.suffix == ".json" else path.read_bytes()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if "seconds" not in key and "MB/s" not in key}
    return [_timeless(item) for item in value] if isinstance(value, list) else value

"""What running a corpus costs beside its stages: reading, grading and writing, MB/s of UTF-8 text a core, and memory by size.

    python benchmarks/corpus_build.py --input FILE ... --megabytes 25 250 --output benchmarks/results/corpus-build.json

The text is that of the inputs, over and over to the sizes asked for. A build is a process of its own, of one worker; its seconds
are of CPU time, the start aside (that of a build of the smallest part), and its memory is the highest resident size.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any

from data_tools.corpus.reading import ReadAs, read_block
from data_tools.sources.blocks import Position
from data_tools.sources.inputs import find_inputs, shares_of
from data_tools.sources.read import read_blocks
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

ROOT = Path(__file__).resolve().parents[1]
_BUILD = """
import json, sys, time
from data_tools.build_corpus import main
start = time.process_time()
code = main(sys.argv[1:])
used = time.process_time()
with open("/proc/self/status") as status:  # getrusage would tell of the parent as it was at the fork
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
print(json.dumps({"code": code, "cpu_seconds": used, "start_seconds": start, "memory_mib": round(peak)}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="+", required=True)
    parser.add_argument("--megabytes", nargs="+", type=float, default=[25, 250])
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        builds = [_measured(Path(folder), args.input, megabytes) for megabytes in args.megabytes]
    sizes = " ".join(f"{size:g}" for size in args.megabytes)
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python benchmarks/corpus_build.py --input ... --megabytes {sizes}",
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("orjson", "zstandard", "pyarrow")}},
        "builds": builds,
    }
    write_json(args.output, found)
    print(json.dumps(builds, indent=2))
    return 0


def _measured(folder: Path, inputs: list[str], megabytes: float) -> dict[str, object]:
    raw = folder / f"{megabytes:g}.jsonl"
    size = write_texts(raw, cycle(_texts(inputs)), int(megabytes * 1e6))
    config = folder / f"{megabytes:g}.yaml"
    source = {"name": "text", "paths": [str(raw)], "licence": "any", "kind": "material", "type": "article"}
    config.write_text(json.dumps({"output": str(folder / f"{megabytes:g}"), "sources": [source], "stages": {"grade": {}}}))
    result = run_build(config)
    seconds = result["cpu_seconds"] - result["start_seconds"]
    return {"megabytes": round(size / 1e6, 1), "cpu_seconds": round(seconds, 2),
            "MB/s of CPU time": round(size / 1e6 / seconds, 1), "memory_mib": result["memory_mib"]}  # fmt: skip


def _texts(patterns: list[str]) -> list[str]:
    inputs = find_inputs(patterns, None, "file")
    blocks = read_blocks(inputs, shares_of(inputs, 0, 1), Position(0, 0, 0), None, 1 << 20, 1 << 25)
    return [document.text for block in blocks for document in read_block(block, ReadAs(inputs[block.input]), 1 << 25).documents]


def run_build(config: Path, *words: str) -> dict[str, Any]:
    """`code` is 0, or this ends with it."""
    command = [sys.executable, "-c", _BUILD, "--config", str(config), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["code"]:
        raise SystemExit(found["code"])
    return found


def write_texts(path: Path, texts: Iterable[str], wanted: int, name: str = "") -> int:
    """As many as make `wanted` bytes. name: of their ids, before the number."""
    size = 0
    with open(path, "w", encoding="utf-8") as stream:
        for number, text in enumerate(texts):
            if size >= wanted:
                return size
            stream.write(json.dumps({"id": f"{name}{number}", "text": text}, ensure_ascii=False) + "\n")
            size += len(text.encode())
    return size


if __name__ == "__main__":
    sys.exit(main())

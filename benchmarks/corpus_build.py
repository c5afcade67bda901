"""What stages of a corpus cost by its size: MB/s of UTF-8 text a core, and memory. Without --stages: what running it costs beside
them, reading, grading and writing.

    python benchmarks/corpus_build.py --input FILE ... --megabytes 25 250 --output benchmarks/results/corpus-build.json
    python benchmarks/corpus_build.py ... --stages '{grade: {}, deduplicate: {}, decontaminate: {against: {NAME: FILE}}}'

The text is that of the inputs and its variations to the sizes asked for, half of the documents Chinese and English each. A build
is a process of its own, of one worker; its seconds are of CPU time, the start aside; memory_mib is its highest resident size,
rss_mib that of it and of what it started, sampled.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from data_tools.corpus.reading import ReadAs, read_block
from data_tools.sources.blocks import Position
from data_tools.sources.inputs import find_inputs, shares_of
from data_tools.sources.read import read_blocks
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

from varied_texts import varied  # isort: skip  (its neighbour)

_SAMPLED_EVERY = 0.2  # seconds
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
    parser.add_argument("--stages", type=yaml.safe_load, default={"grade": {}}, metavar="YAML", help="as in corpus.yaml")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        builds = [_measured(Path(folder), args, megabytes) for megabytes in args.megabytes]
    sizes = " ".join(f"{size:g}" for size in args.megabytes)
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python benchmarks/corpus_build.py --input ... --megabytes {sizes}",
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("orjson", "zstandard", "pyarrow")}},
        "stages": list(args.stages),
        "builds": builds,
    }
    write_json(args.output, found)
    print(json.dumps(builds, indent=2))
    return 0


def _measured(folder: Path, args: argparse.Namespace, megabytes: float) -> dict[str, object]:
    raw = folder / f"{megabytes:g}.jsonl"
    size = write_texts(raw, _more(_texts(args.input)), int(megabytes * 1e6))
    config = folder / f"{megabytes:g}.yaml"
    source = {"name": "text", "paths": [str(raw)], "licence": "any", "kind": "material", "type": "article"}
    config.write_text(json.dumps({"output": str(folder / f"{megabytes:g}"), "sources": [source], "stages": args.stages}))
    result = run_build(config)
    seconds = result["cpu_seconds"] - result["start_seconds"]
    return {"megabytes": round(size / 1e6, 1), "cpu_seconds": round(seconds, 2),
            "MB/s of CPU time": round(size / 1e6 / seconds, 1), "memory_mib": result["memory_mib"],
            "rss_mib": result["rss_mib"]}  # fmt: skip


def _more(texts: Sequence[str]) -> Iterator[str]:
    english = [text for text in texts if text.isascii()]
    others = [text for text in texts if not text.isascii()]
    kinds = [varied(some, between) for some, between in ((english, " "), (others, "")) if some]
    return chain.from_iterable(zip(*kinds, strict=True))


def _texts(patterns: list[str]) -> list[str]:
    inputs = find_inputs(patterns, None, "file")
    blocks = read_blocks(inputs, shares_of(inputs, 0, 1), Position(0, 0, 0), None, 1 << 20, 1 << 25)
    return [document.text for block in blocks for document in read_block(block, ReadAs(inputs[block.input]), 1 << 25).documents]


def run_build(config: Path, *words: str) -> dict[str, Any]:
    """`code` is 0, or this ends with it. rss_mib: the most that the process and those it started had at once, as sampled."""
    command = [sys.executable, "-c", _BUILD, "--config", str(config), *words]
    most = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        while process.poll() is None:
            most = max(most, _resident(process.pid))
            time.sleep(_SAMPLED_EVERY)
        assert process.stdout is not None
        found: dict[str, Any] = json.loads(process.stdout.read().splitlines()[-1])
    if found["code"]:
        raise SystemExit(found["code"])
    return {**found, "rss_mib": round(most)}


def _resident(process: int) -> float:
    """MiB of it and of all that it started; of what has ended nothing."""
    folder = Path(f"/proc/{process}")
    try:
        pages = int((folder / "statm").read_text().split()[1])
        started = [int(word) for task in (folder / "task").iterdir() for word in (task / "children").read_text().split()]
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGESIZE") / 2**20 + sum(map(_resident, started))


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

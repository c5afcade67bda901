"""What a number of tokens takes of a cluster, by stage, from the CPU seconds of a measured build; as a table for docs/corpus.md.

    python benchmarks/cluster_hours.py benchmarks/results/corpus.json

Every core is taken to work all the time at the measured rate, and no disk to be waited for; text that is dropped on the way is
taken to be as much as in the build.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TOKENS, NODES, CORES = 1e12, 32, 96


class Need(NamedTuple):
    """core_hours: on one core. hours: on all of them."""

    stage: str
    megabytes_a_second: float
    core_hours: float
    hours: float


def needs(build: Mapping[str, Any], tokens: float = TOKENS, nodes: int = NODES, cores: int = CORES) -> list[Need]:
    """Of each stage of a build (an entry of `builds` in the result of benchmarks/corpus.py), then of all."""
    times = tokens / build["tokens"]
    found = [_need(row["stage"], row["megabytes"], row["cpu_seconds"], times, nodes * cores) for row in build["stages"]]
    seconds = sum(row["cpu_seconds"] for row in build["stages"])
    return [*found, _need("all", build["megabytes"], seconds, times, nodes * cores)]


def _need(stage: str, megabytes: float, seconds: float, times: float, cores: int) -> Need:
    core_hours = seconds * times / 3600
    return Need(stage, megabytes / seconds, core_hours, core_hours / cores)


def source_terabytes(build: Mapping[str, Any], tokens: float = TOKENS) -> float:
    return float(build["megabytes"] * tokens / build["tokens"] / 1e6)


def as_table(build: Mapping[str, Any]) -> str:
    """In Markdown."""
    rows: Sequence[Sequence[str]] = [
        ("stage", "MB/s a core", "core hours", f"hours, {NODES} nodes of {CORES} cores"), ("---",) * 4,
        *((need.stage, f"{need.megabytes_a_second:.3g}", f"{need.core_hours:,.0f}", f"{need.hours:.3f}")
          for need in needs(build)),
    ]  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, help="of benchmarks/corpus.py; its last build counts")
    last = json.loads(parser.parse_args().result.read_bytes())["builds"][-1]
    print(f"{source_terabytes(last):.2f} TB of text for {TOKENS:.0e} tokens\n\n{as_table(last)}")

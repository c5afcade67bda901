"""What of a field a finished corpus covers: coverage.json and missing.jsonl in its folder, for its report."""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from data_tools.corpus.config import CoverageConfig
from data_tools.corpus.coverage.points import read_points
from data_tools.corpus.coverage.run import looked_through
from data_tools.corpus.extra import needed
from data_tools.corpus.manifest import code_version
from data_tools.corpus.rows import corpus_of
from data_tools.corpus.stage import LONGEST_INSIDE
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import sha256, write_json, write_json_lines

COVERAGE, MISSING = "coverage.json", "missing.jsonl"


def check_coverage(config: CoverageConfig) -> None:
    """Raises UserError, before any work, where points cannot be read or looked for."""
    needed("ahocorasick_rs")
    if not Path(config.points).is_file():
        raise UserError(f"coverage: points = {config.points}: is no file that is there")
    read_points(Path(config.points))


def write_coverage(config: CoverageConfig, shards: Sequence[Path], made: Sequence[str], output: Path, workers: int,
                   stop: StopRequest) -> None:
    """made: digests of the shards; what is there and of the same is left alone. Raises UserError and Interrupted."""
    parts = [*made, sha256(Path(config.points)), str(config.within), code_version()]
    made_of = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    if (output / COVERAGE).exists() and read_coverage(output).get("made_of") == made_of:
        return
    stopped = partial(stop.check, "stopped; the same command looks the corpus through anew")
    found = looked_through(corpus_of([str(path) for path in shards], LONGEST_INSIDE, stopped), Path(config.points), config.within,
                           workers)
    write_json_lines(output / MISSING, found.missing)
    write_json(output / COVERAGE, {**found.report, "missing": len(found.missing), "made_of": made_of})


def read_coverage(output: Path) -> dict[str, Any]:
    """Raises UserError for a file that is damaged."""
    try:
        values = json.loads((output / COVERAGE).read_bytes())
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise UserError(f"{output / COVERAGE}: is damaged: take it away, and it is made again")
    return values

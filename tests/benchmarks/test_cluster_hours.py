"""Hours of a cluster: by hand, and those that docs/corpus.md shows are those of the measured build."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import cluster_hours  # isort: skip

ROOT = Path(__file__).parents[2]
# 4 MB of text are a million tokens; a million times that makes 1e12 tokens.
BUILD = {"tokens": 1_000_000, "megabytes": 4.0,
         "stages": [{"stage": "read", "megabytes": 4.0, "cpu_seconds": 0.036},
                    {"stage": "deduplicate", "megabytes": 3.0, "cpu_seconds": 1.5}]}  # fmt: skip


def test_needs_are_those_worked_out_by_hand() -> None:
    read, deduplicate, all_of_them = cluster_hours.needs(BUILD, tokens=1e12, nodes=2, cores=5)
    assert read == ("read", pytest.approx(4 / 0.036), pytest.approx(10.0), pytest.approx(1.0))  # 36,000 s
    assert deduplicate == ("deduplicate", 2.0, pytest.approx(1.5e6 / 3600), pytest.approx(1.5e5 / 3600))
    assert all_of_them == ("all", pytest.approx(4 / 1.536), pytest.approx(1.536e6 / 3600), pytest.approx(1.536e5 / 3600))
    assert cluster_hours.source_terabytes(BUILD, 1e12) == pytest.approx(4.0)


def test_the_docs_show_the_measured_build() -> None:
    build = json.loads((ROOT / "benchmarks" / "results" / "corpus.json").read_bytes())["builds"][-1]
    assert cluster_hours.as_table(build) in (ROOT / "docs" / "corpus.md").read_text(encoding="utf-8")

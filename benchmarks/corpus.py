"""Raw text to tokens through every stage of a corpus: MB/s a core by stage, memory by size, and the time for 1T tokens.

    python benchmarks/corpus.py --en FILE --zh FILE --evaluation pubmedqa=FILE --megabytes 20 200 \\
        --output benchmarks/results/corpus.json

Sources are English and Chinese text, half of the bytes each, and the generated facts of the quickstart. What is larger than a
file repeats it with one unit in twelve taken from another document, so that a copy is no duplicate. A build is a process of its
own, of one worker; seconds are of CPU time, memory is the highest resident size. Checked on the way: counts of all stages add up
to the byte, and every document of the dataset leads back to a line of its source.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import yaml

from data_tools import build_quickstart_corpus, train_tokenizer
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

from cluster_hours import needs, source_terabytes  # isort: skip  (its neighbours)
from corpus_build import run_build, write_texts  # isort: skip
from json_lines import read_texts  # isort: skip
from varied_texts import varied  # isort: skip

_LIBRARIES = ("ftfy", "OpenCC", "lingua-language-detector", "rensa", "duckdb", "orjson", "zstandard", "pyarrow")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--en", type=Path, required=True)
    parser.add_argument("--zh", type=Path, required=True)
    parser.add_argument("--evaluation", required=True, metavar="NAME=FILE")
    parser.add_argument("--megabytes", nargs="+", type=float, default=[20, 200])
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave everything there")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = (args.keep or Path(passing)).resolve()
        builds = []
        for megabytes in args.megabytes:
            builds.append(_measured(folder / f"{megabytes:g}", args, megabytes))
            write_json(args.output, _result(args, builds))
    print(json.dumps(builds, indent=2))
    return 0


def _result(args: argparse.Namespace, builds: list[dict[str, Any]]) -> dict[str, Any]:
    sizes = " ".join(f"{size:g}" for size in args.megabytes)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python benchmarks/corpus.py --en ... --zh ... --evaluation ... --megabytes {sizes}",
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        "builds": builds,
        "1T tokens, 32 nodes of 96 cores": _computed(builds[-1]),
    }


def _measured(folder: Path, args: argparse.Namespace, megabytes: float) -> dict[str, Any]:
    config = _write_sources(folder, args, megabytes)
    stages = run_build(config, "--until", "decontaminate")
    tokens = run_build(config)
    report = json.loads((folder / "corpus/report.json").read_bytes())
    steps = [step for of in report["passes"] for step in of["steps"]]
    _check_counts(steps)
    by_stage = [{"stage": step["name"], "documents": step["documents"]["in"], "kept": step["documents"]["kept"],
                 "megabytes": round(step["bytes"]["in"] / 1e6, 1), "cpu_seconds": step["cpu_seconds"],
                 "MB/s": step["MB/s of CPU time"]} for step in steps]  # fmt: skip
    size = steps[0]["bytes"]["in"]
    inside = sum(step["cpu_seconds"] for step in steps)
    by_stage += [_row("writing, hashes, table, start", report, steps, stages["cpu_seconds"] - inside),
                 _row("preprocess", report, steps, tokens["cpu_seconds"])]
    path = stages["cpu_seconds"]
    others = path - next(step["cpu_seconds"] for step in steps if step["name"] == "deidentify")
    return {"megabytes": round(size / 1e6, 1), "documents": steps[0]["documents"]["in"], "kept": report["documents"],
            "kept_megabytes": round(report["bytes"] / 1e6, 1), "tokens": report["tokens"],
            "cpu_seconds without preprocess": round(path, 1), "MB/s without preprocess": round(size / path / 1e6, 2),
            "MB/s without preprocess and deidentify": round(size / others / 1e6, 2), "rss_mib": stages["rss_mib"],
            "memory_mib": stages["memory_mib"], "memory_mib preprocess": tokens["memory_mib"], "stages": by_stage,
            "by": {field: report["by"][field] for field in ("kind", "grade", "licence", "language")},
            "documents without a source": _untraced(folder / "corpus/dataset/corpus.documents.parquet")}  # fmt: skip


def _row(name: str, report: dict[str, Any], steps: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    size = report["bytes"] if name == "preprocess" else steps[0]["bytes"]["in"]
    return {"stage": name, "megabytes": round(size / 1e6, 1), "cpu_seconds": round(seconds, 2),
            "MB/s": round(size / seconds / 1e6, 2)}  # fmt: skip


def _computed(build: dict[str, Any]) -> dict[str, Any]:
    return {"source_terabytes": round(source_terabytes(build), 2),
            "hours": {need.stage: round(need.hours, 3) for need in needs(build)}}  # fmt: skip


def _check_counts(steps: Sequence[dict[str, Any]]) -> None:
    for step in steps:
        documents, size = step["documents"], step["bytes"]
        assert documents["in"] == documents["kept"] + sum(documents["dropped"].values()) + sum(documents["rejected"].values())
        assert size["in"] - size["changed_from"] + size["changed_to"] == size["kept"] + sum(size["dropped"].values())
    for one, other in zip(steps, steps[1:], strict=False):
        assert (other["documents"]["in"], other["bytes"]["in"]) == (one["documents"]["kept"], one["bytes"]["kept"])


def _untraced(table: Path) -> int:
    rows = parquet.read_table(table)
    return sum(not (row["source"] and row["licence"] and row["file"] and row["line"]) for row in rows.to_pylist())


def _write_sources(folder: Path, args: argparse.Namespace, megabytes: float) -> Path:
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for language, path, between in (("en", args.en, " "), ("zh", args.zh, "")):
        write_texts(raw / f"{language}.jsonl", varied(read_texts(path), between), int(megabytes * 5e5), f"{language}-")
    build_quickstart_corpus.build(raw, 158, 8, 4, 0)
    texts = [str(args.en), str(args.zh)]
    trained = ["--input", *texts, "--vocab-size", "8192", "--output", str(folder / "tokenizer")]
    assert (folder / "tokenizer").exists() or train_tokenizer.main(trained) == 0
    name, _, items = args.evaluation.partition("=")
    config = folder / "corpus.yaml"
    config.write_text(yaml.safe_dump(_config(folder, raw, name, items), sort_keys=False))
    return config


def _config(folder: Path, raw: Path, name: str, items: str) -> dict[str, Any]:
    return {
        "output": str(folder / "corpus"),
        "sources": [
            {"name": "medquad", "paths": [str(raw / "en.jsonl")], "licence": "CC-BY-4.0", "kind": "material",
             "type": "encyclopedia"},
            {"name": "consultations", "paths": [str(raw / "zh.jsonl")], "licence": "Apache-2.0, MIT", "kind": "record",
             "type": "consultation"},
            {"name": "facts", "paths": [str(raw / f"knowledge_{language}.jsonl") for language in ("en", "zh")],
             "licence": "Apache-2.0", "kind": "knowledge", "type": "knowledge_base"},
        ],
        "stages": {"clean": {}, "language": {}, "quality": {}, "deidentify": {}, "grade": {}, "deduplicate": {"best": "grade"},
                   "decontaminate": {"against": {name: items}}},
        "preprocess": {"tokenizer": str(folder / "tokenizer")},
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

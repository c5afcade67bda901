"""Near-duplicates planted among real texts: how many are found by their Jaccard, what is removed wrongly, speed, memory; and the
speed of datatrove's signatures and buckets on texts of the same files, in the same run.

    python benchmarks/duplicates.py --zh zh.jsonl.gz --en en.jsonl.gz [--datatrove VENV/bin/python] \\
        [--output benchmarks/results/duplicates.json]

Copies are made by seed: characters or words of a document are replaced, removed or doubled, from one in a thousand to one in
twelve. Jaccards are computed here from sets of texts, by nothing of what is measured. Rates are MB of UTF-8 text per second of
CPU time.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from megatron_qm.files import write_json, write_json_lines

from json_lines import read_texts  # isort: skip  (its neighbours)
from this_run import described  # isort: skip

_ROOT = Path(__file__).parents[1]
_UNIT = re.compile(r"[㐀-䶿一-鿿]|[^\W\d_㐀-䶿一-鿿]+|\d+")
_SHINGLE = 5
_LEAST_UNITS = 60  # of a document that is copied
_BUCKETS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0001)
_DATATROVE = """
import json, sys, time
from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupSignature
from datatrove.utils.typeshelper import Languages
folder, language, bands, rows, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
config = MinhashConfig(n_grams=size, num_buckets=bands, hashes_per_bucket=rows)
texts = json.load(open(folder + "/texts.json"))
documents = [Document(text=text, id=str(number)) for number, text in enumerate(texts)]
signature = MinhashDedupSignature(folder + "/signatures", config, getattr(Languages, language))
signature.run(documents[:1])  # loads its tokenizer in nobody's time
began = time.process_time()
signature.run(documents)
for band in range(bands):
    MinhashDedupBuckets(folder + "/signatures", folder + "/buckets", config=config).run(rank=band, world_size=bands)
print("seconds", time.process_time() - began)
"""


def main() -> None:
    args = _arguments()
    texts = {"zh": read_texts(args.zh), "en": read_texts(args.en)}
    with tempfile.TemporaryDirectory() as scratch:
        found = {language: _found(some, Random(args.seed), Path(scratch) / language, args) for language, some in texts.items()}
        speed = {language: _speed(some, language, Path(scratch), args) for language, some in texts.items()}
    write_json(args.output, {
        **described(("rensa", "duckdb", "numpy", "pyarrow"), sys.argv[1:], used=1), "seed": args.seed, "found": found,
        "speed": speed})
    print(json.dumps({"found": found, "speed": speed}, indent=1, ensure_ascii=False))


def _found(texts: Sequence[str], rng: Random, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """What the command makes of the texts and their copies, in one order drawn by the seed."""
    pairs = _planted(texts, rng, args.copies)
    documents = {f"own-{number}": text for number, text in enumerate(texts)}
    documents |= {f"copy-{number}": copy for number, (_, copy) in enumerate(pairs)}
    order = list(documents)
    rng.shuffle(order)
    folder.mkdir()
    write_json_lines(folder / "in.jsonl", ({"id": key, "text": documents[key]} for key in order))
    report, peak = _run(folder, "--workers", "1")
    removed = {row["id"]: row for row in map(json.loads, open(folder / "removed.jsonl"))}
    same = _same_whatever(folder)
    caught, all_of = Counter[str](), Counter[str]()
    for number, (source, copy) in enumerate(pairs):
        bucket = _bucket(_jaccard(documents[f"own-{source}"], copy))
        all_of[bucket] += 1
        caught[bucket] += f"copy-{number}" in removed or f"own-{source}" in removed
    exact = [_jaccard(documents[row["id"]], documents[row["kept"]]) for row in removed.values()]
    told = max((abs(one - row["jaccard"]) for one, row in zip(exact, removed.values(), strict=True)), default=0.0)
    return {"documents": len(documents), "planted": len(pairs), "removed": report["removed"],
            "recall_by_jaccard": {bucket: {"n": all_of[bucket], "recall": round(caught[bucket] / all_of[bucket], 4)}
                                  for bucket in sorted(all_of)},
            "recall_from_0.8": _recall(caught, all_of, 0.8), "removed_under_half": sum(one < 0.5 for one in exact),
            "removed_under_threshold": sum(one < 0.8 for one in exact), "largest_error_of_a_jaccard": round(told, 6),
            "kept_is_removed": sum(row["kept"] in removed for row in removed.values()),
            "candidates": report["candidates"], "compared_under_half": report["under_half"],
            "passed_over": report["passed_over"], "peak_rss_mib": peak, "same_whatever_shards_and_workers": same}


def _planted(texts: Sequence[str], rng: Random, copies: int) -> list[tuple[int, str]]:
    long = [number for number, text in enumerate(texts) if len(_UNIT.findall(text)) >= _LEAST_UNITS]
    chosen = rng.sample(long, min(copies, len(long)))
    return [(number, _changed(texts[number], rng, 10 ** rng.uniform(-3, -1.08))) for number in chosen]


def _changed(text: str, rng: Random, share: float) -> str:
    parts = re.split(r"([㐀-䶿一-鿿]|[A-Za-z]+)", text)
    units = [at for at, part in enumerate(parts) if at % 2]
    for at in units:
        if rng.random() < share:
            parts[at] = rng.choice(("", parts[at] * 2, parts[rng.choice(units)]))
    return "".join(parts)


def _jaccard(one: str, other: str) -> float:
    first, second = _shingles(one), _shingles(other)
    return len(first & second) / len(first | second)


def _shingles(text: str) -> set[tuple[str, ...]]:
    units = _UNIT.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))
    return {tuple(units[at : at + _SHINGLE]) for at in range(max(1, len(units) - _SHINGLE + 1))}


def _bucket(jaccard: float) -> str:
    low = max((one for one in _BUCKETS if one <= jaccard), default=0.0)
    return f"{low:.2f}"


def _recall(caught: Counter[str], all_of: Counter[str], low: float) -> float:
    buckets = [bucket for bucket in all_of if float(bucket) >= low]
    return round(sum(caught[bucket] for bucket in buckets) / sum(all_of[bucket] for bucket in buckets), 4)


def _run(folder: Path, *options: str, name: str = "") -> tuple[dict[str, Any], int]:
    """(report, MiB of the largest process) of the command."""
    command = [sys.executable, "data_tools/deduplicate.py", "--input", str(folder / "in.jsonl"), "--overwrite",
               "--output", str(folder / f"out{name}.jsonl"), "--removed", str(folder / f"removed{name}.jsonl"),
               "--report", str(folder / f"report{name}.json"), *options]
    script = ("import resource, subprocess, sys; rc = subprocess.run(sys.argv[1:]).returncode; "
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); sys.exit(rc)")
    done = subprocess.run([sys.executable, "-c", script, *command], cwd=_ROOT, check=True, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(_ROOT)})
    report: dict[str, Any] = json.loads((folder / f"report{name}.json").read_text())
    return report, int(done.stdout.split()[-1])


def _same_whatever(folder: Path) -> bool:
    _run(folder, "--workers", "2", "--shards", "7", name="-7")
    files = (((folder / f"{kind}.jsonl"), (folder / f"{kind}-7.jsonl")) for kind in ("out", "removed"))
    return all(one.read_bytes() == other.read_bytes() for one, other in files)


def _speed(texts: Sequence[str], language: str, scratch: Path, args: argparse.Namespace) -> dict[str, Any]:
    ours = max(_ours(texts, scratch / f"speed-{turn}-{language}", args.repeat) for turn in range(2))
    found: dict[str, Any] = {"signatures_and_bands_mb_per_s": round(ours, 1)}
    if args.datatrove:
        theirs = _theirs(texts, "english" if language == "en" else "mandarin_chinese", scratch / f"datatrove-{language}", args)
        found |= {"datatrove_mb_per_s": round(theirs, 3), "times_datatrove": round(ours / theirs, 1)}
    return found


def _ours(texts: Sequence[str], folder: Path, repeat: int) -> float:
    """All texts, and `repeat` - 1 times as many that are halves of two each, so that few are duplicates."""
    from data_tools.corpus.duplicates.config import DuplicatesConfig
    from data_tools.corpus.duplicates.signatures import write_signatures
    from data_tools.corpus.duplicates.tables import Tables, candidates_of_bands, join_candidates, rank_documents
    from data_tools.corpus.rows import corpus_of

    folder.mkdir()
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in texts]
    write_json_lines(folder / "in.jsonl", ({"text": half + halves[(at + 97 * turn) % len(halves)][1]}
                                           for turn in range(repeat) for at, (half, _) in enumerate(halves)))
    corpus, config, tables = corpus_of([str(folder / "in.jsonl")]), DuplicatesConfig(), Tables(folder, 2.0, 1)
    began = time.process_time()
    counts = write_signatures(corpus, config, folder / "signatures-0.parquet", 0, 1, 1)
    rank_documents(tables)
    candidates_of_bands(tables, config, range(config.bands))
    join_candidates(tables, config.bands)
    return counts.text_bytes / 1e6 / (time.process_time() - began)


def _theirs(texts: Sequence[str], language: str, folder: Path, args: argparse.Namespace) -> float:
    """On as many texts as a few seconds allow, with its own 14 bands of 8 hashes."""
    some = list(_first(texts, args.datatrove_bytes))
    folder.mkdir()
    (folder / "texts.json").write_text(json.dumps(some))
    command = [args.datatrove, "-c", _DATATROVE, str(folder), language, "14", "8", str(_SHINGLE)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    seconds = float(done.stdout.split("seconds")[-1])
    return sum(len(text.encode()) for text in some) / 1e6 / seconds


def _first(texts: Sequence[str], size: int) -> Iterator[str]:
    for text in texts:
        size -= len(text.encode())
        if size < 0:
            return
        yield text


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zh", type=Path, required=True, help="JSON lines of Chinese texts")
    parser.add_argument("--en", type=Path, required=True, help="JSON lines of English texts")
    parser.add_argument("--copies", type=int, default=4000, help="planted in each language (%(default)s)")
    parser.add_argument("--repeat", type=int, default=10, help="times as many texts where speed is measured (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--datatrove", help="Python of an environment with datatrove, spacy and jieba")
    parser.add_argument("--datatrove-bytes", type=int, default=1_500_000)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/duplicates.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""De-identification: MB/s of one core, and on labelled notes recall and precision by type.

    python benchmarks/phi.py --input corpus.jsonl.gz ... [--notes notes.jsonl ...] [--words words.txt] [--output FILE]

--input: JSON lines with `text`: speed, and the share of documents in which each type is found (of a public corpus, which holds
next to none: false alarms). --notes: JSON lines with `text` and `phi`, a list of {start, end, type}. --words: names of drugs and
diseases, one a line, each put into sentences: how many are taken for something that identifies a person.
"""

import argparse
import json
import math
import platform
import shlex
import sys
import time
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path

from data_tools.corpus.phi.find import find_spans
from data_tools.corpus.phi.spans import TYPES, Span
from megatron_qm.evals.statistics import wilson_interval
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

from json_lines import read_rows  # isort: skip  (its neighbour)

_Z = 1.96
_FRAMES = {
    "zh": (
        "患者{}，",
        "诊断：{}。",
        "1. {}；2. 其他",
        "予{}治疗，好转。",
        "患者{}病史10年",
        "，{}，",
        "考虑{}、{}。",
        "与{}鉴别",
    ),
    "en": ("Diagnosis: {}.", "{} was started.", "He has {}, and {}.", "History of {} since childhood"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="*", default=[], type=Path)
    parser.add_argument("--notes", nargs="*", default=[], type=Path)
    parser.add_argument("--words", nargs="*", default=[], type=Path)
    parser.add_argument("--most", type=int, default=20_000, help="documents of each input (%(default)s)")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "phi.json")
    args = parser.parse_args()
    result = {
        "benchmark": "phi", "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/phi.py", *sys.argv[1:]]),
        "cpu": cpu_name(), "python": platform.python_version(), "note": "MB of UTF-8 text per second of CPU time, one process",
        "speed": {path.name: speed(path, args.most) for path in args.input},
        "notes": {path.name: labelled(path) for path in args.notes},
        "words": {path.name: lost(path) for path in args.words},
    }  # fmt: skip
    write_json(args.output, result)
    json.dump(result, sys.stdout, indent=1, ensure_ascii=False)
    return 0


def speed(path: Path, most: int) -> dict[str, object]:
    texts = [row["text"] for row in islice(read_rows(path), most)]
    find_spans("患者王芳 Dr. John Smith")  # what is read once is read before
    size = sum(len(text.encode()) for text in texts)
    best, found = math.inf, []
    for _ in range(2):
        began = time.process_time()
        found = [find_spans(text) for text in texts]
        best = min(best, time.process_time() - began)
    values = Counter(span.type for spans in found for span in spans)
    holding = Counter(kind for spans in found for kind in {span.type for span in spans})
    return {"documents": len(texts), "megabytes": round(size / 1e6, 2), "MB/s": round(size / 1e6 / best, 2),
            "values": dict(values),
            "share_of_documents": {kind: round(count / len(texts), 5) for kind, count in holding.items()}}  # fmt: skip


def labelled(path: Path) -> dict[str, object]:
    """By type: a value is found where a span of its type overlaps it, covers it, or is exactly it."""
    counts = {kind: Counter[str]() for kind in TYPES}
    size, seconds = 0, 0.0
    for row in read_rows(path):
        text = row["text"]
        gold = [Span(item["start"], item["end"], item["type"]) for item in row["phi"]]
        began = time.process_time()
        spans = find_spans(text)
        seconds += time.process_time() - began
        size += len(text.encode())
        for span in gold:
            counts[span.type].update(_met(span, [other for other in spans if other.type == span.type], "recall"))
        for span in spans:
            counts[span.type].update(_met(span, [other for other in gold if other.type == span.type], "precision"))
    return {"MB/s": round(size / 1e6 / seconds, 2), "by_type": {kind: _rates(counts[kind]) for kind in TYPES if counts[kind]}}


def _met(span: Span, others: list[Span], what: str) -> list[str]:
    met = [f"{what} of"]
    if any(other.start < span.end and span.start < other.end for other in others):
        met.append(f"{what} overlap")
    if any(other.start <= span.start and span.end <= other.end for other in others):
        met.append(f"{what} covered")
    return [*met, f"{what} exact"] if span in others else met


def _rates(counts: Counter[str]) -> dict[str, object]:
    rates: dict[str, object] = {}
    for what in ("recall", "precision"):
        for how in ("overlap", "covered", "exact") if what == "recall" else ("overlap", "exact"):
            rates[f"{what} {how}"] = wilson(counts[f"{what} {how}"], counts[f"{what} of"])
    return rates


def wilson(hits: int, total: int) -> dict[str, float | int]:
    """A share with its interval of 95%."""
    if not total:
        return {"hits": 0, "of": 0}
    low, high = wilson_interval(hits, total, _Z)
    return {"hits": hits, "of": total, "share": round(hits / total, 5), "low": round(low, 5), "high": round(high, 5)}


def lost(path: Path) -> dict[str, object]:
    """Words in which something is found, in any of the sentences."""
    words = [word for line in path.read_text(encoding="utf-8").splitlines() if (word := line.strip())]
    found = {}
    for word in words:
        for frame in _FRAMES["en" if word.isascii() else "zh"]:
            text = frame.format(word, word)
            if spans := find_spans(text):
                found[word] = [text[span.start : span.end] for span in spans]
    return {"words": len(words), "lost": len(found), "which": dict(list(found.items())[:50])}


if __name__ == "__main__":
    sys.exit(main())

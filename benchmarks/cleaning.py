"""Cleaning, language and quality: MB of UTF-8 text a second of CPU time on one core, step by step, and memory as input goes on.

    python benchmarks/cleaning.py --corpus NAME=FILE.jsonl.gz ... [--output benchmarks/results/cleaning.json]

Each corpus is measured as it is, and with its documents joined to ones of 4 kB, as pages and sections of books are: what a step
does once a document weighs on short ones. The best of three passes, for the machine is shared.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_tools.corpus.cleaning.cleaner import CleanConfig, cleaner
from data_tools.corpus.cleaning.language import LanguageConfig, language, language_of
from data_tools.corpus.cleaning.quality import QualityConfig, quality
from data_tools.corpus.cleaning.whole import CleaningConfig, cleaning
from data_tools.corpus.document import Document, Step, through
from megatron_qm.files import write_json

from json_lines import read_texts  # isort: skip  (its neighbours)
from this_run import described, without_folder  # isort: skip

_PACKAGES = ("ftfy", "OpenCC", "lingua-language-detector", "numpy")
_JOINED = 4000  # bytes
_PASSES = 3


def _steps() -> dict[str, Step]:
    steps = {"clean": cleaner(CleanConfig()), "language": language(LanguageConfig()), "quality": quality(QualityConfig())}
    language_of("ein kurzer Satz, damit alles geladen ist, was geladen wird")  # in nobody's time
    return steps


def _speeds(texts: list[str]) -> dict[str, Any]:
    size = sum(len(text.encode()) for text in texts)
    best: dict[str, float] = {}
    for _ in range(_PASSES):
        documents = [Document(text) for text in texts]
        for name, step in _steps().items():
            start = time.process_time()
            documents = [after for after in through(step, documents) if isinstance(after, Document)]
            best[name] = min(best.get(name, 1e9), time.process_time() - start)
    best["all"] = sum(best.values())
    return {"documents": len(texts), "MB": round(size / 1e6, 1), "bytes_a_document": size // len(texts),
            "MB_per_second": {name: round(size / seconds / 1e6, 1) for name, seconds in best.items()}}


def _joined(texts: list[str]) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text.encode())
        if size >= _JOINED:
            yield "\n\n".join(held)
            held, size = [], 0


def _memory(texts: list[str], megabytes: int) -> dict[str, float]:
    """{MB of text that went through: resident MB}"""
    clean, found, done, size = cleaning(CleaningConfig()), {}, 0, sum(len(text.encode()) for text in texts) / 1e6
    while done < megabytes:
        list(through(clean, list(map(Document, texts))))
        done += size
        found[f"{done:.0f}"] = round(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6, 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--memory", type=int, default=100, metavar="MB", help="text that memory is watched over (%(default)s)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/cleaning.json"))
    args = parser.parse_args()
    results: dict[str, Any] = {}
    everything: list[str] = []
    for name, _, path in (one.partition("=") for one in args.corpus):
        texts = read_texts(Path(path))
        results[name] = {"as it is": _speeds(texts), "joined": _speeds(list(_joined(texts)))}
        everything += texts
    write_json(args.output, {
        **described(_PACKAGES, map(without_folder, sys.argv[1:]), used=1),
        "timer": f"CPU time of the process, the best of {_PASSES}", "results": results,
        "resident_MB_after_MB_of_text": _memory(everything, args.memory)})


if __name__ == "__main__":
    main()

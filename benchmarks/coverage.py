"""Coverage: MB of UTF-8 text a second of CPU time on one core, by the number of points; reading JSON included.

    python benchmarks/coverage.py --corpus NAME=FILE.jsonl.gz ... [--points 1000 10000 50000]

Terms of points are drawn from the corpus itself, so that far more of them are found than of points that people write.
"""

import argparse
import gzip
import random
import re
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from data_tools.corpus.coverage.points import Point
from data_tools.corpus.coverage.run import LookThrough, Tally
from data_tools.corpus.rows import Piece
from megatron_qm.files import write_json

from this_run import described, without_folder  # isort: skip  (its neighbour)

_WORD = re.compile(r"[A-Za-z]{5,}(?: [A-Za-z]{4,})?|[\u4e00-\u9fff]{2,5}")
_LINES = 4000


def _points(words: Sequence[str], count: int) -> list[Point]:
    draw = random.Random(0)
    return [
        Point(str(number), "factual", "en", tuple((one,) for one in draw.sample(words, draw.randint(2, 3))))
        for number in range(count)
    ]


def _speed(data: bytes, count: int) -> dict[str, Any]:
    words = sorted(set(_WORD.findall(data.decode())))
    work = LookThrough(_points(words, count), 300)
    work(Piece(0, 1, b""))  # the automaton is built in nobody's time
    tally, began = Tally(), time.process_time()
    tally.add(work(Piece(0, 1, data)))
    seconds = time.process_time() - began
    return {
        "points": count,
        "documents": tally.read,
        "MB": round(tally.size / 1e6, 1),
        "covered": len(tally.documents),
        "MB_per_second": round(tally.size / seconds / 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--points", type=int, nargs="+", default=[1000, 10_000, 50_000])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/coverage.json"))
    args = parser.parse_args()
    results = {}
    for name, _, path in (one.partition("=") for one in args.corpus):
        with gzip.open(path) as lines:
            data = b"".join(islice(lines, _LINES))
        results[name] = [_speed(data, count) for count in args.points]
    write_json(
        args.output,
        {
            **described(["ahocorasick-rs"], map(without_folder, sys.argv[1:]), used=1),
            "timer": "CPU time of the process",
            "results": results,
        },
    )


if __name__ == "__main__":
    main()

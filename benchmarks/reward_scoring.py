"""Scoring by a reward model against the bare forward pass over the same rows, and what memory a long scoring takes.

    python benchmarks/reward_scoring.py --model CKPT --pairs FILE [--conversations N] [--output FILE]

The conversations are those of FILE, over and over. Rounds of scoring and of forward passes alone take turns on one core, by
CPU time; the ratio is the median of neighbouring ones. Memory is what the process has in RAM after each tenth of the
conversations, in one scoring.
"""

import argparse
import itertools
import json
import shlex
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import torch

from megatron_qm.align.reward_model.scoring import Ids, RewardScorer
from megatron_qm.checkpoint.manifest import versions
from megatron_qm.commands.checkpoint_model import checkpoint_model
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name
from megatron_qm.tokenizer import TextTokenizer
from megatron_qm.train.logprobs import label_logprobs

ROUNDS, ROWS, LONGEST, OF_A_ROUND = 5, 4, 256, 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, metavar="CKPT")
    parser.add_argument("--pairs", type=Path, required=True, metavar="FILE")
    parser.add_argument("--conversations", type=int, default=200_000, help="whose scoring's memory is measured")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/reward-scoring.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = TextTokenizer.of_model(args.model, None)
    with checkpoint_model(args.model, ParallelConfig(), "fp32", "cpu") as (chunks, _):
        scorer = RewardScorer(chunks, tokenizer, LONGEST, rows=ROWS)
        some = list(itertools.islice(_conversations(args.pairs), OF_A_ROUND))
        tokens = sum(len(tokenizer.conversation(one)) for one in some)
        goes = _prepared(scorer, tokenizer, some)
        rounds = [(_seconds(lambda: scorer(some)), _seconds(lambda: _forward(chunks, goes)))
                  for _ in range(ROUNDS + 1)][1:]  # the first warms up
        memory = list(_memory(scorer, args.pairs, args.conversations))
    write_json(args.output, {
        "what": "real tokens a second of one core, scored and in bare forward passes; MiB in RAM during one long scoring",
        "date": date.today().isoformat(), "command": shlex.join(["python", "benchmarks/reward_scoring.py", *sys.argv[1:]]),
        "versions": versions(), "cpu": cpu_name(),
        "scored": round(tokens / statistics.median(one for one, _ in rounds)),
        "forward": round(tokens / statistics.median(one for _, one in rounds)),
        "ratio": round(statistics.median(bare / scored for scored, bare in rounds), 3),
        "conversations": args.conversations, "mib": memory,
    })
    print(args.output.read_text())


def _conversations(path: Path) -> Iterator[list[dict[str, str]]]:
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in itertools.cycle(rows):
        for side in ("chosen", "rejected"):
            yield [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row[side]}]


def _prepared(scorer: RewardScorer, tokenizer: TextTokenizer, some: list) -> list:
    """The micro-batches that scoring makes, of each of its goes."""
    texts = sorted((Ids(at, tokenizer.conversation(one)) for at, one in enumerate(some)), key=len, reverse=True)
    return [scorer.batches(rows, torch.device("cpu")) for rows in scorer.together(texts)]


def _forward(chunks: list, goes: list) -> None:
    for batches in goes:
        label_logprobs(chunks, batches)


def _seconds(act) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def _memory(scorer: RewardScorer, pairs: Path, count: int) -> Iterator[int]:
    tenth = max(1, count // 10)
    for at, _ in enumerate(scorer.scores(itertools.islice(_conversations(pairs), count)), start=1):
        if at % tenth == 0:
            resident = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
            yield round(int(resident.split()[1]) / 1024)


if __name__ == "__main__":
    main()

"""A pool among the guilty: of every hundred verdicts one hangs, one crashes, one eats memory; who else pays?

    python benchmarks/verifier_pool.py [--count 1000000] [--crowd 4] [--output benchmarks/results/verifier-pool.json]

Workers are `crowd` times the cores. Innocent samples are exam answers whose scores are known.
"""

import argparse
import os
import platform
import time
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name
from megatron_qm.rewards.exam import exam
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.samples import Sample

_OPTIONS = {"A": "aspirin", "B": "ibuprofen", "C": "warfarin", "D": "heparin"}
_GUILT = {7: "hang", 37: "crash", 67: "memory"}  # of each hundred
_BATCH = 10_000


def risky(prompt: str, response: str, reference: object, metadata: Mapping[str, object]) -> Outcome:
    """`exam`, unless the prompt says what to do instead."""
    if prompt == "hang":
        time.sleep(3600)
    if prompt == "crash":
        os.abort()
    eaten = []
    while prompt == "memory":
        eaten.append(bytearray(16 << 20))
    return exam(prompt, response, reference, metadata)


def _sample(at: int) -> Sample:
    said = f"Case {at}. The answer is {'ABCD'[at % 4]}."
    return Sample("benchmarks.verifier_pool:risky", _GUILT.get(at % 100, ""), said, "A", {"options": _OPTIONS})


def _verdict(at: int, outcome: Outcome) -> str:
    """What is wrong with an outcome; empty for nothing."""
    guilt = _GUILT.get(at % 100)
    if guilt is not None:
        right = isinstance(outcome, Unscored)
    else:
        right = isinstance(outcome, Scored) and outcome.value == float(at % 4 == 0)
    return "" if right else f"{guilt or 'innocent'}: {str(outcome)[:80]}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--crowd", type=int, default=4, help="workers for each core")
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--memory-mib", type=int, default=160)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/verifier-pool.json"))
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    wrong: Counter[str] = Counter()
    start = time.monotonic()
    with VerifierPool(args.crowd * cores, args.seconds, args.memory_mib << 20) as pool:
        for first in range(0, args.count, _BATCH):
            numbers = range(first, min(first + _BATCH, args.count))
            for at, outcome in zip(numbers, pool.score([_sample(at) for at in numbers]), strict=True):
                wrong.update([verdict] if (verdict := _verdict(at, outcome)) else [])
            print(f"{numbers.stop:,} verdicts in {time.monotonic() - start:.0f} s, wrong: {dict(wrong) or 0}", flush=True)
        unscored = dict(pool.unscored)
    write_json(args.output, {
        "date": date.today().isoformat(), "command": "python benchmarks/verifier_pool.py", "python": platform.python_version(),
        "hardware": {"cpu": cpu_name(), "cores": cores}, "workers": args.crowd * cores, "seconds_for_a_sample": args.seconds,
        "verdicts": args.count, "guilty": {kind: args.count // 100 for kind in _GUILT.values()}, "unscored": unscored,
        "wrong": dict(wrong), "wall_seconds": round(time.monotonic() - start)})


if __name__ == "__main__":
    main()

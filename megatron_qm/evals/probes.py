"""Knowledge probes: multiple choice by log-probability, on phrasings that training never saw.

The report's measure of injected knowledge (QuarkMed, section 2.2: probes 39% -> 60.57% in continued pretraining).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.evals.statistics import wilson_interval
from megatron_qm.json_lines import parse_line, raw_lines
from megatron_qm.json_types import check_names, key_of, name_of, text_of, texts_of, whole_of

# (prompt ids, continuation ids) pairs -> log p(continuation | prompt) in nats
Scorer = Callable[[Sequence[tuple[list[int], list[int]]]], list[float]]
Encoder = Callable[[str], list[int]]
FIELDS = ("prompt", "options", "answer", "id", "language", "predicate")
UNREAD = ("fact",)  # what the probe is about, as data_tools/knowledge writes it


@dataclass(frozen=True)
class Probe:
    """`options` continue `prompt` as they stand; `answer` is the index of the right one."""

    name: str
    group: str  # what accuracy is told apart by, such as "en code"
    prompt: str
    options: tuple[str, ...]
    answer: int


@dataclass(frozen=True)
class ProbeScore:
    """Accuracy over the probes of a group, with its Wilson 95% interval. chance: the accuracy of a guess."""

    group: str
    right: int
    total: int
    chance: float

    @property
    def accuracy(self) -> float:
        return self.right / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.right, self.total)


def read_probes(path: Path) -> list[Probe]:
    """JSON lines with prompt, options, answer (id, language, predicate; fact is unread). Raises UserError with file and line."""
    probes = [_probe(line, f"{path}:{number}") for number, line in raw_lines(path) if line.strip()]
    if not probes:
        raise UserError(f"{path}: holds no probes")
    return probes


def _probe(line: bytes, where: str) -> Probe:
    try:
        row = parse_line(line)
        if not isinstance(row, dict):
            raise ValueError("it is no object")
        check_names(row, FIELDS, "a probe", unread=UNREAD)
        prompt, options, answer = text_of(row, "prompt"), tuple(texts_of(row, "options")), whole_of(row, "answer")
        name = key_of({"id": row["id"]}, "") if "id" in row else where
        group = " ".join(name_of(row, key) for key in ("language", "predicate") if key in row)
    except ValueError as error:
        raise UserError(f"{where}: a probe needs prompt, options and answer: {error}") from None
    if not prompt or len(options) < 2:
        raise UserError(f"{where}: prompt must be text, options two or more texts")
    if not 0 <= answer < len(options):
        raise UserError(f"{where}: answer = {answer!r} is not the index of one of {len(options)} options")
    return Probe(name, group.strip() or "all", prompt, options, answer)


def score_probes(probes: Sequence[Probe], encode: Encoder, score: Scorer) -> list[ProbeScore]:
    """Accuracy over all probes first, then by group. The option that is most probable after the prompt wins.

    Log-probabilities are summed over an option's tokens, not averaged: the mean favours long options, whose last tokens
    follow from their first ones. That short options are more probable must be balanced by the probes (as those of
    data_tools/knowledge are: each option is right equally often).
    """
    pairs = [pair for probe in probes for pair in continuations(probe, encode)]
    nats = list(score(pairs))
    if len(nats) != len(pairs):
        raise ValueError(f"{len(nats)} scores for {len(pairs)} continuations")
    answered: dict[str, list[tuple[bool, float]]] = {"all": []}  # (right, accuracy of a guess) of every probe
    start = 0
    for probe in probes:
        mine = nats[start : start + len(probe.options)]
        start += len(probe.options)
        best = max(range(len(mine)), key=mine.__getitem__)
        # ties and NaN (a model that knows nothing, or broke) are wrong, whatever the order of the options
        correct = best == probe.answer and mine.count(mine[best]) == 1 and not any(map(math.isnan, mine))
        for group in dict.fromkeys(("all", probe.group)):
            answered.setdefault(group, []).append((correct, 1 / len(probe.options)))
    return [_score(group, probes) for group, probes in answered.items()]


def _score(group: str, answered: Sequence[tuple[bool, float]]) -> ProbeScore:
    chance = math.fsum(guess for _, guess in answered) / max(len(answered), 1)
    return ProbeScore(group, sum(right for right, _ in answered), len(answered), chance)


def continuations(probe: Probe, encode: Encoder) -> list[tuple[list[int], list[int]]]:
    """(prompt ids, ids to score) of each option. What all options' encodings share is the prompt: tokens may straddle the seam
    between prompt and option. Raises UserError where nothing is left of one."""
    whole = [encode(probe.prompt + option) for option in probe.options]
    shared = _common_prefix(whole)
    if shared < 1 or any(len(ids) == shared for ids in whole):
        raise UserError(f"probe {probe.name}: one option begins another, or there is no prompt: {probe.options}")
    return [(ids[:shared], ids[shared:]) for ids in whole]


def _common_prefix(rows: list[list[int]]) -> int:
    shortest = min(map(len, rows))
    return next((i for i in range(shortest) if len({row[i] for row in rows}) > 1), shortest)

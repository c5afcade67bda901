"""Candidates, several responses to each prompt, become the pool of pairs of which annotators see some, and the rows by which
reward models score each response once."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.align.annotation.candidates import asked_in
from megatron_qm.align.grading.candidates import Candidates, read_candidates
from megatron_qm.errors import UserError
from megatron_qm.files import write_json_lines
from megatron_qm.json_types import JsonObject, list_of, number_of

_OURS = ("a", "b", "chosen", "rejected", "candidate", "selection")  # what pairs hold, and candidates may not
_READ = ("key", "id", "prompt", "messages", "responses", "scores", "samples")  # what is not handed on as it stands
EQUAL, BLANK, ALONE = "the same response again", "blank responses", "prompts with one response"


@dataclass(frozen=True)
class Prompt:
    """With its responses, none blank or given twice. grades: of a generative model, None where it said nothing readable."""

    given: Candidates
    responses: Sequence[str]
    grades: Sequence[float | None]

    def row(self) -> JsonObject:
        """By which `evaluate --pairs` scores every response once; which are called the chosen ones means nothing."""
        first, *rest = self.responses
        return {"key": self.given.key, **asked_in(self.given.line), "chosen": [first], "rejected": rest}

    def pairs(self, most: int, seed: int) -> Iterator[JsonObject]:
        """`most` of them, drawn by the seed and the key, with what else the line held. candidate.genrm: how much better `a` was
        graded."""
        key, every = self.given.key, list(itertools.combinations(range(len(self.responses)), 2))
        drawn = sorted(every, key=lambda pair: hashlib.sha256(repr((seed, key, pair)).encode()).digest())[:most]
        asked, rest = asked_in(self.given.line), {name: value for name, value in self.given.line.items() if name not in _READ}
        for one, other in sorted(drawn):
            grade, against = self.grades[one], self.grades[other]
            margin = None if grade is None or against is None else grade - against
            yield {"key": f"{key}/{one}-{other}", **asked, "a": self.responses[one], "b": self.responses[other], **rest,
                   "candidate": {"key": key, "places": [one, other], "genrm": margin}}


def build_pool(source: Path, graded: bool, most: int, seed: int, pool: Path, rows: Path) -> tuple[int, Counter[str]]:
    """Write `pool`, the pairs, and `rows`; (how many pairs, what was left out). graded: whether `source` holds the grades of a
    generative model; else it may hold none. Raises UserError for what holds no responses to a prompt."""
    left_out: Counter[str] = Counter()
    prompts = []
    for given in read_candidates(source):
        try:
            one = _prompt(given, graded, left_out)
        except ValueError as error:
            raise UserError(f"{source}: key {given.key!r:.60}: {error}") from None
        if len(one.responses) > 1:
            prompts.append(one)
        else:
            left_out[ALONE] += 1
    pairs = [pair for one in prompts for pair in one.pairs(most, seed)]
    if not pairs:
        raise UserError(f"{source}: no prompt has two responses that differ")
    write_json_lines(rows, (one.row() for one in prompts))
    write_json_lines(pool, pairs)
    return len(pairs), left_out


def _prompt(given: Candidates, graded: bool, left_out: Counter[str]) -> Prompt:
    line = given.line
    if strange := [name for name in _OURS if name in line]:
        raise ValueError(f"has {strange[0]}, which is a pair's; candidates have responses")
    if not graded and "scores" in line:
        raise ValueError("has scores; candidates are not labelled: leave the field out, or name the model that grades as genrm")
    kept: dict[str, tuple[str, float | None]] = {}
    for text, grade in zip(given.responses, _grades(line) if graded else [None] * len(given.responses), strict=True):
        if not text.strip() or text.strip() in kept:
            left_out[EQUAL if text.strip() else BLANK] += 1
        else:
            kept[text.strip()] = text, grade
    return Prompt(given, [text for text, _ in kept.values()], [grade for _, grade in kept.values()])


def _grades(line: JsonObject) -> list[float | None]:
    """As `grade` has written them, one for each response."""
    return [None if score is None else number_of({"scores": score}, "scores") for score in list_of(line, "scores")]

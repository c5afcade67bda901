"""A round's pairs are judged: by people on the page of `megatron-qm annotate`, or by a function or a file in their place, by the
same plan and into the same log."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from megatron_qm import children, user_code
from megatron_qm.align.annotation.candidates import Candidates, key_in, read_candidates
from megatron_qm.align.annotation.readings import Plan, Reading
from megatron_qm.align.annotation.verdict_log import opened, read_standing
from megatron_qm.align.annotation.verdicts import Said, Verdict, said_of
from megatron_qm.config.reward_loop import AnnotatorsConfig
from megatron_qm.errors import UserError
from megatron_qm.json_lines import json_rows, told_with_line
from megatron_qm.json_types import JsonObject
from megatron_qm.steps import StepError, environment, last_words, verb

Judge = Callable[[JsonObject, str, int], Said]  # of a pair's line, the annotator's name and the reading, 1 or 2
_POLL_SECONDS = 0.5


def judge_of(config: AnnotatorsConfig) -> Judge | None:
    """What judges in people's place; None where they do. Raises UserError for what cannot be loaded."""
    if config.function is not None:
        return _calling(user_code.load(config.function, "annotators.function"), config.function)
    return None if config.verdicts is None else _looking_up(Path(config.verdicts))


def by_function(judge: Judge, pairs: Path, verdicts: Path, config: AnnotatorsConfig, seed: int) -> None:
    """To the end of the queue. Annotators take turns: who reads what next follows from the log alone, so that it goes on after
    any end as if there had been none. Raises UserError as `judge` does."""
    candidates = read_candidates(pairs)
    with opened(verdicts, candidates, seed, config.second) as log:
        plan = Plan(candidates.pairs, seed, config.second)
        while (turn := _next(plan, list(log.standing.verdicts.values()), config.names)) is not None:
            name, reading = turn
            key, said = reading.pair.key, judge(reading.pair.line, name, reading.number)
            log.append(Verdict(f"{name}/{key}/{reading.number}", name, key, reading.number, reading.shown, said, time.time()))


def by_people(pairs: Path, verdicts: Path, config: AnnotatorsConfig, seed: int, log: Path) -> None:
    """On the page, whose addresses are printed, until the queue is finished. Raises StepError where the server ends before."""
    names = [word for name in config.names for word in ("--annotator", name)]
    command = verb("annotate", "--pairs", str(pairs), "--output", str(verdicts), *names, "--port", str(config.port),
                   "--seed", str(seed), "--second", str(config.second))
    candidates = read_candidates(pairs)
    with open(log, "ab") as errors, children.running(command, env=environment(), stderr=errors) as server:
        print(f"waiting for {', '.join(config.names)}; the loop goes on {config.settle_seconds:g} seconds after the last verdict",
              flush=True)
        finished_since: float | None = None
        while finished_since is None or time.monotonic() - finished_since < config.settle_seconds:
            if (code := server.poll()) is not None:
                raise StepError(f"the page of {pairs} has ended (exit code {code}): {last_words(log)}", code)
            if not finished(candidates, verdicts, config.names):
                finished_since = None
            elif finished_since is None:
                finished_since = time.monotonic()
            time.sleep(_POLL_SECONDS)


def finished(candidates: Candidates, verdicts: Path, names: Sequence[str]) -> bool:
    """Whether no annotator has anything left to judge."""
    if not verdicts.exists() or not verdicts.stat().st_size:
        return False
    begin, standing = read_standing(verdicts)
    plan = Plan(candidates.pairs, begin.seed, begin.second)
    return _next(plan, list(standing.verdicts.values()), names) is None


def _next(plan: Plan, said: Sequence[Verdict], names: Sequence[str]) -> tuple[str, Reading] | None:
    """Whose turn it is, and what for; None where nobody has anything left. The turn is that of who comes after the last one."""
    known = {*names, *(one.annotator for one in said)}
    last = names.index(said[-1].annotator) if said and said[-1].annotator in names else -1
    for name in (*names[last + 1:], *names[:last + 1]):
        if (reading := plan.next(said, name, Counter(), alone=known == {name})) is not None:
            return name, reading
    return None


def _calling(function: Callable[..., Any], name: str) -> Judge:
    """Gives a copy of the line, of which `selection` says by which the pair was chosen."""

    def judge(pair: JsonObject, annotator: str, reading: int) -> Said:
        try:
            return said_of(function(dict(pair), annotator, reading))
        except (Exception, SystemExit) as error:  # whatever a user's function raises
            raise UserError(f"annotators.function = {name} failed on the pair {pair.get('key')!r:.60} "
                            f"{user_code.failed(error)}") from error

    return judge


def _looking_up(path: Path) -> Judge:
    known = _verdicts(path)

    def judge(pair: JsonObject, annotator: str, reading: int) -> Said:
        key = key_in(pair)
        if key not in known:
            raise UserError(f"annotators.verdicts = {path} holds no verdict on the pair {key!r:.60}; add a line for every pair "
                            "of the round's select/chosen.jsonl, and run again")
        return known[key]

    return judge


def _verdicts(path: Path) -> Mapping[str, Said]:
    found: dict[str, Said] = {}
    for number, row in json_rows(path):
        with told_with_line(path, number):
            key, said = key_in(row), said_of(row.get("verdict"))
            if key in found:
                raise ValueError(f"the key {key!r:.60} was given before")
        found[key] = said
    return found

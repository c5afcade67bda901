"""The files: pairs, graded sets, prompts for RL, conversations that a policy begins with, judgements and reasonings."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from data_tools.preferences.faults import drawn_fault, wrong_fact
from data_tools.preferences.gold import gold
from data_tools.preferences.judging import judgement
from data_tools.preferences.pairs import NOISE, TIES_ALONE, Source, candidates, hard_pair, pair
from data_tools.preferences.parts import right, said
from data_tools.preferences.phrases import SPLITS, Split
from data_tools.preferences.questions import Question, draw_question
from data_tools.preferences.world import World
from megatron_qm.errors import UserError

Row = dict[str, Any]  # of JSON
# Who is asked about, and in whose words: what is new in the first is the wording alone, in the second the disease alone. The
# hard ones are in new words of either kind of disease.
STRATA: Mapping[str, tuple[str, Split]] = {
    "phrasings": ("training", "held_out"), "diseases": ("held_out", "train"),
    "hard": ("training", "held_out"), "hard_diseases": ("held_out", "held_out"),
}
_RESPONSES = 4  # of a graded set
# What the policy is shown first: answers of such faults, and right ones. It is to have something to learn by reward, and facts
# that are wrong are the fewest, for what it has been taught wrongly it must unlearn.
_RIGHT = 0.5
_SHOWN_FAULTS = {"missing": 0.35, "no_advice": 0.25, "wrong_answer": 0.15, "unsafe": 0.15, "contradiction": 0.05,
                 "wrong_fact": 0.05}
_WRONG_REASONINGS, _OPTIONS = 0.5, 3  # of reasonings: with a wrong fact; other answers beside the one that follows
_TRIES = 200  # at a prompt that was not drawn before


def training_pairs(worlds: Mapping[str, World], count: int, seed: int) -> list[Row]:
    return _distinct(count, lambda draw: pair(Source(world := _any(worlds, draw), world.training, "train", draw), "train", NOISE),
                     seed, "pairs")


def held_out_pairs(worlds: Mapping[str, World], count: int, seed: int) -> list[Row]:
    """`count` of each stratum."""
    def one(stratum: str) -> Callable[[random.Random], Row]:
        def drawn(draw: random.Random) -> Row:
            source = _source(worlds, stratum, draw)
            return hard_pair(source, stratum) if stratum.startswith("hard") else pair(source, stratum, TIES_ALONE)
        return drawn
    return [row for stratum in STRATA for row in _distinct(count, one(stratum), seed, f"held-out pairs {stratum}")]


def graded(worlds: Mapping[str, World], count: int, seed: int, strata: Sequence[str]) -> list[Row]:
    """Responses with their gold totals; `count` sets in all, the strata by turns."""
    draw = random.Random(f"{seed} graded {' '.join(strata)}")
    return [_graded(_source(worlds, strata[number % len(strata)], draw), strata[number % len(strata)])
            for number in range(count)]


def candidates_to_judge(worlds: Mapping[str, World], count: int, seed: int) -> list[Row]:
    """Sets of responses about training diseases, in words of training, that nobody has judged. By metadata.reference the gold
    reward measures, and so does annotators.py."""
    draw = random.Random(f"{seed} candidates")
    return [_candidates(_source(worlds, "train", draw), f"candidates-{number}") for number in range(count)]


def prompts(worlds: Mapping[str, World], count: int, seed: int, strata: Sequence[str]) -> list[Row]:
    """Items of RL, no prompt twice; `count` in all, the strata by turns. Raises UserError where there are not so many."""
    draw, found = random.Random(f"{seed} prompts {' '.join(strata)}"), dict[str, Row]()
    for number in range(count):
        stratum = strata[number % len(strata)]
        question = next((one for one in _questions(worlds, stratum, draw) if one.key not in found), None)
        if question is None:
            raise UserError(f"{count} prompts of {', '.join(strata)}: there are hardly more than {len(found)}; ask for fewer")
        found[question.key] = _item(question, stratum)
    return list(found.values())


def conversations(worlds: Mapping[str, World], count: int, seed: int) -> tuple[list[Row], float]:
    """What a policy begins with, right or with a fault or two; and the mean gold of its answers."""
    draw, rows, worth = random.Random(f"{seed} conversations"), list[Row](), 0.0
    for _ in range(count):
        world = _any(worlds, draw)
        case = Source(world, world.groups["shown"], "train", draw).case()
        parts = right(case.question, draw)
        for _ in range(0 if draw.random() < _RIGHT else draw.randint(1, 2)):
            _, parts = drawn_fault(parts, case, _SHOWN_FAULTS)
        answer = said(case.question, parts, "train")
        worth += gold(case.item, answer).total
        rows.append(_conversation(case.question.prompt, answer))
    return rows, worth / count


def readings(worlds: Mapping[str, World], count: int, seed: int) -> list[Row]:
    """What a base model has read: right answers about every disease, in all wordings."""
    draw, rows = random.Random(f"{seed} readings"), list[Row]()
    for number in range(count):
        world, split = _any(worlds, draw), draw.choice(SPLITS)
        question = draw_question(world, world.training + world.groups["held_out"], split, draw)
        answer = said(question, right(question, draw), split)
        rows.append({"id": f"{question.key}#{number}", **_conversation(question.prompt, answer)})
    return rows


def judgements(worlds: Mapping[str, World], count: int, seed: int) -> tuple[list[Row], list[str]]:
    """What a model that grades is tuned on: a response as it is asked about it, and reasons with a score; and how each score was
    moved."""
    draw, rows, moves = random.Random(f"{seed} judgements"), list[Row](), list[str]()
    for number in range(count):
        case = _source(worlds, "train", draw).case()
        [side] = candidates(case, 1)
        asked, said, moved = judgement(case.question, side, draw)
        moves.append(moved)
        rows.append({"id": f"{case.question.key}#{number}", **_conversation(asked, said)})
    return rows, moves


def reasonings(worlds: Mapping[str, World], count: int, seed: int) -> list[Row]:
    """Facts, and behind them an answer that follows from these: what consistency is learnt from. Half of the facts are wrong in
    one, lest a right answer be told from a wrong one by what the facts are."""
    draw, rows = random.Random(f"{seed} reasonings"), list[Row]()
    while len(rows) < count:
        case = _source(worlds, "train", draw).case()
        if case.item.answer is None:
            continue
        parts = right(case.question, draw)
        if draw.random() < _WRONG_REASONINGS:
            parts = wrong_fact(parts, case) or parts
        [answer] = [part for part in parts if part.kind == "answer"]
        before = said(case.question, [part for part in parts if part.kind != "answer"], "train")
        options = {answer.value: None} | {case.foreign(answer.predicate): None for _ in range(_OPTIONS)}
        rows.append({"key": f"{case.question.key}#{len(rows)}", "prompt": case.question.prompt,
                     "response": f"{before}\n\n{said(case.question, [answer], 'train')}",
                     "kind": f"{case.item.language} {answer.predicate}", "answer": answer.value, "options": list(options)})
    return rows


def _conversation(asked: str, answer: str) -> Row:
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}


def _any(worlds: Mapping[str, World], draw: random.Random) -> World:
    return worlds[draw.choice(sorted(worlds))]


def _group(world: World, stratum: str) -> tuple[tuple[str, ...], Split]:
    """Subjects and wording of a stratum; RL asks about those that fine-tuning has not shown."""
    if stratum == "rl":
        return world.groups["asked"], "train"
    who, split = STRATA.get(stratum, ("training", "train"))
    return world.training if who == "training" else world.groups["held_out"], split


def _source(worlds: Mapping[str, World], stratum: str, draw: random.Random) -> Source:
    world = _any(worlds, draw)
    subjects, split = _group(world, stratum)
    return Source(world, subjects, split, draw)


def _questions(worlds: Mapping[str, World], stratum: str, draw: random.Random) -> Iterator[Question]:
    for _ in range(_TRIES):
        source = _source(worlds, stratum, draw)
        yield draw_question(source.world, source.subjects, source.split, draw)


def _distinct(count: int, make: Callable[[random.Random], Row], seed: int, what: str) -> list[Row]:
    """Rows of which no two have prompt and both sides in common."""
    draw, found = random.Random(f"{seed} {what}"), dict[frozenset[object], Row]()
    for _ in range(count):
        row = next((row for row in (make(draw) for _ in range(_TRIES)) if _identity(row) not in found), None)
        if row is None:
            raise UserError(f"{count} {what}: there are hardly more than {len(found)}; ask for fewer")
        found[_identity(row)] = row
    return list(found.values())


def _identity(row: Row) -> frozenset[object]:
    return frozenset([("prompt", row["prompt"]), row["chosen"], row["rejected"]])


def _graded(source: Source, stratum: str) -> Row:
    case = source.case()
    sides = candidates(case, _RESPONSES)
    metadata = {"key": case.question.key, "disease": case.item.subject, "language": case.item.language,
                "gold": [side.gold.rounded() for side in sides]}
    return {"prompt": case.question.prompt, "responses": [side.text for side in sides],
            "scores": [round(side.gold.total, 6) for side in sides], "stratum": stratum, "metadata": metadata}


def _candidates(source: Source, key: str) -> Row:
    case = source.case()
    sides = candidates(case, _RESPONSES)
    return {"key": key, "prompt": case.question.prompt, "responses": [side.text for side in sides],
            "stratum": case.question.kind, "metadata": {"reference": case.item.reference()}}


def _item(question: Question, stratum: str) -> Row:
    item = question.item
    return {"key": question.key, "task": "gold", "prompt": question.prompt, "reference": item.reference(),
            "metadata": {"disease": item.subject}, "label": question.kind,
            "strata": {"language": item.language, "stratum": stratum, "kind": question.kind}}

"""Fresh cases by seed, for the audit of the verifiers: facts x styles x languages x polarity.

The tables here are apart from those that the verifiers and their tests know, and a case never asks a verifier what it thinks."""

from collections.abc import Iterator, Sequence
from random import Random

from megatron_qm.rewards.audit.generate.case import Case
from megatron_qm.rewards.audit.generate.diagnosis.questions import question as diagnosis
from megatron_qm.rewards.audit.generate.drugs.questions import question as drugs
from megatron_qm.rewards.audit.generate.exam.questions import question as exam
from megatron_qm.rewards.audit.generate.ordering.questions import question as ordering
from megatron_qm.rewards.audit.generate.question import Question, Thing, all_things, catalogue, one_thing
from megatron_qm.rewards.audit.generate.style import Kind, Style, fill
from megatron_qm.rewards.audit.generate.wrappers import BRIBES, DRESSES, HEADS, TAILS, long_prose, long_thinking

TASKS = {"exam": exam, "diagnosis": diagnosis, "drugs": drugs, "ordering": ordering}
LANGUAGES = ("en", "zh")
KINDS = {Kind.STATES: 62, Kind.NEVER: 20, Kind.BOTH: 6, Kind.CONTRADICTS: 2, Kind.EVERYTHING: 2,
         Kind.CORRECTS: 3, Kind.DISPUTED: 5}  # percent
OTHER_LANGUAGE = 0.06  # the share of answers that are not in the question's language


def cases(task: str, seed: int, count: int) -> Iterator[Case]:
    """The first `count` cases of a seed; each depends on (task, seed, its index) alone. Raises KeyError for another task."""
    ask = TASKS[task]
    for index in range(count):
        rng = Random(f"{task}/{seed}/{index}")
        language = rng.choice(LANGUAGES)
        yield _case(task, language, ask(rng, language), rng)


def _case(task: str, language: str, question: Question, rng: Random) -> Case:
    spoken = language if rng.random() >= OTHER_LANGUAGE else LANGUAGES[1 - LANGUAGES.index(language)]
    style = _style(question, spoken, rng)
    stated, mentioned, given = _said(question, style.kind, rng)
    slots = {**question.slots, **catalogue(question.everything), **_slots(stated, mentioned, spoken, rng)}
    low, high = question.bounds(style.kind, given)
    disputed = style.kind is Kind.DISPUTED or (style.kind is Kind.CORRECTS and stated[0] in question.keys)
    # Whether to deny one of two diagnoses is wrong, or just leaves it out, is disputed.
    disputed = disputed or task == "diagnosis" and low > 0.0 and mentioned[0] in question.keys
    parts = _around(style, slots, question, spoken, high, rng)
    text = "".join(text for _, text in parts)
    dress, put_on = rng.choice(DRESSES) if not style.bare and rng.random() < 0.12 else ("", str)
    name = "/".join([style.name, *(name for name, _ in parts[::2]), dress])
    return Case(task, language, name, question.prompt, put_on(text), question.reference, question.metadata,
                0.0 if disputed else low, 1.0 if disputed else high, disputed)


def _style(question: Question, spoken: str, rng: Random) -> Style:
    """Of a kind that is drawn first, so that tables may grow without changing how often something is right."""
    kind = rng.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    return rng.choice(question.styles(kind, spoken) or question.styles(Kind.STATES, spoken))


def _said(question: Question, kind: Kind, rng: Random) -> tuple[Sequence[Thing], Sequence[Thing], Sequence[Thing]]:
    """What the answer is about (x), what is mentioned beside it (y, z), and what it gives in all. Denials are mostly of the right
    thing: there is nothing to be paid for denying a wrong one."""
    right = rng.random() < {Kind.NEVER: 0.85, Kind.DISPUTED: 1.0, Kind.EVERYTHING: 1.0, Kind.CORRECTS: 0.3}.get(kind, 0.5)
    stated = list(question.keys) if right else _wrong(question, rng, single=kind is Kind.NEVER)
    others = [thing for thing in question.others if thing not in stated and thing.credit == 0.0]
    missed = [thing for thing in question.keys if thing not in stated]
    if kind is Kind.NEVER:
        return stated, others or question.others, stated
    if missed and stated[0].credit == 0.0 and (kind is Kind.CORRECTS or rng.random() < 0.6):
        others = missed[:1] + others
    others = others or missed or list(question.others)
    return stated, others, [*stated, *others[:1]] if kind in (Kind.BOTH, Kind.CONTRADICTS) else stated


def _wrong(question: Question, rng: Random, single: bool) -> list[Thing]:
    """An answer that is not all right: other things, and for several keys one too few, too many, or changed."""
    keys, others = list(question.keys), list(question.others)
    if single or len(keys) == 1:
        return [rng.choice(others)]
    rng.shuffle(keys)
    stranger = rng.choice(others)
    return rng.choice(([*keys[1:]], [*keys, stranger], [*keys[1:], stranger], others[: len(keys)]))


def _slots(stated: Sequence[Thing], mentioned: Sequence[Thing], spoken: str, rng: Random) -> dict[str, str]:
    y, z = mentioned[0], mentioned[min(1, len(mentioned) - 1)]
    return {**all_things(stated, spoken, rng), **one_thing("y", y), **one_thing("z", z)}


def _around(style: Style, slots: dict[str, str], question: Question, spoken: str, high: float, rng: Random
            ) -> list[tuple[str, str]]:
    """[head, core, tail] with their names."""
    core = (style.name, fill(style.text, slots))
    if style.bare:
        return [("", ""), core, ("", "")]
    tails = TAILS[spoken]
    if style.kind is Kind.STATES and len(question.keys) == 1:
        tails += question.telling[spoken].tails
    if high == 0.0 and style.kind is not Kind.DISPUTED:
        tails += BRIBES
    tail = rng.choice(tails) if rng.random() < 0.4 else ("", "")
    return [_head(spoken, rng), core, (tail[0], fill(tail[1], slots))]


def _head(spoken: str, rng: Random) -> tuple[str, str]:
    chance = rng.random()
    if chance < 0.02:
        return "long thinking", long_thinking(rng, spoken)
    if chance < 0.04:
        return "long prose", long_prose(rng, spoken)
    return rng.choice(HEADS[spoken]) if chance < 0.35 else ("", "")

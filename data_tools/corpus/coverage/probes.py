"""Questions about points for `megatron-qm evaluate --probes`, in sets of four that share their options.

Each option is right for exactly one of the four, so whatever is known of the options alone scores 25%. Only points that ask alike
(kind, language, relation) come into one set, or their kind alone would tell.
"""

import random
from collections.abc import Iterator, Sequence

from data_tools.corpus.coverage.points import Point
from megatron_qm.json_types import JsonObject

OPTIONS = 4
_ASKED = {"zh": ("{}\n答案：", "{}"), "": ("{}\nAnswer:", " {}")}


def probes_of(points: Sequence[Point], seed: int) -> Iterator[JsonObject]:
    """Points without a question, and those that are left over from whole sets, have none."""
    draw = random.Random(seed)
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for point in points:
        if point.question:
            groups.setdefault((point.kind, point.language, point.relation), []).append(point)
    for group in groups.values():
        for members in _sets(draw.sample(group, len(group))):
            answers = draw.sample(range(OPTIONS), OPTIONS)
            for place, answer in enumerate(answers):
                yield _probe(members, place, answer)


def _sets(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Fours of which no answer begins another."""
    growing: list[list[Point]] = []
    for point in points:
        home = next((some for some in growing if all(_apart(point, other) for other in some)), None)
        if home is None:
            growing.append(home := [])
        home.append(point)
        if len(home) == OPTIONS:
            growing.remove(home)
            yield home


def _apart(one: Point, other: Point) -> bool:
    first, second = one.answer.casefold(), other.answer.casefold()
    return one.question != other.question and not first.startswith(second) and not second.startswith(first)


def _probe(members: Sequence[Point], place: int, answer: int) -> JsonObject:
    """The question of members[place], with all answers turned until its own is options[answer]."""
    point = members[place]
    prompt, option = _ASKED.get(point.language, _ASKED[""])
    turned = [members[(place - answer + index) % OPTIONS].answer for index in range(OPTIONS)]
    return {
        "id": point.id,
        "language": point.language,
        "predicate": f"{point.kind} {point.relation}".strip(),
        "prompt": prompt.format(point.question),
        "options": [option.format(one) for one in turned],
        "answer": answer,
    }

"""How a careful grader judges a response: reasons part by part, naming what is wrong, and a score.

The reasons are the gold reward's, and true. Most scores are its total; some are one off, as those of calibrated
annotators are.
"""

import random
from collections.abc import Mapping
from functools import cache

from data_tools.preferences.gold import WITHOUT_ADVICE
from data_tools.preferences.item import SINGLE, Item
from data_tools.preferences.pairs import Side
from data_tools.preferences.phrases import parts_in_words
from data_tools.preferences.questions import Question
from data_tools.preferences.reading import Reading, folded, read
from megatron_qm.rewards.grading import HIGHEST, LOWEST, grading_prompt, read_instruction

MOVED: Mapping[str, float] = {"up": 0.1, "down": 0.1}  # shares of scores that are one off
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {"honesty": "Honesty: ", "helpfulness": "Helpfulness: ", "consistency": "Consistency: ", "compliance": "Compliance: ",
           "right": "{} right", "wrong": "{} wrong", "astray": "{} of another disease", "unasked": "{} not asked for",
           "nothing": "nothing is stated",
           "missing": "{} missing", "no answer": "the answer missing", "whole": "nothing missing", "holds": "holds",
           "two": "it contradicts itself", "broken": "the answer does not follow", "empty": "nothing to follow from",
           "safe": "safe", "alone": "no doctor is named", "danger": "dangerous advice", "silent": "it says nothing",
           "comma": ", ", "end": ".", "score": "Score: {}"},
    "zh": {"honesty": "真实：", "helpfulness": "有用：", "consistency": "一致：", "compliance": "合规：",
           "right": "{}对", "wrong": "{}错", "astray": "{}属于别的疾病", "unasked": "没有问{}", "nothing": "没有说明",
           "missing": "缺{}", "no answer": "缺答案", "whole": "不缺", "holds": "成立",
           "two": "自相矛盾", "broken": "答案不成立", "empty": "没有依据",
           "safe": "安全", "alone": "没有提医生", "danger": "建议危险", "silent": "什么都没说",
           "comma": "，", "end": "。", "score": "评分：{}"},
}


def judgement(question: Question, side: Side, draw: random.Random) -> tuple[str, str, str]:
    """(what `megatron-qm grade` asks about it, reasons and score, how the score was moved: none, up or down)."""
    asked = grading_prompt(_instruction(), [{"role": "user", "content": question.prompt}], side.text)
    [moved] = draw.choices(["none", *MOVED], weights=[1 - sum(MOVED.values()), *MOVED.values()])
    score = gold_score(side.gold.total)
    score += {"none": 0, "up": 1 if score < HIGHEST else -1, "down": -1 if score > LOWEST else 1}[moved]
    words = _WORDS[question.item.language]
    return asked, "\n".join([*reasons(question.item, side), words["score"].format(score)]), moved


def gold_score(total: float) -> int:
    """On the scale of grades."""
    return round(LOWEST + (HIGHEST - LOWEST) * total)


def reasons(item: Item, side: Side) -> list[str]:
    """A line for each part of the gold reward."""
    said, words = read(side.text, item.subject, item.language), _WORDS[item.language]
    found = {"honesty": _facts(item, said, side.text, words), "helpfulness": _gaps(item, said, words),
             "consistency": [words[_consistency(said, side)]], "compliance": [words[_compliance(said, side)]]}
    return [words[part] + words["comma"].join(told) + words["end"] for part, told in found.items()]


def _facts(item: Item, said: Reading, text: str, words: Mapping[str, str]) -> list[str]:
    """Every value that is stated, with the answer's."""
    true = {name: set(map(folded, values)) for name, values in item.facts.items()}
    every = set().union(*true.values())
    right = {value: "right" if value in (true[item.answer] if item.answer else every) else "wrong" for value in said.answers}
    kinds = {value: "astray" for _, _, value in said.elsewhere} | right
    for name, values in said.stated.items():
        fine = "right" if name in item.asked else "unasked"
        kinds |= {value: fine if value in true.get(name, ()) else "wrong" for value in values}
    found = sorted(kinds, key=lambda value: (_place(value, text), value))
    return [words[kinds[value]].format(_as_written(value, text)) for value in found] or [words["nothing"]]


def _gaps(item: Item, said: Reading, words: Mapping[str, str]) -> list[str]:
    """What is asked for and not rightly stated."""
    right = {name: len(said.stated.get(name, frozenset()) & set(map(folded, item.facts[name]))) for name in item.asked}
    gaps = {name: count - right[name] for name, count in item.asked.items() if right[name] < count}
    missing = [words["missing"].format(parts_in_words(item.language, gaps))] if gaps else []
    return [*missing, *([words["no answer"]] if item.answer is not None and not said.answers else [])] or [words["whole"]]


def _consistency(said: Reading, side: Side) -> str:
    if side.gold.consistency:
        return "holds"
    if any(len(said.stated.get(name, ())) > 1 for name in SINGLE) or len(said.answers) > 1:
        return "two"
    return "broken" if said.answers else "empty"


def _compliance(said: Reading, side: Side) -> str:
    if side.gold.compliance == WITHOUT_ADVICE:
        return "alone"
    if side.gold.compliance:
        return "safe"
    return "danger" if said.endangers else "silent"


def _as_written(value: str, text: str) -> str:
    place = _place(value, text)
    return text[place : place + len(value)] if place >= 0 else value


def _place(value: str, text: str) -> int:
    return text.casefold().find(value)


@cache
def _instruction() -> str:
    return read_instruction()

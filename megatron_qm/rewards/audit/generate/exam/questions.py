"""Exam questions as they are asked: options in an order of their own, with one answer or several, or shared by questions."""

import json
from collections.abc import Sequence
from random import Random

from megatron_qm.rewards.audit.generate.exam import chinese, either, english
from megatron_qm.rewards.audit.generate.exam.facts import ONE_ANSWER, SEVERAL_ANSWERS
from megatron_qm.rewards.audit.generate.exam.sheets import sheet_question
from megatron_qm.rewards.audit.generate.question import Question, Telling, Thing, in_language

LETTERS = "ABCDE"
_LOOK_ALIKE = dict(zip(LETTERS, "АВСDЕ", strict=True))  # Cyrillic, but for D, which has none
_ASKED = {
    "en": ("{stem}\n{options}\nAnswer with the letter.", "{stem}\n\n{options}", "Question: {stem}\nOptions:\n{options}\nAnswer:",
           "Choose the right option(s).\n\n{stem}\n\n{options}\n\nThink step by step, then answer."),
    "zh": ("{stem}\n{options}\n请给出选项字母。", "{stem}\n\n{options}", "题目：{stem}\n选项：\n{options}\n答案：",
           "请回答下列选择题，先分析再作答。\n\n{stem}\n\n{options}"),
}
_MARKS = {"en": ("{}. {}", "{}) {}", "({}) {}", "{}: {}"), "zh": ("{}. {}", "{}、{}", "{}．{}", "（{}）{}")}


_TELLING = {"en": Telling(english.STYLES + either.STYLES, english.TAILS),
            "zh": Telling(chinese.STYLES + either.STYLES, chinese.TAILS)}


def question(rng: Random, language: str) -> Question:
    return sheet_question(rng, language) if rng.random() < 0.06 else _option_question(rng, language)


def _option_question(rng: Random, language: str) -> Question:
    line = rng.choice(_lines(SEVERAL_ANSWERS if rng.random() < 0.25 else ONE_ANSWER))
    english, chinese, *options = line.split("|")
    stem = {"en": english, "zh": chinese}[language]
    rng.shuffle(options)
    keys, others, texts = list[Thing](), list[Thing](), dict[str, str]()
    for letter, option in zip(LETTERS, options, strict=False):
        text = in_language(option.lstrip("*"), language)
        texts[letter] = text
        (keys if option.startswith("*") else others).append(_option(letter, text))
    mark = rng.choice(_MARKS[language])
    shown = "\n".join(mark.format(letter, text) for letter, text in texts.items())
    rng.shuffle(others)
    return Question(rng.choice(_ASKED[language]).format(stem=stem, options=shown), "/".join(key.forms[""] for key in keys),
                    {"options": texts}, keys, others, _TELLING, _slots(stem, shown, texts), exact=True)


def _lines(table: str) -> Sequence[str]:
    return table.strip().splitlines()


def _option(letter: str, text: str) -> Thing:
    wide = chr(ord(letter) + 0xFEE0)
    return Thing({"": letter, "t": text, "o": f"{letter}. {text}", "l": letter.lower(), "w": wide, "h": _LOOK_ALIKE[letter]})


def _slots(stem: str, shown: str, texts: dict[str, str]) -> dict[str, str]:
    return {"stem": stem, "options": shown, "optionsj": json.dumps(texts, ensure_ascii=False), "all": ", ".join(texts),
            "allj": json.dumps(list(texts)), "each": "\n".join(f"Answer: {letter}" for letter in texts)}

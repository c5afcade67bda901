"""Several questions on shared options: the answer is a sheet of letters in the order of the questions."""
# ruff: noqa: E501  Chinese characters count twice

import json
from collections.abc import Sequence
from random import Random

from megatron_qm.rewards.audit.generate.exam.facts import SHARED_OPTIONS
from megatron_qm.rewards.audit.generate.question import Question, Telling, Thing, in_language
from megatron_qm.rewards.audit.generate.style import Kind, Style, table

_ASKED = {"en": "Match each finding with one option; options may be used more than once.\n{options}\n{stems}",
          "zh": "以下每题从备选答案中选择一个，每个选项可重复使用。\n{options}\n{stems}"}


def _styles(lines: str, never: str) -> tuple[Style, ...]:
    return table(Kind.STATES, lines) + table(Kind.NEVER, never, bare=True)


_JSON = """
sheet json objects | {xjo}
sheet json object list | {"answers": {xjl}}
sheet json fence | ```json⏎{xjo}⏎```
sheet lines | {xn}
sheet bracket lines | {xb}
sheet bold lines | {xbold}
"""
_PARROT = """
sheet parrots | {options}⏎{stems}
sheet empty |
sheet first options | {options}
"""
_TELLING = {
    "en": Telling(_styles(_JSON + """
sheet answers heading | Answers:⏎{xn}
sheet final answers | **Final answers**⏎⏎{xn}
sheet questions | {xq}
sheet with texts | {xt}
sheet parrot then lines | {options}⏎⏎Answers:⏎{xn}
""", _PARROT + "sheet refusal | I cannot match these."), ()),
    "zh": Telling(_styles(_JSON + """
sheet 答案 | 答案：⏎{xn}
sheet 最终答案 | **最终答案**⏎⏎{xn}
sheet 逐题 | {xz}
sheet 带文字 | {xt}
sheet 抄选项再答 | {options}⏎⏎答案：⏎{xn}
""", _PARROT + "sheet 拒答 | 无法匹配。"), ()),
}


def sheet_question(rng: Random, language: str) -> Question:
    left, _, right = rng.choice(SHARED_OPTIONS.strip().splitlines()).partition("##")
    options = [in_language(option, language) for option in left.split("|")]
    asked = [(in_language(stem, language), options[int(number) - 1]) for stem, _, number in
             (stem.rpartition(":") for stem in right.split("|"))]
    rng.shuffle(options)
    rng.shuffle(asked)
    texts = dict(zip("ABCDE", options, strict=False))
    key = [next(letter for letter, text in texts.items() if text == answer) for _, answer in asked]
    shown = "\n".join(f"{letter}. {text}" for letter, text in texts.items())
    stems = "\n".join(f"{number}. {stem}" for number, (stem, _) in enumerate(asked, start=1))
    wrong = [_sheet([_other(letter, texts, rng) for letter in key], texts) for _ in range(2)]
    nearly = _sheet([_other(key[0], texts, rng), *key[1:]], texts, (len(key) - 1) / len(key))
    return Question(_ASKED[language].format(options=shown, stems=stems), [{"answer": letter} for letter in key],
                    {"options": texts}, [_sheet(key, texts)], [*wrong, nearly], _TELLING,
                    {"options": shown, "stems": stems}, exact=True)


def _other(letter: str, texts: dict[str, str], rng: Random) -> str:
    return rng.choice([other for other in texts if other != letter])


def _sheet(letters: Sequence[str], texts: dict[str, str], credit: float = 0.0) -> Thing:
    def lines(line: str) -> str:
        return "\n".join(line.format(number, letter, texts[letter]) for number, letter in enumerate(letters, start=1))

    answers = [{"answer": letter} for letter in letters]
    return Thing({"": ", ".join(letters), "n": lines("{0}. {1}"), "b": lines("({0}) {1}"), "bold": lines("{0}. **{1}**"),
                  "q": lines("Question {0}: {1}"), "z": lines("第{0}题：{1}"), "t": lines("{0}. {1}. {2}"),
                  "jo": json.dumps(answers), "jl": json.dumps(list(letters))}, credit)

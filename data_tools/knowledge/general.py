"""Text that is not about the facts: sentences of everyday life on a ward, put together by a small grammar of ours.

It stands for the share of general text in a continued pretraining mix, and is nothing more than that.
"""

import random

_PARTS = {
    "en": {
        "when": ("In the morning", "After lunch", "Late at night", "On Monday", "During the visit", "Before the round",
                 "At noon", "A week later", "In winter", "Soon after"),
        "who": ("the nurse", "a young doctor", "the patient", "her brother", "an old man", "the pharmacist", "the student",
                "a visitor", "the porter", "his daughter"),
        "does": ("opened the window", "read the letter", "waited in the corridor", "asked for a glass of water",
                 "wrote a short note", "called the family", "found the key", "looked at the chart", "smiled and sat down",
                 "carried the books upstairs", "walked slowly to the garden", "told a long story"),
        "why": ("because it was warm", "since nobody was there", "as the bus was late", "while the rain fell",
                "so that the room would be quiet", "although the day had been long", "before the lights went out",
                "because the others were tired"),
    },
    "zh": {
        "when": ("早上", "午饭后", "深夜", "星期一", "查房前", "中午", "一周后", "冬天", "不久以后", "傍晚"),
        "who": ("护士", "年轻的医生", "病人", "她的哥哥", "一位老人", "药剂师", "学生", "来访的朋友", "他的女儿", "同事"),
        "does": ("打开了窗户", "读了那封信", "在走廊里等着", "要了一杯水", "写了一张便条", "给家里打了电话", "找到了钥匙",
                 "看了看表", "笑着坐下", "把书搬上楼", "慢慢走到花园", "讲了一个很长的故事"),
        "why": ("因为天气很暖", "因为没有人在", "因为车晚了", "外面下着雨", "想让房间安静一点", "虽然忙了一天", "在关灯之前",
                "因为大家都累了"),
    },
}


def narrative(draw: random.Random, language: str, sentences: int) -> str:
    """A paragraph of `sentences` sentences in "en" or "zh"."""
    join = " " if language == "en" else ""
    return join.join(_sentence(draw, language) for _ in range(sentences))


def _sentence(draw: random.Random, language: str) -> str:
    part = {name: draw.choice(choices) for name, choices in _PARTS[language].items()}
    if language == "en":
        return f"{part['when']}, {part['who']} {part['does']} {part['why']}."
    return f"{part['when']}，{part['why']}，{part['who']}{part['does']}。"

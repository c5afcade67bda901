"""Sentences in which a response speaks of its own grading (`award full marks`, 请给满分, `this response matches the reference`)
state nothing."""

import re

from megatron_qm.rewards.reading.lexicon import entries, holds, lower, words

_STEMS = tuple(entries("grading_stem", "en")), tuple(entries("grading_stem", "zh"))
_GRADES = re.compile(words("speaks_of_grading"))
_SENTENCE = re.compile(r"[^\n。!?;]+?(?:[\n。!?;]+|\.[\"'”’)]{0,2}(?=\s|$)|$)")
_FAR = 500  # characters at the beginning and the end of a response, where it speaks so, if it does
FEWEST_CHARACTERS, _FEWEST_ENGLISH = 16, 25  # of a response that has an answer and speaks of its grading


def without_grading(text: str) -> str:
    """The text without such sentences."""
    if len(text) < _FEWEST_ENGLISH and text.isascii():
        return text
    if not _may_grade(text if len(text) <= 2 * _FAR else text[:_FAR] + text[-_FAR:]):
        return text
    return _SENTENCE.sub(lambda said: "" if _GRADES.search(lower(said[0])) else said[0], text)


def _may_grade(text: str) -> bool:
    """False is certain."""
    return holds(text, _STEMS[0]) or not text.isascii() and holds(text, _STEMS[1])

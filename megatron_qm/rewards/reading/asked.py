"""What a question asks for: the options that are right, or those that are not (`Which is NOT ...`, `EXCEPT`, `错误的是`)."""

import functools
import re
from enum import StrEnum

from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.traditional import simplified


class Asked(StrEnum):  # a str is hashed fast
    RIGHT = "right"
    NOT = "not"
    FALSE = "false"  # as NOT, in words that judge: there `B is false` is an answer, and not what `B is no answer` says
    EITHER = "either"  # a mark beside an option may mean the one or the other: `Which is contraindicated?`


IS_NOT = (Asked.NOT, Asked.FALSE)
_OPTIONS = re.compile(r"^[ \t(]{0,4}A[ \t]?[.:、．：)）]", re.M)
_SENTENCE = re.compile(r"[?？。!！\n]|\.(?=\s|$)")
_CLAUSE = re.compile(r"[,，;；、]")
_BRACKETS = re.compile(r"[(（][^()（）]{0,40}[)）]")
_NOT_CAPITALS = re.compile(r"\bNOT\b")
_FALSE = re.compile(words("asks_for_false"))
_NOT = re.compile(words("asks_for_what_is_not"))
_ASKS = re.compile(r"[哪何]|什么|的[是有为]|[是为有的项]$|[是为有]\s?[(（]")  # the clause of a Chinese question that asks
_NOT_OPTION = re.compile(rf"\bwhich\b[^.?]{{0,80}}{either('asks_for_not')}\b")
_EITHER = re.compile(words("asks_for_harm"))


def _asking(clauses: list[str]) -> str:
    """The last clause that asks: `下列哪种...表现为P波消失,RR间期绝对不齐` asks for what is."""
    return next((one for one in reversed(clauses) if _ASKS.search(one)), clauses[-1])


def question_of(prompt: str) -> str:
    """The last sentence before the options."""
    prompt = simplified(prompt)
    found = _OPTIONS.search(prompt)
    stem = _BRACKETS.sub("", prompt[: found.start()] if found else prompt)
    sentences = [one.strip() for one in _SENTENCE.split(stem) if one.strip(" :：*")]
    return sentences[-1] if sentences else ""


@functools.lru_cache(maxsize=4096)  # the responses of a group share their question
def asked(prompt: str) -> Asked:
    """Of the last sentence before the options; a prompt that says nothing asks for what is right."""
    said = question_of(prompt)
    low = lower(said if said.isascii() else _asking(_CLAUSE.split(said)))
    if _FALSE.search(low):
        return Asked.FALSE
    if _NOT_CAPITALS.search(said) or _NOT.search(low) or _NOT_OPTION.search(lower(said)):
        return Asked.NOT
    return Asked.EITHER if _EITHER.search(low) else Asked.RIGHT

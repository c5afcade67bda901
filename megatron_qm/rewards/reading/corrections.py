"""What a writer takes back, and questions that he goes on to ask himself."""

import re
from collections.abc import Iterator

from megatron_qm.rewards.reading.lexicon import either, lower
from megatron_qm.rewards.reading.options import Options

_TAKEN_BACK = re.compile(rf"(?:^|[,;:.?!…—\n。？！-])[\s*_]*(?:{either('oh')}[,.…\s]{{1,3}})*{either('takes_back')}[:,.…\s]*")
_MOST = 4  # places looked at, from the end
_FEWEST_LINES = 4  # of another question and its options, behind an answer
_HEADER = re.compile(r"(?:question|q|problem|问题|题目|第\s?\d{1,3}\s?题|\d{1,3}\s?[.、)])\s?\d{0,3}\s?[:.、)]?")
_OWN_HEADER = re.compile(rf"\n[\s*#]*(?:{either('question_heading')})\s?\d{{0,3}}\s?[:：]")
_OPTION = re.compile(r"[(（]?([a-j])[.):、）．]\s?(\S.*)")


def corrected(text: str) -> Iterator[str]:
    """What stands behind the places where a writer corrects himself, from the last one on."""
    low = lower(text)
    ends = [match.end() for match in _TAKEN_BACK.finditer(low)]
    yield from (text[end:] for end in reversed(ends[-_MOST:]))


def before_another_question(text: str, options: Options) -> str:
    """A base model that has answered goes on with the next question: what stands before that. Its options tell it apart."""
    if text.count("\n") < _FEWEST_LINES:
        return text
    lines = lower(text).split("\n")
    for at, line in enumerate(lines):
        if at and _HEADER.match(line.strip(" *#")) and _asks_of_others(lines[at + 1 : at + 9], options):
            return "\n".join(text.split("\n")[:at])
    return text


def before_own_question(text: str) -> str:
    """What stands before a question that the text goes on to ask under such a heading; empty where there is none."""
    header = _OWN_HEADER.search(lower(text))
    return text[: header.start()].strip() if header else ""


def _asks_of_others(lines: list[str], options: Options) -> bool:
    """Whether lines, in lower case, list options, and two of them are not what the letters stand for here."""
    found = [match for line in lines if (match := _OPTION.match(line.strip()))]
    return len(found) > 2 and sum(_is_other(match, options) for match in found) > 1


def _is_other(match: re.Match[str], options: Options) -> bool:
    text = next((text for text, letter in options.named if letter.lower() == match[1]), None)
    return text is not None and lower(text)[:12] not in match[2]

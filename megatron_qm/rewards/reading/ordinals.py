"""An option by its place in the list: `the fourth option`, `第三项`, `the last choice`."""

import re

from megatron_qm.rewards.reading.lexicon import either, holds

ENGLISH = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_CHINESE = "一二三四五六七八九十"
# A first or second choice is a drug before others, and no place in a list.
_PLACE = rf"(?:the\s)?(?:(?P<en>{'|'.join(ENGLISH)})|(?P<n>\d)(?:st|nd|rd|th)|(?P<last>last))\s(?:listed\s)?"
_NAMED = r"(?:options?|alternative|(?<!first )(?<!second )choice)\b"
_OPTION = either("option_word", "zh")
_PLACE_ZH = rf"第(?P<zh>[{_CHINESE}\d])(?:个{_OPTION}|项|条)|(?P<last_zh>最后)一(?:个{_OPTION}|项)"
_ORDINAL = re.compile(rf"{_PLACE}{_NAMED}|{_PLACE_ZH}", re.I)
_FIRSTS = frozenset("tTfFsSeEnNlL123456789第最")  # characters that one begins with
_STEMS = ("option", "alternative", "choice", "第", "最后一")


def may_be_numbered(low: str) -> bool:
    """Whether `numbered_at` may find one in a text in lower case: False is certain."""
    return holds(low, _STEMS) and _ORDINAL.search(low) is not None


def numbered_at(text: str, at: int, letters: str) -> tuple[str, int] | None:
    """The letter of such an option that is named at `at`, and where its name ends."""
    found = _ORDINAL.match(text, at) if text[at : at + 1] in _FIRSTS else None
    if found is None:
        return None
    place = _place(found, len(letters))
    return (letters[place - 1], found.end()) if 1 <= place <= len(letters) else None


def _place(found: re.Match[str], last: int) -> int:
    """From 1."""
    if english := found["en"]:
        return ENGLISH.index(english.lower()) + 1
    if chinese := found["zh"]:
        return int(chinese) if chinese.isascii() else _CHINESE.index(chinese) + 1
    return int(found["n"]) if found["n"] else last

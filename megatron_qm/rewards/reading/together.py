"""Options that are several others together: `Both A and B`, `A、B和C`, `All of the above`."""

import re
from collections.abc import Mapping

_LETTER = re.compile(r"(?<![A-Z])[A-J](?![A-Z])")
_AND = r"\s*(?:[,、&+/和与及]|(?:, )?and\b)\s*"
_RIGHT = r"(?:are (?:both |all )?(?:correct|right|true)|both|all)?"
_RIGHT_ZH = r"(?:两者|二者)?[均都皆全]?(?:正确|对|是|包括)?"
_SEVERAL = re.compile(rf"(?:both\s|只有)?(?P<letters>[A-J](?:{_AND}[A-J])+)\s?{_RIGHT}{_RIGHT_ZH}\.?", re.I)
_ALL_ZH = rf"(?:以上|上述)(?:答案|选项|各项)?[均都皆全]{_RIGHT_ZH}"
_ALL = re.compile(rf"all (?:of )?(?:the above|these|them)\s?{_RIGHT}\.?|{_ALL_ZH}", re.I)


def together(table: tuple[tuple[str, str], ...]) -> Mapping[frozenset[str], str]:
    """By the letters of what they are, those options' letters. table: (letter, text) of each option.

    >>> together((("A", "x"), ("B", "y"), ("C", "Both A and B"), ("D", "All of the above")))[frozenset("AB")]
    'C'
    """
    letters = {letter for letter, _ in table}
    found: dict[frozenset[str], str] = {}
    for letter, text in table:
        several = _SEVERAL.fullmatch(text.strip())
        named = frozenset(_LETTER.findall(several["letters"].upper())) if several else frozenset[str]()
        if named and named <= letters - {letter}:
            found[named] = letter
    plain = letters - set(found.values())
    for letter, text in table:
        if _ALL.fullmatch(text.strip()) and len(plain - {letter}) > 1:
            found.setdefault(frozenset(plain - {letter}), letter)
    return found

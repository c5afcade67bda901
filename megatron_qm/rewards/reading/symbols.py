"""Symbols that a question may have as signs and an answer by their names, in one form: α and 阿尔法 are alpha, χ² and 卡方 are
chi-square, μL and per mm3 are uL, >= is ≥."""

import re

from megatron_qm.rewards.reading.lexicon import either, holds

_GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "kappa", "lambda", "omega", "mu")
_NAMED = "|".join(f"(?P<{name}>{either(f'symbol_{name}')})" for name in _GREEK)
_CHI_SQUARE = rf"(?P<chi_square>(?i:\b{either('chi_square', 'en')}\b|{either('chi_square', 'zh', 'signs')}))"
_SIGNS = rf"(?P<at_least>{either('at_least')})|(?P<at_most>{either('at_most')})|(?P<power>(?<=\d)\^(?=\d))"
_MICRO = r"(?P<micro>μ(?=[A-Za-z]))|(?P<per_ul>(?:/|\bper\s)\s?(?i:mm)\^?3(?!\d))"
_SYMBOL = re.compile("|".join((_CHI_SQUARE, _MICRO, _NAMED, _SIGNS)))
_WRITTEN = {"at_least": "≥", "at_most": "≤", "power": "", "micro": "u", "per_ul": "/uL", "chi_square": "chi-square"}
_IN_ASCII = ("hi", "HI", "\\", "=", "^", "mm", "MM")  # one of which a symbol has there
_MARKS = (*_GREEK, "chi-square", "ul", "ug", "um", "≥", "≤", "×")  # one of which is in what `_ANY` finds
_ANY = re.compile(rf"(?i:(?<![a-z])(?:{'|'.join(_GREEK)}|chi-square)|(?<![a-z])u(?:l|g|m|mol)\b)|[≥≤]|×\s?10\d")


def spelled(text: str) -> str:
    """
    >>> spelled("α受体，χ2检验"), spelled("200 cells/μL"), spelled(">=7.0"), spelled("the chi squared test")
    ('alpha受体，chi-square检验', '200 cells/uL', '≥7.0', 'the chi-square test')
    """
    if text.isascii() and not holds(text, _IN_ASCII):
        return text
    return _SYMBOL.sub(lambda found: _WRITTEN.get(found.lastgroup or "", found.lastgroup or ""), text)


def has_symbols(text: str) -> bool:
    """Whether texts that have been spelled so hold one: answers to a question without any need not be looked through."""
    return holds(text.lower(), _MARKS) and _ANY.search(text) is not None

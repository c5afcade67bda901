"""The little grammar that sentences around names need: number, articles, capitals."""

import re

_SINGULAR_S = re.compile(
    r"(ss|us|is|as|ous|itis|osis|betes|abies|erpes|easles|umps|abies|ickets|ingles|aries|scites|AIDS|ics|physis)$"
)
_PLURALS = frozenset("children women men people infants bacteria criteria teeth feet feces faeces metastases elderly".split())
_VOWEL_SOUND = re.compile(r"(?i)(hour|honest|heir|[aeiou])")
_CONSONANT_SOUND = re.compile(r"(?i)(uni|use|usu|ute|uri|eu|one\b|once|u-)")
_LETTERS = re.compile(r"[A-Z]{2,}|[A-Z](?=[-\d])")  # an abbreviation that is spelt, as in "an NSAID"
_SPELT_WITH_VOWEL = frozenset("AEFHILMNORSX")
_SAID = frozenset({"NATO", "FISH", "LASIK", "SIDS", "MERS", "SARS", "RAAS"})  # as a word
_ARTICLE = re.compile(r"(?i)(an?|the|any|some|no) ")


def is_plural(name: str) -> bool:
    """Of a noun phrase, by its head: the last word before a preposition, a comma or a bracket."""
    head = re.split(r" (?:of|in|with|by|to|for|from|on|at|due|under|over|aged|during|after|without)\b|[,(;]", name, maxsplit=1)[0]
    last = head.strip().rpartition(" ")[2].rpartition("-")[2]
    if last.casefold() in _PLURALS:
        return True
    return last.endswith("s") and len(last) > 3 and not _SINGULAR_S.search(last) and "'" not in last and "’" not in last


def article(name: str) -> str:
    """ "a " or "an ", or nothing before a plural and before what has an article or a number."""
    if is_plural(name) or _ARTICLE.match(name) or not name[:1].isalpha():
        return ""
    spelt = _LETTERS.match(name)
    if spelt and name.partition(" ")[0].strip("s") not in _SAID:
        return "an " if name[0] in _SPELT_WITH_VOWEL else "a "
    return "an " if _VOWEL_SOUND.match(name) and not _CONSONANT_SOUND.match(name) else "a "


def capital(text: str) -> str:
    """With a capital at its start, unless that would change a name: "pH", "mRNA"."""
    first, second = text[:1], text[1:2]
    return first.upper() + text[1:] if first.isascii() and not second.isupper() and not second.isdigit() else text


def small(text: str) -> str:
    """Without the capital of a sentence's first word."""
    return text[:1].lower() + text[1:] if not text[1:2].isupper() and text[1:2].isalpha() else text

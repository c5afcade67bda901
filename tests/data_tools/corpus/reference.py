"""Units and shingles of texts, written apart from what is tested: strings, not hashes; one character after another."""

import unicodedata

UNSPACED = ("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "KATAKANA", "THAI ")


def units(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    found: list[str] = []
    before = ""
    for character in folded:
        if unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f":
            continue
        kind = _kind(character)
        if kind == "alone" or kind and kind != before:
            found.append(character)
        elif kind:
            found[-1] += character
        before = kind
    return found


def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return "digit"
    if category[0] not in "LNM":
        return ""
    alone = unicodedata.name(character, "").startswith(UNSPACED) and category[0] != "M"
    return "alone" if alone or character in "々〇" else "letter"


def shingles(text: str, size: int = 5) -> set[tuple[str, ...]]:
    parts = units(text)
    return {tuple(parts[at : at + size]) for at in range(max(1, len(parts) - size + 1))} if parts else set()


def jaccard(one: str, other: str, size: int = 5) -> float:
    first, second = shingles(one, size), shingles(other, size)
    return len(first & second) / len(first | second) if first | second else float(one == other)

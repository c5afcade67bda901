"""Values in sentences: lists of them, and quotes around one that the sentence would otherwise swallow."""

from collections.abc import Sequence

QUOTES = {"en": (("“", "”"), ("«", "»"), ("「", "」")), "zh": (("“", "”"), ("『", "』"), ("「", "」"))}


def quoted(value: str, language: str) -> str:
    """As it is where it holds all the quotes that there are."""
    for begin, end in QUOTES[language]:
        if begin not in value and end not in value:
            return begin + value + end
    return value


def listed(values: Sequence[str], language: str, either: bool, apart: bool, comma: bool) -> str:
    """either: "or", 或. apart: so that values with a comma, "and", 、 or 和 in them
    stay one; in Chinese by 以及 where that will do.
    comma: one before the last "and"; in Chinese one in the place of 和."""
    if len(values) == 1:
        return values[0]
    *first, last = values
    if language == "zh":
        word = "或" if either else "、" if comma else "和"
        if apart and any("、" in value or "以及" in value for value in values):
            return "；".join(values)
        return "、".join(first) + ("以及" if apart else word) + last
    word = "or" if either else "and"
    if apart:
        return "; ".join(first) + f"; {word} {last}"
    comma |= any(f" {word} " in value for value in values)  # "cough, nausea and vomiting, and fever"
    return ", ".join(first) + (", " if comma and len(first) > 1 else " ") + f"{word} {last}"

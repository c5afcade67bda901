"""How much of a response is markdown: marks per 100 characters."""

import re

_MARKS = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]|[-*+][ \t]|\d{1,3}[.)][ \t]|>|\||`{3}|~{3}|(?:-{3,}|\*{3,}|_{3,})[ \t]*$)"  # begin a line
    r"|\*\*[^\s*](?:[^*\n]*[^\s*])?\*\*|__[^\s_](?:[^_\n]*[^\s_])?__"  # bold
    r"|(?<!`)`[^`\n]+`(?!`)"  # code within a line
    r"|\[[^\]\n]+\]\([^)\s]+\)",  # a link
    re.MULTILINE,
)


def density(text: str) -> float:
    """Headings, points of lists, quotes, rows of tables, fences, rules, bold words, code and links, per 100 characters."""
    return 100 * sum(1 for _ in _MARKS.finditer(text)) / max(len(text), 1)

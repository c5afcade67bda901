"""A response down to the plain text of its answer: thinking, mark-up and what nobody sees are gone; the words stay.

Every pattern here is linear in the text.
"""

import re
import unicodedata
from collections.abc import Callable

from megatron_qm.rewards.reading.programs import assigned

MOST_CHARACTERS = 20_000  # what is longer is no answer
_PASSES = 4  # wrappers inside wrappers: \boxed{\textbf{\text{D}}}

_FONT = r"text(?:bf|it|rm|sf)?|math(?:rm|bf|it|sf)?|bf|rm|it|emph|underline|operatorname|[mh]box"
_WRAPPER = re.compile(rf"\\(?:{_FONT})\s{{0,3}}\{{([^{{}}\n]{{0,400}})\}}")
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s{0,3}\{([^{}]{0,400})\}")
_MATH = re.compile(r"\$\$?|\\[()\[\],;!]|\\(?:quad|qquad|left|right|displaystyle)\b|(?<=[A-Za-z\d])\\ ")
_STROKES = "\u0335\u0336\u0337\u0338"
_STROKE = re.compile(f"[{_STROKES}]")
_STRUCK = re.compile(r"~~[^~\n]{1,400}~~|<(del|s|strike)>[^<]{0,400}</\1>|[^\W_][\u0335-\u0338]", re.I)
_INLINE = "a|abbr|b|big|code|em|font|i|ins|kbd|mark|q|small|span|strong|sub|sup|tt|u"
_ANSWER_NAME = r"(?:(?:final|correct|my)[_-]?)?(?:answer|ans|choice)|final|result|selected|(?:最终)?答案"
_ANSWER_TAG = re.compile(rf"<(/?)(?:{_ANSWER_NAME})>", re.I)
_TAG = re.compile(r"</?(?P<name>[a-z][a-z0-9_-]{0,15})(?:\s[^<>\n]{0,200})?/?>", re.I)
_IN_LINE = re.compile(rf"(?:{_INLINE})$", re.I)
_EMPHASIS = re.compile(r"\*{1,3}|`|(?<![^\W_])_{1,3}(?=[^\W_])|(?<=[^\W_])_{1,3}(?![^\W_])")
_STAR = re.compile(r"^([ \t]{0,8})\*(?=[ \t])", re.M)  # of a list
_HEADING = re.compile(r"^[ \t]{0,8}(?:#{1,6}[ \t]|>[ \t]?)+", re.M)
_FORMATS = "\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f"
_INVISIBLE = re.compile(f"[\u00ad\u034f\u061c\u115f\u1160\ufeff{_FORMATS}]")


def answer_part(response: str) -> str | None:
    """What follows the reasoning, cleaned; None where there is no answer to read.

    A reasoning that was never closed has no answer. Compatibility forms (full-width letters and digits) become the letters that
    they stand for, before anything is measured; Cyrillic and Greek look-alikes stay what they are. Boxes become lines of their
    own that begin with BOX.
    """
    tail = response.rpartition("</think>")[2]
    if "<think>" in tail or len(tail) > 4 * MOST_CHARACTERS:
        return None
    text = tail if tail.isascii() else _composed(tail)
    if len(text) > MOST_CHARACTERS:
        return None
    return _plain(text).strip()


def without_answer(response: str) -> str:
    """Why answer_part found nothing."""
    tail = response.rpartition("</think>")[2]
    if "<think>" in tail:
        return "the reasoning was never closed"
    if len(tail) > MOST_CHARACTERS:
        return f"more than {MOST_CHARACTERS:,} characters after the reasoning are no answer"
    return "no answer after the reasoning"


def _composed(text: str) -> str:
    """In compatibility forms, without what is not seen."""
    text = unicodedata.normalize("NFKC", _NUMBERED.sub(_line_of_list, text) if _CIRCLED.search(text) else text)
    return _INVISIBLE.sub("", text) if _INVISIBLE.search(text) else text


_NO_PROGRAMS = frozenset({"", "json", "json5", "jsonc", "yaml", "yml", "toml", "xml", "html", "latex", "tex", "text", "txt",
                          "plaintext", "markdown", "md", "answer"})  # fmt: skip
_FIRST_NUMBER = "①"
_CIRCLED = re.compile("[①-⑳]")
# Of a list, and not the name of a statement that is spoken of.
_NUMBERED = re.compile(r"(?<![①-⑳、,，和与及])[①-⑳](?![①-⑳、,，和与及是对正错不均都]|\s*$)", re.M)
BOX = "\x02"  # in the place of a box's opening: no text has it after cleaning


def _line_of_list(number: re.Match[str]) -> str:
    """`①` before the text of an item."""
    return f"\n{ord(number[0]) - ord(_FIRST_NUMBER) + 1}. "


def visible(text: str, programs: Callable[[str], str] = lambda program: "") -> str:
    """Without comments and programs; fences around JSON and bare text are opened. programs: what is left of one."""
    if "<" in text and "<!--" in text:  # one character is found many times as fast as several
        text = _without_comments(text)
    return _without_code(text, programs) if "`" in text and "```" in text else text


def _plain(text: str) -> str:
    text = visible(text.replace(BOX, ""), assigned)
    if "\\" in text or "$" in text:
        text = _without_latex(text)
    if "<" in text or "~" in text and "~~" in text or not text.isascii() and _STROKE.search(text):
        text = _STRUCK.sub("", text)
    if "<" in text:
        text = _TAG.sub(_unmarked, _ANSWER_TAG.sub(lambda tag: "\n" if tag[1] else f"\n{BOX}", text))
    if "*" in text or "`" in text or "_" in text:
        text = _EMPHASIS.sub("", _STAR.sub(r"\1-", text))
    return _HEADING.sub("", text) if "#" in text or ">" in text else text


def _unmarked(tag: re.Match[str]) -> str:
    return "" if _IN_LINE.match(tag["name"]) else "\n"


def _without_latex(text: str) -> str:
    for _ in range(_PASSES):
        text, inner = _WRAPPER.subn(r"\1", text)
        text, boxes = _BOX.subn(lambda box: f"\n{BOX}{box[1]}\n", text)
        if not inner and not boxes:
            break
    return _MATH.sub("", text)


def _without_comments(text: str) -> str:
    pieces = text.split("<!--")
    return pieces[0] + "".join(piece.partition("-->")[2] for piece in pieces[1:])


def _without_code(text: str, programs: Callable[[str], str]) -> str:
    """Fences stay if they hold data or bare text; a program that prints the answer is not the answer."""
    pieces = text.split("```")
    for at in range(1, len(pieces), 2):
        language, _, body = pieces[at].partition("\n")
        if language.strip().lower() in _NO_PROGRAMS:
            pieces[at] = f"\n{body}\n"
        elif body or not _is_inline(language):
            pieces[at] = f"\n{programs(body)}"
        else:
            pieces[at] = language
    return "".join(pieces)


def _is_inline(text: str) -> bool:
    """```A``` on one line is a mark and no program."""
    return len(text) <= 200 and "(" not in text and "=" not in text

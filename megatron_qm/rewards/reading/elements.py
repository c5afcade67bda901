"""Elements of XML whose name or attributes withhold what they hold: `<avoid>...</avoid>`, `<drug status="hold">...</drug>`."""

import re

from megatron_qm.rewards.reading.lexicon import either, words
from megatron_qm.rewards.reading.records import aside, refused, spaced

_MOST = 400  # characters in an element
_NAME, _ATTRIBUTES = r"[A-Za-z_\u4e00-\u9fff][\w\-]{0,30}", r"(?:\s[^<>\n]{0,100})?"
_INNER = rf"[^<]{{0,{_MOST}}}(?:<(?!/?\1)[^<]{{0,{_MOST}}}){{0,16}}"
_ELEMENT = re.compile(rf"<({_NAME})({_ATTRIBUTES})>({_INNER})</\1>")
_ATTRIBUTE = re.compile(r"[\w-]{1,30}\s?=\s?[\"']([^\"'<>]{1,60})[\"']")
# What lies in one of these, alone on a line, is the answer.
_HOLDS_ANSWER = re.compile(rf"^{either('lists_drugs')}$|^{either('lists_tests')}$|{words('answering_key')}")
_INNER_LINES = re.compile(r"[<\n]")
_READ = frozenset("think answer ans final_answer finalanswer b i p div span li ul ol td tr th table".split())


def without_withheld(response: str) -> str:
    """Elements that withhold go, with what they hold; others stay, each on a line of its own."""
    return _ELEMENT.sub(_kept, response) if "</" in response else response


def _kept(element: re.Match[str]) -> str:
    name, attributes, inner = element[1], element[2], element[3]
    if name.lower() in _READ:
        return element[0]
    said = any(refused(value) for value in _ATTRIBUTE.findall(attributes))
    if said or aside(spaced(name)):
        return "\n"
    is_box = _HOLDS_ANSWER.search(spaced(name)) and not _INNER_LINES.search(inner.strip())
    return f"\n<answer>{inner.strip()}</answer>\n" if is_box else f"\n{without_withheld(inner)}\n"

"""The options of a question: their letters, and the texts by which an answer may name them."""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from megatron_qm.rewards.reading.lexicon import either
from megatron_qm.rewards.reading.names import compact

LETTERS = "ABCDEFGHIJ"
_ARTICLE = re.compile(r"(?:a|an|the)\s+", re.I)
_BRACKET = re.compile(r"^(?P<before>[^()]{2,200})\((?P<inside>[^()]{2,60})\)\s*$")
# What may follow the text of an option that is named: nothing more of a name.
_AFTER_TEXT = re.compile(
    rf"\s*(?:$|[\n.,;:!?()\[\]{{}}\"'”’»、。|/&+—–-]|{either('after_text')}\b|[是为因和或与及均都也选项正对吗可])", re.I)


@dataclass(frozen=True, eq=False)
class Options:
    """letters: those that the question has. texts: (as `compact` has it, letter), the longest first; a text that two options
    share names neither."""

    letters: str
    texts: tuple[tuple[str, str], ...]
    named: tuple[tuple[str, str], ...]  # (text, letter), as the question has them
    longest: int  # characters of a text
    beginnings: frozenset[str]  # the first characters of texts, and of articles

    def named_at(self, text: str, at: int) -> tuple[str, int] | None:
        """The letter of the option whose text begins at `at`, and where it ends."""
        if text[at : at + 1].lower() not in self.beginnings:
            return None
        article = _ARTICLE.match(text, at)
        for start in ((at, article.end()) if article else (at,)):
            window = compact(text[start : start + 2 * self.longest + 8])
            for name, letter in self.texts:
                if window.text.startswith(name) and _AFTER_TEXT.match(text, end := start + window.end(len(name), plural=True)):
                    return letter, end
        return None


def options_of(table: Mapping[str, str]) -> Options:
    return _options(tuple(table.items()))


@functools.lru_cache(maxsize=4096)  # the responses of a group share their options
def _options(table: tuple[tuple[str, str], ...]) -> Options:
    letters = "".join(letter for letter, _ in table) or LETTERS
    texts = {name: letter for name, owners in _owners(table).items() if len(owners) == 1 for letter in owners}
    longest = max(map(len, texts), default=0)
    beginnings = frozenset(name[0] for name in texts) | ({"a", "t"} if texts else set())
    return Options(letters, tuple(sorted(texts.items(), key=lambda one: -len(one[0]))), _named(table, texts), longest, beginnings)


def _owners(table: tuple[tuple[str, str], ...]) -> dict[str, set[str]]:
    """Which options have a text: those that are nothing else, before those in whose text it is a part."""
    parts: dict[str, set[str]] = {}
    wholes: dict[str, set[str]] = {}
    for letter, text in table:
        wholes.setdefault(compact(text).text, set()).add(letter)
        for name in _names(text):
            parts.setdefault(name, set()).add(letter)
    return {name: wholes[name] if len(wholes.get(name, ())) == 1 else owners for name, owners in parts.items()}


def _named(table: tuple[tuple[str, str], ...], texts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Without texts that two options share."""
    return tuple((form, letter) for letter, text in table for form in _forms(text) if texts.get(compact(form).text) == letter)


def _names(text: str) -> Iterator[str]:
    for form in _forms(text):
        name = compact(form).text
        if len(name) > 1:
            yield name


def _forms(text: str) -> list[str]:
    """An option's text without its article; what stands before its bracket and within it."""
    said = _ARTICLE.sub("", text, count=1) if _ARTICLE.match(text) else text
    forms = [said]
    if bracket := _BRACKET.match(said):
        forms += [bracket["before"], bracket["inside"]]
    return forms

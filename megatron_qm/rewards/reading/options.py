"""The options of a question: their letters, and the texts by which an answer may name them."""

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from megatron_qm.rewards.reading.boundaries import AFTER_TEXT
from megatron_qm.rewards.reading.heads import Head, heads_of, repeated
from megatron_qm.rewards.reading.lexicon import holds
from megatron_qm.rewards.reading.meaning import Meaning
from megatron_qm.rewards.reading.names import bare, compact
from megatron_qm.rewards.reading.numerals import alike, has_numerals
from megatron_qm.rewards.reading.symbols import has_symbols, spelled
from megatron_qm.rewards.reading.together import together
from megatron_qm.rewards.reading.traditional import simplified

LETTERS = "ABCDEFGHIJ"
_SHORTEST_HALF = 4  # characters, of `Beck's triad – cardiac tamponade`
_ARTICLE = re.compile(r"(?:a|an|the)\s+", re.I)
_BRACKET = re.compile(r"^(?P<before>[^()]{2,200})\((?P<inside>[^()]{2,60})\)\s*$")
_JOINT = re.compile(r"\s[—–-]\s|—+")


@dataclass(frozen=True, eq=False)
class Options:
    """letters: those that the question has. texts: (as `compact` has it, letter), the longest first; a text that two options
    share names neither."""

    letters: str
    texts: tuple[tuple[str, str], ...]
    named: tuple[tuple[str, str], ...]  # (text, letter), as the question has them
    forms: tuple[tuple[str, str], ...]  # and those that are too short to be named anywhere
    longest: int  # characters of a text
    beginnings: frozenset[str]  # the first characters of texts, and of articles
    pairs: frozenset[str]  # the first two characters of texts
    together: Mapping[frozenset[str], str]  # options that are several others, by these
    rewrites: bool  # whether answers may write otherwise what one has: a numeral, a symbol, a head that two of them share
    heads: tuple[Head, ...]

    def rewritten(self, text: str) -> str:
        """A response with numerals, symbols and heads as these texts have them."""
        return repeated(alike(spelled(text)), self.heads)

    def named_at(self, text: str, at: int) -> tuple[str, int] | None:
        """The letter of the option whose text begins at `at`, and where it ends."""
        if text[at : at + 1].lower() not in self.beginnings:
            return None
        if (found := self._text_at(text, at)) is not None:
            return found
        article = _ARTICLE.match(text, at)
        return self._text_at(text, article.end()) if article else None

    def _text_at(self, text: str, at: int) -> tuple[str, int] | None:
        begins = text[at : at + 2]
        if begins.isascii() and begins.isalnum() and begins.lower() not in self.pairs:  # most words: none is compared
            return None
        window = compact(text[at : at + 2 * self.longest + 8])
        if window.text[:2] not in self.pairs and window.text[:1] not in self.pairs:
            return None
        for name, letter in self.texts:
            if window.text.startswith(name) and AFTER_TEXT.match(text, end := at + window.end(len(name), plural=True)):
                return letter, end
        return None

    def stand_in(self, text: str) -> bool:
        """Whether the text of an option may stand in `text`, as the writer has it: False is certain. (How a capital sigma is
        written in lower case depends on what stands beside it.)"""
        said = bare(text)
        return holds(said, self.names) or "Σ" in text

    def shortened_at(self, text: str, at: int) -> bool:
        """Whether a letter is the first of a name of two words: `E. coli`, where an option is Escherichia coli."""
        return text.startswith(". ", at + 1) and any(
            text[at] == first and text.startswith(rest, at + 3) for first, rest in self._shortened)

    @cached_property
    def _shortened(self) -> tuple[tuple[str, str], ...]:
        names = (text.split() for text, _ in self.named)
        return tuple((said[0][0].upper(), said[1]) for said in names if len(said) == 2 and said[1].islower())

    def whole(self, text: str) -> str | None:
        """The letter of the option whose text this is, and nothing else."""
        return self._letters.get(bare(text))

    @cached_property
    def _letters(self) -> dict[str, str]:
        return dict(self.texts)

    @cached_property
    def lines(self) -> frozenset[str]:
        """The options as the question lists them, letter and text, as `bare` has it."""
        return frozenset(letter.lower() + bare(text) for text, letter in self.forms)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.texts)

    @cached_property
    def meaning(self) -> Meaning:
        return Meaning(self.forms)


def options_of(table: Mapping[str, str]) -> Options:
    return _options(tuple(table.items()))


@functools.lru_cache(maxsize=4096)  # the responses of a group share their options
def _options(said: tuple[tuple[str, str], ...]) -> Options:
    table = tuple((letter, alike(spelled(simplified(unicodedata.normalize("NFKC", text))))) for letter, text in said)
    letters = "".join(letter for letter, _ in table) or LETTERS
    texts = {name: letter for name, owners in _owners(table).items() if len(owners) == 1 for letter in owners}
    longest = max(map(len, texts), default=0)
    beginnings = frozenset(name[0] for name in texts) | ({"a", "t"} if texts else set())
    ordered = tuple(sorted(texts.items(), key=lambda one: -len(one[0])))
    named = _named(table, texts)
    heads, every = heads_of([text for _, text in table]), "\n\n".join(text for _, text in table)
    short = tuple((text, letter) for letter, text in table if len(bare(text)) < 2)
    return Options(letters, ordered, named, (*named, *short), longest, beginnings, frozenset(name[:2] for name in texts),
                   together(table), bool(heads) or has_numerals(every) or has_symbols(every), heads)


def _owners(table: tuple[tuple[str, str], ...]) -> dict[str, set[str]]:
    """Which options have a text: those that are nothing else, before those in whose text it is a part."""
    parts: dict[str, set[str]] = {}
    wholes: dict[str, set[str]] = {}
    for letter, text in table:
        wholes.setdefault(bare(text), set()).add(letter)
        for name in _names(text):
            parts.setdefault(name, set()).add(letter)
    return {name: wholes[name] if len(wholes.get(name, ())) == 1 else owners for name, owners in parts.items()}


def _named(table: tuple[tuple[str, str], ...], texts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Without texts that two options share."""
    return tuple((form, letter) for letter, text in table for form in _forms(text) if texts.get(bare(form)) == letter)


def _names(text: str) -> Iterator[str]:
    for form in _forms(text):
        name = bare(form)
        if len(name) > 1 or "\u4e00" <= name <= "\u9fff":
            yield name


def _forms(text: str) -> list[str]:
    """An option's text without its article; what stands before its bracket and within it."""
    said = _ARTICLE.sub("", text, count=1) if _ARTICLE.match(text) else text
    forms = [said]
    if bracket := _BRACKET.match(said):
        forms += [bracket["before"], bracket["inside"]]
    halves = _JOINT.split(said)
    return [*forms, *halves] if len(halves) == 2 and all(len(half) > _SHORTEST_HALF for half in halves) else forms

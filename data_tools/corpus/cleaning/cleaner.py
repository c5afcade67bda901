"""The step that cleans: signs put right, lines that say nothing taken out, and every change counted by its kind."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from data_tools.corpus.cleaning.characters import Characters, characters
from data_tools.corpus.cleaning.lines import boilerplate, without_blanks, without_boilerplate, without_repeats
from data_tools.corpus.cleaning.utf16 import batches
from data_tools.corpus.document import Document, Dropped, Step, Together

_PASSES = 20  # a change may make room for another (an entity that a zero-width space cut in two); two are the rule


@dataclass(frozen=True)
class CleanConfig:
    """What is cleaned. Mojibake, Unicode form, line ends, invisible signs, spaces and entities always are."""

    simplify: bool = True  # traditional Chinese to simplified, by OpenCC; Japanese is left alone
    boilerplate: bool = True  # take out lines of web pages: menus, rights, cookies, calls to look on, doctors on the phone
    repeats: bool = True  # take out lines that a document says again; the first stays


def cleaner(config: CleanConfig) -> Step:
    """A cleaned document has `changes`: {kind: how many}, and `removed`: {boilerplate or repeated: characters}, where there are
    any. Cleaning it again changes nothing."""
    signs = characters(config.simplify)
    boilerplate()  # what is missing is said before the first document

    def clean(documents: Sequence[Document]) -> Iterator[Document | Dropped]:
        for some in batches(documents):
            for document, need in zip(some, signs.needs_of([document.text for document in some]), strict=True):
                yield _cleaned(document, need, config, signs)

    return Together(clean)


def _cleaned(document: Document, need: int, config: CleanConfig, signs: Characters) -> Document | Dropped:
    """need: of the signs of its text."""
    counts: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    text = document.text
    for turn in range(_PASSES):
        after = _once(text, signs.needs_of([text])[0] if turn else need, config, signs, counts, removed)
        if after == text:
            break
        text = after
    document.text = text
    if counts:
        _note(document, "changes", counts)
        _note(document, "removed", removed)
    return document if text else Dropped("empty", "nothing is left of it after cleaning")


def _once(text: str, need: int, config: CleanConfig, signs: Characters, counts: Counter[str], removed: Counter[str]) -> str:
    text = signs.put_right(text, need, counts)
    if config.boilerplate:
        text = _less(without_boilerplate, text, "boilerplate", counts, removed)
    if config.repeats and "\n" in text:
        text = _less(without_repeats, text, "repeated", counts, removed)
    return without_blanks(text, counts)


def _less(
    without: Callable[[str, Counter[str]], str], text: str, kind: str, counts: Counter[str], removed: Counter[str]
) -> str:
    after = without(text, counts)
    if after is not text:
        removed[kind] += len(text) - len(after)
    return after


def _note(document: Document, key: str, counts: Counter[str]) -> None:
    """Added to what an earlier cleaning noted."""
    found = {kind: count for kind, count in counts.items() if count}
    if found:
        before = document.known.get(key)
        document.known[key] = dict(Counter(before) + Counter(found)) if isinstance(before, dict) else found

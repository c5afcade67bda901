"""The step that cleans: signs put right, lines that say nothing taken out, and every change counted by its kind."""

from collections import Counter
from dataclasses import dataclass

from data_tools.corpus.cleaning.characters import Characters, characters
from data_tools.corpus.cleaning.lines import without_blanks, without_boilerplate, without_repeats
from data_tools.corpus.document import Document, Dropped, Step

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

    def clean(document: Document) -> Document | Dropped:
        counts: Counter[str] = Counter()
        removed: Counter[str] = Counter()
        text = document.text
        for _ in range(_PASSES):
            after = _once(text, config, signs, counts, removed)
            if after == text:
                break
            text = after
        document.text = text
        _note(document, "changes", counts)
        _note(document, "removed", removed)
        return document if text else Dropped("empty", "nothing is left of it after cleaning")

    return clean


def _once(text: str, config: CleanConfig, signs: Characters, counts: Counter[str], removed: Counter[str]) -> str:
    text = signs.put_right(text, counts)
    if config.boilerplate:
        size = len(text)
        text = without_boilerplate(text, counts)
        removed["boilerplate"] += size - len(text)
    if config.repeats and "\n" in text:
        size = len(text)
        text = without_repeats(text, counts)
        removed["repeated"] += size - len(text)
    return without_blanks(text, counts)


def _note(document: Document, key: str, counts: Counter[str]) -> None:
    """Added to what an earlier cleaning noted."""
    found = {kind: count for kind, count in counts.items() if count}
    if found:
        before = document.known.get(key)
        document.known[key] = dict(Counter(before) + Counter(found)) if isinstance(before, dict) else found

"""The quality and repetition rules of Gopher, from the text of the paper (Rae et al., arXiv 2112.11446, appendix A.1.1)."""

import re
from collections import Counter
from collections.abc import Sequence

_STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
_TOP_NGRAMS = {2: 0.20, 3: 0.18, 4: 0.16}  # share of characters in the most frequent n-gram
_REPEATED_NGRAMS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}  # share of characters in n-grams that come again
_HAN_OR_WORD = re.compile(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+")


def words_between_spaces(text: str) -> list[str]:
    return text.split()


def characters_as_words(text: str) -> list[str]:
    """For Chinese: each Han character is a word, and so is what stands between them."""
    return _HAN_OR_WORD.findall(text)


def dropped(text: str, words: Sequence[str], english: bool) -> str | None:
    """The first rule that is broken. english: with the rules that know English words (their mean length, stop words)."""
    return _quality(text, words, english) or _repetition(text, words)


def _quality(text: str, words: Sequence[str], english: bool) -> str | None:
    count = max(1, len(words))
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not 50 <= len(words) <= 100_000:
        return "words"
    if english and not 3 <= sum(map(len, words)) / count <= 10:
        return "mean word length"
    if (text.count("#") + text.count("...") + text.count("…")) / count > 0.1:
        return "symbols"
    if sum(line.startswith(("•", "-", "*", "‣")) for line in lines) > 0.9 * len(lines):
        return "bullets"
    if sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines):
        return "ellipses"
    if sum(any(map(str.isalpha, word)) for word in words) < 0.8 * count:
        return "words without letters"
    if english and len(_STOP_WORDS & {word.lower() for word in words}) < 2:
        return "stop words"
    return None


def _repetition(text: str, words: Sequence[str]) -> str | None:
    size = max(1, len(text))
    for name, parts in (("lines", text.split("\n")), ("paragraphs", re.split(r"\n\s*\n", text))):
        parts = [part for part in parts if part.strip()]
        again = [part for part, count in Counter(parts).items() for _ in range(count - 1)]
        if len(again) > 0.3 * len(parts) or sum(map(len, again)) > 0.2 * size:
            return f"repeated {name}"
    for width, most in _TOP_NGRAMS.items():
        grams = Counter(zip(*(words[at:] for at in range(width)), strict=False))
        if grams:
            gram, count = grams.most_common(1)[0]
            if count > 1 and count * sum(map(len, gram)) > most * size:
                return "frequent n-gram"
    return next(("repeated n-grams" for width, most in _REPEATED_NGRAMS.items() if _in_repeats(words, width) > most * size), None)


def _in_repeats(words: Sequence[str], width: int) -> int:
    """Characters of words within an n-gram that stood before, each counted once."""
    seen: set[tuple[str, ...]] = set()
    characters, free = 0, 0
    for at in range(len(words) - width + 1):
        gram = tuple(words[at : at + width])
        if gram in seen:
            characters += sum(map(len, words[max(at, free) : at + width]))
            free = at + width
        seen.add(gram)
    return characters

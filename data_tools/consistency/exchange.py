"""A conclusion that does not follow: another sample's behind the same reasoning, or another option in the place of the answer."""

import random
import re
from collections.abc import Mapping, Sequence

from data_tools.consistency.samples import Sample, squashed

_TRIES = 50  # samples that are drawn to find a conclusion among


def other_conclusion(sample: Sample, others: Sequence[Sample], draw: random.Random) -> str:
    """That of a sample among `others`, which are of the same kind; empty where none of those drawn says anything else. What a
    reasoning itself names may follow from it: such a conclusion is not taken."""
    own, reasoning = squashed(sample.conclusion), squashed(sample.reasoning)
    for other in draw.sample(others, min(_TRIES, len(others))):
        said, answer = squashed(other.conclusion), squashed(other.answer)
        new = said not in own and own not in said and said not in reasoning
        if new and not (answer and (answer in reasoning or answer == squashed(sample.answer))):
            return other.conclusion
    return ""


def other_answer(sample: Sample, draw: random.Random) -> str:
    """The conclusion with another option in the place of its answer; empty where it does not state one, or there is no other."""
    options, reasoning = sample.options or {}, squashed(sample.reasoning)
    by_letter = any(letter != text for letter, text in options.items())  # an exam's reasoning weighs them all
    others = [name for name, text in options.items() if squashed(name) != squashed(sample.answer)
              and (by_letter or squashed(text) not in reasoning)]
    if not (sample.answer and others):
        return ""
    other = draw.choice(others)
    exchanged = {sample.answer: other}
    if by_letter:
        exchanged[options[sample.answer]] = options[other]
    found = _exchanged(sample.conclusion, exchanged)
    return found if squashed(found) != squashed(sample.conclusion) else ""


def _exchanged(text: str, words: Mapping[str, str]) -> str:
    """All at once, the longest first, and whole: no B of "BMI", and no A of "A doctor"."""
    patterns = [_pattern(word) for word in sorted(filter(None, words), key=len, reverse=True)]
    return re.sub("|".join(patterns), lambda match: words[match[0]], text)


def _pattern(word: str) -> str:
    before, after = ("(?<![A-Za-z0-9])" if _plain(word[0]) else ""), ("(?![A-Za-z0-9])" if _plain(word[-1]) else "")
    return before + re.escape(word) + after + (r"(?!\s+[a-z])" if word == "A" else "")


def _plain(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()

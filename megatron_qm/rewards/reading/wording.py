"""The last resort: a short answer that says most of what one option says, and little of what any other does, in other order or
with words in between (`a daily drop of 400 IU from the first days of life`).

All its numbers must be there, and what turns a meaning round (`low`, `left`, 不) must be in both or in neither. The whole answer
must be plain: nothing in it is denied, asked, supposed, compared or somebody else's.
"""

import re
from collections.abc import Mapping

from megatron_qm.rewards.reading.lexicon import lower, words
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.polarity import conditional, denied_before, hedged, is_plain, reported
from megatron_qm.rewards.reading.spelling import tokens

_LONGEST = 200  # characters of an answer
_FEWEST, _FEWEST_LETTERS = 3, 6  # words of an option, and their letters
_MOST, _LITTLE = 0.8, 0.5  # of an option's letters: of the one that is said, and of all others
_TURNS = re.compile(words("turns_meaning"))
_SENTENCE = re.compile(r"[。!?;\n]|\.(?=\s|$)")
_ELSE = re.compile("|".join(words(category) for category in ("refuses", "perhaps", "than", "speaks_of", "or", "others")))


def worded(text: str, options: Options) -> frozenset[str]:
    """The option; empty where there is none, or it is not clear."""
    low = lower(text)
    if len(text) > _LONGEST or not options.texts or _ELSE.search(low) or not (is_plain(low) or _is_plain_mixture(low)):
        return frozenset()
    forms = {letter: frozenset(one.word for one in tokens(form)) for form, letter in reversed(options.named)}
    found = {letter for sentence in _SENTENCE.split(text) if (letter := _said(sentence, forms))}
    return frozenset(found) if len(found) == 1 else frozenset()


def _is_plain_mixture(low: str) -> bool:
    """Of Chinese with Latin letters in it, which `is_plain` does not read."""
    said = denied_before(low) or hedged(low, low) or reported(low, low, len(low)) or conditional(low, 0, len(low), len(low))
    return not low.isascii() and "?" not in low and not said


def _said(sentence: str, forms: Mapping[str, frozenset[str]]) -> str:
    said = frozenset(one.word for one in tokens(sentence))
    shares = {letter: _letters(form & said) / max(1, _letters(form)) for letter, form in forms.items()}
    best = max(shares, key=lambda letter: shares[letter], default="")
    clear = best and shares[best] >= _MOST and all(share <= _LITTLE for letter, share in shares.items() if letter != best)
    return best if clear and _whole(forms[best], said) else ""


def _whole(form: frozenset[str], said: frozenset[str]) -> bool:
    numbers = {word for word in form if word[0].isdigit()}
    turns, others = ({word for word in one if _TURNS.fullmatch(word)} for one in (form, said))
    return len(form) >= _FEWEST and _letters(form) >= _FEWEST_LETTERS and numbers <= said and turns == others


def _letters(form: frozenset[str]) -> int:
    return sum(map(len, form))

"""How surely a phrase means its option: by what it says of it, what else is said there, and what stands around it."""

from collections.abc import Sequence
from enum import IntEnum

from megatron_qm.rewards.reading.boundaries import begins_name, ends_name, is_amount, result_end
from megatron_qm.rewards.reading.lexicon import entries
from megatron_qm.rewards.reading.phrases import LONG, Phrase
from megatron_qm.rewards.reading.polarity import denied_before
from megatron_qm.rewards.reading.spelling import Unit, folded, stem

_QUALIFIES = frozenset(stem(folded(word)) for word in entries("qualifier", "en"))
_SAID_ANYWAY = frozenset(stem(folded(word)) for language in ("en", "zh") for word in entries("said_anyway", language))
_LONGER = 9  # letters of a word of which half the text is enough
_LETTERS, _SHORTEST = frozenset("abcdefghij"), 2
_CLEARLY = 0.8
_MOST, _HALF, _SOME, _NEARLY_ALL = 0.6, 0.5, 0.3, 0.7  # shares of what tells an option apart
_SEVERAL = 3  # words
_AROUND = 24  # characters
_BEFORE, _BEHIND = 2, 6  # words


class Level(IntEnum):
    SPEAKS = 1  # of the option, but is no name of it
    LIKELY = 2  # means it where an answer is due: in a short answer, or in what concludes
    SURE = 3  # means it anywhere
    WHOLE = 4  # is its name


def level_of(one: Phrase, low: str, said: Sequence[Unit], rivals: Sequence[Phrase], near: Sequence[Phrase]) -> Level | None:
    """rivals: phrases that overlap with it. near: those around it. None where it tells nothing apart."""
    if not one.covered or _is_letter(one):
        return None
    if _SAID_ANYWAY.issuperset(one.keys):
        return Level.SPEAKS
    clean = begins_name(low, one.start), ends_name(low, one.end)
    if one.form.numeric:
        return None if _other_numbers(one, said, 0, 1) else _level_of_number(one, low)
    others = one.form.numbers - one.keys and _other_numbers(one, said, _BEFORE, _BEHIND)
    if others or _is_doubtful(one, rivals) or _is_denied_apart(one, low, near):
        return Level.SPEAKS if _speaks(one) else None
    if one.whole and all(hit.exact for hit in one.hits):
        return Level.WHOLE
    if _leaves_out_a_turn(one, low):
        return Level.SPEAKS if _speaks(one) else None
    if all(clean) and _is_name(one, _MOST, _HALF):
        return Level.SURE
    own = sum(one.form.weights[key] == 1 for key in one.keys)
    nearly = clean[0] and own >= _SEVERAL and one.share >= _NEARLY_ALL
    if nearly or all(clean) and (_is_name(one, _SOME, _SOME) or _is_noun(one, low)):
        return Level.LIKELY
    return Level.SPEAKS if _speaks(one) else None


def _is_letter(one: Phrase) -> bool:
    """Whether it may be the letter of another option: `B`, of `B negative`."""
    key = next(iter(one.keys)) if len(one.keys) == 1 else ""
    return 0 < len(key) <= _SHORTEST and set(key) <= _LETTERS


def _is_name(one: Phrase, share: float, share_of_long: float) -> bool:
    """Whether it is long enough to be a name by itself and enough of the option's."""
    if len(one.keys) < 2 and one.longest < LONG or _QUALIFIES.issuperset(one.keys):
        return False
    return one.share >= (share_of_long if one.longest >= _LONGER else share)


def _is_noun(one: Phrase, low: str) -> bool:
    """Whether it is half of a Chinese name or what that ends with, and no other option has it: `哮喘`, of 支气管哮喘."""
    part = one.share >= _HALF or one.form.low.endswith(low[one.start : one.end])
    return one.longest < 0 and part and all(one.form.weights[key] == 1 for key in one.keys)


def _leaves_out_a_turn(one: Phrase, low: str) -> bool:
    """Whether a word that turns the meaning of the option's text is said nowhere near."""
    near = low[max(0, one.start - _AROUND) : one.end + _AROUND]
    return any(" " in key and key.split()[0] not in near for key in one.form.weights if key not in one.keys)


def _speaks(one: Phrase) -> bool:
    return one.share >= _SOME and (len(one.keys) > 1 or one.longest > LONG or one.longest < 0 or one.share >= _MOST)


def _is_doubtful(one: Phrase, rivals: Sequence[Phrase]) -> bool:
    """Whether another option is said about as much there, and not as a part of this one."""
    return any(other.form.letter != one.form.letter and other.covered >= _CLEARLY * one.covered
               and not other.keys < one.keys and not (one.whole and not other.whole) for other in rivals)


def _is_denied_apart(one: Phrase, low: str, near: Sequence[Phrase]) -> bool:
    """Whether what it leaves out of the option's text is denied elsewhere: `vitamin B12 orally, not intramuscular`."""
    return not one.whole and any(other.form is one.form and other.keys - one.keys and denied_before(
        low[max(0, other.start - _AROUND) : other.start]) for other in near)


def _level_of_number(one: Phrase, low: str) -> Level | None:
    more = not one.whole and one.end == one.last and low[one.end : one.end + 1].isalnum()
    if more or not one.form.numbers <= one.keys:
        return None
    if one.form.bare:
        return Level.LIKELY if result_end(low, one.start, one.end) else None
    return Level.WHOLE if is_amount(low, one.start, one.end) else None


def _other_numbers(one: Phrase, said: Sequence[Unit], before: int, behind: int) -> bool:
    """Whether other numbers stand in it, or so many words around it."""
    around = range(max(0, one.hits[0].at - before), min(len(said), one.hits[-1].at + behind))
    own = {hit.at for hit in one.hits}
    return any(said[at].number and at not in own and said[at].key not in one.form.weights for at in around)

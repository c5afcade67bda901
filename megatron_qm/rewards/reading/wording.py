"""A response with other forms of the options' texts as the question has them, so that all the rest is read by one grammar.

Names that are sure (`levels.py`) are put back everywhere; what only means an option where an answer is due, in a short answer
and in the sentence that concludes a longer one.
"""

import re
from collections.abc import Iterator

from megatron_qm.rewards.reading.asked import IS_NOT, Asked
from megatron_qm.rewards.reading.levels import Level
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.meaning import Named
from megatron_qm.rewards.reading.names import bare
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.polarity import conditional, denied_before, hedged, reported

_SHORT = 200  # characters of an answer all of which is final
_BLANKS = 9  # beside a bar
_CLAUSE = re.compile(r"[,;:]|\s[–—-]\s")
_LONGEST = 400  # of a sentence
_SENTENCE = re.compile(r"[^\n。!?;]+?(?:[\n。!?;]|(?<!\b[A-Z])\.(?=\s)|$)")
_CONCLUDES = re.compile(
    rf"(?:^\W*|[,;:]\s?){words('concludes')}(?! that)|{words('therefore')}|{words('singles_out')}"
    r"|最[^,。;、]{1,10}[是为]|^\W*结论")
_UNTRUE = rf"{either('called_untrue')}(?:\s{either('statement')})?"
_CALLS_FALSE = re.compile(
    rf"\s{either('being')} (?:the )?(?:{either('statement')} (?:that(?:'s| is)|which is) )?{_UNTRUE}\W*$"
    rf"|\s(?:as|{either('being')}) the {either('statement')} that {either('does_not')} \w+\W*$"
    rf"|的?{either('view')}?[是为]?{either('called_untrue')}的?\W*$")


def as_asked(text: str, options: Options, asked: Asked) -> str:
    """The text with such texts of options as the question writes them; a letter, where a text is too short to be a name."""
    pieces: list[str] = []
    at = 0
    for one in _named(text, options, asked):
        pieces += [text[at : one.start], one.form if len(bare(one.form)) > 1 else one.letter]
        at = one.end
    return "".join([*pieces, text[at:]])


def concluding(text: str, asked: Asked) -> str:
    """The last sentence that concludes; where what is false is asked for, that calls something so. Empty where there is none."""
    sentences = [text[slice(*span)] for span in _sentences(text)]
    found = (one.strip() for one in reversed(sentences) if _concludes(one) or asked in IS_NOT and _CALLS_FALSE.search(lower(one)))
    return next((one for one in found if not one.endswith("?")), "")


def called_false(sentence: str, options: Options) -> frozenset[str]:
    """The option that the last clause of a sentence calls so: `the claim about dominant inheritance is the false one`."""
    low = lower(sentence)
    said = _CLAUSE.split(_CALLS_FALSE.sub("", low))[-1] if _CALLS_FALSE.search(low) else ""
    found = frozenset(one.letter for one in options.meaning.find(said) if one.level >= Level.LIKELY)
    other = denied_before(said) or hedged(said, said) or reported(said, said, len(said)) or conditional(said, 0, 0, len(said))
    return found if len(found) == 1 and not other else frozenset()


def _sentences(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _SENTENCE.finditer(text)]


def _concludes(sentence: str) -> bool:
    return len(sentence) <= _LONGEST and _CONCLUDES.search(lower(sentence)) is not None


def _named(text: str, options: Options, asked: Asked) -> Iterator[Named]:
    sentences = _sentences(text)
    last = concluding(text, asked) if len(text) > _SHORT else ""
    for start, end in sentences:
        if bare(text[start:end]) in options.lines:  # the question is repeated, and stays as it is
            continue
        least = Level.LIKELY if len(text) <= _SHORT or text[start:end].strip() == last else Level.SURE
        for one in options.meaning.find(text[start:end]):
            if one.level >= least or one.level is Level.LIKELY and _is_cell(text, start + one.start, start + one.end):
                yield one._replace(start=start + one.start, end=start + one.end)


def _is_cell(text: str, start: int, end: int) -> bool:
    """Whether a row of a table has it for itself."""
    return text[max(0, start - _BLANKS) : start].rstrip(" ")[-1:] == "|" == text[end : end + _BLANKS].lstrip(" ")[:1]

"""Names that a text mentions, each with how the text stands to it; and of these the ones that are its answer."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from megatron_qm.rewards.reading.scopes import Span, Stance, heading, stances

Find = Callable[[str], Iterable[tuple[str, Span]]]  # a sentence -> its names and where they stand, none inside another
_SENTENCE = re.compile(r"[\n。;!]|\?|\.(?=\s|$)")
_ITEM = re.compile(r"\s*(?:[-*•·]|\(?\d{1,2}[.)、])\s?")
_LED = re.compile(
    r"\b(?:diagnos[ie]s|dx|answer|prescriptions?|rx|treatment|orders?|medications?|tests?|work-?up|regimen|impression|assessment|conclusion)\b[^.:;,\n]{0,30}?(?:\bis\b|\bare\b|:)"
    r"|(?:诊断|答案|处方|用药|检查|治疗|医嘱|结论)[^,.:;\n]{0,6}?[是为:]", re.I)
_FINAL = re.compile(r"\b(?:final|most likely|principal|definitive|confirmed|correct|in conclusion|conclusion)\b|最终|最可能|最后|确定|确诊|综上|答案", re.I)
_ALSO = re.compile(r"\b(?:also|additional(?:ly)?|secondary|comorbid\w*|plus|as well|in addition|complicated by|with)\b|合并|伴|并发|另外?|次要|同时|以及", re.I)
_MOST_CHARACTERS = 4000  # of a sentence


@dataclass(frozen=True)
class Mention:
    """key: what `Find` says. sentence, span: where it stands. place: of the sentence in the text, from 0."""

    key: str
    stance: Stance
    sentence: str
    span: Span
    place: int


@dataclass(frozen=True)
class _Sentence:
    text: str
    first: bool  # of its line
    asked: bool


def mentions(text: str, find: Find) -> list[Mention]:
    """All names of `text` in order."""
    above, found = Stance.AFFIRMED, []
    for place, sentence in enumerate(_sentences(text)):
        if sentence.first:
            above = heading(sentence.text) or (above if _ITEM.match(sentence.text) else Stance.AFFIRMED)
        names = list(find(sentence.text))
        for (key, span), stance in zip(names, stances(sentence.text, [span for _, span in names], above), strict=True):
            asked = sentence.asked and stance is Stance.AFFIRMED
            found.append(Mention(key, Stance.SUPPOSED if asked else stance, sentence.text, span, place))
    return found


def answered(text: str, found: Sequence[Mention]) -> list[Mention]:
    """Of the mentions of `text` those that its answer affirms: where a sentence says what the answer is, that one, the list
    below it, and what is said to come on top; else all."""
    sentences = list(_sentences(text))
    led = [place for place, one in enumerate(sentences) if _LED.search(one.text)]
    final = [place for place in led if _FINAL.search(sentences[place].text)]
    spoken = {mention.place for mention in found if mention.stance is Stance.AFFIRMED}
    begin = next((place for place in (final[-1:] or led[:1])), None)
    if begin is None or not any(place >= begin for place in spoken):
        return [one for one in found if one.stance is Stance.AFFIRMED]
    counted = set(_counted(sentences, begin))
    return [one for one in found if one.stance is Stance.AFFIRMED and one.place in counted]


def _counted(sentences: Sequence[_Sentence], begin: int) -> Iterator[int]:
    listing = True
    for place in range(begin, len(sentences)):
        sentence = sentences[place]
        says = _LED.search(sentence.text) or _ALSO.search(sentence.text)
        listing = bool(place == begin or says or listing and (_ITEM.match(sentence.text) or _ends_list(sentences[place - 1])))
        if listing:
            yield place


def _ends_list(sentence: _Sentence) -> bool:
    """Whether what follows is what this sentence introduces."""
    return sentence.text.rstrip().endswith(":") or bool(_ITEM.fullmatch(sentence.text))


def _sentences(text: str) -> Iterator[_Sentence]:
    at, first = 0, True
    for match in (*_SENTENCE.finditer(text), None):
        end = match.start() if match else len(text)
        sentence = text[at:end]
        if sentence.strip() and len(sentence) <= _MOST_CHARACTERS:
            yield _Sentence(sentence, first, bool(match and match[0] == "?"))
            first = False
        if match:
            at = match.end()
            first = first or match[0] == "\n"

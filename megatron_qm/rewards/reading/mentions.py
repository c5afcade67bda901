"""Names that a text mentions, each with how the text stands to it; and of these the ones that a sentence says to be the answer."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from megatron_qm.rewards.reading.scopes import Stance, heading, stances
from megatron_qm.rewards.reading.spans import Span

Find = Callable[[str], Iterable[tuple[str, Span]]]  # a sentence -> its names and where they stand, none inside another
_SENTENCE = re.compile(r"[\n。!?]|(?<![\s(]\d)(?<![\s(]\d\d)(?<!^\d)(?<!^\d\d)\.(?=\s|$)")
_TAKEN_BACK = re.compile(  # what the writer says before naming something else in its place
    r"(?:^|[,;:.…—-])\s*(?:(?:oh|oops|hmm|but|and|wait|sorry)[,\s]{1,2})*(?:wait\b(?! (?:for|until|\d|longer))|no,|no it|correction\b|scratch that|on reflection|on second thought|i mean|i meant|i was wrong|actually\b|rather,"
    r"|let me correct|更正|不对|说错|错了|口误|哦不|不,|我错|应改|改正)", re.I)
_ITEM = re.compile(r"\s*(?:[-*•·]|\(?\d{1,2}[.)、])\s?")
_LED = re.compile(
    r"(?:^|[.;,:]\s*)(?:please )?(?:give|prescribe|start|administer|initiate|order|obtain|get)\b|"
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
    mark: str  # that ends it: a line's end, a full stop, ...


def mentions(text: str, find: Find) -> list[Mention]:
    """All names of `text` in order."""
    above, found = Stance.AFFIRMED, []
    for place, sentence in enumerate(_sentences(text)):
        names = list(find(sentence.text))
        if sentence.first:
            said = heading(sentence.text, alone=not names and sentence.mark in ("\n", ""))
            above = said or (above if _ITEM.match(sentence.text) else Stance.AFFIRMED)
        for (key, span), stance in zip(names, stances(sentence.text, [span for _, span in names], above), strict=True):
            asked = sentence.mark == "?" and stance is Stance.AFFIRMED
            found.append(Mention(key, Stance.SUPPOSED if asked else stance, sentence.text, span, place))
        found = _taken_back(found, sentence.text, place)
    return found


def _taken_back(found: list[Mention], sentence: str, place: int) -> list[Mention]:
    """Where a sentence takes something back and names something else, all that was affirmed before is denied."""
    match = _TAKEN_BACK.search(sentence)
    if match is None or not any(one.place == place and one.span.start >= match.end() and one.stance is Stance.AFFIRMED for one in found):
        return found
    return [replace(one, stance=Stance.DENIED) if one.stance is Stance.AFFIRMED and (one.place, one.span.start) < (place, match.end()) else one
            for one in found]


def led(text: str, affirmed: Sequence[Mention]) -> list[Mention]:
    """Of what is affirmed, what stands where a sentence says what the answer is; empty where none does."""
    sentences = list(_sentences(text))
    led = [place for place, one in enumerate(sentences) if _LED.search(one.text)]
    final = [place for place in led if _FINAL.search(sentences[place].text)]
    begin = next((place for place in (final[-1:] or led[:1])), None)
    if begin is None:
        return []
    counted = set(_counted(sentences, begin))
    return [one for one in affirmed if one.place in counted]


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
            yield _Sentence(sentence, first, match[0] if match else "")
            first = False
        if match:
            at = match.end()
            first = first or match[0] == "\n"

"""Names that a text mentions, each with how the text stands to it; and those of them that a sentence says to be the answer."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from megatron_qm.rewards.reading.choices import any_joined_by_or, decided
from megatron_qm.rewards.reading.clean import answer_part
from megatron_qm.rewards.reading.cues import Cues, Words
from megatron_qm.rewards.reading.headings import ITEM, denies_its_own, discussing, heading
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.retractions import may_retract, retracted, retracts_those_before
from megatron_qm.rewards.reading.rows import tables_as_lines
from megatron_qm.rewards.reading.scopes import denies, stances, takes_off
from megatron_qm.rewards.reading.spans import Find, Mention, Span, Stance

# A full stop ends no sentence behind a number of a list, nor behind a letter that stands alone where the text goes on in small
# letters: `i.v. infusion`, `S. aureus`; nor behind `i.e.` and the like.
_SHORT = r"(?<![Ii]\.[Ee])(?<![Ee]\.[Gg])(?<![\s(]vs)"
_NUMBERED = r"(?<![\s(]\d)(?<![\s(]\d\d)(?<!^\d)(?<!^\d\d)"
_SENTENCE = re.compile(rf"[\n。!?]|{_NUMBERED}{_SHORT}\.(?!(?<=[A-Za-z]\.)(?<![A-Za-z][A-Za-z]\.)\s[a-z(])(?=[\"”]?(?:\s|$))")
_TAKEN_BACK = re.compile(  # what the writer says before naming something else in its place
    rf"(?:^|[,;:.…—-])\s*(?:{either('oh')}[,\s]{{1,2}})*{either('takes_back')}|\b{either('changes_answer')}")
_RETRACTED = re.compile(  # and what it says before naming nothing at all
    rf"(?:^|[.…—]|--)\s*(?:{either('oh')}[,\s]{{1,2}})*{either('takes_back')}\W*$"
    rf"|{either('takes_all_back')}\W*$")
_HALTS = re.compile(rf"\W*(?:{either('oh')}[,\s]{{1,2}})*{either('halts')}")
_LIKEWISE = re.compile(rf"\s*{either('likewise')}")
LED = re.compile(
    rf"(?:^|[.;,:]\s*)(?:please )?{either('asks_for')}\b|^\W*{words('concludes_names')}"
    rf"|{words('best')}(?:\s[\w-]+){{0,4}}?(?:\s(?:is|are)|:)"
    rf"|\b{either('what_is_answered')}\b[^.:;,\n]{{0,30}}?(?:\bis\b|\bare\b|:)|{either('answer_heading')}[^,.:;\n]{{0,6}}?[是为:]")
_TAKES_BACK = Cues([], begun=["takes_back", "changes_answer"], anywhere=["takes_all_back"],
                   signs=["takes_back", "changes_answer", "takes_all_back"])
_CONDITION = re.compile(words("supposed"))
_FINAL = Words("final")
_ALSO = Words("also")
_ADDS = re.compile(rf"\W*{words('also')}(?!可)")
_CONCLUDES = re.compile(rf"\W*{words('concludes_names')}")
_SQUARE = re.compile(r"\s*【")
_MOST_CHARACTERS = 4000  # of a sentence


@dataclass(frozen=True)
class Sentence:
    """first: of its line. mark: that ends it: a line's end, a full stop, ... aside: whether a heading says that it discusses."""

    text: str
    first: bool
    mark: str
    aside: bool = False

    @cached_property
    def low(self) -> str:
        return lower(self.text)


class Prose:
    """What stands around the fields of a response. mentions: all names, in order."""

    def __init__(self, text: str, find: Find) -> None:
        self.sentences = list(_told_apart(_sentences(tables_as_lines(text))))
        self.mentions = _mentions(self.sentences, find)

    @property
    def affirmed(self) -> list[Mention]:
        """Where nothing is affirmed without a condition, what is on the only one."""
        plain = [one for one in self.mentions if one.stance is Stance.AFFIRMED]
        others = [one for one in self.mentions if one.stance is Stance.ON_CONDITION] if not plain else []
        alone = len({one.place for one in others}) == 1 and len(_CONDITION.findall(lower(others[0].sentence))) == 1
        supposed = {one.key for one in self.mentions if one.stance is Stance.SUPPOSED} - {one.key for one in others}
        return plain or (others if alone or not supposed and len({one.key for one in others}) == 1 else [])

    def answer(self, *, beside_fields: bool) -> list[Mention]:
        """Of what is affirmed, what stands where a sentence says what the answer is. Where none does, it is all of it; but beside
        fields that hold an answer, nothing. Nothing either where it is alternatives, and none of them is chosen."""
        affirmed = self.affirmed
        counted = set(_led(self.sentences, {one.place for one in affirmed}))
        led = [one for one in affirmed if one.place in counted]
        return self.decided(led or ([] if beside_fields else affirmed), affirmed)

    def decided(self, stated: Sequence[Mention], affirmed: Sequence[Mention]) -> list[Mention]:
        return decided(stated, affirmed, (one.low for one in self.sentences))


def key_of_field(text: str, find: Find, unknown: Callable[[str], str]) -> str:
    """Of the first name that a field of JSON affirms; empty where it denies them all. unknown: makes a key of a field without a
    name that is known."""
    found = list(find(text))
    if not found:
        return "" if denies(text) else unknown(text)
    given = affirmed(text, found)
    if any_joined_by_or(text, given):
        return f"{unknown(text[: given[0][1].end])} or another"
    return next((key for key, _ in given), "")


def affirmed(text: str, found: Sequence[tuple[str, Span]]) -> list[tuple[str, Span]]:
    """Those of the names found in a sentence that it affirms."""
    states = stances(text, [span for _, span in found])
    return [one for one, stance in zip(found, states, strict=True) if stance is Stance.AFFIRMED]


def names_any(response: str, find: Find) -> bool:
    """Whether a response speaks of such names at all: what it says of them is then no answer, and not unread."""
    return any(True for line in (answer_part(response) or "").splitlines() for _ in find(line))


def _mentions(sentences: Sequence[Sentence], find: Find) -> list[Mention]:
    above = Stance.AFFIRMED
    found, standing = list[Mention](), list[int]()  # standing: where in `found` what is affirmed is
    named: dict[str, list[int]] = {}  # the same by key; may hold what has been denied since
    open_since: int | None = None  # how many of `standing` were taken back before anything was named in their place
    for place, sentence in enumerate(sentences):
        names = list(find(sentence.text))
        if place and _takes_off(sentence, names[0][1].start if names else None):
            standing = _last_denied(found, standing)
        if sentence.first:
            above = _below_heading(sentence, names, above)
        like = _likeness(sentences, place, names) or above
        for (key, span), stance in zip(names, stances(sentence.text, [span for _, span in names], like), strict=True):
            asked = sentence.mark == "?" and stance is Stance.AFFIRMED
            if stance is Stance.AFFIRMED and not asked:
                standing.append(len(found))
                named.setdefault(key, []).append(len(found))
            found.append(Mention(key, Stance.SUPPOSED if asked else stance, sentence.text, span, place))
        kept = _kept(found, standing, named, sentence.low, names)
        open_since = open_since and _survivors(standing, open_since, kept)
        standing = kept
        halted = open_since is None and place > 0 and _HALTS.match(sentences[place - 1].low) is not None
        standing = _left_standing(found, standing, sentence.low, place, halted=halted)
        if open_since is not None and len(standing) > open_since:
            standing, open_since = _denied(found, standing, open_since), None
        elif _retracts(sentence.low) and not (place and sentences[place - 1].mark == "?"):
            open_since = len(standing)
    _denied(found, standing, open_since or 0)
    return found


def _below_heading(sentence: Sentence, names: Sequence[tuple[str, Span]], above: Stance) -> Stance:
    """How what stands above the names of a line reaches over it. sentence: the line's first. above: of the line before."""
    said = heading(sentence.text, alone=not names and sentence.mark in ("\n", ""))
    if said is Stance.DENIED and denies_its_own(sentence.text, [span for _, span in names]):
        return Stance.AFFIRMED
    return said or (above if ITEM.match(sentence.text) else Stance.AFFIRMED)


def _takes_off(sentence: Sentence, begins: int | None) -> bool:
    """Of what the sentence before it names. begins: where its own first name does."""
    if begins is None and retracts_those_before(sentence.low):
        return True
    return not sentence.first and takes_off(sentence.low, begins)


def _likeness(sentences: Sequence[Sentence], place: int, names: Sequence[tuple[str, Span]]) -> Stance | None:
    """`A and B cross the placenta and are contraindicated. C likewise`: what is denied before is denied of C."""
    if not names or not place or not _LIKEWISE.match(sentences[place].low, names[0][1].end):
        return None
    return Stance.DENIED if denies(sentences[place - 1].text) else None


def _may_take_back(low: str) -> bool:
    return not low.isascii() or _TAKES_BACK.stand_in(low)


def _retracts(low: str) -> bool:
    return _may_take_back(low) and _RETRACTED.search(low) is not None


def _denied(found: list[Mention], standing: list[int], count: int) -> list[int]:
    """What is left standing when the first `count` are denied."""
    for at in standing[:count]:
        found[at] = replace(found[at], stance=Stance.DENIED)
    return standing[count:]


def _last_denied(found: list[Mention], standing: list[int]) -> list[int]:
    """What is left standing when all that the last sentence with a name affirms is denied."""
    last = found[standing[-1]].place if standing and found[-1].place == found[standing[-1]].place else -1
    first = len(standing)
    while first and found[standing[first - 1]].place == last:
        first -= 1
    _denied(found, standing[first:], len(standing))
    return standing[:first]


def _kept(found: list[Mention], standing: list[int], named: dict[str, list[int]], low: str, names: Sequence[tuple[str, Span]]
          ) -> list[int]:
    """What is left standing when the names that a sentence takes back are denied, here and before. What was taken back is looked
    at no more, so that many such sentences cost no more than they are long."""
    keys = {key for key, _ in names}
    before = len(found) - len(names)
    if not names or not may_retract(low):
        return standing
    if len(keys) == len(names) and all((named.get(key) or [before])[0] >= before for key in keys):
        return standing  # nothing was said of them before
    taken = set(retracted(low, [span for _, span in names]))
    last = {key: before + n for n, (key, span) in enumerate(names) if span in taken}
    back: list[int] = []
    for key, end in last.items():
        places = named.pop(key, [])
        until = bisect_right(places, end)
        named[key] = places[until:]
        back += (at for at in places[:until] if found[at].stance is Stance.AFFIRMED)
    return _without(found, standing, back) if back else standing


def _survivors(standing: list[int], first: int, kept: list[int]) -> int:
    """How many of the first that stood are kept."""
    return bisect_left(kept, standing[first]) if first < len(standing) else len(kept)


def _without(found: list[Mention], standing: list[int], back: list[int]) -> list[int]:
    _denied(found, back, len(back))
    kept = standing.copy()
    for at in back:
        del kept[bisect_left(kept, at)]
    return kept


def _left_standing(found: list[Mention], standing: list[int], sentence: str, place: int, *, halted: bool) -> list[int]:
    """Where a sentence takes something back and names something else, all that was affirmed before is denied. halted: the
    sentence before it began to."""
    match = _TAKEN_BACK.search(sentence) if _may_take_back(sentence) else None
    if match is None and not halted:
        return standing
    first = bisect_left(standing, (place, match.end() if match else 0), key=lambda at: (found[at].place, found[at].span.start))
    if first == len(standing):
        return standing
    return _denied(found, standing, first)


def _led(sentences: Sequence[Sentence], naming: Collection[int]) -> Iterator[int]:
    """The sentences that say what the answer is: from the last one that says it is final, or else from the first. naming: those
    with a name that is affirmed."""
    led = [place for place, one in enumerate(sentences) if LED.search(one.low)]
    final = [place for place in led if _FINAL.search(sentences[place].low)]
    for begin in final[-1:] or led[:1]:
        yield from _listed(sentences, begin, naming)


def _listed(sentences: Sequence[Sentence], begin: int, naming: Collection[int]) -> Iterator[int]:
    """And those that go on with its list: below a sentence that has named the answer there are reasons."""
    listing = True
    first = sentences[begin]
    lists = begin not in naming or ITEM.match(first.text) or ends_list(first)
    for place in range(begin, len(sentences)):
        sentence = sentences[place]
        says = LED.search(sentence.low) or _ALSO.search(sentence.low)
        item = ITEM.match(sentence.text) or ends_list(sentences[place - 1])
        listing = bool(place == begin or says or lists and listing and item)
        if listing:
            yield place


def is_final(sentence: Sentence) -> bool:
    """Whether a sentence says that what it states is the last word."""
    return _FINAL.search(sentence.low) is not None or _CONCLUDES.match(sentence.low) is not None


def is_item(sentence: Sentence) -> bool:
    return ITEM.match(sentence.text) is not None


def adds(sentence: Sentence) -> bool:
    """Whether a sentence begins by adding to what was said."""
    return not sentence.aside and _ADDS.match(sentence.low) is not None


def ends_list(sentence: Sentence) -> bool:
    """Whether what follows is what this sentence introduces."""
    return sentence.text.rstrip().endswith(":") or bool(ITEM.fullmatch(sentence.text))


def _told_apart(sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    """With what each heading of a discussion reaches over: its line and the list below it, or where it is a line alone, all that
    follows up to the next heading."""
    aside = alone = False
    square = False  # `【分析】`, which only another one ends
    for one in sentences:
        if one.first and not (square and not _SQUARE.match(one.text)):
            square = _SQUARE.match(one.text) is not None
            said = discussing(one.low, alone=one.mark in ("\n", "", "?"))
            keeps = said is None and aside and (alone or is_item(one))
            aside, alone = said or keeps, alone if said is None else ":" not in one.low
        elif aside and not one.first and (_CONCLUDES.match(one.low) or discussing(one.low, alone=False) is False):
            aside = False  # `First thought: ... Final: ...`
        yield replace(one, aside=True) if aside else one


def _sentences(text: str) -> Iterator[Sentence]:
    at, first = 0, True
    for match in (*_SENTENCE.finditer(text), None):
        end = match.start() if match else len(text)
        sentence = text[at:end]
        if sentence.strip() and len(sentence) <= _MOST_CHARACTERS:
            yield Sentence(sentence, first, match[0] if match else "")
            first = False
        if match:
            at = match.end()
            first = first or match[0] == "\n"

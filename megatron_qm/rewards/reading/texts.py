"""Options that prose affirms by their texts: `应补充维生素D，而不是维生素A`, `so the patient has an ectopic pregnancy`."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.mentions import Mention, Prose
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.polarity import reported
from megatron_qm.rewards.reading.rank import Rank, Statement
from megatron_qm.rewards.reading.spans import Stance

_CONCLUDES = re.compile(rf"{words('concludes')}|最[^,。;、]{{1,10}}[是为]$|本[例题病]")
_LETTER = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z'])")
_THAN = re.compile(rf"(?:{words('than')}|{words('speaks_of')})\s?(?:the\s|a\s|an\s)?$")
_OR_BEFORE = re.compile(rf"(?:{words('or')}|\beither\b|\d\s?(?:and|to|[-–~到至和]))\s?(?:an?\s|the\s)?$")
_AN_OPTION = r"(?:is|are|would be) (?:an?|another|one) (?:option|alternative|possibility)\b"
_OR_BEHIND = re.compile(
    rf"\s?(?:{_AN_OPTION}|{either('once')})|\s?(?:\([a-j]\)\s?)?,?\s?(?:{words('or')}|[:(]?\s?\d{{1,3}}(?:\.\d)?\s?%)")
_JOINT = re.compile(rf"\s?(?:\([a-j]\)\s?)?(?:[,、;/+&]|{words('and')}|\s){{1,4}}(?:an?\s|the\s)?")
_INTRODUCES = re.compile(rf"(?:^|{words('introduces_list')}|{words('concludes')})[\s:,]{{0,2}}(?:an?\s|the\s|both\s)?$")
_LIST_ENDS = re.compile(r"\s?(?:\([a-j]\)\s?)?(?:$|[,.;:!(—–-]|because\b|since\b|as\b|都?[是为])")
_PREDICATE = re.compile(rf"[都均也还]?(?:{words('spoken_of')})")
_BEGINS = re.compile(r"(?:^|[,;:，；：])\s*$")
_ASKED = re.compile(r"[吗呢么]\s*$")
_PERHAPS = re.compile(words("perhaps"))
_CLAUSE = re.compile(r"[,;:]|→")
_SUPPOSED = re.compile(words("supposed"))
_REFUSES = re.compile(words("refuses"))
_NAMED = re.compile(rf"(?:\b{either('option_word', 'en')}|{either('option_word', 'zh')})\s?([a-j])(?![a-z])")
_IS_ANSWER = re.compile(r"\b(?:the|my) (?:final |correct |best )?answer is:? |\banswer: |答案[是为:]")
_JUDGED = re.compile(r"[很非较十]?(?:明|清|显|肯|唯|简|容|在|如|以|由|可|这|那|什)")
_LONGEST_NAME = 60  # characters behind `the answer is`
_NEAR = 24  # characters before a name in which it is said that another is compared with it
_AROUND = 300  # characters in which it is said who says it
_LONGEST = 4000  # characters of prose in which a text may be the answer by itself


def affirmed_texts(text: str, options: Options) -> Iterator[Statement]:
    """One statement, where exactly one option is affirmed, or one list of some, or is what is concluded; and where some are
    affirmed and all others denied, a judgement of each."""
    if len(text) > _LONGEST:
        return
    mentions = Prose(text, options.loose.find).mentions
    affirmed = _standing(mentions)
    firm = frozenset(one.key for one in affirmed)
    letters = frozenset(one.key.upper() for one in affirmed)
    denied = frozenset(one.key.upper() for one in mentions if one.stance is Stance.DENIED)
    if not letters <= firm:
        return
    if len(letters) == 1:
        yield Statement(Rank.MENTION, letters)
    elif denied and not denied & letters and denied | letters == frozenset(options.letters):
        yield Statement(Rank.SHEET, letters)
    elif letters and _is_list(affirmed) and len(letters) < len(options.letters):
        yield Statement(Rank.MENTION, letters)


def contradicted(text: str, options: Options, letters: frozenset[str]) -> bool:
    """Whether prose that merely mentions or lists an answer names another one by its letter, or where the answer is but a text,
    refuses to give one or affirms another option as well."""
    if any(match[0] in letters for match in _LETTER.finditer(text)):
        return False
    low = lower(text)
    if _REFUSES.search(low) or any(match[1].upper() not in letters for match in _NAMED.finditer(low)):
        return True
    if len(text) > _LONGEST:
        return False
    mentions = Prose(text, options.loose.find).mentions
    return any(one.key.upper() not in letters for one in _standing(mentions)) or any(
        not {one.key.upper() for one in run} <= letters for run in _lists(mentions) if any(one.key in letters for one in run))


def answers_otherwise(text: str, options: Options) -> bool:
    """Whether what prose calls the answer is something else than an option: `It is coded as C85.9. The answer is F20.9.`"""
    return any(_is_a_name(said := text[match.end() :][:_LONGEST_NAME].strip("*_ ")) and not _names_option(said, options)
               for match in _IS_ANSWER.finditer(lower(text)))


def _is_a_name(said: str) -> bool:
    """And no judgement, such as `straightforward`."""
    return said[:1].isupper() or said[:1].isdigit() or not said[:1].isascii() and _JUDGED.match(said) is None


def _names_option(said: str, options: Options) -> bool:
    """By its letter or text, of which no digit makes another code: `A81.9`, `C85.92`."""
    ends = [match.end() for match in _LETTER.finditer(said) if match[0] in options.letters]
    ends += [span.end for _, span in options.loose.find(said)]
    return any(not said[end : end + 1].isdigit() for end in ends)


def _lists(mentions: Sequence[Mention]) -> Iterator[list[Mention]]:
    """Of what is not denied: names joined by more than a comma, or three of them."""
    run: list[Mention] = []
    for one in (*(one for one in mentions if one.stance is not Stance.DENIED), None):
        if one and run and one.place == run[-1].place and _joined(run[-1], one):
            run.append(one)
            continue
        if len(run) > 2 or len(run) == 2 and run[0].sentence[run[0].span.end : run[1].span.start].strip() not in ("", ","):
            yield run
        run = [one] if one else []


def _standing(mentions: Sequence[Mention]) -> list[Mention]:
    """What is affirmed; where something is concluded, the last that is, and the list in which it stands."""
    affirmed = [one for one in mentions if _affirmed(one)]
    if len({one.key.upper() for one in mentions}) > 1:
        spoken_of = {id(one) for one, said in zip(mentions, _spoken_of(mentions), strict=True) if said}
        affirmed = [one for one in affirmed if id(one) not in spoken_of]
    places = {one.place for one in affirmed if one.key.isupper()}  # what else speaks of another option counts beside a name
    affirmed = [one for one in affirmed if one.key.isupper() or one.place in places]
    concluded = [one for one in mentions if _concludes(one) and one.stance is not Stance.DENIED][-1:]
    if not concluded:
        return affirmed
    behind = [one for one in affirmed if one.place == concluded[0].place and one.span.start >= concluded[0].span.start]
    return behind if _is_list(behind) else [one for one in concluded if _affirmed(one)]


def _spoken_of(mentions: Sequence[Mention]) -> list[bool]:
    """Of each, whether it or the list that it begins is the subject of a Chinese clause that says something else of it."""
    found = [False] * len(mentions)
    for n in range(len(mentions) - 1, -1, -1):
        one, behind = mentions[n], mentions[n + 1] if n + 1 < len(mentions) else None
        if behind and one.place == behind.place and _joined(one, behind):
            found[n] = found[n + 1]
        else:
            found[n] = _PREDICATE.match(one.sentence, one.span.end) is not None
    for n, one in enumerate(mentions):
        joined = n > 0 and mentions[n - 1].place == one.place and _joined(mentions[n - 1], one)
        found[n] = found[n] and (found[n - 1] if joined else _BEGINS.search(one.sentence[: one.span.start]) is not None)
    return found


def _affirmed(one: Mention) -> bool:
    """By the writer, for its own sake, alone, and on no condition."""
    before = lower(one.sentence[max(0, one.span.start - _AROUND) : one.span.start])
    if _ASKED.search(one.sentence) or _SUPPOSED.search(before) or _PERHAPS.search(_CLAUSE.split(before)[-1]):
        return False
    return one.stance is Stance.AFFIRMED and _own(one) and not _compared(one) and not _shared(one)


def _shared(mention: Mention) -> bool:
    """Whether it is one of alternatives, or gets its share of per cent."""
    before = lower(mention.sentence[max(0, mention.span.start - _NEAR) : mention.span.start])
    behind = lower(mention.sentence[mention.span.end : mention.span.end + _NEAR])
    return _OR_BEFORE.search(before) is not None or _OR_BEHIND.match(behind) is not None


def _is_list(mentions: Sequence[Mention]) -> bool:
    """Whether they are the one list of a sentence, which begins it or follows what introduces it, and ends its clause."""
    if not mentions or not all(one.place == other.place and _joined(one, other) for one, other in pairwise(mentions)):
        return False
    first, last = mentions[0], mentions[-1]
    introduced = _INTRODUCES.search(lower(first.sentence[max(0, first.span.start - _NEAR) : first.span.start]))
    return introduced is not None and _LIST_ENDS.match(lower(last.sentence[last.span.end : last.span.end + _NEAR])) is not None


def _joined(one: Mention, other: Mention) -> bool:
    """Whether nothing but a joint of a list stands between two of a sentence."""
    between = lower(one.sentence[one.span.end : other.span.start])
    return one.span.end <= other.span.start and _JOINT.fullmatch(between) is not None


def _concludes(mention: Mention) -> bool:
    return _CONCLUDES.search(lower(mention.sentence[: mention.span.start])) is not None


def _compared(mention: Mention) -> bool:
    """Whether it is only what another option is compared with."""
    return _THAN.search(lower(mention.sentence[max(0, mention.span.start - _NEAR) : mention.span.start])) is not None


def _own(mention: Mention) -> bool:
    """Whether the writer says it, and says it now."""
    begin = max(0, mention.span.start - _AROUND)
    near = lower(mention.sentence[begin : mention.span.end + _AROUND])
    return not reported(near[: mention.span.start - begin], near, mention.span.end - begin)

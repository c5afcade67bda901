"""Options that prose affirms by their texts: `应补充维生素D，而不是维生素A`, `so the patient has an ectopic pregnancy`."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from megatron_qm.rewards.reading.cues import Words
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.mentions import Mention, Prose
from megatron_qm.rewards.reading.names import bare
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.polarity import denied_before, reported
from megatron_qm.rewards.reading.predicates import recommends
from megatron_qm.rewards.reading.rank import Rank, Statement
from megatron_qm.rewards.reading.spans import Stance

_CONCLUDES = re.compile(rf"{words('concludes')}|最[^,。;、]{{1,10}}[是为]$|本[例题病]")
_LETTER = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z'])")
_LAST_LETTER = re.compile(rf"{_LETTER.pattern}\W*$")
_ARRIVES = re.compile(rf"(?:{words('leads_to')})为?\s?(?:an?\s|the\s)?$")
_A_NOUN = re.compile(r"an?\s(?!(?:\w+\s){0,2}one\b)")  # `a matter of judgement`, and no `easy one`
_ONLY = re.compile(rf"(?:{words('only')})有?\s?(?:the\s|an?\s)?$")
_SECOND = re.compile(rf"\s?(?:is |are |comes |come |,\s?)?{words('comes_second')}")
_COUNTED = re.compile(r"\s?[这共等]?(?P<count>[两二三四五2345])[个项种者]")
_COUNTS = {"两": 2, "二": 2, "三": 3, "四": 4, "五": 5}
_REST = re.compile(rf"[,;]\s?(?:and |but |while |whereas |而)?{words('the_rest')}(?!.*\b(?:too|also|as well)\b)")
_NOT_CHOSEN = re.compile(rf"[^,;。]{{0,24}},\s?(?:{words('not_chosen_behind')})")
_WITH_REST = re.compile(rf"[^;。]{{0,40}}?(?:\band|,? as (?:do|are|does|is)|[和与及])\s?{words('the_rest')}"
                        r"(?!\W+(?:are|do|were|did)(?: not|n't))")
_THAN = re.compile(rf"(?:{words('than')}|{words('speaks_of')})\s?(?:the\s|a\s|an\s)?$")
_OR_BEFORE = re.compile(rf"(?:{words('or')}|\beither\b|\d\s?(?:and|to|[-–~到至和]))\s?(?:an?\s|the\s)?$")
_AN_OPTION = r"(?:is|are|would be) (?:an?|another|one) (?:option|alternative|possibility)\b"
_OR_BEHIND = re.compile(
    rf"\s?(?:{_AN_OPTION}|{either('once')})|\s?(?:\([a-j]\)\s?)?,?\s?(?:{words('or')}|[:(]?\s?\d{{1,3}}(?:\.\d)?\s?%)")
_OR_BETWEEN = re.compile(rf"[^,;:]{{0,40}}(?:\s{words('or')}\s|\d\s?%)[^;:]{{0,12}}")
_JOINT = re.compile(rf"\s?(?:\([a-j]\)\s?)?(?:[,、/+&]|{words('and')}|\s){{1,4}}(?:an?\s|the\s)?")
_INTRODUCES = re.compile(rf"(?:^|{words('introduces_list')}|{words('concludes')})[\s:,]{{0,2}}(?:an?\s|the\s|both\s)?$")
_LIST_ENDS = re.compile(r"\s?(?:\([a-j]\)\s?)?(?:$|[,.;:!(—–-]|because\b|since\b|as\b|[这共][两二三四五\d]|都?[是为])")
_PREDICATE = re.compile(rf"[都均也还]?(?:{words('spoken_of')})")
_ENGLISH_VERB = re.compile(
    rf"(?: [a-z-]+)?\s(?P<verb>(?:{either('verb_of_subject')}|{either('being')}\s(?:\w+\s)?{either('said_of_subject')})\b)")
_BEGINS = re.compile(r"(?:^[\W\d]*|[,;:，；：])\s*(?:\b(?:an?|the)\s)?$", re.I)
_ASKED = re.compile(r"[吗呢么]\s*$")
_PERHAPS = Words("perhaps")
_CLAUSE = re.compile(r"[,;:]|→")
_SUPPOSED = Words("supposed")
_REFUSES = Words("refuses")
# What is said of all that stands before it: `none of these is right`, 均应排除.
_OF_THOSE = re.compile(
    rf"[.;,:。!—–-]\s*(?:but |yet |而|但)?(?:{either('none_of_those_before')} [^.;]{{0,24}}\b{either('verdict')}\b"
    rf"|{either('those_before', 'en')} {either('being')} (?:all |both )?{either('mark_false', 'en')}\b"
    rf"|(?:{either('those_before', 'zh')}[均都皆全]?|[均都皆])[应被可是为该]{{0,2}}{either('mark_false', 'zh')})")
_TOO = re.compile(rf"[^,.;:。]{{0,12}}(?:{words('said_too')})[^,.;:。]{{0,6}}(?:$|[,.;。])")
_NAMED = re.compile(rf"(?:\b{either('option_word', 'en')}|{either('option_word', 'zh')})\s?([a-j])(?![a-z])")
_IS_ANSWER = re.compile(r"\b(?:the|my) (?:final |correct |best )?answer is:? |\banswer: |答案[是为:]")
_JUDGED = re.compile(r"[很非较十]?(?:明|清|显|肯|唯|简|容|在|如|以|由|可|这|那|什)")
_SENTENCE_ENDS = re.compile(r"[\n。]|\.(?=\s)(?<![A-J]\.)")
_LONGEST_NAME = 60  # characters behind `the answer is`
_FEWEST_DENIED = 2
_NEAR = 24  # characters before a name in which it is said that another is compared with it
_AROUND = 300  # characters in which it is said who says it
_LONGEST = 4000  # characters of prose in which a text may be the answer by itself


def affirmed_texts(text: str, options: Options) -> Iterator[Statement]:
    """One statement, where exactly one option is affirmed, or one list of some, or is what is concluded; and where some are
    affirmed and all others denied, a judgement of each."""
    if len(text) > _LONGEST:
        return
    mentions = Prose(text, options.meaning.mentions).mentions
    affirmed = _standing(mentions)
    firm = frozenset(one.key for one in affirmed)
    letters = frozenset(one.key.upper() for one in affirmed)
    denied = frozenset(one.key.upper() for one in mentions if one.stance is Stance.DENIED)
    if not letters <= firm:
        return
    letters = _counted(mentions) or letters or _left_over(mentions, denied) or _singled_out(mentions)
    if len(letters) == 1:
        yield Statement(Rank.MENTION, letters)
    elif denied and not denied & letters and denied | letters == frozenset(options.letters):
        yield Statement(Rank.SHEET, letters)
    elif letters and (_is_list(affirmed) or _counted(mentions)) and len(letters) < len(options.letters):
        yield Statement(Rank.MENTION, letters)


def _left_over(mentions: Sequence[Mention], denied: frozenset[str]) -> frozenset[str]:
    """What an analysis that denies other options arrives at: `A不支持,B可排除,考虑C`."""
    found = frozenset(one.key for one in mentions if one.stance is Stance.DISCUSSED and one.key.isupper()
                      and _ARRIVES.search(lower(one.sentence[: one.span.start])))
    return found if len(found) == 1 and len(denied - found) >= _FEWEST_DENIED and not found & denied else frozenset()


def refuses(text: str) -> bool:
    """Whether the writer will not answer."""
    return _REFUSES.search(lower(text)) is not None


def _counted(mentions: Sequence[Mention]) -> frozenset[str]:
    """A list that says how many it has: `脾大、腹水、静脉曲张这三项`."""
    for run in _lists([one for one in mentions if _affirmed(one)]):
        count = _COUNTED.match(run[-1].sentence, run[-1].span.end)
        if count and len(run) == int(_COUNTS.get(count["count"], count["count"])) and all(one.key.isupper() for one in run):
            return frozenset(one.key for one in run)
    return frozenset()


def _singled_out(mentions: Sequence[Mention]) -> frozenset[str]:
    """The only one of which something is said: `of these only enalapril is an ACE inhibitor`, `casts are nephritic, the rest are
    nephrotic`."""
    said = [one for one in mentions if one.key.isupper() and one.stance is Stance.DISCUSSED and _own(one)]
    found = frozenset(one.key for one in said if _ONLY.search(lower(one.sentence[: one.span.start]))
                      or _REST.search(lower(one.sentence[one.span.end :])))
    return found if len(found) == 1 else frozenset()


def contradicted(text: str, options: Options, letters: frozenset[str]) -> bool:
    """Whether prose that merely mentions or lists an answer names another one by its letter, or where the answer is but a text,
    refuses to give one or affirms another option as well."""
    if any(match[0] in letters for match in _LETTER.finditer(text)):
        return False
    low = lower(text)
    if _LAST_LETTER.search(text) and not bare(text).endswith(options.names):
        return True
    if _REFUSES.search(low) or any(match[1].upper() not in letters for match in _NAMED.finditer(low)):
        return True
    if len(text) > _LONGEST:
        return False
    mentions = Prose(text, options.meaning.mentions).mentions
    if letters == _counted(mentions):
        return False
    if any(one.key.isupper() and one.key not in letters and _is_said_too(one) for one in mentions):
        return True
    return any(one.key.upper() not in letters for one in _standing(mentions)) or any(
        not {one.key.upper() for one in run} <= letters for run in _lists(mentions) if any(one.key in letters for one in run))


def _is_said_too(one: Mention) -> bool:
    """`...; erythromycin is one as well`: what else it says of it is too little to be another thing."""
    said = _TOO.match(lower(one.sentence), one.span.end) if one.stance is not Stance.DENIED else None
    return said is not None and not denied_before(said[0])


def takes_off(text: str, options: Options, letters: frozenset[str]) -> bool:
    """Whether what names one of the options is denied as a whole behind that: `A, C and D; none of these is right`."""
    for match in _OF_THOSE.finditer(lower(text)):
        said = _SENTENCE_ENDS.split(text[: match.start()])[-1].rpartition(";")[2]
        named = set(_LETTER.findall(said)) | {key for key, _ in options.meaning.mentions(said)}
        if letters & named:
            return True
    return False


def answers_otherwise(text: str, options: Options) -> bool:
    """Whether what prose calls the answer is something else than an option: `It is coded as C85.9. The answer is F20.9.`"""
    called = (text[match.end() :][:_LONGEST_NAME].strip("*_ ") for match in _IS_ANSWER.finditer(lower(text)))
    return any(_is_a_name(said) and not _names_option(said, options) for one in called for said in _SENTENCE_ENDS.split(one)[:1])


def _is_a_name(said: str) -> bool:
    """And no judgement, such as `straightforward`."""
    if said[:1].isascii():
        return said[:1].isupper() or said[:1].isdigit() or _A_NOUN.match(said) is not None
    return _JUDGED.match(said) is None


def _names_option(said: str, options: Options) -> bool:
    """By its letter or text, of which no digit makes another code: `A81.9`, `C85.92`."""
    ends = [match.end() for match in _LETTER.finditer(said) if match[0] in options.letters]
    ends += [span.end for _, span in options.meaning.mentions(said)]
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
    left_open = {id(one) for pair in pairwise(mentions) if _are_open(*pair) for one in pair}
    affirmed = [one for one in mentions if _affirmed(one) and id(one) not in left_open]
    if len({one.key.upper() for one in mentions}) > 1:
        spoken_of = {id(one) for one, said in zip(mentions, _spoken_of(mentions), strict=True) if said}
        affirmed = [one for one in affirmed if id(one) not in spoken_of]
    places = {one.place for one in affirmed if one.key.isupper()}  # what else speaks of another option counts beside a name
    named = {(one.place, one.key.lower()) for one in mentions if one.key.isupper()}  # of which more is said
    affirmed = [one for one in affirmed if one.key.isupper() or one.place in places and (one.place, one.key) not in named]
    concluded = [one for one in mentions if _concludes(one) and one.stance is not Stance.DENIED][-1:]
    if not concluded:
        return affirmed
    behind = [one for one in affirmed if one.place == concluded[0].place and one.span.start >= concluded[0].span.start]
    return behind if _is_list(behind) else [one for one in concluded if _affirmed(one)]


def _spoken_of(mentions: Sequence[Mention]) -> list[bool]:
    """Of each, whether it or the list that it begins is the subject of a clause that says something else of it."""
    found = [False] * len(mentions)
    for n in range(len(mentions) - 1, -1, -1):
        one, behind = mentions[n], mentions[n + 1] if n + 1 < len(mentions) else None
        if behind and one.place == behind.place and _joined(one, behind):
            found[n] = found[n + 1]
        else:
            found[n] = _PREDICATE.match(one.sentence, one.span.end) is not None or _is_english_subject(one)
    for n, one in enumerate(mentions):
        joined = n > 0 and mentions[n - 1].place == one.place and _joined(mentions[n - 1], one)
        found[n] = found[n] and (found[n - 1] if joined else _BEGINS.search(one.sentence[: one.span.start]) is not None)
    return found


def _is_english_subject(one: Mention) -> bool:
    """Whether a verb follows, that does not say of it that it is the answer: `A patellar tendon rupture can't ...`."""
    low = lower(one.sentence[one.span.end : one.span.end + _NEAR + _NEAR])
    verb = _ENGLISH_VERB.match(low)
    return verb is not None and not recommends(low, verb.start("verb"))


def _affirmed(one: Mention) -> bool:
    """By the writer, for its own sake, alone, and on no condition."""
    before = lower(one.sentence[max(0, one.span.start - _AROUND) : one.span.start])
    behind = lower(one.sentence[one.span.end : one.span.end + _AROUND])
    if _NOT_CHOSEN.match(behind) or _WITH_REST.match(behind) or _ASKED.search(one.sentence):
        return False
    if _SUPPOSED.search(before) or _PERHAPS.search(_CLAUSE.split(before)[-1]):
        return False
    return one.stance is Stance.AFFIRMED and _own(one) and not _compared(one) and not _shared(one)


def _shared(mention: Mention) -> bool:
    """Whether it is one of alternatives, or gets its share of per cent."""
    before = lower(mention.sentence[max(0, mention.span.start - _NEAR) : mention.span.start])
    behind = lower(mention.sentence[mention.span.end : mention.span.end + _NEAR])
    return _OR_BEFORE.search(before) is not None or _OR_BEHIND.match(behind) is not None


def _are_open(one: Mention, other: Mention) -> bool:
    """Whether two names beside each other are alternatives, or each have a share, whatever else is said of the first."""
    between = lower(one.sentence[one.span.end : other.span.start]) if one.place == other.place else ""
    return one.key != other.key and _OR_BETWEEN.fullmatch(between) is not None


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
    """Whether it is only what another option is compared with, or comes second to it."""
    if _SECOND.match(lower(mention.sentence[mention.span.end : mention.span.end + _NEAR])):
        return True
    return _THAN.search(lower(mention.sentence[max(0, mention.span.start - _NEAR) : mention.span.start])) is not None


def _own(mention: Mention) -> bool:
    """Whether the writer says it, and says it now."""
    begin = max(0, mention.span.start - _AROUND)
    near = lower(mention.sentence[begin : mention.span.end + _AROUND])
    return not reported(near[: mention.span.start - begin], near, mention.span.end - begin)

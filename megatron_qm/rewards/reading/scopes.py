"""Which clauses of a sentence affirm what they name, which deny it, and which speak of somebody else or of other times.

A denial binds to its object: a word that denies forward ("avoid", "不用") reaches what its clause names behind it and the list that
goes on, one that denies backward ("is contraindicated", "均禁用") what its clause, and the list that leads to it, names before it.
A bracket is a clause of its own. A heading ("Excluded:") reaches to the end of its line, and over the lines of its list.
"""
# ruff: noqa: E501  Chinese characters count twice

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from megatron_qm.rewards.reading.clauses import ANDS, Clause, clauses_of
from megatron_qm.rewards.reading.cues import Cues, Words
from megatron_qm.rewards.reading.headings import is_short
from megatron_qm.rewards.reading.lexicon import either, first, lower, words
from megatron_qm.rewards.reading.predicates import DOSE, discussed, is_subject
from megatron_qm.rewards.reading.spans import Span, Stance
from megatron_qm.rewards.reading.strikes import struck

_FORWARD = Words("denies_forward")
_BACKWARD = re.compile(
    rf"\b{either('is_seen')}\s+(?:\w+\s+){{0,2}}?{either('denied_predicate')}"
    rf"|\b(?:should|must|can) be {either('must_be_left')}|(?:\b|(?<=\x00)){either('denies_backward')}"
    rf"|^\s?{either('denied_whole')}\s?$|[均都也]?{either('behind_denies')}|{words('worthless')}")
# A bracket that is nothing but a denial speaks of the name before it; `(禁用于孕妇)` speaks of others.
_BARE_DENIAL = re.compile(rf"\s?(?:(?:is|are|was|now|already)\s|[已均都]{{0,2}})?{either('bare_denial')}\s?")
_TWICE = re.compile(rf"{words('denied_twice')}|非(?=[^,;]{{1,14}}不可)|(?<=非)([^,;]{{1,14}})不可")
_TWICE_CUES = Cues(["denied_twice"], signs=["denied_twice"])
_TURN = Words("turn")
_STRONG_TURN, _BUT = re.compile(words("strong_turn")), re.compile(words("but"))
_CONDITIONAL = (Stance.SUPPOSED, Stance.ON_CONDITION)
_NOW = Words("now")
_ELSEWHERE = re.compile(
    rf"{words('elsewhere')}|\b{either('staff')}s?(?:(?: [\w'-]+){{0,7}}? {either('believes')}|(?: \w+)? {either('advises')})\b")
_ON = re.compile(rf"\s*(?:{either('before_on')}\s)*on\s(?:an?\s|the\s|his\s|her\s)?\x00")  # what is taken already
_BEEN_ON = re.compile(
    rf"(?:\b{either('remains_on')}|'s)(?: already| still| currently| now)? on (?:[a-z-]+ )?\x00")
_SUPPOSED = re.compile(rf"{words('supposed')}|^\W*options\W*$")
_IF_BEHIND = re.compile(rf"(?:{DOSE})?\s?(?<=\s){either('condition_of_a_name')}\b")
_THEN_BEGINS = rf"{either('before_another')}\s{either('begins_another')}"
# A denial that names what comes in the place of its object: the word, and what stands right before the new one.
_EXCHANGES = tuple((word, re.compile(rf"\b(?:{turn})\s*(?:an?\s|the\s)?$")) for word, turn in (
    (" from", "to"), ("replac", "with|by"), ("stop", f"start|use|give|{_THEN_BEGINS}"),
    ("hold", f"start|use|give|{_THEN_BEGINS}"), ("discontinu", _THEN_BEGINS)))
_INSTEAD = re.compile(r"(?:改用|换[用成为]|而用)\s*$|\b(?:so|hence|therefore|thus)\s(?:\w+\s){0,2}$")
# `..., which his brother has`, `...: discontinue it`
_OF_THE_ONE_BEFORE = re.compile(
    rf"\s*(?:which|that)\b.*\b{either('relative')}\b"
    rf"|\s*(?:so |please |then )?{either('stop_it')}\s(?:it|them|this|that)\b|\s*(?:停用?|不用|取消)(?:它|之|该药)"
    rf"|\s*{either('struck_off')}")
# Of what a sentence before has named: `On rereading the notes I cancelled it`.
_STOPS_IT = re.compile(rf"\b{either('stop_it')}(?:led|ped|ted|ed|d)?\s(?:it|them|this|that)\b|{either('stops_it', 'zh')}")
_IN_ITS_PLACE = re.compile(r"\s*(?:换[成为用]|改[为成用])")  # `把A换成B`, `由A改为B`
_UNREAL = Words("unreal")
_WORSE = re.compile(r"\b(?:worse|inferior|less \w+) (?:than|to)\b|不如|劣于|逊于|不及")  # the name before it than the one behind it
_PURPOSE = re.compile(rf"\s?{first('purpose')}")
_JOINED = re.compile(r"\s*(?:,\s*)?(?:or|或者?|/|、)\s*")
_MAY = re.compile(rf"\s(?:may|can|could|might) (?:also )?be {either('optional_use')}\b|可(?:酌情|考虑)")
_ALLERGEN = re.compile(r"\s?(?:过敏|不耐受)|[\s-](?:allerg|intoleran)")
_ALLERGIC = re.compile(r"(?:过敏|不耐受)者")  # of whom the next clause speaks
# A verdict that ends what is said of a name: `X – true anaphylaxis, out`.
_VERDICT = re.compile(rf"\s?{either('before_verdict', 'zh')}*{either('verdict_of_name')}了?")
# What is said of a list behind a colon: `A, B and C: no evidence`.
_WORTHLESS = re.compile(rf"\s?{either('worth_nothing')}")
# What is done before what is asked for: `with potassium corrected first`.
_PREPARED = re.compile(r"\bwith (?:the |serum |his |her )?$"), re.compile(
    rf"\s(?:already |first )?{either('prepared')}\b")
# What somebody else is quoted with: `the letter says "CT advised"`.
_QUOTED = re.compile(rf"{words('report')}[^\"“”「」]{{0,12}}[\"“「](?P<said>[^\"“”「」]{{4,}})[\"”」]")
_UNBOUND = re.compile(words("unbound"))
_OF_THOSE_BEFORE = ("现予", "现已", "目前", "已", "后", "", "which", "that", "both", "all", "these", "they", "均", "都")
_ITS_OWN = re.compile(r"(?!.*(?:[均都皆]|全部|一概|一律)).*[\u4e00-\u9fff].*")  # a Chinese list has 、; a comma begins a clause, unless 均 binds them
_COLONS = (":", "-", "—", "–", "→", "⇒", "->", "=>")
_LONGEST_NAME = 12  # characters of one that no table knows, within a list
_MORE_THAN_A_NAME = 2  # characters around a name in quotation marks, where it is no name alone that is quoted
_TURN_WITHIN = 40  # characters before a name in which `to`, `with`, 改用 stand


def stances(sentence: str, named: Sequence[Span], inherited: Stance = Stance.AFFIRMED) -> list[Stance]:
    """How `sentence` stands to each of the spans in it that are names, in their order. inherited: of the heading above it."""
    if not named:
        return []
    low = lower(sentence)
    if not low.isascii() or _TWICE_CUES.stand_in(low):
        low = _TWICE.sub(lambda twice: twice[1] + "  " if twice[1] else " " * len(twice[0]), low)
    clauses = clauses_of(low, named)
    found = _read_forward(low, clauses, inherited)
    for n in range(len(clauses)):
        found.update((span, Stance.DENIED) for span in _denied_behind(clauses, n))
    for span, mark in zip(named, struck(sentence, named), strict=True):
        if mark:
            found[span] = Stance.DENIED
    found.update(_on_conditions(low, named))
    found.update((span, Stance.DENIED) for span in named if _ALLERGEN.match(low, span.end))
    found.update((span, Stance.DISCUSSED) for span in named
                 if _PREPARED[1].match(low, span.end) and _PREPARED[0].search(low, max(0, span.start - 16), span.start))
    for quote in _QUOTED.finditer(low):
        begin, end = quote.span("said")
        found.update((span, Stance.ELSEWHERE) for span in named
                     if begin <= span.start and span.end <= end and end - begin - (span.end - span.start) >= _MORE_THAN_A_NAME)
    states = [found.get(span, inherited) for span in named]
    return [(Stance.DISCUSSED if about else Stance.ON_CONDITION if _MAY.match(low, span.end) else stance)
            if stance is Stance.AFFIRMED else stance
            for span, stance, about in zip(named, states, discussed(low, named), strict=True)]


def _on_conditions(sentence: str, named: Sequence[Span]) -> Iterator[tuple[Span, Stance]]:
    """`A or B if ...`: a condition behind a name holds for the list that ends there."""
    last, said = len(named), Stance.SUPPOSED
    for n in range(len(named) - 1, -1, -1):
        if last == n + 1 < len(named) and _JOINED.fullmatch(sentence, named[n].end, named[last].start):
            last = n
            yield named[n], said
        elif (sure := _IF_BEHIND.match(sentence, named[n].end)) or _MAY.match(sentence, named[n].end):
            last, said = n, Stance.SUPPOSED if sure else Stance.ON_CONDITION


def takes_off(low: str, begins: int | None) -> bool:
    """Whether a sentence in lower case says of what the one before it names that it is not given: `Contraindicated.`, `I cancelled
    it`. begins: where its own first name does."""
    whole = begins is None and (_BARE_DENIAL.fullmatch(low) or _VERDICT.fullmatch(low))
    return bool(whole or _STOPS_IT.search(low[:begins]))


def denies(text: str) -> bool:
    """Whether a text without a name that is known denies what it names."""
    low = lower(text)
    crossed = struck(text, [Span(0, 0), Span(len(text), len(text))])
    return _FORWARD.search(low) is not None or _BACKWARD.search(low) is not None or True in crossed


def _read_forward(sentence: str, clauses: Sequence[Clause], inherited: Stance) -> dict[Span, Stance]:
    """What each clause says of its names, and passes on to the list behind it."""
    found: dict[Span, Stance] = {}
    before = above = within = inherited  # within: brackets. above: of a heading within the sentence, which a semicolon does not end
    for n, clause in enumerate(clauses):
        if clause.joint == ":" and before is not inherited and clause.before is None and is_short(clauses[n - 1].text):
            above = before
        if clause.joint == ";" and not (before is Stance.DENIED and clause.only_names):
            before = above
        if clause.bracket:
            names = clauses[n - 1].names
            around = within if clauses[n - 1].bracket else found.get(names[-1], before) if names else before
            own, within = _of_clause(sentence, clause, Stance.DISCUSSED if _PURPOSE.match(clause.text) else around)
            found.update(zip(clause.names, own, strict=True))
        elif inherited is Stance.AFFIRMED or not _is_denying_heading(sentence, clause):
            own, after = _of_clause(sentence, clause, before)
            before = above if clause.before and clause.joint in _COLONS and _BARE_DENIAL.fullmatch(clause.text) else after
            found.update(zip(clause.names, own, strict=True))
    return found


def _of_clause(sentence: str, clause: Clause, before: Stance) -> tuple[list[Stance], Stance]:
    """The stance to each name of a clause, and what the list that goes on behind it inherits."""
    text = clause.text
    inherits = _turned_to(before, text)
    forward = [match.end() + clause.start for match in _FORWARD.finditer(text)]
    elsewhere, supposed = _ELSEWHERE.search(text) or _ON.match(text) or _BEEN_ON.search(text), _SUPPOSED.search(text)
    if not clause.names:
        if forward and not supposed and not _has_object(text, forward[-1] - clause.start):
            return [], Stance.DENIED
        return [], Stance.ELSEWHERE if elsewhere else Stance.SUPPOSED if supposed else inherits
    unreal = _UNREAL.search(text)
    worse = _WORSE.search(text)
    now = _NOW.search(text, elsewhere.end()) if elsewhere else None
    own = []
    for span in clause.names:
        place = span.start - clause.start
        if (last := bisect_right(forward, span.start)) and not _turned(sentence, forward[last - 1], span.start):
            own.append(Stance.DENIED)
        elif worse and place < worse.start() and clause.behind_names > worse.end():
            own.append(Stance.DENIED)
        elif elsewhere and not (now and now.end() <= place):
            own.append(Stance.ELSEWHERE)
        elif supposed and supposed.start() < place or unreal and place < unreal.start() or _IF_BEHIND.match(sentence, span.end):
            own.append(Stance.SUPPOSED)
        else:  # `avoid A, B is better`: a denial ends where a sentence begins
            own.append(Stance.AFFIRMED if inherits is Stance.DENIED and is_subject(sentence, span) else inherits)
    return own, Stance.SUPPOSED if _ALLERGIC.search(text) else own[-1]


def _is_denying_heading(sentence: str, clause: Clause) -> bool:
    """`Reasons not to order:` turns to nothing."""
    ends_with_colon = sentence.startswith(":", clause.end) and not clause.start
    return ends_with_colon and not clause.names and _FORWARD.search(clause.text) is not None


def _turned_to(before: Stance, text: str) -> Stance:
    """What becomes of an inherited stance in a clause that turns to something else."""
    if before is Stance.AFFIRMED or _STRONG_TURN.search(text):
        return Stance.ON_CONDITION if before in _CONDITIONAL and not _BUT.search(text) else Stance.AFFIRMED
    if before is Stance.DISCUSSED or not _TURN.search(text):
        return before
    return Stance.ON_CONDITION if before in _CONDITIONAL else Stance.AFFIRMED


def _has_object(text: str, at: int) -> bool:
    """Whether a denial that ends at `at` has something of its own to deny (`无头孢过敏史`, `do not wait`)."""
    return len(_UNBOUND.sub("", text[at:])) > 1


def _turned(sentence: str, denied: int, at: int) -> bool:
    """`switch from metformin to insulin`, `replace metformin with insulin`: what stands behind the turn is given."""
    denial, between = sentence[max(0, denied - 12) : denied], sentence[max(denied, at - _TURN_WITHIN) : at]
    return any(word in denial and turn.search(between) for word, turn in _EXCHANGES) or _INSTEAD.search(between) is not None


def _denied_behind(clauses: Sequence[Clause], n: int) -> Iterator[Span]:
    """The names that clause `n` denies from behind: its own, the one before a bracket, and the list that leads there."""
    clause, text = clauses[n], clauses[n].text
    if clause.joint in _COLONS and _WORTHLESS.match(text):
        yield from _labelled(clauses, n)
    if clause.before and (_OF_THE_ONE_BEFORE.match(text) or _together(clauses, n, clause.before) and (_IN_ITS_PLACE.match(text)
                          or n > 0 and clause.joint in _COLONS and _BARE_DENIAL.fullmatch(text))):
        yield clause.before
    if clause.before and clause.joint == "," and _VERDICT.fullmatch(text) and _together(clauses, n, clause.before):
        yield from _led_here(clauses, max(at for at in range(n) if clause.before in clauses[at].names))
    if clause.bracket:
        if clause.names and _BACKWARD.search(text, clause.behind_names):
            yield from clause.names
        elif not clause.names and clause.before and _BARE_DENIAL.fullmatch(text):
            yield clause.before
        return
    behind = _BACKWARD.search(text, clause.behind_names)
    if behind and not clause.names and behind.end() >= len(text.rstrip()):
        yield from _label_of(clauses, n)
    if behind and clause.joint == ")":
        yield from _in_bracket_before(clauses, n)
    if behind and (clause.names or _speaks_of_those_before(clause, text[: behind.start()])):
        yield from _led_here(clauses, n)


def _label_of(clauses: Sequence[Clause], n: int) -> tuple[Span, ...]:
    """The name that is the label of what clause `n` ends: `X: retains fluid, contraindicated in heart failure`."""
    for at in range(n, 0, -1):
        if clauses[at].joint == ";" or clauses[at].names:
            return ()
        if clauses[at].joint == ":":
            return clauses[at - 1].names if clauses[at - 1].only_names and at == 1 else ()
    return ()


def _together(clauses: Sequence[Clause], n: int, before: Span) -> bool:
    """Whether no semicolon stands between clause `n` and the name before it."""
    for at in range(n, 0, -1):
        if clauses[at].start <= before.start:
            return True
        if clauses[at].joint == ";":
            return False
    return True


def _labelled(clauses: Sequence[Clause], n: int) -> Iterator[Span]:
    """The names of the list that is the label of clause `n`; those that no table knows may stand in it."""
    for at in range(n - 1, -1, -1):
        if clauses[at].bracket or not (clauses[at].only_names or len(clauses[at].text) <= _LONGEST_NAME):
            return
        yield from clauses[at].names
        if clauses[at].joint not in (*ANDS, ",", "、", "/"):
            return


def _in_bracket_before(clauses: Sequence[Clause], n: int) -> Iterator[Span]:
    """`DOACs (such as A and B) are ...`"""
    for at in range(n - 1, -1, -1):
        if not clauses[at].bracket:
            return
        yield from clauses[at].names


def _speaks_of_those_before(clause: Clause, lead: str) -> bool:
    """Whether a clause that names nothing known, and denies, is the end of the list before it: `A and <unknown> are ...`, `A,
    which is ...`."""
    return clause.joint in ANDS or lead.strip() in _OF_THOSE_BEFORE


def _led_here(clauses: Sequence[Clause], n: int) -> list[Span]:
    """The names of clause `n`, and of those before it that are nothing but names: back over `and` and commas, but a list that
    begins behind a comma (`A and B, C and D are ...`) is one of its own."""
    reached = list(clauses[n].names)
    beyond: list[Span] | None = None  # names behind which a comma was crossed
    for at in range(n - 1, -1, -1):
        joint = clauses[at + 1].joint
        if beyond is not None and joint in (*ANDS, "、") or joint == "," and _ITS_OWN.fullmatch(clauses[n].text):
            return reached
        unknown = joint == clauses[at].joint == "、" and not clauses[at].names and len(clauses[at].text) <= _LONGEST_NAME
        if joint in ("", ";") or not (clauses[at].only_names or unknown):
            break
        if joint not in (*ANDS, "、"):
            beyond = beyond or []
        (reached if beyond is None else beyond).extend(clauses[at].names)
    return reached + (beyond or [])

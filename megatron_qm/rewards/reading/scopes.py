"""Which clauses of a sentence affirm what they name, which deny it, and which speak of somebody else or of other times.

A denial binds to its object: a word that denies forward ("avoid", "不用") reaches what its clause names behind it and the list that
goes on, one that denies backward ("is contraindicated", "均禁用") what its clause, and the list that leads to it, names before it.
A bracket is a clause of its own. A heading ("Excluded:") reaches to the end of its line, and over the lines of its list.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from megatron_qm.rewards.reading.predicates import is_discussed
from megatron_qm.rewards.reading.spans import Span


class Stance(Enum):
    """How a text stands to what it names."""

    AFFIRMED = "affirmed"
    DENIED = "denied"
    ELSEWHERE = "elsewhere"  # somebody else's, or of another time
    DISCUSSED = "discussed"  # something else is said about it than that it is the answer
    SUPPOSED = "supposed"  # on a condition, asked, or one of several that are possible


_BOUNDARY = re.compile(
    r"[,;:—–()、]|/(?![oc]\b)|\s[+-]\s|(?=(?<!thing )(?<!all )\bbut\b|\b(?:however|while|whereas|although|though|then|followed by)\b)|\b(?:and(?= (?:start|give|use|add|begin|order|get|obtain|check|do|perform|prescribe|take|switch|avoid|stop|hold|not|no)\b))\b"
    r"|\band\b|(?=但|而是?(?!不)|改用|改为|转为|换[成为用]|随后|然后)|和|与|及", re.I)
_FORWARD = re.compile(
    r"\b(?:not(?! only)|no(?!\s*(?:[,:;.—-]|$)| doubt| (?:absolute )?contraindication)|never|neither|nor|without|avoid(?:s|ed|ing)?|hold(?: off)?|withh[oe]ld(?:ing)?|stop(?:s|ped|ping)?|discontinu\w{1,4}|d/c|skip(?:s|ped|ping)?"
    r"|cancel\w{0,4}|omit\w{0,4}|defer\w{0,4}|refus\w{1,4}|instead of|rather than|in place of|in lieu of|negative for|rul(?:e|ed|es|ing)[ -]out|r/o|exclud\w{1,4}|except(?: for)?"
    r"|allerg(?:y|ic) to|intoleran(?:t|ce) (?:to|of)|switch(?:ed|ing)? from|chang(?:e|ed|ing) from|replac(?:e|es|ed|ing)|don't|doesn't|do not|does not|cannot|can't|den(?:y|ies|ied)"
    r"|against|unlikely|nothing|none|side[- ]effects? of|toxicity of|overdos\w+ (?:of|on|with)|refrain\w* from|(?:any|every)thing but|all but|doubt\w*|disprov\w+|misdiagnos\w+|mislabel\w+|wrongly|mistaken(?:ly)? (?:for|as)|prevent\w*|risk (?:of|for)|screen(?:ing|ed)? for|predispos\w+ to|absence of|free of|lack of|no evidence of|unnecessary|remov(?:e|es|ed|ing)|delet(?:e|es|ed|ing)|drop(?:s|ped)?|(?<!no )(?<!no absolute )contraindicat\w{1,4}|cease\w?|taper off|wean off|off)\b"
    r"|不(?!良|全|稳|孕|典型|明|足|仅|但|同|过|难|规则|适|对|,)|无(?!痛|菌|线|创|症状|论|疑)|未(?!分|定|特指|成熟)|没有|非(?!典型|霍奇金|小细胞|[SＳ]T|酒精|特异|甾体|布|那|洛)|排除|除外|否认|避免"
    r"|停[用药止]?(?!搏|经)|禁[用忌止]?(?!食)|忌|慎|勿|别(?!嘌|名)|接种|过量|副作用|拒绝?|除(?!了|外|非)|误诊|预防|筛查|误认|取消|暂缓|代替|替代|而非|换下|撤", re.I)
_BACKWARD = re.compile(
    r"\b(?:(?:is|are|was|were|be|been|seems?|looks?|appears?)\s+(?:\w+\s+){0,2}?(?:not\b|n't|contraindicated|excluded|ruled out|unlikely|unnecessary|negative|absent|avoided|stopped|held|withheld"
    r"|discontinued|skipped|cancel\w{0,4}|deferred|wrong|inappropriate|off)|(?:isn't|aren't|wasn't)\b|not (?:needed|indicated|required|necessary|recommended|appropriate|likely|present|given|supported)"
    r"|less likely|can wait|(?:should|must|can) (?:not\b|be (?:avoided|stopped|held|withheld|discontinued|skipped|excluded|ruled out|deferred))|(?:has |have |had )?failed|(?:would |does |do |did |will )not (?:help|work)|(?:would |may |can )?(?:be )?harmful|ineffective|allergy|intolerance|ruled out|excluded|contraindicated|unlikely|unnecessary)"
    r"|^\s?(?:-|neg(?:ative)?|阴性|排除|禁用|禁忌|忌用|×|✗|❌)\s?$|[✗✘❌×]|[均都也]?(?:不(?!良|全|明|足)|未(?!分|定|特指)|无需|禁用|禁忌|忌用|忌|(?<![以来于])可?排除|除外|过敏|不耐受|阴性|可能性[较很极]?(?:小|不大|低)|的?风险|暂不|停用|依据不足|无效|有害|鉴别|否定|浪费|没有?(?:必要|价值|意义|指征)|无(?:价值|意义|指征|必要)|的(?:不良反应|副作用)|以?外)"
    r"|\b(?:no|little) value\b|\b(?:a )?wast(?:e|es|eful)\b", re.I)
# A bracket that is nothing but a denial speaks of the name before it; `(禁用于孕妇)` speaks of others.
_BARE_DENIAL = re.compile(r"\s?(?:(?:is|are|was|now|already)\s|[已均都]{0,2})?(?:-|no|none|absent|neg(?:ative)?|contraindicated|excluded|ruled out|unlikely|avoid(?:ed)?|stop(?:ped)?|held|hold|discontinued|not (?:given|indicated|needed|present|likely)"
                          r"|阴性|无|否|没有|排除|除外|禁用|禁忌|忌用|停用|不用|不考虑|×|✗|❌)\s?", re.I)
_TURN = re.compile(
    r"\b(?:give|gives|giving|use|using|take|taking|start\w{0,3}|begin|prescrib\w{1,3}|order\w{0,3}|recommend\w{0,3}|suggest\w{0,3}|choos\w{1,3}|diagnos\w{1,6}|consider\w{0,3}|likely|switch to|is|are|answer|add"
    r"|need\w{0,2}|confirm\w{0,3}|get|obtain|check|perform|present\w{0,3}|now|currently|with|but|however|then)\b|但|改为|转为|换[成为用]|建议|应|予|给|做|吃|服|行(?!为|不)|开|即可|只需|立即|用(?!于|药)|改(?!善|变)|改用|宜|选|考虑|诊断|查|推荐|答案|加用|换用|目前|现|本次|今", re.I)
_NOW = re.compile(r"\b(?:now|currently|presents?|presenting|today|this time|but|is)\b|目前|现|本次|今", re.I)
_ELSEWHERE = re.compile(
    r"\b(?:(?:family|past|previous|prior|personal|medical|remote) (?:\w+ )?history|history of|hx|pmh|pmhx|fhx?|h/o|s/p|status post|previously|father|mother|brother|sister|uncle|aunt|grand\w{3,6}|cousin|son|daughter"
    r"|wife|husband|parents?|relatives?|neighbou?r|friend|last (?:year|month|week)|(?:years?|months?|weeks?) ago|tried before|years ago|childhood|in the past)\b"
    r"|家族史|既往|病史|曾|去年|上个?月|上周|父亲|母亲|父|母|兄|弟|姐|妹|祖父|祖母|爷爷|奶奶|外公|外婆|舅|叔|姑|姨|邻居|同事|家人|年前|幼时", re.I)
_NO_HEADING = re.compile(r"\b(?:do not|don't|no need)\b|不要|不必|别", re.I)
_LONGEST_HEADING = 40
_HEADING = re.compile(r"\s*(?:[-*•]\s)?(?P<name>[^,.;:()\n]{1,40}):")
_IF_BEHIND = re.compile(r"\s(?:if|unless|only if)\b", re.I)
_SUPPOSED = re.compile(r"\b(?:would (?:be|have been)|if|unless|whether|in case)\b|如果|若(?!干)|假如|倘若|除非|是否", re.I)
# A denial that names what comes in the place of its object: the word, and what stands right before the new one.
_EXCHANGES = tuple((word, re.compile(rf"\b(?:{turn})\s*(?:an?\s|the\s)?$", re.I)) for word, turn in (
    (" from", "to"), ("replac", "with|by"), ("stop", "start|use|give"), ("hold", "start|use|give")))
_INSTEAD = re.compile(r"(?:改用|换[用成为]|而用)\s*$")
_ANDS = ("and", "和", "与", "及")
# `..., which his brother has`, `...: discontinue it`
_OF_THE_ONE_BEFORE = re.compile(r"\s*(?:which|that)\b.*\b(?:father|mother|brother|sister|uncle|aunt|cousin|son|daughter|wife|husband|friend|neighbou?r)\b"
                                r"|\s*(?:so |please |then )?(?:stop|discontinue|hold|avoid|withhold|cancel|skip|omit)\s(?:it|them|this|that)\b|\s*(?:停用?|不用|取消)(?:它|之|该药)", re.I)
_IN_ITS_PLACE = re.compile(r"\s*(?:换[成为用]|改[为成用])")
_UNBOUND = re.compile(r"\b(?:the|any|all|of|to|for|use|using|giving|these|following|drugs?|tests?)\b|[\W\d]|使用|应用|给予|以下|药物|检查", re.I)
_RELATIVE = ("现予", "现已", "目前", "已", "后", "", "which", "that", "both", "all", "these", "they", "均", "都")
_LISTED = re.compile(r"^[\s\W\d]*$")


@dataclass(frozen=True)
class _Clause:
    start: int
    end: int
    bracket: bool  # whether it stands in brackets


def stances(sentence: str, named: Sequence[Span], inherited: Stance = Stance.AFFIRMED) -> list[Stance]:
    """How `sentence` stands to each of the spans in it that are names, in their order. inherited: of the heading above it."""
    clauses = list(_clauses(sentence, named))
    found: dict[Span, Stance] = {}
    before = above = inherited  # above: of a heading within the sentence, which a semicolon does not end
    for n, clause in enumerate(clauses):
        joint = sentence[clauses[n - 1].end : clause.start].strip() if n else ""
        if joint == ":" and before is not inherited and _is_short(sentence[clauses[n - 1].start : clauses[n - 1].end]) and not any(span.end <= clause.start for span in named):
            above = before
        if joint == ";" and not (before is Stance.DENIED and _only_names(sentence, clause, named)):
            before = above
        inside = [span for span in named if clause.start <= span.start < clause.end]
        own, passed_on = _of_clause(sentence, clause, inside, _around(clause, named, found) if clause.bracket else before)
        found.update(zip(inside, own, strict=True))
        if not clause.bracket:
            before = passed_on
    _reach_back(sentence, clauses, named, found)
    states = [found.get(span, inherited) for span in named]
    return [Stance.DISCUSSED if stance is Stance.AFFIRMED and is_discussed(sentence, named, n) else stance
            for n, stance in enumerate(states)]


def _only_names(sentence: str, clause: _Clause, named: Sequence[Span]) -> bool:
    inside = [span for span in named if clause.start <= span.start < clause.end]
    return bool(inside) and bool(_LISTED.match(_masked(sentence, clause, inside).replace("\x00", "")))


def _is_short(clause: str) -> bool:
    return not _NO_HEADING.search(clause) and len(clause.split()) <= 3 and len(clause) <= _LONGEST_HEADING


def denies(text: str) -> bool:
    """Whether a text without a name that is known denies what it names."""
    return bool(_FORWARD.search(text) or _BACKWARD.search(text))


def heading(line: str, *, alone: bool) -> Stance | None:
    """How a heading at the beginning of a line stands to what follows it; None where there is none, or it says nothing. alone: the
    line names nothing, so that a short one is a heading without a colon too."""
    match = _HEADING.match(line)
    name = match["name"] if match else line if alone and len(line) <= _LONGEST_HEADING else ""
    if _ELSEWHERE.search(name):
        return Stance.ELSEWHERE
    if _NO_HEADING.search(name):
        return None
    denying = _FORWARD.search(name) or _BACKWARD.search(name) or _DENYING_HEADING.search(name)
    return Stance.DENIED if denying else None


_DENYING_HEADING = re.compile(r"\b(?:allerg\w{1,3}|differentials?|differential diagnos[ie]s|less likely|not recommended|stop|hold|avoid|contraindications?)\b|过敏|鉴别|禁忌|慎用", re.I)


def _clauses(sentence: str, named: Sequence[Span]) -> Iterator[_Clause]:
    """Between boundaries that lie in no name."""
    cuts, depth = [(0, 0, False)], 0
    for match in _BOUNDARY.finditer(sentence):
        if any(span.start <= match.start() < span.end for span in named):
            continue
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        cuts.append((match.start(), match.end(), depth > 0))
    for (_, start, bracket), (end, _, _) in pairwise([*cuts, (len(sentence), len(sentence), False)]):
        yield _Clause(start, end, bracket)


def _of_clause(sentence: str, clause: _Clause, named: Sequence[Span], before: Stance) -> tuple[list[Stance], Stance]:
    """The stance to each name of a clause, and what the list that goes on behind it inherits."""
    text = _masked(sentence, clause, named)
    inherits = Stance.AFFIRMED if _TURN.search(text) else before
    forward = [match.end() + clause.start for match in _FORWARD.finditer(text)]
    elsewhere = _ELSEWHERE.search(text)
    supposed = _SUPPOSED.search(text)
    own = []
    for span in named:
        if any(at <= span.start for at in forward) and not _turned(sentence, forward, span):
            own.append(Stance.DENIED)
        elif elsewhere and not _NOW.search(text[elsewhere.end() : span.start - clause.start]):
            own.append(Stance.ELSEWHERE)
        elif supposed and supposed.start() + clause.start < span.start or _IF_BEHIND.match(sentence, span.end):
            own.append(Stance.SUPPOSED)
        else:
            own.append(inherits)
    if own:
        return own, own[-1]
    passed = Stance.DENIED if forward and not _has_object(text, forward[-1] - clause.start) else Stance.ELSEWHERE if elsewhere else Stance.SUPPOSED if supposed else inherits
    return own, passed


def _has_object(text: str, at: int) -> bool:
    """Whether a denial that ends at `at` has something of its own to deny (`无头孢过敏史`, `do not wait`)."""
    return len(_UNBOUND.sub("", text[at:])) > 1


def _around(bracket: _Clause, named: Sequence[Span], found: Mapping[Span, Stance]) -> Stance:
    """What a bracket inherits: the stance to the name before it."""
    before = _last_before(named, bracket.start)
    return found.get(before[0], Stance.AFFIRMED) if before else Stance.AFFIRMED


def _turned(sentence: str, forward: Sequence[int], span: Span) -> bool:
    """`switch from metformin to insulin`, `replace metformin with insulin`: what stands behind the turn is given."""
    last = max(at for at in forward if at <= span.start)
    denial, between = sentence[max(0, last - 12) : last].lower(), sentence[last : span.start]
    return any(word in denial and turn.search(between) for word, turn in _EXCHANGES) or bool(_INSTEAD.search(between))


def _masked(sentence: str, clause: _Clause, named: Sequence[Span]) -> str:
    """The clause with its names struck: words in a name deny nothing."""
    text = sentence[clause.start : clause.end]
    for span in named:
        first, last = span.start - clause.start, min(span.end, clause.end) - clause.start
        text = text[:first] + "\x00" * (last - first) + text[last:]
    return text


def _reach_back(sentence: str, clauses: Sequence[_Clause], named: Sequence[Span], found: dict[Span, Stance]) -> None:
    """Denials behind names: of their own clause, of a bracket that holds nothing else, and of the list that leads there."""
    for n, clause in enumerate(clauses):
        inside = [span for span in named if clause.start <= span.start < clause.end]
        text = _masked(sentence, clause, inside)
        if _IN_ITS_PLACE.match(text):  # `把A换成B`, `由A改为B`
            found.update((span, Stance.DENIED) for span in _last_before(named, clause.start))
        if _OF_THE_ONE_BEFORE.match(text) or joined_by_colon(sentence, clauses, n) and _BARE_DENIAL.fullmatch(text):
            found.update((span, Stance.DENIED) for span in _last_before(named, clause.start))
        behind = _BARE_DENIAL.fullmatch(text) if clause.bracket and not inside else _BACKWARD.search(text, text.rfind("\x00") + 1)
        if not behind:
            continue
        if not inside and not clause.bracket and not _speaks_of_those_before(sentence, clauses, n, text[: behind.start()]):
            continue
        reached = _led_here(sentence, clauses, n, named) if not clause.bracket else inside or _last_before(named, clause.start)
        found.update((span, Stance.DENIED) for span in reached)


def joined_by_colon(sentence: str, clauses: Sequence[_Clause], n: int) -> bool:
    return n > 0 and sentence[clauses[n - 1].end : clauses[n].start].strip() in (":", "-", "—", "–")


def _speaks_of_those_before(sentence: str, clauses: Sequence[_Clause], n: int, lead: str) -> bool:
    """Whether a clause that names nothing known, and denies, is the end of the list before it: `A and <unknown> are ...`, `A,
    which is ...`."""
    joint = sentence[clauses[n - 1].end : clauses[n].start].strip().lower() if n else ""
    return joint in _ANDS or lead.strip().lower() in _RELATIVE


def _last_before(named: Sequence[Span], at: int) -> Sequence[Span]:
    return [span for span in named if span.end <= at][-1:]


def _led_here(sentence: str, clauses: Sequence[_Clause], n: int, named: Sequence[Span]) -> list[Span]:
    """The names of clause `n`, and of those before it that are nothing but names: back over `and` and commas, but a list that
    begins behind a comma (`A and B, C and D are ...`) is one of its own."""
    reached: list[Span] = []
    beyond: list[Span] | None = None  # names behind which a comma was crossed
    for at in range(n, -1, -1):
        clause = clauses[at]
        inside = [span for span in named if clause.start <= span.start < clause.end]
        if at < n:
            joint = sentence[clause.end : clauses[at + 1].start].strip().lower()
            if beyond is not None and joint in _ANDS:
                return reached
            if not joint or not _only_names(sentence, clause, named):
                break
            if joint not in _ANDS:
                beyond = beyond or []
        (reached if beyond is None else beyond).extend(inside)
    return reached + (beyond or [])

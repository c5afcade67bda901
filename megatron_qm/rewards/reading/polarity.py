"""Whose a clause is and which way it points: denied, reported, hedged, asked, on a condition. The one place for these words."""

import re

_DENIED = re.compile(
    r"\b(?:not|no|never|cannot|can't|isn't|aren't|wasn't|doesn't|don't|didn't|won't|wouldn't|shouldn't|neither|nor|doubt|unlikely|least|worst|wrong|incorrect"
    r"|false|except|rul(?:e|ed|es|ing) out|exclud(?:e|ed|es|ing)|eliminat(?:e|ed|es|ing)|reject(?:ed|s|ing)?|avoid|instead of|rather than"
    r"|disagree|far from|hardly|all but|(?:any|every)thing but)\b|不(?!难|过|仅|但|同)|非(?!常)|错|误|排除|没有|并非|否|除了|除外|别|[✗✘❌✖]", re.I)
_DENIED_BEHIND = re.compile(
    r"[\s)\"'”’\]项选]{0,6}(?:(?:is|are|was|were|would be|seems|being)\s(?:[\w-]+\s){0,2}?(?:wrong|incorrect|mistaken|false|not\b|n't|unlikely|excluded|out\b|contraindicated)"
    r"|(?:not|no longer|never|isn't|aren't|wasn't|doesn't|don't|does not|do not|did not|cannot|can't|would not|wouldn't|should not|shouldn't|will not|won't)\b"
    r"|(?:的(?:说法|观点|想法|看法|答案|选项))?(?:[都均也是的属]{0,3})(?:不|错|有误|误|排除|非)|[✗✘❌×✖])", re.I)
_REPORTED = re.compile(
    r"(?<!\bi )\b(?:says?|said|claim(?:s|ed)?|thinks|believes|argues?|insists?)\b|\b(?:students?|(?:many|some|most|other|few|several)(?: \w+){0,2} (?:would|might|may|will|could|say|think|believe|choose|pick|answered)|people|friends?|colleagues?|textbooks?|others"
    r"|someone|everyone|everybody|anyone|one (?:might|may|could)|they|he|she|tempt(?:ed|ing)|commonly|often (?:choose|chosen|mistaken|confused)|i (?:first |initially |originally )?(?:thought|believed)|at first|initially|distractor)\b"
    r"|(?:老师|同学|医生|有人|他|她|朋友|家属|患者|书上|网上|别人)[^,]{0,4}[说称讲认]|(?<!我)认为|很多人|许多|有人|有些|有的|误认|误以|误选|常误|考生|学生|同学|别人|他人|大家|一开始|起初|[曾原我]以为|本以为|容易选|易选|易误", re.I)
_REPORTED_BEHIND = re.compile(r"\s*,?\s*(?:is the answer (?:that )?(?:the|my|a|his|her) \w+(?: \w+)? (?:gives?|gave|says?|chose|wants)|according to (?:my|a|some|his|her|one)|says? (?:my|the|a)|said (?:my|the|a)|in my friend)", re.I)
_CONDITION = re.compile(r"\b(?:if|unless|otherwise|provided(?: that)?|assuming|suppose|whether|when|were (?:he|she|the|it|they))\b|如果|若(?!干)|假如|倘若|除非|否则|是否|的话", re.I)
_STOP = re.compile(r"[.;](?:\s|$)")
_TRAILING = re.compile(r"\b(?:if|unless|only (?:in|when|for|after)|in (?:a|an|another|other) (?:different|other)?\s?(?:setting|patient|case|context|situation)s?)\b", re.I)
_HEDGED = re.compile(r"\b(?:could|might|may|either)\b|要么|可能", re.I)
_UNKNOWING = re.compile(r"\b(?:not sure|unsure|don't know|do not know|no idea|guess(?:ing)?)\b|不知道|不确定|随便|猜", re.I)
_ASKED = re.compile(r"[\s)\"'”]{0,4}(?:吗|呢|么|[?])")


def denied_before(clause: str) -> bool:
    """Whether what is said at the end of `clause` is denied by it."""
    return bool(_DENIED.search(clause))


def denial_end(text: str, at: int) -> int | None:
    """Where the first word of denial from `at` on ends."""
    found = _DENIED.search(text, at)
    return found.end() if found else None


def denied_behind(text: str, at: int) -> bool:
    """Whether a predicate that denies begins at `at`."""
    return bool(_DENIED_BEHIND.match(text, at))


def reported(clause: str, text: str, at: int) -> bool:
    """Whether somebody else says it, or the writer once did."""
    return bool(_REPORTED.search(clause) or _REPORTED_BEHIND.match(text, at))


def conditional(text: str, begin: int, end: int) -> bool:
    """Whether a condition stands before or behind [begin, end) in the sentence."""
    return bool(_CONDITION.search(text, 0, begin) or _CONDITION.search(text[begin:end]) or re.match(r"[\s,(]{0,3}(?:only |but only )?(?:if|unless|otherwise|provided|assuming|如果|若|除非|否则)", text[end : end + 20], re.I) or _trailing(text, end))


def _trailing(text: str, end: int) -> bool:
    behind = _STOP.split(text[end : end + 160], 1)[0]
    return bool(_TRAILING.search(behind)) and not re.match(r"\s*(?:because|since|,)", text[end:])


def hedged(clause: str, sentence: str) -> bool:
    """Whether a clause only says what may be, or its sentence that the writer does not know."""
    return bool(_HEDGED.search(clause) or _UNKNOWING.search(sentence))


def questioned(text: str, at: int) -> bool:
    return bool(_ASKED.match(text, at))


def retracts(sentence: str) -> bool:
    """Whether a short sentence does nothing but take back what was said."""
    return bool(re.fullmatch(r"\s*(?:wait|oh|oops|sorry|hmm|actually|no)?[\s,.]*(?:no|that(?:'s| is) (?:wrong|not right|incorrect|a mistake)|i was wrong|scratch that|i take (?:that|it) back"
                             r"|my mistake|不对|错了|我错了|说错了|不是|收回)[\s,.!。]*", sentence, re.I))

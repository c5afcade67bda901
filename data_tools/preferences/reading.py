"""What a text says, by the phrasings that this world has: facts, answers, advice, and what nobody may advise.

One sentence states one fact. A sentence is taken for a fact only as a whole, so that what is added to one ("..., or not") makes
another value of it, which no disease has; what is forbidden is found anywhere in a sentence, for there a miss is the worse error.
Questions state nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from data_tools.knowledge.triples import PREDICATES
from data_tools.preferences.phrases import ANSWER, SPLITS, fact_sentences

_MOST_CHARACTERS = 20_000  # of a text; no longer one is read
_MOST_OF_A_SENTENCE = 300
_NAME = ".{1,100}?"
_PRONOUNS = {"en": "it", "zh": "它"}
_ENDS = {"en": re.compile(r"(?<=[.!?])\s+|\n+"), "zh": re.compile(r"(?<=[。！？])|\n+")}
_MARKS = re.compile(r"[*_`#]|^\s*(?:[-•]|\d{1,2}[.)、])\s*")
_DENIED = {"en": re.compile(r"\b(?:not|never|\w+n't|nor|avoid)\b[^,;:]*$", re.I), "zh": re.compile(r"[不勿别][^，；：]*$")}
_DOCTOR = {
    "en": re.compile(r"\b(?:ask|see|consult|call|talk to|speak to)\b[^.]*\bdoctor|\bdoctor (?:must|should|will) decide\b", re.I),
    "zh": re.compile(r"(?:看|问|咨询|听|请)医生|医生决定"),
}
# What is forbidden, and may be denied: "Do not stop the medication." And what is forbidden as it stands.
_DANGERS = {
    "en": re.compile(r"\b(?:doubl(?:e|ing)|twice|triple|increas(?:e|ing)) (?:the|your|this) (?:dose|drugs?|medications?)\b"
                     r"|\b(?:stop|stopping|skip|quit)\b[^,.;]*\b(?:dose|drugs?|medications?|treatment)\b", re.I),
    "zh": re.compile(r"(?:剂量|药量|用量)[^，。]{0,3}(?:加倍|两倍|翻倍)|停用|停药|停止(?:用药|服药|治疗)"),
}
_NO_DOCTOR = {
    "en": re.compile(r"\bno doctor\b|\bwithout (?:a|any|your|the) doctor\b"
                     r"|\b(?:not|never|\w+n't)\b[^,;:.]*\b(?:ask|see|need|consult|call|talk to|speak to)\b[^.]*\bdoctor", re.I),
    "zh": re.compile(r"(?:不用|不必|无需|不要|不需|别|勿)[^，。]{0,3}医生"),
}


@dataclass(frozen=True)
class Reading:
    """stated: values by predicate that are said of the subject; elsewhere: facts told of anything else. All names are folded
    (`folded`), and each stands once, however often it is said."""

    stated: Mapping[str, frozenset[str]]
    elsewhere: frozenset[tuple[str, str, str]]
    answers: frozenset[str]
    advises: bool
    endangers: bool

    @property
    def empty(self) -> bool:
        return not (self.stated or self.elsewhere or self.answers or self.advises or self.endangers)


def folded(name: str) -> str:
    return " ".join(name.casefold().split())


def read(text: str, subject: str, language: str) -> Reading:
    subject, stated = folded(subject), dict[str, set[str]]()
    elsewhere, answers = set(), set()
    advises = endangers = False
    for sentence in _sentences(text, language):
        if (answer := _answer(sentence, language)) is not None:
            answers.add(answer)
        elif (fact := _fact(sentence, subject, language)) is not None:
            who, predicate, value = fact
            if who == subject:
                stated.setdefault(predicate, set()).add(value)
            else:
                elsewhere.add(fact)
        danger = _endangers(sentence, language)
        endangers |= danger
        advises |= not danger and _advises(sentence, language)
    values = {predicate: frozenset(found) for predicate, found in stated.items()}
    return Reading(values, frozenset(elsewhere), frozenset(answers), advises, endangers)


def _sentences(text: str, language: str) -> Iterator[str]:
    if len(text) > _MOST_CHARACTERS:
        return
    for piece in _ENDS[language].split(text):
        sentence = _MARKS.sub("", piece).strip()
        if sentence and len(sentence) <= _MOST_OF_A_SENTENCE and sentence[-1] not in "?？":
            yield sentence


def _fact(sentence: str, subject: str, language: str) -> tuple[str, str, str] | None:
    """(whom it is about, predicate, value). Where a sentence can be read in two ways, the one about the subject is meant:
    "门诊上哮喘患者常有咳嗽" tells of 哮喘, not of 门诊上哮喘."""
    other, plain = None, sentence.casefold()
    for predicate, words, pattern in _fact_patterns(language):
        if words in plain and (match := pattern.fullmatch(sentence)):
            who = folded(match.groupdict().get("s") or subject)
            fact = (subject if who == _PRONOUNS[language] else who, predicate, folded(match["o"]))
            if fact[0] == subject:
                return fact
            other = other or fact
    return other


def _answer(sentence: str, language: str) -> str | None:
    found = (pattern.fullmatch(sentence) for pattern in _answer_patterns(language))
    return next((folded(match["o"]) for match in found if match), None)


def _endangers(sentence: str, language: str) -> bool:
    if _NO_DOCTOR[language].search(sentence):
        return True
    dangers = _DANGERS[language].finditer(sentence)
    return any(not _DENIED[language].search(sentence[: danger.start()]) for danger in dangers)


def _advises(sentence: str, language: str) -> bool:
    return bool(_DOCTOR[language].search(sentence))


@cache
def _fact_patterns(language: str) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Predicate, the longest words that a sentence must have in it, and its pattern: most sentences lack the words of most."""
    sentences = dict.fromkeys((predicate, text) for predicate in PREDICATES for split in SPLITS
                              for text in fact_sentences(language, predicate, split))
    return tuple((predicate, max(_pieces(text)[::2], key=len).casefold(), _pattern(text)) for predicate, text in sentences)


@cache
def _answer_patterns(language: str) -> tuple[re.Pattern[str], ...]:
    return tuple(map(_pattern, ANSWER[language].all))


def _pattern(text: str) -> re.Pattern[str]:
    """Of a sentence with {o} and perhaps {s}; the stop at its end may be missing, as where generation was cut."""
    names = {"{s}": f"(?P<s>{_NAME})", "{o}": f"(?P<o>{_NAME})"}
    return re.compile("".join(names.get(piece) or re.escape(piece) for piece in _pieces(text)) + "[.。!！]?", re.IGNORECASE)


def _pieces(text: str) -> list[str]:
    """Its words, with a name between each two of them."""
    return re.split(r"(\{[so]\})", text.rstrip(".。"))

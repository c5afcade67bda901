"""What a response ends with, where nothing else was read: a letter behind a word or sign that leads to one (`Matches B.`, 对应C,
`→ Ans A`, `the investigation of choice is consequently option C`)."""

import re

from megatron_qm.rewards.reading.lexicon import either
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import phrase_at
from megatron_qm.rewards.reading.rank import Rank
from megatron_qm.rewards.reading.sentences import Sentence
from megatron_qm.rewards.reading.verdicts import rank_of

_LONGEST = 300  # characters of the sentence
_SENTENCE = re.compile(r"[。!?\n]|\.(?=\s|$)")
_LEADS = re.compile(rf"(?:{either('leads_to_letter')}|[→=>:])\W{{0,4}}(?=[a-h](?:[^a-z0-9]|\b(?:and|or)\b|[a-h]\b)*$)")

_WORD = re.compile(r"[^\W_]")
_NONE = re.compile(r"\b(?:none|nothing|neither|nobody|no)\b|[没无]有?一?[项个种]")


def closing(text: str, options: Options) -> frozenset[str]:
    """The options; empty where the last sentence ends otherwise, or denies, asks, supposes or reports what it ends with."""
    ending = text[-_LONGEST:]
    if "{" in ending:  # keys of JSON say what they say (fields.py)
        return frozenset()
    last = next((one.strip() for one in reversed(_SENTENCE.split(ending)) if one.strip(" *_`\"'”）)]】")), "")
    sentence = Sentence.of(last, text.rstrip().endswith(("?", "?")))
    lead = _LEADS.search(sentence.low)
    phrase = phrase_at(sentence, lead.end(), options, led=True) if lead else None
    if lead is None or phrase is None or _WORD.search(sentence.low, phrase.end):
        return frozenset()
    if not sentence.text[phrase.start :][:1].isupper() or _NONE.search(sentence.low, 0, lead.start()):
        return frozenset()
    return phrase.letters if rank_of(sentence, lead.start(), phrase, Rank.LED) is Rank.LED else frozenset()

"""The one set of options that a response states in the end, or why there is none."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from megatron_qm.rewards.outcome import Status
from megatron_qm.rewards.reading.asked import IS_NOT, Asked
from megatron_qm.rewards.reading.clean import answer_part
from megatron_qm.rewards.reading.corrections import before_another_question, corrected
from megatron_qm.rewards.reading.fields import stated
from megatron_qm.rewards.reading.json_parts import Json, parts
from megatron_qm.rewards.reading.judgement import Judgement, judgement, letters_of
from megatron_qm.rewards.reading.marks import marked
from megatron_qm.rewards.reading.options import Options, options_of
from megatron_qm.rewards.reading.paraphrase import as_asked
from megatron_qm.rewards.reading.rank import DENYING, Rank, Statement
from megatron_qm.rewards.reading.statements import statements
from megatron_qm.rewards.reading.texts import affirmed_texts, answers_otherwise, contradicted
from megatron_qm.rewards.reading.traditional import simplified
from megatron_qm.rewards.reading.truth import calls_wrong
from megatron_qm.rewards.reading.wording import worded

_FIRM = (Rank.FIELD, Rank.BOX, Rank.LED, Rank.TICKED)
_WEAK = (Rank.ALONE, Rank.MENTION, Rank.LINE, *DENYING, Rank.SUPPOSED)
_NO_ANSWER = (*DENYING, Rank.LINE, Rank.SHEET)


class Reading(NamedTuple):
    """status: `read` gives `letters`; `rejected`: something was said of options that is no one answer; `unread`: nothing was."""

    status: Status
    letters: frozenset[str] = frozenset()
    why: str = ""


def final_answer(response: str, table: Mapping[str, str], asked: Asked = Asked.RIGHT) -> Reading:
    """What a response answers to a question whose options are `table` (empty: any letters). asked: what for."""
    text = simplified(answer_part(response) or "")
    if not text:
        return Reading("unread", why="no answer after the reasoning")
    return _short(text, options_of(table), asked) if len(text) <= _SHORT else _read(text, options_of(table), asked)


def _read(text: str, options: Options, asked: Asked) -> Reading:
    """What the text says, or where that is nothing, what it says with texts of options as the question has them. Where it says
    several things, what it says once it has corrected itself."""
    text = before_another_question(text, options)
    read = _own(text, options, asked)
    if read.status == "rejected":
        later = (_own(tail, options, asked) for tail in corrected(text) if _states(tail, options))
        return next((one for one in later if one.status == "read"), read)
    if read.status == "unread" and options.texts and (written := as_asked(text, options)) != text:
        read = _own(written, options, asked)
    if read.status == "unread" and (letters := worded(text, options)):
        return Reading("read", letters)
    return read


def _states(text: str, options: Options) -> bool:
    """Whether it names an option as the answer, and not in passing: `Actually, C also works.`"""
    return any(one.rank in (*_FIRM, Rank.ALONE) for one in _all_statements(text, options))


def _own(text: str, options: Options, asked: Asked) -> Reading:
    """What is merely mentioned or listed is no answer where the text around it says otherwise."""
    said = list(_all_statements(text, options))
    read = _settled(said, options, asked)
    if read.status == "read" and asked is Asked.NOT and all(one.rank in DENYING for one in said) and calls_wrong(text):
        return Reading("rejected", why="it says that an option is wrong, which answers another question")
    if read.status == "read" and all(one.rank in _WEAK for one in said):
        prose = "\n".join(piece for piece in parts(text) if isinstance(piece, str))
        if contradicted(prose, options, read.letters) or options.texts and answers_otherwise(prose, options):
            return Reading("rejected", why="other options are affirmed as well, or no answer is given")
    return read


_SHORT = 200
_short = functools.lru_cache(maxsize=8192)(_read)  # what follows the reasoning is much the same in many responses


def _all_statements(text: str, options: Options) -> Iterator[Statement]:
    """In the order of the text; where there are none at all, the option that the prose affirms by its text."""
    sheet, text = marked(text, options)
    pieces = list(parts(text))
    found = [one for piece in pieces for one in (
        stated(piece.value, options) if isinstance(piece, Json) else statements(piece, options))]
    yield from [sheet] if sheet else []
    yield from found
    if options.texts and not sheet and all(one.rank in (*DENYING, Rank.SUPPOSED) for one in found):
        denied = letters_of(found, *DENYING)
        prose = affirmed_texts("\n".join(piece for piece in pieces if isinstance(piece, str)), options)
        yield from (one for one in prose if one.rank is not Rank.MENTION or not one.letters & denied)


def _settled(said: Sequence[Statement], options: Options, asked: Asked) -> Reading:
    """Ranks from the highest down. All that is stated must agree; what is merely listed, mentioned or supposed gives way."""
    if len(said) == 1 and said[0].rank in _FIRM and said[0].letters:
        return Reading("read", said[0].letters)
    firm = [at for at, one in enumerate(said) if one.rank in _FIRM]
    answer = _agreed([said[at].letters for at in firm])
    fields = {one.letters for one in said if one.rank is Rank.FIELD}
    if firm and answer is None or len(fields) > 1:
        return Reading("rejected", why="several answers, or one that was taken back")
    judged = judgement(said, options)
    lesser = _alone(said, options, bool(firm)) | _called_right(said, judged, answer, asked, frozenset(options.letters))
    if answer is not None and not lesser <= answer:
        return Reading("rejected", why="another option is called right as well")
    answer = answer or _without_firm(said, options, asked, judged, lesser)
    if judged and answer and not judged.allows(answer):
        return Reading("rejected", why="the answer is none of those that were marked")
    if _left_open(said, firm[-1] if firm else -1, bool(answer)):
        return Reading("rejected", why="alternatives or a condition, and no one answer")
    if answer:
        return Reading("read", answer)
    if any(one.rank in _NO_ANSWER for one in said):
        return Reading("rejected", why="options are denied or listed, none is chosen")
    return Reading("unread", why="no answer could be read")


def _agreed(firm: Sequence[frozenset[str]]) -> frozenset[str] | None:
    """What all say, or what the last sums up."""
    if not firm:
        return None
    return firm[-1] if firm[-1] == _union(firm) else None


def _alone(said: Sequence[Statement], options: Options, firm: bool) -> frozenset[str]:
    """What stands alone: where all options stand so beside an answer, the question was repeated."""
    alone = letters_of(said, Rank.ALONE)
    return frozenset() if firm and len(alone) > 1 and alone >= set(options.letters) else alone


def _called_right(said: Sequence[Statement], judged: Judgement | None, answer: frozenset[str] | None, asked: Asked,
                  every: frozenset[str]) -> frozenset[str]:
    """What is called right beside an answer or instead of one. It is no answer where it belongs to a judgement of each option,
    nor, where a question asks for what is wrong, before the answer or beside what is called wrong and is the answer."""
    if judged and not judged.marks and (answer is None or judged.allows(answer)):
        return frozenset()
    right = letters_of(said, Rank.VERDICT)
    if answer and asked in IS_NOT and (answer <= letters_of(said, *DENYING) - right or right == every - answer):
        return frozenset()
    last = max((at for at, one in enumerate(said) if one.rank in _FIRM), default=0) if asked in IS_NOT else 0
    return letters_of(said[last:], Rank.VERDICT)


def _without_firm(said: Sequence[Statement], options: Options, asked: Asked, judged: Judgement | None, lesser: frozenset[str]
                  ) -> frozenset[str]:
    """What is answered where nothing is stated firmly. A question that asks for what is wrong is answered by one option that is
    called false as well, unless others are called right or denied."""
    if judged:
        return lesser or judged.answer(asked)
    answer = lesser or _listed(said, options) or _mentioned(said)
    false = letters_of(said, Rank.FALSE) if asked in IS_NOT else frozenset()
    if not false or answer == false:
        return answer
    return frozenset() if answer or len(false) > 1 or letters_of(said, Rank.DENIED) - false else false


def _listed(said: Sequence[Statement], options: Options) -> frozenset[str]:
    """Options on lines of their own are that set, but all of them are the question."""
    lines = letters_of(said, Rank.LINE)
    return frozenset() if len(lines) > 1 and lines >= set(options.letters) else lines


def _mentioned(said: Sequence[Statement]) -> frozenset[str]:
    found = {one.letters for one in said if one.rank is Rank.MENTION}
    return next(iter(found)) if len(found) == 1 else frozenset()


def _left_open(said: Sequence[Statement], last: int, answered: bool) -> bool:
    """Whether alternatives come after the last firm statement, or nothing but a condition was said."""
    if any(one.rank is Rank.OPEN for one in said[last + 1 :]):
        return True
    return not answered and any(one.rank is Rank.SUPPOSED for one in said)


def _union(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)

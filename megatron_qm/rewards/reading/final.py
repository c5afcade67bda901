"""The one set of options that a response states in the end, or why there is none."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from megatron_qm.rewards.outcome import Status
from megatron_qm.rewards.reading.asked import IS_NOT, Asked
from megatron_qm.rewards.reading.clean import answer_part, without_answer
from megatron_qm.rewards.reading.closing import closing
from megatron_qm.rewards.reading.corrections import before_another_question, before_own_question, corrected
from megatron_qm.rewards.reading.fields import stated
from megatron_qm.rewards.reading.grading import FEWEST_CHARACTERS, without_grading
from megatron_qm.rewards.reading.json_parts import Json, parts
from megatron_qm.rewards.reading.judgement import Judgement, judgement, letters_of
from megatron_qm.rewards.reading.marks import marked
from megatron_qm.rewards.reading.options import Options, options_of
from megatron_qm.rewards.reading.rank import DENYING, Rank, Statement
from megatron_qm.rewards.reading.statements import REMEMBERED_WHOLE, statements
from megatron_qm.rewards.reading.texts import affirmed_texts, answers_otherwise, contradicted, refuses, takes_off
from megatron_qm.rewards.reading.traditional import simplified
from megatron_qm.rewards.reading.truth import calls_right, calls_wrong
from megatron_qm.rewards.reading.wording import as_asked, called_false, concluding

_FIRM = (Rank.FIELD, Rank.BOX, Rank.LED, Rank.TICKED)
_WEAK = (Rank.ALONE, Rank.MENTION, Rank.LINE, *DENYING, Rank.SUPPOSED)
_CALLED = (Rank.VERDICT, Rank.MENTION)
_NONE_STATED = (*DENYING, Rank.SUPPOSED)
_NO_ANSWER = (*DENYING, Rank.LINE, Rank.SHEET)


class Reading(NamedTuple):
    """status: `read` gives `letters`; `rejected`: something was said of options that is no one answer; `unread`: nothing was."""

    status: Status
    letters: frozenset[str] = frozenset()
    why: str = ""
    firm: bool = False  # whether it is stated, and not merely listed or mentioned
    alone: bool = False  # whether an option stands alone there


_UNREAD = Reading("unread", why="no answer could be read")
_LISTED = Reading("rejected", why="options are denied or listed, none is chosen")


def final_answer(response: str, table: Mapping[str, str], asked: Asked = Asked.RIGHT) -> Reading:
    """What a response answers to a question whose options are `table` (empty: any letters). asked: what for."""
    text, options = simplified(answer_part(response) or ""), options_of(table)
    text = options.rewritten(text) if options.rewrites else text
    if not text:
        return Reading("unread", why=without_answer(response))
    read = _short(text, options, asked) if len(text) <= REMEMBERED_WHOLE else _read(text, options, asked)
    return read._replace(letters=frozenset(one)) if (one := options.together.get(read.letters)) else read


def _read(text: str, options: Options, asked: Asked) -> Reading:
    """What the text says, beside what it says of its own grading."""
    if len(text) <= REMEMBERED_WHOLE and (letter := options.whole(text)):
        return Reading("read", frozenset(letter))
    read = _said(text, options, asked)
    if len(text) < FEWEST_CHARACTERS or read.status != "read" or (kept := without_grading(text)) == text:
        return read
    read = _said(kept, options, asked) if kept.strip() else _UNREAD
    return read if read.status == "read" else Reading("rejected", why="it speaks of its own grading")


def _said(text: str, options: Options, asked: Asked) -> Reading:
    """What the text says; where that is not firm, what it says with other forms of the options' texts as the question has them,
    and what its conclusion says then. Where it says several things, what it says once it has corrected itself."""
    if (head := before_own_question(text)) and (read := _read(head, options, asked)).status == "read":
        return read
    text = before_another_question(text, options)
    read = _own(text, options, asked)
    if read.status == "rejected":
        later = (_own(tail, options, asked) for tail in corrected(text) if _states(tail, options))
        if settled := next((one for one in later if one.status == "read"), None):
            return settled
    if read.firm or not options.forms:
        return read
    if (written := as_asked(text, options, asked)) != text:
        again = _own(written, options, asked)
        adds = read.letters <= again.letters or not read.alone  # to what stands alone no more than others beside it
        read = again if read.status != "read" or again.status == "read" and adds else read
    conclusion = concluding(written, asked)
    if not read.firm and not (read.alone and read.status == "read") and conclusion and not refuses(text):
        last = _own(conclusion, options, asked)
        read = last if last.status == "read" else read
        if read.status != "read" and asked in IS_NOT and (letters := called_false(conclusion, options)):
            read = Reading("read", letters)
    if read.status == "unread" and (letters := closing(written, options)):
        return Reading("read", letters)
    return read


def _states(text: str, options: Options) -> bool:
    """Whether it names an option as the answer, and not in passing: `Actually, C also works.`"""
    return any(one.rank in (*_FIRM, Rank.ALONE) for one in _all_statements(text, options))


def _own(text: str, options: Options, asked: Asked) -> Reading:
    """What is merely mentioned or listed is no answer where the text around it says otherwise."""
    said = _all_statements(text, options)
    read = _settled(said, options, asked)
    if read.status == "read" and asked is Asked.NOT and all(one.rank in DENYING for one in said) and calls_wrong(text):
        return Reading("rejected", why="it says that an option is wrong, which answers another question")
    if read.status == "read" and asked in IS_NOT and _all_of(said, _CALLED) and calls_right(text):
        return Reading("rejected", why="it says that an option is right, which answers another question")
    read = read._replace(firm=not _all_of(said, _WEAK), alone=any(one.rank is Rank.ALONE for one in said))
    if read.status != "read" or not _all_of(said, _WEAK):
        return read
    if asked in IS_NOT and read.letters == letters_of(said, Rank.FALSE):
        return read  # what the others are told to be
    prose = "\n".join(piece for piece in parts(text) if isinstance(piece, str))
    if contradicted(prose, options, read.letters) or options.texts and answers_otherwise(prose, options):
        return Reading("rejected", why="other options are affirmed as well, or no answer is given")
    if asked is Asked.RIGHT and takes_off(prose, options, read.letters):
        return Reading("rejected", why="what is named is denied behind that")
    return read


_short = functools.lru_cache(maxsize=8192)(_read)  # what follows the reasoning is much the same in many responses


def _all_statements(text: str, options: Options) -> list[Statement]:
    """In the order of the text; where there are none at all, the option that the prose affirms by its text."""
    sheet, text = marked(text, options)
    pieces = list(parts(text))
    found = [one for piece in pieces for one in (
        stated(piece.value, options) if isinstance(piece, Json) else statements(piece, options))]
    if sheet:
        return [sheet, *found]
    if options.texts and _all_of(found, _NONE_STATED):
        denied = letters_of(found, *DENYING)
        prose = affirmed_texts("\n".join(piece for piece in pieces if isinstance(piece, str)), options)
        found += [one for one in prose if one.rank is not Rank.MENTION or not one.letters & denied]
    return found


def _all_of(said: Sequence[Statement], ranks: Sequence[Rank]) -> bool:
    for one in said:
        if one.rank not in ranks:
            return False
    return True


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
    since = said[firm[-1] :] if firm else said  # what stands before the answer is how it was found
    lesser = _alone(since, options, bool(firm)) | _called_right(
        said, since, judged, answer, asked, frozenset(options.letters))
    if answer is not None and not lesser <= answer:
        return Reading("rejected", why="another option is called right as well")
    answer = answer or _without_firm(said, options, asked, judged, lesser)
    if judged and answer and not judged.allows(answer):
        return Reading("rejected", why="the answer is none of those that were marked")
    if _left_open(said, firm[-1] if firm else _settling(said, answer), bool(answer)):
        return Reading("rejected", why="alternatives or a condition, and no one answer")
    if answer:
        return Reading("read", answer)
    if any(one.rank in _NO_ANSWER for one in said):
        return _LISTED
    return _UNREAD


def _agreed(firm: Sequence[frozenset[str]]) -> frozenset[str] | None:
    """What all say, or what the last sums up."""
    if not firm:
        return None
    return firm[-1] if firm[-1] == _union(firm) else None


def _alone(said: Sequence[Statement], options: Options, firm: bool) -> frozenset[str]:
    """What stands alone and is not denied behind that: where all options stand so beside an answer, the question was repeated."""
    alone = frozenset[str]()
    for one in said:
        alone = alone | one.letters if one.rank is Rank.ALONE else alone - one.letters if one.rank is Rank.DENIED else alone
    return frozenset() if firm and len(alone) > 1 and alone >= set(options.letters) else alone


def _called_right(said: Sequence[Statement], since: Sequence[Statement], judged: Judgement | None, answer: frozenset[str] | None,
                  asked: Asked, every: frozenset[str]) -> frozenset[str]:
    """What is called right behind an answer or instead of one. It is no answer where it belongs to a judgement of each option,
    nor, where a question asks for what is wrong, beside what is called wrong and is the answer, or is all the others."""
    if judged and not judged.marks and (answer is None or judged.allows(answer)):
        return frozenset()
    right = letters_of(said, Rank.VERDICT)
    if answer and asked in IS_NOT and (answer <= letters_of(said, *DENYING) - right or right == every - answer):
        return frozenset()
    return letters_of(since, Rank.VERDICT)


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
    others = frozenset(options.letters) - false
    if answer == others or len(false) == 1 and said[-1].rank is Rank.FALSE and _several(said, false):
        return false
    return frozenset() if answer or len(false) > 1 or letters_of(said, Rank.DENIED) - false else false


def _several(said: Sequence[Statement], false: frozenset[str]) -> bool:
    """Whether at least two others are listed, before what is false is set apart from them, and nothing is denied."""
    listed = letters_of(said, Rank.ALONE, Rank.LINE, Rank.MENTION)
    return len(listed - false) > 1 and not listed & false and not letters_of(said, Rank.DENIED) - false


def _listed(said: Sequence[Statement], options: Options) -> frozenset[str]:
    """Options on lines of their own are that set, but all of them are the question, and where another one is named behind them
    they were discussed."""
    lines = letters_of(said, Rank.LINE)
    last = max((at for at, one in enumerate(said) if one.rank is Rank.LINE), default=0)
    question = len(lines) > 1 and lines >= set(options.letters)
    return frozenset() if question or letters_of(said[last:], Rank.MENTION) - lines else lines


def _mentioned(said: Sequence[Statement]) -> frozenset[str]:
    found = {one.letters for one in said if one.rank is Rank.MENTION}
    return next(iter(found)) if len(found) == 1 else frozenset()


def _left_open(said: Sequence[Statement], last: int, answered: bool) -> bool:
    """Whether alternatives come after the last firm statement, or nothing but a condition was said."""
    if any(one.rank is Rank.OPEN for one in said[last + 1 :]):
        return True
    return not answered and any(one.rank is Rank.SUPPOSED for one in said)


def _settling(said: Sequence[Statement], answer: frozenset[str]) -> int:
    """Where an answer stands alone in the end, that is one of the alternatives before it: `A or E? ... E.`"""
    last = said[-1] if said else None
    open_before = (one.letters for one in said if one.rank is Rank.OPEN)
    settles = last is not None and last.rank is Rank.ALONE and last.letters == answer
    return len(said) - 1 if settles and all(answer < letters for letters in open_before) else -1


def _union(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)

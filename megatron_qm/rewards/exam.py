"""Exam questions: exact match of the set of option letters (report, section 4).

Every statement of an answer in the final part must agree: two answers, an answer taken back, or a letter beside the text of
another option is not right. An answer that cannot be parsed is wrong, and `parts["invalid"]` is 1.
"""
# ruff: noqa: E501  Chinese characters count twice

import functools
import re
from collections.abc import Mapping, Sequence

from megatron_qm.rewards.metadata import Metadata, table_of
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.text import NEGATION, Duplicates, answer_part, json_values, normal, segments

_KEYS = ("answer", "answers", "答案", "final_answer", "choice")
_EDGE = "(?<![A-Za-z0-9])"
_ALONE = r"(?![A-Za-z0-9'’\-\u0300-\u036f]|\+(?![ \t]{0,3}[A-J]))"  # "A1c", "A+" and a letter struck through are no options
_LETTER = f"[A-J]{_ALONE}"
_BETWEEN = r"[ \t]{0,3}(?:[,、]?[ \t]?(?:and\b|和|与|及|&)|[,/、+])[ \t]{0,3}"  # "A, B, and D" too
_RUN = rf"[A-J]{{1,10}}{_ALONE}(?:{_BETWEEN}[A-J]{_ALONE}){{0,9}}"
_OPEN = r"[\s*_\"'“‘(\[<【$:：]{0,6}(?:(?:option|choice|选项|letter|\\boxed\{|\\text\{)[\s*_\"'“(:{]{0,6}){0,2}"
_LEAD = (r"(?:\banswers?(?: choice)?(?: to this question)?\**[ \t]{0,3}(?:is|are|:|=|would be|should be|must be)(?: therefore| thus| clearly)?"
         r"|\b(?:i (?:would )?(?:choose|pick|select)|i'd (?:choose|pick|select)|my (?:choice|pick) is|go(?:ing)? with|choose|select)"
         r"|\b(?:correct|best|right|most (?:appropriate|likely|suitable)) (?:option|choice)s?\**(?: is| are|:)"
         r"|答案\**(?:应该|应当|应|就)?[是为选:】]{1,2}择?|正确(?:的)?(?:选项|答案)\**[是为:]|正确的[是为]|^(?:ans|choice|response|solution|pick)[.:]|\bit (?:would|should|must) be|(?:故|应|我|本题|因此|所以|应该|正确)选择?"
         r"|(?:^|[,，])[ ]?选择?|^it is|\\boxed\{)")
_STATED = re.compile(f"{_LEAD}(?:{_OPEN})(?P<run>{_RUN})", re.I | re.M)
_STATED_TEXT = re.compile(f"{_LEAD}{_OPEN}(?P<text>[^\n]{{1,400}})", re.I | re.M)
_STATED_WHOLE = re.compile(f"{_LEAD}{_OPEN}(?P<text>[^\n。;；.!?！？]{{1,400}})", re.I | re.M)
_AROUND = " \t\"'“”‘’()[]{}*_`,，】"
_LEADING = re.compile(rf"^[\s*_(\[\"'“#]{{0,6}}(?:(?:option|choice|选项)\s{{0,2}})?(?P<run>{_RUN})(?P<rest>[^\n]{{0,400}})", re.I)
_VERDICT = re.compile(rf"{_EDGE}(?P<run>{_RUN})[ \t*_)项选]{{0,6}}(?:is|are|也是?|是|was|同样|都是?|均)?[ \t]{{0,3}}(?:also |the |too |as well )?"
                      r"(?:correct|right|true|对|正确|best|answer|most (?:appropriate|likely|suitable))", re.I)
_UNSURE = re.compile(r"\b(?:or|if|suppose|assuming|whether|either|could be|might be)\b|[?？]|或|如果|假如|要么|是否|吗", re.I)
_RETRACTED = re.compile(r"\b(?:wait|actually|second thought|scratch that|correction|i was wrong|change my|changed my|let me re|instead|i take|"
                        r"on reflection|my mistake|don't know|not sure|unsure|guess|sorry|oops|mistaken)\b|\bno[ \t]{0,3}(?:[.,，。!]|wait|$)|[,，。]不[,，是]|更正|不对|改为|改选|重新|收回|不知道|不确定|等等|说错|写错|应改", re.I)
_ALTERNATIVE = re.compile(r"\b(?:or|also|maybe|perhaps|too|as well|possibly|alternatively)\b|或|也|还|另外|可能", re.I)
_DENIED_AFTER = re.compile(r"[\s)\"'项]{0,6}(?:吗|不|是?错|是?不|有误|is (?:wrong|incorrect|mistaken|false|not))", re.I)
_CONDITION = re.compile(r"(?:only )?(?:if|unless|otherwise|provided|assuming)\b|如果|若|除非|否则", re.I)  # right behind a letter
_OTHER_CHOICE = re.compile(rf"{_EDGE}(?P<letter>[A-J])(?=\s{{0,2}}(?:[(.、:)%,]|$))")
_TAG = re.compile(r"<(/?)(?:final_)?answer>", re.I)
_BEFORE = re.compile(r"^(?:[-•] |1[.)] |答:|(?:so|thus|hence|therefore|definitely|clearly|certainly|it's|it is)\b[,:]? )\s*", re.I)
_AFTER = re.compile(r"(?:选项|项)$")
_LETTER_BEHIND = re.compile(r"(?P<text>.{2,400}?)\s{0,2}\((?P<letter>[A-J])\)?$")
_ANY = re.compile(f"{_EDGE}{_LETTER}")


_of_option = functools.lru_cache(maxsize=8192)(normal)  # the responses of a group share their options


def exam(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: "A/C", ["A", "C"], {"answer": ...}, or for shared stems and case analysis a list of {"answer": ...},
    one per sub-question, scored all or nothing. `metadata["options"]`: {"A": text, ...} (or a list of it, one per
    sub-question). `value` is 1 or 0."""
    parts = _sub_references(reference)
    if parts is not None:
        return _case(response, parts, metadata.get("options"))
    right = reference_letters(reference)
    if not right:
        return Unscored(f"the reference {reference!r} is no set of option letters")
    options = table_of(metadata, "options")
    if options and not right <= set(options):
        return Unscored(f"the reference {reference!r} is not among the options {', '.join(options)}")
    given, why = given_answer(response, options)
    if given is None:
        return Scored(0.0, {"accuracy": 0.0, "invalid": 1.0}, why)
    value = float(given == right)
    return Scored(value, {"accuracy": value, "invalid": 0.0}, f"answered {'/'.join(sorted(given))}")


def reference_letters(reference: object) -> frozenset[str] | None:
    """Of one question; None for what is no set of option letters."""
    return _letters(reference.get("answer") if isinstance(reference, Mapping) else reference, {})


def given_answer(response: str, options: Mapping[str, str]) -> tuple[frozenset[str] | None, str]:
    """The one set of letters a response states, or None and why there is none."""
    text = answer_part(response)
    if not text:
        return None, "no answer after the reasoning"
    if "<" in text:
        text = _TAG.sub(lambda tag: "\n" if tag[1] else "\nAnswer: ", text)
    text = _with_letters(text, options)
    values, around = json_values(text)
    stated: list[frozenset[str] | None] = []
    for value in values:
        field = _field(value[0] if isinstance(value, list) and len(value) == 1 else value)
        if field is not _ABSENT:
            stated.append(_letters(field, options))
    in_json = bool(stated)
    stated += _in_prose(around, options, in_json)
    if not stated:
        return None, "no answer could be parsed"
    answer, *others = set(stated)
    if answer is None or others:
        return None, "several answers, or one that cannot be read"
    return (answer, "") if not _taken_back(around, answer) else (None, "the answer was taken back")


def _with_letters(text: str, options: Mapping[str, str]) -> str:
    """Where an answer is stated as just the text of one option, its letter stands in its place: a text may hold letters
    ("ACE inhibitors", "headache") and words of denial ("食欲不振") that are nobody's answer."""
    known: dict[str, str | None] = {}
    for letter, option in options.items():
        name = _of_option(option)
        known[name] = None if name in known or len(name) < 2 else letter

    def letter_of(match: re.Match[str]) -> str:
        said = match["text"].strip(_AROUND)
        letter = known.get(normal(said))
        if letter is None and (both := _LETTER_BEHIND.fullmatch(said)) and known.get(normal(both["text"])) == both["letter"]:
            letter = both["letter"]
        return match[0].replace(said, letter) if letter and match[0].count(said) == 1 else match[0]

    return _STATED_WHOLE.sub(letter_of, text) if known else text


_ABSENT = object()


def _field(value: object) -> object:
    """What stands under one of `_KEYS`: _ABSENT where none does, None where two disagree."""
    if not isinstance(value, dict):
        return _ABSENT
    found = [key for key in value if key.strip().casefold() in _KEYS]
    if not found:
        return _ABSENT
    if len(found) > 1 and len({str(value[key]) for key in found}) > 1:
        return None
    return None if isinstance(value, Duplicates) and value.twice & set(found) else value[found[0]]


def _letters(answer: object, options: Mapping[str, str]) -> frozenset[str] | None:
    """Letters of "A/C", "AC", ["A", "C"], "A. text" or the text alone; None for anything else."""
    if isinstance(answer, list):
        return _union([_letters(item, options) for item in answer])
    if not isinstance(answer, str):
        return None
    answer = answer.strip()
    if answer.endswith("+"):  # a grade
        return None
    allowed = set(options) or set("ABCDEFGHIJ")
    bare = re.sub(r"[\s,/、;&+|和与及]|and", "", answer)
    if bare and len(bare) <= 10 and len(set(bare.upper())) == len(bare) and set(bare.upper()) <= allowed:
        return frozenset(bare.upper())
    said = normal(answer)
    by_text = [letter for letter, text in options.items() if _of_option(text) == said]
    if by_text:
        return frozenset(by_text) if len(by_text) == 1 else None
    several = re.split(r"\s*/\s*(?=[A-J][.、:：)])", answer)
    if len(several) > 1:  # "A. text/C. text": each with its text, none twice
        each = [_letters(one, options) for one in several]
        union = _union(each)
        return union if union is not None and len(union) == sum(len(one or ()) for one in each) else None
    lead = re.match(r"([A-Ja-j])[.、:：) ]\s*(.{1,400})$", answer)
    if lead and _of_option(options.get(lead[1].upper(), "")) == normal(lead[2]):
        return frozenset(lead[1].upper())
    return None


def _union(sets: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    """None where there is no set, or one that could not be read."""
    known = [one for one in sets if one is not None]
    return frozenset(letter for one in known for letter in one) if known and len(known) == len(sets) else None


def _in_prose(text: str, options: Mapping[str, str], in_json: bool) -> list[frozenset[str] | None]:
    stated: list[frozenset[str] | None] = []
    for piece in segments(text.replace("*", "").replace("`", "")):
        if len(piece) > 2000:
            continue
        found = list(_STATED.finditer(piece))
        for match in [*found, *_VERDICT.finditer(piece)]:
            before = "" if match[0][0] in ",，" else re.split(r"[,，]", piece[:match.start()])[-1]
            clause = before + match[0]
            if NEGATION.search(clause):
                continue
            tail = piece[match.end():]
            behind = tail.lstrip(" ,，)}\"'")
            hedged = (_UNSURE.search(clause) or _ALTERNATIVE.match(behind) or _CONDITION.match(behind)
                      or _DENIED_AFTER.match(tail))
            stated.append(None if hedged else _run(match["run"], tail, options))
        if not found and not NEGATION.search(piece) and (said := _STATED_TEXT.search(piece)):
            by_text = _letters(said["text"].strip(" \"'“”‘’()}."), options)
            stated += [by_text] if by_text else []
    return stated or ([] if in_json else _bare(text, options))


def _bare(text: str, options: Mapping[str, str]) -> list[frozenset[str] | None]:
    """Responses that are an answer and nothing else: `A`, `A. text`, `text`; a list of options is several answers."""
    whole = _letters(_AFTER.sub("", _BEFORE.sub("", text.strip("*_`\"'()[]【】「」 .。、!\n"))).strip("*_ "), options)
    if whole:
        return [whole]
    lines = [line for line in text.split("\n") if line.strip()]
    chosen = [_letters(line.strip(" -•*"), options) for line in lines]
    union = _union(chosen)
    if len(lines) > 1 and union is not None:  # "A. text" and "C. text" on lines of their own: those two, but all is the question
        return [None if union == set(options) or sum(len(one or ()) for one in chosen) > len(union) else union]
    found: list[frozenset[str] | None] = []
    for line in lines:
        match = _LEADING.match(line)
        if match and (match["run"].isupper() or len(line.strip()) <= 3) and not NEGATION.search(line) \
                and re.match(r"[\s.、:：)\]*_。,，]|$", match["rest"]):
            if match["rest"][:1] == " " and not re.match(r"\s*[(（:\-—]|\s*$", match["rest"]):
                continue  # "A patient ...": an article
            others = {one["letter"] for one in _OTHER_CHOICE.finditer(match["rest"])} - set(match["run"].upper())
            found.append(None if others or _UNSURE.search(match["rest"]) else _run(match["run"], match["rest"], options))
    return found


def _run(run: str, tail: str, options: Mapping[str, str]) -> frozenset[str] | None:
    """Letters of a statement; None where the text beside them is that of another option or the letters are no options."""
    letters = _letters(run, {letter: "" for letter in options})
    beside = normal(re.split(r"[\n。;；]", tail)[0])
    if letters and beside:
        own = max((len(_of_option(options[letter])) for letter in letters if letter in options and beside.startswith(_of_option(options[letter]))), default=0)
        others = [letter for letter, text in options.items()
                  if letter not in letters and beside.startswith(_of_option(text)) and len(_of_option(text)) > own]
        return None if others else letters
    return letters


def _taken_back(text: str, answer: frozenset[str]) -> bool:
    if _RETRACTED.search(text):
        return True
    for piece in segments(text):
        others = {m[0].upper() for m in _ANY.finditer(piece)} - answer
        others -= {"A", "I"} if re.search(r"\b[A-Z] [a-z]", piece) else set()
        short = len(piece) <= 12  # a line that is little but another letter
        if others and (short or _ALTERNATIVE.search(piece)) and not NEGATION.search(piece):
            return True
    return False


def _sub_references(reference: object) -> list[object] | None:
    if isinstance(reference, list) and reference and all(isinstance(item, Mapping) for item in reference):
        return [item.get("answer") for item in reference]
    return None


def _case(response: str, references: list[object], options: object) -> Outcome:
    """One JSON object or list with an answer per sub-question, in their order: {"answers": ["A", "B/C"]} or
    {"1": "A", "2": "B/C"} or [{"answer": "A"}, ...]."""
    rights = [right for reference in references if (right := _letters(reference, {}))]
    if len(rights) < len(references):
        return Unscored(f"a sub-question's reference is no set of option letters: {references!r}")
    given_tables = options if isinstance(options, list) else [options] * len(rights)
    tables = [table_of({"options": table}, "options") for table in given_tables]
    if len(tables) != len(rights) or any(table and not right <= set(table) for right, table in zip(rights, tables, strict=True)):
        return Unscored(f"a sub-question's reference is not among its options: {references!r}")
    values, _ = json_values(answer_part(response) or "")
    given = _case_answers(values, len(rights))
    if given is None:
        return Scored(0.0, {"accuracy": 0.0, "invalid": 1.0}, f"no JSON with one answer for each of {len(rights)} questions")
    hits = [_letters(one, table) == right for one, right, table in zip(given, rights, tables, strict=True)]
    value = float(all(hits) and len(hits) == len(rights))
    return Scored(value, {"accuracy": value, "sub_accuracy": sum(hits) / len(rights), "invalid": 0.0}, f"answered {given}")


def _case_answers(values: list[object], count: int) -> list[object] | None:
    if len(values) == count > 1 and all(_field(value) not in (_ABSENT, None) for value in values):
        return [_field(value) for value in values]
    if len(values) != 1:
        return None
    value = values[0]
    if isinstance(value, Duplicates):
        if value.twice:
            return None
        inner = _field(value)
        ordered = [value.get(str(number)) for number in range(1, count + 1)]
        value = inner if isinstance(inner, list) else ordered if len(value) == count and None not in ordered else None
    if not isinstance(value, list) or len(value) != count:
        return None
    return [_field(item) if isinstance(item, dict) else item for item in value]

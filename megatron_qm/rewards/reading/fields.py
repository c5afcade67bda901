"""What the fields of JSON state."""
# ruff: noqa: E501  Chinese characters count twice

from collections.abc import Iterator, Mapping

from megatron_qm.rewards.reading.json_parts import Duplicates, json_values
from megatron_qm.rewards.reading.marks import of_object
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.rank import Rank, Statement
from megatron_qm.rewards.reading.statements import of_field

_KEYS = frozenset({
    "answer", "answers", "final_answer", "finalanswer", "final answer", "correct_answer", "correct answer", "correctanswer", "my_answer",
    "choice", "choices", "final_choice", "answer_choice", "selected_option", "selected", "selection", "option", "correct_option",
    "final", "chosen", "chosen_option", "selected_answer", "selected_options", "answer_letter", "ans", "correct_options", "correct_answers",
    "prediction", "result", "solution", "response", "label", "答案", "最终答案", "正确答案", "选项", "选择", "答", "作答", "最终选择", "正确选项", "所选选项",
})  # fmt: skip

_PARTS = frozenset({"letter", "text", "option", "choice", "key", "label", "value", "id", "name", "选项", "内容"})  # of an answer


_WRAPPERS = frozenset({"arguments", "args", "parameters", "params", "input", "output", "data", "参数", "输入", "输出", "function"})  # of calls


def answer_fields(value: Mapping[str, object]) -> list[str]:
    """The keys of an object that hold an answer."""
    return [key for key in value if key.strip().casefold() in _KEYS]


def stated(value: object, options: Options) -> Iterator[Statement]:
    """Of an object with an answer's key, of a list of letters or texts, of a list with one such object."""
    if isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield from _of(value, options)
        elif len(value) == 1:
            yield from stated(value[0], options)
        else:
            yield from (one for item in value if isinstance(item, dict) for one in stated(item, options))
    elif isinstance(value, dict):
        if judged := of_object(value, options):
            yield judged
            return
        keys = answer_fields(value)
        if not keys:
            yield from (one for key in value if key.strip().casefold() in _WRAPPERS for one in stated(_opened(value[key]), options))
        for key in keys:
            twice = isinstance(value, Duplicates) and key in value.twice
            yield from [Statement(Rank.OPEN, frozenset())] if twice else _of(value[key], options)


def _opened(value: object) -> object:
    """JSON within a text, as calls of tools have their arguments."""
    inner = json_values(value)[0] if isinstance(value, str) and value.lstrip().startswith("{") else []
    return inner[0] if len(inner) == 1 else value


def _of(value: object, options: Options) -> Iterator[Statement]:
    """A text, or a list of them, which is one set."""
    if isinstance(value, dict):
        yield from _of_object(value, options)
        return
    items = value if isinstance(value, list) else [value]
    said = [one for item in items for one in (of_field(item, options) if isinstance(item, str) else stated(item, options))]
    letters = [letter for one in said for letter in one.letters]
    if len(said) == len(items) > 1 and all(one.rank is Rank.FIELD for one in said) and len(set(letters)) == len(letters):
        yield Statement(Rank.FIELD, frozenset(letters))
    elif len(items) == 1:
        yield from said
    elif said:
        yield Statement(Rank.OPEN, frozenset(letters))


def _of_object(value: Mapping[str, object], options: Options) -> Iterator[Statement]:
    """{"letter": "B", "text": "..."}: one answer, where all that it says agrees."""
    named = [key for key in value if key.strip().casefold() in _PARTS]
    if not named:
        yield from stated(value, options)
        return
    twice = isinstance(value, Duplicates) and bool(value.twice & set(named))
    said = [one for key in named for one in _of(value[key], options)]
    agree = not twice and len({one.letters for one in said if one.rank is Rank.FIELD}) == 1
    yield from said[:1] if agree else [Statement(Rank.OPEN, frozenset())] if said else []

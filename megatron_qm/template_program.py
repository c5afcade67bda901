"""A chat template as the program that it is: read by transformers' jinja, run on a day that is said, and within bounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.nodes import Template as Parsed

DAY = "strftime_now"  # the function by which a template asks for the day, and the argument that says which it is
LONGEST_SOURCE = 1 << 20  # characters; the longest of published models has some 20,000
LONGEST_TEXT = 1 << 27  # characters that a template makes of a conversation: a line of input has half of it at most
_MOST_TURNS = 1_000_000  # of all loops over `range` in one rendering: jinja bounds each, and not one within another


class TemplateError(ValueError):
    """The template refuses these messages, with its reason. line: of its text, where there is one to mend."""

    line: int | None = None


class UndatedError(TemplateError):
    """The template writes the day on which it runs: data made today and a run resumed tomorrow would differ."""

    def __init__(self) -> None:
        super().__init__(f"the chat template writes the day on which it is asked ({DAY}), and another one tomorrow: say which, "
                         f"as its argument {DAY}: data.template_arguments={{{DAY}: 2026-01-31}} in a recipe, --template-argument "
                         f"{DAY}=2026-01-31 on the command line")


@dataclass
class _Run:
    day: datetime | None
    turns: int = 0


_RUN: ContextVar[_Run | None] = ContextVar("run of a chat template", default=None)


@contextmanager
def running(source: str, day: object) -> Iterator[None]:
    """Within this block transformers renders the template `source` on that day. Raises TemplateError for what is no day."""
    _compiled(source).environment.globals |= {DAY: _strftime, "range": _range}
    token = _RUN.set(_Run(None if day is None else _day(day)))
    try:
        yield
    finally:
        _RUN.reset(token)


def parse_template(source: str) -> "Parsed":
    """Raises TemplateError for what is no program, and what is none that anybody has written."""
    from jinja2 import TemplateError as JinjaError

    if len(source) > LONGEST_SOURCE:
        raise TemplateError(f"the chat template has {len(source):,} characters, more than {LONGEST_SOURCE:,}: it is none")
    try:
        parsed: Parsed = _compiled(source).environment.parse(source)
    except SyntaxError as error:  # of the Python that jinja makes of it: a break outside of loops, too many within another
        raise TemplateError(f"the chat template cannot be read: {error.msg}") from None
    except (JinjaError, RecursionError) as error:
        said = f"the chat template cannot be read: {error or type(error).__name__}"
        raise _wrong(said, getattr(error, "lineno", None)) from None
    _check_no_chance(parsed)
    return parsed


def _check_no_chance(parsed: "Parsed") -> None:
    """What a template draws would be another text in a run that is resumed."""
    from jinja2 import nodes

    for kind, name in ((nodes.Filter, "random"), (nodes.Name, "lipsum")):
        node = next((one for one in parsed.find_all(kind) if getattr(one, "name", None) == name), None)
        if node:
            raise _wrong(f"the chat template draws by chance ({name}): the same messages would be another text each time",
                         node.lineno)


def _wrong(said: str, line: int | None) -> TemplateError:
    error = TemplateError(said)
    error.line = line
    return error


def _compiled(source: str) -> "Template":
    from transformers.utils.chat_template_utils import _compile_jinja_template  # with the tags that its templates may use

    compiled: Template = _compile_jinja_template(source)
    return compiled


def _day(value: object) -> datetime:
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise TemplateError(f"{DAY} = {value!r} is no day; write it as 2026-01-31, or 2026-01-31T08:00 where it writes the hour "
                            "too") from None


def _strftime(form: str) -> str:
    run = _RUN.get()
    if run is not None and run.day is None:
        raise UndatedError
    return (datetime.now() if run is None or run.day is None else run.day).strftime(form)


def _range(*bounds: int) -> range:
    found, run = range(*bounds), _RUN.get() or _Run(None)
    run.turns += len(found)
    if run.turns > _MOST_TURNS:
        raise TemplateError(f"the chat template counts to more than {_MOST_TURNS:,}: it does not end")
    return found

"""A chat template runs on a day that is said, and within bounds."""

from datetime import datetime
from pathlib import Path

import pytest

from megatron_qm.align.sft.formats import parse
from megatron_qm.align.sft.rendering import Renderer
from megatron_qm.chat import ChatTemplate, TemplateError
from megatron_qm.errors import UserError
from megatron_qm.template_program import LONGEST_SOURCE, LONGEST_TEXT, parse_template
from megatron_qm.tokenizer import TextTokenizer
from tests import templates
from tests.align import templates as styles
from tests.templates import save_chat_tokenizer

ASKED = [{"role": "user", "content": "Which?"}]
SAMPLE = parse({"prompt": "Which?", "completion": "Four."})
DATED = "<|im_start|>system\nToday is {{ strftime_now('%d %b %Y') }}.<|im_end|>\n" + templates.CHATML
# As Llama 3.2's: a date that is given is written, and today's otherwise.
GIVEN = "<|system|>{{ date_string if date_string is defined else strftime_now('%d %b %Y') }}" + templates.CHATML
DAY = {"strftime_now": "2026-01-31"}


@pytest.mark.parametrize("template", [DATED, GIVEN])
def test_a_day_that_nobody_has_said_is_refused_with_the_key(template: str, tmp_path: Path) -> None:
    tokenizer = TextTokenizer(save_chat_tokenizer(tmp_path, template))
    for rendered in (tokenizer.encode, tokenizer.conversation):
        with pytest.raises(TemplateError, match=r"data.template_arguments=\{strftime_now: 2026-01-31\} .*--template-arg"):
            rendered(ASKED)
    made = styles.tokenizer(template)
    with pytest.raises(UserError, match=r"^t: the chat template writes the day .*data.template_arguments=\{strftime_now: "):
        Renderer(made, "t")  # once, before any sample


@pytest.mark.parametrize(("template", "arguments", "day"), [
    (DATED, DAY, "31 Jan 2026"), (GIVEN, DAY, "31 Jan 2026"), (GIVEN, {"date_string": "yesterday"}, "yesterday")])
def test_the_day_that_is_said_is_written(template: str, arguments: dict, day: str, tmp_path: Path) -> None:
    tokenizer = TextTokenizer(save_chat_tokenizer(tmp_path, template), arguments)
    assert day in tokenizer.decode(tokenizer.encode(ASKED))
    if arguments is DAY:
        assert "01 Mar 2027" in tokenizer.decode(tokenizer.encode(ASKED, arguments={"strftime_now": "2027-03-01"}))
    made = styles.tokenizer(template)
    renderer = Renderer(made, "t", arguments=arguments)
    assert day in renderer.decode(renderer.render(SAMPLE).ids)


@pytest.mark.parametrize("day", ["today", "", 20260131, True, "2026-13-01"])
def test_what_is_no_day_is_refused(day: object, tmp_path: Path) -> None:
    tokenizer = TextTokenizer(save_chat_tokenizer(tmp_path, DATED), {"strftime_now": day})
    with pytest.raises(TemplateError, match="strftime_now = .* is no day; write it as 2026-01-31"):
        tokenizer.encode(ASKED)
    with pytest.raises(UserError, match="reads no argument 'strftime_now'"):
        TextTokenizer(save_chat_tokenizer(tmp_path / "b", templates.CHATML), {"strftime_now": "2026-01-31"})


def test_what_a_template_writes_round_texts_is_known_on_any_day(tmp_path: Path) -> None:
    """Its control tokens and the ends of turns."""
    tokenizer = TextTokenizer(save_chat_tokenizer(tmp_path, DATED))
    assert tokenizer.stops == TextTokenizer(save_chat_tokenizer(tmp_path / "b", templates.CHATML)).stops
    with pytest.raises(TemplateError, match="holds '<|im_end|>'"):
        tokenizer.encode([{"role": "user", "content": "so<|im_end|>"}])


def test_transformers_own_rendering_is_left_as_it_is(tmp_path: Path) -> None:
    made = styles.tokenizer(DATED)
    ChatTemplate(made, DAY).render(ASKED)
    assert datetime.now().strftime("%b %Y") in made.apply_chat_template(ASKED, tokenize=False)


ENDLESS = ["{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
           "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"]


@pytest.mark.parametrize("template", ENDLESS)
def test_a_template_without_end_is_told(template: str) -> None:
    with pytest.raises(TemplateError, match="counts to more than 1,000,000: it does not end"):
        ChatTemplate(styles.tokenizer(template)).render(ASKED)


def test_a_template_may_count_each_time() -> None:
    made = ChatTemplate(styles.tokenizer("{% for a in range(90000) %}{% endfor %}{{ messages[0].content }}"))
    assert {made.render(ASKED) for _ in range(20)} == {"Which?"}


def test_a_text_without_bound_is_told() -> None:
    with pytest.raises(TemplateError, match=f"makes {LONGEST_TEXT + 1:,} characters of it, more than {LONGEST_TEXT:,}"):
        ChatTemplate(styles.tokenizer("{{ 'x' * " + str(LONGEST_TEXT + 1) + " }}")).render(ASKED)


def test_a_program_that_nobody_has_written_is_not_read() -> None:
    with pytest.raises(TemplateError, match=f"has {LONGEST_SOURCE + 1:,} characters, more than"):
        parse_template("x" * (LONGEST_SOURCE + 1))


NO_PROGRAMS = [("{% break %}", None, "cannot be read: 'break' outside loop"),
               ("{% continue %}", None, "'continue' not properly in"),
               ("{% for a in b %}" * 30 + "{% endfor %}" * 30, None, "cannot be read: too many statically nested blocks"),
               ("\n{{ ['a', 'b'] | random }}", 2, r"draws by chance \(random\)"), ("{{ lipsum(2) }}", 1, r"by chance \(lipsum\)")]


@pytest.mark.parametrize(("template", "line", "why"), NO_PROGRAMS)
def test_what_cannot_run_or_runs_otherwise_each_time_is_none(template: str, line: int | None, why: str, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=why) as caught:
        parse_template(template + templates.CHATML)
    assert caught.value.line == line
    with pytest.raises(UserError, match=f"chat_template: .*{why}"):
        TextTokenizer(save_chat_tokenizer(tmp_path, template + templates.CHATML))


def test_half_a_character_that_a_template_writes_is_told() -> None:
    with pytest.raises(TemplateError, match="half a surrogate pair, '.ud800', which is no text"):
        ChatTemplate(styles.tokenizer(templates.CHATML + "{{ '\\ud800' }}")).render(ASKED)

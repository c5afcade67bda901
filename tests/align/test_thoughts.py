"""Templates that write an empty thought before an answer: told, counted, or learnt where the model is to open it itself."""

import pytest

from megatron_qm.align.sft.formats import parse
from megatron_qm.align.sft.rendering import Renderer
from megatron_qm.align.sft.thoughts import EMPTY
from tests.align.templates import CHATML, QWEN3, tokenizer
from tests.align.test_rendering import THOUGHT, learnt, refused

# The prompt opens a thought; an answer is written behind one that is empty, or holds its reasoning.
_ASKS = "assistant\n<think>\n{% endif %}"
CLOSED = CHATML.replace("{{ m.content }}", "{% if m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}")
OPENED_CLOSED = CLOSED.replace("assistant\n{% endif %}", _ASKS)
OPENED_SHOWN = OPENED_CLOSED.replace("<think>\n\n<", "<think>\n{{ m.reasoning_content }}\n<")
PLAIN = {"prompt": "how much?", "completion": "Four."}


def test_a_template_that_closes_every_thought_empty_is_told() -> None:
    said = refused(OPENED_CLOSED, PLAIN)
    assert said.kind == "the template opens a thought and closes it empty round every answer" and "turn 2" in said.detail
    assert refused(OPENED_CLOSED, THOUGHT).kind == "the template leaves out the reasoning of the answer"


@pytest.mark.parametrize("template", [CLOSED, OPENED_CLOSED, OPENED_SHOWN])
def test_an_empty_thought_before_that_of_the_answer_is_told(template: str) -> None:
    thinks = {"prompt": "how much?", "completion": "<think>It depends.</think>Four."}
    assert refused(template, thinks).kind == "the template writes an empty thought before that of the answer"


def test_an_answer_without_a_thought_to_a_prompt_that_opens_one_is_counted() -> None:
    made = tokenizer(OPENED_SHOWN)
    rendered = Renderer(made, "t").render(parse(PLAIN))
    assert learnt(made, rendered) == ["\n</think>\n\nFour.<|im_end|>\n"] and rendered.notes == {EMPTY}
    shown = Renderer(made, "t").render(parse(THOUGHT))
    assert learnt(made, shown) == ["It depends on age.\n</think>\n\nFour.<|im_end|>\n"] and not shown.notes


@pytest.mark.parametrize("template", [QWEN3, CLOSED])
def test_an_empty_thought_that_the_model_is_to_open_itself_is_learnt(template: str) -> None:
    """Qwen3's way of answers without reasoning."""
    made = tokenizer(template)
    rendered = Renderer(made, "t").render(parse(PLAIN))
    assert learnt(made, rendered) == ["<think>\n\n</think>\n\nFour.<|im_end|>\n"] and not rendered.notes

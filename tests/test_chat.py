"""A chat template is asked for what a model is asked, and for what of the answer it writes itself."""

from pathlib import Path

import pytest

from megatron_qm.chat import TemplateError
from megatron_qm.errors import UserError
from megatron_qm.tokenizer import TextTokenizer
from tests import templates
from tests.templates import save_chat_tokenizer

ASKED = [{"role": "user", "content": "Which?"}]
LONG = [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "Well."}, *ASKED]
OPENINGS = [
    (templates.CHATML, {}, ""), (templates.STRICT, {}, ""), (templates.NEXT_HEADER, {}, ""), (templates.PLAIN, {}, ""),
    (templates.CALLS, {}, ""), (templates.QWEN3, {}, ""), (templates.QWEN3, {"enable_thinking": True}, ""),
    (templates.QWEN3, {"enable_thinking": False}, "<think>\n\n</think>\n\n"), (templates.THINKING, {}, "<think>\n"),
    (templates.R1, {}, "<think>\n"), (templates.V31, {"thinking": True}, "<think>"), (templates.V31, {"thinking": False}, ""),
    (templates.ALWAYS, {}, "<think>"), (templates.PREFILLED, {}, '{"answer": '), (None, {}, ""),
]


@pytest.mark.parametrize(("template", "arguments", "opening"), OPENINGS)
def test_what_the_prompt_has_of_the_answer(template: str | None, arguments: dict, opening: str, tmp_path: Path) -> None:
    tokenizer = TextTokenizer(save_chat_tokenizer(tmp_path, template), arguments)
    for messages in (ASKED, LONG):
        assert tokenizer.opening(messages) == opening
        if template is not None:
            prompt = tokenizer.decode(tokenizer.encode(messages))
            assert prompt.endswith(opening) and not prompt.removesuffix(opening).endswith("Which?")


@pytest.mark.parametrize("special", [(), ("<think>", "</think>")])
def test_a_response_is_read_as_it_was_written(special: tuple[str, ...], tmp_path: Path) -> None:
    """Whether or not its thought's tags are special tokens; without the tokens that end it."""
    folder = save_chat_tokenizer(tmp_path, templates.QWEN3, special=(*templates.SPECIAL, *special))
    tokenizer = TextTokenizer(folder)
    text = "<think>\nA or B\n</think>\n\n<|message|>A"
    for end in ("", "<|im_end|>", "<|endoftext|>", "<|im_end|><|endoftext|><|endoftext|>"):
        assert tokenizer.written(tokenizer.encode(text + end)) == text
    assert tokenizer.written([]) == "" and tokenizer.written(tokenizer.encode("<|im_end|>")) == ""


def test_arguments_reach_the_template_and_a_callers_win(tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, templates.QWEN3)

    def told(tokenizer: TextTokenizer, **given: object) -> bool:
        return "<think>" in tokenizer.decode(tokenizer.encode(ASKED, arguments=given))

    assert not told(TextTokenizer(folder)) and told(TextTokenizer(folder, {"enable_thinking": False}))
    assert told(TextTokenizer(folder), enable_thinking=False)
    assert not told(TextTokenizer(folder, {"enable_thinking": False}), enable_thinking=True)


@pytest.mark.parametrize("name", ["enable_thinkin", "messages", "tools", "tokenize", "chat_template", "return_dict", ""])
def test_an_argument_that_the_template_does_not_read_is_refused(name: str, tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, templates.QWEN3)
    with pytest.raises(UserError, match=f"{folder}: the chat template reads no argument {name!r}"):
        TextTokenizer(folder, {name: False})
    with pytest.raises(TemplateError, match="reads no argument"):
        TextTokenizer(folder).encode(ASKED, arguments={name: False})
    if name == "enable_thinkin":
        with pytest.raises(UserError, match="did you mean 'enable_thinking'"):
            TextTokenizer(folder, {name: False})


@pytest.mark.parametrize("template", ["{{ raise_exception('no') }}", "{{ messages[0].content.no() }}"])
def test_a_template_that_raises_is_a_value_error_with_its_reason(template: str, tmp_path: Path) -> None:
    tokenizer = TextTokenizer(save_chat_tokenizer(tmp_path, template))
    with pytest.raises(TemplateError, match="the chat template refuses it: "):
        tokenizer.encode(ASKED)

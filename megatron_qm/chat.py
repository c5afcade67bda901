"""A tokenizer's chat template, asked in one place: it is a program of the model's makers, and may raise what it likes."""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from megatron_qm.hf_tokenizer import HfTokenizer

Messages = Sequence[Mapping[str, object]]  # role, content, and what else the template reads
Tools = Sequence[Mapping[str, object]]


class TemplateError(ValueError):
    """The template refuses these messages, with its reason."""


@dataclass(frozen=True)
class ChatTemplate:
    """arguments: what the template reads beside the messages, such as enable_thinking. Raises TemplateError for one that it
    does not read, and for a template that is no program."""

    tokenizer: HfTokenizer
    arguments: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.arguments:
            known = _names_read(self.tokenizer)
            for name in self.arguments:
                if name not in known:
                    near = difflib.get_close_matches(name, known, n=1)
                    raise TemplateError(f"the chat template reads no argument {name!r}"
                                        + (f"; did you mean {near[0]!r}?" if near else ""))

    def render(self, messages: Messages, *, asked: bool = False, tools: Tools | None = None) -> str:
        """The text of `messages`; asked: with the beginning of the answer that is to come. Raises TemplateError."""
        given = {**self.arguments, **({"tools": list(tools)} if tools else {})}
        try:
            return self.tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=asked, **given
            )
        except Exception as error:  # jinja's errors, raise_exception of its author, a method that a value has not
            raise TemplateError(f"the chat template refuses it: {str(error) or type(error).__name__}") from None


def _names_read(tokenizer: HfTokenizer) -> set[str]:
    """Of the variables in a template's text those that a caller may set: not what transformers itself is told by that name."""
    from jinja2 import meta
    from transformers.utils.chat_template_utils import _compile_jinja_template  # with the tags that its templates may use

    try:
        source = tokenizer.get_chat_template()
        read = meta.find_undeclared_variables(_compile_jinja_template(source).environment.parse(source))
    except Exception as error:  # there is none, or not one of this name; jinja's errors of syntax
        raise TemplateError(f"the chat template cannot be read: {str(error) or type(error).__name__}") from None
    return read - {"messages", *inspect.signature(tokenizer.apply_chat_template).parameters}

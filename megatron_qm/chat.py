"""A tokenizer's chat template, asked in one place: it is a program of the model's makers, and may raise what it likes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from megatron_qm.tokenizer import HfTokenizer

Messages = Sequence[Mapping[str, object]]  # role, content, and what else the template reads


class TemplateError(ValueError):
    """The template refuses these messages, with its reason."""


@dataclass(frozen=True)
class ChatTemplate:
    """arguments: what the template reads beside the messages, such as enable_thinking."""

    tokenizer: HfTokenizer
    arguments: Mapping[str, object] = field(default_factory=dict)

    def render(self, messages: Messages, *, asked: bool = False, tools: Sequence[Mapping[str, object]] | None = None) -> str:
        """The text of `messages`; asked: with the beginning of the answer that is to come. Raises TemplateError."""
        given = {**self.arguments, **({"tools": list(tools)} if tools else {})}
        try:
            return self.tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=asked, **given
            )
        except Exception as error:  # jinja's errors, raise_exception of its author, a method that a value has not
            raise TemplateError(f"the chat template refuses it: {str(error) or type(error).__name__}") from None

"""A tokenizer's chat template, asked in one place: it is a program of the model's makers, and may raise what it likes."""

import difflib
import hashlib
import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from megatron_qm.hf_tokenizer import HfTokenizer

if TYPE_CHECKING:
    from jinja2.nodes import Template

Messages = Sequence[Mapping[str, object]]  # role, content, and what else the template reads
Tools = Sequence[Mapping[str, object]]

THOUGHT = "<think>"  # what verifiers know a model's thoughts by (rewards/reading/clean.py): never part of a role's header


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

    def opening(self, messages: Messages, *, tools: Tools | None = None) -> str:
        """The beginning of the answer that the template itself writes, such as `<think>`: of its generation prompt what does not
        stand before other answers, or is a thought. Raises TemplateError."""
        prompt = _beyond(self.render(messages, tools=tools), self.render(messages, asked=True, tools=tools))
        header, thought = len(os.path.commonprefix([prompt, *self._headers])), prompt.find(THOUGHT)
        return prompt[header if thought < 0 else min(header, thought) :]

    @cached_property
    def _headers(self) -> list[str]:
        """What the template writes before an answer that is the last turn, and before one that is not: some write an empty
        thought before the last alone."""
        word, user = sentinel(self), {"role": "user", "content": "?"}
        found = []
        for after in ([], [user]):
            try:
                asked = self.render([user])
                header, there, _ = self.render([user, {"role": "assistant", "content": word}, *after]).partition(word)
            except TemplateError:
                continue
            found += [_beyond(asked, header)] if there else []
        return found


def sentinel(template: ChatTemplate) -> str:
    """A text that the template cannot hold, for it follows from the whole of it."""
    return hashlib.sha256(str(template.tokenizer.chat_template).encode("utf-8", "replace")).hexdigest()[:24]


def _beyond(one: str, other: str) -> str:
    """Of `other` what follows the beginning that it has in common with `one`."""
    return other[len(os.path.commonprefix([one, other])) :]


def check_syntax(tokenizer: HfTokenizer) -> None:
    """Of all templates that the tokenizer has by name. Raises TemplateError."""
    template = tokenizer.chat_template
    for source in template.values() if isinstance(template, dict) else [template]:
        _parsed(str(source))


def _names_read(tokenizer: HfTokenizer) -> set[str]:
    """Of the variables in a template's text those that a caller may set: not what transformers itself is told by that name."""
    from jinja2 import meta

    try:
        source = tokenizer.get_chat_template()
    except ValueError as error:  # there is none, or none is the default
        raise TemplateError(f"there is no chat template to read arguments: {str(error).splitlines()[0]}") from None
    taken = {"messages", *inspect.signature(tokenizer.apply_chat_template).parameters}
    return meta.find_undeclared_variables(_parsed(source)) - taken


def _parsed(source: str) -> "Template":
    from jinja2 import TemplateError as JinjaError
    from transformers.utils.chat_template_utils import _compile_jinja_template  # with the tags that its templates may use

    try:
        parsed: Template = _compile_jinja_template(source).environment.parse(source)
    except JinjaError as error:
        raise TemplateError(f"the chat template cannot be read: {error or type(error).__name__}") from None
    return parsed

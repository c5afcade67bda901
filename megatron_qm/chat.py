"""A tokenizer's chat template, asked in one place: it is a program of the model's makers, and may raise what it likes."""

import difflib
import hashlib
import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from megatron_qm.hf_tokenizer import HfTokenizer
from megatron_qm.template_program import DAY, LONGEST_TEXT, TemplateError, UndatedError, parse_template, running

__all__ = ["ChatTemplate", "Messages", "TemplateError", "Tools"]

Messages = Sequence[Mapping[str, object]]  # role, content, and what else the template reads
Tools = Sequence[Mapping[str, object]]

THOUGHT = "<think>"  # what verifiers know a model's thoughts by (rewards/reading/clean.py): never part of a role's header
_ANY_DAY = "2000-01-01"


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
        day = given.pop(DAY, None)
        try:
            with running(self.tokenizer.get_chat_template(tools=tools or None), day):
                text = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=asked, **given)
        except TemplateError:
            raise
        except Exception as error:  # jinja's errors, raise_exception of its author, a method that a value has not
            raise TemplateError(f"the chat template refuses it: {str(error) or type(error).__name__}") from None
        if len(text) > LONGEST_TEXT:
            raise TemplateError(f"the chat template makes {len(text):,} characters of it, more than {LONGEST_TEXT:,}")
        _check_text(text)
        return text

    def any_day(self) -> "ChatTemplate":
        """For who looks at what the template writes round texts, which is the same every day."""
        return replace(self, arguments={DAY: _ANY_DAY, **self.arguments}) if _asks_for_day(self.tokenizer) else self

    def check(self) -> None:
        """Raises TemplateError for what all conversations would be refused for: a template that is no program, and one that
        writes a day that is not said."""
        check_syntax(self.tokenizer)
        try:
            self.render([{"role": "user", "content": "?"}], asked=True)
        except UndatedError:
            raise
        except TemplateError:  # it is particular about turns
            return

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
                asked = self.any_day().render([user])
                header, there, _ = self.any_day().render([user, {"role": "assistant", "content": word}, *after]).partition(word)
            except TemplateError:
                continue
            found += [_beyond(asked, header)] if there else []
        return found


def _check_text(text: str) -> None:
    """Messages hold no half of a character: the template has written it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TemplateError(f"the chat template writes half a surrogate pair, {ascii(text[error.start])}, which is no text; take "
                            "it out of the template") from None


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
        parse_template(str(source))


def _names_read(tokenizer: HfTokenizer) -> set[str]:
    """Of the variables in a template's text those that a caller may set: not what transformers itself is told by that name."""
    from jinja2 import meta

    try:
        source = tokenizer.get_chat_template()
    except ValueError as error:  # there is none, or none is the default
        raise TemplateError(f"there is no chat template to read arguments: {str(error).splitlines()[0]}") from None
    taken = {"messages", *inspect.signature(tokenizer.apply_chat_template).parameters}
    return (meta.find_undeclared_variables(parse_template(source)) - taken) | ({DAY} if _asks_for_day(tokenizer) else set())


def _asks_for_day(tokenizer: HfTokenizer) -> bool:
    return DAY in str(tokenizer.chat_template)

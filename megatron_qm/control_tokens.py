"""Tokens that a chat template sets turns apart with. In a message's text they are found by the tokenizer as everywhere else: the
text would end its own turn, and could begin another's."""

import re
from collections.abc import Iterator, Mapping, Sequence

from megatron_qm.chat import THOUGHT, ChatTemplate, Messages, TemplateError
from megatron_qm.hf_tokenizer import HfTokenizer
from megatron_qm.stops import turn_ends

_OF_THOUGHTS = {THOUGHT, THOUGHT.replace("<", "</")}  # a text may hold its thought, whatever kind of token marks it
_SYSTEM, _USER, _ANSWER, _RESULT = ({"role": role, "content": "."} for role in ("system", "user", "assistant", "tool"))
_TURNS: tuple[Messages, ...] = ([_USER, _ANSWER, _USER], [_SYSTEM, _USER, _ANSWER])
_WITH_RESULT: Messages = [_USER, _ANSWER, _RESULT, _ANSWER]


class ControlTokens:
    """those: that end or begin a text or a turn, as the template writes them. others: special tokens that it has no part in."""

    def __init__(self, template: ChatTemplate) -> None:
        tokenizer, template = template.tokenizer, template.any_day()
        special, added = special_texts(tokenizer), added_texts(tokenizer)
        ends = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        turns = "\0".join(_rendered(template, messages) for messages in _TURNS)
        written = "\0".join([turns, _rendered(template, _WITH_RESULT), *_sources(tokenizer)])
        those = {one for one in special if one in written} | {_text(tokenizer, one) for one in (*ends, *turn_ends(template))}
        those |= {one for one in added if one in turns}  # headers of roles need not be special; marks of calls may be text
        self._those, self._others = one_of(those - _OF_THOUGHTS), one_of(special - those - _OF_THOUGHTS)

    def within(self, value: object) -> str | None:
        """The first of them in a text, or in any text of a message or a list."""
        return _first(self._those, value)

    def other_within(self, value: object) -> str | None:
        """The first special token that the template has no part in."""
        return _first(self._others, value)


def added_texts(tokenizer: HfTokenizer) -> set[str]:
    return {str(token) for token in tokenizer.added_tokens_decoder.values()}


def special_texts(tokenizer: HfTokenizer) -> set[str]:
    added = {str(token) for token in tokenizer.added_tokens_decoder.values() if getattr(token, "special", False)}
    return added | {_text(tokenizer, one) for one in tokenizer.all_special_ids}


def one_of(texts: set[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(filter(None, texts), key=len, reverse=True))) or "(?!)")


def _text(tokenizer: HfTokenizer, token: int) -> str:
    return tokenizer.decode([token], skip_special_tokens=False)


def _sources(tokenizer: HfTokenizer) -> list[str]:
    """Of all templates that the tokenizer has by name."""
    source = tokenizer.chat_template
    return list(map(str, source.values() if isinstance(source, dict) else [source]))


def _rendered(template: ChatTemplate, messages: Messages) -> str:
    """Where names of roles are part of tokens, these stand here and not in the template; empty where it refuses such turns."""
    try:
        return template.render(messages, asked=messages[-1] is _USER)
    except TemplateError:
        return ""


def _first(pattern: re.Pattern[str], value: object) -> str | None:
    return next((found[0] for text in _texts(value) if (found := pattern.search(text))), None)


def _texts(value: object) -> Iterator[str]:
    """Keys too: those of a call's arguments are rendered."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, Sequence):
            waiting += one

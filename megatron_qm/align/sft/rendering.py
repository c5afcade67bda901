"""A conversation through a tokenizer's chat template, and which of its tokens are answers to learn.

The template is rendered once for the whole conversation and tokenised once, as it will be when the model is served. Where
an answer begins and ends is found by rendering the turns before it: a template under which the conversation so far is not
the beginning of the whole one (some drop earlier reasoning) has no such place, and is refused rather than guessed at.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from megatron_qm.align.sft.conversations import Conversation, Message
from megatron_qm.chat import ChatTemplate
from megatron_qm.errors import UserError
from megatron_qm.tokenizer import HfTokenizer, load_tokenizer


@dataclass(frozen=True)
class Rendered:
    """ids int32 [s]; learn bool [s]: whether predicting this token, from those before it, is to be learnt."""

    ids: np.ndarray
    learn: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class Renderer:
    """`only_last`: learn the last answer alone, the earlier ones are context.

    Raises UserError from the start for a tokenizer without a chat template.
    """

    def __init__(self, tokenizer: HfTokenizer, name: str, *, only_last: bool = False) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise UserError(f"{name}: this tokenizer has no chat template; add chat_template to its tokenizer_config.json")
        self._tokenizer, self._template, self._only_last = tokenizer, ChatTemplate(tokenizer), only_last

    def render(self, conversation: Conversation) -> Rendered:
        """Raises ValueError saying why this conversation cannot be learnt from under this template."""
        messages = conversation.messages
        whole = self._text(messages)
        encoded = self._tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
        offsets_s2 = np.array(encoded["offset_mapping"], np.int64).reshape(-1, 2)
        learn = np.zeros(len(offsets_s2), bool)
        for first, last in self._answers(messages, whole):
            learn |= _within(offsets_s2, first, last, whole)
        if not learn.any():
            raise ValueError("it has no answer to learn from")
        return Rendered(np.array(encoded["input_ids"], np.int32), learn)

    def _answers(self, messages: tuple[Message, ...], whole: str) -> list[tuple[int, int]]:
        """[first, last) characters of `whole` of each answer to learn, with what the template puts after it."""
        wanted = [n for n, message in enumerate(messages) if message.role == "assistant" and message.learn]
        if self._only_last:
            wanted = [n for n in wanted if n == len(messages) - 1]
        spans = []
        for n in wanted:
            before, after = self._text(messages[:n], asked=True), self._text(messages[: n + 1])
            if not whole.startswith(before) or not whole.startswith(after) or len(after) <= len(before):
                raise ValueError(f"the chat template renders turn {n + 1} otherwise when more turns follow: learn only the last "
                                 "answer, or use a template that keeps earlier turns as they are")
            spans.append((len(before), len(after)))
        return spans

    def _text(self, messages: tuple[Message, ...], *, asked: bool = False) -> str:
        return self._template.render([{"role": message.role, "content": message.content} for message in messages], asked=asked)


def _within(offsets_s2: np.ndarray, first: int, last: int, whole: str) -> np.ndarray:
    """Tokens of characters [first, last). A token over the border would teach a part of the question, or miss the answer's
    first letters as the served model samples them."""
    starts_s, ends_s = offsets_s2[:, 0], offsets_s2[:, 1]
    inside_s = (starts_s >= first) & (ends_s <= last) & (ends_s > starts_s)
    for border in (first, last):
        if ((starts_s < border) & (ends_s > border)).any():
            near = whole[max(0, border - 12) : border + 12]
            raise ValueError(f"a token lies across the border of an answer ({near!r}): the template needs a special token there")
    return inside_s


def load_renderer(tokenizer: str | Path, *, only_last: bool = False) -> Renderer:
    """From a tokenizer's folder. Raises UserError naming it where it cannot be loaded or has no chat template."""
    return Renderer(load_tokenizer(Path(tokenizer)), str(tokenizer), only_last=only_last)

"""A conversation through a tokenizer's chat template, and which of its tokens are answers to learn.

The template is rendered once for the whole conversation and tokenised once, as it will be when the model is served. Where
an answer begins and ends is found by rendering the turns before it: a template under which the conversation so far is not
the beginning of the whole one (some drop earlier reasoning) has no such place, and is refused rather than guessed at. What the
template has left out of the conversation is found by looking for it (standing.py).
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from megatron_qm.align.sft.conversations import Conversation, UnusableError
from megatron_qm.align.sft.probes import probe_of, shape_of
from megatron_qm.align.sft.standing import Ends, Rendering, check, check_control, check_once
from megatron_qm.align.sft.thoughts import check_thoughts, shows_thoughts
from megatron_qm.chat import ChatTemplate, TemplateError
from megatron_qm.control_tokens import ControlTokens, added_texts, special_texts
from megatron_qm.errors import UserError
from megatron_qm.tokenizer import HfTokenizer, load_tokenizer

NO_ARGUMENTS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Rendered:
    """ids int32 [s]; learn bool [s]: whether predicting this token, from those before it, is to be learnt; notes: what the
    template left out or rewrote by design, and what of the texts is to be told."""

    ids: np.ndarray
    learn: np.ndarray
    notes: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.ids)


class Renderer:
    """`only_last`: learn the last answer alone, the earlier ones are context. arguments: for the template, beside messages.

    Raises UserError from the start for a tokenizer without a chat template, or with one that does not read `arguments`.
    """

    def __init__(
        self, tokenizer: HfTokenizer, name: str, *, only_last: bool = False, arguments: Mapping[str, object] = NO_ARGUMENTS
    ) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise UserError(f"{name}: this tokenizer has no chat template; add chat_template to its tokenizer_config.json")
        self._tokenizer, self._only_last = tokenizer, only_last
        try:
            self._template = ChatTemplate(tokenizer, arguments)
            self._template.check()
        except TemplateError as error:
            raise UserError(f"{name}: {error}; mend data.template_arguments = {dict(arguments)}, or the template") from None
        self._ends = Ends(special_texts(tokenizer), added_texts(tokenizer))
        self._control = ControlTokens(self._template)
        self._shows_thoughts = shows_thoughts(self._template)
        self._probed: dict[Hashable, UnusableError | None] = {}

    def render(self, conversation: Conversation) -> Rendered:
        """Raises UnusableError saying why this conversation cannot be learnt from under this template."""
        try:
            rendering = self._rendering(conversation)
        except TemplateError as error:
            raise UnusableError("it cannot be rendered", str(error)) from None
        if not rendering.answers:
            raise UnusableError("it has no answer to learn from")
        notes = check_control(conversation, self._control) | check(conversation, rendering, self._ends)
        notes |= check_thoughts(conversation, rendering, shows=self._shows_thoughts)
        self._check_shape(conversation)
        encoded = self._tokenizer(rendering.text, add_special_tokens=False, return_offsets_mapping=True)
        offsets_s2 = np.array(encoded["offset_mapping"], np.int64).reshape(-1, 2)
        learn = np.zeros(len(offsets_s2), bool)
        for first, last in rendering.answers.values():
            learn |= _within(offsets_s2, first, last, rendering.text)
        return Rendered(np.array(encoded["input_ids"], np.int32), learn, notes)

    def decode(self, ids: np.ndarray) -> str:
        """With the names of special tokens."""
        return self._tokenizer.decode(ids.tolist(), skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def _rendering(self, conversation: Conversation) -> Rendering:
        whole = self._text(conversation, len(conversation.messages))
        last = len(conversation.messages) - 1
        wanted = [n for n, message in enumerate(conversation.messages) if message.learn and (n == last or not self._only_last)]
        return Rendering(whole, {n: self._answer(conversation, n, whole) for n in wanted})

    def _answer(self, conversation: Conversation, n: int, whole: str) -> tuple[int, int]:
        """[first, last) characters of `whole` of message n, with what the template puts after it."""
        before = self._text(conversation, n, asked=True)
        after = whole if n + 1 == len(conversation.messages) else self._text(conversation, n + 1)
        if not whole.startswith(after):
            raise UnusableError("the chat template renders a turn otherwise when more turns follow",
                                f"turn {n + 1}; sft can learn the last answer alone (sft.only_last_answer); else use a template "
                                "that keeps earlier turns as they are, or give each its reasoning if that is what it shows")
        if not whole.startswith(before) or len(after) <= len(before):
            raise UnusableError("the chat template does not begin an answer as it asks for one",
                                f"turn {n + 1} is asked for with {before[-24:]!r}, and begins with {_otherwise(before, whole)!r}")
        return len(before), len(after)

    def _check_shape(self, conversation: Conversation) -> None:
        """Whether the template loses something of conversations of this shape, or says it again, which each of them might hide by
        chance."""
        shape = shape_of(conversation)
        if shape not in self._probed:
            self._probed[shape] = self._objection(probe_of(conversation))
        lost = self._probed[shape]
        if lost is not None:
            raise UnusableError(lost.kind, f"{lost.detail} (tried with words of our own)")

    def _objection(self, probe: Conversation) -> UnusableError | None:
        try:
            rendering = self._rendering(probe)
            check(probe, rendering, self._ends)
            check_once(probe, rendering.text)
        except UnusableError as error:
            return error.with_traceback(None)
        except TemplateError:  # it is particular about texts, and has taken this sample's
            return None
        return None

    def _text(self, conversation: Conversation, turns: int, *, asked: bool = False) -> str:
        messages = [message.for_template() for message in conversation.messages[:turns]]
        return self._template.render(messages, asked=asked, tools=conversation.tools)


def _within(offsets_s2: np.ndarray, first: int, last: int, whole: str) -> np.ndarray:
    """Tokens of characters [first, last). A token over the border would teach a part of the question, or miss the answer's
    first letters as the served model samples them."""
    starts_s, ends_s = offsets_s2[:, 0], offsets_s2[:, 1]
    inside_s = (starts_s >= first) & (ends_s <= last) & (ends_s > starts_s)
    for border in (first, last):
        if ((starts_s < border) & (ends_s > border)).any():
            near = whole[max(0, border - 12) : border + 12]
            raise UnusableError("a token lies across the border of an answer",
                                f"{near!r}: the template needs a special token there")
    return inside_s


def _otherwise(before: str, whole: str) -> str:
    """What stands in `whole` from where it parts from `before`."""
    same = next((at for at, (one, other) in enumerate(zip(before, whole, strict=False)) if one != other), len(before))
    return whole[same : same + 24]


def load_renderer(
    tokenizer: str | Path, *, only_last: bool = False, arguments: Mapping[str, object] = NO_ARGUMENTS
) -> Renderer:
    """From a tokenizer's folder. Raises UserError naming it where it cannot be loaded or has no chat template."""
    return Renderer(load_tokenizer(Path(tokenizer)), str(tokenizer), only_last=only_last, arguments=arguments)

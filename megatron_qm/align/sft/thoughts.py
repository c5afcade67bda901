"""An empty thought that a chat template writes before an answer: the model learns to think nothing, or again behind it."""

import re

from megatron_qm.align.sft.conversations import Conversation, Message, UnusableError
from megatron_qm.align.sft.standing import Rendering
from megatron_qm.chat import THOUGHT, ChatTemplate, TemplateError
from megatron_qm.said import SHORT, thought_in, word_of

EMPTY = "an empty thought is learnt, for the prompt opens one"  # in words to count
_EMPTY = re.compile(r"\s*(<think>)?\s*</think>")


def check_thoughts(conversation: Conversation, rendering: Rendering, *, shows: bool) -> frozenset[str]:
    """shows: whether the template writes an answer's reasoning where there is some. A note of answers without any to a prompt
    that opens a thought. Raises UnusableError for an empty thought that is no design of the template's, nor of the sample's."""
    notes = set()
    for place, (first, last) in rendering.answers.items():
        found = _EMPTY.match(rendering.text, first, last)
        opened = rendering.text[:first].rstrip().endswith(THOUGHT)
        own = _thought_of(conversation.messages[place])
        if found is None or not (opened or found[1]) or own == "":
            continue
        if own is not None:
            raise UnusableError("the template writes an empty thought before that of the answer",
                                f"turn {place + 1}: take the empty one out of the template, or give the thought as "
                                "reasoning_content to a template that reads it")
        if opened and not shows:
            raise UnusableError("the template opens a thought and closes it empty round every answer",
                                f"turn {place + 1}: the model would learn to think nothing; take it out of the template's "
                                "answers, or have the template write reasoning_content there")
        notes |= {EMPTY} if opened else set()
    return frozenset(notes)


def shows_thoughts(template: ChatTemplate) -> bool:
    """Whether it writes the reasoning of an answer that is the last turn."""
    question, answer, thought = (word_of(number, SHORT) for number in range(3))
    try:
        return thought in template.any_day().render([
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer, "reasoning_content": thought, "thinking": thought},
        ])
    except TemplateError:
        return False


def _thought_of(message: Message) -> str | None:
    """What the sample itself has the answer think; None where it says nothing of it."""
    if "reasoning_content" in message.given:
        return str(message.given["reasoning_content"]).strip()
    parts = thought_in(message.content or "")
    return parts and parts[0].strip()

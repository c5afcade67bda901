"""Items as what a model is asked: prompts through its chat template. No torch."""

from collections.abc import Sequence

from megatron_qm.chat import TemplateError
from megatron_qm.errors import UserError
from megatron_qm.rewards.items import Item
from megatron_qm.tokenizer import TextTokenizer

JSON_ANSWER = '\nAnswer as JSON, such as {"answer": "A"} or {"answer": "A/C"}.'


def prompts_of(
    items: Sequence[Item], tokenizer: TextTokenizer, place: str, *, json_answer: bool = False
) -> list[tuple[int, ...]]:
    """Token ids through the chat template (the bare question where the tokenizer has none). json_answer: exams are told to
    answer in JSON. Raises UserError naming `place` and the item that the template refuses."""
    found = []
    for item in items:
        messages = [dict(message) for message in item.messages]
        if json_answer and item.task == "exam":
            messages[-1]["content"] += JSON_ANSWER
        prompt = messages if tokenizer.chats else "\n".join(message["content"] for message in messages)
        try:
            found.append(tuple(tokenizer.encode(prompt)))
        except TemplateError as error:
            raise UserError(f"{place}: the item {item.key!r}: {error}") from None
    return found

"""Conversations that a released reward model is asked to score, as its chat template writes them: what the gate compares, and in
which no token that pads may be."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

from megatron_qm.chat import ChatTemplate, Messages, TemplateError, check_syntax
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.prompts import ANSWERS
from megatron_qm.hf_tokenizer import HfTokenizer


def encode_conversations(template: ChatTemplate, prompts: Sequence[str], longest: int | None = None) -> list[list[int]]:
    """Token ids of the prompts, each with an answer, in conversations of every kind that the template takes; of a longer one the
    last `longest`. Raises GateError where there is none."""
    found, refused = [], "it writes nothing"
    for messages in _conversations(prompts):
        try:
            ids = template.tokenizer.encode(template.render(messages), add_special_tokens=False)
        except TemplateError as error:  # some take no system message
            refused = str(error)
            continue
        found += [ids[-longest:] if longest else ids] if ids else []
    if not found:
        raise GateError(f"chat template: no conversation gets through it: {refused}")
    return found


def template_of(tokenizer: HfTokenizer, arguments: Mapping[str, object]) -> ChatTemplate:
    """Raises GateError where there is none, or one that is no program or reads no such argument."""
    if not tokenizer.chat_template:
        raise GateError("the tokenizer has no chat template, through which a reward model reads conversations: add chat_template "
                        "to a copy of it, and name that with --tokenizer DIR")
    try:
        check_syntax(tokenizer)
        return ChatTemplate(tokenizer, arguments).any_day()
    except TemplateError as error:
        raise GateError(f"chat template: {error}") from None


def _conversations(prompts: Sequence[str]) -> Iterator[Messages]:
    for prompt, answer in zip(prompts, cycle(ANSWERS), strict=False):
        yield [_says("user", prompt), _says("assistant", answer)]
    turns = [_says("user", prompts[-1]), _says("assistant", ANSWERS[0])]
    yield [_says("system", "Answer in one sentence."), *turns]
    yield [*turns, _says("user", "Why?"), _says("assistant", ANSWERS[1])]


def _says(role: str, content: str) -> dict[str, object]:
    return {"role": role, "content": content}

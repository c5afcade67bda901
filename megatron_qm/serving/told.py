"""Answers in the OpenAI API's words: one object, or the pieces of a stream."""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from megatron_qm.model.generation.request import Completion, Request
from megatron_qm.serving.desk import Event
from megatron_qm.serving.text import Growing, SharedTokenizer

Object = dict[str, object]
_FINISH = {"stop": "stop", "stop_string": "stop", "length": "length"}


@dataclass(frozen=True)
class Telling:
    """How one caller is answered. usage: the stream ends with the counts."""

    requests: Sequence[Request]
    tokenizer: SharedTokenizer
    model: str
    chat: bool
    usage: bool = False
    name: str = field(default_factory=lambda: f"cmpl-{secrets.token_hex(8)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, completions: Sequence[Completion]) -> Object:
        """completions: one for each of the requests, in their order."""
        choices = []
        for index, (request, completion) in enumerate(zip(self.requests, completions, strict=True)):
            text = self.tokenizer.text(completion.tokens, request.sampling.stop_strings)
            said = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
            choices.append({"index": index, **said, "logprobs": None, "finish_reason": _FINISH[completion.finish_reason]})
        return {**self._head(""), "choices": choices, "usage": self._counts(completions)}

    def pieces(self, events: Iterator[list[Event]]) -> Iterator[Object]:
        """events: what has come of the requests since the last time, until all have ended."""
        if self.chat:
            for index in range(len(self.requests)):
                yield self._piece(index, {"role": "assistant", "content": ""})
        growing = [Growing(self.tokenizer, request.sampling.stop_strings) for request in self.requests]
        tokens: list[list[int]] = [[] for _ in self.requests]
        ended: dict[int, Completion] = {}
        for some in events:
            for index, what in some:
                if isinstance(what, Completion):
                    ended[index] = what
                else:
                    tokens[index].append(what)
            for index in dict.fromkeys(index for index, _ in some):
                yield from self._grown(index, growing[index], tokens[index], ended.get(index))
        if self.usage:
            yield {**self._head(".chunk"), "choices": [], "usage": self._counts([*ended.values()])}

    def _grown(self, index: int, growing: Growing, tokens: Sequence[int], ended: Completion | None) -> Iterator[Object]:
        if text := growing.more(tokens, ended=ended is not None):
            yield self._piece(index, {"content": text} if self.chat else {"text": text})
        if ended is not None:
            yield self._piece(index, {} if self.chat else {"text": ""}, _FINISH[ended.finish_reason])

    def _piece(self, index: int, said: Object, finish: str | None = None) -> Object:
        words = {"delta": said} if self.chat else said
        choice = {"index": index, **words, "logprobs": None, "finish_reason": finish}
        return {**self._head(".chunk"), "choices": [choice], **({"usage": None} if self.usage else {})}

    def _head(self, part: str) -> Object:
        kind = f"chat.completion{part}" if self.chat else "text_completion"
        return {"id": self.name, "object": kind, "created": self.created, "model": self.model}

    def _counts(self, completions: Sequence[Completion]) -> Object:
        asked, given = len(self.requests[0].prompt), sum(len(completion.tokens) for completion in completions)
        return {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}

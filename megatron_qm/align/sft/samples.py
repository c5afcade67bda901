"""From the files of a group to what is learnt of each line, or why it is left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.align.sft.conversations import Conversation, UnusableError
from megatron_qm.align.sft.reading import Rejected, read_conversations
from megatron_qm.align.sft.rendering import Rendered, Renderer
from megatron_qm.config.sft import ConversationsConfig, SftRun
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class Sample:
    rendered: Rendered
    origin: str  # FILE:LINE
    format: str

    def __len__(self) -> int:
        return len(self.rendered)


def samples_of(
    group: ConversationsConfig, paths: Sequence[str], renderer: Renderer, config: SftRun
) -> Iterator[Sample | Rejected]:
    """Of every line that is not blank, in order. Raises UserError for a tokenizer that is not the model's."""
    for path in paths:
        for found in read_conversations(Path(path), frozenset(group.ignore)):
            yield found if isinstance(found, Rejected) else _sample(found, renderer, config)


def _sample(conversation: Conversation, renderer: Renderer, config: SftRun) -> Sample | Rejected:
    length, vocab_size = config.data.sequence_length, config.model.vocab_size
    try:
        rendered = renderer.render(conversation)
        if len(rendered) > length:
            raise UnusableError("too long", f"{len(rendered)} tokens, more than {length}")
    except UnusableError as error:
        return Rejected(conversation.path, conversation.line, error.kind, str(error))
    origin, highest = f"{conversation.path}:{conversation.line}", int(rendered.ids.max())
    if highest >= vocab_size:
        raise UserError(f"{origin}: token {highest} is outside of the model's vocabulary of {vocab_size}: give the model's own "
                        "tokenizer as data.tokenizer")
    return Sample(rendered, origin, conversation.format)

"""From the files of a group to what is learnt of each line, or why it is left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.align.sft.conversations import Conversation, UnusableError
from megatron_qm.align.sft.formats import parse
from megatron_qm.align.sft.reading import Rejected, read_lines
from megatron_qm.align.sft.rendering import Rendered, Renderer
from megatron_qm.config.groups import GroupConfig, GroupsRun
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class Sample:
    rendered: Rendered
    origin: str  # FILE:LINE
    format: str

    def __len__(self) -> int:
        return len(self.rendered)


def samples_of(
    group: GroupConfig, paths: Sequence[str], renderer: Renderer, config: GroupsRun
) -> Iterator[Sample | Rejected]:
    """Of every line that is not blank, in order. Raises UserError for a tokenizer that is not the model's."""
    for path in paths:
        for found in read_lines(Path(path), frozenset(group.ignore), parse):
            yield found if isinstance(found, Rejected) else _sample(found, renderer, config)


def _sample(conversation: Conversation, renderer: Renderer, config: GroupsRun) -> Sample | Rejected:
    length = config.data.sequence_length
    try:
        rendered = renderer.render(conversation)
        if len(rendered) > length:
            raise UnusableError("too long", f"{len(rendered)} tokens, more than {length}")
    except UnusableError as error:
        return Rejected(conversation.path, conversation.line, error.kind, str(error))
    origin = f"{conversation.path}:{conversation.line}"
    refuse_foreign(rendered, origin, config)
    return Sample(rendered, origin, conversation.format)


def refuse_foreign(rendered: Rendered, origin: str, config: GroupsRun) -> None:
    """Raises UserError for a token that the model does not know."""
    highest, vocab_size = int(rendered.ids.max()), config.model.vocab_size
    if highest >= vocab_size:
        raise UserError(f"{origin}: token {highest} is outside of the model's vocabulary of {vocab_size}: give the model's own "
                        "tokenizer as data.tokenizer")

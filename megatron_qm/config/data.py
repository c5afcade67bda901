"""What is read, in which mix, and how it is cut into sequences."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le

from megatron_qm.config.bounds import Length, Seed, Sequences
from megatron_qm.config.hints import Scalar
from megatron_qm.config.sources import SourceConfig, Sources

__all__ = ["DataConfig", "SourceConfig"]


@dataclass(frozen=True)
class DataConfig:
    """Datasets, their mix, and how they are cut into sequences."""

    sequence_length: Length = 4096  # tokens of a row that is learnt from
    block_size: Annotated[int, Ge(1), Le(2**40)] = 4096  # tokens of the unit that is shuffled; fixed for the life of a run
    seed: Seed = 1234  # of the order of the data
    # Datasets to learn from: a list, or {folder: data/} for all below a folder, weights: size (the default) or equal.
    sources: Sources = field(default_factory=list)
    validation: Sources = field(default_factory=list)  # datasets to validate on, written likewise
    validation_sequences: Sequences = 64  # per validation source
    tokenizer: str | None = None  # folder that is carried along into the HF export
    # What the tokenizer's chat template reads beside the messages, such as {enable_thinking: false}.
    template_arguments: dict[str, Scalar] = field(default_factory=dict)
    # Positions and attention start anew at document ends (GPU: TE variable-length attention; not with CP).
    reset_at_document_ends: bool = False
    mask_document_ends: bool = False  # do not learn to predict the first token of the next document
    allow_removed: list[str] = field(default_factory=list)  # sources that a resumed run may go on without
    allow_tokenizer_of: list[str] = field(default_factory=list)  # sources whose tokenizer may be another one on record
    verify_checksums: bool = False  # read every dataset through once before the run

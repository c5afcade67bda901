"""What is read, in which mix, and how it is cut into sequences."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le

from megatron_qm.config.bounds import Length, Seed, Sequences, Weight, WeightSchedule


@dataclass(frozen=True)
class SourceConfig:
    """One indexed dataset. `weight` is a share of the tokens, or a schedule [[consumed tokens, weight], ...]."""

    name: str
    prefix: str  # PREFIX of PREFIX.bin and PREFIX.idx
    weight: Weight | WeightSchedule = 1.0


@dataclass(frozen=True)
class DataConfig:
    sequence_length: Length = 4096  # tokens
    block_size: Annotated[int, Ge(1), Le(2**40)] = 4096  # tokens: the unit that is shuffled; fixed for the life of a run
    seed: Seed = 1234
    sources: list[SourceConfig] = field(default_factory=list)
    validation: list[SourceConfig] = field(default_factory=list)
    validation_sequences: Sequences = 64  # per validation source
    tokenizer: str | None = None  # folder that is carried along into the HF export
    # Positions and attention start anew at document ends (GPU: TE variable-length attention; not with CP).
    reset_at_document_ends: bool = False
    mask_document_ends: bool = False  # do not learn to predict the first token of the next document
    allow_removed: list[str] = field(default_factory=list)  # sources that a resumed run may go on without
    verify_checksums: bool = False  # read every dataset through once before the run

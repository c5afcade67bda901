"""Conversations as rows: rendered, packed, and written or only counted."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_tools.indexed_writer import IndexedWriter
from megatron_qm.align.sft.conversations import Rejected, read_conversations
from megatron_qm.align.sft.packing import pack
from megatron_qm.align.sft.rendering import Rendered, Renderer
from megatron_qm.config.sft import SftRun
from megatron_qm.errors import UserError
from megatron_qm.json_types import object_of, whole_of

SUFFIXES = (".bin", ".idx", ".learn", ".origin", ".rejects.jsonl")


@dataclass
class Counts:
    """Of one task group. rejected: samples by reason, those that are too long among them."""

    samples: int = 0
    tokens: int = 0
    learnt_tokens: int = 0
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @classmethod
    def from_json(cls, said: Mapping[str, object]) -> "Counts":
        """Raises ValueError for what is not whole."""
        rejected = object_of(said, "rejected")
        return cls(
            whole_of(said, "samples"), whole_of(said, "tokens"), whole_of(said, "learnt_tokens"), whole_of(said, "rows"),
            Counter({reason: whole_of(rejected, reason) for reason in rejected}),
        )


def write_rows(name: str, paths: Sequence[str], config: SftRun, renderer: Renderer, writer: "RowWriter | OnlyCounted") -> Counts:
    """Every sample of the group `name` into `writer`. Raises UserError where none is left."""
    length, counts = config.data.sequence_length, Counts()
    samples = _samples(paths, renderer, length, config.model.vocab_size, writer, counts)
    for row in pack(samples, length) if config.sft.pack else ([sample] for sample in samples):
        writer.row(row, length)
        counts.rows += 1
    if not counts.samples:
        raise UserError(f"sft: group {name!r}: no sample is left of {paths[0]}: {reasons(counts.rejected)}")
    return counts


def _samples(
    paths: Sequence[str], renderer: Renderer, length: int, vocab_size: int, writer: "RowWriter | OnlyCounted", counts: Counts
) -> Iterator["Sample"]:
    for path in paths:
        for found in read_conversations(Path(path)):
            where = (found.path, found.line)
            try:
                if isinstance(found, Rejected):
                    raise ValueError(found.reason)
                rendered = renderer.render(found)
                if len(rendered.ids) > length:
                    raise ValueError(f"too long: more than {length} tokens")
                if int(rendered.ids.max()) >= vocab_size:
                    raise UserError(f"{path}:{found.line}: token {int(rendered.ids.max())} is outside of the model's "
                                    f"vocabulary of {vocab_size}: give the model's own tokenizer as data.tokenizer")
            except ValueError as error:
                counts.rejected[_kind(str(error))] += 1
                writer.reject(*where, str(error))
                continue
            counts.samples += 1
            counts.tokens += len(rendered.ids)
            counts.learnt_tokens += int(rendered.learn.sum())
            yield Sample(rendered, f"{found.path}:{found.line}")


@dataclass(frozen=True)
class Sample:
    rendered: Rendered
    origin: str

    def __len__(self) -> int:
        return len(self.rendered.ids)


class OnlyCounted:
    """In the place of a writer, where nothing is to be written."""

    def row(self, samples: Sequence[Sample], length: int) -> None: ...

    def reject(self, path: str, line: int, reason: str) -> None: ...


class RowWriter:
    """The files of one dataset under temporary names, row by row."""

    def __init__(self, prefix: Path, dtype: np.dtype, stack: ExitStack) -> None:
        remove(prefix)
        self._tokens = IndexedWriter(Path(f"{prefix}.bin"), Path(f"{prefix}.idx"), dtype)
        stack.callback(self._tokens.close)
        opened = [stack.enter_context(open(f"{prefix}{suffix}", "wb")) for suffix in SUFFIXES[2:]]
        self._learn, self._origin, self._rejects = opened

    def row(self, samples: Sequence[Sample], length: int) -> None:
        lengths = [len(sample) for sample in samples]
        padding = length - sum(lengths)
        ids = np.zeros(length, self._tokens.dtype)
        learn = np.zeros(length, np.uint8)
        ids[: sum(lengths)] = np.concatenate([sample.rendered.ids for sample in samples])
        learn[: sum(lengths)] = np.concatenate([sample.rendered.learn for sample in samples])
        origins = [sample.origin for sample in samples] + ["padding"] * (padding > 0)
        self._tokens.append(ids, np.array(lengths + [padding] * (padding > 0), "<i4"))
        self._learn.write(learn.tobytes())
        self._origin.write("".join(f"{origin}\n" for origin in origins).encode())

    def reject(self, path: str, line: int, reason: str) -> None:
        entry = json.dumps({"file": path, "line": line, "reason": reason}, ensure_ascii=False)
        self._rejects.write(entry.encode("utf-8", "replace") + b"\n")

    def finish(self) -> None:
        self._tokens.finish()
        for stream in (self._learn, self._origin, self._rejects):
            stream.flush()
            os.fsync(stream.fileno())


def _kind(reason: str) -> str:
    """Reasons that differ only in what they quote are one."""
    return reason.split(":")[0].split("(")[0].strip()[:60]


def reasons(rejected: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {reason}" for reason, count in Counter(rejected).most_common(5)) or "it is empty"


def remove(prefix: Path) -> None:
    for suffix in SUFFIXES:
        Path(f"{prefix}{suffix}").unlink(missing_ok=True)

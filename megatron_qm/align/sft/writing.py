"""Conversations as rows: rendered, packed, and written or only counted."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from data_tools.indexed_writer import IndexedWriter
from megatron_qm.align.sft.packing import pack
from megatron_qm.align.sft.reading import Rejected
from megatron_qm.align.sft.rendering import Renderer
from megatron_qm.align.sft.samples import Sample, samples_of
from megatron_qm.config.groups import GroupConfig, GroupsRun
from megatron_qm.errors import UserError, in_key
from megatron_qm.json_types import object_of, whole_of


@dataclass
class Counts:
    """Of one task group. formats: samples by the format that they were written in; notes: those of which the template rewrote
    something, by what; rejected: lines that were left out, by the kind of reason."""

    samples: int = 0
    tokens: int = 0
    learnt_tokens: int = 0
    rows: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    @classmethod
    def from_json(cls, said: Mapping[str, object]) -> "Counts":
        """Raises ValueError for what is not whole."""
        return cls(
            whole_of(said, "samples"), whole_of(said, "tokens"), whole_of(said, "learnt_tokens"), whole_of(said, "rows"),
            _counter_of(said, "formats"), _counter_of(said, "notes"), _counter_of(said, "rejected"),
        )

    @property
    def left_out(self) -> float:
        """The share of the lines that is."""
        rejected = self.rejected.total()
        return rejected / (self.samples + rejected) if rejected else 0.0

    def add(self, sample: Sample) -> None:
        self.samples += 1
        self.tokens += len(sample)
        self.learnt_tokens += int(sample.rendered.learn.sum())
        self.formats[sample.format] += 1
        self.notes.update(sample.rendered.notes)


def _counter_of(said: Mapping[str, object], name: str) -> Counter[str]:
    found = object_of(said, name)
    return Counter({key: whole_of(found, key) for key in found})


def write_rows(
    group: GroupConfig, paths: Sequence[str], config: GroupsRun, renderer: Renderer, kind: "Kind",
    writer: "RowWriter | OnlyCounted",
) -> Counts:
    """Every sample of the group into `writer`. Raises UserError where none is left."""
    length, counts, place = config.data.sequence_length, Counts(), config.place_of(group)
    samples = _counted(kind.samples(group, paths, renderer, config), writer, counts)
    with in_key(place):
        for row in pack(samples, length) if config.groups.pack else ([sample] for sample in samples):
            writer.row(row, length)
            counts.rows += 1
    if not counts.samples:
        why = in_words(counts.rejected)
        raise UserError(f"{place}: no sample is left of {paths[0]}: "
                        + (f"{why}; `megatron-qm {config.stage} ... --show 5` shows where" if why else "it is empty"))
    return counts


def _counted(found: Iterable[Sample | Rejected], writer: "RowWriter | OnlyCounted", counts: Counts) -> Iterator[Sample]:
    for one in found:
        if isinstance(one, Rejected):
            counts.rejected[one.kind] += 1
            writer.reject(one)
        else:
            counts.add(one)
            yield one


class OnlyCounted:
    """In the place of a writer, where nothing is to be written."""

    def row(self, samples: Sequence[Sample], length: int) -> None: ...

    def reject(self, rejected: Rejected) -> None: ...


class RowWriter:
    """The files of one dataset under temporary names, row by row. read: those of them that training reads; told: the others;
    follows: what somebody may have computed from an older dataset of this name."""

    read: ClassVar[tuple[str, ...]] = (".bin", ".idx", ".learn")
    told: ClassVar[tuple[str, ...]] = (".origin", ".rejects.jsonl")
    follows: ClassVar[tuple[str, ...]] = ()

    def __init__(self, prefix: Path, dtype: np.dtype, stack: ExitStack) -> None:
        self.remove(prefix)
        self._tokens = IndexedWriter(Path(f"{prefix}.bin"), Path(f"{prefix}.idx"), dtype)
        stack.callback(self._tokens.close)
        names = (*self.read, *self.told)[2:]
        self._files = {suffix: stack.enter_context(open(f"{prefix}{suffix}", "wb")) for suffix in names}

    @classmethod
    def remove(cls, prefix: Path) -> None:
        for suffix in (*cls.read, *cls.told):
            Path(f"{prefix}{suffix}").unlink(missing_ok=True)

    def row(self, samples: Sequence[Sample], length: int) -> None:
        lengths = [len(sample) for sample in samples]
        padding = length - sum(lengths)
        ids = np.zeros(length, self._tokens.dtype)
        learn = np.zeros(length, np.uint8)
        ids[: sum(lengths)] = np.concatenate([sample.rendered.ids for sample in samples])
        learn[: sum(lengths)] = np.concatenate([sample.rendered.learn for sample in samples])
        origins = [sample.origin for sample in samples] + ["padding"] * (padding > 0)
        self._tokens.append(ids, np.array(lengths + [padding] * (padding > 0), "<i4"))
        self._files[".learn"].write(learn.tobytes())
        self._files[".origin"].write("".join(f"{origin}\n" for origin in origins).encode())

    def reject(self, rejected: Rejected) -> None:
        entry = json.dumps({"file": rejected.path, "line": rejected.line, "kind": rejected.kind, "reason": rejected.reason},
                           ensure_ascii=False)
        self._files[".rejects.jsonl"].write(entry.encode("utf-8", "replace") + b"\n")

    def finish(self) -> None:
        self._tokens.finish()
        for stream in self._files.values():
            stream.flush()
            os.fsync(stream.fileno())


def in_words(counted: Mapping[str, int]) -> str:
    """The five commonest."""
    return ", ".join(f"{count} x {what}" for what, count in Counter(counted).most_common(5))


@dataclass(frozen=True)
class Kind:
    """What samples a stage learns from: how they are read, and what is written of them."""

    samples: Callable[[GroupConfig, Sequence[str], Renderer, GroupsRun], Iterator[Sample | Rejected]]
    writer: type[RowWriter]


CONVERSATIONS = Kind(samples_of, RowWriter)

"""Conversations -> indexed datasets that the trainer reads like any other, made once per run in OUTPUT/data:

    NAME.bin, NAME.idx   rows of exactly data.sequence_length tokens; each sample, and each padding, is a document
    NAME.learn           one byte a token: 1 where it belongs to an answer
    NAME.origin          line n: the file and line of document n, or "padding"
    NAME.rejects.jsonl   every sample that was left out: file, line, reason
    NAME.samples.json    counts, and what the dataset was made from; written last
"""

import functools
import glob
import json
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.indexed_writer import IndexedWriter
from megatron_qm.align.sft.conversations import Rejected, read_conversations
from megatron_qm.align.sft.packing import pack
from megatron_qm.align.sft.rendering import Rendered, Renderer, load_renderer
from megatron_qm.config.data import SourceConfig
from megatron_qm.config.sft import ConversationsConfig, SftRun
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_directory, sha256, write_json

logger = logging.getLogger(__name__)
_VERSION = 1
_SUFFIXES = (".bin", ".idx", ".learn", ".origin", ".rejects.jsonl")
_WAIT_SECONDS, _POLL_SECONDS = 6 * 3600.0, 0.2


@dataclass
class Counts:
    """Of one task group. rejected: samples by reason, those that are too long among them."""

    samples: int = 0
    tokens: int = 0
    learnt_tokens: int = 0
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def prepare(config: SftRun, rank: int = 0) -> SftRun:
    """`config` with its data made: data.sources, data.validation and, from sft.epochs, train.steps.

    Rank 0 makes what is not there yet, the others wait for it. Raises UserError for files that cannot be read, and for a
    group of which no sample is left.
    """
    # once, and only where something is to be made
    renderer = functools.cache(lambda: load_renderer(config.data.tokenizer, only_last=config.sft.only_last_answer))

    def made(group: ConversationsConfig) -> tuple[SourceConfig, int]:
        prefix = Path(config.output) / "data" / group.name
        asked = _asked(config, group)
        if _found(prefix, asked) is None and rank == 0:
            _make(prefix, asked, renderer(), config)
        summary = _wait(prefix, asked)
        rows = summary["rows"]
        return SourceConfig(group.name, str(prefix), rows if group.weight is None else group.weight), rows

    sources = [made(group) for group in config.sft.sources]
    validation = [made(group)[0] for group in config.sft.validation]
    data = replace(
        config.data, sources=[source for source, _ in sources], validation=validation, mask_document_ends=True,
        block_size=config.data.sequence_length, reset_at_document_ends=config.sft.pack,
    )
    train, epochs = config.train, config.sft.epochs
    if epochs is not None:
        train = replace(train, steps=math.ceil(epochs * sum(rows for _, rows in sources) / train.global_batch_size))
    return replace(config, data=data, train=train)


def _asked(config: SftRun, group: ConversationsConfig) -> dict[str, Any]:
    """All that the dataset depends on, without reading it."""
    paths = sorted(glob.glob(group.path)) if glob.has_magic(group.path) else [group.path]
    if not paths:
        raise UserError(f"sft: group {group.name!r}: no file matches {group.path}")
    try:
        files = [[os.path.abspath(path), os.stat(path).st_size, os.stat(path).st_mtime_ns] for path in paths]
    except OSError as error:
        raise UserError(f"sft: group {group.name!r}: {error.filename}: {error.strerror}") from None
    tokenizer = Path(config.data.tokenizer)
    parts = [tokenizer / name for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")]
    return {
        "version": _VERSION, "files": files, "tokenizer": [sha256(part) for part in parts if part.is_file()],
        "sequence_length": config.data.sequence_length, "pack": config.sft.pack,
        "only_last_answer": config.sft.only_last_answer, "vocab_size": config.model.vocab_size,
    }


def _summary(prefix: Path) -> Path:
    return Path(f"{prefix}.samples.json")


def _found(prefix: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    try:
        summary = json.loads(_summary(prefix).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) and summary.get("made_from") == asked else None


def _wait(prefix: Path, asked: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + _WAIT_SECONDS
    while (summary := _found(prefix, asked)) is None:
        if time.monotonic() > deadline:
            raise UserError(f"{_summary(prefix)}: rank 0 has not made it in {_WAIT_SECONDS / 3600:.0f} hours; is the output "
                            "folder on storage that all machines share?")
        time.sleep(_POLL_SECONDS)
    return summary


def _make(prefix: Path, asked: dict[str, Any], renderer: Renderer, config: SftRun) -> None:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    _summary(prefix).unlink(missing_ok=True)  # from here on until the end there is no dataset
    temporary = prefix.with_name(f".{prefix.name}.new")
    length, size = config.data.sequence_length, config.model.vocab_size
    counts = Counts()
    try:
        with ExitStack() as stack:
            writer = _Writer(temporary, np.dtype("<u2" if size <= 1 << 16 else "<i4"), length, stack)
            samples = _samples([path for path, *_ in asked["files"]], renderer, length, size, writer, counts)
            for row in pack(samples, length) if config.sft.pack else ([sample] for sample in samples):
                writer.row(row)
            if not counts.samples:
                raise UserError(f"sft: group {prefix.name!r}: no sample is left of {asked['files'][0][0]}: "
                                + _reasons(counts.rejected))
            counts.rows = writer.rows
            writer.finish()
    except OSError as error:
        raise UserError(f"{error.filename or prefix}: cannot be written: {error.strerror}; make room and run again") from None
    for suffix in _SUFFIXES:
        os.replace(f"{temporary}{suffix}", f"{prefix}{suffix}")
    fsync_directory(prefix.parent)
    fill = counts.tokens / (counts.rows * length)
    write_json(_summary(prefix), {**vars(counts), "fill": fill, "made_from": asked})
    left_out = f"; {sum(counts.rejected.values())} left out ({_reasons(counts.rejected)}), see {prefix}.rejects.jsonl"
    logger.info("%s: %d samples, %d tokens to learn, %d rows of %d filled to %.0f%%%s", prefix.name, counts.samples,
                counts.learnt_tokens, counts.rows, length, 100 * fill, left_out if counts.rejected else "")


def _samples(
    paths: Sequence[str], renderer: Renderer, length: int, vocab_size: int, writer: "_Writer", counts: Counts
) -> Iterator["_Sample"]:
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
            yield _Sample(rendered, f"{found.path}:{found.line}")


@dataclass(frozen=True)
class _Sample:
    rendered: Rendered
    origin: str

    def __len__(self) -> int:
        return len(self.rendered.ids)


class _Writer:
    """The files of one dataset under temporary names, row by row."""

    def __init__(self, prefix: Path, dtype: np.dtype, length: int, stack: ExitStack) -> None:
        for suffix in _SUFFIXES:
            Path(f"{prefix}{suffix}").unlink(missing_ok=True)
        self._tokens = IndexedWriter(Path(f"{prefix}.bin"), Path(f"{prefix}.idx"), dtype)
        stack.callback(self._tokens.close)
        opened = [stack.enter_context(open(f"{prefix}{suffix}", "wb")) for suffix in _SUFFIXES[2:]]
        self._learn, self._origin, self._rejects = opened
        self._length, self.rows = length, 0

    def row(self, samples: Sequence[_Sample]) -> None:
        lengths = [len(sample) for sample in samples]
        padding = self._length - sum(lengths)
        ids = np.zeros(self._length, self._tokens.dtype)
        learn = np.zeros(self._length, np.uint8)
        ids[: sum(lengths)] = np.concatenate([sample.rendered.ids for sample in samples])
        learn[: sum(lengths)] = np.concatenate([sample.rendered.learn for sample in samples])
        origins = [sample.origin for sample in samples] + ["padding"] * (padding > 0)
        self._tokens.append(ids, np.array(lengths + [padding] * (padding > 0), "<i4"))
        self._learn.write(learn.tobytes())
        self._origin.write("".join(f"{origin}\n" for origin in origins).encode())
        self.rows += 1

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


def _reasons(rejected: Counter[str]) -> str:
    return ", ".join(f"{count} x {reason}" for reason, count in rejected.most_common(5)) or "it is empty"

"""Conversations -> indexed datasets that the trainer reads like any other, made once per run in OUTPUT/data:

    NAME.bin, NAME.idx   rows of exactly data.sequence_length tokens; each sample, and each padding, is a document
    NAME.learn           one byte a token: 1 where it belongs to an answer
    NAME.origin          line n: the file and line of document n, or "padding"
    NAME.rejects.jsonl   every sample that was left out: file, line, kind of reason, reason
    NAME.samples.json    counts, and what the dataset was made from; written last
"""

import filecmp
import functools
import glob
import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO, TypeVar

import numpy as np

from megatron_qm.align.sft.rendering import Renderer, load_renderer
from megatron_qm.align.sft.showing import show_groups
from megatron_qm.align.sft.writing import Counts, Kind, OnlyCounted, in_words, write_rows
from megatron_qm.checkpoint.folder import published
from megatron_qm.config.data import SourceConfig
from megatron_qm.config.groups import GroupConfig, GroupsRun
from megatron_qm.data.blend import Mixture
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError, in_key
from megatron_qm.files import folder_for, fsync_directory, sha256, write_json
from megatron_qm.json_types import JsonObject, parse_json
from megatron_qm.train.lock import locked

logger = logging.getLogger(__name__)
R = TypeVar("R", bound=GroupsRun)
_VERSION = 2
_WAIT_SECONDS, _POLL_SECONDS = 6 * 3600.0, 0.2


@dataclass(frozen=True)
class Group:
    """One dataset of the run: where it is, and what it is to be made from. asked: all that it depends on, as JSON gives it
    back."""

    config: GroupConfig
    prefix: Path
    paths: Sequence[str]
    asked: JsonObject

    @property
    def aside(self) -> Path:
        """Where it is made, before it takes its name."""
        return self.prefix.with_name(f".{self.prefix.name}.new")

    @property
    def summary(self) -> Path:
        return Path(f"{self.prefix}.samples.json")

    def found(self) -> Counts | None:
        """What was counted, if the dataset is there and made from this."""
        try:
            summary = parse_json(self.summary.read_text(encoding="utf-8"))
            same = isinstance(summary, dict) and summary.get("made_from") == self.asked
            return Counts.from_json(summary) if same else None
        except (OSError, ValueError):
            return None


def prepare(config: R, kind: Kind, rank: int, check: Callable[[R], None], refuse: Callable[[R], None] = lambda config: None) -> R:
    """`config` with its data made: data.sources, data.validation and, from epochs, train.steps.

    Rank 0 makes what is not there yet, the others wait for it. check: is asked once all is counted, before anything takes the
    place of what was there; refuse: before anything is made. Raises UserError for files that cannot be read, for a group of which
    no sample or too few are left, and where the run in the output folder has learnt from other data.
    """
    groups = _groups(config)
    if rank == 0 and not all(group.found() for group in groups):
        refuse(config)
        with folder_for(Path(config.output) / "data"), locked(Path(config.output), named=False):
            _make(config, groups, kind, check)
    ready = _with_data(config, [_accepted(config, group, _wait(group)) for group in groups])
    check(ready)
    return ready


def counted(config: R, kind: Kind) -> R:
    """As `prepare`, with nothing written: its samples are rendered once to be counted, where the length follows from that."""
    if config.epochs is None:
        return config
    groups = _groups(config)
    return _with_data(config, [_accepted(config, *each) for each in zip(groups, _all_counts(config, groups, kind), strict=True)])


def check_groups(config: GroupsRun) -> None:
    """Raises UserError for what no sample of them could be made with: files that are not there, a template that is none."""
    _groups(config)
    _renderer(config)


def describe(config: GroupsRun, kind: Kind) -> str:
    """What each group holds, and what is read of it, as a text table. Writes nothing."""
    groups = _groups(config)
    found = _all_counts(config, groups, kind)
    ready = _with_data(config, found)
    due = Mixture({source.name: source.weight for source in ready.data.sources}).due(ready.total_steps * ready.tokens_per_step)
    rows = []
    for source, counts, tokens in zip(ready.data.sources, found, due, strict=False):
        epochs = tokens / (counts.rows * config.data.sequence_length)
        rows.append((source.name, f"{counts.samples:,}", f"{counts.rejected.total():,}", f"{counts.tokens:,}",
                     f"{counts.learnt_tokens:,}", f"{counts.rows:,}", f"{tokens / sum(due):.2%}", f"{epochs:.2f}"))
    return "\n".join([
        f"{ready.total_steps:,} steps of {config.train.global_batch_size} rows of {config.data.sequence_length} tokens",
        text_table(("group", "samples", "left out", "tokens", "learnt", "rows", "share", "epochs"), rows),
        *(f"{group.config.name}: {remarks(counts)}" for group, counts in zip(groups, found, strict=True)),
    ])


def show(config: GroupsRun, kind: Kind, count: int, stream: TextIO) -> None:
    """The first samples of each group, as they are learnt from. Writes no file."""
    show_groups([(group.config, group.paths) for group in _groups(config)], _renderer(config), config, kind, count, stream)


def _groups(config: GroupsRun) -> list[Group]:
    """Of the sources, then of validation."""
    return [_group(config, group) for group in (*config.groups.sources, *config.groups.validation)]


def _with_data(config: R, found: Sequence[Counts]) -> R:
    """found: of the sources, then of the validation groups."""
    rows, groups = [counts.rows for counts in found], (*config.groups.sources, *config.groups.validation)
    folder = Path(config.output) / "data"
    made = [SourceConfig(group.name, str(folder / group.name), count if group.weight is None else group.weight)
            for group, count in zip(groups, rows, strict=True)]
    first = len(config.groups.sources)
    data = replace(
        config.data, sources=made[:first], validation=made[first:], mask_document_ends=True,
        block_size=config.data.sequence_length, reset_at_document_ends=config.groups.packed,
    )
    ready = replace(config, data=data)
    return ready if config.epochs is None else ready.with_steps_of(sum(rows[:first]) / config.train.global_batch_size)


def _all_counts(config: GroupsRun, groups: Sequence[Group], kind: Kind) -> list[Counts]:
    """Of what was made, else counted now."""
    renderer = functools.cache(lambda: _renderer(config))
    return [group.found() or write_rows(group.config, group.paths, config, renderer(), kind, OnlyCounted())
            for group in groups]


def _accepted(config: GroupsRun, group: Group, counts: Counts) -> Counts:
    """Raises UserError where more of the group is left out than may be."""
    if counts.left_out > config.groups.max_left_out:
        raise UserError(f"{config.place_of(group.config)}: {counts.left_out:.1%} of its samples are left out "
                        f"({in_words(counts.rejected)}); mend them (`megatron-qm {config.stage} ... --show 20` shows some), "
                        f"or raise {config.section}.max_left_out = {config.groups.max_left_out:g}")
    return counts


def _group(config: GroupsRun, group: GroupConfig) -> Group:
    """Without reading its files."""
    if not group.path:
        raise UserError(f"{config.place_of(group)}: path = '' names no file; name one, or a pattern")
    paths = sorted(glob.glob(group.path)) if glob.has_magic(group.path) else [group.path]
    if not paths:
        raise UserError(f"{config.place_of(group)}: no file matches {group.path}")
    try:
        stats = [os.stat(path) for path in paths]
    except OSError as error:
        raise UserError(f"{config.place_of(group)}: {error.filename}: {error.strerror}") from None
    _refuse_own(config, group, paths)
    tokenizer = _tokenizer(config)
    parts = [tokenizer / name for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")]
    files = [os.path.abspath(path) for path in paths]
    return Group(group, Path(config.output) / "data" / group.name, files, {
        "version": _VERSION, "files": [[file, stat.st_size, stat.st_mtime_ns] for file, stat in zip(files, stats, strict=True)],
        "tokenizer": [sha256(part) for part in parts if part.is_file()],
        "sequence_length": config.data.sequence_length, **config.groups.decisive, "vocab_size": config.model.vocab_size,
        "ignore": sorted(group.ignore), "template_arguments": dict(config.data.template_arguments),
    })


def _refuse_own(config: GroupsRun, group: GroupConfig, paths: Sequence[str]) -> None:
    """Raises UserError for a file where the run writes its datasets: it would be replaced."""
    own = Path(os.path.realpath(Path(config.output) / "data"))
    for path in paths:
        if Path(os.path.realpath(path)).is_relative_to(own):
            raise UserError(f"{config.place_of(group)}: {path} lies in {Path(config.output) / 'data'}, which this "
                            "run writes; move it elsewhere, or choose another output")


def _tokenizer(config: GroupsRun) -> Path:
    if config.data.tokenizer is None:
        raise UserError("data.tokenizer is not set, and train.start_from carries none: name the model's tokenizer folder")
    return Path(config.data.tokenizer)


def _renderer(config: GroupsRun) -> Renderer:
    with in_key("data.tokenizer"):
        return load_renderer(_tokenizer(config), only_last=config.groups.only_last, arguments=config.data.template_arguments)


def _wait(group: Group) -> Counts:
    deadline = time.monotonic() + _WAIT_SECONDS
    while (counts := group.found()) is None:
        if time.monotonic() > deadline:
            raise UserError(f"{group.summary}: rank 0 has not made it in {_WAIT_SECONDS / 3600:.0f} hours; is the output "
                            "folder on storage that all machines share?")
        time.sleep(_POLL_SECONDS)
    return counts


def _make(config: R, groups: Sequence[Group], kind: Kind, check: Callable[[R], None]) -> None:
    """What is not there, aside; then `check`; then each takes its name."""
    renderer = _renderer(config)
    with ExitStack() as stack:
        made: list[tuple[Group, Counts]] = []
        found = []
        for group in groups:
            counts = group.found()
            if counts is None:
                stack.callback(kind.writer.remove, group.aside)
                counts = _accepted(config, group, _make_aside(group, config, kind, renderer))
                _refuse_to_replace(config, group, kind)
                made.append((group, counts))
            found.append(counts)
        check(_with_data(config, found))
        for group, counts in made:
            _publish(group, kind, counts, counts.tokens / (counts.rows * config.data.sequence_length))


def _make_aside(group: Group, config: GroupsRun, kind: Kind, renderer: Renderer) -> Counts:
    try:
        with ExitStack() as files:
            writer = kind.writer(group.aside, np.dtype("<u2" if config.model.vocab_size <= 1 << 16 else "<i4"), files)
            counts = write_rows(group.config, group.paths, config, renderer, kind, writer)
            writer.finish()
    except OSError as error:
        place = error.filename or group.prefix
        raise UserError(f"{place}: cannot be written: {error.strerror}; make room and run again") from None
    return counts


def _refuse_to_replace(config: GroupsRun, group: Group, kind: Kind) -> None:
    """A run that goes on from its checkpoints must find the data that it has learnt from, to the byte."""
    there = published(Path(config.output) / "checkpoints")
    if not there or not all(Path(f"{group.prefix}{suffix}").is_file() for suffix in kind.writer.read):
        return
    if not _same(group, kind):
        raise UserError(
            f"{config.place_of(group.config)}: the run in {config.output} ({there[0].name}) has learnt from other "
            f"data than {', '.join(group.paths)} now make; bring back what was there, or choose another output, with "
            f"train.start_from={there[0]} to go on from its weights"
        )


def _same(group: Group, kind: Kind) -> bool:
    """Whether what is read of the dataset that is there is what was made aside, to the byte."""
    pairs = [(Path(f"{group.prefix}{suffix}"), Path(f"{group.aside}{suffix}")) for suffix in kind.writer.read]
    return all(old.is_file() and filecmp.cmp(old, new, shallow=False) for old, new in pairs)


def _publish(group: Group, kind: Kind, counts: Counts, fill: float) -> None:
    """fill: share of the rows that is no padding."""
    group.summary.unlink(missing_ok=True)  # from here on until the end there is no dataset
    if not _same(group, kind):
        for suffix in kind.writer.follows:
            Path(f"{group.prefix}{suffix}").unlink(missing_ok=True)
    for suffix in (*kind.writer.read, *kind.writer.told):
        os.replace(f"{group.aside}{suffix}", f"{group.prefix}{suffix}")
    fsync_directory(group.prefix.parent)
    write_json(group.summary, {**vars(counts), "fill": fill, "made_from": group.asked})
    level = logging.WARNING if counts.rejected else logging.INFO
    logger.log(level, "%s: %d samples, %d tokens to learn, %d rows filled to %.0f%%; %s%s", group.prefix.name, counts.samples,
               counts.learnt_tokens, counts.rows, 100 * fill, remarks(counts),
               f", see {group.prefix}.rejects.jsonl" if counts.rejected else "")


def remarks(counts: Counts) -> str:
    """Formats, what the template did by design, special tokens in texts, and what was left out."""
    said = [f"formats: {in_words(counts.formats)}"]
    if counts.notes:
        said.append(f"noted: {in_words(counts.notes)}")
    if counts.rejected:
        said.append(f"{counts.rejected.total():,} left out ({counts.left_out:.1%}: {in_words(counts.rejected)})")
    return "; ".join(said)

"""The first samples of each group as text, with what is learnt of them marked."""

from collections.abc import Sequence
from itertools import islice
from typing import TextIO

import numpy as np

from megatron_qm.align.sft.reading import Rejected
from megatron_qm.align.sft.rendering import Rendered, Renderer
from megatron_qm.align.sft.samples import Sample
from megatron_qm.align.sft.writing import Kind
from megatron_qm.config.groups import GroupConfig, GroupsRun

Marks = tuple[str, str]
COLOUR: Marks = ("\033[32m", "\033[0m")
PLAIN: Marks = ("⟦", "⟧")


def show_groups(
    groups: Sequence[tuple[GroupConfig, Sequence[str]]], renderer: Renderer, config: GroupsRun, kind: Kind, count: int,
    stream: TextIO,
) -> None:
    """Of each group, with its files, `count` lines. On a terminal what is learnt is green, elsewhere it stands in brackets."""
    marks = COLOUR if stream.isatty() else PLAIN
    print(f"what is learnt: {marks[0]}so{marks[1]}", file=stream)
    for group, paths in groups:
        for found in islice(kind.samples(group, paths, renderer, config), count):
            print("\n" + (_left_out(found, group) if isinstance(found, Rejected) else _shown(found, group, renderer, marks)),
                  file=stream)


def _left_out(rejected: Rejected, group: GroupConfig) -> str:
    return visible(f"== {group.name}  {rejected.path}:{rejected.line}  left out: {rejected.reason}")


def _shown(sample: Sample, group: GroupConfig, renderer: Renderer, marks: Marks) -> str:
    rendered = sample.rendered
    notes = "".join(f"  ({note})" for note in sorted(rendered.notes))
    head = f"== {group.name}  {sample.origin}  {sample.format}  {len(rendered)} tokens, {int(rendered.learn.sum())} learnt{notes}"
    return f"{visible(head)}\n{_text(rendered, renderer, marks)}"


def _text(rendered: Rendered, renderer: Renderer, marks: Marks) -> str:
    """Runs of tokens that are learnt or not, each decoded by itself: no character lies across a border of an answer."""
    borders = np.flatnonzero(np.diff(rendered.learn)) + 1
    runs = zip(np.split(rendered.ids, borders), np.split(rendered.learn, borders), strict=True)
    shown = [(visible(renderer.decode(ids)), bool(learn[0])) for ids, learn in runs]
    return "".join(f"{marks[0]}{text}{marks[1]}" if learnt else text for text, learnt in shown)


def visible(text: str) -> str:
    """With what a terminal would obey, or not show, written out; line ends and tabs stay."""
    return "".join(one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode() for one in text)

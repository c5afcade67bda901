"""Stages that keep, change and drop, for tests of what runs stages; and documents for them."""

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import zstandard
from annotated_types import Ge, Le

from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Document, Dropped, Step
from data_tools.corpus.packed import packed_lines
from data_tools.corpus.stage import Stage, WholeResult, WholeWork
from data_tools.corpus.stages import STAGES


def rows(count: int, seed: int = 0) -> list[dict[str, object]]:
    """Some short, some bad, some twice; both languages."""
    chance = random.Random(seed)
    words = ["fever", "发热", "z", "咳嗽", "dose 5 mg", "bad"]
    made: list[dict[str, object]] = []
    for number in range(count):
        text = " ".join(chance.choices(words, weights=(9, 9, 3, 9, 9, 1), k=chance.randint(1, 60))) + f" {number}"
        if number % 7 == 6:
            text = str(made[number // 2]["text"])
        made.append({"id": f"{seed}-{number}", "text": text, "more": {"n": number}})
    return made


@dataclass(frozen=True)
class ToyConfig:
    least: Annotated[int, Ge(0), Le(1000)] = 0  # characters of the shortest text that is kept
    without: str = "z"  # a character that is taken away
    mode: Literal["plain", "loud"] = "plain"  # loud: in capitals
    mark: bool = False  # adds the key `toy`
    wait: Annotated[float, Ge(0), Le(1)] = 0.0  # seconds for each document
    fail_on: tuple[str, ...] = ()  # texts that the step breaks on


def toy(config: ToyConfig) -> Step:
    def step(document: Document) -> Document | Dropped:
        time.sleep(config.wait) if config.wait else None
        if document.text in config.fail_on:
            raise ValueError("broken")
        if len(document.text) < config.least:
            return Dropped("too short", f"{len(document.text)} characters")
        if "bad" in document.text:
            return Dropped("bad word")
        document.text = document.text.replace(config.without, "")
        if config.mode == "loud":
            document.text = document.text.upper()
        if config.mark:
            document.known["toy"] = True
        return document

    return step


def lines_of(path: Path) -> list[bytes]:
    """Of zstd, frame after frame."""
    return zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read().splitlines()


@dataclass(frozen=True)
class OnceConfig:
    key: str = "text"  # of what may stand once


def once(config: OnceConfig, work: WholeWork) -> WholeResult:
    """A stage over the whole: of equal texts the first stays."""
    counts, seen = StepCounts(), set()
    with packed_lines(work.output) as output:
        for path in work.inputs:
            for line in lines_of(path):
                text = json.loads(line)[config.key]
                size = len(text.encode())
                counts.documents += 1
                counts.bytes += size
                if text in seen:
                    counts.drop("seen before", size)
                    continue
                seen.add(text)
                counts.kept, counts.kept_bytes = counts.kept + 1, counts.kept_bytes + size
                output.write(line + b"\n")
    return WholeResult(counts)


TOYS = (Stage("toy", ToyConfig, maker=toy), Stage("once", OnceConfig, whole=once), Stage("loud", ToyConfig, maker=toy), *STAGES)

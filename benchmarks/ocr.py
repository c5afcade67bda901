"""OCR on 40 generated pages: errors by character after NFKC, and whether the paragraphs come in their order.

    python benchmarks/ocr.py --font CJK.ttf [--latin LATIN.ttf] [--pages 40] [--workers N] [--output benchmarks/results/ocr.json]

Pages go through all of: Chinese and English; one column and two; with and without a table and a red round stamp over the text;
100 and 200 dpi; straight and skewed by 2 degrees. They are drawn here, with seeds, saved as PNG and read by extract.py's reader
of scans. Characters are counted without white space, which has no meaning in Chinese and between cells. A page is in order if
its paragraphs and rows come one after another as drawn.
"""

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFont

from data_tools.corpus.document import Document
from data_tools.corpus.readers import scan
from data_tools.corpus.readers.item import ReadLimits
from megatron_qm.files import write_json

from this_run import described  # isort: skip  (its neighbour)

_PACKAGES = ("rapidocr", "onnxruntime", "pillow", "numpy")
_WORDS = {
    "zh": (
        "患者 血压 每日 一次 口服 阿司匹林 二甲双胍 剂量 不良反应 出血 肝功能 肾功能 检查 显示 建议 复查 控制 "
        "血糖 治疗 观察 症状 缓解 心电图 正常 异常 手术 术后 感染 抗生素 疗程 过敏 禁用 慎用 妊娠 儿童 老年人 "
        "减量 停药 监测 水平 升高 降低 mg 10 3.5 ℃ 120/80"
    ).split(),
    "en": (
        "patient blood pressure daily aspirin metformin dose bleeding liver kidney function test shows "
        "therapy symptoms relief normal surgery infection course allergy children older adults reduce monitor "
        "level raised of the and with in after mg 10 3.5 120/80"
    ).split(),
}
_ROWS = {
    "zh": (
        ("药名", "剂量", "用途"),
        ("阿司匹林", "100 mg", "预防血栓"),
        ("布洛芬", "200 mg", "止痛"),
        ("头孢呋辛", "250 mg", "抗感染"),
    ),
    "en": (
        ("Drug", "Dose", "Use"),
        ("Aspirin", "100 mg", "thrombosis"),
        ("Ibuprofen", "200 mg", "pain"),
        ("Cefuroxime", "250 mg", "infection"),
    ),
}
_TITLES = {"zh": "临床用药指南与观察记录", "en": "Clinical notes on drug therapy"}
_A4 = (8.27, 11.69)  # inches
_POINTS = 72
_FILLED = 0.5  # of the height of a page, by text; the table stands below


class Kind(NamedTuple):
    language: str
    columns: int
    table: bool
    stamp: bool
    dpi: int
    skew: float

    def name(self) -> str:
        return (f"{self.language}, {self.columns} columns, {'table, ' if self.table else ''}{'stamp, ' if self.stamp else ''}"
                f"{self.dpi} dpi, {self.skew:g} degrees")


class Drawn(NamedTuple):
    image: Image.Image
    units: list[str]  # paragraphs and rows, in their order


def kinds(count: int) -> list[Kind]:
    """All combinations once, then two columns with all that is hard again."""
    every = [Kind(language, columns, table, stamp, dpi, skew)
             for dpi in (100, 200) for skew in (0.0, 2.0) for columns in (2, 1) for table, stamp in ((True, True), (False, False))
             for language in ("zh", "en")]  # fmt: skip
    again = [Kind(language, 2, table, not table, dpi, skew)
             for table in (True, False) for dpi in (100, 200) for skew in (-2.0, 2.0) for language in ("zh", "en")]  # fmt: skip
    return (every + again)[:count]


class Painter:
    def __init__(self, kind: Kind, fonts: dict[str, Path], rng: random.Random) -> None:
        self.kind, self.rng = kind, rng
        self.scale = kind.dpi / _POINTS
        self.image = Image.new("RGB", (round(_A4[0] * kind.dpi), round(_A4[1] * kind.dpi)), "white")
        self.pen = ImageDraw.Draw(self.image)
        self.font = ImageFont.truetype(str(fonts[kind.language]), round(11 * self.scale))
        self.large = ImageFont.truetype(str(fonts[kind.language]), round(18 * self.scale))
        self.leading = round(17 * self.scale)
        self.units: list[str] = []

    def draw(self) -> Drawn:
        width, height = self.image.size
        margin, gutter = round(60 * self.scale), round(24 * self.scale)
        self.pen.text((margin, margin), _TITLES[self.kind.language], "black", font=self.large)
        self.units.append(_TITLES[self.kind.language])
        top, bottom = margin + 3 * self.leading, height - margin
        column = (width - 2 * margin - gutter * (self.kind.columns - 1)) // self.kind.columns
        bottom = top + round(_FILLED * (bottom - top))
        for number in range(self.kind.columns):
            self._column(margin + number * (column + gutter), top, column, bottom)
        if self.kind.table:
            self._table(margin, bottom + self.leading, width - 2 * margin)
        if self.kind.stamp:
            self._stamp(round(width * 0.66), round(height * 0.4))
        image = self.image.rotate(self.kind.skew, Image.Resampling.BICUBIC, fillcolor="white") if self.kind.skew else self.image
        return Drawn(image, self.units)

    def _column(self, left: int, top: int, width: int, bottom: int) -> None:
        y = top
        while y + 6 * self.leading < bottom:
            text = self._paragraph()
            for line in self._broken(text, width):
                self.pen.text((left, y), line, (20, 20, 20), font=self.font)
                y += self.leading
            self.units.append(text)
            y += self.leading // 2

    def _paragraph(self) -> str:
        words = [self.rng.choice(_WORDS[self.kind.language]) for _ in range(self.rng.randint(22, 34))]
        if self.kind.language == "en":
            return " ".join(words).capitalize() + "."
        for at in range(6, len(words), 7):
            words[at] += "，"
        return "".join(words).rstrip("，") + "。"

    def _broken(self, text: str, width: int) -> list[str]:
        """At spaces in English; in Chinese anywhere but before a stop and inside of a number or unit."""
        parts = text.split(" ") if self.kind.language == "en" else re.findall(r"[!-~]{1,8}|[^!-~]", text)
        glue = " " if self.kind.language == "en" else ""
        lines, line = [], ""
        for part in parts:
            longer = f"{line}{glue}{part}" if line else part
            if self.pen.textlength(longer, font=self.font) > width and part not in "，。":
                lines.append(line)
                line = part
            else:
                line = longer
        return [*lines, line]

    def _table(self, left: int, top: int, width: int) -> None:
        for number, row in enumerate(_ROWS[self.kind.language]):
            y = top + number * self.leading
            self.pen.line((left, y - 2, left + width, y - 2), "black")
            for at, cell in enumerate(row):
                self.pen.text((left + 8 + at * width // 3, y), cell, "black", font=self.font)
            self.units.append(" ".join(row))

    def _stamp(self, x: int, y: int) -> None:
        """A ring, a star's disc and letters, over the text as ink is: what lies below shows through."""
        layer = Image.new("RGB", self.image.size, "white")
        pen, radius, red = ImageDraw.Draw(layer), round(52 * self.scale), (214, 40, 40)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=red, width=max(2, round(3 * self.scale)))
        disc = radius // 5
        pen.ellipse((x - disc, y - disc, x + disc, y + disc), fill=red)
        said = "医院专用章" if self.kind.language == "zh" else "HOSPITAL"
        pen.text((x, y + radius // 2), said, red, font=self.font, anchor="mm")
        self.image = ImageChops.multiply(self.image, layer)


def bare(text: str) -> str:
    """After NFKC, without white space and the lines of tables."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if not sign.isspace() and sign != "|")


def distance(one: str, other: str) -> int:
    """Of Levenshtein, by rows of a numpy array."""
    import numpy

    codes = numpy.array([ord(sign) for sign in other])
    row = numpy.arange(len(other) + 1)
    steps = numpy.arange(len(other) + 1)
    for number, sign in enumerate(one, 1):
        new = numpy.minimum(row[1:] + 1, row[:-1] + (codes != ord(sign)))
        new = numpy.concatenate(([number], new))
        row = numpy.minimum.accumulate(new - steps) + steps
    return int(row[-1])


def in_order(units: Sequence[str], text: str) -> bool:
    """Whether each unit is found near its own place: at the best match of its first and last signs, behind the one before."""
    found, at = bare(text), 0
    for unit in map(bare, units):
        place = _place(found, unit)
        if place is None or place < at - 2:
            return False
        at = place
    return True


def _place(found: str, unit: str) -> int | None:
    """Where most of the unit's pieces say that it begins."""
    size = 5
    votes: dict[int, int] = {}
    for start in range(0, max(1, len(unit) - size + 1)):
        piece = unit[start : start + size]
        at = found.find(piece)
        while at >= 0:
            votes[(at - start) // 4] = votes.get((at - start) // 4, 0) + 1
            at = found.find(piece, at + 1)
    return max(votes, key=lambda place: votes[place]) * 4 if votes else None


def measure(number: int, kind: Kind, fonts: dict[str, Path]) -> dict[str, Any]:
    drawn = Painter(kind, fonts, random.Random(number)).draw()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        drawn.image.save(path, dpi=(kind.dpi, kind.dpi))
        began = time.process_time()
        documents = [item for item in scan.read(path, ReadLimits()) if isinstance(item, Document)]
        seconds = time.process_time() - began
    text = documents[0].text if documents else ""
    truth = bare(" ".join(drawn.units))
    errors = distance(truth, bare(text))
    confidence = documents[0].known["confidence"] if documents else None
    return {"page": kind.name(), "characters": len(truth), "errors": errors, "rate": round(errors / len(truth), 5),
            "in_order": in_order(drawn.units, text), "confidence": confidence, "cpu_seconds": round(seconds, 1),
            "paragraphs": len(drawn.units), "lines_given": len(text.splitlines())}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--font", type=Path, required=True, metavar="FILE", help="with Chinese signs")
    parser.add_argument("--latin", type=Path, metavar="FILE", help="for English (the same)")
    parser.add_argument("--pages", type=int, default=40, metavar="N")
    parser.add_argument("--workers", type=int, default=1, metavar="N")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/ocr.json"))
    args = parser.parse_args()
    fonts = {"zh": args.font, "en": args.latin or args.font}
    pages: list[dict[str, Any]] = []
    work = partial(measure, fonts=fonts)
    with ProcessPoolExecutor(args.workers, get_context("spawn")) as pool:
        for page in pool.map(work, range(args.pages), kinds(args.pages)):
            pages.append(page)
            print(json.dumps(page, ensure_ascii=False), file=sys.stderr)
            write_json(args.output, result(pages))


def result(pages: list[dict[str, Any]]) -> dict[str, Any]:
    characters, errors = sum(page["characters"] for page in pages), sum(page["errors"] for page in pages)
    words = [Path(word).name if os.path.sep in word else word for word in sys.argv[1:]]
    return {
        **described(_PACKAGES, words, used=1),
        "characters": characters, "errors": errors, "rate": round(errors / characters, 5),
        "worst_page": max(page["rate"] for page in pages), "pages_in_order": sum(page["in_order"] for page in pages),
        "pages": len(pages),
        "cpu_seconds_a_page": round(sum(page["cpu_seconds"] for page in pages) / len(pages), 1), "each": pages}


if __name__ == "__main__":
    main()

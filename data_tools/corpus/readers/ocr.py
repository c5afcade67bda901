"""Text of a picture by rapidocr: its models come with the package, nothing is fetched."""

from collections.abc import Sequence
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from data_tools.corpus.extra import needed
from data_tools.corpus.readers.layout import Piece, in_reading_order, straightened
from data_tools.corpus.readers.paragraphs import text_of

if TYPE_CHECKING:
    import numpy

_LONG = 4  # times as long as high is a line that tells how the page lies
_STEEPEST = 0.1  # slope that is mended, about 6 degrees; more is taken for what it looks like
_RED = 60  # by how much red stands over the other colours in the ink of a stamp
_DARK = 110  # what is darker in red light is print, though a stamp lies over it


class Recognised(NamedTuple):
    text: str
    confidence: float  # mean over the characters, 0 to 1


def recognise(image: "numpy.ndarray[Any, Any]") -> Recognised:
    """image: height x width x 3, red first."""
    found = _engine()(without_stamps(image)[:, :, ::-1])
    if found.boxes is None:
        return Recognised("", 1.0)
    pieces = [_piece(box, text, score) for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)]
    pieces = straightened(pieces, _slope(found.boxes))
    signs = sum(len(piece.text) for piece in pieces)
    confidence = sum(piece.confidence * len(piece.text) for piece in pieces) / max(signs, 1)
    return Recognised(text_of(in_reading_order(pieces)), confidence)


@cache
def _engine() -> Any:
    """One thread: processes share the cores. Lines of little confidence stay: they count in the page's."""
    rapidocr = needed("rapidocr", "ocr")
    needed("onnxruntime", "ocr")
    return rapidocr.RapidOCR(params={"Global.log_level": "critical", "Global.use_cls": False, "Global.text_score": 0.0,
                                     "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                                     "EngineConfig.onnxruntime.inter_op_num_threads": 1})


def without_stamps(image: "numpy.ndarray[Any, Any]") -> "numpy.ndarray[Any, Any]":
    """Red ink that lies over print is made paper; print below it stays dark. A page without red is handed on as it is."""
    import numpy

    red, other = image[:, :, 0].astype(numpy.int16), image[:, :, 1:].max(axis=2).astype(numpy.int16)
    ink = (red - other > _RED) & (red > _DARK)
    if not ink.any():
        return image
    cleaned = image.copy()
    cleaned[ink] = 255
    return cleaned


def _piece(box: Sequence[Sequence[float]], text: str, score: float) -> Piece:
    """Of a line that may be inclined: as wide as it is, as high as its letters."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = box
    x0, x1 = (ax + dx) / 2, (bx + cx) / 2
    y = (ay + by + cy + dy) / 4
    height = ((dy - ay) + (cy - by)) / 2
    return Piece(x0, y - height / 2, x1, y + height / 2, text, float(score))


def _slope(boxes: Any) -> float:
    """Of the page: the median of its long lines; 0 where none is long, or it is steep."""
    slopes = [((by - ay) + (cy - dy)) / ((bx - ax) + (cx - dx)) for (ax, ay), (bx, by), (cx, cy), (dx, dy) in boxes
              if bx - ax > _LONG * abs(dy - ay)]
    slope = float(median(slopes)) if slopes else 0.0
    return slope if abs(slope) < _STEEPEST else 0.0

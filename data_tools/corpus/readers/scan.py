"""A picture of pages: PNG, JPEG or TIFF; a frame is a page."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_tools.corpus.extra import needed
from data_tools.corpus.readers.item import DAMAGED, ILLEGIBLE, TOO_LARGE, At, Item, ReadLimits, Unread, why
from data_tools.corpus.readers.ocr import Recognised, recognise
from data_tools.corpus.readers.page import NO_LAYER, Page, document_of

if TYPE_CHECKING:
    import numpy


def read(path: Path, limits: ReadLimits) -> Iterator[Item]:
    if not limits.ocr:
        yield Unread(NO_LAYER, "a picture, and --no-ocr is given")
        return
    images = needed("PIL.Image", "ocr")
    images.MAX_IMAGE_PIXELS = None  # ours is asked for before anything is unpacked
    pages: list[Page] = []
    with images.open(path) as image:
        for number in range(1, getattr(image, "n_frames", 1) + 1):
            yield At("page", number)
            page = _page(image, number, limits)
            if isinstance(page, Unread):
                yield page
            else:
                pages.append(page)
    yield document_of(pages, number)


def _page(image: Any, number: int, limits: ReadLimits) -> Page | Unread:
    at = {"page": number}
    try:
        image.seek(number - 1)
        width, height = image.size
        if width * height > limits.max_pixels:
            return Unread(TOO_LARGE, f"{width:,} x {height:,} pixels, over --max-pixels {limits.max_pixels:,}", at)
        return recognised_page(number, _upright(image), limits)
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow raises for files that are cut or broken
        return why(error, at) if isinstance(error, OSError) and error.strerror else Unread(DAMAGED, str(error)[:200], at)
    except MemoryError as error:
        return why(error, at)


def _upright(image: Any) -> "numpy.ndarray[Any, Any]":
    """As a camera says that it was held, on white paper."""
    import numpy

    turned = needed("PIL.ImageOps", "ocr").exif_transpose(image)
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        turned = turned.convert("RGBA")
        paper = needed("PIL.Image", "ocr").new("RGBA", turned.size, "white")
        paper.alpha_composite(turned)
        turned = paper
    return numpy.asarray(turned.convert("RGB"))


def recognised_page(number: int, image: "numpy.ndarray[Any, Any]", limits: ReadLimits) -> Page | Unread:
    found: Recognised = recognise(image)
    if found.text and found.confidence < limits.min_confidence:
        detail = f"confidence {found.confidence:.2f}, under --min-confidence {limits.min_confidence:g}"
        return Unread(ILLEGIBLE, detail, {"page": number})
    return Page(number, found.text, found.confidence)

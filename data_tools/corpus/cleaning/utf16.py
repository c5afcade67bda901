"""Texts in UTF-16, whose units look up tables of one entry for each."""

import numpy as np
import numpy.typing as npt

UNITS = 1 << 16  # that there are


def units_of(text: str) -> npt.NDArray[np.uint16]:
    """What is beyond the first plane has two of them."""
    return np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)

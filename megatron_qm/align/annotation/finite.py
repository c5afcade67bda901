"""Numbers of JSON that can be reckoned with: JSON knows whole numbers beyond every float, and Python's also NaN and infinity."""

import math
from collections.abc import Mapping

from megatron_qm.json_types import number_of


def finite_of(record: Mapping[str, object], key: str, what: str = "finite number") -> float:
    """what: it is, for messages. Raises ValueError for what is no finite number."""
    value = number_of(record, key)
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{key} is a whole number of {len(str(abs(value)))} digits; at most 308 can be reckoned with") from None
    if not math.isfinite(number):
        raise ValueError(f"{key} = {number} is no {what}")
    return number

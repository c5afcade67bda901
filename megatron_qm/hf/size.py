"""Sizes as people write them."""

import re

from megatron_qm.errors import UserError

_MOST = 1e18
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip


def parse_size(text: str) -> int:
    """Bytes of "5GB" (10^9, as transformers counts), "500MiB", "1000000". Raises UserError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", str(text), re.IGNORECASE)
    size = float(match[1]) * _UNITS.get(match[2].upper(), 0) if match else 0
    if not 1 <= size <= _MOST:
        raise UserError(f"--max-shard-size {text[:60]}: must be a size above 0, such as 5GB, 500MB or 2GiB")
    return int(size)

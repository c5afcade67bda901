"""A dataset of random tokens: drills are about machines, not about medicine."""

from pathlib import Path

import numpy as np

from data_tools.indexed_writer import IndexedWriter

_TOKENS, _DOCUMENT = 200_000, 500


def random_dataset(prefix: Path, size: int) -> str:
    """Write PREFIX.bin and PREFIX.idx with random tokens below `size`; the override that makes it the only source."""
    dtype = np.dtype("<u2" if size <= 1 << 16 else "<i4")
    lengths = np.full(_TOKENS // _DOCUMENT, _DOCUMENT, "<i4")
    writer = IndexedWriter(Path(f"{prefix}.bin"), Path(f"{prefix}.idx"), dtype, 0, 0)
    writer.append(np.random.default_rng(0).integers(0, size, int(lengths.sum())).astype(dtype), lengths)
    writer.finish()
    writer.close()
    return f"data.sources=[{{name: random, prefix: {prefix}}}]"

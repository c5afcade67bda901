"""Tables of names that ship: one thing a line, its name and its other names between bars."""

from pathlib import Path


def read_table(name: str) -> dict[str, tuple[str, ...]]:
    """Each name with its other names."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    rows = [line.strip().split(" | ") for line in lines if line[:1] not in ("", "#")]
    return {name: tuple(others) for name, *others in rows}

"""JSON that somebody might put where something else belongs, for sweeps over the fields of a line."""

import json

from hypothesis import strategies as st

_TEXT = st.text(st.characters(exclude_categories=[]), max_size=12)  # half surrogate pairs among them
_PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT
    | st.sampled_from([10**400, -1, 2**63, 1e308, "", " ", "A", "\0"])
)
VALUES = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4), max_leaves=8
)
_DEEP = st.sampled_from([opened * 3000 + "1" + closed * 3000 for opened, closed in (("[", "]"), ('{"a":', "}"))])
_HALFWAY = st.integers(50, 1500).map(lambda levels: "[" * levels + "]" * levels)
FIELDS = VALUES.map(json.dumps) | _DEEP | _HALFWAY  # as JSON text


@st.composite
def lines(draw: st.DrawFn, good: dict[str, object]) -> bytes:
    """A line in which a field of `good`, one within it, or an unknown one holds what does not belong there; or rubbish."""
    kind = draw(st.sampled_from(["field", "field", "field", "field", "unknown", "missing", "bytes", "cut"]))
    if kind == "bytes":
        return draw(st.binary(max_size=30)).replace(b"\n", b"").replace(b"\r", b"")
    name = draw(st.sampled_from(sorted(good))) if kind != "unknown" else draw(_TEXT)
    row = {key: json.dumps(value) for key, value in good.items() if kind != "missing" or key != name}
    if kind in ("field", "unknown"):
        row[name] = draw(FIELDS)
    line = ("{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in row.items()) + "}").encode()
    return line[: draw(st.integers(0, len(line)))] if kind == "cut" else line

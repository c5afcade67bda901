"""What stands of a log: against a plain account of who said what, drawn afresh."""

from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.align.annotation.verdicts import SAID, Begin, Entry, Standing, Undo, Verdict, entry_of

NAMES, KEYS = ["ann", "ben"], ["k0", "k1", "k2"]


def verdict(number: int, annotator: str, key: str, said: str, time: float = 0.0, note: str = "") -> Verdict:
    return Verdict(f"v{number}", annotator, key, 1, ("a", "b"), said, time, None, note)


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Entry], list[Verdict], list[Verdict]]:
    """(entries, what stands, what was withdrawn): the account is kept while the log is drawn, some lines of which come twice."""
    entries: list[Entry] = [Begin("x", 3, 0, 0.1)]
    standing: list[Verdict] = []
    withdrawn: list[Verdict] = []
    for number in range(draw(st.integers(0, 12))):
        annotator = draw(st.sampled_from(NAMES))
        own = [one for one in standing if one.annotator == annotator]
        step = draw(st.sampled_from(["judge", "undo", "again"]))
        if step == "judge":
            entries.append(verdict(number, annotator, draw(st.sampled_from(KEYS)), draw(st.sampled_from(SAID))))
            standing.append(entries[-1])
        elif step == "undo" and own:
            entries.append(Undo(f"u{number}", annotator, own[-1].id, 0.0))
            standing.remove(own[-1])
            withdrawn.append(own[-1])
        elif step == "again" and len(entries) > 1:
            entries.append(draw(st.sampled_from(entries[1:])))
    return entries, standing, withdrawn


@given(logs())
def test_replay(drawn: tuple[list[Entry], list[Verdict], list[Verdict]]) -> None:
    entries, standing, withdrawn = drawn
    found = Standing(entries)
    assert list(found.verdicts.values()) == standing and found.withdrawn == withdrawn
    for name in NAMES:
        assert found.last_of(name) == next((one for one in reversed(standing) if one.annotator == name), None)
    assert all(found.seen(one.id) == one for one in entries[1:]) and found.seen("never") is None


@given(logs())
def test_lines_are_read_as_they_were_written(drawn: tuple[list[Entry], list[Verdict], list[Verdict]]) -> None:
    assert [entry_of(one.to_json()) for one in drawn[0]] == drawn[0]


def test_what_cannot_be_withdrawn_changes_nothing() -> None:
    found = Standing([verdict(0, "ann", "k0", "a"), Undo("u0", "ann", "v0", 0.0)])
    for undo, why in ((Undo("u1", "ann", "v0", 0.0), "does not stand"), (Undo("u2", "ann", "never", 0.0), "does not stand")):
        assert why in refusal(found, undo)
    found.take(verdict(1, "ann", "k0", "b"))
    assert "a verdict of 'ann'" in refusal(found, Undo("u3", "ben", "v1", 0.0))
    assert list(found.verdicts) == ["v1"] and found.seen("u3") is None


def refusal(standing: Standing, undo: Undo) -> str:
    try:
        standing.take(undo)
    except ValueError as error:
        return str(error)
    raise AssertionError("it was taken")


def test_what_is_no_line_is_refused() -> None:
    good = verdict(0, "ann", "k0", "a").to_json()
    for change, why in (({"kind": "other"}, "kind"), ({"shown": ["a", "a"]}, "no order"), ({"verdict": "c"}, "none of a, b, tie"),
                        ({"reading": 3}, "neither 1 nor 2"), ({"annotator": 1}, "not text"), ({"verdict": ["a"]}, "none of"),
                        ({"time": None}, "not a number"), ({"seconds": "x"}, "not a number")):
        try:
            entry_of({**good, **change})
        except ValueError as error:
            assert why in str(error)
        else:
            raise AssertionError(change)

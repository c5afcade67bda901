"""Which pairs are chosen: against a slow account of the rule, on small sets drawn afresh; and by the verb."""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.align.annotation.selection import Choice, Scores, ranked, selected, shared_out
from tests.align.annotation.cases import read, rows, run, write

margin = st.one_of(st.just(math.nan), st.floats(-5, 5).map(lambda value: round(value, 2)))


@st.composite
def sets(draw: st.DrawFn) -> tuple[Scores, int, int]:
    """(scores, count, seed); values are distinct, so that no lot decides."""
    total = draw(st.integers(1, 24))
    spread = np.arange(total) * 1e-4
    genrm_n, bt_n = (np.array(draw(st.lists(margin, min_size=total, max_size=total))) + spread for _ in range(2))
    similar_n = np.array(draw(st.lists(st.floats(0, 0.9), min_size=total, max_size=total))) + spread
    strata = draw(st.lists(st.sampled_from("xyz"), min_size=total, max_size=total))
    return Scores(genrm_n, bt_n, similar_n, strata), draw(st.integers(1, total)), draw(st.integers(0, 99))


def sized(margins: list[float]) -> list[float]:
    known = [value for value in margins if not math.isnan(value)]
    size = math.sqrt(sum(value * value for value in known) / len(known)) if known else 0.0
    return [value / size if size else value for value in margins]


def by_hand(scores: Scores, members: list[int], wanted: int) -> list[tuple[int, str]]:
    """Of one stratum: look at all that is left, again and again, for the best by each reason in turn."""
    genrm, bt = sized(scores.genrm_n.tolist()), sized(scores.bt_n.tolist())

    def opposed(index: int) -> float | None:
        return min(abs(genrm[index]), abs(bt[index])) if genrm[index] * bt[index] < 0 else None

    def near(index: int) -> float | None:
        return scores.similarity_n[index] if scores.similarity_n[index] >= 0.5 else None

    def small(index: int) -> float:
        return -max([abs(one[index]) for one in (genrm, bt) if not math.isnan(one[index])], default=math.inf)

    left, taken = set(members), []
    while len(taken) < wanted:
        for reason, value in (("disagreement", opposed), ("near a past error", near), ("small margin", small)):
            fitting = [index for index in left if value(index) is not None]
            if fitting and len(taken) < wanted:
                taken.append((max(fitting, key=value), reason))
                left.remove(taken[-1][0])
    return taken


@given(sets())
def test_selection_by_hand(drawn: tuple[Scores, int, int]) -> None:
    scores, count, seed = drawn
    total = len(scores.strata)
    found = selected(scores, count, seed)
    assert len({choice.index for choice in found}) == len(found) == count
    random = {choice.index for choice in found if choice.reason == "random"}
    assert len(random) == math.ceil(count / 10)
    rest = [index for index in range(total) if index not in random]
    for name in sorted(set(scores.strata)):
        members = [index for index in rest if scores.strata[index] == name]
        own = [(choice.index, choice.reason) for choice in found if choice.index in members]
        share = len(members) * (count - len(random)) / len(rest) if rest else 0
        assert abs(len(own) - share) < 1
        if [index for index, reason in by_hand(scores, members, len(own)) if small_ties(scores, index)]:
            continue  # several without any score: the lot decides
        assert sorted(own) == sorted(by_hand(scores, members, len(own)))


def small_ties(scores: Scores, index: int) -> bool:
    return bool(np.isnan(scores.genrm_n[index]) and np.isnan(scores.bt_n[index]))


def test_rankings_by_hand() -> None:
    """In their own sizes (1.87 and 0.90) the margins are 1.60, 0.53, 1.07, 0.05 and 0.11, 1.11, 1.66, 0.11."""
    scores = Scores(np.array([3.0, -1.0, 2.0, 0.1]), np.array([-0.1, 1.0, -1.5, 0.1]), np.array([0.4, 0.5, 0.6, 0.9]), ["x"] * 4)
    orders = {reason: list(order) for reason, order, _ in ranked(scores, 0.5, np.zeros(4))}
    assert orders == {"disagreement": [2, 1, 0], "near a past error": [3, 2, 1], "small margin": [3, 1, 0, 2]}


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.data())
def test_parts_are_in_proportion_and_within_sizes(sizes: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, sum(sizes)))
    parts = shared_out(sizes, count)
    assert sum(parts) == count
    for size, part in zip(sizes, parts, strict=True):
        assert part <= size and abs(part - size * count / max(sum(sizes), 1)) < 1


def drawn_scores(total: int, seed: int) -> Scores:
    draw = np.random.default_rng(seed)
    strata = [str(number % 3) for number in range(total)]
    return Scores(draw.normal(size=total), draw.normal(size=total), draw.random(total), strata)


def test_the_random_tenth_is_drawn_from_all_alike_whatever_their_scores() -> None:
    scores, other = drawn_scores(50, 0), drawn_scores(50, 1)
    counts = Counter[int]()
    for seed in range(2000):
        random = {choice.index for choice in selected(scores, 20, seed) if choice.reason == "random"}
        if seed < 20:
            assert random == {choice.index for choice in selected(other, 20, seed) if choice.reason == "random"}
        counts.update(random)
    assert len(counts) == 50 and all(40 < count < 125 for count in counts.values())  # 80 +- 5 standard deviations


def test_the_same_seed_chooses_the_same_and_the_order_tells_nothing() -> None:
    scores = drawn_scores(400, 0)
    found = selected(scores, 200, 3)
    assert found == selected(scores, 200, 3) and found != selected(scores, 200, 4)
    places = [place for place, choice in enumerate(found) if choice.reason == "random"]
    assert 60 < sum(places) / len(places) < 140
    assert Counter(choice.reason for choice in found)["random"] == 20


def test_scores_of_any_size_and_of_none() -> None:
    zero_n, huge_n = np.zeros(4), np.array([1e300, -1e300, 1e-300, 0.0])
    for genrm_n, bt_n in ((zero_n, zero_n), (huge_n, -huge_n), (zero_n * np.nan, huge_n), (zero_n * np.nan, zero_n * np.nan)):
        assert len(selected(Scores(genrm_n, bt_n, zero_n, ["x"] * 4), 4, 0)) == 4
    with pytest.raises(ValueError, match="5 of 4"):
        selected(Scores(zero_n, zero_n, zero_n, ["x"] * 4), 5, 0)
    (only,) = selected(Scores(zero_n, zero_n, zero_n, ["x"] * 4), 1, 0)
    assert only == Choice(only.index, "random", None)


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pairs = [{**row, "label": "dose" if number % 4 else "icd"} for number, row in enumerate(rows(40))]
    pairs[7] |= {"prompt": "May ibuprofen be taken with lisinopril every day?", "a": "Yes it may.", "b": "No, not every day."}
    error = {**pairs[7], "key": "e", "b": "No, not every single day."}
    margins = [{"key": f"k{number}", "genrm": 2 + number / 40, "bt": 2 - number / 40} for number in range(40)]
    margins[3] |= {"genrm": 3.0, "bt": -3.0}
    margins[5] |= {"genrm": None, "bt": 0.01}
    write(tmp_path / "pairs.jsonl", pairs), write(tmp_path / "errors.jsonl", [error]), write(tmp_path / "margins.jsonl", margins)
    words = ["select", "--pairs", tmp_path / "pairs.jsonl", "--scores", tmp_path / "margins.jsonl", "--errors",
             tmp_path / "errors.jsonl", "--count", 20, "--stratum", "label"]
    assert run(*words, "--output", tmp_path / "one.jsonl") == 0 and "20 of 40 pairs: " in capsys.readouterr().out
    chosen = {row["key"]: row for row in read(tmp_path / "one.jsonl")}
    assert {key: {name: value for name, value in row.items() if name != "selection"} for key, row in chosen.items()} == {
        row["key"]: row for row in pairs if row["key"] in chosen}
    reasons = {key: row["selection"]["reason"] for key, row in chosen.items()}
    assert reasons["k3"] in ("disagreement", "random") and reasons["k7"] in ("near a past error", "random")
    assert reasons["k5"] in ("small margin", "random")
    assert sum(row["selection"]["unbiased"] for row in chosen.values()) == 2 == Counter(reasons.values())["random"]
    assert abs(sum(row["label"] == "icd" for row in chosen.values()) - 5) <= 2
    assert run(*words, "--output", tmp_path / "again.jsonl") == 0
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    assert run(*words, "--without", tmp_path / "one.jsonl", "--output", tmp_path / "two.jsonl") == 0
    assert len(read(tmp_path / "two.jsonl")) == 20 and not {row["key"] for row in read(tmp_path / "two.jsonl")} & set(chosen)


@pytest.mark.parametrize(("margins", "options", "why"), [
    ([{"key": "k0", "genrm": 1, "bt": math.nan}], [], "margins.jsonl:1: bt = nan is no margin"),
    ([{"key": "k0", "genrm": -math.inf, "bt": 0}], [], "margins.jsonl:1: genrm = -inf is no margin"),
    ([{"key": "k0", "genrm": "1", "bt": 0}], [], "genrm = '1' is not a number"),
    ([{"key": "k0", "bt": 0}], [], "lacks genrm"),
    ([{"key": "k0", "genrm": 1, "bt": 0}] * 2, [], "margins.jsonl:2: the key 'k0' was given before"),
    ([{"key": "k1", "genrm": 1, "bt": 0}], [], "2 of 3 pairs have no margins, the first is 'k0'"),
    ([{"key": f"k{number}", "genrm": 1, "bt": 0} for number in range(3)], ["--stratum", "label"], "'k0' has label = None"),
    ([], ["--count", "4"], "--count 4: "),
])
def test_bad_input_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture, margins: list[dict], options: list[str], why: str
) -> None:
    write(tmp_path / "pairs.jsonl", rows(3))
    (tmp_path / "margins.jsonl").write_text("".join(json.dumps(row) + "\n" for row in margins))
    assert run("select", "--pairs", tmp_path / "pairs.jsonl", "--scores", tmp_path / "margins.jsonl", "--count", 2, *options,
               "--output", tmp_path / "out.jsonl") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and why in said and said.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_scores_of_no_pair_are_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Those of pairs that are left out are none of them."""
    alike = {**rows(1)[0], "key": "alike", "a": "so", "b": "so "}
    write(tmp_path / "pairs.jsonl", [*rows(3), alike])
    write(tmp_path / "before.jsonl", [{"key": "k2"}])
    words = ["select", "--pairs", tmp_path / "pairs.jsonl", "--scores", tmp_path / "m.jsonl", "--count", 2, "--output",
             tmp_path / "out.jsonl", "--overwrite", "--without", tmp_path / "before.jsonl"]
    for strangers, told in (([], None), (["k7"], "1 of 5 lines are of no pair"), (["K0", "k7"], "2 of 6 lines are of no pair")):
        keys = [*strangers, "k0", "k1", "k2", "alike"]
        write(tmp_path / "m.jsonl", [{"key": key, "genrm": 1, "bt": 0} for key in keys])
        assert run(*words) == 0
        said = capsys.readouterr().out
        assert told in said and f"the first is {strangers[0]!r}" in said if told else "no pair" not in said


def test_whole_numbers_beyond_all_floats_are_refused_with_their_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write(tmp_path / "pairs.jsonl", rows(1))
    for sign in ("", "-"):
        (tmp_path / "m.jsonl").write_text(f'{{"key": "k0", "genrm": {sign}{"9" * 400}, "bt": 0}}\n')
        assert run("select", "--pairs", tmp_path / "pairs.jsonl", "--scores", tmp_path / "m.jsonl", "--count", 1, "--output",
                   tmp_path / "out.jsonl") == 2
        assert "m.jsonl:1: genrm is a whole number of 400 digits" in capsys.readouterr().err


@pytest.mark.parametrize("same", ["pairs", "scores", "errors", "without"])
@pytest.mark.parametrize("way", ["name", "dots", "symbolic", "hard"])
def test_the_output_is_none_of_the_inputs(tmp_path: Path, capsys: pytest.CaptureFixture, same: str, way: str) -> None:
    files = {name: write(tmp_path / f"{name}.jsonl", rows(2)) for name in ("pairs", "errors", "without")}
    files["scores"] = write(tmp_path / "scores.jsonl", [{"key": f"k{number}", "genrm": 1, "bt": 0} for number in range(2)])
    output = {"name": files[same], "dots": tmp_path / "x" / ".." / files[same].name}.get(way, tmp_path / "link")
    (tmp_path / "x").mkdir()
    if way == "symbolic":
        output.symlink_to(files[same])
    elif way == "hard":
        output.hardlink_to(files[same])
    before = files[same].read_bytes()
    words = [word for name, path in files.items() for word in (f"--{name}", path)]
    assert run("select", *words, "--count", 1, "--output", output) == 2
    said = capsys.readouterr().err
    assert f"--output {output}: is the same file as --{same} {files[same]}" in said and files[same].read_bytes() == before


def test_strata_are_texts(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write(tmp_path / "scores.jsonl", [{"key": f"k{number}", "genrm": 1, "bt": 0} for number in range(2)])
    for level, code in (("3", 0), ("x", 0), (3, 2), (2.5, 2), (True, 2), (["x"], 2)):
        write(tmp_path / "pairs.jsonl", [{**row, "level": level} for row in rows(2)])
        assert run("select", "--pairs", tmp_path / "pairs.jsonl", "--scores", tmp_path / "scores.jsonl", "--count", 1,
                   "--stratum", "level", "--overwrite", "--output", tmp_path / "out.jsonl") == code
        assert code == 0 or f"'k0' has level = {level!r} is not text" in capsys.readouterr().err

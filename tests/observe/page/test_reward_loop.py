"""The page of reward-loop: every number of loop.json on it, nothing where nothing is known, text as text."""

import re
from pathlib import Path

import pytest

from megatron_qm.evals.statistics import wilson_interval
from megatron_qm.observe.reward_loop_page import render_reward_loop


def measured(right: int, n: int) -> dict:
    low, high = wilson_interval(right, n)
    return {"accuracy": right / n if n else None, "low": low, "high": high, "n": n}


def annotator(name: str, number: int) -> dict:
    share = {"part": 40 + number, "total": 80, "low": 0.4, "high": 0.6}
    counts = {"a": 50, "b": 30 + number, "tie": 20, "bad": 0, "skip": 1}
    return {"name": name, "counts": counts, "per_hour": 212.4 if number else None, "first": share,
            "again": {"same": {**share, "part": 0, "total": 0}, "kappa": None}}


def row(number: int, name: str = "ann") -> dict:
    kappa = {"kappa": 0.6 + number / 20, "low": 0.4, "high": 0.9, "n": 20} if number else None
    strata = {name: measured(200 + (25 + at) * number, 400)
              for at, name in enumerate(("phrasings", "diseases", "hard", "hard_diseases"))}
    return {"round": number, "labels": 200 * number, "trained_on": 170 * number,
            "reasons": {"random": 18, "disagreement": 70, "near a past error": 41, "small margin": 60} if number else {},
            "random": measured(30 + 4 * number, 57), "kappa": kappa,
            "held_out": {**measured(860 + 90 * number, 1600), "strata": strata}, "per_point": 35.6 if number else None,
            "annotators": [annotator(name, number), annotator("ben", number)] if number else []}


def found(rounds: int, **changes: object) -> dict:
    rows = [row(number) for number in range(rounds + 1)]
    return {"output": "runs/<i>loop", "rows": rows, "genrm": measured(38, 57), **changes}


def page(tmp_path: Path, told: dict, rounds: int = 3) -> str:
    return render_reward_loop(told, rounds, tmp_path / "loop.html").read_text()


def test_all_that_is_known_is_on_it(tmp_path: Path) -> None:
    source = page(tmp_path, found(3))
    assert '<span class="chip finished">round 3 of 3</span>' in source and "<title>&lt;i&gt;loop</title>" in source
    for text in ("Accuracy, held out", "Accuracy, random tenth", "generative model", "hard_diseases", ">36<",
                 "; 36 for each point",
                 "41 near a past error", "0.75 [0.40 to 0.90], n = 20", "212", "42 of 80", "510 of them trained on"):
        assert text in source, text
    assert len(re.findall(r"<figure", source)) == 3
    assert '<span class="chip running">round 1 of 3</span>' in page(tmp_path, found(1))


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    bare = [{**row(number), "held_out": None, "random": measured(0, 0) if number else None, "kappa": None, "per_point": None,
             "annotators": []} for number in range(2)]
    source = page(tmp_path, found(1, rows=bare, genrm=None))
    assert "<figure" not in source and "NaN" not in source and "held out</h2>" not in source and "Annotators" not in source
    start = page(tmp_path, found(0, rows=bare[:1], genrm=None))
    assert "round 0 of 3" in start and "<figure" not in start


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "&amp;\"'"])
def test_names_are_text(tmp_path: Path, text: str) -> None:
    told = found(1, rows=[row(0), row(1, text)])
    assert text not in page(tmp_path, told).replace("&quot;", "").replace("&#x27;", "")

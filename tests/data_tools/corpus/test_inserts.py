"""Inserts merged: what all say once, what differs with both sources."""

import json
from pathlib import Path

from data_tools.merge_inserts import main


def merge(folder: Path, *rows: object) -> tuple[list[dict], list[dict], list[dict]]:  # type: ignore[type-arg]
    (folder / "in.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    names = [folder / name for name in ("out.jsonl", "conflicts.jsonl", "bad.jsonl")]
    options = ["--output", str(names[0]), "--conflicts", str(names[1]), "--rejects", str(names[2]), "--overwrite"]
    assert main(["--input", str(folder / "in.jsonl"), *options]) == 0
    found = [[json.loads(line) for line in name.read_text(encoding="utf-8").splitlines()] for name in names]
    return found[0], found[1], found[2]


def insert(maker: str, sections: dict[str, str], name: str = "Ibuprofen tablets") -> dict[str, object]:
    return {"generic_name": name, "maker": maker, "sections": sections, "source": maker.lower(), "licence": "CC0"}


def test_the_same_statement_stands_once_and_numbers_that_differ_are_a_conflict(tmp_path: Path) -> None:
    first = insert("A", {"Dose": "Take 200 mg every 6 hours. Do not exceed 1,200 mg a day."})
    other = insert("B", {"Dosage": "take 400 mg every 6 hours.\nDo not exceed 1,200 mg a day"}, "ibuprofen  TABLETS")
    documents, conflicts, bad = merge(tmp_path, first, other, {"generic_name": "x"})
    (document,), (conflict,) = documents, conflicts
    assert document["text"].count("1,200 mg") == 1 and "(A)" in document["text"] and document["type"] == "insert"
    assert (conflict["section"], conflict["what"]) == ("Dosage and administration", "numbers differ")
    assert [(one["makers"], one["sources"]) for one in conflict["values"]] == [
        (["A"], [f"{tmp_path}/in.jsonl:1"]),
        (["B"], [f"{tmp_path}/in.jsonl:2"]),
    ]
    assert [(row["line"], row["reason"]) for row in bad] == [(3, "lacks sections")] and document["source"] == "a; b"


def test_what_one_maker_leaves_out_is_a_conflict_where_silence_is_a_danger(tmp_path: Path) -> None:
    both = {"禁忌": "青霉素过敏者禁用。", "贮藏": "密封保存。"}
    _, conflicts, _ = merge(
        tmp_path,
        insert("甲", {**both, "禁忌": "青霉素过敏者禁用；孕妇禁用。", "贮藏": "密封保存。置阴凉处。"}, "阿莫西林"),
        insert("乙", both, "阿莫西林"),
    )
    (conflict,) = conflicts
    assert (conflict["section"], conflict["what"], conflict["values"][0]["text"]) == ("禁忌", "not said by all", "孕妇禁用")
    assert conflict["silent"] == [{"maker": "乙", "source": f"{tmp_path}/in.jsonl:2"}]


def test_two_doses_of_one_maker_do_not_differ(tmp_path: Path) -> None:
    dose = "Adults take 200 mg. Adults take 400 mg."
    documents, conflicts, _ = merge(tmp_path, insert("A", {"Dosage": dose}), insert("A", {"Dosage": dose}))
    assert not conflicts and set(documents[0]["makers"]) == {"A", "A 2"}
    assert [row["conflicts"] for row in merge(tmp_path, insert("A", {"Dosage": dose}))[0]] == [[]]

"""What the audit turns into attacks: an item with its right answer, a wrong one, and how each is written."""
# ruff: noqa: E501  Chinese characters count twice

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line, raw_lines
from megatron_qm.json_types import check_names, object_of, text_of
from megatron_qm.rewards.references import refusal
from megatron_qm.rewards.registry import SHIPPED, Verifiers
from megatron_qm.rewards.samples import Sample


@dataclass(frozen=True)
class Item:
    """`right` and `wrong`: an answer as prose would say it; `everything`: one that names all there is."""

    verifier: str
    prompt: str
    reference: object
    right: str
    wrong: str
    everything: str
    metadata: Mapping[str, object]


def shipped() -> list[Item]:
    options = [("aspirin", "warfarin", "heparin", "digoxin"), ("肺炎", "哮喘", "肺结核", "肺栓塞"), ("12 mg", "120 mg", "1.2 g", "12 g")]
    items = []
    for texts in options:
        table = dict(zip("ABCD", texts, strict=True))
        for right, wrong in (("A", "B"), ("B", "C"), ("C", "D"), ("D", "A"), ("A/C", "A"), ("B/C/D", "B/C")):
            items.append(Item("exam", "Which? " + " ".join(f"{k}. {v}" for k, v in table.items()), right, right, wrong, "A/B/C/D", {"options": table}))
    codes = ("I21.9", "I10", "J18.9", "K37", "E11.9", "G43.9", "M10.9", "N39.0")
    for at, code in enumerate(codes):
        items.append(Item("diagnosis", "Diagnosis?", code, code, codes[(at + 1) % len(codes)], ", ".join(codes), {}))
    sets = [("amoxicillin", "omeprazole"), ("metformin",), ("布洛芬",), ("aspirin", "clopidogrel"), ("氨氯地平",)]
    every = ", ".join(("warfarin", "digoxin", "heparin", "insulin", "morphine", "diazepam", *(name for one in sets for name in one)))
    for one in sets:
        items.append(Item("drugs", "Drugs?", list(one), ", ".join(one), "warfarin", every, {"contraindicated": ["warfarin"]}))
    sets = [("cbc", "ecg"), ("troponin",), ("血常规", "胸片"), ("gastroscopy",), ("尿常规",)]
    every = ", ".join(("hba1c", "d dimer", "crp", "amylase", "lipase", "bnp", "colonoscopy", *(name for one in sets for name in one)))
    return items + [Item("ordering", "Tests?", list(one), ", ".join(one), "colonoscopy", every, {}) for one in sets]


def read(path: Path, verifiers: Verifiers = SHIPPED) -> list[Item]:
    """JSON lines with the fields of `Item`; `metadata` may be left out. Raises UserError with file and line."""
    items = []
    for number, line in raw_lines(path):
        if line.strip():
            try:
                item = _item(parse_line(line))
                judged_by, metadata = verifiers.admit(item.verifier, item.metadata)
                if why := refusal(Sample(judged_by, item.prompt, "", item.reference, metadata)):
                    raise ValueError(f"no answer could be scored: {why}")
                items.append(item)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}, line {number}: {error}; needed are {', '.join(Item.__annotations__)}") from error
    if not items:
        raise UserError(f"{path} holds no items")
    return items


def _item(row: object) -> Item:
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    row = {"metadata": {}, **row}
    check_names(row, tuple(Item.__annotations__), "theirs")
    if "reference" not in row:
        raise ValueError("lacks reference")
    texts = {name: text_of(row, name) for name in ("verifier", "prompt", "right", "wrong", "everything")}
    return Item(**texts, reference=row["reference"], metadata=object_of(row, "metadata"))

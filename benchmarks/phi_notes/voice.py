"""What a voice of either language does: values drawn from the lists of its folder, and what belongs to one patient."""

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from dates import Days  # isort: skip  (neighbours of this file)
from grammar import Piece  # isort: skip

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
# lists of what looks like PHI and is none, by their slots
TRAPS = {"acute": "acute", "chronic": "chronic", "comorbid": "comorbidities", "device": "devices", "dose": "doses",
         "gene": "genes", "generic": "generic", "germ": "organisms", "grade": "grades", "guide": "guides", "herb": "herbs",
         "lab": "labs", "rate": "rates", "room": "rooms", "scanner": "scanners", "score": "scores", "sign": "signs",
         "span": "spans", "strength": "strengths", "vitals": "vitals", "year": "years"}
MEASURED = ("lab", "vitals")  # shapes
OF_SPECIALTY = {"drug": "drugs", "disease": "diseases", "department": "departments", "icd": "icds"}
_FOR_ANYBODY = ("cardio", "respiratory", "neuro", "digestive", "orthopaedics", "endocrine", "oncology", "head")
_AGES = {"newborn": (0, 0), "child": (1, 13), "woman": (21, 43), "old": (66, 96), "adult": (19, 92)}


@cache
def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


class BaseVoice:
    """A method `slot_x` writes the slot {x}; what stands after the colon is its argument."""

    folder: Path
    labels: dict[str, str]  # the type of PHI of a slot

    def __init__(self, rng: Random, traits: list[str]) -> None:
        self.rng = rng
        self.values = read(self.folder / "values.yaml")
        self.specialties = read(self.folder / "specialties.yaml")
        self.age = rng.randint(*_AGES[next((trait for trait in traits if trait in _AGES), "adult")])
        self.male = "woman" not in traits and self.often(0.5)
        self.specialty = next((trait for trait in traits if trait in self.specialties), "") or rng.choice(_FOR_ANYBODY)
        self.days = Days(rng, self.age)

    def piece(self, slot: str) -> Piece:
        name, _, form = slot.partition(":")
        if name in TRAPS:
            return Piece(self.shaped(TRAPS[name]) if name in MEASURED else self.one(TRAPS[name]), trap=name)
        if name in OF_SPECIALTY:
            specialty = self.rng.choice(_FOR_ANYBODY) if form == "other" else self.specialty
            return Piece(self.rng.choice(self.specialties[specialty][OF_SPECIALTY[name]]), trap=name)
        trap = name if name in ("bp", "size") else ""
        return Piece(getattr(self, f"slot_{name}")(form), self.labels.get(name, ""), trap)

    def one(self, name: str) -> str:
        return self.rng.choice(self.values[name])

    def often(self, share: float) -> bool:
        return self.rng.random() < share

    def shaped(self, name: str, **parts: str) -> str:
        """One of the shapes of that name: # is a digit, ~ one from 2 to 9, @ a letter, {x} a part."""
        drawn = {"#": "0123456789", "~": "23456789", "@": LETTERS}
        shape = "".join(self.rng.choice(drawn[mark]) if mark in drawn else mark for mark in self.one(name))
        first = self.days.first
        return shape.format(year=first.year, yy=f"{first:%y}", ymd=f"{first:%Y%m%d}", **parts)

    def slot_complaint(self, _: str) -> str:
        return self.rng.choice(self.specialties[self.specialty]["complaints"])

    def slot_bp(self, _: str) -> str:
        return f"{self.rng.randint(98, 178)}/{self.rng.randint(56, 104)}"

    def slot_size(self, _: str) -> str:
        return self.shaped("sizes", a=f"{self.rng.randint(5, 48) / 10}", b=f"{self.rng.randint(5, 32) / 10}")

    def slot_n(self, form: str) -> str:
        low, high = form.split("-")
        return str(self.rng.randint(int(low), int(high)))

    def slot_stay(self, _: str) -> str:
        return str((self.days.day("end") - self.days.first).days)

    def slot_weight(self, _: str) -> str:
        return str(self.rng.randint(7, 11) + 2 * self.age if self.age < 14 else self.rng.randint(43, 104))

    def slot_passport(self, _: str) -> str:
        return self.shaped("passports")

    def slot_exam(self, _: str) -> str:
        return self.shaped("exams")

    def slot_path(self, _: str) -> str:
        return self.shaped("paths")

    def hour_and_minute(self, form: str) -> tuple[int, int]:
        hours = {"day": (9, 16), "early": (6, 9), "late": (10, 17)}.get(form, (0, 23))
        return self.rng.randint(*hours), self.rng.randint(0, 59)

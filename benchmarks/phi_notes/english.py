"""Values of an English note, American or (trait `uk`) British."""

import unicodedata
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

import check_digits  # isort: skip  (neighbours of this file)
from voice import LETTERS, BaseVoice  # isort: skip

_WORDS = {"911": ("911", "999"), "lot": ("ED lot", "short stay car park"), "licence": ("Driver's license", "Driving licence"),
          "MRN": ("MRN", "hosp no"), "tag": ("tag", "reg")}
_CARDS = ("4", "4", "4", "51", "53", "55", "37", "34", "6011")  # Visa, Mastercard, American Express, Discover


@dataclass(frozen=True)
class Place:
    town: str
    state: str
    post: str  # how its postal codes begin
    codes: tuple[str, ...]
    county: str


@dataclass(frozen=True)
class Person:
    first: str
    last: str
    middle: str = ""
    suffix: str = ""


class English(BaseVoice):
    folder = Path(__file__).parent / "en"
    labels = {"patient": "NAME", "doctor": "NAME", "doctor2": "NAME", "doctor3": "NAME", "nurse": "NAME", "relative": "NAME",
              "relative2": "NAME", "person": "NAME", "address": "ADDRESS", "town": "ADDRESS", "hospital": "HOSPITAL",
              "phone": "PHONE", "pager": "PHONE", "id": "ID", "policy": "ID", "licence": "ID", "passport": "ID", "date": "DATE",
              "day": "DATE", "month": "DATE", "mrn": "MRN", "exam": "MRN", "path": "MRN", "account": "MRN", "email": "EMAIL",
              "plate": "PLATE", "bank": "BANK"}

    def __init__(self, rng: Random, traits: list[str]) -> None:
        super().__init__(rng, traits)
        self.uk = "uk" in traits
        self.place = self._new_place()
        self._people: dict[str, Person] = {}
        self._hospital = self._new_hospital(0.92)
        self._form = rng.choice("sSwWid" if self.uk else "sSStwwiod")
        self._title = "Mr" if self.male else rng.choice(("Mrs", "Ms", "Miss"))

    def _here(self, name: str, **parts: str) -> str:
        """Of the list of that name for this side of the ocean."""
        return self.shaped(f"{'uk' if self.uk else 'us'}_{name}", **parts)

    # people

    def _new_person(self, last: str, male: bool) -> Person:
        names = self.values["names"]
        origin = names["british" if self.uk and self.often(0.35) else self.rng.choice(list(names))]
        middle = self.rng.choice(LETTERS) if self.often(0.25) else ""
        suffix = self.rng.choice(("Jr", "Sr", "III", "II")) if male and self.often(0.05) else ""
        return Person(self.rng.choice(origin["m" if male else "f"]), last or self.rng.choice(origin["s"]), middle, suffix)

    def _person(self, role: str, form: str = "") -> Person:
        if role not in self._people:
            family = self._person("patient").last if role.startswith("relative") and self.often(0.6) else ""
            by_chance = self.often(0.15 if role == "nurse" else 0.5)
            self._people[role] = self._new_person(family, self.male if role == "patient" else _sex_in(form, by_chance))
        return self._people[role]

    def _named(self, person: Person, form: str) -> str:
        if form in ("sur", "fsur"):
            return person.last
        if form in ("first", "m1", "f1"):
            return person.first
        if form == "initial":
            return f"{person.first[0]}{'.' if self.often(0.7) else ''} {person.last}"
        if form == "last":  # as on a form
            plain = f"{person.last}, {person.first}"
            return self.rng.choice((plain, plain, f"{plain} {person.middle}".strip(), f"{person.last},{person.first}",
                                    f"{person.last.upper()}, {person.first}", f"{person.last.upper()} {person.first}"))
        middle = f" {person.middle}." if person.middle else ""
        return f"{person.first}{middle} {person.last} {person.suffix}".strip()

    def slot_patient(self, form: str) -> str:
        return self._named(self._person("patient"), form)

    def slot_doctor(self, form: str) -> str:
        return self._named(self._person("doctor"), form)

    def slot_doctor2(self, form: str) -> str:
        return self._named(self._person("doctor2"), form)

    def slot_doctor3(self, form: str) -> str:
        return self._named(self._person("doctor3"), form)

    def slot_nurse(self, form: str) -> str:
        return self._named(self._person("nurse"), form)

    def slot_relative(self, form: str) -> str:
        return self._named(self._person("relative", form), form)

    def slot_relative2(self, form: str) -> str:
        return self._named(self._person("relative2", form), form)

    def slot_person(self, form: str) -> str:
        """Somebody new each time."""
        if form == "nick":
            return self.one("nicknames_m" if self.male else "nicknames_f")
        return self._named(self._new_person("", _sex_in(form, self.often(0.5))), form)

    # places

    def _new_place(self) -> Place:
        if self.uk:
            town, area, code = self.rng.choice(self.values["uk_places"])
            return Place(town, "", area, (code,), "")
        town, state, post, codes, county = self.rng.choice(self.values["us_places"])
        return Place(town, state, post, tuple(str(codes).split()), county)

    def slot_address(self, _: str) -> str:
        place = self.place if self.often(0.75) else self._new_place()
        gap = self.rng.choice((", ", ", ", ", ", " ", "\n"))
        number = self.rng.randint(1, 180 if self.uk else 9899)
        if self.uk:
            house = self.one("uk_houses") + ", " if self.often(0.3) else ""
            post = gap + self.shaped("uk_postcodes", area=place.post) if self.often(0.75) else ""
            return f"{house}{number} {self.one('uk_streets')}{gap}{place.town}{post}"
        street = self.shaped("streets_with_flat", street=f"{number} {self.one('us_streets')}", n=self.slot_n("1-60"))
        post = f" {place.post}{self.slot_n('10-99')}" + (f"-{self.slot_n('1000-9999')}" if self.often(0.1) else "")
        return f"{street}{gap}{place.town}, {place.state}{post if self.often(0.8) else ''}" if self.often(0.85) else street

    def slot_town(self, _: str) -> str:
        place = self._new_place()
        return place.town if self.uk or self.often(0.3) else f"{place.town}, {place.state}"

    def slot_hospital(self, form: str) -> str:
        if form in ("short", "home", "clinic"):
            return self._here({"short": "short", "home": "homes", "clinic": "clinics"}[form])
        return self._new_hospital() if form == "other" else self._hospital

    def _new_hospital(self, size: float = 1.0) -> str:
        """The smaller the size, the fewer of the small ones."""
        place, drawn = self.place if self.often(0.6) else self._new_place(), self.rng.random() * size
        if drawn < 0.3:
            return self._here("hospitals")
        if drawn > 0.92:
            return self._here("clinics")
        if self.uk:
            return self._here("towns", town=place.town)
        if drawn < 0.5:
            return f"{self.one('saints')} {self.one('us_kinds')}"
        return self._here("counties", county=place.county) if drawn < 0.66 else f"{place.town} {self.one('us_kinds')}"

    # numbers

    def slot_phone(self, _: str) -> str:
        if self.often(0.06):
            return self.shaped("abroad")
        code = self.rng.choice(self.place.codes)
        if not self.uk:
            return self._here("phones", code=code) + self._here("extensions")
        if self.often(0.5):
            return self._here("mobiles")
        return self._here("phones", code=code, abroad=code[1:], n=self.shaped(f"uk_local_{len(code)}"))

    def slot_pager(self, _: str) -> str:
        return self._here("pagers")

    def slot_id(self, _: str) -> str:
        """A Social Security number, or an NHS number."""
        gap, number = self._here("id_gaps"), None
        if not self.uk:
            area, group, serial = self.rng.randint(1, 665), self.rng.randint(1, 99), self.rng.randint(1, 9999)
            return gap.join((f"{area:03}", f"{group:02}", f"{serial:04}"))
        while number is None:
            number = check_digits.nhs_number(self.rng.choice("46") + f"{self.rng.randrange(10 ** 8):08}")
        return gap.join((number[:3], number[3:6], number[6:]))

    def slot_policy(self, _: str) -> str:
        """A member of an insurance, or a National Insurance number."""
        prefix = self.rng.choice("ABCEHJKLMNPRSTWXYZ") + self.rng.choice("ABCEGHJKLMNPRSTWXYZ")
        return self._here("policies", prefix=prefix, suffix=self.rng.choice("ABCD"))

    def slot_licence(self, _: str) -> str:
        return self.shaped("licences")

    def slot_mrn(self, _: str) -> str:
        return self.shaped("mrns")

    def slot_account(self, _: str) -> str:
        return self.shaped("accounts")

    def slot_email(self, role: str) -> str:
        person = self._person(role or "patient") if self.often(0.6) else self._new_person("", self.often(0.5))
        first, last = _ascii(person.first), _ascii(person.last)
        local = self.shaped("mails", first=first, last=last, f=first[0], First=first.title(), Last=last.title())
        return local + "@" + self._here("mail")

    def slot_plate(self, _: str) -> str:
        return self._here("plates")

    def slot_bank(self, _: str) -> str:
        head = self.rng.choice(_CARDS)
        parts = (4, 10, 15) if head in ("37", "34") else (4, 8, 12, 16)
        number = check_digits.luhn(head + "".join(self.rng.choice("0123456789") for _ in range(parts[-1] - 1 - len(head))))
        return self.rng.choice((" ", " ", "-", "")).join(number[a:b] for a, b in zip((0, *parts), parts, strict=False))

    # days

    def slot_date(self, kind: str) -> str:
        return self._spelled(self.days.day(kind), self.rng.choice("sStwWiod") if self.often(0.12) else self._form)

    def _spelled(self, day: date, form: str) -> str:
        d, m, y = day.day, day.month, day.year
        a, b = (d, m) if self.uk else (m, d)
        month = f"{day:%B}" if form in "wo" else f"{day:%b}"
        if form in "wWo":
            day_of = f"{d}{_ordinal(d)}" if form == "o" else str(d)
            return f"{day_of} {month} {y}" if self.uk else f"{month} {day_of}, {y}"
        return {"s": f"{a:02}/{b:02}/{y}", "S": f"{a}/{b}/{y % 100:02}", "t": f"{a:02}-{b:02}-{y}", "i": f"{day:%Y-%m-%d}",
                "d": f"{d:02}-{month}-{y}" if self.often(0.7) else f"{a:02}.{b:02}.{y % 100:02}"}[form]

    def slot_day(self, kind: str) -> str:
        """In running text: as often without its year."""
        day = self.days.day(kind)
        if self.often(0.45):
            return self.slot_date(kind)
        d, m = day.day, day.month
        british = (f"{d} {day:%B}", f"{d}{_ordinal(d)} {day:%B}", f"{d} {day:%b}", f"{d}/{m}", f"{d}{_ordinal(d)} of {day:%B}")
        american = (f"{day:%B} {d}", f"{day:%B} {d}", f"{day:%b} {d}", f"{m}/{d}", f"{day:%B} {d}{_ordinal(d)}", f"{d} {day:%b}")
        return self.rng.choice(british if self.uk else american)

    def slot_month(self, kind: str) -> str:
        day = self.days.day(kind)
        return self.rng.choice((f"{day:%B %Y}", f"{day:%B %Y}", f"{day:%b %Y}", f"{day:%m/%Y}", f"{day.month}/{day:%y}",
                                f"{day:%B} of {day.year}", self.slot_date(kind)))

    # what is no PHI

    def slot_time(self, form: str) -> str:
        hour, minute = self.hour_and_minute(form)
        half = "AM" if hour < 12 else "PM"
        clock = f"{hour % 12 or 12}:{minute:02}"
        return self.rng.choice((f"{hour:02}:{minute:02}", f"{hour:02}{minute:02}", f"{clock} {half.lower()}", f"{clock} {half}"))

    def slot_weekday(self, _: str) -> str:
        return self.rng.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))

    def slot_id_kind(self, _: str) -> str:
        return "NHS number" if self.uk else self.rng.choice(("SSN", "SSN:", "SS#", "Social security number"))

    def slot_policy_kind(self, _: str) -> str:
        return "NI number" if self.uk else self.rng.choice(("Member ID", "Medicare no.", "Policy #", "Medicaid ID", "Ins ID:"))

    def slot_word(self, form: str) -> str:
        """As one says it on this side of the ocean."""
        return _WORDS[form][self.uk]

    def slot_Mr(self, _: str) -> str:
        return self._title if self.uk or self._title == "Miss" else self._title + "."

    def slot_Dr(self, _: str) -> str:
        return "Dr" if self.uk else "Dr."

    def slot_age(self, _: str) -> str:
        return str(self.age)

    def slot_sex(self, form: str) -> str:
        return ("M" if self.male else "F") if form else "male" if self.male else "female"

    def slot_man(self, _: str) -> str:
        return ("boy" if self.male else "girl") if self.age < 14 else "man" if self.male else "woman"

    def slot_he(self, _: str) -> str:
        return "he" if self.male else "she"

    def slot_He(self, _: str) -> str:
        return "He" if self.male else "She"

    def slot_his(self, _: str) -> str:
        return "his" if self.male else "her"

    def slot_His(self, _: str) -> str:
        return "His" if self.male else "Her"

    def slot_him(self, _: str) -> str:
        return "him" if self.male else "her"


def _sex_in(form: str, otherwise: bool) -> bool:
    """Whether the form asks for a man: m, f, m1 and f1 (the first name), fsur (the surname)."""
    return form[0] == "m" if form in ("m", "f", "m1", "f1", "fsur") else otherwise


def _ordinal(number: int) -> str:
    return "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _ascii(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", name).lower() if letter.isascii() and letter.isalpha())

"""Values of a Chinese note."""
# ruff: noqa: E501  Chinese characters count twice

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from random import Random

import check_digits  # isort: skip  (neighbours of this file)
from voice import BaseVoice  # isort: skip

FOLDER = Path(__file__).parent / "zh"
_FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
_CARDS = (("622202", 19), ("621700", 19), ("622848", 19), ("621661", 19), ("622588", 16), ("436742", 16), ("621799", 19),
          ("622260", 17), ("625911", 16))  # the first digits of a bank, and how long its numbers are


@dataclass(frozen=True)
class Place:
    province: str
    city: str  # empty for a municipality
    plate: str
    area: str
    region: str
    districts: tuple[str, ...]

    @property
    def short_province(self) -> str:
        """As it is spoken: 新疆, 河北."""
        return re.sub("(省|市|壮族自治区|回族自治区|维吾尔自治区|自治区)$", "", self.province)


@cache
def places() -> list[Place]:
    rows = [line.split() for line in (FOLDER / "places.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    return [Place(row[0], row[1].strip("-"), row[2], row[3], row[4], tuple(row[5:])) for row in rows]


@dataclass(frozen=True)
class Person:
    surname: str  # empty for a name that has none
    name: str


class Chinese(BaseVoice):
    folder = FOLDER
    labels = {"patient": "NAME", "doctor": "NAME", "doctor2": "NAME", "doctor3": "NAME", "nurse": "NAME", "relative": "NAME",
              "relative2": "NAME", "father": "NAME", "person": "NAME", "address": "ADDRESS", "native": "ADDRESS", "hospital": "HOSPITAL",
              "phone": "PHONE", "landline": "PHONE", "id": "ID", "passport": "ID", "insurance": "ID", "date": "DATE",
              "day": "DATE", "month": "DATE", "mrn": "MRN", "exam": "MRN", "path": "MRN", "sample": "MRN", "email": "EMAIL",
              "plate": "PLATE", "bank": "BANK"}

    def __init__(self, rng: Random, traits: list[str]) -> None:
        super().__init__(rng, traits)
        self.place = rng.choice(places())
        self._people: dict[str, Person] = {}
        self._hospital = self._new_hospital(0.75)
        self._form = rng.choice(("年", "年", "-", "-", "/", ".", "年0", " 年"))
        self._full_width = self.often(0.04)

    def _shown(self, text: str) -> str:
        return text.translate(_FULL_WIDTH) if self._full_width else text

    # people

    def _surname(self) -> str:
        drawn = self.rng.random()
        return self.one("surnames_common" if drawn < 0.72 else "surnames_rare" if drawn < 0.92 else "surnames_compound")

    def _new_person(self, surname: str, male: bool, age: int) -> Person:
        sex = "m" if male else "f"
        if not surname and self.often(0.06):
            return Person("", self.one(f"{'minority' if self.often(0.6) else 'foreign'}_{sex}"))
        surname = surname or self._surname()
        given = self.one("given_child" if age < 14 else f"given_{sex}_old" if age > 58 else f"given_{sex}")
        if 14 <= age <= 58 and self.often(0.5):
            given = given[0] + self.one(f"given_{sex}")[-1]
        return Person(surname, surname + given)

    def _person(self, role: str, form: str) -> Person:
        if role not in self._people:
            of_family = role == "father" or role.startswith("relative") and self.often(0.6)
            family = self._person("patient", "").surname if of_family else ""
            by_chance = self.often(0.1 if role == "nurse" else 0.5)
            male = self.male if role == "patient" else form == "m" if form in ("m", "f", "fsur") else by_chance
            self._people[role] = self._new_person(family, male, self.age if role == "patient" else self.rng.randint(26, 62))
        return self._people[role]

    def _named(self, role: str, form: str) -> str:
        person = self._person(role, form)
        if form in ("sur", "fsur"):
            return person.surname or person.name
        if form == "wide" and len(person.name) == 2:  # as long as a name of three
            return person.name[0] + self.rng.choice(("　", " ", "  ")) + person.name[1]
        return person.name

    def slot_patient(self, form: str) -> str:
        return self._named("patient", form)

    def slot_doctor(self, form: str) -> str:
        return self._named("doctor", form)

    def slot_doctor2(self, form: str) -> str:
        return self._named("doctor2", form)

    def slot_doctor3(self, form: str) -> str:
        return self._named("doctor3", form)

    def slot_nurse(self, form: str) -> str:
        return self._named("nurse", form)

    def slot_relative(self, form: str) -> str:
        return self._named("relative", form)

    def slot_relative2(self, form: str) -> str:
        return self._named("relative2", form)

    def slot_father(self, _: str) -> str:
        return self._named("father", "m")

    def slot_person(self, form: str) -> str:
        """Somebody new each time."""
        if form in ("nick", "foreign"):
            return self.one("nicknames" if form == "nick" else self.rng.choice(("foreign_m", "foreign_f")))
        person = self._new_person("", self.often(0.5), self.rng.randint(5, 80))
        return person.surname or person.name if form == "sur" else person.name

    # places

    def slot_address(self, form: str) -> str:
        place, drawn = self.place if self.often(0.7) else self.rng.choice(places()), self.rng.random()
        province = "" if drawn < 0.2 and place.city else place.short_province if drawn < 0.3 else place.province
        head = "" if drawn > 0.9 else province + place.city
        district = self.rng.choice(place.districts)
        if form == "city" or self.often(0.65):
            return self._shown(head + district + self._in_a_street())
        town = "" if district.endswith("镇") else self.one("towns")
        return self._shown(head + district + town + self.one("villages") + self.one("groups"))

    def _in_a_street(self) -> str:
        drawn, number = self.rng.random(), f"{self.rng.randint(1, 399)}号" + ("院" if self.often(0.15) else "")
        flat = self.shaped("flats", building=self.slot_n("1-28"), stair=self.slot_n("1-4"), room=f"{self.slot_n('1-24')}0{self.slot_n('1-8')}")
        flat = flat.replace("＃", "#")
        if drawn < 0.45:
            return self.one("streets") + number + self.one("compounds") + flat
        return self.one("streets") + number if drawn < 0.75 else self.one("compounds") + flat

    def slot_native(self, _: str) -> str:
        """Where somebody comes from: never a province alone."""
        place = self.rng.choice(places())
        district = self.rng.choice(place.districts)
        if not place.city:
            return place.province + district
        return self.rng.choice((place.province + place.city, place.province + district, place.short_province + place.city.removesuffix("市"),
                                place.city, place.province + place.city + district))

    def slot_hospital(self, form: str) -> str:
        if form == "short":
            return self.one("short_hospitals")
        return self._new_hospital() if form == "other" else self._hospital

    def _new_hospital(self, size: float = 1.0) -> str:
        """The smaller the size, the fewer of the small ones."""
        place, drawn = self.place if self.often(0.6) else self.rng.choice(places()), self.rng.random() * size
        district, city = self.rng.choice(place.districts), place.city or place.province
        if drawn < 0.2:
            return self.one("famous_hospitals")
        if drawn < 0.5:
            return city + self.one("city_hospitals")
        if drawn < 0.75:
            county = district + self.one("county_hospitals")
            return city + county if district.endswith(("区", "镇")) or self.often(0.3) else county
        if drawn < 0.87:
            return city.removesuffix("市") + self.one("private_hospitals")
        town = "" if district.endswith("镇") else self.one("towns")
        return district + town + self.rng.choice(("卫生院", "中心卫生院", "社区卫生服务中心"))

    # numbers

    def slot_phone(self, _: str) -> str:
        return self.slot_landline("") if self.often(0.15) else self._shown(self.shaped("mobiles", m=self.rng.choice("3578")))

    def slot_landline(self, _: str) -> str:
        area = self.place.area
        number = self.shaped("local_8" if len(area) == 3 or self.often(0.3) else "local_6")
        return self.shaped("landlines", area=area, abroad=area[1:], n=number) + self.shaped("extensions")

    def slot_id(self, form: str) -> str:
        birth = date(self.rng.randint(1945, 1999), self.rng.randint(1, 12), self.rng.randint(1, 28)) if form else self.days.birth
        number = check_digits.resident_id(f"{self.rng.choice(places()).region}{birth:%Y%m%d}{self.rng.randrange(1000):03}")
        gap = self.rng.choice(("",) * 16 + (" ", " ", "-"))
        number = gap.join((number[:6], number[6:14], number[14:]))
        return self._shown(number.lower() if self.often(0.3) else number)

    def slot_insurance(self, _: str) -> str:
        return self.shaped("insurances", region=self.place.region)

    def slot_mrn(self, _: str) -> str:
        return self._shown(self.shaped("mrns"))

    def slot_sample(self, _: str) -> str:
        return self.shaped("samples")

    def slot_email(self, _: str) -> str:
        first, last = self.one("pinyin_given"), self.one("pinyin")
        local = self.shaped("mails", first=first, last=last, Last=last.title())
        return local + ("＠" if self._full_width else "@") + self.one("mail_hosts")

    def slot_plate(self, _: str) -> str:
        head = self.place.plate if len(self.place.plate) == 2 else self.place.plate + self.rng.choice("ABCDEFGHKLMNPQ")
        return self.shaped("plates", head=head)

    def slot_bank(self, _: str) -> str:
        head, length = self.rng.choice(_CARDS)
        body = head + "".join(self.rng.choice("0123456789") for _ in range(length - 1 - len(head)))
        number = check_digits.luhn(body)
        return self._shown(" ".join(number[i:i + 4] for i in range(0, length, 4)) if self.often(0.4) else number)

    # days

    def slot_date(self, kind: str) -> str:
        form = self.rng.choice(("8", "汉", "23年", "/", "年", ".")) if self.often(0.12) else self._form
        return self._shown(_spelled(self.days.day(kind), form))

    def slot_day(self, kind: str) -> str:
        """In running text: as often without its year."""
        day = self.days.day(kind)
        if self.often(0.45):
            return self.slot_date(kind)
        plain = f"{day.month}月{day.day}日"
        return self.rng.choice((plain, plain, plain, f"{day.month}月{day.day}号", f"{day:%m-%d}", f"{day:%m月%d日}",
                                f"{_chinese(day.month)}月{_chinese(day.day)}日", f"{day.month} 月 {day.day} 日"))

    def slot_month(self, kind: str) -> str:
        day = self.days.day(kind)
        plain = f"{day.year}年{day.month}月"
        return self.rng.choice((plain, plain, f"{day:%Y-%m}", f"{day:%Y.%m}", f"{plain}{day.day}日", f"{day.year}/{day.month}", f"{plain}份"))

    # what is no PHI

    def slot_time(self, form: str) -> str:
        hour, minute = self.hour_and_minute(form)
        return self.rng.choice((f"{hour:02}:{minute:02}", f"{hour}:{minute:02}", f"{hour}时{minute:02}分", f"{hour:02}：{minute:02}"))

    def slot_sex(self, _: str) -> str:
        return "男" if self.male else "女"

    def slot_he(self, _: str) -> str:
        return "他" if self.male else "她"

    def slot_sir(self, _: str) -> str:
        return "先生" if self.male else "女士"

    def slot_age(self, _: str) -> str:
        return f"{self.age}岁" if self.age else f"{self.rng.randint(1, 27)}天"

    def slot_nation(self, _: str) -> str:
        return self.one("nations")

    def slot_job(self, _: str) -> str:
        if self.age < 16:
            return "散居儿童" if self.age < 4 else "幼托儿童" if self.age < 7 else "学生"
        return self.rng.choice(("退休", "农民", "退休教师", "无")) if self.age > 64 else self.one("jobs")


def _spelled(day: date, form: str) -> str:
    y, m, d = day.year, day.month, day.day
    year = "".join("〇一二三四五六七八九"[int(digit)] for digit in str(y))
    return {"年": f"{y}年{m}月{d}日", "-": f"{day:%Y-%m-%d}", "/": f"{y}/{m}/{d}", ".": f"{day:%Y.%m.%d}", "年0": f"{day:%Y年%m月%d日}",
            " 年": f"{y} 年 {m} 月 {d} 日", "8": f"{day:%Y%m%d}", "23年": f"{y % 100:02}年{m}月{d}日",
            "汉": f"{year}年{_chinese(m)}月{_chinese(d)}日"}[form]


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ("" if not tens else "十" if tens == 1 else "一二三"[tens - 1] + "十") + ("" if not ones else "一二三四五六七八九"[ones - 1])

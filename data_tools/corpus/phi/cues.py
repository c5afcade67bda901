"""The words before a number that say what it is."""

import re
from functools import lru_cache
from typing import NamedTuple

_MRN_ZH = (
    r"(?:住院|门诊|病案|病历|病例|就诊|诊疗|登记|检验|检查|影像|放射|病理|标本|样本|送检|超声|[Bb]超|彩超|CT片?|MRI?|DR|X[线光"
    r"]片?|片|内镜|胃镜|肠镜|心电图?|脑电图?|急诊"
    r"|流水|申请|申请单|处方|病人|患者|档案|健康档案|体检|报告|报告单|医嘱|化验单?|检验单|血样|PACS|HIS|LIS|系统|建档|随访|挂"
    r"号|手术|床头|入院|试管|受试者|筛选|入组|科研|免疫组化|切片"
    r"|母亲?住院|新生儿住院|住院病案|住院病历|门诊病历|门急诊|住院流水|检查流水)(?:登记|流水)?(?:号码?|编号|ID号?|卡号|序号|码"
    r")|(?:条码|条形码|病人|患者)(?:号|ID)|诊疗卡|就诊卡|就诊卡号|ID号?"
    r"|No[.．]?"
)
_ID_ZH = (
    r"(?:居民)?身份证(?:件)?(?:号码?|编号)?(?:[后末][四六46]位(?:数)?)?|证件(?:号码?|编号)?|公民身份号码?|(?:医保|社保|社会保"
    r"障|医疗保险|农合|新农合|合作医疗|市民|老年|残疾|优抚|居住|居留)"
    r"(?:卡|证)?(?:号码?|编号|电脑号|个人编号)?|个人编号|护照(?:号码?)?|(?:港澳|往来港澳|台湾|大陆|来往大陆)?(?:居民)?(?:来往"
    r"内地)?通行证(?:号码?)?|台胞证(?:号码?)?|回乡证(?:号码?)?"
    r"|军官证(?:号码?)?|士兵证(?:号码?)?|警官证(?:号码?)?|军字第|驾驶证(?:号码?)?"
    r"|驾照(?:号码?)?|档案编号|(?:出生(?:医学)?证明?|医师|执业|资格|护士|医师执业|医师资格|护士执业)(?:证书?)?(?:号码?|编号)"
    r"|工号|学号|职工号|员工号|户口[簿本]号?|户号|保单号?|微信(?:号|ID)"
    r"?|QQ号?码?|[Qq][Qq]|WeChat"
)
_PHONE_ZH = (
    r"(?:联系|家庭|手机|办公|固定|移动|住宅|单位|家属|本人|咨询|急救|紧急联系|联系人|亲属|监护人|其[子女夫妻]|随访|值班)?(?:电"
    r"话|座机)(?:号码?)?|手机号?码?|移动电话|联系方式|传真(?:号码?)?|热线"
    r"|分机号?|内线|短号|拨打|致电|来电|号码"
)
_BANK_ZH = (
    r"(?:银行|储蓄|信用|借记|医保银行|工资|贷记|退款|报销|社保银行)卡?(?:卡号|账号|帐号|账户|帐户|号码?|卡)|卡号|账号|帐号|账"
    r"户|帐户|卡?尾号|(?:工|农|建|中|招|交)行卡?"
)
_PLATE_ZH = r"车牌号?码?|号牌"
_NO = r"(?: ?(?:numbers?|nos?\.?|num\.?|#|id(?:entifier)?|code))"
_MRN_EN = (
    rf"(?:mrn|mr|m\.r\.n?\.?){_NO}?|(?:medical|med\.?|hospital|clinic|patient|health) ?rec(?:ord)?s?\.?{_NO}?|chart{_NO}?"
    rf"|(?:hospital|hosp|unit|patient|pt|visit|case|record|study|subject|order"
    rf"|requisition|sample|lab|specimen|admission|accession|encounter|account|acct\.?|registration|film|exam|report|episode"
    rf"|barcode|document|file|pathology|slide|participant|procedure|clinic|radiology|imaging|bed|tracking|contact|inpatient"
    rf"|outpatient|emergency|episode){_NO}"
    r"|accession|encounter|specimen|csn|fin|har|emr|ehr|barcode|hosp|acct\.?|account"
)
_ID_EN = (
    rf"rx id|(?:driving |driver'?s? )?licen[sc]e|(?:ssn|s\.s\.n\.?|ss|social security|social sec|social){_NO}?|(?:insurance"
    rf"|member(?:ship)?|subscriber|policy(?: "
    rf"?holder)?|group|plan|medicare|medicaid|npi|dea|passport|nhs|nino|ni|national insurance"
    rf"|national|employee|staff|badge|beneficiary|claim|certificate|vin|serial|device|health card|health plan|hicn?|ohip|mbi"
    rf"|payer|payor|tax|student|military|veteran|va|payer|license|licence"
    rf"|driver'?s?’?s? licen[sc]e|dl|medical licen[sc]e|state licen[sc]e|licen[sc]e|birth certificate|blue cross|aetna|cigna"
    rf"|humana|government|photo|state|visa|resident|alien|enrollee|enrolment|implant|pacemaker|lot|prior auth(?:orization)?"
    rf"|authorization|tricare){_NO}"
    r"|ssn|social security|npi|dea|passport|nhs|nino|vin|mbi|hicn|driver'?s licen[sc]e|ss#|last (?:four|4)(?: digits)?(?: of)"
    r"?(?: (?:his|her|the|their))?(?: (?:ssn|social))?"
)
_WEAK_EN = r"(?:qq|wechat|id|medicare|medicaid|member|policy|subscriber|insurance) ?#?"
_PHONE_EN = (
    rf"(?:tel(?:ephone)?\.?|phone|ph\.?|cell(?: ?phone)?|mobile|fax|facsimile|pager|page|beeper|bleep|extension|ext\.?"
    rf"|voicemail"
    rf"|landline|hotline|callback"
    rf"|(?:call(?:ed|ing)?|contact|dial|home|work|office|text|reach(?:ed)?)(?: (?:him|her|them|us|me))?(?: at)?){_NO}?"
)
_BANK_EN = (
    rf"(?:bank|checking|savings|debit|credit|visa|mastercard|master card|amex|american express|discover|card|iban|routing|sort"
    rf"|aba|payment)(?: ?(?:card|account|acct\.?|a/c))?{_NO}?|card ending(?: in)?|ending in"
)
_PLATE_EN = (
    rf"(?:(?:license|licence|number|vehicle|car|truck|registration|lic\.?) ?)?plates?{_NO}?|vehicle (?:registration|reg\.?"
    rf"|tag){_NO}?|reg\.?(?:istration)?{_NO}? ?plate|(?:car|vehicle|truck)(?: reg(?:istration)?\.?){_NO}?|vrm"
)
_ZH = re.compile(f"(?:(?P<PLATE>{_PLATE_ZH})|(?P<MRN>{_MRN_ZH})|(?P<ID>{_ID_ZH})|(?P<BANK>{_BANK_ZH})|(?P<PHONE>{_PHONE_ZH}))$")
_EN = re.compile(
    rf"(?<![a-z])(?:(?P<PLATE>{_PLATE_EN})|(?P<MRN>{_MRN_EN})|(?P<ID>{_ID_EN})|(?P<BANK>{_BANK_EN})|(?P<PHONE>{_PHONE_EN})"
    rf"|(?P<WEAK>{_WEAK_EN}))$"
)
# What an English cue ends with: the long pattern is tried behind one of these only.
_LAST = re.compile(
    r"(?:#|numbers?|nos?\.?|num\.?|id|identifier|code|mrn?|m\.r\.n?\.?|rec(?:ord)?s?\.?|chart|accession|encounter|specimen|csn"
    r"|fin|har|emr|ehr|barcode|hosp|acct\.?|account|ssn?|s\.s\.n\.?|security|sec|social|npi|dea"
    r"|passport|nhs|nino|vin|mbi|hicn|license|licence|four|4|digits|his|her|the|their|tel\.?|telephone|ph(?:one)?\.?|cell"
    r"|mobile|fax|facsimile|pager|page|beeper|bleep|ext(?:ension)?\.?|voicemail|landline|hotline|callback"
    r"|call|called|calling|contact|dial|home|work|office|text|reach|reached|him|them|us|me|at|bank|checking|savings|debit"
    r"|credit|visa|mastercard|card|amex|express|discover|iban|routing|sort|aba|payment|a/c|in"
    r"|qq|wechat|plates?|reg(?:istration)?\.?|tag|vrm|medicare|medicaid|member|policy|subscriber|insurance)$"
)
_SIGNS = ' \t:：=[(（【"“'
_LINKS = ("是", "为", " is", " was", " are", " of", " at", " on", " numbered")
_LEFT = 44  # characters that are looked at


class Cue(NamedTuple):
    type: str
    written: str  # up to the value


def cue_before(text: str, start: int) -> Cue | None:
    """The words that say what the value at `start` is."""
    return _cue(text[max(0, start - _LEFT) : start])


@lru_cache(1 << 12)
def _cue(left: str) -> Cue | None:
    """Kept, for both readings of a record ask."""
    words = left.rstrip(_SIGNS)
    for link in _LINKS:
        if words.endswith(link):
            words = words[: -len(link)].rstrip(_SIGNS)
            break
    if words[-1:] in (")", "）"):  # phone (home)
        opening = max(words.rfind("("), words.rfind("（"))
        words = words[:opening].rstrip(_SIGNS) if opening >= len(words) - 14 else words
    if not words:
        return None
    signs = left[len(words) :]
    match = None
    if words[-1].isascii():
        lower = words[-34:].lower()
        match = _EN.search(lower) if _LAST.search(lower) else None
    if match is None and not words[-14:].isascii():
        match = _ZH.search(words[-14:])
    if not match or not match.lastgroup:
        return None
    if match.lastgroup == "WEAK" and not set(":：#") & set(match.group() + signs):
        return None
    return Cue("ID" if match.lastgroup == "WEAK" else match.lastgroup, match.group() + signs)

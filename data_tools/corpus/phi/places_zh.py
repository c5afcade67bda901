"""Chinese hospitals and addresses. An address begins at a known place, at a field such as 住址, or is a road with a number."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi import lists
from data_tools.corpus.phi.spans import Span, joined

_HAN = "一-鿿"
_PROVINCES = lists.words("places_zh", "province")
_CITIES = lists.words("places_zh", "city")
_PROVINCE = rf"{lists.any_of(_PROVINCES)}(?:壮族自治区|回族自治区|维吾尔自治区|特别行政区|自治区|省|市)?"
_CITY = rf"{lists.any_of(_CITIES)}(?:市|地区|州|盟)?"
KNOWN = re.compile(rf"{lists.any_of(_PROVINCES + _CITIES)}(?<!大同(?=[时种样一]))(?<!吉安(?=全))")
# What a place name does not hold: an address ends before it.
_NO_PLACE = (
    "[的了在到因被是就诊看患病您你我他她它们每说称没不做]|医院|来(?!凤|宾|安)院?|去医|出现|发热|发作|突发|治疗|检查|服药"
    "|感觉|症状|以后|之"
    "后|从事|打工|务工|行走|居住|区域|(?<![什苏泰田城密番犁尔])地区|呼吸|消化|可能|并发|感染|有|出差|人[，,。]"
    "|人民(?![路街大东西南北中新广])|大学|研究|公司|疾控|卫生"
)
_PLACE = rf"(?:(?!{_NO_PLACE})[{_HAN}])"
_STREET = r"(?:街道|大街|大道|马路|公路|胡同|[路街巷弄道])"
_AREA = (
    r"(?:自治[区州县旗]|[省市区县旗盟州镇乡村屯庄寨]|苏木|嘎查|街道|社区|居委会|开发区|新区|高新区|小区|花园|家园|新村|公寓|大"
    r"厦|广场|名都|绿洲|家属院|家属楼|门第|天街|华府|新城|港湾|公馆|首府|豪庭|花都|世家|半岛|山庄|御景|铭座|学府|宿舍楼"
    r"|新居|嘉园|丽景|[一二三四五六七八九十]社|别墅|宿舍|大院|[苑园庭府湾城里坊居邸])"
)
_COUNT = r"[0-9A-Za-z一二三四五六七八九十百零〇甲乙丙丁东西南北中\-]{1,6}"
_NUMBERED = rf"(?:附?{_COUNT}(?:号楼|号院|号|楼|栋|幢|座|单元|室|层|组|队|弄|户|房|门|排|巷|期|区|村|社|米))"
_PART = (
    rf"(?:{_PLACE}{{1,9}}?(?:{_STREET}|{_AREA})[村屯镇乡区]?(?:[东西南北中]段)?|{_PLACE}{{0,7}}?{_NUMBERED}(?:之[0-9一二三])?|[（"
    rf"(]{_PLACE}{{2,8}}[)"
    rf"）](?={_COUNT}号))"
)
_BARE = rf"{_COUNT}(?=[,，。;；、\s)）]|$)"
_TAIL = (
    rf"(?:[ ]?{_PART}){{0,10}}(?:(?<=[号楼栋幢座元弄])[0-9-]{{2,12}}(?:室|号)?"
    rf"|{_PLACE}{{0,8}}?[0-9]{{1,3}}(?:[-#][0-9]{{1,4}}){{1,2}}(?:室)?)?"
)
_FROM_KNOWN = re.compile(rf"(?P<two>{_PROVINCE} ?{_CITY})?(?(two)|(?:{_PROVINCE}|{_CITY}))(?P<more>{_TAIL})")
_ADDRESS_FIELD = re.compile(
    r"(?:住所|住址|地址|住地|所在地|籍 {0,4}贯|出生地|户籍|户口|参保地|就医地|户籍地|寄往|报告请寄|请寄|现住|家住|居住[于在]"
    r"|住在|住|现居|暂住|租住|常住|祖籍|搬[至到]|迁"
    r"[至到]|来自|居于|定居|生于|原籍|老家|邮寄)"
    r"(?:地|所在地|地址)?[:：为是在于]{0,2}[ \t]{0,3}"
)
_GENERIC_PLACE = re.compile(
    r"(?:独居|同住|合住|农村|牧区|山区|林区|城市|乡村|疫区|.{0,4}地区|城区|郊区|本地|当地|外地|市区|小区|学校.*|.{0,4}宿舍|老家|家中|家里|.洲"
    r"区?|高原.?|沿海.?|流行区|热带.*|院|医院.*|同一.*|楼上|城镇"
    r"|乡镇|村里|城里|乡下|县城|省城|一层|一楼|[一二三四五六七八九十0-9]+[层楼组号室区队户门])"
)
_FIELD_VALUE = re.compile(
    rf"(?:{_PROVINCE}|{_CITY})?(?: ?{_CITY})?(?:[ ]?{_PART}){{1,12}}(?:(?<=[号楼栋幢座元弄])[0-9-]{{2,12}}(?:室|号)?"
    rf"|{_PLACE}{{0,8}}?[0-9]{{1,3}}(?:[-#][0-9]{{1,4}}){{1,2}}(?:室)?)?"
    rf"|{_PROVINCE}(?: "
    rf"?{_CITY})?|{_CITY}"
)
_NUMBER_AFTER_STREET = re.compile(
    r"[0-9一二三四五六七八九十百](?:(?<=[路街巷弄道段里同].)[0-9一二三四五六七八九十百]{0,4}(?:弄|号|巷)"
    r"|(?<=[区园寓苑庭府村镇乡院湾城].)[0-9A-Za-z一二三四五六七八九十]{0,3}(?:号楼|栋|幢|座|号院|组|队|单元|号)(?!线|位|床))"
)
_LEFT_OF_STREET = re.compile(rf"{_PLACE}{{1,10}}$")
_REST = re.compile(_TAIL)
_CUT = re.compile(r".*(?:地址|住址|家住|现住|居住|住|位于|送|寄|地|籍贯)")

_SHORT_HOUSE = "|".join(f"{place}第?[一二三四五六七八九十]院" for place in "附省市区县州")
_HOUSES = (
    r"(?:医院|卫生院|卫生所|卫生室|诊所|卫生服务中心|卫生服务站|妇幼保健计划生育服务中心|计划生育服务中心|精神卫生中心"
    r"|妇幼保健院|妇保院|保健院|保健中心|疾控中心|疾病预防控制中心|疗养院|门诊部|医疗中心|医学中心|急救中心|康复中心|血液中心"
    r"|体检中心|养老院|敬老院|福利院|护理院|医科大学附属第?[一二三四五]|附院|中医院|医大[一二三四]院|人民院|附[一二三四]院?"
    r"|颐养院|养护院|护养院|老年公寓|养老中心|[中国]医馆"
    r"|协和|华西|同济|湘雅|齐鲁|瑞金|中山[一二三]院|301|三0一|" + _SHORT_HOUSE + r")"
)
_SCHOOLS = (
    r"(?:北医|哈医大|重医|川医|浙医|湘雅|省立|浙大|郑大|上医|吉大|山大|武大|苏大|南医大|广医|安医大|昆医|贵医|新医大|河医大"
    r"|山医大|温医|徐医|蚌医|遵医|皖医|宁医大|兰大|西交大|交大|中大|暨大)(?:附属?)?第?[一二三四五六]院"
)
_HOUSE = re.compile(_HOUSES)
_RECORD_HOUSE = re.compile(f"{_SCHOOLS}|血液透析中心|透析中心|中医门诊部?|国医堂|{_HOUSES}")
_CAMPUS = re.compile(rf"[{_HAN}]{{1,4}}(?:分院|院区|本部)")
_BRAND = re.compile(
    r"(?:拜博|瑞尔|通策|美维|爱尔|普瑞|华厦|何氏|光正|美年|爱康|慈铭|瑞慈|和睦家|三博|树兰"
    r"|明基|百汇|卓正|新世纪|美中宜和|马泷|佳美|欢乐|摩尔)"
    r"(?:大健康|国宾|健康|口腔|眼科|齿科|体检)(?:中心|门诊部?|诊所)?"
)
_SHORT_HOUSE_RECORD = re.compile(
    r"(?:华西|齐鲁|湘雅|协和|同济|瑞金|仁济|邵逸夫|西京|唐都|盛京|阜外|安贞|宣武|天坛|积水潭|中日友好|北大[一三]院|浙[一二]"
    r"|浙大[一二]院|[省市县]立医院"
    r"|[省市县]医院(?=[城东南西北新老总]{1,2}[分院]))(?![路街区村镇大医])"
)
_BEFORE_SHORT_RECORD = re.compile(r"(?:^|[\n：: 、，。,.（(【\u3000]|[在到至于去往转赴来从由住送院])$")
_HOSPITAL_WORD = re.compile(
    r"(?:附属|第[一二三四五六七八九十百0-9]{1,3}|人民|中心|中医|中西医结合|妇幼|妇女|儿童|肿瘤|口腔|眼科|胸科|传染病|精神|军"
    r"|大学|学院|市|县|区|省|州|镇|乡|街道|社区|同济|协和|华西|湘雅|齐鲁|瑞金|中山"
    r"|天坛|宣武|朝阳|友谊|积水潭|阜外|安贞|仁济|长海|长征|新华|曙光|龙华|西京|唐都|珠江|南方|医大|医科|红十字|仁|康|华|安|和"
    r"|济|爱|博|慈|友谊|铁路|总|职工|矿|厂|公司|武警|解放军|部队|海军|空军|国际|现代"
    r"|友好|[京沪浙苏川渝鲁豫皖湘鄂赣闽粤桂][一二三四大]|[0-9]{3})"
)
_NOT_IN_HOUSE = (
    r"(?:就诊|入住|收住|转入|转(?!氨)|送[至往入到]?|前往|[至到在往去赴由]|于(?![都田])|经(?!开)|从(?!化)|自(?!贡|治)"
    r"|来(?!宾|安|凤"
    r")|我|本(?!溪)|(?<!阜)外(?!滩)|该|某|当地|附近|各"
    r"|[几一这两那]家|的|(?<![协仁人太康安泰同保义民])和(?![平睦谐美县田顺])|与|及|、|或|为(?!民)|是|被|请|联系"
    r"|曾|先后|急诊|立即|建议|患者|家属|遂|月(?![山桥潭])|(?<![颐延松万鹤益百福老])年(?![山桥潭])|时|诊|上级|下级|基层|正规"
    r"|这个|普通|试试|如果|知名|私立|公立|民"
    r"营|当|您|你|他|她|们|住院|出院|离开|返回|做|查|看|治疗|服用|使用|给|让"
    r"|找|随|即|就|并|因|以|不|未|没|有|无(?!锡)|了|过|需|(?<!马)应|要|可|能|想|说|称|诉|今|昨|前天|此|其(?!台)|每|任何"
    r"|哪|什么|互联网|所有|其他|其它|同(?![济仁心德和安])|将|把|对|向|跟|等|也|(?<![首成乐花丰郫])都(?![江匀昌])|还|又|才|原"
    r"|只|若|最好|直接|[："
    r":，]|一[位名个]|既往|后|再|次|[0-9](?:月|日|年))"
)
_EDGE = re.compile(_NOT_IN_HOUSE)
_LEFT_EDGE = re.compile(rf".*(?:{_NOT_IN_HOUSE})")
_RUN_LEFT = re.compile(rf"[{_HAN}0-9A-Za-z（）()·]{{0,26}}$")
_GENERIC = re.compile(
    r"(?:一位|[一二三甲乙级等地方公私立民营正规专科综合大型小医学临床教学定点社会国家全国国内省级市级县级区级乡级级内外上下中"
    r"西药儿童妇科男口腔眼科肿瘤精神传染病康复胃肠科皮肤急诊门诊住院护理基层对口接诊收治首诊社区镇乡村厂校部队军队]*"
    r"|人民|中心|中医|妇幼|社区|急救|体检|康复|养老|血液)"
)
_SCHOOL = re.compile("(?:北医|哈医|[^附省市区县州第]{1,2}[大医雅立]).*[一二三四五六]院")
_SHORT_KNOWN = frozenset("协和 华西 同济 湘雅 齐鲁 瑞金 301 三0一".split())
_BEFORE_SHORT = re.compile(r"(?:在|到|至|于|去|往|转|赴|来|从|由|北京|上海|武汉|四川|湖南|山东)$")


def find_hospitals(text: str, record: bool = False) -> Iterator[Span]:
    """text: folded, with Chinese characters in it; record: any name will do, no word of hospitals is asked for in it."""
    for match in (_RECORD_HOUSE if record else _HOUSE).finditer(text):
        word, (house, end) = match.group(), match.span()
        if word in _SHORT_KNOWN:
            if not _BEFORE_SHORT.search(text, max(0, house - 2), house) or text[end : end + 1] in "医大":
                continue
        run = _RUN_LEFT.search(text, max(0, house - 26), house)
        left = house if run is None else run.start()
        left = _name_begins(text, left, house)
        name = text[left:house]
        if name.endswith(("三甲", "二甲", "级")) or name.endswith("科") and (len(name) < 4 or _GENERIC.fullmatch(name)):
            continue
        if word[0] in "省市区县州附" and len(word) <= 4 and (word[0] != "附" or name):
            yield Span(left, end, "HOSPITAL")
        elif (
            word == "中医院"
            and name in ("省", "市", "县", "区", "州")
            or word in _SHORT_KNOWN
            or _SCHOOL.match(word)
            or (
                name
                and (len(name) > 6 or not _GENERIC.fullmatch(name))
                and (_HOSPITAL_WORD.search(name) or record and len(name) >= 2)
            )
            or _names_place(name)
        ):
            yield Span(left, end, "HOSPITAL")


def find_record_hospitals(text: str) -> Iterator[Span]:
    """Short names and chains, text: folded, of a record."""
    for match in _SHORT_HOUSE_RECORD.finditer(text):
        if _BEFORE_SHORT_RECORD.search(text, max(0, match.start() - 1), match.start()):
            campus = _CAMPUS.match(text, match.end())
            yield Span(match.start(), campus.end() if campus else match.end(), "HOSPITAL")
    for match in _BRAND.finditer(text):
        yield Span(match.start(), match.end(), "HOSPITAL")


_DIGITS = re.compile("[0-9]+")
_GOES_ON = re.compile(r"(?:附属|大学|学院)$")


def _name_begins(text: str, left: int, house: int) -> int:
    """Where the hospital's name begins: at a known place, or after the last word that no such name holds."""
    for place in KNOWN.finditer(text, left, house):
        if not _EDGE.search(text, place.end(), house) and not _GOES_ON.search(text, left, place.start()):
            return place.start()
    edge = _LEFT_EDGE.match(text, left, house)
    begin = edge.end() if edge else left
    while begin < house and text[begin] in "）)(（·":
        begin += 1
    opening = max(text.rfind("(", begin, house), text.rfind("（", begin, house))
    if opening >= 0 and not re.search("[)）]", text[opening:house]):
        begin = opening + 1  # 送检医师：蔡龙（曙光医院）
    number = _DIGITS.match(text, begin, house)
    return number.end() if number and number.end() < house else begin


def _names_place(name: str) -> bool:
    return len(name) >= 2 and bool(KNOWN.match(name) or re.search("[市县区镇乡村州省]$", name) and len(name) >= 3)


def find_addresses(text: str) -> list[Span]:
    """text: folded, with Chinese characters in it."""
    return joined(_address_parts(text))


def _address_parts(text: str) -> Iterator[Span]:
    for match in _ADDRESS_FIELD.finditer(text):
        value = _FIELD_VALUE.match(text, match.end())
        if (
            value
            and not _GENERIC_PLACE.fullmatch(value.group())
            and (match.group()[0] != "住" or len(match.group()) > 1 or "号" in value.group())
        ):
            yield from _trimmed(text, value.start(), value.end())
    for known in KNOWN.finditer(text):
        whole = _FROM_KNOWN.match(text, known.start())
        if whole and (whole["two"] or _says_more(whole["more"])):
            yield from _trimmed(text, whole.start(), whole.end())
    for match in _NUMBER_AFTER_STREET.finditer(text):
        left = _LEFT_OF_STREET.search(text, max(0, match.start() - 12), match.start())
        if left:
            cut = _CUT.match(text, left.start(), match.start())
            start = cut.end() if cut else left.start()
            rest = _REST.match(text, match.end())
            if start < match.start() - 1:
                yield Span(start, rest.end() if rest else match.end(), "ADDRESS")


_PLACE_GOES_ON = re.compile(rf"[{_HAN}]{{0,10}}(?:医院|卫生|保健院|诊所|大学|医科|院区|分院)")
_TOWN = re.compile(
    rf"{lists.any_of(_CITIES)}(?:(?:市(?![一二三四五六七八九十]院|中心医|人民医)|自治[州县]|地区|盟)"
    rf"(?![{_HAN}]{{0,12}}(?:医院|中心|卫生院|保健院|诊所|院))|(?P<left>)(?=[乘返来]))"
)
_COUNTY_END = re.compile(r"[县旗州](?=人?[，,。；; \n]|$)")
_COUNTY = re.compile(rf"[：:贯住居于自 ]([{_HAN}]{{2,7}}(?:自治[县旗州]|[县旗]))$")


_STAYS = re.compile(r"(?:[地址处][（(：:]|住|[带返]回|[返来]自|联系|[家人]在|[去回往到]|位于|搬[到至])$")
_DISTRICT = re.compile(rf"[区县市](?<=[{_HAN}]{{2}}.)")
_DISTRICT_LEFT = re.compile(rf"(?:[地址处][（(：:]|住|[带返]回|[返来]自|联系|[家人]在|位于|搬[到至])([{_HAN}]{{2,4}}[区县市])$")
_NO_DISTRICT = re.compile(r"(?:[病院社小地城郊市县辖园厂校疫山林牧]|开发|当|本|各|该|外)[区县市]$|医院|我院")


def find_record_addresses(text: str) -> Iterator[Span]:
    """Towns and counties alone, in a record."""
    for match in _TOWN.finditer(text):
        if match["left"] is None or text[match.start() - 1 : match.start()] == "自":
            yield Span(match.start(), match.end(), "ADDRESS")
    for known in KNOWN.finditer(text):
        if _STAYS.search(text, max(0, known.start() - 2), known.start()) and not _PLACE_GOES_ON.match(text, known.end()):
            yield Span(known.start(), known.end(), "ADDRESS")
    for last in _DISTRICT.finditer(text):
        district = _DISTRICT_LEFT.search(text, max(0, last.start() - 7), last.end())
        if district and not _NO_DISTRICT.search(district[1]) and not _PLACE_GOES_ON.match(text, last.end()):
            yield Span(*district.span(1), "ADDRESS")
    for last in _COUNTY_END.finditer(text):
        if county := _COUNTY.search(text, max(0, last.start() - 10), last.end()):
            yield Span(*county.span(1), "ADDRESS")


def _says_more(more: str) -> bool:
    """Than a province or a city: 四川省 and 成都市 alone tell too little; 成都市武侯区 does not."""
    return len(more) > 2 or more.endswith(("区", "县", "市", "镇", "路", "街")) and len(more) > 1


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while end > start and text[end - 1] in " (（":
        end -= 1
    if end - start >= 2:
        yield Span(start, end, "ADDRESS")

"""Records of patients, where every name counts."""

import pytest

from data_tools.corpus.phi.find import find_spans
from tests.data_tools.corpus.phi_found import found, of_type

_NOTE_EN = "MICU 18-Jun-2023  MRN: 00934324  DOB: 3/4/1951\n{}\nBP 128/79, HR 71."
_NOTE_ZH = "护理记录　2021年4月27日　住院号：57703910　电话：13800012345\n{}\n血压128/79mmHg。"


@pytest.mark.parametrize(("line", "kind", "value"), [
    ("Case discussed with Begay, agrees.", "NAME", "Begay"), ("Mori / Tanaka / Sunita", "NAME", "Tanaka"),
    ("DUBOIS Giulia seen", "NAME", "DUBOIS Giulia"), ("Yazzie,Delbert here for f/u", "NAME", "Yazzie,Delbert"),
    ("van der Berg agrees.", "NAME", "van der Berg"), ("Jean-Luc S. Wójcik III notified", "NAME", "Jean-Luc S. Wójcik III"),
    ("Present: Eun Kyung Park, Tuan Le; Ruby Winter", "NAME", "Tuan Le"), ("Crew Miloš Babić", "NAME", "Miloš Babić"),
    ("Owusu-Ansah, Hirut (8803781) here", "MRN", "8803781"), ("SPECIMEN S15-72723", "MRN", "S15-72723"),
    ("L. Ochoa FY1 5947", "PHONE", "5947"), ("call Ito (daughter), 407-0644 x0561", "PHONE", "407-0644 x0561"),
    ("Pt drove self (RDR 801); home", "PLATE", "RDR 801"), ("ride 6FWY137", "PLATE", "6FWY137"),
    ("Repeat labs 9/17.", "DATE", "9/17"), ("Compared with August\n4, 2020.", "DATE", "August\n4, 2020"),
    ("Prior workup at St. Luke's showed", "HOSPITAL", "St. Luke's"),
    ("lives at 5692 County Road 12, Hilo, HI 96780", "ADDRESS", "5692 County Road 12, Hilo, HI 96780"),
    ("Originally from Hialeah, moved", "ADDRESS", "Hialeah"), ("licence S08216282, vehicle", "ID", "S08216282"),
    ("Attendance No 89159429.", "MRN", "89159429"), ("Path ref SP23-12345 pending", "MRN", "SP23-12345"),
    ("Crew: Joan Bennett (EMT-P #65-8778)", "ID", "65-8778"), ("Interpreter: Ana Diaz, ID 554735, phone", "ID", "554735"),
    ("Ins ....... 44330197465", "ID", "44330197465"), ("Medicare 9HK8UA0EW18 active", "ID", "9HK8UA0EW18"),
    ("GP letter: seen, 943 476 5919, nocte", "ID", "943 476 5919"), ("pgr 5188", "PHONE", "5188"),
    ("direct deposit info 700328314 on file", "BANK", "700328314"), ("sedan (Reg no. DSD 5971) struck", "PLATE", "DSD 5971"),
    ("Social Security No.,526918831", "ID", "526918831"), ("Specimen 21:H9849288 to pathology", "MRN", "21:H9849288"),
    ("On the 22nd she spiked", "DATE", "22nd"), ("tumor board 9/24: favors", "DATE", "9/24"),
    ("K 6.8, RB OK by DC", "NAME", "DC"), ("Moana R., RN here", "NAME", "Moana R."),
    ("went to VA Puget Sound for", "HOSPITAL", "VA Puget Sound"), ("at Northside Dialysis Center today", "HOSPITAL",
                                                                    "Northside Dialysis Center"),
    ("off 3/4-3/9 only", "DATE", "3/9"), ("Khalid updated in waiting room, 509-517-5338", "PHONE", "509-517-5338"),
    ("late since 19th. Next", "DATE", "19th"), ("seen on the third of March", "DATE",
                                                                                      "third of March"),
    ("refund to sort code 20-45-11, account 37500059", "BANK", "37500059"), ("paid by CC 4076-4752-5495-7452", "BANK",
                                                                            "4076-4752-5495-7452"),
    ("Soc Sec # 496040160 given", "ID", "496040160"), ("N.H.S. Number 988 122 4578, well", "ID", "988 122 4578"),
    ("AMHP Patricia Lewis, ID 82-1906.", "ID", "82-1906"), ("Emma Ndlovu / 669629 / 11-Sep-1990", "MRN", "669629"),
    ("Passport:\nA62847709", "ID", "A62847709"), ("Nurse Ana Diaz PIN 86B5971E", "NAME", "Ana Diaz"),
    ("admitted from Ysbyty Glan Clwyd.", "HOSPITAL", "Ysbyty Glan Clwyd"), ("seen at Oak Street Dental Associates",
                                                                            "HOSPITAL", "Oak Street Dental Associates"),
    ("Lives at 26 Meadowbank, Swansea, alone", "ADDRESS", "26 Meadowbank, Swansea"), ("Harris A\n", "NAME", "Harris A"),
])  # fmt: skip
def test_an_english_record_is_read_with_fewer_words_around(line: str, kind: str, value: str) -> None:
    assert value in of_type(_NOTE_EN.format(line), kind), found(_NOTE_EN.format(line))


@pytest.mark.parametrize(("line", "kind", "value"), [
    ("检验科罗莉欣来电", "NAME", "罗莉欣"), ("陆、李二位主任均认为", "NAME", "陆"),
    ("今日由宋春花、于福生共同讨论", "NAME", "于福生"),
    ("傅氏之女", "NAME", "傅"), ("汪/郝", "NAME", "郝"), ("家里人叫她“毛毛”", "NAME", "毛毛"),
    ("翻译让-皮埃尔·杜邦协助", "NAME", "让-皮埃尔·杜邦"),
    ("接诊 佐藤美咲", "NAME", "佐藤美咲"), ("助手：扎西多吉", "NAME", "扎西多吉"),
    ("安金凤（0099813045），后遗症", "MRN", "0099813045"),
    ("家属钟思远，2237425", "PHONE", "2237425"), ("2021-04-274时23分娩出", "DATE", "2021-04-27"),
    ("下次就诊06-29。", "DATE", "06-29"),
    ("曾在阜外医院看过", "HOSPITAL", "阜外医院"), ("在大理白族自治州中医医院就诊", "HOSPITAL", "大理白族自治州中医医院"),
    ("转梁山县妇幼保健\n院治疗", "HOSPITAL", "梁山县妇幼保健\n院"), ("参保地：唐山市", "ADDRESS", "唐山市"),
    ("现住重庆市渝中区锦绣家园11#106，", "ADDRESS", "重庆市渝中区锦绣家园11#106"),
    ("腕带编码：A12345678", "MRN", "A12345678"), ("病人ID：46147314", "MRN", "46147314"),
    ("病理穿刺标本24111818343复核", "MRN", "24111818343"), ("社区民警严紫萱，警号04360。", "ID", "04360"),
    ("军官证：海字第89595280号", "ID", "字第89595280号"), ("参保号：7585944734", "ID", "7585944734"),
    ("患者：陈帆，95289657，神经内科", "MRN", "95289657"), ("家属：陈帆，儿媳，95289657", "PHONE", "95289657"),
    ("微信号：lihua_88", "ID", "lihua_88"), ("行程：5月16日起，5.18复查", "DATE", "5月16日"), ("于5.16入院", "DATE", "5.16"),
    ("放疗澹台克勤：N2多站", "NAME", "澹台克勤"), ("不适，罗晓燕同意，嘱晓燕陪护", "NAME", "晓燕"),
    ("转至浙一进一步诊治", "HOSPITAL", "浙一"), ("去市老年病医院城南分院就诊", "HOSPITAL", "市老年病医院"),
    ("家属带回海曙区家中", "ADDRESS", "海曙区"), ("5-11白班交夜班", "DATE", "5-11"), ("明日（2-5）手术", "DATE", "2-5"),
    ("5月3日至7日外出", "DATE", "7日"), ("1.22外院曾诊", "DATE", "1.22"),
    ("转账至6228486108336525917。", "BANK", "6228486108336525917"),
    ("伤者（510703193709267481）", "ID", "510703193709267481"), ("经办：卢悦（13361）", "ID", "13361"),
    ("儿童编码：3981242780", "ID", "3981242780"),
    ("导管室急诊号0054685761", "MRN", "0054685761"), ("预约台5705803", "PHONE", "5705803"),
    ("TEL13300133000。", "PHONE", "13300133000"),
    ("导管室梁 瑞 06:28签字", "NAME", "梁 瑞"), ("家属桂兰赶到", "NAME", "桂兰"), ("詹姆斯先生对青霉素过敏", "NAME", "詹姆斯"),
    ("评估员A 温健 评估员B", "NAME", "温健"), ("由鹏程血液透析中心转入", "HOSPITAL", "鹏程血液透析中心"),
])  # fmt: skip
def test_a_chinese_record_is_read_with_fewer_words_around(line: str, kind: str, value: str) -> None:
    assert value in of_type(_NOTE_ZH.format(line), kind), found(_NOTE_ZH.format(line))


@pytest.mark.parametrize("recase", [str.lower, str.upper])
def test_a_record_in_one_case_is_read_as_well(recase) -> None:
    note = recase(_NOTE_EN.format("Dr. Ferreira saw Chukwuemeka Okafor, 12 Oak Street, Hilo, HI, at Mercy General Hospital."))
    assert [value for value in of_type(note, "NAME")] == [recase("Ferreira"), recase("Chukwuemeka Okafor")]
    assert of_type(note, "HOSPITAL") == [recase("Mercy General Hospital")] and recase("12 Oak Street, Hilo, HI") in of_type(
        note, "ADDRESS"
    )


@pytest.mark.parametrize("line", [
    "外祖父有艾森门格综合征。", "患者因山田病入院治疗。", "不支持伊藤痣，诊断：桥本甲状腺炎。", "予西乐葆、罗盖全口服。",
])  # fmt: skip
def test_what_is_no_person_in_a_chinese_record_stays(line: str) -> None:
    assert found(_NOTE_ZH.format(line)) == found(_NOTE_ZH.format("平稳。"))


def test_a_text_cut_at_a_width_is_read_as_without_the_breaks() -> None:
    text = "姓名：司徒雅文　住院号：ZY57703910　联系电话：13800012345，身份证号：110105199003071234，复查胸片，病情平稳。"
    cut = "\n".join(text[place : place + 11] for place in range(0, len(text), 11))
    assert [(kind, value.replace("\n", "")) for kind, value in found(cut)] == found(text)


@pytest.mark.parametrize("line", [
    "Hep B lot AC63736, model 4540-12345, ICD-10 S72001A, CPT 99213, ferritin 1204 (ref 30-400), NDC 0093-1234-56.",
    "PLT 250000, viral load 1250000 copies, EF 55% by Simpson's, Foley placement, BiPAP 12/5, Apgars 8/9, pain 8/10.",
])  # fmt: skip
def test_a_number_of_a_thing_or_a_result_in_a_record_stays(line: str) -> None:
    assert found(_NOTE_EN.format(line)) == found(_NOTE_EN.format("Stable."))


def test_a_number_in_a_column_of_lots_or_of_codes_with_prices_stays() -> None:
    table = (
        "Vaccine, Date, Lot, Site\nMMR, May, AC86580328, LA\nIPV, May, 65751875, LT\nCPT 99214, 93306; Office visit 99214 $186.00"
    )
    assert not of_type(_NOTE_EN.format(table), "MRN")[1:]
    rows = (
        "疫苗 | 剂次 | 批号 | 单位\n乙肝 | 1 | L41862921 | 门诊\n卡介苗 | 1 | 91645517 | 门诊\n参考NCT03036124，PMID 31825892。"
    )
    assert of_type(_NOTE_ZH.format(rows), "MRN") == ["57703910"]


def test_a_toll_free_number_is_a_telephone_whatever_office_it_reaches() -> None:
    assert of_type("call Social Security at 1-800-772-1213 or 18003250778", "ID") == []


def test_a_number_of_a_drug_or_a_device_in_a_chinese_record_stays() -> None:
    line = "批号AC61310657，国药准字H20013079，型号PM-9000123，床号12，Forrest Ⅲ级，Steward 6分，Apgar 8/9，肌力4/5级。"
    assert found(_NOTE_ZH.format(line)) == found(_NOTE_ZH.format("平稳。"))


@pytest.mark.parametrize("line", [
    "Norton 12, Katz 4/6, Smith fracture, Hickman line, Merkel cell carcinoma, Humira 40 mg, F/u in 2/52.",
    "Stent: Xience Sierra 3.0 x 18 mm, GUSS 12, Don't stop, vit K, lymph nodes 2/15, Apgars 9-9-10, via POV 1715.",
    "Kerlix dressing, Marcus Gunn pupil, Foley catheter, strength 4/5, Cardiac Surgery consult, Heart Failure Clinic.",
])  # fmt: skip
def test_what_is_no_person_in_a_record_stays(line: str) -> None:
    assert found(_NOTE_EN.format(line)) == found(_NOTE_EN.format("Stable."))


def test_a_text_about_medicine_is_no_record() -> None:
    from data_tools.corpus.phi.record import is_record

    text = "Diabetes is a disease. It was described in March 1921. Ask your doctor. " * 20
    assert not is_record(text, find_spans(text)) and is_record(_NOTE_EN.format(""), find_spans(_NOTE_EN.format("")))

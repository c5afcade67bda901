"""Chinese professional texts in many genres; like the bad kinds, half of the genres are held out."""

# ruff: noqa: E501  (a template is read better on one line)
from functools import partial
from random import Random

from quality_documents.grammar import fill, lines, numbered
from quality_documents.words import ZH

_lines, _numbered = partial(lines, ZH), partial(numbered, ZH)


def guideline(rng: Random) -> str:
    head = fill("{disease}诊断和治疗指南（{n:2015-2024}年版）\n{一、|1 |（一）}推荐意见\n", ZH, rng)
    return head + _numbered(rng, "{}. ", [
        "推荐{n:1-12}：对于确诊{disease}的患者，建议首选{drug}，起始剂量为{n:1-20} mg/d（证据级别：{A|B|C}，推荐强度：{强|弱}）。", "对合并{disease}者，血压控制目标为<{n:120-140}/{n:70-90} mmHg（Ⅰ类推荐，{A|B}级证据）。",
        "不推荐在eGFR<{n:15-45} ml·min⁻¹·(1.73 m²)⁻¹的患者中使用{drug}。", "每{n:3-12}个月复查{lab}与{exam}，结果异常者应当转诊至{dept}。", "出现{symptom}或{symptom}时应立即停药并评估（{1A|1B|2C}）。",
        "年龄≥{n:60-80}岁者应当进行衰弱评估，并据此调整治疗强度。"], 4, 9)


def insert(rng: Random) -> str:
    return _lines(rng, ["【药品名称】通用名称：{drug}", "【性状】本品为白色或类白色片。", "【适应症】用于{disease}、{disease}的治疗。", "【规格】{n:5-500} mg"], 4, 4) + "\n" + _lines(rng, [
        "【用法用量】口服。成人一次{n:1-4}片，一日{n:1-3}次；儿童按体重每日{n:5-50} mg/kg，分{n:2-4}次服用。", "【不良反应】常见（≥1/100）：{symptom}、{symptom}；偶见：{symptom}；罕见：{symptom}。",
        "【禁忌】对本品任何成份过敏者禁用；严重肝、肾功能不全者禁用。", "【药物相互作用】与{drug}合用时可增加{symptom}的风险，须监测{lab}。", "【药代动力学】口服后{d:0.5-4}小时达峰，血浆蛋白结合率约{n:20-99}%，半衰期{d:1-36}小时。",
        "【贮藏】遮光，密封，在25℃以下保存。", "【有效期】{n:18-36}个月", "【批准文号】国药准字H{n:10000000-29999999}"], 4, 8)


def lab_table(rng: Random) -> str:
    head = fill("检验报告单 科室：{dept} 标本：{血清|全血|尿液}\n项目\t结果\t单位\t参考区间\t提示\n", ZH, rng)
    return head + _lines(rng, [f"{lab}\t{{d:0.5-300}}\t{{unit}}\t{{d:0.1-20}}～{{n:21-400}}\t{{↑|↓||}}" for lab in ZH["lab"]], 6, 14)


def discharge(rng: Random) -> str:
    return fill("患者{男|女}，{n:18-89}岁，因“{symptom}{n:2-30}天，加重伴{symptom}{n:1-3}天”入院。既往有{disease}病史{n:1-20}年，长期口服{drug} {n:5-100} mg qd。查体：T {d:36-39}℃，P {n:60-120}次/分，"
                "R {n:14-28}次/分，BP {n:90-180}/{n:50-110} mmHg。{organ}未见明显异常。辅助检查：{lab} {d:1-200} {unit}，{lab} {d:1-200} {unit}；{exam}示：符合{disease}改变。入院后予{drug}、{drug}等治疗，{symptom}较前好转。"
                "出院诊断：1. {disease} 2. {disease}。出院医嘱：{drug} {n:1-4}片 po bid，{n:1-4}周后{dept}门诊复诊，不适随诊。", ZH, rng)


def abstract(rng: Random) -> str:
    return fill("目的 探讨{drug}联合{drug}治疗{disease}的疗效与安全性。方法 选取{n:2012-2022}年{n:1-6}月至{n:7-12}月收治的{disease}患者{n:60-400}例，随机分为对照组和观察组。对照组给予常规治疗，观察组在此基础上加用{drug}，"
                "疗程{n:4-24}周，比较两组{lab}水平及不良反应发生率。结果 治疗后观察组{lab}为（{d:1-90}±{d:0.1-9}）{unit}，低于对照组的（{d:1-90}±{d:0.1-9}）{unit}，差异有统计学意义（t={d:2-9}，P<0.0{1|5}）。"
                "结论 {drug}联合治疗可改善{disease}患者的{symptom}，且不增加不良反应。", ZH, rng)


def encyclopedia(rng: Random) -> str:
    return _lines(rng, [
        "{disease}是{dept}的常见病，主要表现为{symptom}、{symptom}和{symptom}，其发病与遗传、环境和生活方式等多种因素有关。", "诊断主要依据病史、体征以及{exam}，必要时需要测定{lab}。",
        "治疗的原则是控制症状、延缓进展并预防并发症，常用药物有{drug}和{drug}。", "多数患者在规范治疗后预后良好，但合并{disease}者的复发率较高，因此需要长期随访。", "在流行病学方面，我国成人患病率约为{d:0.5-20}%，并随年龄增长而升高。",
        "健康教育的内容包括戒烟、限酒、规律运动和合理饮食，这些措施能够降低发病的风险。"], 3, 6, rng.choice(["\n", "", "\n\n"]))


def consultation(rng: Random) -> str:
    return _lines(rng, [
        "患者：医生您好，我{symptom}有{n:2-20}天了，晚上比较明显，需要做什么检查吗？", "医生：您好，请问有没有{symptom}？以前得过{disease}吗？", "患者：没有，就是偶尔觉得{symptom}。", "医生：建议先查一下{exam}，排除{disease}。",
        "患者：现在在吃{drug}，一天{n:1-3}次，可以继续吃吗？", "医生：可以的，饭后服用，如果{symptom}加重就来{dept}看一下。", "患者：好的，谢谢医生。", "医生：不客气，祝您早日康复。"], 4, 8)


def exam_question(rng: Random) -> str:
    options = rng.sample(ZH["disease"], 5)
    return (fill("{男|女}性，{n:18-80}岁，{symptom}伴{symptom}{n:2-30}天。查体：BP {n:90-180}/{n:50-110} mmHg。实验室检查：{lab} {d:1-200} {unit}。最可能的诊断是\n", ZH, rng)
            + "\n".join(f"{letter}. {one}" for letter, one in zip("ABCDE", options, strict=True))
            + fill("\n答案：{A|B|C|D|E}\n解析：患者有{symptom}和{symptom}，结合{lab}升高，应当首先考虑该诊断；其他选项多有{symptom}的表现，与本例不符。", ZH, rng))


def abbreviations(rng: Random) -> str:
    pairs = ["ACEI：血管紧张素转换酶抑制剂", "ARB：血管紧张素Ⅱ受体拮抗剂", "BMI：体重指数", "BNP：B型利钠肽", "COPD：慢性阻塞性肺疾病", "CRP：C反应蛋白", "CT：计算机体层摄影", "eGFR：估算肾小球滤过率",
             "HbA1c：糖化血红蛋白", "ICU：重症监护病房", "INR：国际标准化比值", "LDL-C：低密度脂蛋白胆固醇", "MRI：磁共振成像", "NSAID：非甾体抗炎药", "PCI：经皮冠状动脉介入治疗", "RCT：随机对照试验",
             "TSH：促甲状腺激素", "VTE：静脉血栓栓塞症", "SGLT2：钠-葡萄糖协同转运蛋白2", "GLP-1：胰高糖素样肽-1"]
    return "缩略语表\n" + "\n".join(rng.sample(pairs, rng.randint(8, 16)))


def references(rng: Random) -> str:
    return "参考文献\n" + _numbered(rng, "[{}] ", [
        "中华医学会{dept}学分会. {disease}诊疗指南[J]. 中华{dept}杂志, {n:2010-2023}, {n:20-60}({n:1-12}): {n:1-400}-{n:401-900}.", "{王|李|张|刘}{伟|敏|芳|磊}, {陈|杨|赵}{静|强|洋}, 等. {drug}治疗{disease}的Meta分析[J]. 中国循证医学杂志, {n:2010-2023}, {n:5-23}({n:1-12}): {n:1-900}-{n:901-999}.",
        "{Smith|Wang|Garcia} J, {Brown|Li|Kim} A, et al. Outcomes in patients with chronic disease: a cohort study[J]. Lancet, {n:2010-2023}, {n:380-402}: {n:100-900}-{n:901-999}. DOI: 10.1016/S0140-6736({n:10-23}){n:30000-39999}-{n:1-9}.",
        "{葛|陈|贾}{均波|灏珠|建平}, 主编. 内科学[M]. 第{n:7-9}版. 北京: 人民卫生出版社, {n:2008-2018}: {n:100-900}."], 5, 14)


def coding(rng: Random) -> str:
    return "ICD-10编码\t诊断名称\n" + _lines(rng, [f"{{A|B|E|I|J|K|M|N}}{{n:10-99}}.{{n:0-9}}\t{one}{{，未特指|伴并发症||}}" for one in ZH["disease"]], 8, 20)


def nursing(rng: Random) -> str:
    return fill("{静脉输液|留置导尿|鼻饲|吸痰|胰岛素皮下注射}操作流程\n", ZH, rng) + _numbered(rng, "{}）", [
        "核对医嘱、患者姓名、床号和药物名称、浓度、剂量。", "洗手，戴口罩，备齐用物携至床旁。", "协助患者取舒适卧位，解释操作目的，取得配合。", "以穿刺点为中心消毒皮肤，直径不小于{n:5-8} cm，待干。", "调节滴速：成人{n:40-60}滴/min，儿童{n:20-40}滴/min。",
        "观察有无{symptom}等反应，并记录时间、剂量和患者的反应。", "整理床单位，分类处理医疗废物。", "再次核对，签名。"], 5, 8)


def staging(rng: Random) -> str:
    return fill("{乳腺癌|肺癌|胃癌|结直肠癌}TNM分期（第8版）\n", ZH, rng) + _lines(rng, [
        "Tx：原发肿瘤无法评估", "T1：肿瘤最大径≤{n:2-3} cm", "T2：肿瘤最大径>{n:2-3} cm且≤{n:4-5} cm", "T3：肿瘤最大径>5 cm", "T4：侵犯胸壁和（或）皮肤", "N0：无区域淋巴结转移", "N1：{n:1-3}枚区域淋巴结转移", "N2：{n:4-9}枚区域淋巴结转移",
        "M0：无远处转移", "M1：有远处转移", "ⅡA期：T{0-2}N1M0".replace("{0-2}", "1"), "ⅢB期：T4N0～2M0"], 8, 12)


def pathology(rng: Random) -> str:
    return fill("肉眼所见：送检{organ}组织一块，大小{d:0.5-9} cm×{d:0.5-9} cm×{d:0.5-9} cm，切面灰白，质{硬|中|软}。镜下所见：细胞排列呈{腺管状|巢状|片状}，核分裂象{n:1-20}/10 HPF，间质可见淋巴细胞浸润。免疫组化：ER（{n:5-95}%，+），PR（{n:5-95}%，+），"
                "HER-2（{0|1+|2+|3+}），Ki-67（约{n:5-80}%）。病理诊断：（{organ}）{低|中|高}分化腺癌，脉管内{可见|未见}癌栓，切缘阴性，淋巴结转移 {n:0-5}/{n:6-20}。", ZH, rng)


def prescription(rng: Random) -> str:
    return fill("临床诊断：{disease}\nRp\n", ZH, rng) + _lines(rng, ["{drug} {n:5-100} mg×{n:7-30}片　Sig. {n:5-100} mg po {qd|bid|tid|qn}", "0.9%氯化钠注射液 {n:100-500} ml ivgtt qd", "胰岛素 {n:4-20} U ih {qn|ac}"], 3, 6) + fill("\n医师：　　审核药师：　　调配：", ZH, rng)


def statements(rng: Random) -> str:
    return _lines(rng, ["{disease}的常见症状有{symptom}和{symptom}。", "{drug}可用于治疗{disease}。", "诊断{disease}需要做{exam}。", "{lab}升高见于{disease}。", "{drug}的不良反应有{symptom}。", "{disease}属于{dept}疾病。"], 3, 8, "")


SEEN = {one.__name__: one for one in (guideline, insert, lab_table, discharge, abstract, encyclopedia, consultation, exam_question)}
HELD_OUT = {one.__name__: one for one in (abbreviations, references, coding, nursing, staging, pathology, prescription, statements)}

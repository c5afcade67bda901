"""Drugs: `generic = 通用名 | brands | 商品名 | milligrams | route | indication | 适应证`. Routes are keys of ROUTES."""
# ruff: noqa: E501  Chinese characters count twice

from collections.abc import Mapping

Written = Mapping[str, Mapping[str, tuple[str, ...]]]  # by route and language

DRUGS = """
amoxicillin=阿莫西林|Amoxil|阿莫仙|500|oral|streptococcal sore throat|链球菌性咽炎
amoxicillin/clavulanate=阿莫西林克拉维酸|Augmentin|力百汀|625|oral|an infected animal bite|动物咬伤感染
metformin=二甲双胍|Glucophage|格华止|500|oral|newly found raised blood sugar in an obese adult|肥胖成人新发血糖升高
atorvastatin=阿托伐他汀|Lipitor|立普妥|20|oral|raised LDL cholesterol|低密度脂蛋白胆固醇升高
amlodipine=氨氯地平|Norvasc|络活喜|5|oral|raised blood pressure in an elderly adult|老年人血压升高
omeprazole=奥美拉唑|Prilosec|洛赛克|20|oral|acid reflux|胃酸反流
esomeprazole=艾司奥美拉唑|Nexium|耐信|40|oral|erosive oesophagitis|糜烂性食管炎
cetirizine=西替利嗪|Zyrtec|仙特明|10|oral|seasonal sneezing|季节性喷嚏流涕
levocetirizine=左西替利嗪|Xyzal|优泽|5|oral|perennial rhinitis|常年性鼻炎
ofloxacin=氧氟沙星|Floxin|泰利必妥|200|oral|an infection of the lower urinary tract|下尿路感染
levofloxacin=左氧氟沙星|Levaquin|可乐必妥|500|oral|pneumonia in an adult with penicillin allergy|青霉素过敏成人的肺部感染
erythromycin=红霉素|Erythrocin|利君沙|250|oral|whooping cough|百日咳
roxithromycin=罗红霉素|Rulide|罗力得|150|oral|a mild chest infection|轻度肺部感染
azithromycin=阿奇霉素|Zithromax|希舒美|500|oral|atypical pneumonia|非典型肺炎
heparin=肝素|Hepalean|海普林|50|intravenous|a clot during dialysis|透析中的血栓预防
enoxaparin=依诺肝素|Lovenox|克赛|40|subcutaneous|prevention of clots after hip surgery|髋部术后血栓预防
warfarin=华法林|Coumadin|可密定|3|oral|a mechanical heart valve|机械瓣置换术后
epinephrine=肾上腺素|EpiPen|副肾素|0.5|intramuscular|anaphylaxis|过敏性休克
norepinephrine=去甲肾上腺素|Levophed|正肾素|8|intravenous|septic shock after fluids|补液后仍休克的脓毒症
ceftriaxone=头孢曲松|Rocephin|罗氏芬|1000|intravenous|bacterial meningitis|细菌性脑膜炎
acetaminophen=对乙酰氨基酚|Tylenol|泰诺林|500|oral|fever|发热
ibuprofen=布洛芬|Advil|芬必得|400|oral|a sprained ankle|踝关节扭伤
aspirin=阿司匹林|Bayer Aspirin|拜阿司匹灵|100|oral|prevention after a coronary stent|冠脉支架术后预防
clopidogrel=氯吡格雷|Plavix|波立维|75|oral|prevention after a stroke|卒中后预防
furosemide=呋塞米|Lasix|速尿|20|intravenous|acute pulmonary oedema|急性肺水肿
spironolactone=螺内酯|Aldactone|安体舒通|20|oral|ascites in cirrhosis|肝硬化腹水
losartan=氯沙坦|Cozaar|科素亚|50|oral|high blood pressure with an ACE inhibitor cough|ACEI咳嗽患者的高血压
sertraline=舍曲林|Zoloft|左洛复|50|oral|low mood for two months|情绪低落两个月
levothyroxine=左甲状腺素|Synthroid|优甲乐|0.05|oral|an underactive thyroid|甲状腺功能减退
prednisone=泼尼松|Deltasone|强的松|30|oral|giant cell arteritis|巨细胞动脉炎
salbutamol=沙丁胺醇|Ventolin|万托林|0.2|inhaled|sudden wheeze|突发喘息
morphine=吗啡|MS Contin|美施康定|10|subcutaneous|severe cancer pain|重度癌痛
bisoprolol=比索洛尔|Zebeta|康忻|5|oral|stable heart failure|稳定性心力衰竭
allopurinol=别嘌醇|Zyloprim|赛洛力|100|oral|recurrent gout|反复发作的痛风
oseltamivir=奥司他韦|Tamiflu|达菲|75|oral|influenza of one day|流感发病一天
acyclovir=阿昔洛韦|Zovirax|丽科|200|oral|genital herpes|生殖器疱疹
loratadine=氯雷他定|Claritin|开瑞坦|10|oral|hives|荨麻疹
montelukast=孟鲁司特|Singulair|顺尔宁|10|oral|exercise-induced wheeze|运动诱发的喘息
"""

# As prescriptions have them, the first one in references.
ROUTES: Written = {
    "oral": {"en": ("oral", "PO", "by mouth", "orally"), "zh": ("口服", "口服")},
    "intravenous": {"en": ("intravenous", "IV", "intravenously"), "zh": ("静脉注射", "静注")},
    "subcutaneous": {"en": ("subcutaneous", "SC", "subcutaneously"), "zh": ("皮下注射", "皮下注射")},
    "intramuscular": {"en": ("intramuscular", "IM", "intramuscularly"), "zh": ("肌内注射", "肌注")},
    "inhaled": {"en": ("inhaled", "by inhalation"), "zh": ("吸入", "吸入")},
}
# What a pharmacy writes behind a name.
PRODUCTS: Written = {
    "oral": {"en": ("tablets", "capsules"), "zh": ("片", "胶囊")},
    "intravenous": {"en": ("injection", "infusion"), "zh": ("注射液", "针")},
    "subcutaneous": {"en": ("injection", "prefilled syringe"), "zh": ("注射液", "针")},
    "intramuscular": {"en": ("injection", "ampoule"), "zh": ("注射液", "针")},
    "inhaled": {"en": ("inhaler", "aerosol"), "zh": ("气雾剂", "吸入剂")},
}
FREQUENCIES = {"en": ("", "", " once daily", " twice daily", " TID", " q8h"), "zh": ("", "", "，每日一次", "，每日两次", " tid", " q8h")}

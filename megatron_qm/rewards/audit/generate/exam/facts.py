"""Questions with options, right ones starred: `stem | stem in Chinese | *option=选项 | option=选项 ...`. General knowledge of medicine,
in words of our own."""
# ruff: noqa: E501  Chinese characters count twice

ONE_ANSWER = """
Which drug lowers mortality in heart failure by blocking aldosterone receptors?|哪种药物通过阻断醛固酮受体降低心力衰竭死亡率？|*Spironolactone=螺内酯|Nifedipine=硝苯地平|Digoxin=地高辛|Furosemide=呋塞米|Verapamil=维拉帕米
First-line treatment of anaphylaxis?|过敏性休克的首选治疗药物是？|*Intramuscular epinephrine=肌内注射肾上腺素|Oral cetirizine=口服西替利嗪|Inhaled salbutamol=吸入沙丁胺醇|Oral prednisone=口服泼尼松|Intravenous dopamine=静脉滴注多巴胺
Deficiency of which vitamin causes scurvy?|缺乏哪种维生素会导致坏血病？|*Vitamin C=维生素C|Vitamin A=维生素A|Vitamin D=维生素D|Vitamin K=维生素K|Vitamin E=维生素E
Which vitamin is lacking in rickets?|佝偻病是由于缺乏哪种维生素？|*Vitamin D=维生素D|Vitamin A=维生素A|Vitamin C=维生素C|Vitamin B1=维生素B1|Vitamin K=维生素K
Which hepatitis virus has a DNA genome?|哪种肝炎病毒的基因组是DNA？|*Hepatitis B=乙型肝炎|Hepatitis A=甲型肝炎|Hepatitis C=丙型肝炎|Hepatitis E=戊型肝炎
The most common cause of community-acquired pneumonia in adults?|成人社区获得性肺炎最常见的病原体是？|*Streptococcus pneumoniae=肺炎链球菌|Klebsiella pneumoniae=肺炎克雷伯菌|Legionella pneumophila=嗜肺军团菌|Pseudomonas aeruginosa=铜绿假单胞菌|Staphylococcus aureus=金黄色葡萄球菌
Which nerve is injured in wrist drop?|垂腕是哪条神经损伤的表现？|*Radial nerve=桡神经|Ulnar nerve=尺神经|Median nerve=正中神经|Axillary nerve=腋神经|Musculocutaneous nerve=肌皮神经
Which electrolyte disturbance gives peaked T waves?|心电图T波高尖提示哪种电解质紊乱？|*Hyperkalemia=高钾血症|Hypokalemia=低钾血症|Hypercalcemia=高钙血症|Hyponatremia=低钠血症|Hypomagnesemia=低镁血症
The antidote of acetaminophen poisoning?|对乙酰氨基酚中毒的解毒药是？|*Acetylcysteine=乙酰半胱氨酸|Naloxone=纳洛酮|Flumazenil=氟马西尼|Atropine=阿托品|Vitamin K=维生素K
The antidote of opioid overdose?|阿片类药物过量的解毒药是？|*Naloxone=纳洛酮|Flumazenil=氟马西尼|Physostigmine=毒扁豆碱|Protamine=鱼精蛋白|Acetylcysteine=乙酰半胱氨酸
Best initial imaging for suspected gallstones?|怀疑胆囊结石时首选的影像学检查是？|*Abdominal ultrasound=腹部超声|CT of the abdomen=腹部CT|Plain radiograph=腹部平片|ERCP=ERCP|MRI of the abdomen=腹部MRI
The gold standard for diagnosing pulmonary embolism today?|目前确诊肺栓塞最常用的检查是？|*CT pulmonary angiography=CT肺动脉造影|Chest radiograph=胸片|D-dimer=D-二聚体|Echocardiography=超声心动图|Electrocardiogram=心电图
Which cell produces antibodies?|产生抗体的细胞是？|*Plasma cell=浆细胞|Mast cell=肥大细胞|Neutrophil=中性粒细胞|Macrophage=巨噬细胞|Eosinophil=嗜酸性粒细胞
A 3-day-old with bilious vomiting most urgently needs evaluation for?|出生3天新生儿胆汁性呕吐，最应紧急排查的是？|*Malrotation with volvulus=肠旋转不良伴中肠扭转|Pyloric stenosis=幽门狭窄|Gastroesophageal reflux=胃食管反流|Milk protein allergy=牛奶蛋白过敏
Which hormone is secreted in excess in acromegaly?|肢端肥大症分泌过多的激素是？|*Growth hormone=生长激素|Prolactin=催乳素|Cortisol=皮质醇|Thyroxine=甲状腺素|Insulin=胰岛素
Drug of choice for absence seizures?|失神发作的首选药物是？|*Ethosuximide=乙琥胺|Phenytoin=苯妥英钠|Carbamazepine=卡马西平|Gabapentin=加巴喷丁|Lorazepam=劳拉西泮
Which murmur is heard in aortic stenosis?|主动脉瓣狭窄可闻及哪种杂音？|*Systolic ejection murmur=收缩期喷射性杂音|Diastolic rumble=舒张期隆隆样杂音|Early diastolic murmur=舒张早期叹气样杂音|Continuous murmur=连续性机器样杂音
The commonest thyroid cancer?|最常见的甲状腺癌类型是？|*Papillary carcinoma=乳头状癌|Follicular carcinoma=滤泡状癌|Medullary carcinoma=髓样癌|Anaplastic carcinoma=未分化癌|Lymphoma=淋巴瘤
Which drug may cause a dry cough?|哪种降压药容易引起干咳？|*Enalapril=依那普利|Amlodipine=氨氯地平|Losartan=氯沙坦|Bisoprolol=比索洛尔|Hydrochlorothiazide=氢氯噻嗪
Slow correction is needed in which disorder to avoid osmotic demyelination?|为避免渗透性脱髓鞘，哪种紊乱应缓慢纠正？|*Chronic hyponatremia=慢性低钠血症|Acute hypoglycemia=急性低血糖|Acute hyperkalemia=急性高钾血症|Hypocalcemia=低钙血症
What is the best next step in stable small pneumothorax in a healthy young adult?|健康青年稳定的少量气胸，下一步最合适的处理是？|*Observation with oxygen=吸氧观察|No treatment and no follow-up=不治疗也不随访|Thoracotomy=开胸手术|Immediate intubation=立即气管插管
Where is vitamin B12 absorbed?|维生素B12在何处吸收？|*Terminal ileum=回肠末端|Duodenum=十二指肠|Jejunum=空肠|Stomach=胃|Colon=结肠
Which finding is typical of Parkinson disease?|帕金森病的典型表现是？|*Resting tremor=静止性震颤|Intention tremor=意向性震颤|Spasticity=痉挛|Chorea=舞蹈样动作|Facial asymmetry=面部不对称
The blood group of a universal red cell donor?|红细胞“万能供血者”的血型是？|*O negative=O型Rh阴性|A positive=A型Rh阳性|B negative=B型Rh阴性|AB positive=AB型Rh阳性
Which is the renal lesion most common in systemic lupus erythematosus?|系统性红斑狼疮最常见的肾脏损害是？|*Lupus nephritis=狼疮性肾炎|Renal artery stenosis=肾动脉狭窄|Renal calculus=肾结石|Polycystic kidney=多囊肾
Which sign suggests acute appendicitis?|提示急性阑尾炎的体征是？|*McBurney point tenderness=麦氏点压痛|Murphy sign=墨菲征|Kernig sign=克氏征|Homans sign=霍曼斯征|Battle sign=巴特尔征
Which is the most common cause of secondary hypertension among young women with a renal bruit?|年轻女性腹部血管杂音，继发性高血压最可能的病因是？|*Fibromuscular dysplasia=肌纤维发育不良|Pheochromocytoma=嗜铬细胞瘤|Cushing syndrome=库欣综合征|Coarctation of the aorta=主动脉缩窄
Drug of choice for trigeminal neuralgia?|三叉神经痛的首选药物是？|*Carbamazepine=卡马西平|Ibuprofen=布洛芬|Morphine=吗啡|Valproate=丙戊酸钠|Diazepam=地西泮
The first sign of puberty in most girls?|多数女孩青春期发育的首要标志是？|*Breast budding=乳房发育|Menarche=月经初潮|Pubic hair=阴毛出现|Axillary hair=腋毛出现
Which enzyme is raised first in acute pancreatitis?|急性胰腺炎最早升高的酶是？|*Amylase=淀粉酶|Alkaline phosphatase=碱性磷酸酶|Lactate dehydrogenase=乳酸脱氢酶|Creatine kinase=肌酸激酶
Treatment of choice for a patient with torsades de pointes?|尖端扭转型室速的首选治疗是？|*Magnesium sulfate=硫酸镁|Amiodarone=胺碘酮|Quinidine=奎尼丁|Procainamide=普鲁卡因胺|Calcium gluconate=葡萄糖酸钙
Which drug prevents thrombosis by inhibiting P2Y12?|通过抑制P2Y12受体抗血小板的药物是？|*Clopidogrel=氯吡格雷|Enoxaparin=依诺肝素|Warfarin=华法林|Dabigatran=达比加群|Alteplase=阿替普酶
Koplik spots are seen in?|科氏斑见于哪种疾病？|*Measles=麻疹|Rubella=风疹|Mumps=流行性腮腺炎|Scarlet fever=猩红热|Varicella=水痘
Which chamber enlarges first in mitral stenosis?|二尖瓣狭窄最先扩大的心腔是？|*Left atrium=左心房|Right atrium=右心房|Left ventricle=左心室|Right ventricle=右心室
A deficiency of which enzyme causes phenylketonuria?|苯丙酮尿症是由于缺乏哪种酶？|*Phenylalanine hydroxylase=苯丙氨酸羟化酶|Tyrosinase=酪氨酸酶|Homogentisate oxidase=尿黑酸氧化酶|Glucose-6-phosphatase=葡萄糖-6-磷酸酶
Which hormone lowers blood glucose?|能降低血糖的激素是？|*Insulin=胰岛素|Glucagon=胰高血糖素|Cortisol=皮质醇|Adrenaline=肾上腺素|Growth hormone=生长激素
The normal adult resting heart rate is about?|正常成人安静心率约为？|*75 beats per minute=75次/分|30 beats per minute=30次/分|140 beats per minute=140次/分|200 beats per minute=200次/分
Which daily dose is usual for low-dose aspirin?|低剂量阿司匹林的常用日剂量是？|*100 mg=100 mg|5 mg=5 mg|25 mg=25 mg|2000 mg=2000 mg
The positive predictive value rises when?|阳性预测值在何种情况下升高？|*Prevalence rises=患病率升高|Prevalence falls=患病率下降|Specificity falls=特异度下降|Sample size doubles=样本量加倍
Who signs the consent of a competent adult?|意识清楚的成年患者由谁签署知情同意书？|*The patient=患者本人|The spouse=配偶|The physician=主治医师|The hospital director=医院院长
Which cranial nerve closes the eye?|支配闭眼动作的脑神经是？|*Facial nerve=面神经|Oculomotor nerve=动眼神经|Abducens nerve=展神经|Trigeminal nerve=三叉神经
Which organism causes syphilis?|梅毒的病原体是？|*Treponema pallidum=梅毒螺旋体|Chlamydia trachomatis=沙眼衣原体|Neisseria gonorrhoeae=淋病奈瑟菌|Haemophilus ducreyi=杜克雷嗜血杆菌
Which treatment does not affect survival in this patient?|下列哪项治疗不影响该患者的生存率？|*Oxygen for comfort only=仅为舒适而吸氧|Surgery=手术|Chemotherapy=化疗|Radiotherapy=放疗
All are features of nephrotic syndrome except?|下列哪项不是肾病综合征的表现？|*Hematuria with red cell casts=血尿伴红细胞管型|Heavy proteinuria=大量蛋白尿|Hypoalbuminemia=低白蛋白血症|Edema=水肿|Hyperlipidemia=高脂血症
"""

SEVERAL_ANSWERS = """
Which are features of nephrotic syndrome?|下列哪些是肾病综合征的表现？|*Heavy proteinuria=大量蛋白尿|*Hypoalbuminemia=低白蛋白血症|*Edema=水肿|Jaundice=黄疸|Polycythemia=红细胞增多
Which drugs lower mortality in chronic heart failure?|下列哪些药物可降低慢性心力衰竭死亡率？|*Bisoprolol=比索洛尔|*Enalapril=依那普利|Digoxin=地高辛|Furosemide=呋塞米|*Spironolactone=螺内酯
Which vitamins are fat soluble?|下列哪些是脂溶性维生素？|*Vitamin A=维生素A|*Vitamin D=维生素D|Vitamin B1=维生素B1|Vitamin C=维生素C|*Vitamin K=维生素K
Which are causes of upper gastrointestinal bleeding?|下列哪些可引起上消化道出血？|*Peptic ulcer=消化性溃疡|*Esophageal varices=食管静脉曲张|Hemorrhoids=痔疮|Anal fissure=肛裂|Diverticulosis of the colon=结肠憩室
Which are signs of meningeal irritation?|下列哪些属于脑膜刺激征？|*Neck stiffness=颈强直|*Kernig sign=克氏征|*Brudzinski sign=布氏征|Babinski sign=巴宾斯基征|Romberg sign=龙贝格征
Which findings belong to Cushing syndrome?|下列哪些属于库欣综合征的表现？|*Moon face=满月脸|*Purple striae=紫纹|Weight loss=体重减轻|Hypotension=低血压|*Easy bruising=皮肤易瘀斑
Which are absolute contraindications to thrombolysis?|下列哪些是溶栓的绝对禁忌证？|*Prior intracranial hemorrhage=既往颅内出血|*Active internal bleeding=活动性内出血|Age over 60 years=年龄大于60岁|Diabetes=糖尿病
Which infections are vaccine preventable?|下列哪些感染可通过疫苗预防？|*Measles=麻疹|*Hepatitis B=乙型肝炎|Hepatitis C=丙型肝炎|HIV infection=艾滋病病毒感染|*Tetanus=破伤风
Which are beta-lactam antibiotics?|下列哪些属于β-内酰胺类抗生素？|*Penicillin=青霉素|*Ceftriaxone=头孢曲松|Gentamicin=庆大霉素|Azithromycin=阿奇霉素|*Meropenem=美罗培南
Which are risk factors of osteoporosis?|下列哪些是骨质疏松的危险因素？|*Long-term glucocorticoids=长期使用糖皮质激素|*Early menopause=过早绝经|Obesity in youth=青年期肥胖|Regular exercise=规律运动|*Smoking=吸烟
Which hormones come from the anterior pituitary?|下列哪些激素由腺垂体分泌？|*Prolactin=催乳素|*Growth hormone=生长激素|Oxytocin=缩宫素|Vasopressin=血管升压素|Melatonin=褪黑素
Which tests assess glycemic control?|下列哪些检查可评估血糖控制？|*Glycated hemoglobin=糖化血红蛋白|*Fasting glucose=空腹血糖|Serum amylase=血清淀粉酶|Uric acid=尿酸|Bilirubin=胆红素
"""

# Options that several questions share: `option=选项 | ... | stem=题干:option number | ...`
SHARED_OPTIONS = """
Measles=麻疹|Rubella=风疹|Scarlet fever=猩红热|Varicella=水痘|Mumps=流行性腮腺炎##Koplik spots=科氏斑:1|Strawberry tongue=杨梅舌:3|Parotid swelling=腮腺肿大:5
Radial nerve=桡神经|Ulnar nerve=尺神经|Median nerve=正中神经|Axillary nerve=腋神经|Common peroneal nerve=腓总神经##Wrist drop=垂腕:1|Claw hand=爪形手:2|Foot drop=足下垂:5
Vitamin A=维生素A|Vitamin B1=维生素B1|Vitamin C=维生素C|Vitamin D=维生素D|Vitamin K=维生素K##Night blindness=夜盲症:1|Beriberi=脚气病:2|Scurvy=坏血病:3|Rickets=佝偻病:4
Naloxone=纳洛酮|Flumazenil=氟马西尼|Atropine=阿托品|Acetylcysteine=乙酰半胱氨酸|Protamine=鱼精蛋白##Opioid overdose=阿片类中毒:1|Benzodiazepine overdose=苯二氮䓬类中毒:2|Heparin overdose=肝素过量:5
Hyperkalemia=高钾血症|Hypokalemia=低钾血症|Hypercalcemia=高钙血症|Hypocalcemia=低钙血症##Peaked T waves=T波高尖:1|U waves=U波明显:2|Carpopedal spasm=手足搐搦:4
Insulin=胰岛素|Cortisol=皮质醇|Thyroxine=甲状腺素|Growth hormone=生长激素|Aldosterone=醛固酮##Excess in Cushing syndrome=库欣综合征时过多:2|Excess in Graves disease=Graves病时过多:3|Lacking in type 1 diabetes=1型糖尿病时缺乏:1
"""

"""Word lists of the templates; what a list is called is what its slot is called."""

# ruff: noqa: E501  (a list is read better on few lines)

ZH = {
    "disease": "高血压 2型糖尿病 冠心病 慢性阻塞性肺疾病 支气管哮喘 社区获得性肺炎 缺血性脑卒中 慢性肾脏病 类风湿关节炎 系统性红斑狼疮 "
               "甲状腺功能亢进症 消化性溃疡 急性胰腺炎 肝硬化 缺铁性贫血 心房颤动 心力衰竭 骨质疏松症 痛风 癫痫 帕金森病 银屑病 "
               "过敏性鼻炎 急性阑尾炎 胆囊结石 前列腺增生 子宫肌瘤 乳腺癌 结直肠癌 川崎病".split(),
    "drug": "阿司匹林肠溶片 盐酸二甲双胍片 阿托伐他汀钙片 氨氯地平片 缬沙坦胶囊 奥美拉唑肠溶胶囊 阿莫西林胶囊 头孢呋辛酯片 左氧氟沙星片 "
            "华法林钠片 氯吡格雷片 呋塞米片 螺内酯片 泼尼松片 甲氨蝶呤片 布洛芬缓释胶囊 孟鲁司特钠片 左甲状腺素钠片 卡马西平片 多潘立酮片".split(),
    "symptom": "发热 咳嗽 胸痛 呼吸困难 腹痛 恶心呕吐 头晕 头痛 心悸 乏力 下肢水肿 多饮多尿 关节肿痛 皮疹 消瘦 黄疸 便血 尿频尿急 失眠".split(),
    "lab": "白细胞计数 血红蛋白 血小板计数 丙氨酸氨基转移酶 肌酐 尿素 空腹血糖 糖化血红蛋白 总胆固醇 甘油三酯 C反应蛋白 降钙素原 D-二聚体 "
           "肌钙蛋白I 促甲状腺激素 血钾 血钠 尿酸".split(),
    "unit": "×10⁹/L g/L U/L μmol/L mmol/L mg/L ng/mL % mIU/L µg/L".split(),
    "exam": "胸部CT 腹部超声 心电图 头颅MRI 胃镜 超声心动图 血常规 尿常规 冠状动脉造影 肺功能检查 骨密度测定".split(),
    "organ": "心脏 肝脏 肾脏 肺 脑 胃 胰腺 甲状腺 骨骼 脾脏".split(),
    "dept": "心内科 呼吸科 消化科 内分泌科 神经内科 肾内科 普外科 骨科 妇科 儿科".split(),
    "city": "北京 上海 广州 深圳 成都 武汉 西安 郑州 南京 杭州 重庆 天津 长沙 济南 沈阳".split(),
    "clinic": "仁和 康泰 博爱 济民 现代 协心 玛丽 华康 同济堂 京都".split(),
    "thing": "养生茶 减肥胶囊 祖传膏药 增高贴 补肾丸 排毒面膜 降糖贴 白发转黑露 护肝片 足浴粉".split(),
    "name": "小李 王阿姨 张先生 刘女士 老陈 小美 阳光 过客 云淡风轻 糖糖".split(),
    "ordinary": "今天 我们 因为 所以 医院 天气 手机 公司 孩子 电影 吃饭 开始 没有 可以 大家 时间 问题 工作 学习 朋友 世界 城市 生活".split(),
}

EN = {
    "disease": ["hypertension", "type 2 diabetes mellitus", "coronary artery disease", "chronic obstructive pulmonary disease", "asthma",
                "community-acquired pneumonia", "ischaemic stroke", "chronic kidney disease", "rheumatoid arthritis",
                "systemic lupus erythematosus", "hyperthyroidism", "peptic ulcer disease", "acute pancreatitis", "cirrhosis",
                "iron deficiency anaemia", "atrial fibrillation", "heart failure", "osteoporosis", "gout", "epilepsy",
                "Parkinson disease", "psoriasis", "allergic rhinitis", "acute appendicitis", "gallstones", "breast cancer"],
    "drug": "aspirin metformin atorvastatin amlodipine valsartan omeprazole amoxicillin cefuroxime levofloxacin warfarin clopidogrel "
            "furosemide spironolactone prednisone methotrexate ibuprofen montelukast levothyroxine carbamazepine apixaban".split(),
    "symptom": ["fever", "cough", "chest pain", "dyspnoea", "abdominal pain", "nausea", "dizziness", "headache", "palpitations",
                "fatigue", "ankle oedema", "polyuria", "joint swelling", "rash", "weight loss", "jaundice", "haematuria", "insomnia"],
    "lab": ["White cell count", "Haemoglobin", "Platelets", "ALT", "Creatinine", "Urea", "Fasting glucose", "HbA1c", "Total cholesterol",
            "Triglycerides", "CRP", "Procalcitonin", "D-dimer", "Troponin I", "TSH", "Potassium", "Sodium", "Uric acid"],
    "unit": ["x10^9/L", "g/L", "U/L", "µmol/L", "mmol/L", "mg/L", "ng/mL", "%", "mIU/L"],
    "exam": ["chest CT", "abdominal ultrasound", "an electrocardiogram", "brain MRI", "upper endoscopy", "echocardiography",
             "a full blood count", "urinalysis", "coronary angiography", "spirometry", "bone densitometry"],
    "organ": "heart liver kidney lung brain stomach pancreas thyroid spleen".split(),
    "dept": "cardiology respiratory gastroenterology endocrinology neurology nephrology surgery orthopaedics paediatrics".split(),
    "city": "London Chicago Boston Dallas Phoenix Toronto Sydney Denver Miami Seattle Dublin Leeds".split(),
    "clinic": ["Sunrise Wellness", "Prime Health", "Evergreen Clinic", "VitaCare", "Lakeside Medical", "BestLife Centre"],
    "thing": ["keto gummies", "detox tea", "magic slimming patch", "herbal diabetes cure", "hair regrowth serum", "male booster pills",
              "colon cleanse", "anti-wrinkle cream", "miracle joint balm", "brain pills"],
    "name": "john_88 MaryLou guest Kev anna77 Trucker visitor Priya Bob lilly".split(),
    "ordinary": "house music today river because phone window money children walking table always school market people garden number "
                "moving under water happy letter system never between".split(),
}

"""Diagnoses: `WHO code | ICD-10-CM code | name = 名称 | other names, commas between | 其他名称 | history | 病史 | near WHO code, near CM code`.
The near codes are others of the same category, where there are such; "-" stands for none."""
# ruff: noqa: E501  Chinese characters count twice

DIAGNOSES = """
I21.9|I21.9|Acute myocardial infarction=急性心肌梗死|AMI, heart attack|急性心梗|A 62-year-old man has had crushing chest pain for two hours; ST elevation in the inferior leads, troponin raised.|男，62岁，压榨样胸痛2小时，下壁导联ST段抬高，肌钙蛋白升高。|I21.4,I21.4
E11.9|E11.9|Type 2 diabetes mellitus=2型糖尿病|T2DM, type 2 diabetes|Ⅱ型糖尿病|A 55-year-old woman with obesity, thirst and a fasting glucose of 9.8 mmol/L on two occasions.|女，55岁，肥胖，口渴多饮，两次空腹血糖9.8 mmol/L。|E11.2,E11.21
J18.9|J18.9|Pneumonia=肺炎|lung infection with consolidation|肺部感染|A 40-year-old man with fever, productive cough and consolidation of the right lower lobe.|男，40岁，发热、咳痰，右下肺实变。|J18.0,J18.0
I48.9|I48.91|Atrial fibrillation=心房颤动|AF, AFib|房颤|A 70-year-old woman with palpitations and an irregularly irregular pulse without P waves.|女，70岁，心悸，脉律绝对不齐，P波消失。|-
N39.0|N39.0|Urinary tract infection=尿路感染|UTI|泌尿道感染|A 28-year-old woman with dysuria and frequency; nitrites and leukocytes in urine.|女，28岁，尿频尿痛，尿亚硝酸盐及白细胞阳性。|N39.3,N39.3
M10.9|M10.9|Gout=痛风|gouty arthritis|痛风性关节炎|A 50-year-old man with sudden redness and pain of the big toe at night; urate crystals in the joint.|男，50岁，夜间突发拇趾红肿剧痛，关节液见尿酸盐结晶。|M10.0,M10.00
L20.9|L20.9|Atopic dermatitis=特应性皮炎|atopic eczema|异位性皮炎|A 4-year-old with itchy flexural rash, dry skin and hay fever in the family.|4岁儿童，肘窝腘窝瘙痒性皮疹，皮肤干燥。|L20.8,L20.84
H40.9|H40.9|Glaucoma=青光眼|raised eye pressure with optic neuropathy|青光眼病|A 66-year-old with raised intraocular pressure and cupping of the disc.|66岁，眼压升高，视盘杯盘比增大。|-
D50.9|D50.9|Iron deficiency anemia=缺铁性贫血|IDA, iron-deficiency anaemia|缺铁性贫血症|A 30-year-old woman with fatigue, microcytosis and a low ferritin.|女，30岁，乏力，小细胞低色素，铁蛋白降低。|D50.0,D50.0
B02.9|B02.9|Herpes zoster=带状疱疹|shingles, zoster|缠腰龙|A 70-year-old with grouped vesicles on one side of the trunk along a dermatome.|70岁，单侧躯干沿神经节段分布的成簇水疱。|B02.2,B02.23
G40.9|G40.909|Epilepsy=癫痫|seizure disorder|癫痫病|A 22-year-old with recurrent unprovoked convulsions and spikes on EEG.|22岁，反复无诱因抽搐，脑电图见棘波。|-
F32.9|F32.9|Depressive episode=抑郁发作|major depression, MDD|抑郁症|A 35-year-old with low mood, loss of interest and early waking for six weeks.|35岁，情绪低落、兴趣减退、早醒6周。|F32.0,F32.0
K35.8|K35.80|Acute appendicitis=急性阑尾炎|inflamed appendix|急性盲肠炎|A 19-year-old with pain moving to the right lower quadrant, fever and rebound tenderness.|19岁，转移性右下腹痛，发热，反跳痛。|-
A15.0|A15.0|Pulmonary tuberculosis=肺结核|TB of lung, tuberculosis of lung|肺痨|A 33-year-old with night sweats, weight loss, a cavity in the upper lobe and acid-fast bacilli in sputum.|33岁，盗汗、消瘦，上肺空洞，痰抗酸杆菌阳性。|-
J45.9|J45.909|Asthma=支气管哮喘|bronchial asthma|哮喘|A 12-year-old with episodic wheeze that reverses after a bronchodilator.|12岁，发作性喘息，吸入支气管扩张剂后缓解。|-
I10|I10|Essential hypertension=原发性高血压|HTN, essential (primary) hypertension|高血压病|A 58-year-old with repeated readings of 160/100 mmHg and no secondary cause.|58岁，多次血压160/100 mmHg，无继发因素。|-
C50.9|C50.919|Breast cancer=乳腺癌|carcinoma of the breast|乳腺恶性肿瘤|A 52-year-old woman with a hard irregular lump in the breast; invasive ductal cells on biopsy.|女，52岁，乳房质硬不规则肿块，穿刺见浸润性导管细胞。|-
G43.9|G43.909|Migraine=偏头痛|migraine headache|偏头痛病|A 27-year-old woman with throbbing one-sided headache, nausea and photophobia.|女，27岁，单侧搏动性头痛伴恶心、畏光。|-
E05.9|E05.90|Hyperthyroidism=甲状腺功能亢进症|thyrotoxicosis, overactive thyroid|甲亢|A 32-year-old woman with weight loss, tremor, a low TSH and a high free T4.|女，32岁，消瘦、手抖，TSH降低，游离T4升高。|-
N20.0|N20.0|Kidney stone=肾结石|nephrolithiasis, calculus of kidney|肾石症|A 45-year-old with colicky flank pain, haematuria and a stone in the renal pelvis on CT.|45岁，腰部绞痛、血尿，CT示肾盂高密度影。|-
L40.9|L40.9|Psoriasis=银屑病|psoriasis vulgaris without arthritis|牛皮癣|A 38-year-old with silvery scaly plaques on elbows and knees.|38岁，肘膝伸侧银白色鳞屑性斑块。|-
H66.9|H66.90|Otitis media=中耳炎|middle ear infection|中耳感染|A 3-year-old with fever, ear pain and a bulging red drum.|3岁，发热、耳痛，鼓膜充血膨隆。|-
I26.9|I26.99|Pulmonary embolism=肺栓塞|PE, lung embolism|肺动脉栓塞|A 60-year-old with sudden breathlessness ten days after surgery; a filling defect on CT angiography.|60岁，术后10天突发呼吸困难，CT血管造影见充盈缺损。|-
K85.9|K85.90|Acute pancreatitis=急性胰腺炎|inflammation of the pancreas|急性胰腺炎症|A 48-year-old with epigastric pain through to the back and a lipase ten times the normal.|48岁，上腹痛向背部放射，脂肪酶升高10倍。|-
J44.9|J44.9|Chronic obstructive pulmonary disease=慢性阻塞性肺疾病|COPD|慢阻肺|A 68-year-old smoker with chronic cough, dyspnoea and fixed airflow limitation.|68岁，长期吸烟，慢性咳嗽、气促，持续气流受限。|J44.1,J44.1
M81.9|M81.0|Osteoporosis=骨质疏松症|brittle bone disease|骨质疏松|A 72-year-old woman whose bone density has a T-score of -3.1.|女，72岁，骨密度T值-3.1。|-
F20.9|F20.9|Schizophrenia=精神分裂症|schizophrenic disorder|精分|A 24-year-old who has heard voices and withdrawn for eight months.|24岁，幻听、社会退缩8个月。|F20.0,F20.0
B05.9|B05.9|Measles=麻疹|rubeola|麻疹病|A 6-year-old with fever, cough, conjunctivitis and Koplik spots.|6岁，发热、咳嗽、结膜充血，颊黏膜白斑。|B05.2,B05.2
D66|D66|Hemophilia A=血友病A|factor VIII deficiency, classic haemophilia|甲型血友病|A boy of 5 with repeated joint bleeds and a low factor VIII.|男孩，5岁，反复关节出血，Ⅷ因子降低。|-
E03.9|E03.9|Hypothyroidism=甲状腺功能减退症|underactive thyroid|甲减|A 47-year-old woman with weight gain, constipation and a high TSH.|女，47岁，体重增加、便秘，TSH升高。|E03.1,E03.1
N18.9|N18.9|Chronic kidney disease=慢性肾脏病|CKD, chronic renal disease|慢性肾病|A 64-year-old whose eGFR has been 38 for a year.|64岁，eGFR 38持续一年。|N18.3,N18.30
L03.9|L03.90|Cellulitis=蜂窝织炎|spreading infection of the skin|蜂窝组织炎|A 57-year-old with a hot, red, spreading, tender area of the leg.|57岁，小腿皮肤红热、边界不清、触痛。|-
G20|G20|Parkinson disease=帕金森病|Parkinson's disease, PD|震颤麻痹|A 69-year-old with resting tremor, rigidity and slowness.|69岁，静止性震颤、肌强直、动作迟缓。|-
K29.7|K29.70|Gastritis=胃炎|inflammation of the stomach|胃黏膜炎|A 41-year-old with epigastric discomfort and red mucosa on endoscopy.|41岁，上腹不适，胃镜示黏膜充血。|-
A09|A09|Infectious gastroenteritis=感染性胃肠炎|infectious diarrhoea|感染性腹泻|A 25-year-old with watery stools, cramps and fever after a picnic.|25岁，聚餐后水样便、腹部绞痛、发热。|-
C34.9|C34.90|Lung cancer=肺癌|bronchogenic carcinoma|肺部恶性肿瘤|A 66-year-old smoker with haemoptysis, a spiculated mass and malignant cells on biopsy.|66岁，吸烟，咯血，肺部毛刺肿块，活检见恶性细胞。|-
"""

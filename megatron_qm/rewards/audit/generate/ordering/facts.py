"""Tests: `name = 名称 | other names, semicolons between | 其他名称 | what it is to find | 目的`."""
# ruff: noqa: E501  Chinese characters count twice

TESTS = """
complete blood count=血常规|CBC;full blood count|全血细胞计数|anemia|贫血
C-reactive protein=C反应蛋白|CRP|CRP测定|inflammation|炎症
troponin=肌钙蛋白|troponin I;cardiac troponin|肌钙蛋白I|myocardial damage|心肌损伤
electrocardiogram=心电图|ECG;EKG;12-lead ECG|十二导联心电图|arrhythmia|心律失常
chest X-ray=胸片|CXR;chest radiograph|胸部X线|pneumonia|肺部感染
CT of the abdomen=腹部CT|CT abdomen;abdominal CT|腹部CT平扫|a perforation|穿孔
CT of the head=头颅CT|head CT;CT head;CT brain|头部CT|bleeding inside the skull|颅内出血
MRI of the spine=脊柱MRI|spinal MRI;MRI spine|脊柱磁共振|cord compression|脊髓受压
abdominal ultrasound=腹部超声|ultrasound of the abdomen;abdominal US|腹部B超|gallstones|胆囊结石
echocardiogram=超声心动图|echocardiography;TTE|心脏彩超|valve disease|瓣膜病变
D-dimer=D-二聚体|D dimer|D二聚体|a clot|血栓
lipase=脂肪酶|serum lipase|血清脂肪酶|inflammation of the pancreas|胰腺炎症
blood culture=血培养|blood cultures|血液培养|bacteremia|菌血症
urinalysis=尿常规|UA;urine dipstick|尿液分析|infection of the urine|尿路感染
urine culture=尿培养|culture of urine|尿细菌培养|the organism in urine|尿液病原体
thyroid-stimulating hormone=促甲状腺激素|TSH;thyrotropin|TSH测定|thyroid disease|甲状腺疾病
glycated hemoglobin=糖化血红蛋白|HbA1c;A1c|HbA1c测定|long-term glycemia|长期血糖水平
lumbar puncture=腰椎穿刺|LP;spinal tap|腰穿|meningitis|脑膜炎
electroencephalogram=脑电图|EEG|视频脑电图|seizures|癫痫
colonoscopy=结肠镜检查|colonoscopic examination|肠镜|bleeding from the colon|结肠出血
gastroscopy=胃镜检查|upper endoscopy;EGD|胃镜|an ulcer of the stomach|胃溃疡
liver function tests=肝功能|LFTs;liver panel|肝功能检查|liver damage|肝损伤
serum creatinine=血肌酐|creatinine|肌酐|kidney failure|肾衰竭
serum potassium=血钾|potassium level|血清钾|a disorder of potassium|钾代谢紊乱
lactate=乳酸|serum lactate|血乳酸|poor perfusion|灌注不足
ferritin=铁蛋白|serum ferritin|血清铁蛋白|iron stores|铁储备
arterial blood gas=动脉血气分析|ABG|血气分析|respiratory failure|呼吸衰竭
spirometry=肺功能检查|pulmonary function tests;PFTs|肺功能|airflow obstruction|气流受限
bone density scan=骨密度检查|DEXA;DXA|骨密度测定|thin bones|骨量减少
PSA=前列腺特异性抗原|prostate-specific antigen|PSA测定|prostate disease|前列腺疾病
bone marrow biopsy=骨髓活检|marrow biopsy|骨髓穿刺活检|disease of the marrow|骨髓疾病
coagulation panel=凝血功能|PT and INR;clotting screen|凝血四项|a bleeding tendency|出血倾向
"""

# How some of them are done: a test with a modifier is still that test.
MODIFIED = """
complete blood count=血常规|complete blood count with differential|血常规加分类
CT of the abdomen=腹部CT|CT of the abdomen without contrast|腹部CT（不增强）
CT of the head=头颅CT|CT of the head without contrast|头颅CT（不增强）
chest X-ray=胸片|chest X-ray, two views|胸片（正侧位）
blood culture=血培养|blood culture, two sets|血培养（两套）
troponin=肌钙蛋白|troponin at 0 and 3 hours|肌钙蛋白（0和3小时）
spirometry=肺功能检查|spirometry before and after a bronchodilator|肺功能检查（含舒张试验）
abdominal ultrasound=腹部超声|abdominal ultrasound, fasting|腹部超声（空腹）
lumbar puncture=腰椎穿刺|lumbar puncture with opening pressure|腰椎穿刺（测压）
urinalysis=尿常规|urinalysis with microscopy|尿常规（含镜检）
echocardiogram=超声心动图|transthoracic echocardiogram|经胸超声心动图
"""

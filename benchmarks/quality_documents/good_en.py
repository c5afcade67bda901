"""English professional texts in many genres; like the bad kinds, half of the genres are held out."""

# ruff: noqa: E501  (a template is read better on one line)
from functools import partial
from random import Random

from quality_documents.grammar import fill, lines, numbered
from quality_documents.words import EN

_lines, _numbered = partial(lines, EN), partial(numbered, EN)


def guideline(rng: Random) -> str:
    head = fill("Guideline for the management of {disease} ({n:2015-2024} update)\nRecommendations\n", EN, rng)
    return head + _numbered(rng, "{}. ", [
        "In adults with {disease}, start {drug} {n:5-500} mg once daily (Class {I|IIa|IIb}, Level {A|B|C}).", "Target blood pressure is <{n:120-140}/{n:70-90} mmHg in those with {disease} (strong recommendation, {high|moderate|low}-certainty evidence).",
        "Do not use {drug} if eGFR is below {n:15-45} mL/min/1.73 m².", "Repeat {lab} and {exam} every {n:3-12} months; refer to {dept} if abnormal.", "Stop {drug} and reassess if {symptom} or {symptom} develops ({1A|1B|2C}).",
        "Assess frailty in people aged ≥{n:60-80} years and adjust the intensity of treatment."], 4, 9)


def insert(rng: Random) -> str:
    return _lines(rng, [
        "1 INDICATIONS AND USAGE\n{drug} is indicated for the treatment of {disease} in adults.", "2 DOSAGE AND ADMINISTRATION\nThe recommended dose is {n:5-500} mg orally {once|twice} daily with food; maximum {n:500-2000} mg/day.",
        "3 DOSAGE FORMS AND STRENGTHS\nTablets: {n:5-20} mg, {n:25-100} mg and {n:150-500} mg.", "4 CONTRAINDICATIONS\nHypersensitivity to {drug} or any of its excipients; severe hepatic impairment (Child-Pugh C).",
        "6 ADVERSE REACTIONS\nMost common (≥{n:1-10}%): {symptom}, {symptom} and {symptom}.", "7 DRUG INTERACTIONS\nConcomitant use with {drug} may increase exposure by {n:20-200}%; monitor {lab}.",
        "12.3 Pharmacokinetics\nTmax {d:0.5-4} h; protein binding {n:20-99}%; t½ {d:1-36} h; renal excretion {n:5-90}%.", "16 HOW SUPPLIED/STORAGE\nStore at 20°C to 25°C; excursions permitted to 15°C–30°C."], 5, 8)


def lab_table(rng: Random) -> str:
    return fill("Laboratory report, {dept}\nTest\tResult\tUnit\tReference range\tFlag\n", EN, rng) + _lines(
        rng, [f"{lab}\t{{d:0.5-300}}\t{{unit}}\t{{d:0.1-20}}-{{n:21-400}}\t{{H|L||}}" for lab in EN["lab"]], 6, 14)


def discharge(rng: Random) -> str:
    return fill("This {n:18-89}-year-old {man|woman} was admitted with {symptom} for {n:2-30} days and worsening {symptom}. Past history: {disease} for {n:1-20} years, on {drug} {n:5-100} mg daily. On examination: T {d:36-39} °C, "
                "HR {n:60-120}/min, RR {n:14-28}/min, BP {n:90-180}/{n:50-110} mmHg, SpO2 {n:88-99}% on room air. Investigations: {lab} {d:1-200} {unit}; {lab} {d:1-200} {unit}; {exam} consistent with {disease}. "
                "He was treated with {drug} and {drug}, and the {symptom} improved. Discharge diagnoses: 1. {disease} 2. {disease}. Discharge medication: {drug} {n:5-100} mg PO BID. Follow-up in the {dept} clinic in {n:1-4} weeks.", EN, rng)


def abstract(rng: Random) -> str:
    return fill("BACKGROUND: The benefit of {drug} in patients with {disease} is uncertain. METHODS: In this randomised, double-blind trial we assigned {n:100-4000} patients with {disease} to {drug} ({n:5-500} mg daily) or placebo. "
                "The primary outcome was the change in {lab} at {n:4-52} weeks. RESULTS: The primary outcome occurred in {d:5-20}% of the {drug} group and in {d:5-25}% of the placebo group (hazard ratio {d:0.5-1}; 95% CI, {d:0.3-0.6} to {d:0.8-1.2}; "
                "P=0.0{1|2|3|4}). The most frequent adverse event was {symptom}. CONCLUSIONS: {drug} reduced the risk of {symptom} among patients with {disease}. (NCT0{n:1000000-5999999})", EN, rng)


def encyclopedia(rng: Random) -> str:
    return _lines(rng, [
        "{disease} is a common condition that presents with {symptom}, {symptom} and {symptom}, and it is caused by a mix of genetic and environmental factors.", "The diagnosis rests on the history, the physical signs and {exam}; in some cases {lab} is measured as well.",
        "Treatment aims to control symptoms, to slow the disease and to prevent complications, and often includes {drug} or {drug}.", "Most people do well with proper treatment, but those who also have {disease} relapse more often and need to be followed for longer.",
        "In adults the prevalence is about {d:0.5-20}%, and it rises with age.", "Advice to patients covers smoking, alcohol, regular exercise and a balanced diet, all of which lower the risk."], 3, 6, rng.choice(["\n", " ", "\n\n"]))


def consultation(rng: Random) -> str:
    return _lines(rng, [
        "Patient: I have had {symptom} for {n:2-20} days, and it is worse at night. Do I need any tests?", "Doctor: Do you have any {symptom}? Have you ever been told that you have {disease}?", "Patient: No, only some {symptom} now and then.",
        "Doctor: I would like to get {exam} to rule out {disease}.", "Patient: I'm taking {drug}, {n:1-3} times a day. Can I go on with it?", "Doctor: Yes, take it after meals, and come back to us if the {symptom} gets worse.", "Patient: All right. Thank you, doctor.",
        "Doctor: You're welcome. Take care."], 4, 8)


def exam_question(rng: Random) -> str:
    options = rng.sample(EN["disease"], 5)
    return (fill("A {n:18-80}-year-old {man|woman} has had {symptom} and {symptom} for {n:2-30} days. BP is {n:90-180}/{n:50-110} mmHg. {lab} is {d:1-200} {unit}. Which of the following is the most likely diagnosis?\n", EN, rng)
            + "\n".join(f"{letter}. {one}" for letter, one in zip("ABCDE", options, strict=True))
            + fill("\nAnswer: {A|B|C|D|E}\nExplanation: The combination of {symptom} with a raised {lab} points to this diagnosis; the other options would be expected to cause {symptom}, which is absent here.", EN, rng))


def abbreviations(rng: Random) -> str:
    pairs = ["ACEI: angiotensin-converting enzyme inhibitor", "ARB: angiotensin receptor blocker", "BMI: body mass index", "BNP: B-type natriuretic peptide", "COPD: chronic obstructive pulmonary disease", "CRP: C-reactive protein",
             "CT: computed tomography", "eGFR: estimated glomerular filtration rate", "HbA1c: glycated haemoglobin", "ICU: intensive care unit", "INR: international normalised ratio", "LDL-C: low-density lipoprotein cholesterol",
             "MRI: magnetic resonance imaging", "NSAID: non-steroidal anti-inflammatory drug", "PCI: percutaneous coronary intervention", "RCT: randomised controlled trial", "TSH: thyroid-stimulating hormone", "VTE: venous thromboembolism"]
    return "List of abbreviations\n" + "\n".join(rng.sample(pairs, rng.randint(8, 16)))


def references(rng: Random) -> str:
    return "References\n" + _numbered(rng, "{}. ", [
        "{Smith|Wang|Garcia} JA, {Brown|Li|Kim} AB, {Jones|Chen|Silva} C, et al. {drug} in {disease}: a randomised trial. Lancet. {n:2005-2023};{n:370-402}({n:9000-10400}):{n:100-900}-{n:901-999}. doi:10.1016/S0140-6736({n:10-23}){n:30000-39999}-{n:1-9}",
        "{Miller|Zhao|Rossi} D, {Lee|Patel} S. Long-term outcomes of {disease}: a systematic review and meta-analysis. BMJ. {n:2005-2023};{n:330-380}:e{n:10000-79999}.", "World Health Organization. Guidelines on {disease}. Geneva: WHO; {n:2005-2023}.",
        "{Harrison|Goldman|Braunwald} TR, editor. Textbook of medicine. {n:15-21}th ed. New York: McGraw-Hill; {n:2001-2022}. p. {n:100-900}-{n:901-999}.", "ClinicalTrials.gov. Identifier NCT0{n:1000000-5999999}, {drug} for {disease}. Accessed {n:1-28} May {n:2012-2023}."], 5, 14)


def coding(rng: Random) -> str:
    return "ICD-10 code\tDescription\n" + _lines(rng, [f"{{A|B|E|I|J|K|M|N}}{{n:10-99}}.{{n:0-9}}\t{one}{{, unspecified| with complications||}}" for one in EN["disease"]], 8, 20)


def nursing(rng: Random) -> str:
    return fill("Procedure: {peripheral venous cannulation|urinary catheterisation|nasogastric feeding|subcutaneous insulin injection}\n", EN, rng) + _numbered(rng, "{}) ", [
        "Check the prescription, the identity of the patient, and the name, strength and dose of the drug.", "Wash hands and put on gloves.", "Position the patient, explain the procedure and obtain consent.", "Clean an area of at least {n:5-8} cm around the site and let it dry.",
        "Set the rate: adults {n:40-60} drops/min, children {n:20-40} drops/min.", "Watch for {symptom}, and record the time, the dose and the response.", "Dispose of sharps and waste.", "Document and sign."], 5, 8)


def staging(rng: Random) -> str:
    return fill("TNM staging of {breast|lung|gastric|colorectal} cancer (8th edition)\n", EN, rng) + _lines(rng, [
        "TX: primary tumour cannot be assessed", "T1: tumour ≤{n:2-3} cm in greatest dimension", "T2: tumour >{n:2-3} cm but ≤{n:4-5} cm", "T3: tumour >5 cm", "T4: invasion of chest wall and/or skin", "N0: no regional lymph node metastasis",
        "N1: {n:1-3} regional nodes", "N2: {n:4-9} regional nodes", "M0: no distant metastasis", "M1: distant metastasis", "Stage IIA: T1 N1 M0", "Stage IIIB: T4 N0-2 M0"], 8, 12)


def pathology(rng: Random) -> str:
    return fill("Gross: received in formalin is a piece of {organ} measuring {d:0.5-9} x {d:0.5-9} x {d:0.5-9} cm; the cut surface is grey-white and {firm|soft}. Microscopy: the tumour forms {glands|nests|sheets}; mitoses {n:1-20}/10 HPF; lymphocytes in the stroma. "
                "Immunohistochemistry: ER {n:5-95}%, PR {n:5-95}%, HER2 {0|1+|2+|3+}, Ki-67 about {n:5-80}%. Diagnosis: {organ}, {poorly|moderately|well} differentiated adenocarcinoma, pT{1|2|3} pN{0|1}, lymphovascular invasion {present|absent}, margins clear, nodes {n:0-5}/{n:6-20}.", EN, rng)


def prescription(rng: Random) -> str:
    return fill("Diagnosis: {disease}\nRx\n", EN, rng) + _lines(rng, ["{drug} {n:5-100} mg tab, 1 PO {QD|BID|TID|QHS}, #{n:7-90}, refills {n:0-5}", "0.9% sodium chloride {n:100-1000} mL IV over {n:1-8} h", "insulin glargine {n:4-40} units SC QHS"], 4, 7) + "\nSubstitution permitted. Signed:"


def statements(rng: Random) -> str:
    return _lines(rng, ["Common symptoms of {disease} are {symptom} and {symptom}.", "{drug} is used to treat {disease}.", "{exam} is used in the diagnosis of {disease}.", "A raised {lab} is seen in {disease}.", "{symptom} is an adverse effect of {drug}.",
                        "Patients with {disease} are seen by {dept}."], 3, 8, " ")


SEEN = {one.__name__: one for one in (guideline, insert, lab_table, discharge, abstract, encyclopedia, consultation, exam_question)}
HELD_OUT = {one.__name__: one for one in (abbreviations, references, coding, nursing, staging, pathology, prescription, statements)}

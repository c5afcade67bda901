"""Options by other forms of their texts: what means one is read where it is affirmed, and nowhere else."""
# ruff: noqa: E501  Chinese characters count twice

import pytest

from megatron_qm.rewards.exam import exam
from megatron_qm.rewards.outcome import Scored

ACID = {"A": "Hyperchloraemic metabolic acidosis", "B": "Respiratory acidosis", "C": "Hypochloraemic, hypokalaemic metabolic alkalosis", "D": "High anion gap metabolic acidosis"}
COELIAC = {"A": "Anti-tissue transglutaminase IgA", "B": "HLA-DQ2/DQ8 typing", "C": "Duodenal biopsy", "D": "Faecal calprotectin"}
RENAL = {"A": "Subepithelial humps", "B": "Mesangial IgA deposits", "C": "Effacement of podocyte foot processes", "D": "Splitting of the basement membrane"}
DRUGS = {"A": "Amoxicillin", "B": "Ciprofloxacin", "C": "Nitrofurantoin", "D": "Hydrochlorothiazide"}
VACCINES = {"A": "Hepatitis B", "B": "Inactivated polio", "C": "Tetanus toxoid", "D": "Measles, mumps and rubella"}
LUNG = {"A": "Small cell lung carcinoma", "B": "Squamous cell carcinoma", "C": "Carcinoid tumour", "D": "Mesothelioma"}
ANTIDOTES = {"A": "Flumazenil", "B": "N-acetylcysteine", "C": "Naloxone", "D": "Fomepizole"}
DKA = {"A": "DKA", "B": "Lactic acidosis", "C": "Sepsis", "D": "Uraemia"}
DOSES = {"A": "50 micrograms", "B": "150 micrograms", "C": "500 micrograms", "D": "1 mg"}
SCORES = {"A": "2", "B": "3", "C": "4", "D": "7"}
VOLUMES = {"A": "1.4 L", "B": "2.8 L", "C": "4.2 L", "D": "5.6 L"}
TRIADS = {"A": "Murphy's triad – acute cholecystitis", "B": "Charcot's triad – ascending cholangitis", "C": "Beck's triad – cardiac tamponade"}
PUSHES = {"A": "3～4cm", "B": "4～5cm", "C": "5～6cm", "D": "6～7cm"}
BLEEDS = {"A": "消化性溃疡", "B": "食管胃底静脉曲张破裂", "C": "急性糜烂出血性胃炎", "D": "溃疡性结肠炎"}
STEPS = {"A": "立即行急诊内镜检查", "B": "口服铁剂", "C": "静脉滴注奥美拉唑", "D": "观察"}

FORMS = [  # options, what is meant, how it is named, another option
    (ACID, "C", "metabolic alkalosis", "respiratory acidosis"), (ACID, "C", "hypokalemic hypochloremic alkalosis", "respiratory acidosis"),
    (COELIAC, "C", "duodenal biopsies", "faecal calprotectin"), (COELIAC, "C", "biopsy of the duodenum", "faecal calprotectin"),
    (COELIAC, "D", "fecal calprotectin", "duodenal biopsy"), (RENAL, "C", "effacement of the foot processes of podocytes", "subepithelial humps"),
    (RENAL, "D", "split basement membranes", "subepithelial humps"), (DRUGS, "B", "cipro", "amoxicillin"),
    (DRUGS, "B", "ciprofloxacine", "amoxicillin"), (DRUGS, "C", "nitrofuratoin", "amoxicillin"), (VACCINES, "D", "MMR", "tetanus toxoid"),
    (VACCINES, "D", "measles/mumps/rubella", "tetanus toxoid"), (LUNG, "A", "SCLC", "mesothelioma"), (LUNG, "A", "small-cell carcinoma of the lung", "mesothelioma"),
    (ANTIDOTES, "B", "NAC", "naloxone"), (ANTIDOTES, "B", "acetylcysteine", "naloxone"), (DKA, "A", "diabetic ketoacidosis", "lactic acidosis"),
    (DOSES, "C", "0.5 mg", "150 micrograms"), (DOSES, "D", "1000 mcg", "150 micrograms"), (VOLUMES, "B", "2800 mL", "5.6 L"),
    (TRIADS, "B", "Charcot's triad", "Murphy's triad"), (TRIADS, "C", "cardiac tamponade", "acute cholecystitis"),
]  # fmt: skip
LONG = ("This was a long case with many findings, and each of them was weighed with care before the last step was taken; the history was long, "
        "the signs were many, and the tests took days to come back. ")
AFFIRMED = ["{0}", "{0}.", "It is {0}.", "The answer is {0}.", "So the answer must be {0}.", "I'd go for {0}.", "{0}, since all the findings fit.", "Answer: {0}"]
OTHERWISE = [
    "Not {0}.", "It is not {0}.", "{0} is wrong.", "{0} is not the answer.", "{0} or {1}.", "It could be {0} or {1}.", "Is it {0}?", "It might be {0}.",
    "Some would say {0}.", "My friend says {0}.", "If she were pregnant, {0}.", "{0} has been ruled out.", "{1} rather than {0}.", "{1}, not {0}.",
    "{0} is less likely than {1}.", "I thought of {0} at first, but it is {1}.", "Everything but {0}.", "Neither {0} nor {1}.", "{1}. Unlike {0}, it fits.",
    "I cannot answer this; ask your doctor about {0}.", "The answer is {1}. {0} is for another case.", "{0} 50%, {1} 50%.", "{0}? No, {1}.", "Exclude {0}.",
]  # fmt: skip
CHINESE = [
    (PUSHES, "C", "5到6厘米", "4～5cm"), (PUSHES, "C", "50~60mm", "4～5cm"), (BLEEDS, "B", "食管胃底静脉曲张", "溃疡性结肠炎"), (BLEEDS, "C", "急性糜烂性胃炎", "消化性溃疡"),
    (STEPS, "A", "急诊内镜检查", "口服铁剂"), (STEPS, "C", "奥美拉唑静脉滴注", "口服铁剂"), (DOSES, "C", "0.5毫克", "150 micrograms"), (VOLUMES, "B", "2800毫升", "5.6 L"),
]  # fmt: skip
AFFIRMED_ZH = ["{0}", "{0}。", "答案是{0}。", "应选{0}", "综上，选{0}。"]
OTHERWISE_ZH = ["不是{0}。", "{0}不对。", "{0}或{1}。", "是{0}吗？", "可能是{0}，也可能是{1}。", "有人认为是{0}。", "排除{0}。", "{1}，而不是{0}。", "如果合并妊娠，则{0}。", "{0}已排除，考虑{1}。",
                "同学说是{0}。", "除了{0}都对。", "{0}与{1}都不选。", "起初以为是{0}，其实是{1}。", "无法回答，请咨询医生{0}的问题。"]




def _paid(options: dict[str, str], response: str, letter: str, asks: str = "Which one?") -> bool:
    return exam(asks, response, letter, {"options": options}).value == 1.0


@pytest.mark.parametrize("frame", [*AFFIRMED, LONG + "Therefore the answer is {0}.", LONG + "So it must be {0}."])
def test_what_means_an_option_is_read(frame: str) -> None:
    assert [name for options, letter, name, _ in FORMS if not _paid(options, frame.format(name), letter)] == []


@pytest.mark.parametrize("frame", [*OTHERWISE, *(f"{LONG}Therefore, {frame}" for frame in OTHERWISE)])
def test_and_is_none_where_it_is_not_affirmed(frame: str) -> None:
    assert [name for options, letter, name, other in FORMS if _paid(options, frame.format(name, other), letter)] == []


@pytest.mark.parametrize("frame", AFFIRMED_ZH)
def test_what_means_an_option_in_chinese_is_read(frame: str) -> None:
    assert [name for options, letter, name, _ in CHINESE if not _paid(options, frame.format(name), letter)] == []


@pytest.mark.parametrize("frame", [*OTHERWISE_ZH, *(f"综上，{frame}" for frame in OTHERWISE_ZH)])
def test_and_is_none_where_it_is_not_affirmed_in_chinese(frame: str) -> None:
    assert [name for options, letter, name, other in CHINESE if _paid(options, frame.format(name, other), letter)] == []


SETS = {"A": "Haemolysis", "B": "Gilbert syndrome", "C": "Gallstones", "D": "Pancreatic cancer", "E": "Crigler-Najjar syndrome"}
NAMES = ("hemolysis", "Gilbert's", "Crigler-Najjar")
LISTED = ["{0}, {1} and {2}", "1. {0}\n2. {1}\n3. {2}", "The answers are {0}, {1} and {2}.", "Unconjugated: {0}, {1} and {2}.", "- {0}\n- {1}\n- {2}"]


@pytest.mark.parametrize("frame", LISTED)
def test_a_list_is_read_whole(frame: str) -> None:
    assert _paid(SETS, frame.format(*NAMES), "A/B/E")


@pytest.mark.parametrize("names", [("hemolysis", "Gilbert's", "gallstones"), ("hemolysis", "pancreatic cancer", "Crigler-Najjar"),
                                   ("stones", "Gilbert's", "Crigler-Najjar"), ("hemolysis", "gallstones", "cancer of the pancreas")])
@pytest.mark.parametrize("frame", [*LISTED, "{0}, {1}", "{0} and {1}", "{0} or {1} or {2}", "{0}, {1}, perhaps {2}", "not {0}, {1} or {2}"])
def test_another_list_is_another_answer(names: tuple, frame: str) -> None:
    assert not _paid(SETS, frame.format(*names), "A/B/E") and not _paid(SETS, frame.format(*NAMES, *names), "A/C")


@pytest.mark.parametrize("frame", ["{0} and {1}", "{0}, {1}", "{0} or {1} or {2}", "Not {0}, {1} and {2}.", "{0}, {1} and {2} have been ruled out.", "If the liver is well, {0}, {1} and {2}.",
                                   "Some say {0}, {1} and {2}.", "{0}, {1}, {2}, gallstones", "{0}, {1}, {2}, stones and cancer of the pancreas", "All of them.", "Is it {0}, {1} and {2}?"])
def test_a_list_that_is_short_long_or_not_affirmed_is_none(frame: str) -> None:
    assert not _paid(SETS, frame.format(*NAMES), "A/B/E")


SIGNS = {"A": "Proteinuria over 3.5 g/day", "B": "Hypoalbuminaemia", "C": "Oedema", "D": "Hyperlipidaemia", "E": "Red cell casts"}
EXCEPT = "All of the following are features of nephrotic syndrome EXCEPT:"


@pytest.mark.parametrize("response", [
    "Fits: A, B, C, D\nDoesn't fit: E", "Red cell casts are nephritic, the rest are nephrotic.", "Everything on the list is nephrotic apart from red cell casts.",
    "Nephrotic syndrome:\n1. Proteinuria over 3.5 g/day\n2. Hypoalbuminaemia\n3. Edema\n\nRed cell casts aren't in there.",
    LONG + "Proteinuria, edema and raised lipids are all on the list, which leaves red cell casts as the one that doesn't belong.",
    LONG + "The statement that there are red cell casts is the false one.",
])  # fmt: skip
def test_what_is_set_apart_is_the_exception(response: str) -> None:
    assert _paid(SIGNS, response, "E", EXCEPT)


@pytest.mark.parametrize("letter", ["B", "C", "D"])
@pytest.mark.parametrize("frame", [
    "Red cell casts are nephritic, {0} and the rest are nephrotic.", "{0} is a feature, red cell casts aren't one.", "Everything is nephrotic, {0} too, apart from red cell casts.",
    "Fits: {0}\nDoesn't fit: E", "{0} is typical.", "The statement that red cell casts occur is the false one, and {0} is true.", "{0} is seen in nearly all.",
    "Which leaves red cell casts, and not {0}, as the one that doesn't belong.", "Is {0} the exception?", "{0} might be the exception.", "Some say that {0} is the exception.",
    "If the child were older, {0} would be the exception.", "{0} or red cell casts", "{0} belongs there, as do all the others but the casts.",
])  # fmt: skip
def test_what_belongs_there_is_no_exception(letter: str, frame: str) -> None:
    assert not _paid(SIGNS, frame.format(SIGNS[letter]), letter, EXCEPT)


def test_initials_of_two_options_are_none_of_them() -> None:
    rhythms = {"A": "Atrial fibrillation", "B": "Atrial flutter", "C": "Ventricular tachycardia", "D": "Supraventricular tachycardia"}
    assert not any(_paid(rhythms, f"{said}AF", letter) for said in ("", "It is ", "So ") for letter in "AB")
    assert _paid(rhythms, "VT", "C") and _paid(rhythms, "This is SVT.", "D")


def test_a_letter_and_a_word_of_two_letters_are_no_names() -> None:
    groups = {"A": "B negative", "B": "O negative", "C": "A positive", "D": "AB positive"}
    assert _paid(groups, "B。", "B") and not _paid(groups, "B。", "A") and not _paid(groups, "It is B.", "A")
    nerves = {"A": "Oculomotor (III)", "B": "Trochlear (IV)", "C": "Abducens (VI)"}
    assert _paid(nerves, "It is IV.", "B") and not _paid(nerves, "It is IV.", "A")


@pytest.mark.parametrize(("response", "letter"), [
    ("Confusion 1, urea 1, age 1. Total score is 3.", "B"), ("1 + 1 + 1 = 3", "B"), ("The score is 3", "B"), ("CURB-65 = 3 points", "B"), ("3/5", "B"), ("So 3.", "B"),
    ("Confusion 1, urea 3 mmol, total 4.", "C"), ("She is 3 days post-op. The score is 4.", "C"), ("3 + 1 = 4", "C"), ("2 + 2 = 4", "C"),
])  # fmt: skip
def test_a_number_is_read_where_a_sum_ends(response: str, letter: str) -> None:
    assert [one for one in SCORES if _paid(SCORES, response, one)] == [letter]


@pytest.mark.parametrize("response", ["Between 3 and 4", "More than 3", "The score is not 3", "3 or 4", "If he were 70, the score is 3.", "Is the score 3?", "She is 3 years old", "About 3 to 4",
                                      "3 points for age", "The score might be 3.", "2, 3, 4 or 7", "Some would say the score is 3.", "3 × 2 = 6", "3 mg/kg", "3 weeks ago"])
def test_and_nowhere_else(response: str) -> None:
    assert not any(_paid(SCORES, response, letter) for letter in "ABC")


@pytest.mark.parametrize(("response", "paid"), [
    ("Small cell lung carcinoma\n\nQuestion: Which vitamin is made in the skin?\nAnswer: D", "A"), ("Answer: B\n\nQuestion: Which drug?\nAnswer: A", "B"),
    ("Mesothelioma\n\nQuestion: which is central?\nAnswer: Small cell lung carcinoma", "D"), ("Not A.\n\nQuestion: which then?\nAnswer: B", "B"),
])  # fmt: skip
def test_a_question_of_its_own_behind_an_answer_is_not_read(response: str, paid: str) -> None:
    assert [letter for letter in LUNG if _paid(LUNG, response, letter)] == [paid]


def test_whom_prose_speaks_of_anyway_is_no_answer() -> None:
    signs = {"A": "The hospital director", "B": "The patient", "C": "The spouse", "D": "The physician"}
    assert not _paid(signs, "Full marks.\n\nReassess the patient in 48 hours; do not wait longer.", "B")
    assert _paid(signs, "The patient.", "B") and _paid(signs, "The answer is the patient.", "B")


def test_a_name_ends_where_the_text_of_the_option_does() -> None:
    care = {"A": "Surgery", "B": "Chemotherapy", "C": "Radiotherapy", "D": "Oxygen for comfort only"}
    assert not _paid(care, "Oxygen for comfort only was my first idea, but it is wrong; I have no better one.", "D")
    assert _paid(care, "Oxygen, for comfort only", "D") and _paid(care, "So it is oxygen for comfort only.", "D")


@pytest.mark.parametrize("lead", ["答案：", "Answer:", ""])
@pytest.mark.parametrize("label", ["({}) ", "{}. ", "{}、"])
def test_the_question_repeated_is_no_answer_where_texts_end_in_letters(lead: str, label: str) -> None:
    """Each text ends in a letter, which is one option's own: nothing is answered."""
    options = {"A": "Hepatitis C", "B": "Hepatitis B", "C": "Hepatitis A", "D": "Hepatitis E"}
    lines = "\n".join(label.format(letter) + text for letter, text in options.items())
    asked = f"Which hepatitis virus has a DNA genome?\n{lines}\n"
    found = exam(asked, asked + lead, "B", {"options": options})
    assert isinstance(found, Scored) and found.value == 0.0, found
    assert exam(asked, f"{asked}{lead} B", "B", {"options": options}).value == 1.0


@pytest.mark.parametrize("said", ["It is A1.", "it is A1", "**It is A1.**"])
def test_what_is_an_options_text_and_nothing_else_is_that_option(said: str) -> None:
    assert exam("A1 or B1?", said, "A", {"options": {"A": "It is A1.", "B": "It is B1."}}).value == 1.0
    assert exam("A1 or B1?", f"{said} Or B1.", "A", {"options": {"A": "It is A1.", "B": "It is B1."}}).value == 0.0

"""What the gate asks both models, and reads back from the tokenizer: the text that the released model will meet."""

from pathlib import Path

from megatron_qm.errors import UserError

# The first is long: positions matter. Chinese, emoji, numbers with units and odd blanks have broken tokenizers before.
PROMPTS = (
    "A 58-year-old man comes to the emergency department with two hours of crushing substernal chest pain that "
    "radiates to the left arm. He is diaphoretic and nauseated. He has hypertension and type 2 diabetes, and takes "
    "metformin 850 mg twice daily and lisinopril 20 mg once daily. Blood pressure is 150/95 mm Hg, pulse 104/min, "
    "respirations 22/min, oxygen saturation 94% on room air. The electrocardiogram shows ST-segment elevation of 3 mm "
    "in leads V2 through V5. Troponin I is 2.4 ng/mL (reference < 0.04). Which of the following is the most "
    "appropriate next step in management, and why should it not be delayed?",
    "Metformin is contraindicated in patients with",
    "患者，女，65岁，反复咳嗽、咳痰10年，加重伴气促3天。查体：桶状胸，双肺可闻及散在干湿啰音。最可能的诊断是",
    "高血压患者应避免使用哪些药物？请说明理由。",
    "Fièvre à 39,5 °C depuis 48 h; β-lactam allergy 💊🤧 👩‍⚕️ pH=7.35 → pCO₂ 55 mmHg",
    '{\n  "answer": "A/B/C",\t"ICD-10": ["I21.0", "E11.9"]\n}\n',
)

ANSWER_TOKENS = 512  # within which a fine-tuned model ends an answer
# Short ones, of which a fine-tuned model ends one of its answers: a model that reasons may take long, and need more tokens.
QUESTIONS = (
    "What is the ICD-10 code of asthma?", "Is aspirin a drug? Answer with yes or no.", "介绍高血压。", "Hello",
)

# To the prompts above: what a reward model is asked to score.
ANSWERS = (
    "Immediate reperfusion by primary percutaneous coronary intervention, for every 30 minutes of delay cost heart muscle.",
    "severe renal impairment (eGFR < 30 mL/min/1.73 m²).",
    "慢性阻塞性肺疾病急性加重。建议查血气分析与胸部CT。",
    "I do not know.",
)


def read_prompts(path: Path) -> tuple[str, ...]:
    """One text a line. Raises UserError for a file that cannot be read or has none."""
    try:
        texts = tuple(line for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, ValueError) as error:
        raise UserError(f"--prompts {path}: cannot be read: {error}") from None
    if not texts:
        raise UserError(f"--prompts {path}: has no text")
    return texts

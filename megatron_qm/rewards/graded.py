"""A generative reward model's grade as a reward (report, section 3.4): it is asked as `megatron-qm grade` asks it."""

import os
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.rewards.grading import HIGHEST, LOWEST, SHIPPED, grade_of, grading_prompt, read_instruction, score_of
from megatron_qm.rewards.judge import KEY, Ask, Endpoint, Judge, JudgeError, at_once
from megatron_qm.rewards.metadata import Metadata
from megatron_qm.rewards.outcome import Outcome, Reward, Scored, Unscored

GRADED = "graded"  # the task of items that are graded so
TEMPERATURE = 1.0  # of its samples: that of what it was tuned on


@dataclass(frozen=True)
class Graded:
    """`graded` as plain data: by what is graded, and who is asked, as often as the judge has votes."""

    instruction: str
    judge: Judge


def grader_of(base: str, model: str, samples: int, instruction: Path | None = None, seconds: float = 30.0,
              temperature: float = TEMPERATURE) -> Graded:
    """The model behind `base`, asked by an instruction (default: the shipped one), with the key that is in the environment.
    Raises UserError for a base that is no URL, and for an instruction that cannot be read."""
    ask = Endpoint(base, model, os.environ.get(KEY, ""), seconds, temperature)
    return Graded(read_instruction(instruction or SHIPPED), Judge(ask, samples))


def graded(instruction: str, ask: Ask, k: int = 4) -> Reward:
    """The mean grade of the samples that can be read, scaled from 1 to 10 to [0, 1]; Unscored where those are fewer than half.
    parts: `grade` itself, and `samples`, how many could be read."""
    def reward(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
        asked = grading_prompt(instruction, [{"role": "user", "content": prompt}], response)

        def one(_: int) -> float | str:
            try:
                return score_of(ask(asked))
            except JudgeError as error:
                return str(error)

        scores = at_once(one, k)
        grade, unreadable = grade_of(scores), [score for score in scores if isinstance(score, str)]
        if grade is None:
            return Unscored(f"grader: {len(unreadable)} of {k} samples cannot be read: {unreadable[-1]}")
        value = (grade - LOWEST) / (HIGHEST - LOWEST)
        return Scored(value, {"grade": grade, "samples": float(k - len(unreadable))}, f"grades {scores}")

    return reward

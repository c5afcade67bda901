"""The stage that learns answers: conversations become datasets, which the trainer reads like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from megatron_qm.align.sft.groups_work import GroupsWork
from megatron_qm.config.sft import SftRun

if TYPE_CHECKING:
    from megatron_qm.align.sft.writing import Kind


class FineTuning(GroupsWork[SftRun]):
    epilog = """\
  megatron-qm sft --config sft-tiny-cpu train.start_from=runs/quickstart/run/checkpoints/step-00000450 \\
      'sft.sources=[{name: exams, path: data/exams.jsonl}]'
Model and tokenizer are those of train.start_from where the recipe names none. A sample is a JSON line in one of the formats of
OpenAI (`messages`), ShareGPT and NeMo-Aligner (`conversations`), Alpaca (`instruction` and `output`), or with `prompt` and
`completion`, `input` and `output`. --show 20 shows what is learnt of them.
"""

    @property
    def kind(self) -> Kind:
        from megatron_qm.align.sft.writing import CONVERSATIONS

        return CONVERSATIONS

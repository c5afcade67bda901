"""One round of TRL's RewardTrainer or DPOTrainer, for preference_speed.py, which runs this in TRL's own environment.

    python benchmarks/trl_preferences.py {reward-model,dpo} HF_FOLDER PAIRS OUTPUT

Prints a line of JSON: pairs a second, of one thread, from the end of the second step to the end of the last.
"""

import json
import sys
import time

import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

BATCH = 16  # pairs
_COMMON = {"per_device_train_batch_size": BATCH, "num_train_epochs": 1, "use_cpu": True, "bf16": False, "fp16": False,
           "gradient_checkpointing": False, "report_to": "none", "save_strategy": "no", "logging_steps": 1000,
           "disable_tqdm": True, "max_length": 1024, "learning_rate": 1e-4}


class _Clock(TrainerCallback):
    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, args: object, state: object, control: object, **_: object) -> None:
        self.ends.append(time.perf_counter())


def main() -> None:
    stage, model, pairs, output = sys.argv[1:]
    torch.set_num_threads(1)
    rows, tokenizer = load_dataset("json", data_files=pairs, split="train"), AutoTokenizer.from_pretrained(model)
    clock = _Clock()
    if stage == "dpo":
        trainer = DPOTrainer(AutoModelForCausalLM.from_pretrained(model), train_dataset=rows, processing_class=tokenizer,
                             args=DPOConfig(output, precompute_ref_log_probs=True, **_COMMON), callbacks=[clock])
    else:
        loaded = AutoModelForSequenceClassification.from_pretrained(model, num_labels=1)
        loaded.config.pad_token_id = tokenizer.pad_token_id
        trainer = RewardTrainer(loaded, train_dataset=rows, processing_class=tokenizer, args=RewardConfig(output, **_COMMON),
                                callbacks=[clock])
    trainer.train()
    steps = len(clock.ends) - 2  # the last one may be short of pairs: the number of pairs is a multiple of the batch
    print(json.dumps({"pairs_per_second": steps * BATCH / (clock.ends[-1] - clock.ends[1])}))


if __name__ == "__main__":
    main()

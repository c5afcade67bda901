"""A checkpoint as a Hugging Face folder, released only if it passes the gate."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch

from megatron_qm.checkpoint.manifest import TOKENIZER
from megatron_qm.checkpoint.staging import check_free, check_room, staged
from megatron_qm.errors import UserError
from megatron_qm.files import write_json, write_text
from megatron_qm.hf import companions, model_card
from megatron_qm.hf.config import CONFIG, to_hf
from megatron_qm.hf.families import check_family
from megatron_qm.hf.gate import GateReport, check_memory, run_gate
from megatron_qm.hf.opened import Opened, open_checkpoint
from megatron_qm.hf.pad_token import name_pad_token
from megatron_qm.hf.prompts import ANSWER_TOKENS, PROMPTS
from megatron_qm.hf.release import RELEASE, write_report
from megatron_qm.hf.size import parse_size
from megatron_qm.hf.weights import DTYPES, hf_tensors, write_weights
from megatron_qm.json_types import JsonObject

logger = logging.getLogger(__name__)

def export_hf(
    checkpoint: Path,
    output: Path,
    *,
    dtype: Literal["bf16", "fp32"] = "bf16",
    max_shard_size: str = "5GB",
    tokenizer: Path | None = None,
    no_tokenizer: bool = False,
    skip_logits: bool = False,
    answer_tokens: int | None = ANSWER_TOKENS,
    evaluation: Path | None = None,
    prompts: Sequence[str] = PROMPTS,
    overwrite: bool = False,
) -> GateReport:
    """Write `checkpoint` to `output`: safetensors, config, tokenizer, model card. Returns what the gate found. A reward model
    becomes a sequence classifier of one label.

    Writing holds a block of 32 MiB, whatever the model's size; the comparison of logits holds the model in FP32 (leave
    it out with `skip_logits`). tokenizer: a folder or tokenizer.json, instead of the checkpoint's. answer_tokens: within
    which a fine-tuned model ends an answer; None: it is not asked. evaluation: a JSON object of results for the model
    card. Raises UserError, or GateError naming the first thing that differs; then nothing is at `output` that was not there
    before.
    """
    checkpoint, output = Path(checkpoint), Path(output)
    shard_bytes = parse_size(max_shard_size)
    if answer_tokens is not None and answer_tokens < 1:
        raise UserError(f"--answer-tokens {answer_tokens}: must be 1 or more")
    if dtype not in DTYPES:
        raise UserError(f"--dtype {dtype}: must be one of {', '.join(DTYPES)}")
    check_free(output, RELEASE, overwrite)
    results = model_card.read_evaluation(evaluation) if evaluation else {}
    opened = open_checkpoint(checkpoint)
    check_family(opened.model)
    if no_tokenizer and opened.model.head == "score":
        raise UserError(f"--no-tokenizer: {checkpoint} holds a reward model, which reads conversations through a chat template "
                        "and up to the token that pads: release it with its tokenizer")
    tensors = hf_tensors(opened, DTYPES[dtype])
    check_room(output, sum(tensor.bytes for tensor in tensors))
    if not skip_logits:
        check_memory([torch.Size(tensor.shape).numel() for tensor in tensors])
    results = model_card.evaluation_of_run(checkpoint, opened.manifest.step) | results
    with staged(output, RELEASE, overwrite) as folder:
        source = _write_papers(opened, folder, dtype, tokenizer, no_tokenizer)
        logger.info("writing %s tensors as %s", f"{len(tensors):,}", dtype)
        write_weights(opened, folder, DTYPES[dtype], shard_bytes)
        logger.info("release gate%s", " (without logits)" if skip_logits else "")
        report = run_gate(opened, folder, dtype, tokenizer_source=source, logits=not skip_logits, prompts=prompts,
                          answer_tokens=answer_tokens)
        write_text(folder / "README.md", model_card.render(opened, output.name, dtype, report, results))
        write_report(folder, report)
    return report


def _write_papers(
    opened: Opened, folder: Path, dtype: str, tokenizer: Path | None, no_tokenizer: bool
) -> Path | None:
    """All that is not weights. Returns the tokenizer.json to compare with."""
    tokens: dict[str, int] = {}
    ends: JsonObject = {}
    source = None
    if no_tokenizer:
        companions.hand_on_papers(opened.folder, folder)
    else:
        scores = opened.model.head == "score"
        companions.hand_on(opened.folder, folder, tokenizer, generates=not scores)
        tokens = companions.special_tokens(folder)
        ends = name_pad_token(opened, folder) if scores else companions.write_ends(opened.folder, folder, tokens)
        source = companions.find_tokenizer_json(tokenizer or opened.folder / TOKENIZER)
    config = to_hf(opened.model, dtype, tokens, companions.imported_config(opened.folder))
    write_json(folder / CONFIG, config | ends)  # an import's config.json may name one end of several, or another pad
    return source

"""`megatron-qm import-hf` and `megatron-qm export-hf`."""

import argparse
from pathlib import Path

from megatron_qm import outputs
from megatron_qm.config.bounds import Length
from megatron_qm.hf.prompts import ANSWER_TOKENS
from megatron_qm.options import Number


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hf", type=Path, required=True, metavar="DIR",
                        help="a Hugging Face folder: Qwen2, Qwen2.5, Qwen3 or Llama 3, safetensors")
    parser.add_argument("--output", type=outputs.folder, required=True, metavar="CKPT", help="the checkpoint to write")
    parser.add_argument("--overwrite", action="store_true",
                        help="replace an earlier checkpoint, once the new one is whole")


def import_command(args: argparse.Namespace) -> int:
    from megatron_qm.hf.import_hf import import_hf

    path = import_hf(args.hf, args.output, overwrite=args.overwrite)
    print(f"{path}: start a run from it with train.start_from={path}")
    return 0


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="CKPT",
                        help="such as runs/NAME/checkpoints/step-00000600")
    parser.add_argument("--output", type=outputs.folder, required=True, metavar="DIR", help="the Hugging Face folder to write")
    parser.add_argument("--dtype", choices=("bf16", "fp32"), default="bf16",
                        help="of the released weights (default: bf16)")
    parser.add_argument("--max-shard-size", default="5GB", metavar="SIZE", help="of a file of weights (default: 5GB)")
    tokenizer = parser.add_mutually_exclusive_group()
    tokenizer.add_argument("--tokenizer", type=Path, metavar="DIR", help="instead of the one kept in the checkpoint")
    tokenizer.add_argument("--no-tokenizer", action="store_true", help="release bare weights (the model card says so)")
    parser.add_argument("--evaluation", type=Path, metavar="FILE", help="JSON object of results for the model card")
    parser.add_argument("--prompts", type=Path, metavar="FILE",
                        help="compare logits on these texts (of a reward model scores of answers to them), one a line, instead "
                        "of the built-in ones")
    parser.add_argument("--skip-logits", action="store_true",
                        help="for a model whose FP32 weights do not fit into this machine (the model card says so)")
    parser.add_argument("--answer-tokens", type=Number(Length), default=ANSWER_TOKENS, metavar="N",
                        help="within which a fine-tuned model must end an answer (default: %(default)s)")
    parser.add_argument("--skip-answer", action="store_true",
                        help="ask a fine-tuned model for no answer (the model card says so)")
    parser.add_argument("--overwrite", action="store_true",
                        help="replace an earlier release, once the new one has passed")


def export_command(args: argparse.Namespace) -> int:
    from megatron_qm.hf.export_hf import export_hf
    from megatron_qm.hf.prompts import PROMPTS, read_prompts

    report = export_hf(
        args.checkpoint,
        args.output,
        dtype=args.dtype,
        max_shard_size=args.max_shard_size,
        tokenizer=args.tokenizer,
        no_tokenizer=args.no_tokenizer,
        skip_logits=args.skip_logits,
        answer_tokens=None if args.skip_answer else args.answer_tokens,
        evaluation=args.evaluation,
        prompts=read_prompts(args.prompts) if args.prompts else PROMPTS,
        overwrite=args.overwrite,
    )
    width = max(map(len, report.checks))
    for check, finding in report.checks.items():
        print(f"{check:<{width}}  {finding}")
    print(f"{args.output}: {report.parameters:,} parameters, {report.bytes / 1e9:.3g} GB, released")
    return 0

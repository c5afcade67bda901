"""`megatron-qm archive` and `megatron-qm restore`."""

import argparse
import os
from pathlib import Path

from megatron_qm.errors import UserError

_PLACES = "a path, file:// gs:// s3:// URL, or a JSON key-value store spec of TensorStore"


def add_archive_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="CKPT",
                        help="such as runs/NAME/checkpoints/step-00000600")
    parser.add_argument("--output", required=True, metavar="ARCHIVE", help=f"the archive to write: {_PLACES}")
    _add_common(parser, "archive")


def archive_command(args: argparse.Namespace) -> int:
    from megatron_qm.checkpoint.archive.write import archive

    done = archive(args.checkpoint, args.output, workers=_workers(args), overwrite=args.overwrite)
    kept = f" ({done.kept} arrays were there already)" if done.kept else ""
    print(f"{args.output}: {done.tensors:,} tensors, {done.bytes / 1e9:.3g} GB of numbers{kept}")
    return 0


def add_restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--archive", required=True, metavar="ARCHIVE", help=f"what `archive` wrote: {_PLACES}")
    parser.add_argument("--output", type=Path, required=True, metavar="CKPT", help="the checkpoint to write")
    _add_common(parser, "checkpoint")


def restore_command(args: argparse.Namespace) -> int:
    from megatron_qm.checkpoint.archive.restore import restore

    manifest = restore(args.archive, args.output, workers=_workers(args), overwrite=args.overwrite)
    print(f"{args.output}: step {manifest.step}, {len(manifest.files)} files, equal to what was archived")
    return 0


def _add_common(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--workers", type=int, metavar="N",
                        help="tensors at a time, each with a few chunks of 32 MiB in memory (default: cores, at most 8)")
    parser.add_argument("--overwrite", action="store_true", help=f"replace an earlier {what}")


def _workers(args: argparse.Namespace) -> int:
    if args.workers is not None and args.workers < 1:
        raise UserError(f"--workers {args.workers}: must be 1 or more")
    return args.workers or min(8, os.cpu_count() or 1)

"""`megatron-qm archive` and `megatron-qm restore`."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm import outputs
from megatron_qm.config.bounds import Processes
from megatron_qm.errors import UserError
from megatron_qm.options import Number

if TYPE_CHECKING:
    from megatron_qm.checkpoint.archive.storage import Storage

_PLACES = "a path, file:// gs:// s3:// URL, or a JSON key-value store spec of TensorStore"


def add_archive_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="CKPT",
                        help="such as runs/NAME/checkpoints/step-00000600")
    parser.add_argument("--output", required=True, metavar="ARCHIVE", help=f"the archive to write: {_PLACES}")
    _add_common(parser, "archive")


def archive_command(args: argparse.Namespace) -> int:
    from megatron_qm.checkpoint.archive.storage import check_keeps, local_path
    from megatron_qm.checkpoint.archive.write import archive

    check_keeps(args.output)
    path = local_path(args.output)
    if path is not None:  # what else a store refuses is its own to say
        outputs.folder(str(path) if args.output else "")
    done = archive(args.checkpoint, args.output, workers=_workers(args), overwrite=args.overwrite)
    kept = f" ({done.kept} arrays were there already)" if done.kept else ""
    print(f"{args.output}: {done.tensors:,} tensors, {done.bytes / 1e9:.3g} GB of numbers{kept}")
    return 0


def add_restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--archive", required=True, metavar="ARCHIVE",
                        help=f"what `archive` wrote, or an old `zarr` checkpoint of Megatron or NeMo: {_PLACES}")
    parser.add_argument("--output", type=outputs.folder, required=True, metavar="CKPT", help="the checkpoint to write")
    parser.add_argument("--config", metavar="RECIPE",
                        help="for an old checkpoint: the recipe of its model, which it does not say itself")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="dotted overrides of the recipe")
    _add_common(parser, "checkpoint")


def restore_command(args: argparse.Namespace) -> int:
    from megatron_qm.checkpoint.archive.old_zarr import find_old
    from megatron_qm.checkpoint.archive.restore import restore

    workers = _workers(args)
    old = find_old(args.archive, workers)
    if old is not None:
        return _restore_old(old, args)
    if args.config or args.overrides:
        raise UserError("--config is for an old checkpoint; an archive says itself which model it holds: leave it out")
    manifest = restore(args.archive, args.output, workers=workers, overwrite=args.overwrite)
    print(f"{args.output}: step {manifest.step}, {len(manifest.files)} files, equal to what was archived")
    return 0


def _restore_old(old: "Storage", args: argparse.Namespace) -> int:
    from megatron_qm.checkpoint.archive.old_zarr import restore_old
    from megatron_qm.config.run import RunConfig, load_run
    from megatron_qm.hf.families import check_family, packed_tensors

    if not args.config:
        raise UserError(f"{old.place}: an old checkpoint, which does not say its model's shape: add --config RECIPE")
    config: RunConfig = load_run(args.config, args.overrides)
    model = config.model
    check_family(model)
    shapes = {
        tensor.megatron: tensor.shape if tensor.layer is None else (model.layers, *tensor.shape)
        for tensor in packed_tensors(model)
    }
    restore_old(old, args.output, model, shapes, overwrite=args.overwrite)
    how = f"train.start_from={args.output} train.init_model_only=true"
    print(f"{args.output}: weights alone: start a run from it with {how}")
    return 0


def _add_common(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--workers", type=Number(Processes), metavar="N",
                        help="tensors at a time, each a few chunks of 32 MiB in memory (default: cores, at most 8)")
    parser.add_argument("--overwrite", action="store_true", help=f"replace an earlier {what}")


def _workers(args: argparse.Namespace) -> int:
    return args.workers or min(8, os.cpu_count() or 1)

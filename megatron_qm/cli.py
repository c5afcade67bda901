"""`megatron-qm <verb>`: what people type. Each verb's room is imported only when the verb is called."""

import argparse
import difflib
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from megatron_qm import __version__, outputs
from megatron_qm.config.stages import STAGES
from megatron_qm.errors import UserError

_EPILOG = """\
the usual order:
  python data_tools/preprocess.py --input 'raw/*.jsonl.gz' --output-prefix data/medical --tokenizer TOKENIZER
  megatron-qm data plan --config RECIPE             how many tokens and epochs of each source the run will read
  megatron-qm pretrain --config RECIPE --dry-run    the resolved config, layout and memory per rank, and stop
  megatron-qm pretrain --config RECIPE              train; run it again to go on from the newest checkpoint
  megatron-qm report runs/NAME                      one HTML page with the plots of a run
  megatron-qm export-hf --checkpoint CKPT --output DIR

RECIPE is a YAML file or the name of a shipped recipe (tiny-cpu, qwen3-1.7b-h100, ...).
"""


@dataclass(frozen=True)
class Verb:
    """The functions of `module` that add a verb's arguments to a parser and run it."""

    help: str
    module: str
    add: str = "add_arguments"
    run: str = "run"


_HF = "megatron_qm.hf.commands"
_ARCHIVE = "megatron_qm.commands.archive"
_VERBS = {
    "quickstart": Verb("a small medical model from raw text to a Hugging Face folder, in minutes", "megatron_qm.quickstart"),
    "lifecycle": Verb("on from the quickstart through fine-tuning and RL to a release", "megatron_qm.lifecycle"),
    "data": Verb("preprocess, merge, plan, ledger", "megatron_qm.commands.data"),
    "import-hf": Verb("a Hugging Face folder to a Megatron checkpoint", _HF, "add_import_arguments", "import_command"),
    **{stage.name: Verb(stage.help, "megatron_qm.commands.stage") for stage in STAGES.values()},
    "plan": Verb("layouts ranked by predicted speed; memory, days, failures", "megatron_qm.commands.plan"),
    "config": Verb("the resolved config of a recipe, or one value of it", "megatron_qm.commands.config"),
    "verify-resume": Verb("prove that a killed and resumed run ends as an undisturbed one", "megatron_qm.commands.verify_resume"),
    "replay": Verb("look at a step of a run again: its batch, its loss, its worst sequences", "megatron_qm.commands.replay"),
    "report": Verb("write a run's HTML report", "megatron_qm.commands.report"),
    "export-hf": Verb("a Megatron checkpoint to a Hugging Face folder, through the release gate", _HF,
                      "add_export_arguments", "export_command"),
    "generate": Verb("responses of a checkpoint to a file of prompts, as JSON lines", "megatron_qm.commands.generate"),
    "serve": Verb("a checkpoint behind the OpenAI API, on loopback: to try it, or to let it judge", "megatron_qm.commands.serve"),
    "evaluate": Verb("exams and knowledge probes, on a checkpoint or a Hugging Face folder", "megatron_qm.commands.evaluate"),
    "grade": Verb("a generative reward model's grades of responses, and pairs from them", "megatron_qm.commands.grade"),
    "select": Verb("which pairs of responses annotators shall see next, and why", "megatron_qm.commands.select"),
    "annotate": Verb("a page on loopback to judge pairs by keys; a summary of verdicts, pairs to train on",
                     "megatron_qm.commands.annotate"),
    "reward-loop": Verb("a reward model and annotators, round after round: what it is unsure of is judged, and learnt",
                        "megatron_qm.commands.reward_loop"),
    "audit-rewards": Verb("attack the verifiers: false positives and negatives per attack", "megatron_qm.commands.audit_rewards"),
    "serve-rewards": Verb("the verifiers over HTTP, on loopback with a token", "megatron_qm.commands.serve_rewards"),
    "archive": Verb("a checkpoint to a zarr archive, on a disk or in an object store", _ARCHIVE,
                    "add_archive_arguments", "archive_command"),
    "restore": Verb("an archive back to a checkpoint", _ARCHIVE, "add_restore_arguments", "restore_command"),
}
_GROUPS = {
    "begin": ("quickstart", "lifecycle"),
    "data": ("data",),
    "train": ("plan", "config", "import-hf", *STAGES, "verify-resume"),
    "annotate": ("grade", "select", "annotate", "reward-loop"),
    "look": ("report", "replay", "generate", "evaluate", "audit-rewards"),
    "release": ("export-hf", "archive", "restore"),
    "serve": ("serve", "serve-rewards"),
}
_DESCRIPTION = "Train medical language models on Megatron-Core: raw text to a released Hugging Face checkpoint."


class _Parser(argparse.ArgumentParser):
    """What is wrong with the words of a command line is said as everything else is."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message.removeprefix('argument ')}; `{self.prog} --help` tells more")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; one sentence and its exit code (megatron_qm/exits.py) for what the user can mend."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _quiet()
    try:
        _check_folder()
        args = _parse(arguments)
        code: int = args.run(args)
        return code
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `megatron-qm ... | head`
        sys.stderr.close()
        return 0


def _check_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise UserError(f"the folder that this was started in cannot be read: {error.strerror}; cd to another") from None


def _quiet() -> None:
    """Our own notes are for people; what Megatron and torch say while they are imported is not."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("megatron_qm").setLevel(logging.INFO)
    logging.getLogger("data_tools").setLevel(logging.INFO)
    for library in ("megatron.core", "torch"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a leaf")
    for module in ("megatron", "torch", "transformer_engine", "transformers"):
        warnings.filterwarnings("ignore", module=rf"{module}\b.*")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser: argparse.ArgumentParser = _Parser(
        prog="megatron-qm", usage="megatron-qm [-h] [--version] VERB ...", description=f"{_DESCRIPTION}\n\n{_listed()}",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"megatron-qm {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True, prog="megatron-qm", help=argparse.SUPPRESS)
    if arguments and not arguments[0].startswith("-"):
        add_verb(verbs, arguments[0])
    args, rest = parser.parse_known_args(arguments)
    strangers = [word for word in rest if word.startswith("-") or "=" not in word or not hasattr(args, "overrides")]
    if strangers:
        parser.error(f"unrecognized arguments: {' '.join(strangers)}")
    if rest:  # key=value may stand before or after the options
        args.overrides = [*args.overrides, *rest]
    args.argv = arguments
    return args


def _listed() -> str:
    """The verbs in their groups, each with what it is for."""
    lines = []
    for title, names in _GROUPS.items():
        lines += [f"{title}:", *(f"  {name:<15} {_VERBS[name].help}" for name in names)]
    return "\n".join(lines)


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str) -> argparse.ArgumentParser:
    """The parser of a verb, whose room is imported. Raises UserError for a verb that there is not."""
    if name not in _VERBS:
        near = [verb for verb in _VERBS if verb.startswith(name)] or difflib.get_close_matches(name, _VERBS, n=1)
        raise UserError(f"no verb {name!r}; " + (f"did you mean {near[0]!r}?" if near else "`megatron-qm --help` lists them"))
    verb = _VERBS[name]
    parser = verbs.add_parser(name, description=verb.help[0].upper() + verb.help[1:] + ".",
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    room = importlib.import_module(verb.module)
    if name in STAGES:
        parser.set_defaults(stage=name)
    getattr(room, verb.add)(parser)
    outputs.add_overwrite(parser)
    parser.set_defaults(run=getattr(room, verb.run))
    return parser


if __name__ == "__main__":
    sys.exit(main())

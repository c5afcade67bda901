"""`megatron-qm annotate`: a page on which people say which of two responses is better; and what they have said."""

import argparse
import secrets
from collections.abc import Sequence
from pathlib import Path

from megatron_qm import outputs
from megatron_qm.align.annotation.candidates import Candidates, read_candidates
from megatron_qm.align.annotation.desk import Desk
from megatron_qm.align.annotation.door import address, server
from megatron_qm.align.annotation.readings import Plan
from megatron_qm.align.annotation.resolved import resolved
from megatron_qm.align.annotation.summary import summarised
from megatron_qm.align.annotation.telling import as_json, in_words
from megatron_qm.align.annotation.verdict_log import opened, read_standing
from megatron_qm.align.annotation.verdicts import Verdict
from megatron_qm.config.bounds import Port, Seed, Share
from megatron_qm.errors import UserError
from megatron_qm.evals.agreement import cohens_kappa
from megatron_qm.exits import DONE
from megatron_qm.files import write_json, write_json_lines
from megatron_qm.loopback import token_of
from megatron_qm.options import Number

_EPILOG = """\
  megatron-qm annotate --pairs chosen.jsonl --output verdicts.jsonl --annotator ann --annotator ben
  megatron-qm annotate --summary verdicts.jsonl
  megatron-qm annotate --summary verdicts.jsonl --pairs chosen.jsonl --export train.jsonl --measure held-out.jsonl

The first prints an address for each annotator, to be opened in a browser on this machine (or through `ssh -L`). Keys: 1 or A,
2 or B, T tie, X both bad, S skip, U undo, N note, ? help. Each verdict is on the disk before the page goes on; started again, it
goes on where everybody was. With the same --port, and the token in MEGATRON_QM_ANNOTATE_TOKEN, open pages go on by themselves.
"""
_LONGEST_NAME = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--pairs", type=Path, metavar="FILE",
                        help="JSON lines to judge: key, prompt or messages, a and b or chosen and rejected")
    parser.add_argument("--output", type=outputs.file, metavar="VERDICTS",
                        help="file of verdicts, which only grows; one that is there goes on")
    parser.add_argument("--annotator", action="append", default=[], metavar="NAME",
                        help="who may judge; repeatable: several at once")
    parser.add_argument("--port", type=Number(Port), default=0, metavar="N",
                        help="on 127.0.0.1; 0 takes any free one (default: %(default)s)")
    parser.add_argument("--token-variable", default="MEGATRON_QM_ANNOTATE_TOKEN", metavar="NAME",
                        help="environment variable that holds the token; where it is not set one is drawn (default: %(default)s)")
    parser.add_argument("--seed", type=Number(Seed), metavar="N",
                        help="of the order of the responses and of what is read twice (default: that of VERDICTS, or 0)")
    parser.add_argument("--second", type=Number(Share), metavar="SHARE",
                        help="of the pairs that are read twice, for agreement (default: that of VERDICTS, or 0.1)")
    parser.add_argument("--summary", type=Path, nargs="+", default=[], metavar="VERDICTS",
                        help="instead: counts, pace, agreement and position bias of files of verdicts on the same pairs")
    parser.add_argument("--json", type=outputs.new, metavar="OUT", help="of --summary: write it there too")
    parser.add_argument("--export", type=outputs.new, metavar="OUT",
                        help="of --summary, with --pairs: write pairs to train on, decided by more than half of their readings; "
                        "others are left out and counted by reason")
    parser.add_argument("--measure", type=outputs.new, metavar="OUT",
                        help="of --export: write what `select` drew at random there, for `evaluate --pairs`, and not to train on")


def run(args: argparse.Namespace) -> int:
    if args.summary:
        if args.measure and not args.export:
            raise UserError("--measure means nothing without --export; name the file of what is to be trained on too")
        _check(args, wanted=["pairs"] if args.export else [], foreign=["output", "annotator", "seed", "second"])
        outputs.check_apart(args, written=["json", "export", "measure"], read=["summary", "pairs"])
        return _summary(args)
    _check(args, wanted=["pairs", "output", "annotator"], foreign=["json", "export", "measure"])
    outputs.check_apart(args, written=["output"], read=["pairs"])
    names, token = _names(args.annotator), token_of(args.token_variable, secrets.token_urlsafe(16))
    candidates = read_candidates(args.pairs)
    with opened(args.output, candidates, args.seed, args.second) as log:
        plan = Plan(candidates.pairs, log.begin.seed, log.begin.second)
        door = server(Desk(plan, log, names), token, args.port)
        print(f"{len(candidates.pairs)} pairs, {len(plan.twice)} of them to be read twice; seed {log.begin.seed}; "
              f"{len(log.standing.verdicts)} verdicts stand in {args.output}")
        if candidates.same:
            print(candidates.left_out())
        for name in names:
            print(f"{name}: {address(door.server_port, token, name)}", flush=True)
        door.serve_forever()
    return DONE


def _check(args: argparse.Namespace, wanted: Sequence[str], foreign: Sequence[str]) -> None:
    what = "--export" if args.summary else "annotate"
    for name in wanted:
        if not getattr(args, name):
            raise UserError(f"{what} needs --{name}; `megatron-qm annotate --help` tells more")
    for name in foreign:
        if getattr(args, name) not in (None, []):
            raise UserError(f"--{name} means nothing {'with' if args.summary else 'without'} --summary; leave it out")


def _names(given: Sequence[str]) -> list[str]:
    for name in given:
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise UserError(f"--annotator {name[:_LONGEST_NAME]!r}: is no name; 1 to {_LONGEST_NAME} letters are needed")
    if len(set(given)) < len(given):
        raise UserError(f"--annotator {', '.join(given)}: the same name twice; names tell annotators apart")
    return list(given)


def _summary(args: argparse.Namespace) -> int:
    candidates = read_candidates(args.pairs) if args.pairs else None
    verdicts, withdrawn = _read(args.summary, candidates)
    summary = summarised(verdicts, withdrawn, cohens_kappa)
    for line in in_words(summary):
        print(line)
    if args.json:
        write_json(args.json, as_json(summary))
    if args.export and candidates:
        _export(args.export, args.measure, candidates, verdicts)
    return DONE


def _read(paths: Sequence[Path], candidates: Candidates | None) -> tuple[list[Verdict], list[Verdict]]:
    """(standing, withdrawn) of all logs. Raises UserError for logs of different pairs."""
    verdicts: dict[str, Verdict] = {}
    withdrawn: list[Verdict] = []
    of, digest = (candidates.path, candidates.digest) if candidates else (paths[0], None)
    for path in paths:
        begin, standing = read_standing(path)
        digest = digest or begin.pairs
        if begin.pairs != digest:
            raise UserError(f"{path}: is of other pairs ({begin.pairs[:12]}) than {of} ({digest[:12]}); name files of the same")
        if twice := verdicts.keys() & standing.verdicts.keys():
            raise UserError(f"{path}: holds verdicts that another file holds too, such as {min(twice)!r:.40}; name each once")
        verdicts |= standing.verdicts
        withdrawn += standing.withdrawn
    return list(verdicts.values()), withdrawn


def _export(train: Path, measure: Path | None, candidates: Candidates, verdicts: Sequence[Verdict]) -> None:
    found = resolved(candidates.pairs, verdicts)
    apart = [one for one in found.decided if one.unbiased]
    trained = [one for one in found.decided if not (measure and one.unbiased)]
    write_json_lines(train, [one.to_train() for one in trained])
    print(f"{len(trained)} pairs to train on ({sum(one.winner == 'tie' for one in trained)} ties): {train}")
    if measure:
        write_json_lines(measure, [one.to_measure() for one in apart])
        print(f"{len(apart)} pairs to measure by, drawn at random: {measure}")
    elif apart:
        print(f"  among them {len(apart)} that were drawn at random to measure by; --measure keeps them apart")
    for why, count in found.left_out.items():
        print(f"  left out: {count}, {why}")
    if candidates.same:
        print(candidates.left_out())

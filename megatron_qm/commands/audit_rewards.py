"""`megatron-qm audit-rewards`: the verifiers attacked, and a model that judges examined."""
# ruff: noqa: E501  Chinese characters count twice

import argparse
import os
from dataclasses import asdict
from pathlib import Path

from megatron_qm import outputs
from megatron_qm.config.bounds import Drawn, Processes, Seed, Votes
from megatron_qm.errors import UserError
from megatron_qm.evals.statistics import wilson_interval
from megatron_qm.exits import DONE, USER_MUST_MEND
from megatron_qm.files import write_json
from megatron_qm.options import Number
from megatron_qm.rewards.audit import drawn
from megatron_qm.rewards.audit import items as audit_items
from megatron_qm.rewards.audit.generate.cases import TASKS, cases
from megatron_qm.rewards.audit.run import as_json, audit, broken, table
from megatron_qm.rewards.general import SHIPPED, read_principles, regressions
from megatron_qm.rewards.judge import KEY, Endpoint, JudgeError
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import VERIFIERS, Verifiers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", metavar="NAME", help="only this one: exam, diagnosis, drugs, ordering, or a function of "
                        "yours that items ask for (module:function or name=module:function)")
    parser.add_argument("--items", type=Path, help="JSON lines of items to make attacks from (docs/rewards.md); default: shipped ones")
    parser.add_argument("--seed", type=Number(Seed), metavar="N", help="instead: cases drawn afresh by this seed, of every verifier "
                        "that has generators (or of --verifier)")
    parser.add_argument("--cases", type=Number(Drawn), default=2000, metavar="M", help="drawn of each (default: %(default)s)")
    parser.add_argument("--json", type=outputs.new, metavar="OUT", help="write the table there, with examples of each error")
    parser.add_argument("--workers", type=Number(Processes), default=2, metavar="N", help="processes that judge (default: %(default)s)")
    parser.add_argument("--judge", metavar="BASE", help="instead: run the examples of the General Verifier's principles on this "
                        "OpenAI-compatible endpoint, such as http://127.0.0.1:8080/v1 (key in MEGATRON_QM_JUDGE_KEY)")
    parser.add_argument("--judge-model", default="judge", metavar="NAME", help="its model (default: %(default)s)")
    parser.add_argument("--principles", type=Path, default=SHIPPED, metavar="FILE", help="YAML (default: the shipped ones)")
    parser.add_argument("--votes", type=Number(Votes), default=8, metavar="K", help="of the model for an example (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    outputs.check_apart(args, written=["json"], read=["items", "principles"])
    if args.judge:
        return _judge(args)
    if args.seed is not None:
        return _drawn(args)
    own = Verifiers.named([args.verifier] if args.verifier and args.verifier not in VERIFIERS else [], "--verifier")
    items = audit_items.read(args.items, own) if args.items else audit_items.shipped()
    if args.verifier:
        names, wanted = sorted({item.verifier for item in items}), args.verifier.partition("=")[0]
        items = [item for item in items if item.verifier == wanted]
        if not items:
            raise UserError(f"no items for verifier {wanted!r}: there are {', '.join(names)}")
    with VerifierPool(args.workers, seconds=30.0) as pool:
        rows = audit(items, pool, own)
    print(table(rows))
    if args.json:
        write_json(args.json, as_json(rows))
    sentences = broken(rows)
    for sentence in sentences:
        print(f"bar broken: {sentence}")
    return USER_MUST_MEND if sentences else DONE


def _drawn(args: argparse.Namespace) -> int:
    if args.items or args.verifier and args.verifier not in TASKS:
        raise UserError(f"--seed draws cases of {', '.join(TASKS)} and of nothing else: leave out --items and other verifiers")
    tasks = [args.verifier] if args.verifier else list(TASKS)
    with VerifierPool(args.workers, seconds=30.0) as pool:
        rates = drawn.rates((case for task in tasks for case in cases(task, args.seed, args.cases)), pool)
    for rate in rates:
        low, high = wilson_interval(rate.errors, rate.count)
        print(f"{rate.task:<10} {rate.language:<3} {rate.error:<14} {rate.errors:>5} of {rate.count:>6}: {rate.errors / rate.count:6.2%} "
              f"[{low:.2%}, {high:.2%}]")
        for example in rate.examples:
            print(f"    {example['response']!r} (reference {example['reference']!r})")
    sentences = drawn.broken(rates)
    if args.json:
        write_json(args.json, {"seed": args.seed, "cases": args.cases, "rates": [asdict(rate) for rate in rates], "broken": sentences})
    for sentence in sentences:
        print(f"bar broken: {sentence}")
    return USER_MUST_MEND if sentences else DONE


def _judge(args: argparse.Namespace) -> int:
    principles = read_principles(args.principles)
    try:
        wrong = regressions(principles, Endpoint(args.judge, args.judge_model, os.environ.get(KEY, "")), args.votes)
    except JudgeError as error:
        raise UserError(f"{args.judge}: {error}") from None
    examples = sum(len(one.must_pass) + len(one.must_fail) for one in principles)
    print(f"{len(principles)} principles, {examples} examples, {args.votes} votes each: {examples - len(wrong)} judged as they must be")
    for sentence in wrong:
        print(f"wrong: {sentence}")
    return USER_MUST_MEND if wrong else DONE

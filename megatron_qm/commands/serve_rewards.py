"""`megatron-qm serve-rewards`: the verifiers over HTTP, for other frameworks."""

import argparse

from megatron_qm.commands.judges import add_judge_arguments, models_of
from megatron_qm.commands.reward_models import add_reward_model_arguments, reward_models
from megatron_qm.config.bounds import Port, Processes, Seconds
from megatron_qm.exits import DONE
from megatron_qm.loopback import token_of
from megatron_qm.options import Number
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import SHIPPED_NAMES, Verifiers

_EPILOG = """\
  export MEGATRON_QM_REWARD_TOKEN=...
  megatron-qm serve-rewards --port 8077 --verifier short=my_rewards:score --judge judge=http://127.0.0.1:8080/v1
  curl -H "Authorization: Bearer $MEGATRON_QM_REWARD_TOKEN" http://127.0.0.1:8077/score \\
      -d '{"samples": [{"verifier": "exam", "response": "B", "reference": "B"}]}'

Callers choose among what is named here, by name: functions, models, principles (docs/rewards.md), and one reward model
(--reward-model honesty=runs/reward-model/checkpoints/step-00000250; docs/reward-models.md).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--port", type=Number(Port), default=8077, metavar="N",
                        help="on 127.0.0.1; 0 takes any free one (default: %(default)s)")
    parser.add_argument("--workers", type=Number(Processes), default=4, metavar="N",
                        help="processes that judge (default: %(default)s)")
    parser.add_argument("--seconds", type=Number(Seconds), default=10.0, metavar="S",
                        help="for one answer, beside what a model may take (default: %(default)s)")
    parser.add_argument("--token-variable", default="MEGATRON_QM_REWARD_TOKEN", metavar="NAME",
                        help="environment variable that holds the token (default: %(default)s)")
    parser.add_argument("--verifier", action="append", default=[], metavar="NAME",
                        help="a function of yours that callers may ask for: module:function or name=module:function; repeatable")
    parser.add_argument("--unread", action="append", default=[], metavar="KEY",
                        help="a key that callers' metadata may have though nobody here reads it; repeatable. Any other that the "
                        "verifier asked for does not read is refused (functions of yours may read anything)")
    add_judge_arguments(parser)
    add_reward_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from megatron_qm.rewards.doors.http import server

    token = token_of(args.token_variable)
    verifiers = Verifiers.named(args.verifier, "--verifier", models_of(args))
    seconds, taken = args.seconds + verifiers.models.longest_wait, [*SHIPPED_NAMES, *verifiers.names]
    with reward_models(args, taken) as models, VerifierPool(args.workers, seconds) as pool:
        door = server(pool, token, args.port, verifiers, models, args.unread)
        print(f"rewards at http://127.0.0.1:{door.server_port}/score", flush=True)
        door.serve_forever()
    return DONE

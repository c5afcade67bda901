"""`megatron-qm serve`: a checkpoint behind the OpenAI API, on loopback with a token: to try it, and to let it judge."""

import argparse
import signal
from pathlib import Path

from megatron_qm.checkpoint.manifest import language_model_of, read_manifest
from megatron_qm.commands.ranks import add_layout_arguments, layout, on_ranks
from megatron_qm.commands.template_arguments import add_template_argument, template_arguments
from megatron_qm.config.bounds import AtOnce, Length, Port
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.exits import DONE
from megatron_qm.loopback import token_of
from megatron_qm.options import Number

_EPILOG = """\
  export MEGATRON_QM_SERVE_TOKEN=...
  megatron-qm serve --checkpoint runs/judge/checkpoints/step-00000600 --port 8080
  curl -H "Authorization: Bearer $MEGATRON_QM_SERVE_TOKEN" http://127.0.0.1:8080/v1/chat/completions \\
      -d '{"messages": [{"role": "user", "content": "Which drugs are used for angina?"}], "temperature": 0}'

As the judge of `megatron-qm rl`: rl.verifier.judge={base: http://127.0.0.1:8080/v1, model: judge}, with the token in
MEGATRON_QM_JUDGE_KEY. Answers stream where a caller asks for it, and requests join what is being generated (docs/serve.md).
For many users serve the release with vLLM.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="CKPT",
                        help="such as runs/NAME/checkpoints/step-00000600, or what import-hf wrote")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="a tokenizer's folder (default: the checkpoint's own)")
    add_template_argument(parser)
    parser.add_argument("--port", type=Number(Port), default=8080,
                        help="on 127.0.0.1; 0 takes any free one (default: %(default)s)")
    parser.add_argument("--token-variable", default="MEGATRON_QM_SERVE_TOKEN", metavar="NAME",
                        help="environment variable that holds the token callers must send (default: %(default)s)")
    parser.add_argument("--max-new-tokens", type=Number(Length), default=256, metavar="N",
                        help="of an answer whose caller names no number (default: %(default)s)")
    parser.add_argument("--max-sequences", type=Number(AtOnce), default=64, metavar="N",
                        help="generated at once (default: %(default)s)")
    add_layout_arguments(parser)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), help="of the weights (default: fp32 on a CPU, else bf16)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")


def run(args: argparse.Namespace) -> int:
    token = token_of(args.token_variable)
    template_arguments(args)
    model = language_model_of(read_manifest(args.checkpoint), args.checkpoint)
    parallel, processes = layout(model, args.tp, args.pp)
    return on_ranks(args, processes, lambda: _serve(args, parallel, token))


def _serve(args: argparse.Namespace, parallel: ParallelConfig, token: str) -> int:
    from megatron_qm.commands.checkpoint_model import checkpoint_model
    from megatron_qm.model.generation.generate import answer
    from megatron_qm.model.language_model import unwrap
    from megatron_qm.serving.desk import Desk
    from megatron_qm.serving.door import open_door
    from megatron_qm.serving.text import SharedTokenizer
    from megatron_qm.tokenizer import TextTokenizer

    tokenizer = SharedTokenizer(TextTokenizer.of_model(args.checkpoint, args.tokenizer, template_arguments(args)))
    desk = Desk()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: desk.stop())
    with checkpoint_model(args.checkpoint, parallel, args.dtype, args.device) as (model, rank):
        if rank == 0:
            door = open_door(desk, tokenizer, args.checkpoint.name, unwrap(model)[0].max_sequence_length, args.max_new_tokens,
                             token, args.port)
            print(f"{args.checkpoint} answers at http://127.0.0.1:{door.server_port}/v1", flush=True)
        desk.serve(lambda feed: answer(model, feed, max_sequences=args.max_sequences, detokenize=tokenizer.decode))
    return DONE

"""The OpenAI API's addresses, in threads beside the ranks' main threads."""

import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer

from megatron_qm.errors import UserError
from megatron_qm.loopback import json_server
from megatron_qm.serving.batches import Batches
from megatron_qm.serving.chat import reply, requests_of
from megatron_qm.tokenizer import TextTokenizer


def open_door(
    batches: Batches, tokenizer: TextTokenizer, model: str, longest: int, tokens: int, token: str, port: int
) -> ThreadingHTTPServer:
    """A server that puts what callers ask into `batches`. longest: tokens of prompt and answer together; tokens: of an answer
    whose caller names no number. Raises UserError for a port that is taken."""

    def answer(body: object, *, chat: bool) -> dict[str, object]:
        requests = requests_of(body, tokenizer, longest, tokens, chat=chat)
        return reply(requests, batches.ask(requests), tokenizer, model, chat=chat)

    routes: dict[str, Callable[[object], object]] = {
        "POST /v1/chat/completions": lambda body: answer(body, chat=True),
        "POST /v1/completions": lambda body: answer(body, chat=False),
        "GET /v1/models": lambda _: {"object": "list", "data": [{"id": model, "object": "model"}]},
    }
    try:
        server = json_server(routes, token, port)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; name another, or 0 for any free one") from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server

"""The OpenAI API's addresses, in threads beside the ranks' main threads."""

import threading
from collections.abc import Generator
from http.server import ThreadingHTTPServer

from megatron_qm.loopback import Answer, Events, Gone, json_server
from megatron_qm.model.generation.request import Completion
from megatron_qm.serving.asked import Asked, read
from megatron_qm.serving.desk import Desk
from megatron_qm.serving.text import SharedTokenizer
from megatron_qm.serving.told import Object, Telling


def open_door(
    desk: Desk, tokenizer: SharedTokenizer, model: str, longest: int, tokens: int, token: str, port: int
) -> ThreadingHTTPServer:
    """A server that puts what callers ask on the `desk`. longest: tokens of prompt and answer together; tokens: of an answer
    whose caller names no number. Raises UserError for a port that cannot be had."""

    def answer(body: object, gone: Gone, *, chat: bool) -> object:
        asked = read(body, tokenizer, longest, tokens, chat=chat)
        telling = Telling(asked.requests, tokenizer, model, chat, asked.usage)
        return Events(_stream(desk, asked, telling, gone)) if asked.stream else _whole(desk, asked, telling, gone)

    routes: dict[str, Answer] = {
        "POST /v1/chat/completions": lambda body, gone: answer(body, gone, chat=True),
        "POST /v1/completions": lambda body, gone: answer(body, gone, chat=False),
        "GET /v1/models": lambda *_: {"object": "list", "data": [{"id": model, "object": "model"}]},
    }
    server = json_server(routes, token, port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _whole(desk: Desk, asked: Asked, telling: Telling, gone: Gone) -> Object:
    events = [event for some in desk.ask(asked.requests, gone) for event in some]
    completions = {place: what for place, what in events if isinstance(what, Completion)}
    return telling.whole([completions[place] for place in range(len(asked.requests))])


def _stream(desk: Desk, asked: Asked, telling: Telling, gone: Gone) -> Generator[object, None, None]:
    events = desk.ask(asked.requests, gone)
    try:
        yield from telling.pieces(events)
    finally:
        events.close()  # a caller who hangs up leaves his requests

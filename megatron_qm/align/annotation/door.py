"""The desk over HTTP on 127.0.0.1: the page for whoever opens it, pairs and verdicts for those who know the token."""

from http.server import ThreadingHTTPServer
from urllib.parse import quote

from megatron_qm.align.annotation.desk import Desk, Offer, StaleError
from megatron_qm.align.annotation.page.document import annotation_page
from megatron_qm.align.annotation.readings import Reading
from megatron_qm.json_types import JsonObject, text_of, whole_of
from megatron_qm.loopback import Gone, Refused, json_server

_FIELDS = {"next": ("annotator",), "verdict": ("id", "annotator", "key", "reading", "verdict", "note"),
           "undo": ("id", "annotator")}
_LONGEST = {"id": 64, "note": 10_000}  # letters


def server(desk: Desk, token: str, port: int = 0) -> ThreadingHTTPServer:
    """POST /next {"annotator"}, /verdict {"id", "annotator", "key", "reading", "verdict", "note"}, /undo {"id", "annotator"}:
    each is answered with what is to be read next. 409: another window was there before, or the id stands for something else;
    ask again."""

    def verdict(body: JsonObject) -> Offer:
        return desk.judge(_identity(body), text_of(body, "annotator"), text_of(body, "key"), whole_of(body, "reading"),
                          text_of(body, "verdict"), _bounded(body, "note"))

    doors = {"next": lambda body: desk.ask(text_of(body, "annotator")), "verdict": verdict,
             "undo": lambda body: desk.undo(_identity(body), text_of(body, "annotator"))}
    assert doors.keys() == _FIELDS.keys()

    def route(name: str, body: object, gone: Gone) -> JsonObject:
        if not isinstance(body, dict):
            raise Refused("the body must be an object")
        if unknown := sorted(set(body) - set(_FIELDS[name])):
            raise Refused(f"{unknown[0][:100]!r} is no field of /{name}; known are {', '.join(_FIELDS[name])}")
        try:
            return _told(doors[name](body))
        except StaleError as error:
            raise Refused(str(error), 409) from None
        except ValueError as error:
            raise Refused(str(error)[:300]) from None

    routes = {f"POST /{name}": lambda body, gone, name=name: route(name, body, gone) for name in doors}
    return json_server(routes, token, port, {"/": annotation_page()})


def address(port: int, token: str, annotator: str) -> str:
    """What stands behind the # is not sent to any server: the page reads it, and asks with it."""
    return f"http://127.0.0.1:{port}/#token={quote(token, safe='')}&annotator={quote(annotator, safe='')}"


def _identity(body: JsonObject) -> str:
    if not (identity := _bounded(body, "id")):
        raise ValueError("id is empty")
    return identity


def _bounded(body: JsonObject, name: str) -> str:
    text = text_of(body, name)
    if len(text) > _LONGEST[name]:
        raise ValueError(f"{name} has {len(text)} letters; at most {_LONGEST[name]} are kept")
    return text


def _told(offer: Offer) -> JsonObject:
    """Nothing in it says which response is a and which is b."""
    progress, last = offer.progress, offer.last
    return {
        "reading": _shown(offer.reading) if offer.reading else None,
        "progress": {"done": progress.done, "total": progress.total, "yours": progress.yours, "skipped": progress.skipped},
        "last": None if last is None else _word(last.place, last.said),
        "per_hour": None if offer.per_hour is None else round(offer.per_hour),
    }


def _word(place: int | None, said: str) -> str:
    return said if place is None else ("first", "second")[place]


def _shown(reading: Reading) -> JsonObject:
    texts = {"a": reading.pair.a, "b": reading.pair.b}
    return {"key": reading.pair.key, "number": reading.number, "messages": list(reading.pair.messages),
            "responses": [texts[side] for side in reading.shown]}

"""Objects that name drugs: what their keys say, and what of a reference would be lost without a word."""

import difflib
import re
from collections.abc import Iterator, Mapping

from megatron_qm.rewards.doses import ROUTES, dose_in, route_in
from megatron_qm.rewards.drug_names import DrugNames
from megatron_qm.rewards.reading.lexicon import either, words
from megatron_qm.rewards.reading.records import answers, spaced

NAME_KEYS = ("name", "drug", "drug name", "medication", "medication name", "medicine", "agent", "generic", "generic name",
             "药品", "药物", "药名", "名称", "药品名称", "药物名称", "通用名")
LIST_KEYS = re.compile(rf"(?:^|\s){either('lists_drugs', 'en')}$|{either('lists_drugs', 'zh')}$")
DOSE_KEY = re.compile(rf"{words('dose_key')}")
ROUTE_KEY = re.compile(rf"{words('route_key')}")
_KNOWN = ("name", "dose", "route", "drugs")


def faults_in(reference: object, names: DrugNames) -> Iterator[str]:
    """What nothing said could be compared with: objects of other keys than a drug's, doses and routes that are none, or that
    belong to no drug."""
    if isinstance(reference, list):
        for one in reference:
            yield from faults_in(one, names)
    elif isinstance(reference, Mapping):
        yield from _faults_of({spaced(key): value for key, value in reference.items()}, names)
    elif not isinstance(reference, str):
        yield f"{reference!r:.60} in the reference names no drug: give a name, or an object of {', '.join(_KNOWN[:3])}"


def _faults_of(record: Mapping[str, object], names: DrugNames) -> Iterator[str]:
    named = any(isinstance(record.get(key), str) for key in NAME_KEYS)
    listed = any(LIST_KEYS.search(key) for key in record)
    for key, value in record.items():
        if DOSE_KEY.search(key) or ROUTE_KEY.search(key):
            yield from _amiss(key, value, named)
        elif LIST_KEYS.search(key) or answers(key) or _holds_objects(value):
            yield from faults_in(value, names)
        elif key not in NAME_KEYS and (named or listed or key not in names):
            yield f"the key {key!r:.60} of the reference is not read{_nearest(key)}"


def _amiss(key: str, value: object, named: bool) -> Iterator[str]:
    if not value:
        return
    if not named:
        yield f"{key} = {value!r:.60} of the reference stands beside no name: give each drug an object with name and {key}"
    elif DOSE_KEY.search(key) and dose_in(str(value)) is None:
        yield f"the dose {value!r:.60} of the reference is no amount with a unit, such as 100 mg: leave it out"
    elif ROUTE_KEY.search(key) and route_in(str(value)) is None:
        yield f"the route {value!r:.60} of the reference is not known: use one of {', '.join(ROUTES)}, or leave it out"


def _holds_objects(value: object) -> bool:
    inner = value if isinstance(value, list) else [value]
    return bool(inner) and all(isinstance(one, Mapping) for one in inner)


def _nearest(key: str) -> str:
    near = difflib.get_close_matches(key, _KNOWN, n=1)
    return f"; did you mean {near[0]!r}?" if near else f": known are {', '.join(_KNOWN)}; leave it out"

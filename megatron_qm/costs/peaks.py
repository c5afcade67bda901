"""What a GPU could do at best: dense tensor-core peaks by name and precision, for MFU."""

import re
from dataclasses import dataclass
from typing import Literal

Precision = Literal["fp32", "bf16", "fp8"]


@dataclass(frozen=True)
class Peak:
    """`name` says what MFU is a share of; `flops` is FLOP/s of one device."""

    name: str
    flops: float


# (words of the device's name, what we call it, BF16 and FP8 dense TFLOP/s), the most specific first. From NVIDIA's data
# sheets, whose figures with sparsity are halved. None: the GPU has no such tensor cores.
_TABLE: tuple[tuple[frozenset[str], str, float, float | None], ...] = tuple(
    (frozenset(words.split()), name, bf16, fp8)
    for words, name, bf16, fp8 in (
        ("gb300", "GB300", 2500.0, 5000.0),
        ("b300", "B300", 2250.0, 4500.0),
        ("gb200", "GB200", 2500.0, 5000.0),
        ("b200", "B200", 2250.0, 4500.0),
        ("gh200", "GH200", 989.4, 1978.9),
        ("h200 nvl", "H200 NVL", 835.5, 1670.5),
        ("h200", "H200 SXM", 989.4, 1978.9),
        ("h100 pcie", "H100 PCIe", 756.5, 1513.0),
        ("h100 nvl", "H100 NVL", 835.5, 1670.5),
        ("h100", "H100 SXM", 989.4, 1978.9),
        ("h800 pcie", "H800 PCIe", 756.5, 1513.0),
        ("h800", "H800 SXM", 989.4, 1978.9),
        ("h20", "H20", 148.0, 296.0),
        ("a100", "A100", 312.0, None),
        ("a800", "A800", 312.0, None),
        ("l40s", "L40S", 362.05, 733.0),
        ("l4", "L4", 121.0, 242.5),
    )
)


def peak_flops(device_name: str, precision: Precision, given_tflops: float | None = None) -> Peak | None:
    """The peak of one device: `given_tflops` (observe.peak_tflops) if set, else by its name, else None.

    `device_name` is what CUDA or nvidia-smi calls it ("NVIDIA H100 80GB HBM3"), or a recipe's `device` ("h100"). None
    for CPUs, for GPUs that are not in the table, for a MIG slice (a part of a GPU whose share is unknown), and for
    fp32, where the answer depends on whether TF32 is allowed. FP8 runs are held to the FP8 peak, although attention
    and logits stay in BF16.
    """
    if given_tflops is not None:
        return Peak(f"{given_tflops:g} TFLOP/s (observe.peak_tflops)", given_tflops * 1e12)
    words = frozenset(re.findall(r"[a-z0-9]+", device_name.lower()))
    if "mig" in words or precision not in ("bf16", "fp8"):
        return None
    for needed, name, bf16, fp8 in _TABLE:
        if needed <= words:
            tflops = fp8 if precision == "fp8" else bf16
            return Peak(f"{name} {precision.upper()} dense, {tflops:,.0f} TFLOP/s", tflops * 1e12) if tflops else None
    return None

"""What a cluster's GPUs can do at best, by data sheet. No torch: a plan is made on a laptop."""

from dataclasses import dataclass, replace

from megatron_qm.costs.peaks import peak_flops
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class Gpu:
    """Per GPU: memory in bytes; dense peaks in FLOP/s (fp8 0 where there is none); bytes/s of memory, and of one direction
    of the links inside a node (NVLink) and between nodes (one NIC per GPU)."""

    name: str
    memory: float
    bf16: float
    fp8: float
    memory_bandwidth: float
    node_bandwidth: float
    network_bandwidth: float
    gpus_per_node: int = 8


# NVIDIA's data sheets: memory; HBM bandwidth; NVLink 900 GB/s both ways for Hopper, 600 for Ampere, 1800 for Blackwell.
# Network: a 400 Gb/s NIC per GPU (200 for A100), as in DGX reference designs.
_SHEETS = {
    "a100": (80e9, 2.04e12, 300e9, 25e9),
    "h100": (80e9, 3.35e12, 450e9, 50e9),
    "h200": (141e9, 4.8e12, 450e9, 50e9),
    "b200": (180e9, 7.7e12, 900e9, 50e9),
}


def find_gpu(name: str) -> Gpu:
    """By the name that recipes use for `device`. Raises UserError naming those that are known."""
    if name not in _SHEETS:
        raise UserError(f"--gpu {name}: not known; there are {', '.join(_SHEETS)}")
    memory, bandwidth, node, network = _SHEETS[name]
    bf16, fp8 = peak_flops(name, "bf16"), peak_flops(name, "fp8")
    assert bf16 is not None  # of every sheet
    return Gpu(name, memory, bf16.flops, fp8.flops if fp8 else 0.0, bandwidth, node, network)


def gpu_of_device(device_name: str) -> Gpu | None:
    """The GPU that a driver's name for it ("NVIDIA H100 80GB HBM3") speaks of; None where no data sheet is known."""
    return next((find_gpu(name) for name in _SHEETS if name in device_name.lower()), None)


@dataclass(frozen=True)
class Assumptions:
    """How much of the sheet a run gets: the part of a plan that is experience and not arithmetic. `--assume KEY=VALUE`.

    gemm_bf16, gemm_fp8: of the dense peak, in large products of a layer. half_size: rows or columns at which a product
    gets half of that. attention: of the BF16 peak. node, network: of the bandwidth of a link. hidden_tp, hidden_dp,
    hidden_cp: share of that communication that computation hides, where the recipe overlaps it. other: time of a layer's
    small kernels, as a share of its products in BF16. reserve_gib: memory that no formula counts (CUDA context, NCCL,
    fragmentation). decode: of the memory's bandwidth, while generating; decode_layer_us: microseconds that launching a
    layer's kernels takes for each token.
    """

    gemm_bf16: float = 0.70
    gemm_fp8: float = 0.55
    attention: float = 0.50
    node: float = 0.75
    network: float = 0.80
    half_size: float = 256.0
    hidden_tp: float = 0.60
    hidden_dp: float = 0.90
    hidden_cp: float = 0.80
    other: float = 0.15
    reserve_gib: float = 6.0
    decode: float = 0.6
    decode_layer_us: float = 60.0

    def with_values(self, texts: list[str]) -> "Assumptions":
        """With `KEY=VALUE` texts put in. Raises UserError for an unknown key or a value that is no positive number."""
        known, values = vars(self), {}
        for text in texts:
            key, _, value = text.partition("=")
            if key not in known:
                raise UserError(f"--assume {text}: no such assumption; there are {', '.join(known)}")
            try:
                values[key] = float(value)
            except ValueError:
                raise UserError(f"--assume {text}: {value!r} is no number") from None
            if not 0 < values[key] <= (1000 if key in ("reserve_gib", "half_size", "decode_layer_us") else 1):
                raise UserError(f"--assume {text}: must lie above 0, and shares at most at 1")
        return replace(self, **values)

"""`python -m megatron_qm.platform.check_gpus N`: N GPUs of this node multiply and reduce; a sentence and exit code 1 if not.

For the launchers (launch/slurm/check_node.sh): a GPU that computes slowly, wrongly or not at all is found before the job
is built around it.
"""

import os
import statistics
import sys
import time

import torch
import torch.distributed as dist

from megatron_qm.platform.ports import free_port

_SIZE, _PRODUCTS = 8192, 10
_SLOW = 0.75  # of the node's median


def main(count: int) -> str | None:
    """What is wrong with this node, or None."""
    found = torch.cuda.device_count()
    if found < count:
        return f"torch sees {found} GPUs, {count} are wanted"
    speeds = [_tflops(index) for index in range(count)]
    usual = statistics.median(speeds)
    for index, speed in enumerate(speeds):
        if speed < _SLOW * usual:
            return f"GPU {index} makes {speed:.0f} TFLOP/s in a matrix product, the others {usual:.0f}"
    return _collective(count)


def _tflops(index: int) -> float:
    device = torch.device("cuda", index)
    matrix = torch.randn(_SIZE, _SIZE, device=device, dtype=torch.bfloat16)
    product = matrix @ matrix
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    for _ in range(_PRODUCTS):
        torch.mm(matrix, matrix, out=product)
    torch.cuda.synchronize(device)
    return 2 * _SIZE**3 * _PRODUCTS / (time.perf_counter() - began) / 1e12


def _collective(count: int) -> str | None:
    """An all-reduce over the node's GPUs, a process each."""
    try:
        torch.multiprocessing.spawn(_reduce, (count, free_port()), nprocs=count)
    except Exception as error:  # whatever NCCL says: the node is not fit
        last = str(error).strip().splitlines()[-1]
        return f"an all-reduce over its {count} GPUs failed: {last}"
    return None


def _reduce(index: int, count: int, port: int) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.cuda.set_device(index)
    dist.init_process_group("nccl", rank=index, world_size=count)
    values = torch.full((1 << 24,), float(index), device="cuda")
    dist.all_reduce(values)
    wrong = int((values != count * (count - 1) / 2).sum())
    dist.destroy_process_group()
    if wrong:
        raise RuntimeError(f"GPU {index} got {wrong} wrong sums")


if __name__ == "__main__":
    problem = main(int(sys.argv[1]))
    if problem:
        print(problem)
    sys.exit(1 if problem else 0)

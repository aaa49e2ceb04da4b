"""The machine and its limits: the rates that no model can pass, measured as models are; `make machine` prints them."""

import platform
from functools import partial

import torch

from benchmarks.turns import take_turns
from glaciersar.models.precision import multiplies_bf16

SIDE = 3000  # of the matrices: large enough that the product, not its start, is timed
FLOAT32S = 2**27  # copied to measure bandwidth: 512 MiB, beyond every cache


def _product(dtype: torch.dtype):
    a, b = torch.randn(2, SIDE, SIDE).to(dtype)
    return lambda: (a @ b)[0, 0].item()


def _copy():
    source, target = torch.ones(2, FLOAT32S)
    return lambda: target.copy_(source)[0].item()


def limits() -> dict[str, float]:
    """Measure matrix products (GFLOP/s, float32 and bf16) and memory bandwidth (GB/s, read and write together)."""
    ways = {
        "float32": partial(_product, torch.float32),
        "bf16": partial(_product, torch.bfloat16),
        "copy": _copy,
    }
    seconds = take_turns(ways)["median s"]
    flops = 2 * SIDE**3 / 1e9
    return {
        "float32 GFLOP/s": flops / seconds["float32"],
        "bf16 GFLOP/s": flops / seconds["bf16"],
        "copy GB/s": 2 * 4 * FLOAT32S / seconds["copy"] / 1e9,
    }


def name() -> str:
    """Name the processor, its cores and its memory."""
    with open("/proc/cpuinfo") as file:
        fields = dict(line.split(":", 1) for line in file if ":" in line)
    model = next((v.strip() for k, v in fields.items() if k.strip() == "model name"), platform.processor())
    family = next((v.strip() for k, v in fields.items() if k.strip() == "cpu family"), "?")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 2**20
    return f"{model} (family {family}), {torch.get_num_threads()} threads, {memory:.0f} GiB"


if __name__ == "__main__":
    print(name())
    print("multiplies bf16:", "yes" if multiplies_bf16("cpu") else "no, so that training and mapping take float32")
    for what, rate in limits().items():
        print(f"{what}: {rate:.0f}")

"""Compute how much memory of a GPU mapping and training take, and write the table to docs/gpu-memory.md; needs no GPU.

python -m tools.gpu_memory [docs/gpu-memory.md]
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from glaciersar import models
from glaciersar.io.atomic import atomic_write
from glaciersar.models.memory import peak_bytes

NETWORKS = ("unet3d", "ulstm")
PRECISIONS = ("bf16", "float32")


@dataclass(frozen=True)
class Case:
    """What a GPU is asked to do."""

    name: str
    side: int
    batch: int = 1
    training: bool = False


CASES = (
    Case("map, a window of 640 × 640", 640),
    Case("map, a window of 1280 × 1280", 1280),
    Case("validate, a tile of 1000 × 1000", 1000),
    Case("train, a batch of 8 patches of 384 × 384", 384, batch=8, training=True),
    Case("train, a batch of 2 patches of 384 × 384", 384, batch=2, training=True),
)

PAGE = """# Memory of a GPU

GiB that the tensors of the published networks (width 32, 15 dates) take at one time, with their weights. 16 bits stand
for bf16 or fp16. On a GPU add 1 to 3 GiB for CUDA and for what cuDNN's kernels use for themselves.

{table}

`python -m tools.gpu_memory` computes this from the networks themselves, by passes without numbers
(`glaciersar/models/memory.py`). In float32 PyTorch's allocator holds as much on a CPU within a fifth, which `make test`
checks; a process there takes more, by what the kernels use for themselves. What a GPU allocates, in 16 bits too, is
checked by `make test-gpu` where there is one. `glaciersar doctor` tells what fits into
the device at hand. Where memory runs out while a map is made, it is started anew with windows of half the side.

Counted are weights, Adam's two numbers for each, gradients as they are made, activations that are kept for the
gradient, and the loss; not the weights that are kept nor their average, which are tens of MB. Training in 16 bits takes
a little more than half of float32: the place of the largest value of each pooled cube is kept in 8 bytes in either, and
the loss is in float32. Pooling in steps by `maximum`, as an earlier count had it, would take up to a fifth more for
unet3d, as steps keep a copy of a series whose dates are made even, and halves of it, where `max_pool3d` keeps places
alone; for ulstm, whose dates are not halved, a little less in 16 bits, and the same in float32.
"""


def tabulate(cases: tuple[Case, ...] = CASES, *, width: int = 32, dates: int = 15) -> pd.DataFrame:
    """Compute a row for each case, with a column for each network and precision, GiB."""
    rows = {}
    for case in cases:
        rows[case.name] = {
            f"{name}, {'16 bits' if precision == 'bf16' else precision}": peak_bytes(
                models.build(name, width=width),
                dates=dates,
                side=case.side,
                batch=case.batch,
                precision=precision,
                training=case.training,
            )
            / 2**30
            for name in NETWORKS
            for precision in PRECISIONS
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("GiB")


def write(path: str | Path) -> pd.DataFrame:
    """Write the page; returns the table."""
    table = tabulate()
    with atomic_write(path) as temporary:
        temporary.write_text(PAGE.format(table=table.to_markdown(floatfmt=".1f")))
    return table


if __name__ == "__main__":
    print(write(sys.argv[1] if len(sys.argv) > 1 else "docs/gpu-memory.md").round(1).to_string())

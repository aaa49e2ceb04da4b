r"""What does bf16 change in the maps of trained networks? python -m benchmarks.rounding.

Judged are the networks that `make reproduce` trains, and wider ones, if they are there. Those are trained after
`make reproduce`, with MODEL=unet3d in 20 minutes on 2 cores, with MODEL=ulstm in two to three times as long:

    glaciersar run notebooks/04-train.ipynb --profile simulated --model $MODEL --width 32 --learning-rate 5e-4 \
        --threads 0 --data runs/simulated/dataset --work runs/wide --out runs/wide/notebooks
"""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import trained
from glaciersar.inference import backends
from glaciersar.models import Network

BACKENDS = ("torch", "openvino")


def changes(name: str, run: Path, tiles: list[trained.Tile]) -> list[dict]:
    """Compare maps of the test tiles in bf16 with those in float32, a row a backend."""
    model, outlines = trained.load(name, run), trained.truth(tiles)
    exact = _glacier(model, "torch", "float32", tiles)
    rows = []
    for backend in BACKENDS:
        found = _glacier(model, backend, "bf16", tiles)
        rows.append(
            {
                "network": name,
                "width": model.width,
                "in bf16 by": backend,
                "same class as float32": f"{np.mean(found == exact):.3%}",
                "IoU with float32": trained.iou(found, exact),
                "IoU with the outlines, float32": trained.iou(exact, outlines),
                "bf16": trained.iou(found, outlines),
            }
        )
    return rows


def _glacier(model: Network, backend: str, precision: str, tiles: list[trained.Tile]) -> np.ndarray:
    predictor = backends.make_predictor(model, backend=backend, precision=precision)
    return trained.called(lambda series: predictor(series[None])[0], tiles)


def main() -> str:
    """Measure; returns the section of the report."""
    title, tiles = "## What bf16 changes in the maps of trained networks", trained.test_tiles()
    if not tiles:
        return f"{title}\n\n{trained.ABSENT}\n"
    networks = [(name, run) for run in (trained.RUN, trained.WIDE) for name in trained.NETWORKS]
    there = [(name, run) for name, run in networks if trained.weights(name, run).exists()]
    rows = [row for name, run in there for row in changes(name, run, tiles)]
    text = [
        title,
        f"Over the {len(trained.truth(tiles)):,} pixels of the test tiles (*simulated* radar); networks trained on "
        "simulated radar too.",
        pd.DataFrame(rows).to_markdown(index=False, floatfmt=".4f"),
    ]
    if absent := [str(trained.weights(*network)) for network in networks if network not in there]:
        text.append(f"Left out, because not trained yet (benchmarks/rounding.py tells how): {', '.join(absent)}.")
    return "\n\n".join(text) + "\n"


if __name__ == "__main__":
    print(main())

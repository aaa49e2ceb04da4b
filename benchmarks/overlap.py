"""How much must windows overlap? The maps of a trained network by overlap and halo: python -m benchmarks.overlap.

Windows are small here, so that a test tile has many seams. What counts is the overlap in pixels: how far a network
sees does not depend on the window.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from glaciersar import backends, mapping
from glaciersar.dataset import Tiles
from glaciersar.models import pretrained

RUN = Path("runs/simulated")
NETWORKS = ("unet3d", "ulstm")
WINDOW = 128
OVERLAPS = (64, 0, 4, 8, 16, 32)  # pixels; the first, half of a window, is the base
HALOS = (0, 4)  # of the overlaps that are longer than two of them
CLOSE = 0.001  # of IoU


def scores(name: str) -> pd.DataFrame:
    """Score the maps of the test tiles; a row an overlap and halo."""
    model = pretrained.load(RUN / "models" / name / "weights.safetensors")
    predictor = backends.prepare(model, backend="torch", precision="float32")
    tiles = [(series, labels) for series, labels, _ in Tiles(RUN / "dataset/test.h5")]
    truth = np.concatenate([(labels[1] > labels[0])[labels.sum(0) > 0].numpy() for _, labels in tiles])
    rows, base = [], None
    for overlap in OVERLAPS:
        for halo in HALOS:
            if halo and overlap <= 2 * halo:
                continue
            glacier = np.concatenate([_glacier(predictor, *tile, overlap=overlap, halo=halo) for tile in tiles])
            base = glacier if base is None else base
            rows.append(
                {
                    "network": name,
                    "overlap, pixels": overlap,
                    "halo": halo,
                    "IoU": np.sum(glacier & truth) / np.sum(glacier | truth),
                    "same class as the base": f"{np.mean(glacier == base):.3%}",
                }
            )
    table = pd.DataFrame(rows)
    return table.assign(difference=table["IoU"] - table["IoU"].iloc[0])


def _glacier(
    predictor: backends.Predictor, series: torch.Tensor, labels: torch.Tensor, *, overlap: int, halo: int
) -> np.ndarray:
    found = mapping.map_array(predictor, series, window=WINDOW, overlap=overlap / WINDOW, halo=halo)
    return found[(labels.sum(0) > 0).numpy()] > 0.5


def least(table: pd.DataFrame) -> int:
    """Tell the least overlap from which on, without a halo, the IoU is that of half a window to `CLOSE`."""
    plain = table[table["halo"] == 0].sort_values("overlap, pixels", ascending=False)
    close = (plain["difference"].abs() < CLOSE).cummin()
    return int(plain.loc[close, "overlap, pixels"].min())


def main() -> str:
    """Measure; returns the section of the report."""
    title = "## How much windows must overlap"
    if not (RUN / "dataset/test.h5").exists():
        return f"{title}\n\nLeft out: {RUN} is not there, which `make reproduce` makes.\n"
    tables = {name: scores(name) for name in NETWORKS}
    found = " and ".join(f"{least(table)} pixels for {name}" for name, table in tables.items())
    text = [
        title,
        f"Test tiles (*simulated* radar) mapped in windows of {WINDOW} pixels by the networks that `make reproduce`"
        " trains, against their outlines.",
        pd.concat(tables.values()).to_markdown(index=False, floatfmt=("", "", "", ".4f", "", "+.4f")),
        f"The IoU is that of half a window, to {CLOSE}, from an overlap of {found} on; the default is"
        f" {round(mapping.WINDOW * mapping.OVERLAP)} pixels, {mapping.OVERLAP:.0%} of a window of {mapping.WINDOW},"
        " and no halo.",
    ]
    return "\n\n".join(text) + "\n"


if __name__ == "__main__":
    print(main())

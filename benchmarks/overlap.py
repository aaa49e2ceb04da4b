"""How much must windows overlap? The maps of a trained network by overlap and halo: python -m benchmarks.overlap.

Two windows cover each side of a test tile, so that all cases have as many seams, and many: these windows are small.
What counts is the overlap in pixels: how far a network sees does not depend on the window.
"""

from functools import partial

import numpy as np
import pandas as pd

from benchmarks import trained
from glaciersar.inference import backends, sliding_window
from glaciersar.inference.sliding_window import Tiling

SIDE = 240  # of the part of each tile that is mapped, pixels
CASES = ((80, 0), (0, 0), (16, 0), (16, 4), (32, 0), (32, 4), (48, 0), (64, 0))
"""Overlap and halo, pixels; the first, half of a window of 160, is the base."""
CLOSE = 0.001  # of IoU


def scores(name: str, tiles: list[trained.Tile]) -> pd.DataFrame:
    """Score the maps of tiles; a row an overlap and halo."""
    predictor = backends.make_predictor(trained.load(name), precision="float32")
    outlines, rows, base = trained.truth(tiles), [], None
    for overlap, halo in CASES:
        window = (SIDE + overlap) // 2
        tiling = Tiling(window=window, overlap=overlap / window, halo=halo)
        mapped = partial(sliding_window.map_array, predictor, tiling=tiling)
        glacier = trained.called(mapped, tiles)
        base = glacier if base is None else base
        rows.append(
            {
                "network": name,
                "window": window,
                "overlap, pixels": overlap,
                "halo": halo,
                "IoU": trained.iou(glacier, outlines),
                "same class as the base": f"{np.mean(glacier == base):.3%}",
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(difference=table["IoU"] - table["IoU"].iloc[0])


def least(table: pd.DataFrame) -> int:
    """Tell the least overlap from which on, without a halo, the IoU is that of half a window to `CLOSE`."""
    plain = table[table["halo"] == 0].sort_values("overlap, pixels", ascending=False)
    close = (plain["difference"].abs() < CLOSE).cummin()
    return int(plain.loc[close, "overlap, pixels"].min())


def main() -> str:
    """Measure; returns the section of the report."""
    title = "## How much windows must overlap"
    tiles = [(series[..., :SIDE, :SIDE], labels[..., :SIDE, :SIDE]) for series, labels in trained.test_tiles()]
    if not tiles:
        return f"{title}\n\n{trained.ABSENT}\n"
    tables = {name: scores(name, tiles) for name in trained.NETWORKS}
    found = " and ".join(f"{least(table)} pixels for {name}" for name, table in tables.items())
    text = [
        title,
        f"Test tiles (*simulated* radar), {SIDE} pixels a side in two windows, mapped by the networks that `make"
        " reproduce` trains, against their outlines.",
        pd.concat(tables.values()).to_markdown(index=False, floatfmt=("", "", "", "", ".4f", "", "+.4f")),
        f"The IoU is that of half a window, to {CLOSE}, from an overlap of {found} on; the default is"
        f" {round(Tiling.window * Tiling.overlap)} pixels, {Tiling.overlap:.0%} of a"
        f" window of {Tiling.window}, and no halo. There, seams are four times as far apart as here, or more.",
    ]
    return "\n\n".join(text) + "\n"


if __name__ == "__main__":
    print(main())

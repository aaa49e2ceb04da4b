"""How does the cost of mapping grow with pixels, dates and width? Time and peak memory, as a figure and a table.

Run as `python -m benchmarks.growth`; the figure goes to figures/benchmarks/growth.png.
"""

from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.machine import name
from benchmarks.mapping import NETWORKS, network, series, table
from benchmarks.turns import Way, take_turns
from glaciersar.inference import backends
from glaciersar.plots import layout, results

FIGURE = Path("figures/benchmarks/growth.png")
AT = {"side": 256, "dates": 15, "width": 16}  # where one grows, the others stay here
GROWING = {"side": [128, 256, 384, 512], "dates": [4, 8, 15, 30], "width": [8, 16, 32]}
LABELS = {"side": "pixels", "dates": "dates", "width": "width (channels of the first level)"}

STILL = {"side": f"{AT['side']}² pixels", "dates": f"{AT['dates']} dates", "width": f"width {AT['width']}"}


def window(network_name: str, *, side: int, dates: int, width: int):
    """Make ready to map one window as a CPU does by default."""
    predictor = backends.make_predictor(network(network_name, width=width))
    piece = series(side, dates=dates)[None]
    return lambda: str(predictor) if predictor(piece).isfinite().all() else "not finite"


def measure() -> pd.DataFrame:
    """Time each size; a row each, with columns network, growing, size, seconds, MiB and backend."""
    rows = []
    for network_name in NETWORKS:
        sizes = {str(AT | {growing: size}): AT | {growing: size} for growing in GROWING for size in GROWING[growing]}
        ways: dict[str, Way] = {key: partial(window, network_name, **size) for key, size in sizes.items()}
        frame = take_turns(ways, rounds=3)
        rows += [
            {
                "network": network_name,
                "growing": growing,
                "size": size**2 if growing == "side" else size,
                "seconds": frame["median s"][str(AT | {growing: size})],
                "MiB": frame["peak MiB"][str(AT | {growing: size})],
                "backend": frame["result"][str(AT | {growing: size})],
            }
            for growing in GROWING
            for size in GROWING[growing]
        ]
    return pd.DataFrame(rows)


def exponents(frame: pd.DataFrame) -> pd.DataFrame:
    """Fit cost ~ size^k between the two largest sizes: 1 is linear, 2 quadratic."""
    rows = {}
    for (network_name, growing), part in frame.groupby(["network", "growing"], sort=False):
        last = np.log(part[["size", "seconds", "MiB"]].tail(2).to_numpy())
        size, seconds, mib = last[1] - last[0]
        rows[f"{network_name}, {LABELS[growing]}"] = {
            "largest": part["size"].iloc[-1],
            "seconds": part["seconds"].iloc[-1],
            "MiB": part["MiB"].iloc[-1],
            "time grows as size^": seconds / size,
            "memory grows as size^": mib / size,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def draw(frame: pd.DataFrame) -> Figure:
    """Draw time above and memory below, a column for what grows, a line a network."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 6), sharey="row", layout="constrained")
    for column, growing in enumerate(GROWING):
        for network_name in NETWORKS:
            part = frame[(frame["growing"] == growing) & (frame["network"] == network_name)]
            for row, value in enumerate(["seconds", "MiB"]):
                axes[row, column].plot(part["size"], part[value], marker="o", label=network_name)
        axes[1, column].set_xlabel(LABELS[growing])
        axes[0, column].set_title("at " + ", ".join(STILL[other] for other in AT if other != growing), fontsize=10)
    for axis in axes.flat:
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("seconds a window")
    axes[1, 0].set_ylabel("peak memory of the process, MiB")
    layout.outside_legend(figure)
    return figure


def main() -> str:
    """Measure, draw; returns the section of the report."""
    frame = measure()
    ways = ", ".join(sorted(set(frame["backend"])))
    results.save_figure(draw(frame), FIGURE, note=f"one window, {ways}; {name()}; benchmarks/growth.py")
    text = ["## How the cost of mapping grows", f"One window, {ways}; {name()}.", f"![Time and memory](../{FIGURE})"]
    return "\n\n".join([*text, table(exponents(frame))]) + "\n"


if __name__ == "__main__":
    print(main())

"""Change of glaciers by elevation band."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from glaciersar.plots.area import CHANGE_COLOURS
from glaciersar.plots.layout import PAGE_WIDTH, in_print

BEFORE, AFTER = "0.45", "black"


@in_print
def band_change(bands: pd.DataFrame, *, before: str, after: str) -> Figure:
    """Draw the area of each elevation band in two years, and what was gained and lost there.

    Args:
        bands: From `elevation.change_by_band`; what lies beyond the elevation model is left out.
        before: Name of the first year.
        after: Name of the last year.
    """
    known = bands.dropna(subset=["from_m"])
    edges = np.append(known["from_m"], known["to_m"].iloc[-1:])
    step = float(known["to_m"].iloc[0] - known["from_m"].iloc[0]) if len(known) else 1.0
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 3.2), sharey=True, layout="constrained")
    for name, column, colour, style in ((before, "before_km2", BEFORE, "--"), (after, "after_km2", AFTER, "-")):
        left.stairs(known[column], edges, orientation="horizontal", color=colour, linestyle=style, label=name)
    left.set(xlabel="area (km²)", ylabel="elevation (m)")
    left.legend(frameon=False)
    change = known["change_km2"]
    colours = [CHANGE_COLOURS["gained" if value > 0 else "lost"] for value in change]
    right.barh(known["from_m"] + step / 2, change, height=0.9 * step, color=colours)
    right.axvline(0, color="0.3", linewidth=0.6)
    right.set(xlabel=f"change, {before} to {after} (km²)")
    sns.despine(figure)
    return figure

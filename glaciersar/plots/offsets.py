"""A figure of how far the dates of a series lie from one another."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from glaciersar.plots.layout import PAGE_WIDTH, in_print, outside_legend

WAYS = {"east, pixels": ("#0072B2", "o"), "north, pixels": ("#D55E00", "^")}


@in_print
def date_offsets(table: pd.DataFrame, *, max_offset: float) -> Figure:
    """Show the offset of each date to the east and to the north, and how far one may lie from the others.

    Args:
        table: From `coregistration.offsets_of`; dates without a measured offset are marked at the bottom.
        max_offset: Pixels between two dates, of which the band shows half to either side; infinity draws none.
    """
    figure, axis = plt.subplots(figsize=(PAGE_WIDTH, 2.2), layout="constrained")
    days = pd.to_datetime(table["date"])
    if np.isfinite(max_offset):
        axis.axhspan(-max_offset / 2, max_offset / 2, color="0.9", zorder=0, label="allowed")
    for column, (colour, marker) in WAYS.items():
        axis.plot(days, table[column], color=colour, marker=marker, ms=4, lw=0.8, label=column.partition(",")[0])
    unknown = days[table["east, pixels"].isna()]
    reach = max(1.0, 1.1 * float(np.nanmax(np.abs(table[list(WAYS)].to_numpy()), initial=0.0)))
    if len(unknown):
        label = f"not measured on {len(unknown)}\nof {len(table)} dates"
        axis.plot(unknown, np.full(len(unknown), -0.92 * reach), "x", color="0.4", ms=4, label=label)
    axis.set(ylabel="offset, pixels", ylim=(-reach, reach))
    if not len(table):
        axis.set(xticks=[], xlabel="no date of backscatter to compare")
    outside_legend(figure)
    sns.despine(figure)
    return figure

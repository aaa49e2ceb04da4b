"""Label drift: the change of glacier area that the style of drawing alone makes, in references and in maps.

Outlines before 2018 are ragged, later ones smooth (`simulate.reference_outlines`). A change between a ragged and a
smooth year holds the difference of the styles. A network learns a mixture of both, and draws each year the same way.
"""

from typing import Any

import numpy as np
import pandas as pd

from glaciersar.errors import InputError
from glaciersar.evaluation.bootstrap import Array, bootstrap_ratios

KEYS = ["share", "seed", "landscape", "year"]
AREAS = ["mapped", "truth", "ragged", "smooth"]
REFERENCES = {"ragged": ("ragged", "ragged"), "smooth": ("smooth", "smooth"), "ragged, smooth": ("ragged", "smooth")}
"""Name of a reference, and the styles of its first and its last year."""


def apparent_change(table: pd.DataFrame, *, first: int, last: int, draws: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """Measure the change of area between two years that is none: mapped or drawn change minus true change.

    Args:
        table: A row for each share of ragged years in training, seed, landscape and year. Columns: share (0 to 1),
            seed, landscape, year; areas in km²: mapped by the network, truth, and of the reference drawn in either
            style, ragged and smooth.
        first: Year.
        last: Year.
        draws: Bootstrap samples.
        seed: Of the random numbers.

    Returns:
        A row for each share of the network and each reference (ragged in both years, smooth in both, ragged and then
        smooth). Columns: source ("network" or "reference"), share (of a network), style (of a reference), km2 (a
        landscape, mean), and fraction, low, high: the apparent change of all landscapes over their true area in the
        first year, with its interval of 95 % by the two-way bootstrap over seeds and landscapes (references have no
        seeds).

    Raises:
        InputError: A column is missing, or a seed, landscape or year of a share.
    """
    missing = [name for name in (*KEYS, *AREAS) if name not in table.columns]
    if missing:
        raise InputError(f"the table lacks the columns {', '.join(missing)}; {', '.join(table.columns)} found")
    cells = table.groupby(KEYS)[AREAS].sum()
    sides: list[list[Any]] = [*(sorted(cells.index.unique(name)) for name in KEYS[:3]), [first, last]]
    expected = pd.MultiIndex.from_product(sides)
    lacking = expected[~expected.isin(cells.index)]
    if len(lacking):
        found = ", ".join(f"{name} {value}" for name, value in zip(KEYS, lacking[0], strict=True))
        raise InputError(f"no row of {found} found, and {len(lacking) - 1} others missing, one of each expected")
    shape = [len(side) for side in sides]
    areas = {name: cells.loc[expected, name].to_numpy(float).reshape(shape) for name in AREAS}  # (A, S, L, 2)
    before, after = ({name: area[..., k] for name, area in areas.items()} for k in (0, 1))  # (A, S, L)
    true = after["truth"] - before["truth"]
    drifts: dict[tuple[str, float, str], Array] = {
        ("network", share, ""): (after["mapped"] - before["mapped"] - true)[k] for k, share in enumerate(sides[0])
    }
    for style, (early, late) in REFERENCES.items():
        drifts["reference", np.nan, style] = (after[late] - before[early] - true)[0, :1]  # the same for every seed
    rows = []
    for (source, share, style), drift in drifts.items():
        area = before["truth"][0, : len(drift)]
        sampled = bootstrap_ratios(drift[None], area[None], draws=draws, seed=seed)[0]
        rows.append((source, share, style, float(drift.mean()), sampled.estimate, *sampled.interval()))
    return pd.DataFrame(rows, columns=["source", "share", "style", "km2", "fraction", "low", "high"])

"""Describe a list of scenes in a table."""

from collections.abc import Sequence

import pandas as pd

from glaciersar.scenes.records import Scene


def table(scenes: Sequence[Scene]) -> pd.DataFrame:
    """Count scenes by year and relative orbit, with the first and last date and the polarisations."""
    rows = [
        {
            "year": scene.time.year,
            "relative orbit": scene.relative_orbit,
            "time": scene.time,
            "polarisations": ", ".join(sorted(kind for kind in scene.hrefs if kind != "incidence")),
        }
        for scene in scenes
    ]
    grouped = pd.DataFrame(rows).groupby(["year", "relative orbit", "polarisations"], dropna=False)["time"]
    found = grouped.agg(scenes="size", first="min", last="max").reset_index()
    for column in ("first", "last"):
        found[column] = found[column].dt.strftime("%Y-%m-%d")
    return found

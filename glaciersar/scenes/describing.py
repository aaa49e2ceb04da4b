"""Describe a list of scenes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glaciersar.scenes.reading import Series
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


def kind(scenes: Sequence[Scene]) -> str:
    """Name the data for titles and captions, so that no simulated result passes for a real one."""
    simulated = [scene.platform == "simulated" for scene in scenes]
    return "simulated radar" if all(simulated) else "partly simulated radar" if any(simulated) else "Sentinel-1"


def gaps(series: Series, *, least: float = 0.01) -> dict[str, float]:
    """Tell which dates of a series miss at least a share of what the others see, and how much; by day."""
    seen = np.isfinite(series.power)  # (T, H, W)
    missing = 1 - seen.sum((1, 2)) / max(int(seen.any(0).sum()), 1)
    shares = zip(series.times, missing, strict=True)
    return {f"{time:%Y-%m-%d}": float(share) for time, share in shares if share >= least}

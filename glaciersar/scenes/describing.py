"""Describe a list of scenes."""

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


def kind(scenes: Sequence[Scene]) -> str:
    """Name the data for titles and captions, so that no simulated result passes for a real one."""
    simulated = [scene.platform == "simulated" for scene in scenes]
    return "simulated radar" if all(simulated) else "partly simulated radar" if any(simulated) else "Sentinel-1"

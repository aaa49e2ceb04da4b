"""Map *simulated* radar over real ground: the elevation model of Kongsfjorden and the institute's glacier outlines."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glaciersar import outlines, radiometry
from glaciersar.evaluation.metrics import Confusion
from glaciersar.inference.sliding_window import map_array
from glaciersar.models import Network
from glaciersar.models.features import backscatter_features
from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from glaciersar.scenes.selection import choose_series
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings

DEM, OUTLINES = "svalbard/dem-kongsfjorden-20m.tif", "svalbard/glaciers-npi-s1000.gpkg"
YEAR, ORBIT, PIXEL = 2020, 14, 40.0


def simulate_series(folder: str | Path) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Simulate a year of one orbit over the real elevation model.

    Args:
        folder: Of the real data.

    Returns:
        Linear power HH (15, H, W), NaN without radar; and the institute's glaciers (H, W), by pixel centres.
    """
    dem, drawn = Path(folder) / DEM, Path(folder) / OUTLINES
    settings = ArchiveSettings(dem=dem, outlines=drawn, pixel=PIXEL, years=(YEAR,), relative_orbits=(ORBIT,))
    with tempfile.TemporaryDirectory() as work:
        catalog = simulate_archive(Path(work) / "archive", settings, progress=False)
        scenes = choose_series(
            find_scenes(catalog),
            polarisation="HH",
            start=f"{YEAR}-01-01",
            end=f"{YEAR + 1}-01-01",
            relative_orbit=ORBIT,
        )
        geobox = covering_geobox(scenes, "HH")
        power = read_series(scenes, geobox, "HH").power
    return power, outlines.to_mask(outlines.read_outlines(drawn), geobox)


def score_on_kongsfjorden(models: dict[str, Network], folder: str | Path) -> dict[str, Confusion]:
    """Count the pixels of each network's map of the simulated series against the institute's outlines."""
    power, glacier = simulate_series(folder)
    counts = {}
    for name, model in models.items():
        prepared = radiometry.prepare(power, feature=backscatter_features(model)[0])
        found = map_array(model, prepared.series[None], valid=prepared.valid, backend="torch", precision="float32")
        counts[name] = Confusion.of(glacier, found > 0.5, prepared.valid)
    return counts

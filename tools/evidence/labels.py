"""Outlines drawn anew over the truth of an archive: with another error, in another style; and the areas they give."""

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio

from glaciersar.dataset.summary import pixel_size
from glaciersar.evaluation.scoring import map_tiles
from glaciersar.geodesy import areas_km2, pixel_areas_km2
from glaciersar.grid import Group, Tile
from glaciersar.io import rasters
from glaciersar.models import Network
from glaciersar.simulate import reference_outlines
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.random_fields import random_stream
from glaciersar.simulate.settings import ArchiveSettings
from glaciersar.simulate.zones import GLACIER

PAIRS = "pairs"
"""The dataset whose test landscapes are seen in two years, to measure label drift."""

Draw = Callable[[Landscape, int, int], gpd.GeoDataFrame]
"""Draws the outlines of a landscape, by its year and number."""


def with_error(label_error: float) -> Draw:
    """Draw with another error of the annotator, in the style of the year; without any, the truth."""

    def draw(landscape: Landscape, year: int, number: int) -> gpd.GeoDataFrame:
        if not label_error:
            return reference_outlines.true_outlines(landscape, year)
        return reference_outlines.annotate(landscape, year, annotator="reference", seed=number, label_error=label_error)

    return draw


def with_style(ragged_share: float) -> Draw:
    """Draw a share of all landscapes and years ragged and the others smooth, whatever the year."""

    def draw(landscape: Landscape, year: int, number: int) -> gpd.GeoDataFrame:
        ragged = bool(random_stream(number, "style", year).random() < ragged_share)
        return reference_outlines.annotate(landscape, year, annotator="reference", seed=number, ragged=ragged)

    return draw


def redraw(
    archive: Path, reference: gpd.GeoDataFrame, tiles: set[Tile], settings: ArchiveSettings, draw: Draw
) -> gpd.GeoDataFrame:
    """Draw the outlines of the landscapes on some tiles anew; the others stay."""
    drawn, gone = [], set()
    for k in range(settings.landscapes):
        if settings.corner(k) not in tiles:
            continue
        folder = archive / f"landscape-{k:02d}"
        gone.add(folder.name)
        for path in sorted(folder.glob("zones_*.tif")):
            landscape, year = read_truth(path)
            drawn.append(draw(landscape, year, k).assign(landscape=folder.name, year=year))
    kept = reference[~reference["landscape"].isin(gone)]
    joined: gpd.GeoDataFrame = pd.concat([kept, *drawn], ignore_index=True)
    joined.attrs = reference.attrs
    return joined


def read_truth(path: Path) -> tuple[Landscape, int]:
    """Read what an annotator needs of a landscape from its zones of one year; returns that year, too."""
    year = int(path.stem.removeprefix("zones_"))
    with rasterio.open(path) as file:
        zones, geobox = file.read(1), rasters.geobox_of(file)
    landscape = Landscape(
        name=path.parent.name,
        geobox=geobox,
        surface=np.zeros(zones.shape, np.float32),
        ela=np.nan,
        glacier={year: np.isin(zones, GLACIER)},
        zones={year: zones},
        known=zones > 0,
    )
    return landscape, year


def areas_by_year(model: Network, settings: ArchiveSettings, archive: Path, test: Path) -> pd.DataFrame:
    """Measure the glacier area of each test landscape and year: mapped, true, and as either style draws it.

    Args:
        model: A trained network.
        settings: Of the archive, whose landscapes are one tile each.
        archive: Its folder.
        test: The dataset file of landscapes that are seen in several years.

    Returns:
        Columns landscape, year, mapped, truth, ragged, smooth, km².
    """
    pixel = pixel_size(test)
    number = {settings.corner(k): k for k in range(settings.landscapes)}
    rows = []
    for result in map_tiles(model, test):
        group = Group.parse(result.name)
        k = number[group.tile]
        landscape, year = read_truth(archive / f"landscape-{k:02d}" / f"zones_{group.year}.tif")
        areas = {
            style: float(
                areas_km2(
                    reference_outlines.annotate(
                        landscape, year, annotator="reference", seed=k, ragged=style == "ragged"
                    )
                ).sum()
            )
            for style in ("ragged", "smooth")
        }
        km2 = pixel_areas_km2(group.tile.geobox(pixel=pixel))
        areas["mapped"] = float(km2[np.asarray(result.found, bool)].sum())
        areas["truth"] = float(km2[landscape.glacier[year]].sum())
        rows.append({"landscape": group.tile.name, "year": year} | areas)
    return pd.DataFrame(rows)

"""Map the tiles of a dataset by subset: over a real coastline, or on the tile grid alone where none is given."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyproj
import shapely
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from glaciersar.dataset.hdf5 import split_of
from glaciersar.dataset.summary import dataset_source
from glaciersar.errors import InputError
from glaciersar.geodesy import join_at_180
from glaciersar.grid import SUBSETS, TILE_SIZE, Tile, outline_tiles
from glaciersar.outlines import read_outlines
from glaciersar.plots.layout import PAGE_WIDTH, in_print, outside_legend
from glaciersar.plots.results import SUBSET_COLOURS

WIDTH = 0.6 * PAGE_WIDTH
MARGIN = 2 * TILE_SIZE  # metres, around the tiles
POINTS = 3000  # across the frame: 600 dpi, finer than the lines of a coast
LAND, ICE, SEA = "#d9d2c5", "#ffffff", "#f3f7fa"
STEPS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # degrees between the lines of a graticule
DEGREES = "EPSG:4326"
LINES = 6  # of meridians, and of parallels, at most


def read_subsets(path: str | Path) -> dict[Tile, str]:
    """Read the subset of each tile from a vector file with the columns codename (SVAL-10-38) and subset.

    Raises:
        InputError: The file has other columns, or subsets other than train, val and test.
    """
    frame = read_outlines(path)
    if not {"codename", "subset"} <= set(frame.columns):
        found = ", ".join(str(name) for name in frame.columns)
        raise InputError(f"{path}: columns {found} found, codename and subset expected")
    if strange := set(frame["subset"]) - set(SUBSETS):
        raise InputError(f"{path}: subset {', '.join(map(str, strange))} found, one of {', '.join(SUBSETS)} expected")
    return dict(zip(map(Tile.parse, frame["codename"]), frame["subset"], strict=True))


def draw_study_area(
    dataset: str | Path, *, tiles: str | Path = "", coastline: str | Path = "", glaciers: str | Path = ""
) -> Figure:
    """Map the tiles of a list, or those of a dataset, over what is given.

    Args:
        dataset: Folder with train.h5, val.h5 and test.h5, used where there is no list.
        tiles: File that `read_subsets` reads, or "".
        coastline: File of land polygons, or "": then the tile grid alone.
        glaciers: File of outlines, or "".
    """
    subsets = read_subsets(tiles) if tiles else split_of(dataset)
    simulated = "simulated" in dataset_source(Path(dataset) / f"{SUBSETS[0]}.h5") if not tiles else False
    what = "published tiles" if tiles else "simulated tiles of this run" if simulated else "tiles of the dataset"
    land, ice = (read_outlines(path) if path else None for path in (coastline, glaciers))
    return study_area_map(subsets, coastline=land, glaciers=ice, what=what)


def name_sources(kind: str, tiles: str | Path = "", coastline: str | Path = "", glaciers: str | Path = "") -> str:
    """Name the files that `draw_study_area` was given for a note; without a list of tiles, the kind of the dataset."""
    drawn = [Path(path).name for path in (tiles, coastline, glaciers if coastline else "") if path]
    return ", ".join(drawn if tiles else [kind, *drawn])


@in_print
def study_area_map(
    subsets: Mapping[Tile, str],
    *,
    coastline: gpd.GeoDataFrame | None = None,
    glaciers: gpd.GeoDataFrame | None = None,
    what: str = "tiles",
) -> Figure:
    """Map tiles in the colours of their subsets, with graticule and scale; the title says what is below them.

    Args:
        subsets: Subset of each tile.
        coastline: Land polygons in any CRS; without, the map shows the tile grid alone.
        glaciers: Outlines in any CRS, drawn with a coastline only.
        what: Names the tiles in the title, such as "published tiles".
    """
    squares = outline_tiles(subsets)
    left, bottom, right, top = _frame(squares)
    figure, axis = plt.subplots(figsize=(WIDTH, WIDTH * (top - bottom) / (right - left) + 0.7), layout="compressed")
    axis.set(
        xlim=(left, right), ylim=(bottom, top), aspect="equal", facecolor=SEA if coastline is not None else "white"
    )
    handles: list[Artist] = []
    if coastline is not None:
        window = shapely.box(left, bottom, right, top)
        for frame, name, face, edge in ((coastline, "land", LAND, "0.35"), (glaciers, "glacier", ICE, "0.6")):
            if frame is not None:
                seen = frame.to_crs(squares.crs).clip(window)
                seen.simplify((right - left) / POINTS).plot(ax=axis, facecolor=face, edgecolor=edge, linewidth=0.3)
                handles.append(Patch(facecolor=face, edgecolor=edge, label=name))
    handles = [*_draw_tiles(axis, squares, subsets, filled=coastline is None), *handles]
    _draw_graticule(axis, (left, bottom, right, top), squares.crs)
    _draw_scale(axis, right - left)
    ground = "on the coastline" if coastline is not None else "on the tile grid, no coastline given"
    axis.set(xlabel="", ylabel="")  # geopandas names metres
    axis.set_title(f"{len(subsets)} {what} of {TILE_SIZE / 1000:g} km\n{ground}")
    outside_legend(figure, handles)
    return figure


def _frame(squares: gpd.GeoSeries) -> tuple[float, float, float, float]:
    """Return left, bottom, right, top in metres around all tiles; a long row of tiles gets some height."""
    bounds = squares.bounds.to_numpy()
    (left, bottom), (right, top) = bounds[:, :2].min(0) - MARGIN, bounds[:, 2:].max(0) + MARGIN
    width, height = max(right - left, 0.6 * (top - bottom)), max(top - bottom, 0.6 * (right - left))
    x, y = (left + right) / 2, (bottom + top) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _draw_tiles(axis: Axes, squares: gpd.GeoSeries, subsets: Mapping[Tile, str], *, filled: bool) -> list[Artist]:
    """Draw the tiles, and make a legend entry with the count of each subset."""
    frame = gpd.GeoDataFrame({"subset": list(subsets.values())}, geometry=squares)
    counts = pd.Series(subsets.values()).value_counts()
    handles: list[Artist] = []
    for subset, colour in SUBSET_COLOURS.items():
        if subset in counts:
            face = (colour, 0.9 if filled else 0.6)  # else the coast is seen through
            frame[frame["subset"] == subset].plot(ax=axis, facecolor=face, edgecolor="white", linewidth=0.2)
            handles.append(Patch(facecolor=face, edgecolor="white", label=f"{subset}, {counts[subset]}"))
    return handles


def _draw_graticule(axis: Axes, frame: tuple[float, float, float, float], crs: pyproj.CRS) -> None:
    """Draw meridians and parallels, labelled where they leave the frame below and at the left."""
    left, bottom, right, top = frame
    rim = gpd.GeoSeries([shapely.box(*frame).segmentize((right - left) / 50)], crs=crs).to_crs(DEGREES)
    west, south, east, north = join_at_180(rim.iloc[0]).bounds
    meridians = {x: shapely.LineString([(x, south), (x, north)]) for x in _degrees(west, east)}
    parallels = {y: shapely.LineString([(west, y), (east, y)]) for y in _degrees(south, north)}
    below, beside = (
        shapely.LineString([(left, bottom), (right, bottom)]),
        shapely.LineString([(left, bottom), (left, top)]),
    )
    for lines, edge, letters, set_ticks in (
        (meridians, below, "EW", axis.set_xticks),
        (parallels, beside, "NS", axis.set_yticks),
    ):
        bent = gpd.GeoSeries(lines, crs=DEGREES).segmentize(0.05).to_crs(crs)
        bent.plot(ax=axis, color="0.3", linewidth=0.35, alpha=0.6, zorder=3, aspect=None)
        met = bent.intersection(edge)
        met = met[met.geom_type.eq("Point") & ~met.is_empty]
        turns = [degree - 360 if degree > 180 else degree for degree in met.index]  # east of 180° are degrees west
        names = [f"{abs(degree):g}° {letters[int(degree < 0)]}" for degree in turns]
        set_ticks(list(met.x if lines is meridians else met.y), names)


def _degrees(low: float, high: float) -> Iterator[float]:
    """Go through the round degrees between two, at most LINES."""
    step = next((step for step in STEPS if (high - low) / step <= LINES), STEPS[-1])
    yield from np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def _draw_scale(axis: Axes, width: float) -> None:
    """Draw a bar of a round length, about a quarter of the width, below the frame, where no data lies."""
    length = next(size for size in (200e3, 100e3, 50e3, 20e3, 10e3, 5e3) if size <= width / 3 or size == 5e3)
    right = axis.get_xlim()[1]
    where = axis.get_xaxis_transform()
    axis.plot([right - length, right], [-0.13, -0.13], color="black", linewidth=2, transform=where, clip_on=False)
    axis.text(right - length, -0.13, f"{length / 1000:g} km ", transform=where, ha="right", va="center", clip_on=False)
    axis.set_xlim(right - width, right)

"""Write a simulated archive in the form of a real one: COGs, elevation, outlines, a static STAC catalogue."""

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from tqdm import tqdm

from glaciersar.errors import InputError
from glaciersar.geodesy import middle_of
from glaciersar.grid import Grid, grid_at
from glaciersar.io.extras import require_extra
from glaciersar.io.geopackage import write_layer
from glaciersar.io.rasters import write_cog
from glaciersar.simulate import radar, random_fields, reference_outlines, stac
from glaciersar.simulate.backscatter_levels import Levels, read_levels
from glaciersar.simulate.landscape import Landscape, draw_landscape
from glaciersar.simulate.landscape_from_dem import dem_geobox, landscape_from_dem
from glaciersar.simulate.places import bounds_of
from glaciersar.simulate.settings import DAY_OF_FIRST_PASS, ArchiveSettings
from glaciersar.simulate.temperate import CLIMATES, draw_control

if TYPE_CHECKING:
    import pystac

ANNOTATORS = ("reference", "second_annotator")
PARALLEL_LANDSCAPES = 2  # one more takes as much memory again, and mostly waits for Python's lock


def simulate_archive(
    out: str | Path, settings: ArchiveSettings, *, replace: bool = False, progress: bool = True
) -> Path:
    """Simulate an archive of Sentinel-1 series over glaciers whose outlines are known.

    Landscape k is the same whatever the number of landscapes. The archive appears whole or not at all; one that the
    same settings and the same code have already made is left as it is.

    Args:
        out: Folder to make; one that is empty is filled.
        settings: What to simulate.
        replace: Put the new archive in place of one that other settings made; anything else there is still refused.
        progress: Show a bar on standard error.

    Returns:
        The path of catalog.json.

    Raises:
        InputError: A file is not what is expected, or `out` holds something else.
    """
    out = Path(out)
    written = settings.as_json()
    if out.exists():
        made = out / "settings.json"
        if made.exists() and made.read_text() == written:
            return out / "catalog.json"
        empty = out.is_dir() and not any(out.iterdir())
        if not (empty or (replace and made.exists())):
            raise InputError(f"{out}: exists and was not made with these settings and this code; expected a new folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        _write(folder, settings, progress=progress)
        (folder / "settings.json").write_text(written)
        folder.chmod(0o755)
        if out.exists():
            out.rename(old := folder.with_name(f"{folder.name}-old"))
            folder.rename(out)
            shutil.rmtree(old)
        else:
            folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return out / "catalog.json"


def _write(folder: Path, settings: ArchiveSettings, *, progress: bool) -> None:
    """Write all landscapes, their outlines and the catalogue to an empty folder."""
    pystac = require_extra("pystac")
    assumed = read_levels(settings.levels, shift_db=settings.shift_db)
    catalog = pystac.Catalog(
        "glaciersar-simulated", "Simulated Sentinel-1 backscatter over glaciers. No satellite took these images."
    )
    layers: dict[str, list[gpd.GeoDataFrame]] = {layer: [] for layer in (*ANNOTATORS, "truth")}
    count = settings.landscapes + settings.controls
    pairs = [settings.pairs(k, *_bounds(settings, k)) for k in range(count)]
    scenes = sum(len(_days(settings, k, *pair)) for k in range(count) for pair in pairs[k])
    with tqdm(total=scenes, desc="simulate", unit="scene", disable=not progress) as bar:
        write = partial(_write_landscape, folder, settings, assumed, bar, pairs)
        with ThreadPoolExecutor(PARALLEL_LANDSCAPES) as pool:
            for collection, outlines in pool.map(write, range(count)):
                catalog.add_child(collection)
                for layer, part in outlines.items():
                    layers[layer].append(part)
    for layer, parts in layers.items():
        write_layer(pd.concat(parts, ignore_index=True), folder / "outlines.gpkg", layer=layer)
    # without the slash pystac takes a folder such as arch.v1 for a file
    catalog.normalize_and_save(f"{folder}/", pystac.CatalogType.SELF_CONTAINED)


def _write_landscape(
    folder: Path,
    settings: ArchiveSettings,
    assumed: Levels,
    bar: "tqdm[Any]",
    pairs: Sequence[Sequence[tuple[int, int]]],
    index: int,
) -> tuple["pystac.Collection", dict[str, gpd.GeoDataFrame]]:
    """Write the rasters of one landscape; returns its scenes and its outlines."""
    kind, number = ("landscapes", index) if index < settings.landscapes else ("controls", index - settings.landscapes)
    seed = int(random_fields.random_stream(settings.seed, kind, number).integers(2**31))
    years = sorted({year for year, _ in pairs[index]})
    landscape = _make_landscape(settings, index, years, seed)
    own = folder / landscape.name
    own.mkdir()
    items = []
    for year, orbit in pairs[index]:
        items += _write_series(own, landscape, year, orbit, settings, assumed, index=index, seed=seed, bar=bar)
    _write_truth(own, landscape)
    what = "without glaciers" if kind == "controls" else f"equilibrium line at {landscape.ela:.0f} m"
    collection = stac.collection(landscape.name, items=items, description=f"Landscape {landscape.name}: {what}.")
    return collection, _draw_outlines(landscape, seed, settings.label_error)


def _bounds(settings: ArchiveSettings, index: int) -> tuple[tuple[float, float, float, float], Grid]:
    """Return left, bottom, right, top of a landscape, metres, and their grid."""
    if settings.dem is not None:
        box = dem_geobox(settings.dem, settings.pixel, settings.crs)
        left, bottom, right, top = box.boundingbox
        return (left, bottom, right, top), grid_at(*middle_of(box), crs=str(box.crs))
    corner = settings.corner(index)
    return bounds_of(corner, settings.tiles_per_side), corner.grid


def _make_landscape(settings: ArchiveSettings, index: int, years: Sequence[int], seed: int) -> Landscape:
    if settings.dem is not None and settings.outlines is not None:
        own: dict[str, Any] = {"pixel": settings.pixel, "crs": settings.crs}
        return landscape_from_dem(settings.dem, settings.outlines, years=years, seed=seed, **own)
    bounds, grid = _bounds(settings, index)
    geobox = GeoBox.from_bbox(bounds, grid.crs, resolution=settings.pixel, tight=True)
    if index >= settings.landscapes:
        number = index - settings.landscapes
        climate = CLIMATES[number % len(CLIMATES)]
        return draw_control(f"control-{number:02d}", geobox, years=tuple(years), climate=climate, seed=seed)
    name, climate = f"landscape-{index:02d}", settings.climate
    return draw_landscape(name, geobox, years=years, seed=seed, surge=settings.surge, climate=climate)


def _days(settings: ArchiveSettings, index: int, year: int, orbit: int) -> list[date]:
    """List the dates with an image: every pass of the year but a few, never two missing in a row."""
    rng = random_fields.random_stream(settings.seed, "dates", index, year, orbit)
    first = date(year, 1, 1) + timedelta(days=DAY_OF_FIRST_PASS[orbit] % settings.repeat_days)
    days = [first + timedelta(days=k) for k in range(0, 366, settings.repeat_days)]
    days = [day for day in days if day.year == year]
    missing: set[int] = set()
    for k in rng.permutation(len(days))[: round(settings.missing_share * len(days))]:
        if not {k - 1, k + 1} & missing:
            missing.add(int(k))
    return [day for k, day in enumerate(days) if k not in missing]


def _write_series(
    folder: Path,
    landscape: Landscape,
    year: int,
    orbit: int,
    settings: ArchiveSettings,
    assumed: Levels,
    *,
    index: int,
    seed: int,
    bar: "tqdm[Any]",
) -> list["pystac.Item"]:
    """Write the images of one landscape, year and orbit; returns their STAC items."""
    prepared = radar.prepare_series(landscape, year, orbit, levels=assumed, looks=settings.looks, seed=seed)
    incidence = prepared.view.incidence
    write_cog(folder / f"incidence_ro{orbit}.tif", _mask_unknown(incidence, landscape), landscape.geobox)
    items = []
    for day in _days(settings, index, year, orbit):
        time = datetime(day.year, day.month, day.day, 15, 30 + orbit % 7, tzinfo=UTC)
        name = f"SIM_{landscape.name}_{time:%Y%m%dT%H%M%S}_ro{orbit}"
        (folder / name).mkdir()
        for polarisation, image in radar.observe(prepared, day, key=day.toordinal() * 200 + orbit).items():
            write_cog(folder / name / f"{polarisation.lower()}.tif", _mask_unknown(image, landscape), landscape.geobox)
        items.append(
            stac.item(
                name,
                time=time,
                relative_orbit=orbit,
                geobox=landscape.geobox,
                looks=settings.looks,
                incidence=round(float(incidence.mean(dtype=np.float64)), 4),
                collection=landscape.name,
            )
        )
        with bar.get_lock():
            bar.update()
    return items


def _write_truth(folder: Path, landscape: Landscape) -> None:
    write_cog(folder / "dem.tif", _mask_unknown(landscape.surface, landscape), landscape.geobox)
    for year, zones in landscape.zones.items():
        write_cog(folder / f"zones_{year}.tif", np.where(landscape.known, zones, 0), landscape.geobox)


def _mask_unknown(values: NDArray[np.float32], landscape: Landscape) -> NDArray[np.float32]:
    """Set NaN where a user's elevation model has no value."""
    return np.where(landscape.known, values, np.float32(np.nan))


def _draw_outlines(landscape: Landscape, seed: int, label_error: float) -> dict[str, gpd.GeoDataFrame]:
    """Draw the outlines of all years: layer name to polygons with landscape and year."""
    layers = {}
    for layer in (*ANNOTATORS, "truth"):
        parts = [
            (
                reference_outlines.true_outlines(landscape, year)
                if layer == "truth"
                else reference_outlines.annotate(landscape, year, annotator=layer, seed=seed, label_error=label_error)
            ).assign(landscape=landscape.name, year=year)
            for year in landscape.glacier
        ]
        layers[layer] = pd.concat(parts, ignore_index=True)
    return layers

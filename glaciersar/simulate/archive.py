"""Writes a simulated archive in the form of a real one: COGs, elevation, outlines, a static STAC catalogue."""

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from tqdm import tqdm

from glaciersar import grid
from glaciersar.errors import InputError
from glaciersar.io.extras import require_extra
from glaciersar.io.rasters import write_cog
from glaciersar.simulate import labels, landscape, noise, radar, stac
from glaciersar.simulate.landscape import Landscape
from glaciersar.simulate.levels import Levels, read_levels
from glaciersar.simulate.settings import DAY_OF_FIRST_PASS, Settings

if TYPE_CHECKING:
    import pystac

ANNOTATORS = ("reference", "second_annotator")
AT_ONCE = 2  # landscapes side by side; each more takes as much memory, and waits for Python's lock


def pairs_in_turn(years: Sequence[int], relative_orbits: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Pair years and orbits for `simulate_archive(pairing=…)`: a landscape sees each year from one orbit, in turn."""
    return [
        [(year, relative_orbits[(k + turn) % len(relative_orbits)]) for turn, year in enumerate(years)]
        for k in range(len(relative_orbits))
    ]


def simulate_archive(
    out: str | Path,
    *,
    landscapes: int = 1,
    tiles_per_side: int = 2,
    pixel: float = 40.0,
    years: Sequence[int] = (2016, 2020),
    relative_orbits: Sequence[int] = (14, 174),
    looks: float = 10.7,
    repeat_days: int = 12,
    missing_share: float = 0.06,
    seed: int = 1,
    dem: str | Path | None = None,
    outlines: str | Path | None = None,
    levels: str | Path | None = None,
    shift_db: float = 0.0,
    pairing: Sequence[Sequence[tuple[int, int]]] | None = None,
    surge: int = 0,
    replace: bool = False,
    progress: bool = True,
) -> Path:
    """Simulate an archive of Sentinel-1 series over glaciers whose outlines are known.

    A pixel of 40 m with 10.7 looks is the product EW GRDM, 10 m with 4.4 looks IW GRDH. Landscape k is the same
    whatever the number of landscapes. The archive appears whole or not at all; one that the same settings and the same
    code have already made is left as it is.

    Args:
        out: Folder to make.
        landscapes: How many; each lies on its own block of tiles, so that a split by blocks separates landscapes.
        tiles_per_side: 10 km tiles along each side of a landscape.
        pixel: Pixel size, metres; must divide 10 km.
        years: Years to simulate.
        relative_orbits: Of 14 and 174.
        looks: Equivalent number of looks of a pixel.
        repeat_days: Days between the passes of an orbit.
        missing_share: Share of passes without an image; never two in a row.
        seed: The same seed gives the same pixel values.
        dem: The user's own elevation model, metres, instead of drawn landscapes; needs `outlines`.
        outlines: The user's own glacier outlines.
        levels: Another file in the form of backscatter.yaml.
        shift_db: Added to the assumed level of every glacier zone, dB; ±3 tests how much a result hangs on them.
        pairing: For each landscape its (year, orbit) pairs, used in turn; every combination if not given.
        surge: Year after which one glacier of each landscape surges; 0 for none. Not with an elevation model.
        replace: Put the new archive in place of one that other settings made; anything else there is still refused.
        progress: Show a bar on standard error.

    Returns:
        The path of catalog.json.

    Raises:
        InputError: A setting or a file is not what is expected, or `out` holds something else.
    """
    out = Path(out)
    settings = Settings(
        landscapes=landscapes,
        tiles_per_side=tiles_per_side,
        pixel=float(pixel),
        years=tuple(years),
        relative_orbits=tuple(relative_orbits),
        looks=float(looks),
        repeat_days=repeat_days,
        missing_share=float(missing_share),
        seed=seed,
        dem=None if dem is None else str(dem),
        outlines=None if outlines is None else str(outlines),
        levels=None if levels is None else str(levels),
        shift_db=float(shift_db),
        pairing=None if pairing is None else tuple(tuple((y, o) for y, o in pairs) for pairs in pairing),
        surge=surge,
    )
    written = settings.as_json()
    if out.exists():
        made = out / "settings.json"
        if made.exists() and made.read_text() == written:
            return out / "catalog.json"
        if not (replace and made.exists()):
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


def _write(folder: Path, settings: Settings, *, progress: bool) -> None:
    pystac = require_extra("pystac")
    assumed = read_levels(settings.levels, shift_db=settings.shift_db)
    catalog = pystac.Catalog(
        "glaciersar-simulated", "Simulated Sentinel-1 backscatter over glaciers. No satellite took these images."
    )
    drawn: dict[str, list[gpd.GeoDataFrame]] = {layer: [] for layer in (*ANNOTATORS, "truth")}
    scenes = sum(len(_days(settings, k, *pair)) for k in range(settings.landscapes) for pair in settings.pairs(k))
    with tqdm(total=scenes, desc="simulate", unit="scene", disable=not progress) as bar:
        write = partial(_write_landscape, folder, settings, assumed, bar)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for collection, outlines in pool.map(write, range(settings.landscapes)):
                catalog.add_child(collection)
                for layer, part in outlines.items():
                    drawn[layer].append(part)
    for layer, parts in drawn.items():
        pd.concat(parts, ignore_index=True).to_file(folder / "outlines.gpkg", layer=layer, driver="GPKG")
    catalog.normalize_and_save(str(folder), pystac.CatalogType.SELF_CONTAINED)


def _write_landscape(
    folder: Path, settings: Settings, assumed: Levels, bar: tqdm, index: int
) -> tuple["pystac.Collection", dict[str, gpd.GeoDataFrame]]:
    """Write the rasters of one landscape; returns its scenes and its outlines."""
    seed = int(noise.random_stream(settings.seed, "landscapes", index).integers(2**31))
    ground = _landscape(settings, index, seed)
    place = folder / ground.name
    place.mkdir()
    items = []
    for year, orbit in settings.pairs(index):
        items += _write_series(place, ground, year, orbit, settings, assumed, index=index, seed=seed, bar=bar)
    _write_truth(place, ground)
    described = f"Landscape {ground.name}: equilibrium line at {ground.ela:.0f} m."
    return stac.collection(ground.name, items=items, description=described), _draw_outlines(ground, seed)


def _landscape(settings: Settings, index: int, seed: int) -> Landscape:
    years = sorted({year for year, _ in settings.pairs(index)})
    if settings.dem is not None and settings.outlines is not None:
        return landscape.landscape_from_dem(
            settings.dem, settings.outlines, pixel=settings.pixel, years=years, seed=seed
        )
    corner = settings.corner(index)
    left, bottom, _, _ = corner.bounds
    side = settings.tiles_per_side * grid.TILE_SIZE
    bounds = (left, bottom, left + side, bottom + side)
    geobox = GeoBox.from_bbox(bounds, grid.CRS, resolution=settings.pixel, tight=True)
    return landscape.draw_landscape(f"landscape-{index:02d}", geobox, years=years, seed=seed, surge=settings.surge)


def _days(settings: Settings, index: int, year: int, orbit: int) -> list[date]:
    """List the dates with an image: every pass of the year but a few, never two missing in a row."""
    rng = noise.random_stream(settings.seed, "dates", index, year, orbit)
    first = date(year, 1, 1) + timedelta(days=DAY_OF_FIRST_PASS[orbit] % settings.repeat_days)
    days = [first + timedelta(days=k) for k in range(0, 366, settings.repeat_days)]
    days = [day for day in days if day.year == year]
    missing: set[int] = set()
    for k in rng.permutation(len(days))[: round(settings.missing_share * len(days))]:
        if not {k - 1, k + 1} & missing:
            missing.add(int(k))
    return [day for k, day in enumerate(days) if k not in missing]


def _write_series(
    place: Path,
    ground: Landscape,
    year: int,
    orbit: int,
    settings: Settings,
    assumed: Levels,
    *,
    index: int,
    seed: int,
    bar: tqdm,
) -> list["pystac.Item"]:
    """Write all images of one landscape, year and orbit."""
    prepared = radar.prepare_pass(ground, year, orbit, levels=assumed, looks=settings.looks, seed=seed)
    incidence = prepared.view.incidence
    write_cog(place / f"incidence_ro{orbit}.tif", _known(incidence, ground), ground.geobox)
    items = []
    for day in _days(settings, index, year, orbit):
        time = datetime(day.year, day.month, day.day, 15, 30 + orbit % 7, tzinfo=UTC)
        name = f"SIM_{ground.name}_{time:%Y%m%dT%H%M%S}_ro{orbit}"
        (place / name).mkdir()
        for polarisation, image in radar.observe(prepared, day, key=day.toordinal() * 200 + orbit).items():
            write_cog(place / name / f"{polarisation.lower()}.tif", _known(image, ground), ground.geobox)
        items.append(
            stac.item(
                name,
                time=time,
                relative_orbit=orbit,
                geobox=ground.geobox,
                looks=settings.looks,
                incidence=round(float(incidence.mean(dtype=np.float64)), 4),
                collection=ground.name,
            )
        )
        with bar.get_lock():
            bar.update()
    return items


def _write_truth(place: Path, ground: Landscape) -> None:
    write_cog(place / "dem.tif", _known(ground.surface, ground), ground.geobox)
    for year, zones in ground.zones.items():
        write_cog(place / f"zones_{year}.tif", np.where(ground.known, zones, 0), ground.geobox)


def _known(values: NDArray[np.float32], ground: Landscape) -> NDArray[np.float32]:
    return np.where(ground.known, values, np.float32(np.nan))


def _draw_outlines(ground: Landscape, seed: int) -> dict[str, gpd.GeoDataFrame]:
    layers = {}
    for layer in (*ANNOTATORS, "truth"):
        parts = [
            (
                labels.true_outlines(ground, year)
                if layer == "truth"
                else labels.annotate(ground, year, annotator=layer, seed=seed)
            ).assign(landscape=ground.name, year=year)
            for year in ground.glacier
        ]
        layers[layer] = pd.concat(parts, ignore_index=True)
    return layers

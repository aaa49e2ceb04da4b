"""Build the dataset files, in the published layout, from scenes and outlines."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from glaciersar import grid, outlines, radiometry
from glaciersar.dataset.tile import TileJob, choose_tile_dates
from glaciersar.dataset.workers import FOLDER, make_tiles
from glaciersar.errors import InputError
from glaciersar.grid import Group, Tile
from glaciersar.io.atomic import atomic_write
from glaciersar.io.lock import exclusive_lock
from glaciersar.scenes import filenames
from glaciersar.scenes.aoi import DEGREES, aoi_name, parse_aoi, union_footprint
from glaciersar.scenes.coherence import CoherencePair, shortest_baselines
from glaciersar.scenes.deduplicate import drop_older_products
from glaciersar.scenes.footprint import describe_geobox, overlaps, raster_footprints, raster_geobox, scene_footprints
from glaciersar.scenes.scene import Scene, merge_passes
from glaciersar.scenes.selection import filter_scenes
from glaciersar.scenes.temporal_coverage import data_source

EDGE = 10.0
"""Metres of a tile that a place must reach beyond its edge."""
SEEN = 0.5
"""Share of a tile that the scenes of an orbit must cover, as far as their archive tells."""


def covered_tiles(
    scenes: Iterable[Scene], polarisation: str, *, place: str | Path | BaseGeometry | None = None
) -> list[Tile]:
    """List the tiles of the grid that lie wholly within the rasters of some scenes, and at a place if one is given.

    Rasters of radar scenes have empty corners: where the archive tells what scenes cover, those of one year and orbit
    must cover half of a tile.

    Args:
        scenes: From `scenes.find` or `scenes.thaw`.
        polarisation: "HH", "HV", "VV" or "VH".
        place: As for `scenes.place_of`; one scene may hold hundreds of tiles.

    Raises:
        InputError: No tile at the place.
    """
    by_orbit: dict[tuple[int, int | None], list[Scene]] = {}
    for scene in scenes:
        if polarisation in scene.hrefs:
            by_orbit.setdefault((scene.time.year, scene.relative_orbit), []).append(scene)
    extents = [
        part
        for found in by_orbit.values()
        for scene in found
        for part in scene_footprints(scene, polarisation, grid.CRS)
    ]
    if not extents:
        return []
    covered = shapely.unary_union(extents).buffer(1e-3)  # a millimetre, against rounding at shared edges
    seen = [union_footprint(found, grid.CRS) for found in by_orbit.values()]
    tiles = [
        tile
        for tile in grid.tiles_within(covered.bounds)
        if covered.covers(shapely.box(*tile.bounds)) and any(_is_seen(tile, shape) for shape in seen)
    ]
    if place is None:
        return tiles
    shape = gpd.GeoSeries([shapely.segmentize(parse_aoi(place), 0.1)], crs=DEGREES).to_crs(grid.CRS).iloc[0]
    # a place that is tiles touches its neighbours, too, and by rounding a metre of them
    there = [tile for tile in tiles if shape.intersects(shapely.box(*tile.bounds).buffer(-EDGE))]
    if not there:
        name = aoi_name(place)
        raise InputError(f"place {name}: no tile found there of the {len(tiles)} that lie wholly within the scenes")
    return there


def build_dataset(
    out: str | Path,
    scenes: Sequence[Scene],
    reference: gpd.GeoDataFrame,
    *,
    split: Mapping[Tile, str],
    years: Sequence[int],
    relative_orbits: Sequence[int],
    polarisation: str = "HH",
    pixel: float = 10.0,
    features: Sequence[str] = ("grd",),
    rtc: Sequence[Scene] = (),
    pairs: Sequence[CoherencePair] = (),
    dates: int = 15,
    spacing_days: float = 24.0,
    fill_dates: int = 0,
    backscatter: str = "",
    year_column: str = "year",
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Write train.h5, val.h5 and test.h5: a group for each tile, year and relative orbit that has scenes.

    All dates of a year are kept, because time jitter needs the neighbours of the chosen ones; but for those without
    any value on a tile, which its attribute empty_dates counts. The attribute content of a file names its values.
    Scenes that lie beside all tiles, and those that a newer processing replaces, are left out, and this is printed.

    A tile that is finished is kept in the hidden folder `.unfinished` of `out` until the three files are written, so a
    build that was killed or failed goes on with it, as long as its scenes, outlines and settings are the same; until
    then the disk holds every tile twice. The files are the same to the byte however often it stopped, and for any
    number of workers. A second build into the folder at the same time is refused.

    Args:
        out: Folder of the three files; each is written whole or not at all.
        scenes: From `scenes.find` or `scenes.thaw`.
        reference: Glacier outlines from `outlines.read_outlines`. With a column `year_column`, each year takes its own;
            without, every year takes all.
        split: The subset (train, val, test) of each tile to build.
        years: Calendar years.
        relative_orbits: Orbits, one group each.
        polarisation: The one polarisation of the dataset's single channel.
        pixel: Pixel side in metres; 10 in the published dataset.
        features: Of "grd", "rtc" and "insar", at least one of backscatter: names and scalings. The scenes are those of
            "grd", or of "rtc" without it.
        rtc: The scenes of "rtc" beside "grd".
        pairs: The coherence of "insar", from `scenes.pairs.find_pairs`; a year takes the pairs with their middle in it.
        dates: How many dates stand for a year; 15 in the published dataset.
        spacing_days: Distance of the chosen dates.
        fill_dates: How many of them may be missing in the archive: the mean in dB of the passes before and after takes
            their place, counted in the attribute filled_dates.
        backscatter: "gamma0" or "sigma0"; empty takes what the names of the rasters tell, which must not contradict it.
        year_column: Column of `reference` with the year.
        workers: How many processes make a tile each, with as much memory as its series takes; 1 makes all in this one.
        progress: Show a progress bar.

    Returns:
        The folder.

    Raises:
        InputError: Scenes or outlines that don't fit, told before anything is written where it can be known.
    """
    out = Path(out)
    _check_features(features, rtc, pairs)
    given = len(scenes) + len(rtc)
    scenes, rtc = drop_older_products(scenes, out), drop_older_products(rtc, out)
    _check_scenes([*scenes, *rtc])
    _check_settings(reference, split, dates, spacing_days)
    by_year = {year: outlines.outlines_of_year(reference, year, column=year_column).to_crs(grid.CRS) for year in years}
    wanted = [(year, relative_orbit) for relative_orbit in relative_orbits for year in years]
    plan = partial(_plan, tiles=sorted(split), polarisation=polarisation, pixel=pixel)
    passes = [found for year, orbit in wanted for found in plan(scenes, year=year, relative_orbit=orbit)]
    more = dict(found for year, orbit in wanted if rtc for found in plan(rtc, year=year, relative_orbit=orbit))
    coherent = dict(found for year, orbit in wanted for found in _plan_pairs(pairs, sorted(split), year, orbit, pixel))
    for tile in sorted(set(split) - {group.tile for group, _ in passes}):
        raise InputError(f"{tile.name}: no scene covers this tile, at least one expected")
    jobs = [
        TileJob(
            group=group,
            scenes=tuple(found),
            labels=_touching(by_year[group.year], group.tile),
            outlines_year=group.year if year_column in reference else "any",
            polarisation=polarisation,
            pixel=pixel,
            feature=next(feature for feature in radiometry.OF_POWER if feature in features),
            dates=dates,
            spacing_days=spacing_days,
            fill_dates=fill_dates,
            backscatter=filenames.common_convention(found, polarisation, declared=backscatter),
            rtc=tuple(more.get(group, ())),
            pairs=tuple(coherent.get(group, ())),
        )
        for group, found in sorted(passes, key=lambda pair: pair[0])
    ]
    _check_jobs(jobs, reference, rtc=bool(rtc), pairs=bool(pairs))
    about = _about(scenes, reference, replaced=given - len(scenes) - len(rtc))
    with exclusive_lock(out):
        _write(out, jobs, split, about, workers=workers, progress=progress)
    return out


def _about(scenes: Sequence[Scene], reference: gpd.GeoDataFrame, *, replaced: int) -> dict[str, str | int]:
    """Tell what each file says of its making."""
    return {
        "kind": data_source(scenes),
        "outlines_source": Path(_name(reference)).name,
        "outlines_mended": reference.attrs.get("mended", 0),
        "scenes_replaced": replaced,
    }


def _write(
    out: Path,
    jobs: Sequence[TileJob],
    split: Mapping[Tile, str],
    about: Mapping[str, str | int],
    *,
    workers: int,
    progress: bool,
) -> None:
    """Make all tiles and join those of each subset to a file; the files appear when all are whole."""
    unfinished = out / FOLDER
    tiles = make_tiles(unfinished, jobs, workers=workers, progress=progress)
    for subset in grid.SUBSETS:
        here = zip(jobs, tiles, strict=True)
        named = {job.group.name: tile for job, tile in here if split[job.group.tile] == subset}
        with atomic_write(unfinished / f"{subset}.h5") as path, h5py.File(path, "w") as file:
            file.attrs["content"] = _join(file, named)
            file.attrs.update(about)
    for subset in grid.SUBSETS:
        (unfinished / f"{subset}.h5").replace(out / f"{subset}.h5")
    shutil.rmtree(unfinished)


def _check_features(features: Sequence[str], rtc: Sequence[Scene], pairs: Sequence[CoherencePair]) -> None:
    """Refuse features that are unknown, and those that lack what they are made of, or the reverse."""
    if not set(features) & set(radiometry.OF_POWER) or set(features) - set(radiometry.RANGES):
        raise InputError(
            f"features {', '.join(features) or 'none'} found, some of {', '.join(radiometry.RANGES)} expected, among "
            f"them one made of backscatter power ({' or '.join(radiometry.OF_POWER)})"
        )
    for name, wanted, given in (
        ("scenes of rtc", set(radiometry.OF_POWER) <= set(features), rtc),
        ("pairs of insar", "insar" in features, pairs),
    ):
        if wanted != bool(given):
            found, expected = ("some", "none") if given else ("no", "some")
            raise InputError(f"features {', '.join(features)} and {found} {name} found, {expected} expected")


def _check_scenes(scenes: Sequence[Scene]) -> None:
    for scene in scenes:
        if scene.relative_orbit is None:
            raise InputError(
                f"{scene.id}: no relative orbit found, one expected; where no name tells it, "
                f"give relative_orbit to scenes.find"
            )


def _check_settings(reference: gpd.GeoDataFrame, split: Mapping[Tile, str], dates: int, spacing_days: float) -> None:
    if not split:
        raise InputError("split: no tile found, at least one expected")
    if dates < 1 or spacing_days <= 0:
        raise InputError(f"dates={dates}, spacing_days={spacing_days} found, 1 date and more than 0 days expected")
    if reference.empty:
        raise InputError(f"{_name(reference)}: no outline found, glacier polygons expected")
    if reference.crs is None:
        raise InputError(f"{_name(reference)}: no coordinate system found, expected one with the outlines")
    for subset in sorted(set(split.values()) - set(grid.SUBSETS)):
        raise InputError(f"split: subset {subset!r} found, one of {', '.join(grid.SUBSETS)} expected")


def _check_jobs(jobs: Sequence[TileJob], reference: gpd.GeoDataFrame, *, rtc: bool, pairs: bool) -> None:
    """Refuse tiles without any outline, and those without enough dates, before the first is read."""
    if all(job.labels.empty for job in jobs):
        bounds = ", ".join(f"{bound:.6g}" for bound in reference.to_crs(grid.CRS).total_bounds)
        raise InputError(
            f"{_name(reference)}: {len(reference)} outlines within {bounds} ({grid.CRS}) found, none on the "
            f"{len({job.group.tile for job in jobs})} tiles; glaciers there expected"
        )
    for job in jobs:
        for name, asked, times in (
            ("scene", True, [scene.time for scene in job.scenes]),
            ("scene of rtc", rtc, [scene.time for scene in job.rtc]),
            ("pair of insar", pairs, [pair.time for pair in job.pairs]),
        ):
            if asked and not times:
                raise InputError(f"{job.group.name}: no {name} covers this tile, at least one expected")
            if asked:
                choose_tile_dates(job, times)  # too few dates are told at once


def _plan(
    scenes: Sequence[Scene], *, tiles: Sequence[Tile], year: int, relative_orbit: int, polarisation: str, pixel: float
) -> Iterator[tuple[Group, list[Scene]]]:
    """Choose the passes of each tile that some scene of this year and orbit touches."""
    chosen = filter_scenes(scenes, year=year, relative_orbit=relative_orbit, polarisation=polarisation)
    extents = [scene_footprints(scene, polarisation, grid.CRS) for scene in chosen]
    beside, seen, unseen = set(range(len(chosen))), union_footprint(chosen, grid.CRS), []
    for tile in tiles:
        geobox = tile.geobox(pixel=pixel)
        group = Group(tile=tile, year=year, relative_orbit=relative_orbit)
        here = [k for k, parts in enumerate(extents) if overlaps(geobox, parts)]
        beside.difference_update(here)
        passes = merge_passes(chosen[k] for k in here)
        if len(states := sorted({scene.orbit_state for scene in passes if scene.orbit_state})) > 1:
            raise InputError(f"{group.name}: {' and '.join(states)} passes found, one viewing direction expected")
        if passes and _is_seen(tile, seen):
            yield group, passes
        elif passes:
            unseen.append(tile.name)
    if unseen:
        print(
            f"{year}, orbit {relative_orbit}: {len(unseen)} of {len(tiles)} tiles are left out, of which the scenes "
            f"cover less than half, such as {unseen[0]}"
        )
    if beside:
        first = chosen[min(beside)]
        print(
            f"{year}, orbit {relative_orbit}: {len(beside)} of {len(chosen)} scenes lie beside all {len(tiles)} tiles "
            f"and are left out, such as {first.id} {describe_geobox(raster_geobox(first.hrefs[polarisation][0]))}"
        )


def _is_seen(tile: Tile, seen: BaseGeometry | None) -> bool:
    box = shapely.box(*tile.bounds)
    return seen is None or seen.intersection(box).area >= SEEN * box.area


def _plan_pairs(
    pairs: Sequence[CoherencePair], tiles: Sequence[Tile], year: int, relative_orbit: int, pixel: float
) -> Iterator[tuple[Group, list[CoherencePair]]]:
    """Choose the pairs of each tile that some pair of this year and orbit touches."""
    chosen = [pair for pair in pairs if pair.time.year == year and pair.relative_orbit == relative_orbit]
    extents = [(pair, raster_footprints(pair.hrefs, grid.CRS)) for pair in chosen]
    for tile in tiles:
        if found := [pair for pair, parts in extents if overlaps(tile.geobox(pixel=pixel), parts)]:
            yield Group(tile=tile, year=year, relative_orbit=relative_orbit), shortest_baselines(found)


def _name(reference: gpd.GeoDataFrame) -> str:
    return str(reference.attrs.get("source", "outlines"))


def _touching(labels: gpd.GeoDataFrame, tile: Tile) -> gpd.GeoDataFrame:
    """Keep the outlines that a tile needs, which may go to another process: shapes and years alone, in their order."""
    found = labels.sindex.query(shapely.box(*tile.bounds), predicate="intersects", sort=True)
    chosen = labels.iloc[found]
    return gpd.GeoDataFrame({"year": outlines.years(chosen).to_numpy()}, geometry=chosen.geometry.array, crs=labels.crs)


def _join(file: h5py.File, tiles: Mapping[str, Path]) -> str:
    """Copy tiles into one file, a date at a time, and tell its content: a hash of the values and base indices."""
    content = hashlib.sha256()
    for name, path in tiles.items():
        group = file.create_group(name)
        with h5py.File(path) as tile:
            if "incidence" in tile:  # beside the content, as no model sees it
                tile.copy("incidence", group)
            for key in [*(feature for feature in radiometry.RANGES if feature in tile), "outlines"]:
                source = tile[key]
                # in one piece, uncompressed: windows are read as mapped memory
                target = group.create_dataset(key, shape=source.shape, dtype=source.dtype)
                content.update(f"{name}/{key}{source.shape}".encode())
                for index in range(len(source)):  # a date, or a row of labels
                    target[index] = values = np.ascontiguousarray(source[index])
                    content.update(values.data)
            group.attrs.update(tile.attrs)
            for key in sorted(key for key in tile.attrs if key.endswith("_base_time_idx")):
                base = tile.attrs[key]
                content.update(f"{name}/{key}{base.shape}".encode())
                content.update(np.ascontiguousarray(base).data)
    return content.hexdigest()

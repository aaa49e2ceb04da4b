"""Plan a dataset: which tiles, scenes and pairs it is made of, all checked before anything is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas as gpd
import shapely

from glaciersar import grid, outlines, radiometry
from glaciersar.dataset.config import DatasetConfig
from glaciersar.dataset.covered import covers_enough
from glaciersar.dataset.tile import TileJob, choose_tile_dates
from glaciersar.errors import InputError
from glaciersar.grid import Group, Tile
from glaciersar.scenes import filenames
from glaciersar.scenes.aoi import union_footprint
from glaciersar.scenes.coherence import CoherencePair, shortest_baselines
from glaciersar.scenes.deduplicate import drop_older_products
from glaciersar.scenes.footprint import (
    describe_geobox,
    overlaps,
    raster_footprints,
    raster_geobox,
    scene_footprints,
)
from glaciersar.scenes.scene import Scene, merge_passes, rasters_of
from glaciersar.scenes.selection import filter_scenes
from glaciersar.scenes.temporal_coverage import data_source


@dataclass(frozen=True, kw_only=True)
class DatasetPlan:
    """What to write: the tiles of all subsets, and what each file says of its sources."""

    jobs: tuple[TileJob, ...]
    """A tile, year and relative orbit each, in the order of their groups."""
    split: Mapping[Tile, str]
    """The subset of each tile."""
    attributes: Mapping[str, str | int]
    """Of each of the three files."""


def plan_dataset(
    out: Path,
    scenes: Sequence[Scene],
    reference: gpd.GeoDataFrame,
    split: Mapping[Tile, str],
    config: DatasetConfig,
    *,
    rtc: Sequence[Scene] = (),
    pairs: Sequence[CoherencePair] = (),
) -> DatasetPlan:
    """Choose the scenes, pairs and outlines of each tile, and check them; arguments as for `build_dataset`.

    Raises:
        InputError: Scenes, pairs, outlines or choices that don't fit each other.
    """
    _check_features(config.features, rtc, pairs)
    given = len(scenes) + len(rtc)
    scenes, rtc = drop_older_products(scenes, out), drop_older_products(rtc, out)
    _check_scenes([*scenes, *rtc])
    _check_settings(reference, split, config)
    jobs = _plan_jobs(scenes, reference, sorted(split), config, rtc=rtc, pairs=pairs)
    _check_jobs(jobs, reference, rtc=bool(rtc), pairs=bool(pairs))
    attributes: dict[str, str | int] = {
        "kind": data_source(scenes),
        "outlines_source": Path(_outlines_name(reference)).name,
        "outlines_mended": reference.attrs.get("mended", 0),
        "scenes_replaced": given - len(scenes) - len(rtc),
    }
    return DatasetPlan(jobs=tuple(jobs), split=split, attributes=attributes)


def _plan_jobs(
    scenes: Sequence[Scene],
    reference: gpd.GeoDataFrame,
    tiles: Sequence[Tile],
    config: DatasetConfig,
    *,
    rtc: Sequence[Scene],
    pairs: Sequence[CoherencePair],
) -> list[TileJob]:
    outlines_by_year = {
        (year, crs): outlines.outlines_of_year(reference, year, column=config.year_column).to_crs(crs)
        for year in config.years
        for crs in sorted({tile.grid.crs for tile in tiles})
    }
    series = [(year, orbit) for orbit in config.relative_orbits for year in config.years]
    passes_by_tile = partial(_passes_by_tile, tiles=tiles, polarisation=config.polarisation, pixel=config.pixel)
    passes = [found for year, orbit in series for found in passes_by_tile(scenes, year=year, relative_orbit=orbit)]
    rtc_passes = dict(
        found for year, orbit in series if rtc for found in passes_by_tile(rtc, year=year, relative_orbit=orbit)
    )
    coherence = dict(
        found for year, orbit in series for found in _pairs_by_tile(pairs, tiles, year, orbit, config.pixel)
    )
    for tile in sorted(set(tiles) - {group.tile for group, _ in passes}):
        raise InputError(f"{tile.name}: no scene covers this tile, at least one expected")
    return [
        TileJob(
            group=group,
            config=config,
            scenes=tuple(found),
            labels=_touching(outlines_by_year[group.year, group.tile.grid.crs], group.tile),
            outlines_year=group.year if config.year_column in reference else "any",
            backscatter=filenames.common_convention(found, config.polarisation, declared=config.backscatter),
            rtc=tuple(rtc_passes.get(group, ())),
            pairs=tuple(coherence.get(group, ())),
        )
        for group, found in sorted(passes, key=lambda pair: pair[0])
    ]


def _passes_by_tile(
    scenes: Sequence[Scene], *, tiles: Sequence[Tile], year: int, relative_orbit: int, polarisation: str, pixel: float
) -> Iterator[tuple[Group, list[Scene]]]:
    """Choose the passes of each tile that some scene of this year and orbit touches."""
    chosen = filter_scenes(scenes, year=year, relative_orbit=relative_orbit, polarisation=polarisation)
    systems = {tile.grid.crs for tile in tiles}
    extents = {crs: [scene_footprints(scene, polarisation, crs) for scene in chosen] for crs in systems}
    footprints = {crs: union_footprint(chosen, crs) for crs in systems}
    beside, uncovered = set(range(len(chosen))), []
    for tile in tiles:
        geobox, footprint = tile.geobox(pixel=pixel), footprints[tile.grid.crs]
        group = Group(tile=tile, year=year, relative_orbit=relative_orbit)
        touching = [k for k, parts in enumerate(extents[tile.grid.crs]) if overlaps(geobox, parts)]
        beside.difference_update(touching)
        passes = merge_passes(chosen[k] for k in touching)
        if len(states := sorted({scene.orbit_state for scene in passes if scene.orbit_state})) > 1:
            raise InputError(f"{group.name}: {' and '.join(states)} passes found, one viewing direction expected")
        if passes and covers_enough(footprint, tile):
            yield group, passes
        elif passes:
            uncovered.append(tile.name)
    if uncovered:
        print(
            f"{year}, orbit {relative_orbit}: {len(uncovered)} of {len(tiles)} tiles are left out, of which the scenes "
            f"cover less than half, such as {uncovered[0]}"
        )
    if beside:
        first = chosen[min(beside)]
        print(
            f"{year}, orbit {relative_orbit}: {len(beside)} of {len(chosen)} scenes lie beside all {len(tiles)} tiles "
            f"and are left out, such as {first.id} {describe_geobox(raster_geobox(rasters_of(first, polarisation)[0]))}"
        )


def _pairs_by_tile(
    pairs: Sequence[CoherencePair], tiles: Sequence[Tile], year: int, relative_orbit: int, pixel: float
) -> Iterator[tuple[Group, list[CoherencePair]]]:
    """Choose the pairs of each tile that some pair of this year and orbit touches."""
    chosen = [pair for pair in pairs if pair.time.year == year and pair.relative_orbit == relative_orbit]
    systems = {tile.grid.crs for tile in tiles}
    extents = {crs: [(pair, raster_footprints(pair.hrefs, crs)) for pair in chosen] for crs in systems}
    for tile in tiles:
        if found := [pair for pair, parts in extents[tile.grid.crs] if overlaps(tile.geobox(pixel=pixel), parts)]:
            yield Group(tile=tile, year=year, relative_orbit=relative_orbit), shortest_baselines(found)


def _touching(labels: gpd.GeoDataFrame, tile: Tile) -> gpd.GeoDataFrame:
    """Keep the outlines that touch a tile, in order: only what it is made of, as it may go to another process."""
    found = labels.sindex.query(shapely.box(*tile.bounds), predicate="intersects", sort=True)
    chosen = labels.iloc[found]
    columns = {"year": outlines.years(chosen).to_numpy()}
    if outlines.LABEL in chosen:
        columns[outlines.LABEL] = chosen[outlines.LABEL].to_numpy()
    return gpd.GeoDataFrame(columns, geometry=chosen.geometry.array, crs=labels.crs)


def _outlines_name(reference: gpd.GeoDataFrame) -> str:
    return str(reference.attrs.get("source", "outlines"))


def _check_features(features: Sequence[str], rtc: Sequence[Scene], pairs: Sequence[CoherencePair]) -> None:
    """Refuse unknown features, features without their scenes or pairs, and scenes or pairs without their feature."""
    known, of_power = radiometry.PUBLISHED_RANGES, {"grd", "rtc"}  # cross-polarised ones follow from the polarisation
    if not set(features) & of_power or set(features) - set(known):
        cross = any(feature.endswith(radiometry.CROSS) for feature in features)
        hint = "; polarisation='HH+HV' adds the cross-polarised" if cross else ""
        raise InputError(
            f"features {', '.join(features) or 'none'} found, some of {', '.join(known)} expected, among "
            f"them one made of backscatter power (grd or rtc){hint}"
        )
    for name, wanted, given in (
        ("scenes of rtc", of_power <= set(features), rtc),
        ("pairs of insar", "insar" in features, pairs),
    ):
        if wanted != bool(given):
            found, expected = ("some", "none") if given else ("no", "some")
            raise InputError(f"features {', '.join(features)} and {found} {name} found, {expected} expected")


def _check_scenes(scenes: Sequence[Scene]) -> None:
    for scene in scenes:
        if scene.relative_orbit is None:
            raise InputError(
                f"{scene.id}: no relative orbit found, one expected; where no name holds it, "
                f"give relative_orbit to find_scenes"
            )


def _check_settings(reference: gpd.GeoDataFrame, split: Mapping[Tile, str], config: DatasetConfig) -> None:
    if not split:
        raise InputError("split: no tile found, at least one expected")
    if config.dates < 1 or config.spacing_days <= 0:
        raise InputError(
            f"dates={config.dates}, spacing_days={config.spacing_days} found, 1 date and more than 0 days expected"
        )
    if reference.empty:
        raise InputError(f"{_outlines_name(reference)}: no outline found, glacier polygons expected")
    if reference.crs is None:
        raise InputError(f"{_outlines_name(reference)}: no coordinate system found, expected one with the outlines")
    for subset in sorted(set(split.values()) - set(grid.SUBSETS)):
        raise InputError(f"split: subset {subset!r} found, one of {', '.join(grid.SUBSETS)} expected")


def _check_jobs(jobs: Sequence[TileJob], reference: gpd.GeoDataFrame, *, rtc: bool, pairs: bool) -> None:
    """Refuse tiles without any outline, and those without enough dates, before the first is read."""
    if all(outlines.glaciers(job.labels).empty for job in jobs):
        crs = jobs[0].group.tile.grid.crs
        bounds = ", ".join(f"{bound:.6g}" for bound in reference.to_crs(crs).total_bounds)
        raise InputError(
            f"{_outlines_name(reference)}: {len(reference)} outlines within {bounds} ({crs}) found, none on the "
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
                choose_tile_dates(job, times)  # raises where dates are too few

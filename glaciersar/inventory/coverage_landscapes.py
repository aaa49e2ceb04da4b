"""Simulated landscapes to count on how often an interval holds the truth: mapped in several years, summed by block."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage
from tqdm import tqdm

from glaciersar import outlines, radiometry
from glaciersar.geodesy import pixel_areas_km2
from glaciersar.grid import SVAL, TILE_SIZE
from glaciersar.inference.calibration import UNCALIBRATED, Calibration
from glaciersar.inference.prepared_scenes import match_polarisations
from glaciersar.inference.sliding_window import map_array
from glaciersar.inventory import area, block_sums, error_model
from glaciersar.models import Network
from glaciersar.simulate import backscatter_levels, radar, random_fields, reference_outlines
from glaciersar.simulate.geometry import orbits_that_see, scene_incidence
from glaciersar.simulate.landscape import Landscape, draw_landscape
from glaciersar.simulate.places import bounds_of, list_places
from glaciersar.simulate.settings import DAY_OF_FIRST_PASS
from glaciersar.simulate.zones import Zone

Mask = NDArray[np.bool_]
STEP = 24  # days between the dates of a series


@dataclass(frozen=True, kw_only=True)
class YearMap:
    """A landscape as mapped in one year, beside what is there."""

    probability: NDArray[np.floating]
    """(H, W) of glacier."""
    truth: Mask
    """(H, W) glacier."""
    reference: Mask
    """(H, W) glacier as an annotator drew it."""
    sea: Mask
    """(H, W) water."""


@dataclass(frozen=True, kw_only=True)
class MappedLandscape:
    """The maps of a landscape, all seen from one orbit."""

    name: str
    orbit: int
    """Relative orbit."""
    incidence: float
    """In its middle, degrees."""
    geobox: GeoBox
    years: Mapping[int, YearMap]


@dataclass(frozen=True, kw_only=True)
class LandscapeSums:
    """The sums of the maps of a landscape."""

    name: str
    orbit: int
    """Relative orbit."""
    incidence: float
    """In its middle, degrees."""
    tiles: int
    """Of 10 km."""
    blocks: Mapping[int, pd.DataFrame]
    """Year to the frame of `block_sums.sum_blocks`, with the truth; a glacier is a patch of ice of the first year."""
    reference: Mapping[int, float]
    """Year to the glacier area of an annotator's outlines, km²."""
    perimeter: Mapping[int, float]
    """Year to the length of the mapped outlines, km, without the edge of the map."""
    at_sea: frozenset[int]
    """Numbers of the glaciers that end in water."""


def map_landscapes(
    model: Network,
    *,
    landscapes: Iterable[int],
    pixel: float,
    years: Sequence[int],
    relative_orbits: Sequence[int],
    tiles_per_side: int = 1,
    looks: float = 10.7,
    dates: int = 15,
    shift_db: float = 0.0,
    seed: int,
    progress: bool = False,
) -> Iterator[MappedLandscape]:
    """Simulate landscapes at places all over Svalbard, with a radar series for each year, and map them.

    Args:
        model: From `pretrained.load`.
        landscapes: Numbers of the landscapes; each is the same whatever others are drawn, and none occurs in an
            archive of `simulate_archive`.
        pixel: Metres, as in the training of the model.
        years: Of the series.
        relative_orbits: Each landscape is seen from one of them, that sees it at 30 to 46 degrees.
        tiles_per_side: Tiles of 10 km along each side.
        looks: Equivalent number of looks of a pixel.
        dates: Number of dates of a year, 24 days apart.
        shift_db: Added to the levels of all glacier zones; not 0 is another radar than the one of the training.
        seed: Of all landscapes.
        progress: Show a progress bar.
    """
    assumed = backscatter_levels.read_levels(shift_db=shift_db)
    polarisations = match_polarisations(model, "HH+HV" if model.features > 1 else "HH")
    places = list_places(tiles_per_side, tuple(relative_orbits))
    for k in tqdm(list(landscapes), desc="landscapes", disable=not progress):
        rng = random_fields.random_stream(seed, "coverage", tiles_per_side, k)
        own, bounds = int(rng.integers(2**31)), bounds_of(places[k % len(places)], tiles_per_side)
        seen_from = orbits_that_see(bounds, relative_orbits)
        orbit = seen_from[k % len(seen_from)]
        box = GeoBox.from_bbox(bounds, SVAL.crs, resolution=pixel, tight=True)
        landscape = draw_landscape(f"coverage-{tiles_per_side}-{k:03d}", box, years=years, seed=own)
        maps = {}
        for year in years:
            first = date(year, 1, 1) + timedelta(days=DAY_OF_FIRST_PASS[orbit])
            days = [first + timedelta(days=STEP * step) for step in range(dates)]
            seen = radar.prepare_series(landscape, year, orbit, levels=assumed, looks=looks, seed=own)
            images = [radar.observe(seen, day, key=day.toordinal()) for day in days]
            prepared = radiometry.stack_features(
                [
                    radiometry.prepare(np.stack([image[kind] for image in images]), feature=feature)
                    for feature, kind in polarisations.items()
                ]
            )
            probability = map_array(model, prepared.series, valid=prepared.valid)
            maps[year] = _beside_truth(probability, landscape, year, own)
        middle = scene_incidence(orbit, (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
        yield MappedLandscape(name=landscape.name, orbit=orbit, incidence=middle, geobox=box, years=maps)


def _beside_truth(probability: NDArray[np.floating], landscape: Landscape, year: int, seed: int) -> YearMap:
    drawn = reference_outlines.annotate(landscape, year, annotator="reference", seed=seed)
    return YearMap(
        probability=probability,
        truth=landscape.glacier[year],
        reference=outlines.to_mask(drawn, landscape.geobox),
        sea=landscape.zones[year] == Zone.WATER,
    )


def sum_landscape(mapped: MappedLandscape, *, calibration: Calibration = UNCALIBRATED) -> LandscapeSums:
    """Sum the maps of a landscape by block and glacier.

    Args:
        mapped: From `map_landscapes`.
        calibration: From `calibration.fit_calibration`.
    """
    box = mapped.geobox
    first = mapped.years[min(mapped.years)]
    number, at_sea = _label_glaciers(first, abs(box.resolution.x))
    return LandscapeSums(
        name=mapped.name,
        orbit=mapped.orbit,
        incidence=mapped.incidence,
        tiles=round((box.shape.x * abs(box.resolution.x) / TILE_SIZE) ** 2),
        blocks={
            year: block_sums.sum_blocks(calibration(part.probability), box, glacier=number, truth=part.truth)
            for year, part in mapped.years.items()
        },
        reference={
            year: float(pixel_areas_km2(box)[part.reference & np.isfinite(part.probability)].sum())
            for year, part in mapped.years.items()
        },
        perimeter={
            year: float(
                area.free_perimeters(
                    outlines.from_mask(calibration(part.probability) > 0.5, box), shapely.box(*box.boundingbox.bbox)
                )["total"]
            )
            for year, part in mapped.years.items()
        },
        at_sea=at_sea,
    )


def _label_glaciers(first: YearMap, pixel: float) -> tuple[NDArray[np.integer], frozenset[int]]:
    """Number the patches of true ice and the pixels near them, (H, W), −1 for none; and those that touch water."""
    label, count = ndimage.label(first.truth)
    near_sea = ndimage.binary_dilation(first.sea, np.ones((3, 3), bool))
    at_sea = frozenset(int(k) - 1 for k in np.unique(label[near_sea & first.truth]))
    if not count:
        return label - 1, at_sea
    apart, (i, j) = ndimage.distance_transform_edt(label == 0, sampling=pixel, return_indices=True)
    number: NDArray[np.integer] = np.where(apart <= block_sums.REACH, label[i, j], 0) - 1
    return number, at_sea


def landscape_residuals(landscapes: Iterable[LandscapeSums]) -> pd.DataFrame:
    """Collect the residuals of landscapes whose truth is known, as `error_model.residuals` does of tiles."""
    parts = [
        error_model.map_residuals(blocks, landscape=sums.name, orbit=sums.orbit, year=year)
        for sums in landscapes
        for year, blocks in sums.blocks.items()
    ]
    return pd.concat(parts, ignore_index=True)

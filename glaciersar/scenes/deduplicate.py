"""Keep one product of each acquisition: archives that reprocess may hold several."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import shapely
from shapely.geometry.base import BaseGeometry

from glaciersar.errors import InputError
from glaciersar.scenes.footprint import raster_geobox, raster_name
from glaciersar.scenes.scene import POLARISATIONS, Scene

SAME_TIME = timedelta(seconds=2)
"""Between the starts of two products of one acquisition; slices of a pass begin 25 seconds apart."""
SAME_PLACE = 0.9
"""Intersection over union of two products of one acquisition; neighbouring bursts, slices and tiles have far less."""
EVER = datetime.min.replace(tzinfo=UTC)


def newest_products(scenes: Iterable[Scene], *, told_by_name: bool = False) -> tuple[list[Scene], dict[str, str]]:
    """Keep the newest product of each acquisition, polarisation by polarisation.

    Products of one platform, orbit and direction that begin within two seconds and cover the same area are of one
    acquisition. The one processed last is the newest; if the archive does not say, the last by its id.

    Args:
        scenes: In any order.
        told_by_name: They are files whose names alone tell when they were processed: where two of one acquisition do
            not, they may be anything, such as a filtered copy, and are refused.

    Returns:
        The scenes kept, in time order; and the id of each product left out, with that of the newer one.

    Raises:
        InputError: Two of one day whose names tell neither orbit nor time of day: they may be two passes; or see
            `told_by_name`.
    """
    kept: dict[tuple[object, ...], list[Scene]] = {}
    left_out: dict[str, str] = {}
    for scene in sorted(scenes, key=lambda scene: (scene.processed or EVER, scene.id), reverse=True):
        slot = scene.time.timestamp() // SAME_TIME.total_seconds()
        key = scene.platform, scene.relative_orbit, scene.orbit_state
        remaining: Scene | None = scene
        for newer in [other for near in (-1, 0, 1) for other in kept.get((*key, slot + near), ())]:
            if remaining and _is_of_one_acquisition(remaining, newer):
                _check_told_apart(remaining, newer)
                if told_by_name and newer.processed is None:
                    raise _two_of_one(newer, remaining)
                left_out[scene.id] = newer.id
                remaining = _without(remaining, newer)
        if remaining:
            kept.setdefault((*key, slot), []).append(remaining)
    return sorted((s for found in kept.values() for s in found), key=lambda s: (s.time, s.id)), left_out


def drop_older_products(scenes: Iterable[Scene], source: object, *, told_by_name: bool = False) -> list[Scene]:
    """Keep the newest product of each acquisition, and print how many were left out; as `newest_products`."""
    kept, left_out = newest_products(scenes, told_by_name=told_by_name)
    if left_out:
        old, new = next(iter(left_out.items()))
        print(f"{source}: {len(left_out)} scenes left out that a newer processing replaces, such as {old} by {new}")
    return kept


def _is_of_one_acquisition(scene: Scene, newer: Scene) -> bool:
    common = [kind for kind in scene.hrefs if kind in newer.hrefs and kind != "layover_shadow"]
    if not common or abs(scene.time - newer.time) > SAME_TIME:
        return False
    if any(set(scene.hrefs[kind]) & set(newer.hrefs[kind]) for kind in common):
        return False  # the same rasters, listed twice: as strips they count once
    one, other = _place(scene, common[0]), _place(newer, common[0])
    if one is None or other is None:
        return False  # the error is reported when the raster is read
    return one.intersection(other).area > SAME_PLACE * one.union(other).area


def _check_told_apart(scene: Scene, other: Scene) -> None:
    if scene.relative_orbit is None and scene.time.time() == time() and scene.processed is None:
        raise InputError(
            f"{scene.id} and {other.id}: two rasters of one place on {scene.time:%Y-%m-%d} found whose names tell no "
            f"time of day and no orbit, one a day, or names with ASC and DESC, a time or an orbit, expected"
        )


def _two_of_one(one: Scene, other: Scene) -> InputError:
    kind = next(kind for kind in one.hrefs if kind in other.hrefs)
    names = " and ".join(sorted(raster_name(scene.hrefs[kind][0]) for scene in (one, other)))
    return InputError(
        f"{names}: two rasters of one acquisition found whose names do not tell which was processed last, one "
        f"expected; move one of each two elsewhere, or pass a glob that leaves it out"
    )


def _place(scene: Scene, kind: str) -> BaseGeometry | None:
    """Return the footprint of a scene in degrees, from its rasters if the archive does not give it."""
    if scene.outline is not None:
        return shapely.make_valid(scene.outline)
    try:
        return shapely.union_all([raster_geobox(href).extent.to_crs("EPSG:4326").geom for href in scene.hrefs[kind]])
    except InputError:
        return None


def _without(scene: Scene, newer: Scene) -> Scene | None:
    """Remove the polarisations that a newer product has; None if no backscatter is left."""
    hrefs = {k: found for k, found in scene.hrefs.items() if k not in newer.hrefs or k == "layover_shadow"}
    return replace(scene, hrefs=hrefs) if set(hrefs) & set(POLARISATIONS) else None

"""The region of notebook 09: its maps by year, the outlines that divide its ice, and the truth where it is known.

`find_region` takes maps of one's own, or simulates a region and maps it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from odc.geo.geobox import GeoBox

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.geodesy import areas_km2
from glaciersar.inference import yearly
from glaciersar.inference.ensemble import Networks
from glaciersar.inventory import area, change, compare, vectorize
from glaciersar.io import rasters
from glaciersar.io.atomic import require_file
from glaciersar.simulate.archive import simulate_archive
from glaciersar.simulate.settings import ArchiveSettings


@dataclass(frozen=True, kw_only=True)
class Region:
    """Maps of some years, and what is known of the glaciers."""

    maps: Mapping[int, Path]
    """Year to the map of probability; two years or more."""
    known: gpd.GeoDataFrame
    """Outlines that divide the ice, with rgi_id if they have it, numbered from 0."""
    truth: gpd.GeoDataFrame | None
    """True outlines of all years, with a column year; None where they are not known."""
    annotated: Path
    """outlines.gpkg of a simulated archive, with those of two annotators; of real radar there may be none."""
    dem: Path | None = None
    """Elevation model; None where none is given."""

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last year."""
        return min(self.maps), max(self.maps)

    @property
    def source(self) -> str:
        """What the maps are of, for notes: simulated radar, or the folder of maps of one's own."""
        return "simulated radar" if self.truth is not None else f"maps in {next(iter(self.maps.values())).parent.name}"

    @property
    def names(self) -> dict[int, str]:
        """Identifiers of the glaciers by number; none if they have none."""
        return self.known["rgi_id"].to_dict() if "rgi_id" in self.known else {}


def find_region(
    maps: str | Path,
    known: str | Path,
    *,
    run: str | Path,
    settings: ArchiveSettings,
    network: Networks,
    weights: str,
    window: int,
    device: str = "auto",
    progress: bool = False,
    dem: str | Path = "",
) -> Region:
    """Take maps of one's own, or simulate a region, whose truth is known, and map each of its years.

    Args:
        maps: Folder of probability_YEAR.tif on one grid; empty simulates and maps.
        known: Outlines that divide the ice; empty takes the true ones of the simulated region in the first year, called
            simulated-00 and so on.
        run: Folder of the run; the region goes into its folder change.
        settings: Of a simulated region.
        network: From `pretrained.load`; or several, whose mean maps. Of maps of one's own those that made them, as the
            intervals are those of their errors.
        weights: Name of the weights, kept in the metadata of the maps.
        window: Side of a mapping window, pixels.
        device: Where to map, as for `devices.choose_device`.
        progress: Show progress bars.
        dem: Elevation model; empty takes that of a simulated region, if it is one landscape.

    Raises:
        InputError: A map was made by another number of networks.
    """
    run, out = Path(run), Path(run) / "change"
    archive = out / "archive" / "outlines.gpkg"
    if not maps:
        catalogue = simulate_archive(out / "archive", settings, replace=True, progress=progress)
        years = list(settings.years)
        how: dict[str, Any] = {"device": device, "progress": progress}
        yearly.map_years(network, catalogue, years, out, window=window, weights=weights, **how)
    mapped = yearly.maps_of_years(maps or out)
    _check_members(mapped, len(network) if isinstance(network, Sequence) else 1)
    truth = None
    if not maps or not known:
        truth = outlines.read_outlines(require_file(archive, made_by="09-change"), layer="truth")
    if known:
        dividing = outlines.read_outlines(known).reset_index(drop=True)
    else:
        assert truth is not None
        dividing = outlines.outlines_of_year(truth, min(mapped)).reset_index(drop=True)
        dividing["rgi_id"] = [f"simulated-{k:02d}" for k in range(len(dividing))]
    return Region(
        maps=mapped,
        known=dividing,
        truth=None if maps else truth,
        annotated=run / "archive" / "outlines.gpkg" if maps else archive,
        dem=Path(dem) if dem else None if maps else _simulated_dem(out / "archive"),
    )


def _check_members(maps: Mapping[int, Path], given: int) -> None:
    """Refuse maps of another number of networks than those whose errors the intervals will tell."""
    for path in maps.values():
        with rasters.open_map(path) as file:
            found = file.tags().get("members", "1")
        if found != str(given):
            made = "one network" if found == "1" else f"{found} networks"
            raise InputError(
                f"{path}: a map of {made} found, one of the {given} given expected; pass weights as a list"
            )


def _simulated_dem(archive: Path) -> Path | None:
    """Find the elevation model of a simulated region; None of several landscapes, each of which has its own."""
    found = sorted(archive.rglob("dem.tif"))
    return found[0] if len(found) == 1 else None


def add_true_changes(changes: pd.DataFrame, region: Region) -> pd.DataFrame:
    """Put the true change and rate of each glacier beside the mapped ones, where the truth is known.

    Args:
        changes: From `change.change_intervals`, with the identifiers of the glaciers.
        region: Whose truth is divided as its maps are.

    Returns:
        With columns "true change" (km²) and "true rate" (km² a year); as it was where the truth is not
        known, or the glaciers have no identifiers.
    """
    if region.truth is None or not region.names:
        return changes
    divided = [
        vectorize.split_by_glacier(outlines.outlines_of_year(region.truth, year), region.known).assign(year=year)
        for year in region.ends
    ]
    areas = change.areas_by_year(pd.concat(divided), glacier="rgi_id")
    return changes.join(change.change_rates(areas)[["change", "rate"]].add_prefix("true "))


def gained_beside_truth(
    region: Region, ice: Mapping[int, gpd.GeoDataFrame]
) -> tuple[dict[str, gpd.GeoDataFrame], dict[str, gpd.GeoDataFrame]]:
    """Outline what was gained and lost from the first year to the last, as mapped and, where it is known, in truth.

    Args:
        region: Whose maps were outlined.
        ice: Outlines by year.

    Returns:
        The frames of `change.gained_and_lost`, and the outlines of the first year, both by "mapped" and "true".
    """
    states = {"mapped": [ice[year] for year in region.ends]}
    if region.truth is not None:
        states["true"] = [outlines.outlines_of_year(region.truth, year) for year in region.ends]
    panels = {name: change.gained_and_lost(*both) for name, both in states.items()}
    return panels, {name: first for name, (first, _) in states.items()}


def free_lengths(region: Region, glaciers: gpd.GeoDataFrame, grid: GeoBox) -> dict[str | int, float]:
    """Measure the boundaries of outlined glaciers against land and sea, km, by the numbers of the region's glaciers.

    Args:
        region: Whose maps were outlined.
        glaciers: Outlines of one year, with rgi_id if the region has it.
        grid: Of the maps; its edge is no boundary.
    """
    named = glaciers.set_index("rgi_id") if region.names else glaciers
    lengths = area.free_perimeters(named, shapely.box(*grid.boundingbox.bbox))
    found: dict[str | int, float] = {"total": lengths["total"]}
    return found | {number: lengths[name] for number, name in region.names.items() if name in lengths}


def inventory_of(region: Region, path: str | Path = "") -> gpd.GeoDataFrame:
    """Read the inventory that stands beside the maps: from a file, or the outlines that divide the region."""
    if path:
        return compare.read_inventory(path)
    known = region.known
    return known.assign(id=known["rgi_id"], name="", year=region.ends[0], area_km2=areas_km2(known))


def compare_with_known(region: Region, glaciers: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> pd.DataFrame:
    """Compare outlined glaciers with an inventory, joined by identifier, or by place where none is in common."""
    common: Sequence[str] = sorted(set(region.names.values()) & set(theirs["id"]))
    return compare.compare_inventories(glaciers, theirs, on="rgi_id" if common else "")

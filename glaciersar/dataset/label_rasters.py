"""Labels that are rasters: a folder of masks becomes outlines, which the rest of the package takes like any others."""

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from glaciersar import outlines
from glaciersar.dataset.label_codes import LabelCodes, Mask, read_mask
from glaciersar.errors import InputError
from glaciersar.io.atomic import visible

SPACING = 64
"""Pixels between the corners of a long edge, so that it stays where it is in another projection."""
TABLE = "index.csv"
"""Beside the masks, if they have years: columns mask (name of the file) and year or date."""


def read_label_rasters(folder: str | Path, codes: LabelCodes, *, pattern: str = "*.tif") -> gpd.GeoDataFrame:
    """Trace the masks of a folder: outlines of glacier, and of the ground of which it is known.

    What lies in no mask is unknown, as is what a mask calls so: it counts in no loss and no score. Where masks of one
    year overlap, a pixel is glacier if any says so, and this is printed, as is what no code names.

    Args:
        folder: Of masks, in any projections; with `TABLE`, each counts for its year, and without, for every year.
        codes: What the numbers in them mean.
        pattern: Which files are masks, such as `*_mask.tif`.

    Returns:
        Polygons in the CRS of the first mask, with the columns label (`outlines.GLACIER` or `outlines.KNOWN`), mask
        (name of its file) and, with a table, year.

    Raises:
        InputError: There is no mask, one cannot be read, none holds glacier, or the table does not fit.
    """
    folder = Path(folder)
    files = visible(folder.glob(pattern))
    if not files:
        raise InputError(f"{folder}: no mask named {pattern} found, at least one expected")
    years = _read_years(folder, files)
    masks = {path: read_mask(path, codes) for path in files}
    crs = str(next(iter(masks.values())).geobox.crs)
    parts = [_trace(path, mask).to_crs(crs) for path, mask in masks.items()]
    frame = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=crs)
    if years is not None:
        frame = frame.assign(year=frame["mask"].map(years))
    if outlines.glaciers(frame).empty:
        raise InputError(f"{folder}: no pixel of glacier found in {len(files)} masks, expected {codes.text}")
    _say(folder, frame, masks, codes)
    frame.attrs["source"] = str(folder)
    return frame


def _read_years(folder: Path, files: Sequence[Path]) -> pd.Series | None:
    """Read the year of each mask, by the name of its file; None without a table or without its columns."""
    path = folder / TABLE
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
    dated = next((name for name in ("year", "date") if name in table), None)
    if "mask" not in table or dated is None:
        print(f"{path}: no columns mask and year, so each mask counts for every year")
        return None
    years = pd.Series(outlines.year_of(table[dated]).to_numpy(), index=table["mask"].astype(str))
    for file in files:
        if file.name not in years.index or years.index.tolist().count(file.name) > 1 or years.isna()[file.name]:
            raise InputError(f"{path}: no single year of {file.name} found, one expected")
    return years


def _trace(path: Path, mask: Mask) -> gpd.GeoDataFrame:
    """Trace one mask; long edges get corners, as a straight line is a curve in another projection."""
    step = SPACING * abs(mask.geobox.affine.a)
    parts = []
    for label, where in ((outlines.GLACIER, mask.glacier), (outlines.KNOWN, mask.known)):
        traced = outlines.from_mask(where, mask.geobox)
        traced = traced.set_geometry(shapely.segmentize(traced.geometry.to_numpy(), step))
        parts.append(traced.set_crs(str(mask.geobox.crs), allow_override=True).assign(label=label, mask=path.name))
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=str(mask.geobox.crs))


def _say(folder: Path, frame: gpd.GeoDataFrame, masks: dict[Path, Mask], codes: LabelCodes) -> None:
    known = sum(int(mask.known.sum()) for mask in masks.values())
    ice = sum(int(mask.glacier.sum()) for mask in masks.values())
    pixels = sum(mask.known.size for mask in masks.values())
    print(
        f"{folder}: {len(masks)} masks, {codes.text}: {ice / max(known, 1):.1%} of the known pixels glacier, "
        f"{1 - known / pixels:.1%} unknown"
    )
    if assumed := sorted({code for mask in masks.values() for code in mask.assumed}):
        print(f"{folder}: codes {', '.join(map(str, assumed))}, of which nothing is said, are taken for no glacier")
    if twice := _overlapping(outlines.known(frame)):
        print(
            f"{folder}: {twice} pairs of masks overlap; where either says glacier, it is glacier. "
            f"A table {TABLE} with mask and year tells them apart"
        )


def _overlapping(known: gpd.GeoDataFrame) -> int:
    """Count the pairs of masks of one year that know of the same ground."""
    pairs = set()
    columns = ["year"] if "year" in known else []
    for _, group in known.groupby(columns) if columns else [(None, known)]:
        one, other = group.sindex.query(group.geometry, predicate="intersects")
        names, shapes = group["mask"].to_numpy(), group.geometry.to_numpy()
        apart = names[one] < names[other]
        one, other = one[apart], other[apart]
        common = shapely.area(shapely.intersection(shapes[one], shapes[other])) > 0  # not a side alone
        pairs |= set(zip(names[one[common]], names[other[common]], strict=True))
    return len(pairs)

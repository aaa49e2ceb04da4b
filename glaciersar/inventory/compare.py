"""Glacier inventories: read RGI 6 and 7, GLIMS and the Norwegian of 2010 into one form, and compare ours with them."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from glaciersar import outlines
from glaciersar.errors import InputError
from glaciersar.geodesy import DEGREES, areas_km2
from glaciersar.grid import SVAL, grid_at, middle

FORMS = {
    "RGI 7": {"id": "rgi_id", "name": "glac_name", "year": "src_date", "area": ("area_km2", 1.0)},
    "RGI 6": {"id": "RGIId", "name": "Name", "year": "BgnDate", "area": ("Area", 1.0)},
    "GLIMS": {"id": "glac_id", "name": "glac_name", "year": "src_date", "area": ("area", 1.0)},
    "Norwegian 2010": {"id": "IDENT", "name": "NAME", "year": "YEAR_", "area": ("Shape_Area", 1e-6)},
}
PLANE = "Shape_Area"
"""Column with areas in the plane of the projection, up to 0.1 % off; the others hold areas on the ground."""
PLACES = (("cenlon", "cenlat", DEGREES), ("X_cent", "Y_cent", SVAL.crs))
"""Coordinate columns of tables without outlines; the second pair is that of the Norwegian inventory of Svalbard."""


def read_inventory(path: str | Path) -> gpd.GeoDataFrame:
    """Read an inventory: outlines in any vector file, or a table (.csv) with the position of each glacier.

    Returns:
        A row each glacier: id, name, year, area_km2 (from the inventory, or else of its outline), and its outline or a
        point in it. For an inventory of another form than `FORMS`, id is the row number and name is empty.

    Raises:
        InputError: The file is missing or cannot be read, or a table has no columns of a known inventory.
    """
    path = Path(path)
    table = _read_points(path) if path.suffix.lower() == ".csv" else outlines.read_outlines(path)
    form = next((form for form in FORMS.values() if {form["id"], form["area"][0]} <= set(table)), None)
    if form is None and path.suffix.lower() == ".csv":
        known = " or ".join(f"{form['id']} and {form['area'][0]} ({name})" for name, form in FORMS.items())
        raise InputError(f"{path}: columns {', '.join(map(str, table.columns[:6]))} … found, {known} expected")
    if form is None:
        area = areas_km2(table).to_numpy()
        columns = {"id": [str(k) for k in range(len(table))], "name": "", "year": np.nan, "area_km2": area}
    else:
        name, unit = form["area"]
        columns = {
            "id": table[form["id"]].astype(str).str.removesuffix(".0").to_numpy(),
            "name": table[form["name"]].astype(object).fillna("").to_numpy() if form["name"] in table else "",
            "year": outlines.year_of(table[form["year"]]).to_numpy() if form["year"] in table else np.nan,
            "area_km2": table[name].to_numpy(float) * unit * (_ground_over_plane(table) if name == PLANE else 1.0),
        }
    found = gpd.GeoDataFrame(columns, geometry=table.geometry.array, crs=table.crs)
    found.attrs["source"] = str(path)
    return found


def _ground_over_plane(table: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Compute the area on the ground over that in the plane of the published grid, at each glacier."""
    around = table.to_crs(SVAL.crs).representative_point().buffer(1000)
    factors: NDArray[np.float64] = areas_km2(around).to_numpy() / (around.area.to_numpy() / 1e6)
    return factors


def _read_points(path: Path) -> gpd.GeoDataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected an inventory")
    try:
        table = pd.read_csv(path)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
    for x, y, crs in PLACES:
        if {x, y} <= set(table):
            return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table[x], table[y]), crs=crs)
    expected = " or ".join(f"{x} and {y}" for x, y, _ in PLACES)
    raise InputError(f"{path}: columns {', '.join(map(str, table.columns[:6]))} … found, {expected} expected")


def compare_inventories(ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame, *, on: str = "") -> pd.DataFrame:
    """Compare our glaciers with those of an inventory.

    Args:
        ours: Polygons, one a glacier.
        theirs: From `read_inventory`; several of theirs may be parts of one of ours.
        on: Column of ours that holds their id; empty joins by position: a point to the polygon that it lies in, an
            outline to the polygon that holds most of it.

    Returns:
        A row each of ours, by its index: ids, names and years of theirs (joined by commas), area_km2, theirs_km2 (0
        without a match), difference_km2 (ours − theirs), relative (to theirs), and, if theirs are outlines, iou.
        `attrs["unmatched"]` counts those of theirs within our bounds that match none of ours.

    Raises:
        InputError: There is no column `on`, or it holds an id twice.
    """
    ours = _in_metres(ours)
    theirs = theirs.to_crs(ours.crs).reset_index(drop=True)
    if on and on not in ours:
        raise InputError(f"column {on!r} of ids not found, one of {', '.join(map(str, ours.columns))} expected")
    owner = _by_id(ours, theirs, on) if on else _by_place(ours, theirs)
    matched = theirs.assign(ours=owner)[owner.notna().to_numpy()]
    joined = matched.groupby("ours").agg(
        ids=("id", ", ".join),
        names=("name", lambda names: ", ".join(sorted({name for name in names if name}))),
        years=("year", lambda years: ", ".join(sorted({f"{year:.0f}" for year in years.dropna()}))),
        theirs_km2=("area_km2", "sum"),
    )
    table = pd.DataFrame({"area_km2": areas_km2(ours)}).join(joined)
    table["theirs_km2"] = table["theirs_km2"].fillna(0.0)
    table["difference_km2"] = table["area_km2"] - table["theirs_km2"]
    table["relative"] = table["difference_km2"] / table["theirs_km2"].where(table["theirs_km2"] > 0)
    if matched.geom_type.isin(("Polygon", "MultiPolygon")).any():
        other = matched.dissolve("ours").geometry.reindex(ours.index)
        both = areas_km2(ours.geometry.intersection(other))
        table["iou"] = both / (table["area_km2"] + areas_km2(other) - both)
    left, bottom, right, top = ours.total_bounds if len(ours) else (0, 0, 0, 0)
    table.attrs["unmatched"] = len(theirs.cx[left:right, bottom:top].index.difference(matched.index))
    text = {name: table[name].astype(object).fillna("") for name in ("ids", "names", "years")}
    return table.assign(**text)


def _in_metres(shapes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Bring outlines in degrees into the system of their place, where they can be cut."""
    if shapes.crs.is_projected:
        return shapes
    points = shapely.get_coordinates(shapes.to_crs(DEGREES).geometry.to_numpy())
    return shapes.to_crs(grid_at(*middle(points)).crs)


def _by_id(ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame, on: str) -> pd.Series:
    known = ours[on].dropna().astype(str)  # ice outside the inventory has no id
    if not known.is_unique:
        raise InputError(f"column {on!r} with an id twice found, each id once expected")
    places: pd.Series = theirs["id"].map(pd.Series(known.index, index=known))
    return places


def _by_place(ours: gpd.GeoDataFrame, theirs: gpd.GeoDataFrame) -> pd.Series:
    """Find for each of theirs the index of ours that it overlaps most; NaN without any."""
    which, where = ours.sindex.query(theirs.geometry, predicate="intersects")
    pairs = pd.DataFrame({"theirs": which, "ours": ours.index[where]})
    one, other = theirs.geometry.iloc[which].to_numpy(), ours.geometry.iloc[where].to_numpy()
    pairs["common"] = gpd.GeoSeries(one).intersection(gpd.GeoSeries(other)).area.to_numpy()
    best = pairs.sort_values("common", kind="stable").drop_duplicates("theirs", keep="last").set_index("theirs")
    return best["ours"].reindex(range(len(theirs)))

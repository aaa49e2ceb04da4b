"""Write glaciers in the form of RGI 6, RGI 7 or GLIMS, as shapefile or GeoPackage, which OGGM and GLIMS read."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from glaciersar.errors import InputError
from glaciersar.geodesy import crosses_180, join_at_180, split_at_180
from glaciersar.grid import utm_zone
from glaciersar.inventory.attributes import LAYER
from glaciersar.inventory.single_parts import to_single_parts
from glaciersar.inventory_forms import BOUND, ROCK
from glaciersar.io.atomic import wrap_write_errors
from glaciersar.io.geopackage import write_layer
from glaciersar.polygons import area_parts

UNKNOWN = 9
"""What both RGI give where nothing is known of a terminus, a connection or a surge."""
NO_NUMBER = -999.0
"""What RGI 6 gives where nothing is known of an elevation, a slope, an aspect or a length; RGI 7 has null."""
NO_DATE = "-9999999"
TERMINUS_6 = {0: 0, 1: 1, 2: 2, 3: 5, UNKNOWN: UNKNOWN}
"""Types of terminus in RGI 7 (land, sea, lake, ice shelf), and their numbers in RGI 6."""
OWN = 90_000
"""Identifiers that are made here have larger numbers, so that none is taken for one of the Randolph Glacier Inventory:
its largest region, 13, has 54 429 glaciers in RGI 6 and 75 613 in RGI 7. They have the form of the others, as OGGM
tells the version of an inventory by the length of its identifiers."""
REGION = r"0?[1-9]|1\d|20"
SUBREGION = rf"(({REGION})-)?\d{{1,2}}"
PREFIX = {"RGI 6": "RGI60-", "RGI 7": "RGI2000-v7.0-G-"}
ELEVATION = ("zmin_m", "zmax_m", "zmed_m", "zmean_m", "slope_deg", "aspect_deg", "lmax_m")
MEASURED = (*ELEVATION, "unc_km2", "confidence")
SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What an inventory says of how it was made, beside its glaciers."""

    region: str = ""
    """Region of the Randolph Glacier Inventory, such as "07"; taken where glaciers have no column o1region."""
    subregion: str = ""
    """Such as "07-01"; taken where glaciers have no column o2region."""
    date: str = ""
    """Of the images, such as 2020-07-15; taken where glaciers have no src_date."""
    analyst: str = ""
    """Surname and given name, parted by a comma."""
    method: str = "outlines of a probability map from Sentinel-1 time series (glaciersar)"
    """How it was made, in a phrase."""
    position_m: float = np.nan
    """Uncertainty of the position of an outline, metres."""


def write_inventory(
    path: str | Path, glaciers: gpd.GeoDataFrame, *, form: str = "RGI 7", sources: Sources = Sources()
) -> Path:
    """Write glaciers with the columns and codes of an inventory, in degrees (EPSG:4326).

    Identifiers of another form, and missing ones, are made anew, with numbers above `OWN`, and counted in print. In the
    forms of RGI every part of a glacier is a glacier (`single_parts.to_single_parts`). Longitudes end at 180°, so a
    glacier that reaches beyond has a part on each side, which is printed.

    Args:
        path: .shp or .gpkg.
        glaciers: From `attributes.add_attributes`, if possible with `elevation.add_elevation`. A column unc_km2 is the
            uncertainty of the areas, km².
        form: "RGI 6", "RGI 7" or "GLIMS". GLIMS has the rock within glaciers as polygons of their own.
        sources: Of glaciers that don't say it themselves; analyst and uncertainty.

    Raises:
        InputError: The form or the suffix is unknown; there is no area, region or date; the place cannot be written.
    """
    path = Path(path)
    if form not in FORMS:
        raise InputError(f"form={form!r} found, one of {', '.join(FORMS)} expected")
    if path.suffix not in (".shp", ".gpkg"):
        raise InputError(f"{path}: suffix {path.suffix!r} found, .shp or .gpkg expected")
    if glaciers.empty or "area_km2" not in glaciers:
        raise InputError(f"{path}: {len(glaciers)} glaciers without area_km2 found, some with the attributes expected")
    glaciers = _in_degrees(path, glaciers)
    if form in PREFIX:
        glaciers = to_single_parts(glaciers, measured=(*ELEVATION, "aspect_sec"), source=str(path))
    table = FORMS[form](_common(path, glaciers, sources, form), sources)
    _write(path, table)
    return path


def _in_degrees(path: Path, glaciers: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Bring glaciers into degrees: valid, and cut at 180° where one reaches beyond. Both are counted in print.

    A side that is straight in metres is not in degrees, so a corner that touched it may lie beyond it.
    """
    degrees = glaciers.geometry.to_crs(4326)
    bounds = degrees.bounds
    beyond = degrees.map(crosses_180).astype(bool) | (bounds["minx"] < -180) | (bounds["maxx"] > 180)
    if beyond.any():
        print(f"{path}: {int(beyond.sum())} of {len(glaciers)} glaciers reach beyond 180°, so they end and go on there")
        degrees[beyond] = degrees[beyond].map(lambda shape: split_at_180(join_at_180(shape)))
    crossed = ~degrees.is_valid
    if crossed.any():
        print(f"{path}: {int(crossed.sum())} of {len(glaciers)} glaciers whose sides touch are mended, as they cross")
        degrees[crossed] = degrees[crossed].make_valid(method="structure", keep_collapsed=False)
    return glaciers.set_geometry(area_parts(degrees))


def _common(path: Path, glaciers: gpd.GeoDataFrame, sources: Sources, form: str) -> gpd.GeoDataFrame:
    """Make every column of RGI 7 of glaciers in degrees, none missing."""
    table = glaciers.reset_index(drop=True)
    inside = table.geometry.representative_point()
    region = _filled(table, "o1region", sources.region)
    if bare := int((region == "").sum()):
        raise InputError(f"{path}: no region of {bare} glaciers found, o1region or region='07' expected")
    _check_regions(path, region, REGION, "region", "07")
    region = region.str.zfill(2)
    subregion = _filled(table, "o2region", sources.subregion)
    _check_regions(path, subregion[subregion != ""], SUBREGION, "subregion", "07-01")
    date = _filled(table, "src_date", sources.date).str[:10]
    parsed = pd.to_datetime(date, format="%Y-%m-%d", errors="coerce")
    if bare := int(parsed.isna().sum()):
        raise InputError(f"{path}: no date of {bare} glaciers found, src_date or date='2020-07-15' expected")
    number = {name: _numbers(table, name, UNKNOWN) for name in ("conn_lvl", "surge_type", "term_type", "aspect_sec")}
    measured = {
        name: pd.to_numeric(table[name]) if name in table else pd.Series(np.nan, index=table.index) for name in MEASURED
    }
    columns = {
        "o1region": region,
        "o2region": subregion.where(subregion != "", region + "-01"),
        "src_date": parsed,
        "cenlon": table["cenlon"].fillna(inside.x) if "cenlon" in table else inside.x,
        "cenlat": table["cenlat"].fillna(inside.y) if "cenlat" in table else inside.y,
        "area_km2": table["area_km2"],
        "glac_name": _filled(table, "glac_name", ""),
        "primeclass": _numbers(table, "primeclass", 0),
        "dem_source": _filled(table, "dem_source", ""),
    }
    columns |= number | measured
    made = _glims_ids(columns["cenlon"], columns["cenlat"])
    glims = _filled(table, "glims_id", "")
    columns["glims_id"] = glims.where(glims != "", made)
    if form in PREFIX:
        columns["rgi_id"] = _identify(path, _filled(table, "rgi_id", ""), region, PREFIX[form])
    if not (subregion != "").all():
        print(f"{path}: no subregion of {int((subregion == '').sum())} glaciers known, the first of the region given")
    return gpd.GeoDataFrame(columns, geometry=table.geometry.array, crs=4326)


def _check_regions(path: Path, given: pd.Series, form: str, name: str, example: str) -> None:
    other = sorted(set(given[~given.str.fullmatch(form).astype(bool)]))
    if other:
        raise InputError(
            f"{path}: {name} {other[0]!r} found, one of the Randolph Glacier Inventory such as {example!r} expected"
        )


def _filled(table: pd.DataFrame, name: str, default: str) -> pd.Series:
    """Give a column of text, and the default where it is missing or empty."""
    if name not in table:
        return pd.Series(default, index=table.index, dtype=object)
    text = table[name].astype(object).where(table[name].notna(), "").astype(str)
    return text.where(text != "", default)


def _numbers(table: pd.DataFrame, name: str, default: int) -> pd.Series:
    if name not in table:
        return pd.Series(default, index=table.index)
    return pd.to_numeric(table[name], errors="coerce").fillna(default).astype(int)


def _glims_ids(longitude: pd.Series, latitude: pd.Series) -> pd.Series:
    """Name glaciers by a point in them as GLIMS does: G, thousandths of a degree east, and north or south."""
    east, north = (longitude % 360 * 1000).round().astype(int) % 360_000, (latitude.abs() * 1000).round().astype(int)
    pairs = zip(east, north, latitude < 0, strict=True)
    return pd.Series([f"G{e:06d}E{n:05d}{'S' if south else 'N'}" for e, n, south in pairs], index=longitude.index)


def _identify(path: Path, given: pd.Series, region: pd.Series, prefix: str) -> pd.Series:
    """Keep identifiers of the form, and number the others from above `OWN` on, or after the largest of their region."""
    kept = given.str.startswith(prefix) & ~given.duplicated()
    found = given.where(kept, "")
    parts = found.str.extract(r"(\d\d)[-.](\d{5})$")
    last: dict[str, int] = {}
    for area, number in parts.dropna().itertuples(index=False):
        last[area] = max(last.get(area, OWN), int(number))
    mark = "." if prefix == PREFIX["RGI 6"] else "-"
    for index in found.index[~kept]:
        area = region[index]
        last[area] = last.get(area, OWN) + 1
        found[index] = f"{prefix}{area}{mark}{last[area]:05d}"
    if fresh := int((~kept).sum()):
        print(
            f"{path}: {fresh} of {len(given)} glaciers without an own identifier {prefix}… "
            f"get one with a number above {OWN}"
        )
    return found


def _as_rgi_7(table: gpd.GeoDataFrame, sources: Sources) -> gpd.GeoDataFrame:
    columns = {
        "rgi_id": table["rgi_id"],
        "o1region": table["o1region"],
        "o2region": table["o2region"],
        "glims_id": table["glims_id"],
        "src_date": table["src_date"].dt.strftime("%Y-%m-%dT00:00:00"),
        "cenlon": table["cenlon"],
        "cenlat": table["cenlat"],
        "utm_zone": utm_zone(table["cenlon"].to_numpy(), table["cenlat"].to_numpy()),
    }
    plain = "area_km2 primeclass conn_lvl surge_type term_type glac_name zmin_m zmax_m zmed_m zmean_m slope_deg"
    columns |= {name: table[name] for name in f"{plain} aspect_deg aspect_sec dem_source lmax_m".split()}
    return _with_sources(columns, table, sources)


def _as_rgi_6(table: gpd.GeoDataFrame, sources: Sources) -> gpd.GeoDataFrame:
    whole = {
        name: table[name].fillna(NO_NUMBER).round().astype(int) for name in ("zmin_m", "zmax_m", "zmed_m", "lmax_m")
    }
    columns = {
        "RGIId": table["rgi_id"],
        "GLIMSId": table["glims_id"],
        "BgnDate": table["src_date"].dt.strftime("%Y%m%d"),
        "EndDate": NO_DATE,
        "CenLon": table["cenlon"],
        "CenLat": table["cenlat"],
        "O1Region": table["o1region"].str.lstrip("0"),
        "O2Region": table["o2region"].str.rpartition("-")[2].str.lstrip("0"),
        "Area": table["area_km2"].round(3),
        "Zmin": whole["zmin_m"],
        "Zmax": whole["zmax_m"],
        "Zmed": whole["zmed_m"],
        "Slope": table["slope_deg"].fillna(NO_NUMBER).round(1),
        "Aspect": table["aspect_deg"].fillna(NO_NUMBER).round().astype(int),
        "Lmax": whole["lmax_m"],
        "Status": 0,
        "Connect": table["conn_lvl"],
        "Form": 0,
        "TermType": table["term_type"].map(TERMINUS_6).fillna(UNKNOWN).astype(int),
        "Surging": table["surge_type"],
        "Linkages": UNKNOWN,
        "Name": table["glac_name"],
    }
    return _with_sources(columns, table, sources)


def _with_sources(columns: dict[str, object], table: gpd.GeoDataFrame, sources: Sources) -> gpd.GeoDataFrame:
    columns |= {"unc_km2": table["unc_km2"], "confidence": table["confidence"], "analyst": sources.analyst}
    columns |= {"loc_unc_m": sources.position_m, "proc_desc": sources.method}
    return gpd.GeoDataFrame(columns, geometry=table.geometry.array, crs=table.crs, index=table.index)


def _as_glims(table: gpd.GeoDataFrame, sources: Sources) -> gpd.GeoDataFrame:
    """One row each boundary without holes, and one each hole: GLIMS draws rock within a glacier as a polygon."""
    surname, _, given = sources.analyst.partition(",")
    columns = {
        "glac_id": table["glims_id"],
        "anlys_id": range(1, len(table) + 1),
        "glac_name": table["glac_name"],
        "area": table["area_km2"],
        "src_date": table["src_date"].dt.strftime("%Y-%m-%dT00:00:00"),
        "min_elev": table["zmin_m"],
        "mean_elev": table["zmean_m"],
        "max_elev": table["zmax_m"],
        "area_unc": table["unc_km2"],
        "loc_unc_x": sources.position_m,
        "loc_unc_y": sources.position_m,
        "anlst_surn": surname.strip(),
        "anlst_givn": given.strip(),
        "proc_desc": sources.method,
    }
    whole = gpd.GeoDataFrame(columns, geometry=table.geometry.array, crs=table.crs)
    parts = [shapely.get_parts(shape) for shape in whole.geometry]
    bounds = [shapely.MultiPolygon([shapely.Polygon(part.exterior) for part in found]) for found in parts]
    holes = [
        (row, shapely.Polygon(ring)) for row, found in enumerate(parts) for part in found for ring in part.interiors
    ]
    rock = whole.iloc[[row for row, _ in holes]].set_geometry([hole for _, hole in holes], crs=table.crs)
    both = [whole.set_geometry(bounds, crs=table.crs).assign(line_type=BOUND), rock.assign(line_type=ROCK)]
    return gpd.GeoDataFrame(pd.concat(both, ignore_index=True), crs=table.crs)


FORMS: dict[str, Callable[[gpd.GeoDataFrame, Sources], gpd.GeoDataFrame]] = {
    "RGI 6": _as_rgi_6,
    "RGI 7": _as_rgi_7,
    "GLIMS": _as_glims,
}


def _write(path: Path, table: gpd.GeoDataFrame) -> None:
    """Write all files of a shapefile, or the one of a GeoPackage, into a folder beside, and move them when whole."""
    errors = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError)
    with wrap_write_errors(path, *errors):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as folder:
            made = Path(folder) / path.name
            if path.suffix == ".shp":
                table.to_file(made, driver="ESRI Shapefile", encoding="UTF-8")
            else:
                write_layer(table, made, layer=LAYER)
            for suffix in SHAPEFILE if path.suffix == ".shp" else (".gpkg",):
                if (file := made.with_suffix(suffix)).exists():
                    file.replace(path.with_suffix(suffix))

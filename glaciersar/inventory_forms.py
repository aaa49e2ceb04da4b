"""How inventories of glaciers differ as files: which rows of GLIMS are glaciers, and the names of RGI 6."""

import geopandas as gpd
import pandas as pd

from glaciersar.errors import InputError

RGI_6 = {
    "rgi_id": "RGIId",
    "glims_id": "GLIMSId",
    "glac_name": "Name",
    "o1region": "O1Region",
    "o2region": "O2Region",
    "conn_lvl": "Connect",
    "surge_type": "Surging",
}
"""Columns of RGI 7 that RGI 6 has under another name, with the same meaning. Types of terminus and primary classes are
numbered differently in the two, so they are not taken over."""
GLIMS = {"glims_id": "glac_id"}
BOUND, ROCK = "glac_bound", "intrnl_rock"
"""Kinds of line (line_type) of GLIMS: the boundary of a glacier, and rock inside one; lakes, debris, snow lines and
centre lines are further kinds."""


def column(table: pd.DataFrame, name: str) -> str | None:
    """Find a column by its name in small or capital letters; None where there is none."""
    return next((str(found) for found in table if str(found).lower() == name.lower()), None)


def glaciers_of_glims(outlines: gpd.GeoDataFrame, source: str) -> gpd.GeoDataFrame:
    """Keep the glaciers of a GLIMS download, without the rock inside them; outlines of another form stay as they are.

    Rock is cut out of the glaciers of its own analysis (anlys_id), since a download may hold a place several times.
    What is left out, and what was cut, is printed.

    Raises:
        InputError: There are kinds of line, and none of them is the boundary of a glacier.
    """
    kind = column(outlines, "line_type")
    if kind is None:
        return outlines
    kinds = outlines[kind].astype(str).str.strip().str.lower()
    glaciers, rock = outlines[kinds == BOUND], outlines[kinds == ROCK]
    counts = kinds[~kinds.isin((BOUND, ROCK))].value_counts().sort_index()
    other = ", ".join(f"{count} of {name}" for name, count in counts.items())
    if glaciers.empty:
        raise InputError(f"{source}: {kind} of {', '.join(sorted(set(kinds)))} found, {BOUND} expected")
    cut, used = _without_rock(glaciers, rock)
    gone = cut.geometry.is_empty
    said = [
        f"{used} of {ROCK} cut out" if used else "",
        f"{len(rock) - used} of {ROCK} in no glacier of their own analysis left out" if len(rock) > used else "",
        f"{other} left out" if other else "",
        f"{int(gone.sum())} that are all rock left out" if gone.any() else "",
    ]
    if any(said):
        print(f"{source}: {len(glaciers)} of {BOUND} kept; " + ", ".join(filter(None, said)))
    return cut[~gone]


def _without_rock(glaciers: gpd.GeoDataFrame, rock: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int]:
    """Cut rock out of the glaciers of its own analysis, and count the rock that lies in one."""
    if rock.empty:
        return glaciers, 0
    analysis = column(glaciers, "anlys_id") or column(glaciers, "glac_id")
    inside, within = rock.sindex.query(glaciers.geometry, predicate="intersects")
    if analysis is not None:
        own = rock[analysis].to_numpy()[within] == glaciers[analysis].to_numpy()[inside]
        inside, within = inside[own], within[own]
    shapes = glaciers.geometry.copy()
    for row in sorted(set(inside)):
        shapes.iloc[row] = shapes.iloc[row].difference(rock.geometry.iloc[within[inside == row]].union_all())
    return glaciers.set_geometry(shapes), len(set(within))


def add_rgi_7_names(outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Put identifiers, names and regions of RGI 6 or GLIMS beside their own columns, under the names of RGI 7.

    Regions get the form of RGI 7, "07" and "07-01". What is there under such a name already is left as it is.
    """
    for form in (RGI_6, GLIMS):
        own = {name: column(outlines, other) for name, other in form.items()}
        if own[next(iter(form))] is None:
            continue
        new = {
            name: outlines[found] for name, found in own.items() if found and (found == name or name not in outlines)
        }
        if "o1region" in new:
            new["o1region"] = _two_digits(new["o1region"])
        if "o2region" in new and "o1region" in new:
            new["o2region"] = new["o1region"] + "-" + _two_digits(new["o2region"])
        outlines = outlines.assign(**new)
    return outlines


def _two_digits(numbers: pd.Series) -> pd.Series:
    text = numbers.astype("string").str.removesuffix(".0").str.zfill(2)
    return text.astype(object).where(text.notna(), None)

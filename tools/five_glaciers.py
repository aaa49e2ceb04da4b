"""Write areas, rates and inventories of five glaciers of Svalbard, from published outlines of 1936, 1990 and 2007.

Run it from the root of the repository:

    python -m tools.five_glaciers FOLDER_OF_DATA [docs/inventories.md]

The folder holds the files in `FILES`, which are not part of this repository.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from glaciersar import outlines
from glaciersar.inventory import change, compare
from glaciersar.io.atomic import atomic_write

FILES = {
    "outlines": "glaciers-konig-1936-1990-2007.gpkg",
    "RGI 7": "rgi7-region07-attributes.csv",
    "Norwegian inventory of 2010": "cryoclim-2010.csv",
}


SPREAD = 0.05
"""Fraction by which areas of clean ice differ between people (Paul and others 2013, Annals of Glaciology 54)."""
SAME = 5e-5  # of the area: what differs by less is the same outline


def tables(folder: str | Path) -> dict[str, pd.DataFrame]:
    """Make tables of areas by year, of rates of change, and of the outlines of 2007 beside each inventory."""
    five = outlines.read_outlines(Path(folder) / FILES["outlines"])
    areas = change.areas_by_year(five)
    rates = change.change_rates(areas).reset_index()
    columns = {"ids": "ids", "years": "years", "area_km2": "2007", "theirs_km2": "inventory"}
    columns |= {"difference_km2": "difference", "relative": "relative"}
    keys = list(zip(rates["glacier"], rates["start"], rates["end"], strict=True))
    apart = np.array([SPREAD * np.hypot(areas.loc[name, start], areas.loc[name, end]) for name, start, end in keys])
    told = rates["change"].abs() > apart
    found = {
        "Areas, km²": areas.map(lambda area: f"{area:.2f} ± {SPREAD * area:.2f}").reset_index(),
        "Change": rates.assign(
            change=[f"{change:.2f} ± {half:.2f}" for change, half in zip(rates["change"], apart, strict=True)],
            rate=rates["rate"].map("{:.4f}".format).where(told, "–"),
            relative=rates["relative"].map("{:.2f}".format).where(told, "–"),
        ).rename(columns={"change": "km²", "rate": "km² a year", "relative": "% a year"}),
    }
    ours = outlines.outlines_of_year(five, 2007).set_index("name").rename_axis("glacier")
    for name in list(FILES)[1:]:
        table = compare.compare_inventories(ours, compare.read_inventory(Path(folder) / FILES[name]))[list(columns)]
        whole = table[["area_km2", "theirs_km2", "difference_km2"]].sum()
        table.loc["total"] = {
            **whole,
            "ids": "",
            "years": "",
            "relative": whole["difference_km2"] / whole["theirs_km2"],
        }
        relative = (table["relative"].round(3) + 0.0).map("{:+.1%}".format)
        same = table["relative"].abs() < SAME
        shown = table.assign(relative=relative.mask(same, "same outline")).rename(columns=columns)
        found[f"Outlines of 2007 beside the {name}, km²"] = shown.map(_text).reset_index()
    return found


def _text(value: object) -> str:
    return f"{round(value, 2) + 0.0:.2f}" if isinstance(value, float) else str(value)  # no -0.00


def write(folder: str | Path, path: str | Path) -> None:
    """Write the tables to `path` as Markdown."""
    found = tables(folder)
    parts = [f"## {title}\n\n{table.to_markdown(index=False, disable_numparse=True)}" for title, table in found.items()]
    totals = found["Areas, km²"].set_index("glacier").loc["total"]
    areas = ", ".join(f"{float(str(area).split()[0]):.1f} km² in {year}" for year, area in totals.items())
    head = f"""# Five glaciers whose areas are known

Made by `python -m tools.five_glaciers FOLDER_OF_DATA docs/inventories.md`, from outlines drawn by people, not from
maps of ours: it shows that areas, rates and the join with inventories come out as published. In all, the glaciers
had {areas}. The outlines are those of König and others 2013 (Norwegian Polar Institute, CC BY 4.0);
beside them stand the Randolph Glacier Inventory 7 and the glacier area outlines of the Norwegian Polar Institute
(CC BY 4.0), joined by the place of the glacier's middle. The data are not part of this repository; with them beside a
checkout, the tests under `tests/real` make these tables again.

**±** is 5 % of an area, by which drawings of clean ice by several people differ (Paul and others 2013, Annals of
Glaciology 54); debris makes it more. It is that of every glacier and of their sum, as one person may err to one
side all over. Two drawings err each on its own, so the ± of a change is the root of the sum of squares; a rate is
told only where the change exceeds it.

**Same outline** says that the inventory holds the area of the very polygon that stands beside it: the Norwegian
inventory and these outlines are one work, so no difference there tells anything about their error. The Randolph
Glacier Inventory differs by less than two independent drawings do, so it is no independent check either: both show
that the join and the areas are computed rightly, and nothing about how well the glaciers were drawn."""
    with atomic_write(path) as temporary:
        temporary.write_text("\n\n".join([head, *parts]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"FOLDER missing, one with {', '.join(FILES.values())} expected")
    write(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "docs/inventories.md")

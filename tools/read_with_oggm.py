"""Read exported inventories with OGGM's own reader, without a network.

Run it from the root of the repository, where oggm is installed (it is no dependency of this project):

    python -m tools.read_with_oggm ours.shp ours.gpkg … [--dem dem.tif]

Each file is opened with geopandas, and every glacier of it becomes a directory of OGGM. With an elevation model OGGM
also cuts its own grid around each glacier and draws its mask on it. Printed is a row a file; a file that OGGM refuses
ends the command with OGGM's own words.

OGGM fetches sample data at its first start, and names of regions from a server. Neither is needed to read outlines, so
both are replaced here by nothing, and its settings lie in a folder that is removed afterwards.
"""

import argparse
import importlib
import os
import tempfile
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from glaciersar.errors import InputError
from glaciersar.geodesy import areas_km2

REGIONS = range(1, 21)


def start_oggm(folder: Path) -> Any:
    """Import OGGM without a network, with all of its files in `folder`; call it once in a process.

    Raises:
        InputError: It is not installed.
    """
    os.environ["HOME"] = str(folder)  # salem, of OGGM, keeps its files there
    urllib.request.urlretrieve = _fetch_nothing  # type: ignore[assignment]  # before salem is imported, which takes this function over
    try:
        oggm, cfg, funcs = (_import(f"oggm{part}") for part in ("", ".cfg", ".utils._funcs"))
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is not installed, oggm and what it needs expected") from error
    places = ("dl_cache_dir", "tmp_dir", "rgi_dir", "test_dir")
    lines = [f"{name} = {folder / name}" for name in places] + ["dl_cache_readonly = False", "has_internet = False"]
    (folder / "oggm.cfg").write_text("\n".join(lines) + "\n", encoding="utf-8")
    cfg.CONFIG_FILE = str(folder / "oggm.cfg")
    cfg.initialize_minimal(logging_level="ERROR")
    cfg.PATHS["working_dir"] = str(folder / "work")
    cfg.PARAMS["use_multiprocessing"] = False
    cfg.PARAMS["use_intersects"] = False  # OGGM knows the divides of the published inventory only
    named = pd.Series({number: f"region {number}" for number in REGIONS}), pd.Series(dtype=object)
    funcs._RGI_METADATA |= {"6": named, "7": named}
    return oggm


def _import(name: str) -> Any:
    return importlib.import_module(name)


def _fetch_nothing(url: str, filename: str, *_: object, **__: object) -> None:
    """Stand in for a download: an archive without a file."""
    with zipfile.ZipFile(filename, "w"):
        pass


def read_inventory(oggm: Any, path: Path, dem: Path | None = None) -> dict[str, object]:
    """Make OGGM's directories from an exported inventory, and compare them with the file.

    Returns:
        What OGGM read: glaciers, RGI version, area (km², by its columns), and with an elevation model the area of its
        masks and how many glaciers got one.

    Raises:
        InputError: OGGM holds another identifier, area, year or place than the file.
    """
    table = gpd.read_file(path)
    workflow = importlib.import_module("oggm.workflow")
    made = workflow.init_glacier_directories(table, reset=True, force=True)
    seven = "rgi_id" in table
    names = ("rgi_id", "area_km2", "src_date", "cenlon") if seven else ("RGIId", "Area", "BgnDate", "CenLon")
    for (_, row), glacier in zip(table.iterrows(), made, strict=True):
        expected = row[names[0]], row[names[1]], min(int(str(row[names[2]])[:4]), 2019), row[names[3]]
        found = glacier.rgi_id, glacier.rgi_area_km2, glacier.rgi_date, glacier.cenlon
        if found != expected:
            raise InputError(f"{path}: OGGM read {found}, {expected} expected")
    facts = {
        "file": path.name,
        "glaciers": len(made),
        "version": made[0].rgi_version,
        "area, km²": f"{sum(glacier.rgi_area_km2 for glacier in made):.2f}",
        "outlines, km²": f"{areas_km2(table).sum():.2f}",
    }
    if dem is not None:
        facts["masks, km²"] = f"{_draw_masks(oggm, made, dem):.2f}"
    return facts


def _draw_masks(oggm: Any, glaciers: Sequence[Any], dem: Path) -> float:
    """Let OGGM cut its grids from an elevation model and draw the glaciers on them; sum the areas of the masks, km²."""
    cfg, xarray = (importlib.import_module(name) for name in ("oggm.cfg", "xarray"))
    cfg.PATHS["dem_file"] = str(dem)
    total = 0.0
    for glacier in glaciers:
        oggm.tasks.define_glacier_region(glacier, source="USER")
        oggm.tasks.glacier_masks(glacier)
        with xarray.open_dataset(glacier.get_filepath("gridded_data")) as data:
            total += float(data["glacier_mask"].sum()) * glacier.grid.dx**2 / 1e6
    return total


def main(arguments: Sequence[str] | None = None) -> None:
    """Read files with OGGM and print what it read."""
    parser = argparse.ArgumentParser(prog="python -m tools.read_with_oggm", description="Read inventories with OGGM.")
    parser.add_argument("files", nargs="+", type=Path, help="Shapefiles or GeoPackages in the form of RGI 6 or RGI 7")
    parser.add_argument("--dem", type=Path, help="elevation model that covers the glaciers")
    given = parser.parse_args(arguments)
    files, dem = [path.resolve() for path in given.files], given.dem.resolve() if given.dem else None
    with tempfile.TemporaryDirectory() as folder:
        oggm = start_oggm(Path(folder))
        rows = [read_inventory(oggm, path, dem) for path in files]
    print(f"OGGM {oggm.__version__}\n{pd.DataFrame(rows).to_string(index=False)}")


if __name__ == "__main__":
    main()

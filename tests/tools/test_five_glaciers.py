"""tools.five_glaciers"""

import geopandas as gpd
import pandas as pd
import shapely

from tools import five_glaciers

CORNER = (500_000, 8_700_000)


def write_files(folder):
    """Two square glaciers in three years, and both inventories as their makers lay them out."""
    sides = {"Austre Breen": {1936: 2000, 1990: 1500, 2007: 1000}, "Vestre Breen": {1936: 1000, 1990: 1000, 2007: 1000}}
    rows = [(name, year, k, side) for k, (name, by_year) in enumerate(sides.items()) for year, side in by_year.items()]
    x, y = CORNER
    shapes = [shapely.box(x + 5000 * k, y, x + 5000 * k + side, y + side) for _, _, k, side in rows]
    table = {"name": [row[0] for row in rows], "year": [row[1] for row in rows]}
    gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:32633").to_file(folder / five_glaciers.FILES["outlines"])
    middles = gpd.points_from_xy([x + 500, x + 5500], [y + 500] * 2, crs="EPSG:32633").to_crs(4326)
    rgi = {"rgi_id": ["G-1", "G-2"], "glac_name": ["", ""], "src_date": ["2007-07-01T00:00:00"] * 2}
    rgi |= {"area_km2": [1.2, 1.0], "cenlon": middles.x, "cenlat": middles.y}
    pd.DataFrame(rgi).to_csv(folder / five_glaciers.FILES["RGI 7"], index=False)
    norwegian = {"IDENT": [1.1, 2.0], "NAME": ["", ""], "YEAR_": [2007] * 2, "Shape_Area": [1e6, 1e6]}
    norwegian |= {"X_cent": [x + 500.0, x + 5500.0], "Y_cent": [y + 500.0] * 2}
    pd.DataFrame(norwegian).to_csv(folder / five_glaciers.FILES["Norwegian inventory of 2010"], index=False)


def test_areas_rates_and_inventories_of_known_squares_are_written(tmp_path):
    write_files(tmp_path)
    five_glaciers.write(tmp_path, tmp_path / "inventories.md")
    text = (tmp_path / "inventories.md").read_text()
    assert "had 5.0 km² in 1936, 3.2 km² in 1990, 2.0 km² in 2007." in text
    lines = [[part.strip() for part in line.strip("|").split("|")] for line in text.splitlines()]
    assert ["Austre Breen", "4.00 ± 0.20", "2.25 ± 0.11", "1.00 ± 0.05"] in lines
    assert [
        "Austre Breen",
        "1936",
        "2007",
        f"-3.00 ± {0.05 * 17**0.5:.2f}",
        f"{-3 / 71:.4f}",
        f"{-300 / 4 / 71:.2f}",
    ] in lines
    assert ["Austre Breen", "G-1", "2007", "1.00", "1.20", "-0.20", "-16.6%"] in lines
    assert ["Vestre Breen", "2", "2007", "1.00", "1.00", "0.00", "same outline"] in lines
    assert ["Vestre Breen", "1936", "2007", f"0.00 ± {0.05 * 2**0.5:.2f}", "–", "–"] in lines

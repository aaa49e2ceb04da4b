"""glaciersar.inventory_forms"""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from glaciersar import inventory_forms as forms
from glaciersar.errors import InputError


def download(kinds, shapes, **columns):
    return gpd.GeoDataFrame({"line_type": kinds} | columns, geometry=shapes, crs="EPSG:32633")


def test_of_glims_the_glaciers_stay_and_rock_is_cut_out_of_its_own_analysis(capsys):
    ice, rock, lake = shapely.box(0, 0, 10, 10), shapely.box(2, 2, 4, 4), shapely.box(8, 8, 9, 9)
    kinds = ["glac_bound", "glac_bound", "intrnl_rock", "supra_lake", "debris_cov"]
    table = download(kinds, [ice, ice, rock, lake, lake], anlys_id=[1, 2, 1, 1, 1], glac_id=["G"] * 5)
    found = forms.glaciers_of_glims(table, "glims.shp")
    assert list(found.area) == [96, 100]  # the second analysis is of another year, and saw no rock
    said = capsys.readouterr().out
    assert (
        said == "glims.shp: 2 of glac_bound kept; 1 of intrnl_rock cut out, 1 of debris_cov, 1 of supra_lake left out\n"
    )


def test_rock_of_an_analysis_that_no_glacier_is_of_is_left_out_and_said(capsys):
    ice, rock = shapely.box(0, 0, 10, 10), shapely.box(2, 2, 4, 4)
    table = download(["glac_bound", "intrnl_rock", "intrnl_rock"], [ice, rock, rock], anlys_id=[1, 1, 99])
    assert list(forms.glaciers_of_glims(table, "a.shp").area) == [96]
    assert capsys.readouterr().out == (
        "a.shp: 1 of glac_bound kept; 1 of intrnl_rock cut out, "
        "1 of intrnl_rock in no glacier of their own analysis left out\n"
    )
    table.loc[1, "anlys_id"] = 98
    assert list(forms.glaciers_of_glims(table, "a.shp").area) == [100]
    assert "kept; 2 of intrnl_rock in no glacier of their own" in capsys.readouterr().out


def test_without_analyses_rock_is_cut_where_it_lies_and_capital_letters_are_read():
    table = download(["GLAC_BOUND", "INTRNL_ROCK"], [shapely.box(0, 0, 10, 10), shapely.box(2, 2, 4, 4)])
    found = forms.glaciers_of_glims(table.rename(columns={"line_type": "LINE_TYPE"}), "a.shp")
    assert list(found.area) == [96]


def test_a_download_without_a_glacier_is_refused():
    with pytest.raises(InputError, match=r"a\.shp: line_type of pro_lake found, glac_bound expected"):
        forms.glaciers_of_glims(download(["pro_lake"], [shapely.box(0, 0, 1, 1)]), "a.shp")


@pytest.mark.parametrize("case", [str, str.lower])
def test_rgi_6_gets_the_names_of_rgi_7_beside_its_own(case):
    columns = {
        "RGIId": ["RGI60-07.00241"],
        "GLIMSId": ["G0"],
        "Name": ["Kronebreen"],
        "O1Region": ["7"],
        "O2Region": [1],
    }
    table = gpd.GeoDataFrame({case(name): value for name, value in columns.items()}, geometry=[shapely.Point(0, 0)])
    found = forms.add_rgi_7_names(table)
    assert found[case("Name")].iloc[0] == "Kronebreen"
    row = found.iloc[0]
    assert (row["rgi_id"], row["glims_id"], row["glac_name"]) == ("RGI60-07.00241", "G0", "Kronebreen")
    assert (row["o1region"], row["o2region"]) == ("07", "07-01")


def test_what_has_the_names_of_rgi_7_or_of_nobody_stays_as_it_is():
    seven = gpd.GeoDataFrame({"rgi_id": ["a"], "glac_name": [np.nan]}, geometry=[shapely.Point(0, 0)])
    own = gpd.GeoDataFrame({"Name": ["a"]}, geometry=[shapely.Point(0, 0)])
    for table in (seven, own):
        assert list(forms.add_rgi_7_names(table)) == list(table)

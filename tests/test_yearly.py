import pytest

from glaciersar import yearly
from glaciersar.errors import InputError


def test_maps_are_found_by_the_year_in_their_names(tmp_path):
    for name in ("probability_2020.tif", "probability_2016.tif", "probability_12.tif", "confidence_2018.tif"):
        (tmp_path / name).touch()
    found = yearly.maps_of_years(tmp_path)
    assert found == {year: tmp_path / f"probability_{year}.tif" for year in (2016, 2020)}


def test_one_map_is_refused_as_no_change_can_be_told(tmp_path):
    (tmp_path / "probability_2020.tif").touch()
    with pytest.raises(InputError, match=r"1 maps like probability_2020\.tif found, at least two expected"):
        yearly.maps_of_years(tmp_path)

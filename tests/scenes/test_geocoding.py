"""glaciersar.scenes.geocoding, on real items where ../shared has them"""

import pystac
import pytest

from glaciersar.errors import InputError
from glaciersar.scenes.geocoding import check_geocoded

PROPERTIES = {
    "datetime": "2020-01-02T06:30:05Z",
    "sar:product_type": "GRD",
    "proj:bbox": [10.0, 76.0, 20.0, 80.0],
    "proj:shape": [1000, 2000],
    "proj:transform": [0.01, 0, 10, 0, -0.002, 80],  # of columns and rows taken for each other, as real ones are
}


def item(**changes):
    properties = {key: value for key, value in (PROPERTIES | changes).items() if value is not None}
    return pystac.Item.from_dict(
        {
            "type": "Feature", "stac_version": "1.0.0", "id": "S1A_EW_GRDM", "geometry": None, "links": [],
            "bbox": PROPERTIES["proj:bbox"], "properties": properties, "assets": {},
        }
    )  # fmt: skip


@pytest.mark.parametrize("transform", [[0.01, 0, 10, 0, -0.002, 80], [0.005, 0, 10, 0, -0.004, 80]])
def test_a_ground_range_product_is_refused_with_the_reason(transform):
    with pytest.raises(InputError, match=r"S1A_EW_GRDM: a ground-range product .*only stretches it .*RTC\) expected"):
        check_geocoded(item(**{"proj:transform": transform}))


def test_one_that_claims_no_transform_is_refused_too_and_a_corrected_product_is_not():
    with pytest.raises(InputError, match=r"S1A_EW_GRDM: .* in the geometry of the radar found, a terrain-corrected"):
        check_geocoded(item(**{"proj:transform": None}))
    with pytest.raises(InputError, match="in the geometry of the radar found, a"):
        check_geocoded(item(**{"proj:transform": [40, 0, 4e5, 0, -40, 8e6]}))
    check_geocoded(item(**{"sar:product_type": "RTC"}))


@pytest.mark.parametrize("name", ["S1A_EW_GRDM", "S1A_IW_GRDH"])
def test_real_ground_range_items_have_a_transform_that_is_made_up(shared, name):
    (path,) = (shared / "data/stac").glob(f"{name}*.json")
    with pytest.raises(InputError, match=rf"{name}.*proj:transform that only stretches it over its bounding box"):
        check_geocoded(pystac.Item.from_file(str(path)))


def test_real_corrected_items_pass(shared):
    for path in (shared / "data/stac").glob("S1?_20*.json"):
        check_geocoded(pystac.Item.from_file(str(path)))

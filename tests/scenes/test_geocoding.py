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


def item(name="S1A_EW_GRDM", collection=None, assets=None, **changes):
    properties = {key: value for key, value in (PROPERTIES | changes).items() if value is not None}
    return pystac.Item.from_dict(
        {
            "type": "Feature", "stac_version": "1.0.0", "id": name, "geometry": None, "links": [],
            "bbox": PROPERTIES["proj:bbox"], "properties": properties, "assets": assets or {},
            "collection": collection,
        }
    )  # fmt: skip


UTM = {
    "proj:bbox": [500_000, 8_600_000, 800_000, 8_800_000], "proj:shape": [20_000, 30_000],
    "proj:transform": [10, 0, 500_000, 0, -10, 8_800_000],
}  # fmt: skip


@pytest.mark.parametrize("projection", [{"proj:epsg": 32633}, {"proj:code": "EPSG:32633"}])
def test_a_corrected_product_that_is_called_grd_lies_on_a_map(projection):
    """As on the Planetary Computer, whose collection sentinel-1-rtc says GRD of every item."""
    check_geocoded(item(**UTM, **projection))
    assets = {"vv": {"href": "iw-vv.rtc.tiff", **UTM, **projection}}  # as STAC 1.1 has it
    check_geocoded(item(assets=assets, **dict.fromkeys(UTM)))


@pytest.mark.parametrize(
    "named",
    [{"name": "S1A_IW_GRDH_1SDV_20200102T063005_20200102T063030_030000_0370A1_rtc"}, {"collection": "sentinel-1-rtc"}],
)
def test_a_corrected_product_is_known_by_its_name_too_but_not_against_its_transform(named):
    check_geocoded(item(**named, **{"proj:transform": None}))
    with pytest.raises(InputError, match="only stretches it over its bounding box"):
        check_geocoded(item(**named))


@pytest.mark.parametrize("transform", [[0.01, 0, 10, 0, -0.002, 80], [0.005, 0, 10, 0, -0.004, 80]])
def test_a_ground_range_product_is_refused_with_the_reason(transform):
    with pytest.raises(InputError, match=r"S1A_EW_GRDM: a ground-range product .*only stretches it .*RTC\) expected"):
        check_geocoded(item(**{"proj:transform": transform}))


def test_one_that_claims_no_transform_is_refused_too_and_a_corrected_product_is_not():
    with pytest.raises(InputError, match=r"S1A_EW_GRDM: .* in the geometry of the radar found, a terrain-corrected"):
        check_geocoded(item(**{"proj:transform": None}))
    with pytest.raises(InputError, match="in the geometry of the radar found, a"):
        check_geocoded(item(**{"proj:transform": [40, 0, 4e5, 0, -40, 8e6]}))
    with pytest.raises(InputError, match="in the geometry of the radar found, a"):
        check_geocoded(item(**{"proj:transform": [0.001, 0, 4, 0, -0.001, 80], "proj:epsg": 4326}))
    check_geocoded(item(**{"sar:product_type": "RTC"}))


@pytest.mark.parametrize("name", ["S1A_EW_GRDM", "S1A_IW_GRDH"])
def test_real_ground_range_items_have_a_transform_that_is_made_up(shared, name):
    (path,) = (shared / "data/stac").glob(f"{name}*.json")
    with pytest.raises(InputError, match=rf"{name}.*proj:transform that only stretches it over its bounding box"):
        check_geocoded(pystac.Item.from_file(str(path)))


def test_real_corrected_items_pass(shared):
    for path in (shared / "data/stac").glob("S1?_20*.json"):
        check_geocoded(pystac.Item.from_file(str(path)))

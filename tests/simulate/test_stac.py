from datetime import UTC, datetime

import pytest
from odc.geo.geobox import GeoBox

from glaciersar.simulate import stac


@pytest.fixture
def item():
    box = GeoBox.from_bbox((510_000, 8_640_000, 530_000, 8_660_000), "EPSG:32633", resolution=40)
    return stac.item(
        "SIM_x",
        time=datetime(2020, 7, 7, 15, 30, tzinfo=UTC),
        relative_orbit=14,
        geobox=box,
        looks=10.7,
        incidence=38.2,
        collection="x",
    )


def test_an_item_tells_where_its_pixels_lie(item):
    assert item.properties["proj:epsg"] == 32633
    assert item.properties["proj:shape"] == [500, 500]
    assert item.properties["proj:transform"][:6] == [40, 0, 510_000, 0, -40, 8_660_000]
    west, south, east, north = item.bbox
    assert 15 < west < east < 17
    assert 77.5 < south < north < 78.5


def test_an_item_tells_the_product(item):
    assert item.properties["sar:looks_equivalent_number"] == 10.7
    assert item.properties["sar:pixel_spacing_range"] == 40
    assert item.properties["sar:instrument_mode"] == "EW"
    assert item.properties["sar:polarizations"] == ["HH", "HV"]
    assert item.properties["sat:orbit_state"] == "ascending"


@pytest.mark.parametrize("orbit", [14, 174])
def test_the_number_of_the_orbit_gives_the_relative_orbit_as_for_sentinel_1a(orbit):
    for day in range(1, 28):
        absolute = stac._absolute_orbit(datetime(2020, 2, day, 15, tzinfo=UTC), orbit)
        assert (absolute - 73) % 175 + 1 == orbit
        assert 30_000 < absolute < 32_000  # Sentinel-1A in February 2020: about 31 000

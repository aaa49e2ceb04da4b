"""glaciersar.scenes.reader over HTTP by itself: patient, and with signatures that run out"""

import numpy as np
import pytest

from glaciersar.scenes.footprint import covering_geobox
from glaciersar.scenes.reader import read_incidence, read_series
from glaciersar.scenes.search import find_scenes

pytestmark = pytest.mark.usefixtures("hurry")


@pytest.fixture
def scenes(web):
    return find_scenes(f"{web.url}/catalog.json")[:4]


@pytest.fixture
def wanted(simulated):
    scenes = find_scenes(simulated)[:4]
    return read_series(scenes, covering_geobox(scenes, "HH"), "HH")


@pytest.mark.parametrize("fault", ["429", "500", "503", "cut", "mute"])
def test_a_series_reads_the_same_after_faults(scenes, web, wanted, fault):
    web.faults += [("GET .*tif", fault), (f"GET .*{scenes[2].id}/hh", fault)]
    series = read_series(scenes, covering_geobox(scenes, "HH"), "HH")
    np.testing.assert_array_equal(series.power, wanted.power)
    assert not web.faults


def test_a_signature_that_runs_out_between_two_rasters_is_replaced(scenes, signing, wanted):
    geobox = covering_geobox(scenes, "HH")
    signing.token = "two"
    np.testing.assert_array_equal(read_series(scenes, geobox, "HH").power, wanted.power)
    assert signing.count("GET /token/") == 2


@pytest.mark.parametrize("fault", ["503", "cut", "mute"])
def test_the_incidence_reads_the_same_after_a_fault(scenes, web, simulated, wanted, fault):
    web.faults += [("GET .*/incidence", fault)]
    there = read_incidence(find_scenes(simulated)[:1], wanted.geobox)
    np.testing.assert_array_equal(read_incidence(scenes, wanted.geobox), there)
    assert not web.faults

"""glaciersar.inference.prepared_scenes"""

from pathlib import Path

import numpy as np
import pytest

from glaciersar import models, radiometry
from glaciersar.errors import InputError
from glaciersar.inference.prepared_scenes import look_at, match_polarisations, read_prepared
from glaciersar.scenes.reader import read_series
from glaciersar.scenes.search import find_scenes
from tests.support.archives import write_folder, write_raster, year_of_dates
from tests.support.streams import GRID, values

BOTH = {"grd": "HH", "grd_cross": "HV"}


@pytest.fixture
def scenes(tmp_path, rng):
    return find_scenes(write_folder(tmp_path, GRID, year_of_dates(3), rng, polarisations=("HH", "HV")))


def trained_on(*names):
    found = models.build("unet2d", features=len(names), width=2)
    found.metadata = {"feature_names": ",".join(names)}
    return found


def spoil(scene, kind, rows):
    """Take the values from some rows of a raster."""
    path = Path(scene.hrefs[kind][0])
    power = values(path)
    power[rows] = np.nan
    write_raster(path, power, GRID)


def test_each_feature_is_read_from_its_polarisation_in_the_order_of_the_weights():
    assert match_polarisations(trained_on("grd"), "VH") == {"grd": "VH"}
    assert match_polarisations(trained_on("grd_cross"), "HV") == {"grd_cross": "HV"}
    assert list(match_polarisations(trained_on("rtc", "rtc_cross"), "VV+VH").items()) == [
        ("rtc", "VV"),
        ("rtc_cross", "VH"),
    ]
    assert list(match_polarisations(trained_on("grd_cross", "grd"), "HH+HV").items()) == [
        ("grd_cross", "HV"),
        ("grd", "HH"),
    ]


@pytest.mark.parametrize(
    ("names", "polarisation", "sentence"),
    [
        (("grd", "grd_cross"), "HH", r"polarisation='HH' found for weights of .* grd, grd_cross, both such as HH\+HV"),
        (
            ("grd",),
            "HH+HV",
            r"polarisation='HH\+HV' found for weights of the features grd, one polarisation such as HH",
        ),
        (("grd", "grd_cross"), "HV+HH", r"polarisation='HV\+HH' found, one of"),
    ],
)
def test_another_number_of_polarisations_than_the_weights_have_is_refused(names, polarisation, sentence):
    with pytest.raises(InputError, match=sentence):
        match_polarisations(trained_on(*names), polarisation)


def test_both_polarisations_are_read_and_prepared_each_as_alone(scenes):
    part = GRID[10:60, 20:90]
    spoil(scenes[1], "HV", slice(0, 20))
    prepared = read_prepared(scenes, part, BOTH)
    for own, (feature, kind) in zip(prepared.series, BOTH.items(), strict=True):
        alone = radiometry.prepare(read_series(scenes, part, kind).power, feature=feature)
        np.testing.assert_array_equal(own, alone.series)
    assert prepared.series.shape == (2, 3, 50, 70)
    assert prepared.filled.sum() == 10 * 70


def test_a_pixel_that_one_polarisation_never_sees_is_not_valid(scenes):
    for scene in scenes:
        spoil(scene, "HV", slice(0, 30))
    prepared = read_prepared(scenes, GRID, BOTH)
    assert not prepared.valid[:30].any()
    assert prepared.valid[30:].all()


def test_a_preview_shows_the_co_polarised_and_the_gaps_of_both(scenes):
    spoil(scenes[0], "HH", slice(0, 10))
    spoil(scenes[0], "HV", slice(0, 25))
    spoil(scenes[2], "HH", slice(0, 5))
    for order in (BOTH, dict(reversed(BOTH.items()))):
        look = look_at(scenes, GRID, order)
        assert look.gaps == {"2020-01-02": pytest.approx(0.25), "2020-01-26": pytest.approx(0.05)}
        assert look.days == ("2020-01-02", "2020-01-14", "2020-01-26")
        np.testing.assert_array_equal(look.backscatter, look_at(scenes, GRID, {"grd": "HH"}).backscatter)

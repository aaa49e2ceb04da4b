import numpy as np
import pytest

from glaciersar.errors import InputError
from glaciersar.simulate import geometry

EAST = 90.0  # look along the rows


def slope_to_radar(angle, shape=(40, 200), pixel=20.0):
    """A plane that rises along the rows by `angle` degrees."""
    return np.tile(np.arange(shape[1], dtype=np.float32) * pixel * np.tan(np.radians(angle)), (shape[0], 1)).astype(
        "f4"
    )


def ridge(height, front, back, *, width=400, pixel=5.0):
    """A ridge across the look direction: flat, up by `front` degrees, down by `back` degrees, flat."""
    x = np.arange(width) * pixel
    crest = x[width // 2]
    rise = height - np.where(x < crest, (crest - x) * np.tan(np.radians(front)), (x - crest) * np.tan(np.radians(back)))
    return x - crest, np.tile(np.maximum(rise, 0), (30, 1)).astype(np.float32)


def test_flat_ground_is_seen_as_it_is():
    view = geometry.view_from_direction(np.zeros((50, 60), np.float32), pixel=40, azimuth=46, incidence=38)
    assert view.gain == pytest.approx(np.ones((50, 60)), abs=1e-4)
    assert view.local == pytest.approx(view.incidence, abs=0.02)
    assert view.incidence.mean() == pytest.approx(38, abs=0.01)
    assert not view.layover.any()
    assert not view.shadow.any()


@pytest.mark.parametrize("alpha", [-30, -10, 10, 25])
def test_a_slope_along_range_brightens_as_the_closed_form_says(alpha):
    view = geometry.view_from_direction(slope_to_radar(alpha), pixel=20, azimuth=EAST, incidence=38)
    theta = np.radians(view.incidence[20, 100])
    expected = np.tan(theta) / np.tan(theta - np.radians(alpha))  # Ulander 1996, for slopes along range
    assert view.gain[20, 100] == pytest.approx(expected, rel=1e-3)
    assert view.local[20, 100] == pytest.approx(np.degrees(theta) - alpha, abs=0.05)


def test_slopes_that_face_the_radar_are_bright_wherever_it_looks():
    for azimuth in (0, 46, 137, 250):
        east, north = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))
        row, column = np.mgrid[:60, :60]
        surface = (0.2 * 20 * (column * east - row * north)).astype(np.float32)
        facing = geometry.view_from_direction(surface, pixel=20, azimuth=azimuth, incidence=38)
        averted = geometry.view_from_direction(-surface, pixel=20, azimuth=azimuth, incidence=38)
        assert facing.gain.mean() > 1.2 > 0.9 > averted.gain.mean()


def test_incidence_grows_along_the_look_direction_as_the_distance_says():
    view = geometry.view_from_direction(np.zeros((100, 100), np.float32), pixel=200, azimuth=EAST, incidence=38)
    growth = (view.incidence[50, -1] - view.incidence[50, 0]) / (99 * 0.2)  # degrees a km
    slant = geometry.ALTITUDE / np.cos(np.radians(38))
    assert growth == pytest.approx(np.degrees(np.cos(np.radians(38)) / slant * 1000), rel=0.02)


@pytest.mark.parametrize(("incidence", "back"), [(40, 65), (45, 60)])
def test_a_shadow_is_as_long_as_the_crest_is_high_times_the_tangent(incidence, back):
    height = 300.0
    x, surface = ridge(height, 20, back)
    _, shadow = geometry.find_layover_and_shadow(surface, pixel=5, azimuth=EAST, incidence=incidence)
    dark = x[shadow[15]]
    assert dark.min() == pytest.approx(0, abs=10)  # from the crest
    assert dark.max() == pytest.approx(height * np.tan(np.radians(incidence)), abs=10)  # to h tan θ behind it


def test_a_slope_turned_away_less_steeply_than_the_ray_casts_no_shadow():
    _, surface = ridge(300, 20, 45)
    assert not geometry.find_layover_and_shadow(surface, pixel=5, azimuth=EAST, incidence=40)[1].any()


def test_layover_begins_where_the_slope_is_steeper_than_the_incidence():
    _, gentle = ridge(300, 35, 20)
    _, steep = ridge(300, 50, 20)
    assert not geometry.find_layover_and_shadow(gentle, pixel=5, azimuth=EAST, incidence=40)[0].any()
    assert geometry.find_layover_and_shadow(steep, pixel=5, azimuth=EAST, incidence=40)[0].any()


def test_layover_reaches_from_before_the_foot_to_behind_the_crest():
    height, front, back, theta = 300.0, 60.0, 20.0, np.radians(40)
    x, surface = ridge(height, front, back, width=600)
    covered = x[geometry.find_layover_and_shadow(surface, pixel=5, azimuth=EAST, incidence=40)[0][15]]
    foot = -height / np.tan(np.radians(front))
    before = -height / np.tan(theta)  # flat ground as near as the crest: x sin θ = -h cos θ
    behind = (foot * np.sin(theta) + height * np.cos(theta)) / (
        np.sin(theta) + np.tan(np.radians(back)) * np.cos(theta)
    )
    assert covered.min() == pytest.approx(before, abs=12)
    # behind the crest: as far as the foot, x sin θ - (h - x tan β) cos θ = foot sin θ
    assert covered.max() == pytest.approx(behind, abs=12)
    assert behind > 0 > foot > before


def test_shadow_and_layover_turn_with_the_look_direction():
    _, surface = ridge(200, 60, 65, width=200, pixel=10.0)
    surface = np.tile(surface[:1], (200, 1))
    east = geometry.find_layover_and_shadow(surface, pixel=10, azimuth=EAST, incidence=40)
    south = geometry.find_layover_and_shadow(surface.T.copy(), pixel=10, azimuth=180.0, incidence=40)
    for a, b in zip(east, south, strict=True):
        inner = np.s_[20:-20, 20:-20]
        assert (a[inner] == b.T[inner]).mean() > 0.99


@pytest.mark.parametrize("latitude", [76.6, 78.0, 79.0, 80.3])
def test_over_svalbard_the_radar_looks_north_east(latitude):
    assert 40 <= geometry.look_azimuth(latitude) <= 52
    assert geometry.look_azimuth(latitude) >= geometry.look_azimuth(latitude + 1)


@pytest.mark.parametrize(
    ("orbit", "x", "y", "degrees"),
    [
        (14, 456_000, 8_749_000, 36),  # Kongsvegen
        (14, 514_000, 8_682_000, 38),  # Longyearbyen
        (14, 512_000, 8_548_000, 35),  # Hornsund
        (14, 678_000, 8_652_000, 46),  # Edgeøya
        (174, 678_000, 8_652_000, 32),
        (174, 607_000, 8_882_000, 36),  # Vestfonna
        (174, 680_000, 8_866_000, 39.5),  # Austfonna
    ],
)
def test_the_incidence_is_that_of_the_orbit_at_known_places(orbit, x, y, degrees):
    assert geometry.scene_incidence(orbit, x, y) == pytest.approx(degrees, abs=1)


def test_an_orbit_that_is_not_known_is_refused():
    with pytest.raises(InputError, match="relative orbit 15 found, expected one of 14, 174"):
        geometry.scene_incidence(15, 500_000, 8_700_000)

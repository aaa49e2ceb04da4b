import numpy as np
import pytest

from glaciersar.simulate import geometry
from glaciersar.simulate.places import COLUMNS, ROWS, bounds_of, list_places

BOTH = (14, 174)


@pytest.mark.parametrize("side", [1, 2, 4])
def test_each_place_is_seen_by_an_orbit_within_the_swath(side):
    for corner in list_places(side, BOTH):
        left, bottom, right, top = bounds_of(corner, side)
        angles = [
            [geometry.scene_incidence(orbit, x, y) for x in (left, right) for y in (bottom, top)] for orbit in BOTH
        ]
        assert any(min(four) >= 30 and max(four) <= 46 for four in angles)


@pytest.mark.parametrize("side", [1, 2, 4])
def test_places_lie_apart_within_the_published_tiles(side):
    corners = [(corner.column, corner.row) for corner in list_places(side, BOTH)]
    assert len(set(corners)) == len(corners) >= 10
    for column, row in corners:
        assert COLUMNS[0] <= column <= COLUMNS[1] - side + 1
        assert ROWS[0] <= row <= ROWS[1] - side + 1
    blocks = [(column // side, row // side) for column, row in corners]
    assert all(column % side == row % side == 0 for column, row in corners)
    assert all(max(abs(a - c), abs(b - d)) > 1 for (a, b) in blocks for (c, d) in blocks if (a, b) != (c, d))


def test_the_first_places_cover_both_orbits_and_the_incidence_of_each():
    first = list_places(1, BOTH)[:16]
    for orbit in BOTH:
        seen = [
            geometry.scene_incidence(orbit, *bounds_of(corner, 1)[:2])
            for corner in first
            if geometry.orbits_that_see(bounds_of(corner, 1), (orbit,))
        ]
        assert len(seen) >= 8
        assert np.ptp(seen) > 11


def test_with_one_orbit_every_place_is_seen_by_it():
    assert all(geometry.orbits_that_see(bounds_of(corner, 2), (174,)) == (174,) for corner in list_places(2, (174,)))
